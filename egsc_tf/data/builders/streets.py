"""egsc_bdd_day2night and egsc_camvid: real streets by day, at night and at dusk.

Images are 256x512, of the middle of the frames. The sites' archives, as they are, are
put into the manual folder.
"""

import tensorflow_datasets as tfds

from egsc_tf.data import archives, images, label_maps
from egsc_tf.data.builders.beam_ready import BeamReadyBuilder
from egsc_tf.data.streets import bdd, camvid
from egsc_tf.domains import DOMAINS

HEIGHT, WIDTH = 256, 512


class _EgscStreets(BeamReadyBuilder):
    """What both builders share; FRAMES lists the frames, EXAMPLE makes one of them."""

    VERSION = tfds.core.Version("1.0.0")
    FEATURES = {"image": 3}

    def _info(self):
        features = {
            name: tfds.features.Image(shape=(HEIGHT, WIDTH, channels))
            for name, channels in self.FEATURES.items()
        }
        return self.dataset_info_from_configs(
            description=self.__doc__,
            homepage=self.HOMEPAGE,
            features=tfds.features.FeaturesDict(
                {**features, "name": tfds.features.Text()}
            ),
        )

    def _split_generators(self, dl_manager):
        return {
            split + domain.upper(): self._generate_examples(
                self.FRAMES(dl_manager.manual_dir, split, domain), self.EXAMPLE
            )
            for split in ("train", "test")
            for domain in DOMAINS
        }


def _bdd_example(frame):
    name, place = frame
    return name, {"image": _picture(name, place), "name": name}


def _camvid_example(frame):
    name, picture, label = frame
    found = images.centre(camvid.categories(archives.read(label)), HEIGHT, WIDTH)
    return name, {
        "image": _picture(name, picture),
        "label_map": label_maps.resize(found, HEIGHT, WIDTH)[..., None],
        "name": name,
    }


def _picture(name, place):
    pixels = images.read_bytes(archives.read(place), name)
    return images.resize(images.centre(pixels, HEIGHT, WIDTH), HEIGHT, WIDTH)


class EgscBddDay2night(_EgscStreets):
    """BDD100K by day (A) and by night (B), as its attributes say.

    Test images are of BDD100K's validation split. Dawn and dusk are left out.
    """

    HOMEPAGE = "https://bdd-data.berkeley.edu"
    MANUAL_DOWNLOAD_INSTRUCTIONS = """
    From https://bdd-data.berkeley.edu: bdd100k_images_100k.zip, and
    bdd100k_labels_release.zip or bdd100k_det_20_labels_trainval.zip, either of which
    says the time of day.
    """
    FRAMES = staticmethod(bdd.frames)
    EXAMPLE = staticmethod(_bdd_example)


class EgscCamvid(_EgscStreets):
    """CamVid by day (A) and at dusk (B), split by sequence, with label maps.

    Label maps hold Cityscapes' 8 categories. Side B has 62 images for training: it is
    for measuring.
    """

    HOMEPAGE = "http://web4.cs.ucl.ac.uk/staff/g.brostow/MotionSegRecData"
    MANUAL_DOWNLOAD_INSTRUCTIONS = """
    From http://web4.cs.ucl.ac.uk/staff/g.brostow/MotionSegRecData:
    701_StillsRaw_full.zip and LabeledApproved_full.zip.
    """
    FEATURES = {"image": 3, "label_map": 1}
    FRAMES = staticmethod(camvid.frames)
    EXAMPLE = staticmethod(_camvid_example)
