"""Where the image files and examples of a data set are."""
