"""Everything that egsc_tf takes from tensorflow_addons, in one place.

tensorflow_addons ends with TensorFlow 2.15. A newer TensorFlow is supported by
giving this name another implementation; no other module imports the package.
"""

import warnings

with warnings.catch_warnings():
    # The end-of-life notice is about the package, not about anything a user of
    # egsc_tf can change; setup.py pins the versions that work together.
    warnings.filterwarnings("ignore", category=UserWarning, module="tensorflow_addons")
    from tensorflow_addons.layers import InstanceNormalization

__all__ = ["InstanceNormalization"]
