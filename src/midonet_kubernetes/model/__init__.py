"""The words of the field as data classes: Kubernetes objects, MidoNet objects, Translations, names and ids."""
