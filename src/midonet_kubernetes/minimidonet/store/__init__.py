"""The topology's objects: in memory with an index for every reference, and in an SQLite file that survives the power going."""
