"""What all resources of the REST API have in common: media types, bodies, fields, checks, links, errors, verbs (rest-api 1)."""
