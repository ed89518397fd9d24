"""Everything that egsc_tf takes from tensorflow_addons, in one place.

tensorflow_addons ends with TensorFlow 2.15. Where it is not installed, Keras' own layer
stands in.
"""

import importlib.util
import warnings
from typing import Any

from egsc_tf.runtime.keras import keras


class KerasInstanceNormalization(keras.layers.GroupNormalization):
    """As tensorflow_addons' layer: each channel of each image normed by itself.

    A group for each channel has the same weights by the same names, and gives the same
    values to the last bit.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(groups=-1, **kwargs)


if importlib.util.find_spec("tensorflow_addons"):
    with warnings.catch_warnings():
        # The end-of-life notice is about the package, not about anything a user of
        # egsc_tf can change; setup.py pins the versions that work together.
        warnings.filterwarnings(
            "ignore", category=UserWarning, module="tensorflow_addons"
        )
        from tensorflow_addons.layers import InstanceNormalization
else:
    InstanceNormalization = KerasInstanceNormalization

__all__ = ["InstanceNormalization", "KerasInstanceNormalization"]
