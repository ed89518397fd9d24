"""The interpreter of .tflite files: LiteRT's, which has TensorFlow Lite's place.

tf.lite.Interpreter is the same code, is deprecated since TensorFlow 2.20, and will go.
"""

from ai_edge_litert.interpreter import Interpreter

__all__ = ["Interpreter"]
