"""The built-in kinds, a module for each family."""
