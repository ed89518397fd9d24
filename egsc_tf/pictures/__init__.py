"""Images laid beside each other."""
