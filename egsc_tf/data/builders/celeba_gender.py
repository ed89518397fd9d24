"""egsc_celeba_gender: aligned faces, A men and B women, 128x128.

From TFDS' celeb_a and its attribute Male, or from four folders of one's own.
"""

import tensorflow_datasets as tfds

from egsc_tf.data import images
from egsc_tf.data.builders.beam_ready import BeamReadyBuilder, apache_beam
from egsc_tf.data.folders import is_image_name
from egsc_tf.domains import DOMAINS

SIDE = 128
IS_MALE = {"a": True, "b": False}


class EgscCelebaGender(BeamReadyBuilder):
    """CelebA (Liu et al. 2015): A men, B women; the middle square, 128x128."""

    VERSION = tfds.core.Version("1.0.0")
    MANUAL_DOWNLOAD_INSTRUCTIONS = """
    Only for egsc_celeba_gender/manual: folders trainA, trainB (men, women), testA and
    testB of aligned faces.
    """
    BUILDER_CONFIGS = (
        tfds.core.BuilderConfig(name="celeb_a", description="From TFDS' celeb_a."),
        tfds.core.BuilderConfig(name="manual", description="From four folders."),
    )

    def _info(self):
        return self.dataset_info_from_configs(
            description=self.__doc__,
            homepage="https://mmlab.ie.cuhk.edu.hk/projects/CelebA.html",
            features=tfds.features.FeaturesDict(
                {
                    "image": tfds.features.Image(shape=(SIDE, SIDE, 3)),
                    "name": tfds.features.Text(),
                }
            ),
        )

    def _split_generators(self, dl_manager):
        if self.builder_config.name == "manual":
            generate, root = self._of_folder, dl_manager.manual_dir
        else:
            generate, root = (
                self.of_celeb_a,
                tfds.builder("celeb_a", data_dir=self._data_dir_root),
            )
            root.download_and_prepare()
        return {
            split + domain.upper(): generate(root, split, domain)
            for split in ("train", "test")
            for domain in DOMAINS
        }

    def _of_folder(self, root, split, domain):
        folder = root / (split + domain.upper())
        names = (path.name for path in folder.iterdir())
        paths = [folder / name for name in sorted(names) if is_image_name(name)]
        return self._generate_examples(paths, _of_file)

    def of_celeb_a(self, celeb_a, split, domain):
        # By the order in which faces are read, workers would give the same names.
        named = tfds.ReadConfig(add_tfds_id=True)
        if self.through_beam:
            beam = apache_beam()
            return (
                tfds.beam.ReadFromTFDS(celeb_a, split=split, read_config=named)
                | beam.Map(tfds.as_numpy)
                | beam.Filter(_is_of, domain)
                | beam.Map(_of_face)
            )
        faces = celeb_a.as_dataset(
            split=split, shuffle_files=False, read_config=named
        ).filter(lambda face: _is_of(face, domain))
        return self._generate_examples(faces.as_numpy_iterator(), _of_face)


def _is_of(face, domain):
    return face["attributes"]["Male"] == IS_MALE[domain]


def _of_face(face):
    return _example(face["tfds_id"].decode(), face["image"])


def _of_file(path):
    return _example(path.name, images.read_bytes(path.read_bytes(), str(path)))


def _example(name, pixels):
    """pixels: [h, w, 3] uint8."""
    square = images.centre(pixels, SIDE, SIDE)
    return name, {"image": images.resize(square, SIDE, SIDE), "name": name}
