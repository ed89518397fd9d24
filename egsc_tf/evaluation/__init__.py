"""A run, scored."""
