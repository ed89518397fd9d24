"""The test cases of a digits data set, its labelled digits, and its cells.

Cases (`egsc_tf.data.digits.case`) come from the digits sources, or, made by the same
rules, from our TFDS builders.
"""

import tensorflow as tf

from egsc_tf.data import source as source_lib
from egsc_tf.data.digits.case import KEYS, case
from egsc_tf.data.digits.sources import CELLS, CLASSES
from egsc_tf.data.listings import tfds
from egsc_tf.data.stream import EXAMPLE_SEEDS
from egsc_tf.domains import split
from egsc_tf.errors import UserError

BUILDERS = ("egsc_mnist_single", "egsc_mnist_multi")
SHUFFLED = 512


def known(config):
    """Whether a Config's data set has known right answers."""
    return config.dataset.startswith("digits_") or _builder_name(config) in BUILDERS


def are_boards(config):
    """Whether an image of a `known` data set shows many digits."""
    return "multi" in config.dataset


def are_single(config):
    """Whether the data set is `known`, of one digit an image."""
    return known(config) and not are_boards(config)


def _builder_name(config):
    name = config.dataset.removeprefix(tfds.PREFIX)
    return name.split("/")[0].split(":")[0]


def cases(config, direction, count=0, seed=0):
    """A tf.data.Dataset of the cases of the first `count` test images.

    Digits sources give each content in each look of its domain; a builder's examples
    have one look each.

    Args:
      config: a Config whose data set is `known`.
      direction: "a2b" or "b2a".
      count: how many contents; 0: all. seed: of the exemplars; a builder has its own.
    """
    own = split(direction)[0]
    if not config.dataset.startswith("digits_"):
        data = _examples(config, "test", own).map(_case_of_example)
        return data.take(count or -1)
    source = source_lib.open_source(config, "test")

    def make(n, k):
        at = tf.stack([tf.constant(seed, tf.int64), n * EXAMPLE_SEEDS])
        branches = [
            lambda look=look: case(source, direction, n, look, at)
            for look in source.looks(own, at)
        ]
        return tf.switch_case(tf.cast(k, tf.int32), branches)

    count = min(count or source.size(own), source.size(own))
    turns = _count_looks(source, own)
    pairs = tf.data.Dataset.range(count).flat_map(
        lambda n: tf.data.Dataset.range(turns).map(lambda k: (n, k))
    )
    return pairs.map(make, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True)


def own_looks(config, domain):
    """How many cases, one a look of its domain, `cases` has of a content."""
    if not config.dataset.startswith("digits_"):
        return 1
    return _count_looks(source_lib.open_source(config, "test"), domain)


def _count_looks(source, domain):
    return len(source.looks(domain, tf.zeros([2], tf.int64)))


def labelled(config, domain, part, seed=0):
    """Digits of a domain with their classes, endless: ([s, s, 3] in [-1, 1], class).

    Args:
      config: a Config whose data set is `known`; domain: "a" or "b".
      part: "train" or "test".
      seed: of order and looks.
    """
    if not config.dataset.startswith("digits_"):
        data = _examples(config, part, domain)
        data = data.map(lambda e: (e["image"], e["classes"][..., 0])).cache().repeat()
        data = data.map(lambda x, c: (_to_float(x), tf.cast(c, tf.int32)))
    else:
        source = source_lib.open_source(config, part)
        size = source.size(domain)

        def example(n):
            at = tf.stack([tf.constant(seed, tf.int64), n * EXAMPLE_SEEDS])
            index = tf.random.stateless_uniform([], at, 0, size, tf.int64)
            content = source.content(index, at + 1)
            look = source.look(domain, index, at + 2)
            return source.paint(content, domain, look), content["classes"]

        data = tf.data.Dataset.range(2**62).map(
            example, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True
        )
    data = data.map(lambda image, classes: cells(image[None], classes[None], config))
    return data.unbatch().shuffle(SHUFFLED, seed)


def cells(images, classes, config):
    """Cuts images into their digits: ([M, s, s, 3], [M]).

    Args:
      images: [N, H, W, 3]; classes: [N, H, W], the class of each pixel's cell, CLASSES
        where it is empty.
      config: whose data set says how many cells an image has.
    """
    down = CELLS if are_boards(config) else 1
    side, across = config.height // down, config.width // down

    def cut(x):
        x = tf.reshape(x, [-1, down, side, down, across, x.shape[-1]])
        return tf.reshape(
            tf.transpose(x, [0, 1, 3, 2, 4, 5]), [-1, side, across, x.shape[-1]]
        )

    labels = cut(classes[..., None])[:, side // 2, across // 2, 0]
    filled = labels < CLASSES
    return tf.boolean_mask(cut(images), filled), tf.boolean_mask(labels, filled)


def _examples(config, part, domain):
    """The examples of a split of one of our builders, in order."""
    made = tfds.builder(
        config.dataset.removeprefix(tfds.PREFIX),
        config.data_dir,
        config.manual_dir,
    )
    shape = made.info.features["image"].shape
    if shape[:2] != (config.height, config.width):
        raise UserError(
            f"--height, --width: expected {shape[0]} and {shape[1]}, the size of "
            f"{config.dataset}; found {config.height} and {config.width}"
        )
    return made.as_dataset(split=part + domain.upper(), shuffle_files=False)


def _case_of_example(example):
    found = {key: example[key] for key in KEYS[3:]}
    found["content"] = _to_float(example["image"])
    for key in ("exemplars", "right"):
        found[key] = _to_float(example[key])
    found["mask"] = tf.cast(example["mask"][..., 0] > 0, tf.float32)
    found["classes"] = tf.cast(example["classes"][..., 0], tf.int32)
    return found


def _to_float(pixels):
    return tf.cast(pixels, tf.float32) / 127.5 - 1.0
