"""A page to look at the topology with a browser: three files, and the small answers that they ask for."""
