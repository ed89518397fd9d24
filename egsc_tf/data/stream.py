"""Endless streams {x_a, x_b} whose every image is a pure function of (seed, step).

A source has `size(domain)`; `element(domain, index, seed [2])`, a tensor that stands
for an image, and `batch(domain, elements) -> [N, H, W, 3]` of N of them, uint8 or float
in [-1, 1]; for runs of several workers `fingerprint()`, equal where the images are; for
resumed ones `inventory(domain)` and `where[domain]`, what messages call it; and
`tell()`, which logs at the end what was found out about the images on the way.
The n-th image of a domain is the (n mod size)-th of that epoch's own permutation; its
look and augmentation are drawn from (seed, domain, n) by stateless random numbers.
A resumed run therefore sees what the uninterrupted one would have seen.
"""

import numpy as np
import tensorflow as tf
from tqdm import tqdm

from egsc_tf.data import augmentation, images, python_op
from egsc_tf.domains import DOMAINS

AUTOTUNE = tf.data.AUTOTUNE
# Stateless draws whose seeds are neighbours are independent: each image has a block of
# seeds, and each use of them (look, content, augmentation, view) a part of it.
EXAMPLE_SEEDS = 64
TAKEN = 16  # images that `take` reads at once


def stream(source, config, start_step=0, batches_per_step=1, part=None):
    """The training stream from `start_step` on.

    Args:
      source: see above.
      config: egsc_tf.config.Config (seed, batch_size, augmentation).
      start_step: the first step to give.
      batches_per_step: how many fresh batches a step takes.
      part: tf.distribute.InputContext: give this worker's rows of the global batches
        only, those of one of its replicas at a time. None: the global batches.

    Returns:
      A tf.data.Dataset of {"x_a", "x_b"}, each [B, batches_per_step, H, W, 3] as the
      source gives them, with the numbers that `augmentation.finish` makes a batch of
      them with. Axis 0 is the batch, so that tf.distribute splits every fresh batch.
    """
    part = part or tf.distribute.InputContext()
    per_step = config.batch_size * batches_per_step
    ours = per_step // part.num_input_pipelines
    rows = part.get_per_replica_batch_size(config.batch_size)

    def number(k):
        """Which image of the run is our k-th: ours are a block of each step's."""
        return k // ours * per_step + part.input_pipeline_id * ours + k % ours

    # Endless on purpose: for a finite dataset all workers would run a collective
    # operation per step, to agree on the end.
    parts = {
        domain: tf.data.Dataset.counter(start_step * ours, dtype=tf.int64)
        .map(
            lambda k, d=domain: _drawn(source, config, d, number(k)),
            num_parallel_calls=AUTOTUNE,
            deterministic=True,
        )
        .batch(rows * batches_per_step, drop_remainder=True)
        .map(
            lambda drawn, d=domain: _images(source, config, d, drawn),
            num_parallel_calls=AUTOTUNE,
            deterministic=True,
        )
        for domain in DOMAINS
    }

    def step(a, b):
        """Reshaped, as batches of batches would copy each image once more."""
        return {
            name: tf.reshape(x, [rows, batches_per_step, *x.shape[1:]])
            for name, x in {**a, **b}.items()
        }

    both = tf.data.Dataset.zip((parts["a"], parts["b"]))
    return both.map(step).prefetch(2)


def _drawn(source, config, domain, n):
    """What is drawn for the n-th image of a domain, in numbers."""
    size = source.size(domain)
    stream_seed = tf.constant(2 * config.seed + DOMAINS.index(domain), tf.int64)
    index = tf.random.experimental.index_shuffle(
        n % size, tf.stack([stream_seed, n // size]), size - 1
    )
    seed = tf.stack([stream_seed, n * EXAMPLE_SEEDS])
    numbers = augmentation.draw(config, domain, seed + 32, seed + 48)
    return {"element": source.element(domain, index, seed), "numbers": numbers}


def _images(source, config, domain, drawn):
    """{"x_d", ...}: the images of a batch of `_drawn`, and their numbers."""
    x = source.batch(domain, drawn["element"])
    sides = [x.shape[0], config.height, config.width, 3]
    return {f"x_{domain}": tf.ensure_shape(x, sides), **drawn["numbers"]}


def take(source, domain, indices, seed, label=""):
    """[N, H, W, 3] uint8: the images of a domain at some places, in their order.

    Args:
      source: see above.
      indices: [N] integers.
      seed: with the place in `indices` it draws the look of an image.
      label: of a progress bar; empty: there is none.

    Raises:
      UserError: what the source raises.
    """
    places = np.arange(len(indices))
    seeds = np.stack([np.full_like(places, seed), places * EXAMPLE_SEEDS], axis=1)
    asked = (np.asarray(indices, np.int64), seeds)
    data = tf.data.Dataset.from_tensor_slices(asked)
    data = data.map(lambda index, seed: source.element(domain, index, seed))
    data = data.batch(TAKEN).map(
        lambda elements: source.batch(domain, elements),
        num_parallel_calls=AUTOTUNE,
        deterministic=True,
    )
    found = []
    bar = tqdm(desc=label, total=len(places), unit="image", disable=not label)
    with bar, python_op.errors_as_raised():
        for x in data:
            found.append(images.to_uint8(augmentation.as_float(x)))
            bar.update(len(found[-1]))
    return np.concatenate(found)
