"""What `egsc_tf.app` is made of: models, the reader of its inputs, the page."""
