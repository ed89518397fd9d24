"""The authors' TensorFlow 1 checkpoints."""
