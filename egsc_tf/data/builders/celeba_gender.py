"""egsc_celeba_gender: aligned faces, A men and B women, 128x128.

From TFDS' celeb_a and its attribute Male, or from four folders of one's own.
"""

import tensorflow_datasets as tfds

from egsc_tf.data import images
from egsc_tf.domains import DOMAINS

SIDE = 128
IS_MALE = {"a": True, "b": False}


class EgscCelebaGender(tfds.core.GeneratorBasedBuilder):
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

    def _generate_examples(self, pictures):
        """pictures: iterable of (name, [h, w, 3] uint8)."""
        for name, pixels in pictures:
            height, width = pixels.shape[:2]
            side = min(height, width)
            top, left = (height - side) // 2, (width - side) // 2
            square = pixels[top : top + side, left : left + side]
            yield name, {"image": images.resize(square, SIDE, SIDE), "name": name}

    def _of_folder(self, root, split, domain):
        folder = root / (split + domain.upper())
        names = sorted(p.name for p in folder.iterdir() if images.is_image_name(p.name))
        return self._generate_examples(
            (name, images.read_bytes((folder / name).read_bytes(), str(folder / name)))
            for name in names
        )

    def of_celeb_a(self, celeb_a, split, domain):
        faces = celeb_a.as_dataset(split=split, shuffle_files=False)
        of_domain = faces.filter(
            lambda face: face["attributes"]["Male"] == IS_MALE[domain]
        )
        return self._generate_examples(
            (f"{n:06d}", face["image"])
            for n, face in enumerate(of_domain.as_numpy_iterator())
        )
