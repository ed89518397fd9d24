"""From a graph to measured .tflite files."""
