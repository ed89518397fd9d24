"""Datasets of one's own: batches of images, as the steps of a trainer take them."""

import tensorflow as tf
from absl import logging

from egsc_tf.domains import DOMAINS
from egsc_tf.errors import UserError
from egsc_tf.models import value_range
from egsc_tf.models.value_range import MEND
from egsc_tf.runtime.keras import keras

IMAGES = tuple(f"x_{domain}" for domain in DOMAINS)


def require_dataset(x):
    """Raises UserError for what is no dataset: Keras would make batches of arrays, and
    a step takes other ones."""
    if not isinstance(x, (tf.data.Dataset, tf.distribute.DistributedDataset)):
        raise UserError(
            "x: expected a tf.data.Dataset of {'x_a', 'x_b'}, found a "
            f"{type(x).__name__}; tf.data.Dataset.from_tensor_slices({{'x_a': ..., "
            "'x_b': ...}).batch(B, drop_remainder=True) makes one of arrays"
        )


def by_steps(dataset, config, batches_per_step):
    """A dataset whose elements have [B, batches_per_step, H, W, 3], for train_step.

    Args:
      dataset: of {"x_a", "x_b"}, [B, H, W, 3] each; one that has the axis already, of
        `egsc_tf.data.stream`, is handed back.
      config: egsc_tf.config.Config; of its flags, augmentation and content_view belong
        to the streams and are not done here.

    Raises:
      UserError: for elements of another form.
    """
    spec = dataset.element_spec
    if not isinstance(spec, dict) or not {*IMAGES} <= {*spec}:
        raise UserError(f"dataset: expected elements {{'x_a', 'x_b'}}, found {spec}")
    if all(spec[name].shape.rank == 5 for name in IMAGES):
        return dataset
    for name in IMAGES:
        _check(name, spec[name], config)
    if spec["x_a"].shape != spec["x_b"].shape:
        raise UserError(
            f"x_a, x_b: expected batches of one size, found {spec['x_a'].shape} and "
            f"{spec['x_b'].shape}"
        )
    augmented = config.flip or config.crop or config.colour_jitter > 0
    if augmented or config.content_view != "same":
        logging.warning(
            "--flip, --crop, --colour_jitter and --content_view are not done to a "
            "dataset of one's own"
        )
    policy = keras.mixed_precision.global_policy().name
    if policy != config.mixed_precision:
        logging.warning(
            "--mixed_precision is %s, and the trainer computes in %s: before it, call "
            "keras.mixed_precision.set_global_policy(config.mixed_precision)",
            config.mixed_precision,
            policy,
        )
    return dataset.batch(batches_per_step, drop_remainder=True).map(
        _batch_first, num_parallel_calls=tf.data.AUTOTUNE
    )


def first(steps, batches_per_step):
    """The first element of `by_steps`. Raises UserError where there is none."""
    for batch in steps:
        return batch
    raise UserError(
        f"dataset: expected at least {batches_per_step} batches, which is one step; "
        "found fewer; repeat() makes more of it"
    )


def check_range(batch):
    """Looks at the values of float images; see `egsc_tf.models.value_range`.

    Raises:
      UserError: for images that leave [-1, 1] or are not finite.
    """
    for name in IMAGES:
        if batch[name].dtype.is_floating:
            value_range.check_range(name, batch[name])


def _check(name, spec, config):
    height, width = config.height, config.width
    known = spec.shape.rank == 4 and spec.shape[0] is not None
    if not known or spec.shape[1:] != [height, width, 3]:
        raise UserError(
            f"{name}: expected [B, {height}, {width}, 3] with the Config's height and "
            "width and a known B, as of dataset.batch(B, drop_remainder=True); found "
            f"{spec.shape}"
        )
    if not spec.dtype.is_floating and spec.dtype != tf.uint8:
        raise UserError(
            f"{name}: expected float images in [-1, 1], or uint8, found "
            f"{spec.dtype.name}; {MEND}"
        )


def _batch_first(batch):
    """{name: [n, B, H, W, 3]} -> [B, n, H, W, 3], of x_a and x_b alone."""
    swapped = {name: tf.transpose(batch[name], [1, 0, 2, 3, 4]) for name in IMAGES}
    return {
        name: tf.cast(x, tf.float32) if x.dtype.is_floating else x
        for name, x in swapped.items()
    }
