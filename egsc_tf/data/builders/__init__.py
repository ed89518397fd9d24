"""Our TFDS builders; importing this package registers them.

All have the splits trainA, trainB, testA, testB and a feature "image".
"""

from egsc_tf.data.builders.celeba_gender import EgscCelebaGender
from egsc_tf.data.builders.gta5 import EgscGta5Bdd, EgscGta5Cityscapes
from egsc_tf.data.builders.mnist import EgscMnistMulti, EgscMnistSingle

__all__ = [
    "EgscCelebaGender",
    "EgscGta5Bdd",
    "EgscGta5Cityscapes",
    "EgscMnistMulti",
    "EgscMnistSingle",
]
