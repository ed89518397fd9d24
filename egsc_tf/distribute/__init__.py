"""Several devices and hosts."""
