"""egsc_gta5_bdd and egsc_gta5_cityscapes: renderings to photographs of streets.

A: GTA5 (Richter et al. 2016). B: BDD100K (Yu et al. 2020) or Cityscapes (Cordts et al.
2016). Images are 256x512; label maps hold Cityscapes' 8 categories, for scoring. The
sites ask for a login, so their archives, as they are, are put into the manual folder.
"""

import functools

import numpy as np
import tensorflow_datasets as tfds
from absl import logging

from egsc_tf.data import archives, images, label_maps
from egsc_tf.data.builders.beam_ready import BeamReadyBuilder
from egsc_tf.runtime.counted import counted

HEIGHT, WIDTH = 256, 512
# GTA5's own split file is not among its archives: each 50th frame is a test image.
TEST_EVERY = 50
ARCHIVES = range(1, 11)


class _EgscGta5(BeamReadyBuilder):
    """What both builders share: domain A."""

    VERSION = tfds.core.Version("1.0.0")

    def _info(self):
        return self.dataset_info_from_configs(
            description=self.__doc__,
            homepage="https://arxiv.org/abs/1805.11145",
            features=tfds.features.FeaturesDict(
                {
                    "image": tfds.features.Image(shape=(HEIGHT, WIDTH, 3)),
                    "label_map": tfds.features.Image(shape=(HEIGHT, WIDTH, 1)),
                    "name": tfds.features.Text(),
                }
            ),
        )

    def _split_generators(self, dl_manager):
        folder = dl_manager.manual_dir
        pictures = archives.existing(folder, [f"{n:02d}_images.zip" for n in ARCHIVES])
        labels = [
            archives.existing(folder, [path.name.replace("images", "labels")])[0]
            for path in pictures
        ]
        if len(pictures) < len(ARCHIVES):
            logging.warning("%s: %d of the 10 GTA5 archives", folder, len(pictures))
        a = (
            archives.Members(pictures, r"images/(\d+)\.png"),
            archives.Members(labels, r"labels/(\d+)\.png"),
            label_maps.category_of_label_id,
        )
        keys = sorted(a[0].places)
        return {
            "trainA": self._labelled(
                *a, [k for n, k in enumerate(keys) if n % TEST_EVERY]
            ),
            "testA": self._labelled(*a, keys[::TEST_EVERY]),
            "trainB": self._of_photographs(folder, "train"),
            "testB": self._of_photographs(folder, "val"),
        }

    def _of_photographs(self, folder, part):
        """The examples of a part of domain B; a subclass says where they lie."""
        pictures, labels = (
            archives.Members(
                archives.existing(folder, [name]), pattern.replace("PART", part)
            )
            for name, pattern in (self.PICTURES, self.LABELS)
        )
        keys = sorted(pictures.places)
        return self._labelled(pictures, labels, self.TO_CATEGORY, keys)

    def _labelled(self, pictures, labels, to_category, keys):
        """The examples of those keys that have labels."""
        labelled = [key for key in keys if key in labels.places]
        if len(labelled) < len(keys):
            logging.warning(
                "left out %d of %s without labels",
                len(keys) - len(labelled),
                counted(len(keys), "image"),
            )
        items = [(key, pictures.places[key], labels.places[key]) for key in labelled]
        return self._generate_examples(
            items, functools.partial(_example, to_category=to_category)
        )


def _example(item, to_category):
    name, picture, label = item
    pixels = images.resize(
        images.read_bytes(archives.read(picture), name), HEIGHT, WIDTH
    )
    ids = np.asarray(label_maps.open_bytes(archives.read(label)))
    small = label_maps.resize(to_category(ids), HEIGHT, WIDTH)
    return name, {"image": pixels, "label_map": small[..., None], "name": name}


class EgscGta5Bdd(_EgscGta5):
    """GTA5 and BDD100K, day and night; test images are BDD100K's validation split."""

    MANUAL_DOWNLOAD_INSTRUCTIONS = """
    From https://download.visinf.tu-darmstadt.de/data/from_games: 01_images.zip to
    10_images.zip and 01_labels.zip to 10_labels.zip. From https://bdd-data.berkeley.edu:
    bdd100k_images_10k.zip and bdd100k_sem_seg_labels_trainval.zip.
    """

    PICTURES = ("bdd100k_images_10k.zip", r"bdd100k/images/10k/PART/(.+)\.jpg")
    LABELS = (
        "bdd100k_sem_seg_labels_trainval.zip",
        r"bdd100k/labels/sem_seg/masks/PART/(.+)\.png",
    )
    TO_CATEGORY = staticmethod(label_maps.category_of_train_id)


class EgscGta5Cityscapes(_EgscGta5):
    """GTA5 and Cityscapes; test images are Cityscapes' validation split."""

    MANUAL_DOWNLOAD_INSTRUCTIONS = """
    From https://download.visinf.tu-darmstadt.de/data/from_games: 01_images.zip to
    10_images.zip and 01_labels.zip to 10_labels.zip. From
    https://www.cityscapes-dataset.com: leftImg8bit_trainvaltest.zip and
    gtFine_trainvaltest.zip.
    """

    PICTURES = (
        "leftImg8bit_trainvaltest.zip",
        r"leftImg8bit/PART/[^/]+/(.+)_leftImg8bit\.png",
    )
    LABELS = (
        "gtFine_trainvaltest.zip",
        r"gtFine/PART/[^/]+/(.+)_gtFine_labelIds\.png",
    )
    TO_CATEGORY = staticmethod(label_maps.category_of_label_id)
