"""What TensorFlow Serving is given."""
