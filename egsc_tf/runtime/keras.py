"""Keras 2, which all modules take from here: `from egsc_tf.runtime.keras import keras`.

TensorFlow 2.15 brings it as tf.keras; TensorFlow from 2.16 on brings Keras 3 there, and
Keras 2 is the package tf_keras. It is imported by name, not asked for by
TF_USE_LEGACY_KERAS, which would change tf.keras for the whole process. Why not Keras 3:
docs/develop/architecture.md, "Why tf_keras".
"""

import tensorflow as tf

if tuple(map(int, tf.__version__.split(".")[:2])) < (2, 16):
    from tensorflow import keras
else:
    import tf_keras as keras

__all__ = ["keras"]
