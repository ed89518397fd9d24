"""What training would make of a folder of images."""
