"""The flagfile of a first run on two folders, for a machine and a time."""
