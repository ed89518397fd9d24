"""Our TFDS builders; importing this package registers them.

All have the splits trainA, trainB, testA, testB and a feature "image".
"""

from egsc_tf.data.builders.celeba_gender import EgscCelebaGender
from egsc_tf.data.builders.gta5 import EgscGta5Bdd, EgscGta5Cityscapes
from egsc_tf.data.builders.mnist import EgscMnistMulti, EgscMnistSingle
from egsc_tf.data.builders.streets import EgscBddDay2night, EgscCamvid

__all__ = [
    "EgscBddDay2night",
    "EgscCamvid",
    "EgscCelebaGender",
    "EgscGta5Bdd",
    "EgscGta5Cityscapes",
    "EgscMnistMulti",
    "EgscMnistSingle",
]
