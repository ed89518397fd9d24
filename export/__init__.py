"""How a trained run leaves Python: SavedModel, TensorFlow Serving, TFLite.

The folder is installed as `egsc_tf.export`:

    python -m egsc_tf.export.saved_model   WORKDIR -> MODELS/NAME/1/, for a server
    python -m egsc_tf.export.client        images -> a server -> images
    python -m egsc_tf.export.tflite        WORKDIR -> .tflite files and a parity report
    python -m egsc_tf.export.run_tflite    images -> a .tflite file -> images
"""
