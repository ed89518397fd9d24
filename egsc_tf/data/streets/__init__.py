"""Frames of streets, in the archives of the sites that hand them out."""
