"""The types of the fields that the server itself reads; what has another type is refused before any rule looks at it."""
