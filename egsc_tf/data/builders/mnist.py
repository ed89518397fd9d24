"""egsc_mnist_single and egsc_mnist_multi: the paper's two toy data sets, from MNIST.

The rules are those of `egsc_tf.data.digits.sources`. Test examples are cases of
`egsc_tf.data.digits.case`: they carry exemplars and the known right answers.
"""

import numpy as np
import tensorflow as tf
import tensorflow_datasets as tfds

from egsc_tf.data.digits import handwriting, sources
from egsc_tf.data.digits.case import case
from egsc_tf.data.stream import EXAMPLE_SEEDS
from egsc_tf.domains import DOMAINS, other

MNIST_URL = "https://storage.googleapis.com/tensorflow/tf-keras-datasets/mnist.npz"
LOCAL_NAME = "mnist.npz"
# What the looks and boards of a domain are drawn from; fixed, so that everyone who
# prepares the data gets the same images.
SEED = 2019


class _EgscMnist(tfds.core.GeneratorBasedBuilder):
    """What both builders share."""

    VERSION = tfds.core.Version("1.0.0")
    MANUAL_DOWNLOAD_INSTRUCTIONS = "Offline: mnist.npz of Keras; else it is downloaded."
    SIDE = None

    def _info(self):
        def image(channels):
            return tfds.features.Image(shape=(self.SIDE, self.SIDE, channels))

        def floats(*shape):
            return tfds.features.Tensor(shape=(None, *shape, 3), dtype=np.float32)

        features = {
            "image": image(3),
            "mask": image(1),
            "classes": image(1),
            "exemplars": tfds.features.Sequence(image(3)),
            "right": tfds.features.Sequence(image(3)),
            "strokes": floats(sources.CLASSES),
            "ground": floats(),
            "palette": floats(sources.PALETTE),
        }
        return self.dataset_info_from_configs(
            description=self.__doc__,
            homepage="https://arxiv.org/abs/1805.11145",
            features=tfds.features.FeaturesDict(features),
        )

    def _split_generators(self, dl_manager):
        path = _local_file(dl_manager) or dl_manager.download(MNIST_URL)
        return {
            split + domain.upper(): self._generate_examples(path, split, domain)
            for split in ("train", "test")
            for domain in DOMAINS
        }

    def _source(self, arrays, split, domain):
        """The digits source of a split."""
        raise NotImplementedError

    def _generate_examples(self, path, split, domain):
        with tf.io.gfile.GFile(str(path), "rb") as file, np.load(file) as arrays:
            x, y = arrays[f"x_{split}"], arrays[f"y_{split}"].astype(np.int64)
        source = self._source((x, y), split, domain)
        direction = f"{domain}2{other(domain)}"

        def example(n):
            seed = tf.stack([tf.constant(SEED, tf.int64), n * EXAMPLE_SEEDS])
            look = source.look(domain, n, seed)
            if split == "test":
                return _encoded(case(source, direction, n, look, seed + 1))
            content = source.content(n, seed + 1)
            return _encoded({"content": source.paint(content, domain, look), **content})

        data = tf.data.Dataset.range(source.size(domain)).map(
            example, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True
        )
        for n, found in enumerate(data.as_numpy_iterator()):
            yield n, {**self._nothing(), **found}

    def _nothing(self):
        """Training examples have no exemplars."""
        features = self.info.features
        return {
            **{key: [] for key in ("exemplars", "right")},
            **{
                key: np.zeros((0, *features[key].shape[1:]), np.float32)
                for key in ("strokes", "ground", "palette")
            },
        }


def _local_file(dl_manager):
    """The mnist.npz of the manual folder, or None where there is none."""
    try:
        path = dl_manager.manual_dir / LOCAL_NAME
    except AssertionError:  # TFDS has no such folder.
        return None
    return path if path.exists() else None


def _encoded(found):
    """A case, or what a training example has of one, as the features take it.

    Images as PNG: TFDS encodes one at a time, four times as slowly.
    """
    found = dict(found)
    found["image"] = tf.io.encode_png(_pixels(found.pop("content")))
    found["mask"] = tf.io.encode_png(tf.cast(found["mask"][..., None], tf.uint8) * 255)
    found["classes"] = tf.io.encode_png(tf.cast(found["classes"][..., None], tf.uint8))
    for key in {"exemplars", "right"} & set(found):
        found[key] = tf.map_fn(
            tf.io.encode_png, _pixels(found[key]), fn_output_signature=tf.string
        )
    return found


def _pixels(image):
    """float [-1, 1] -> uint8."""
    return tf.saturate_cast(tf.round((image + 1.0) * 127.5), tf.uint8)


class EgscMnistSingle(_EgscMnist):
    """One digit: black and white in A, two of red, green, blue in B.

    Each test example has an exemplar in each look of the other domain, with the right
    answer: for A the six colour pairs, for B black on white and white on black.
    """

    BUILDER_CONFIGS = (
        tfds.core.BuilderConfig(
            name="all_pairs", description="Every class has every colour pair."
        ),
        tfds.core.BuilderConfig(
            name="unseen_pairs",
            description="Classes above 4 of trainB are always red on green.",
        ),
    )
    SIDE = handwriting.SIZE

    def _source(self, arrays, split, domain):
        unseen = self.builder_config.name == "unseen_pairs"
        return sources.DigitsSingle(
            *arrays,
            self.SIDE,
            self.SIDE,
            unseen_pairs=unseen and split + domain == "trainb",
        )


class EgscMnistMulti(_EgscMnist):
    """A 4x4 board with the ten classes once each: black and white in A, hue in B.

    Each test example has an exemplar on a black and one on a white ground, with the
    right answer.
    """

    SIDE = sources.CELLS * handwriting.SIZE

    def _source(self, arrays, split, domain):
        del split, domain
        return sources.DigitsMulti(*arrays, self.SIDE, self.SIDE)
