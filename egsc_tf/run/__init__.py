"""The folder of a run, from lock to restored model."""
