"""How fast a translator is, as Keras model and as SavedModel, and its input."""

import functools
import os
import tempfile
import time

import numpy as np
import tensorflow as tf

from egsc_tf.benchmarking import clock, graph_cost
from egsc_tf.data.stream import stream
from egsc_tf.models.adain import feature_mask
from egsc_tf.run import restore, untrained
from egsc_tf.runtime import memory

DIRECTION = "a2b"


def measure_translation(config, seconds, peak):
    """Latency of one image, and the rate of a batch, each with its own exemplar.

    peak: of the machine, see `clock.measure`.
    """
    with tempfile.TemporaryDirectory() as folder:
        translator = restore.load(untrained.write(folder, config))
    counted = graph_cost.flops(_graph(translator, config))
    found = {"flops": counted}
    for name, batch in (("one", 1), ("batch", config.batch_size)):
        images = _noise(config, batch)

        def translate(images=images):
            return translator.translate(images, images, DIRECTION).numpy()

        times, before, most = memory.peak_bytes(
            functools.partial(clock.measure, translate, seconds, peak=peak)
        )
        found[name] = {
            **times.report(),
            "images": batch,
            "images_per_s": batch / times.median,
            **times.rate(batch * counted),
            "memory_before_bytes": before,
            "peak_memory_bytes": most,
        }
    style = translator.encode_style(_noise(config, 1), DIRECTION[-1])
    image = _noise(config, 1)
    stored = clock.measure(
        lambda: translator.translate_with_style(image, style, DIRECTION).numpy(),
        seconds,
    )
    return {**found, "one_with_stored_style": stored.report()}


def measure_export(config, seconds):
    """Latency of one image by the SavedModel and by the Keras model, in turn."""
    from egsc_tf.export import saved_model  # only this measurement needs its packages

    with tempfile.TemporaryDirectory() as folder:
        workdir = untrained.write(os.path.join(folder, "run"), config)
        path = saved_model.export(workdir, os.path.join(folder, "models", "one"))
        translator, served = restore.load(workdir), tf.saved_model.load(path)
        translate = served.signatures["translate"]
        pixels = tf.cast((_noise(config, 1) + 1.0) * 127.5, tf.uint8)
        image = tf.cast(pixels, tf.float32) / 127.5 - 1.0
        times = {
            "saved_model": clock.measure(
                lambda: translate(content=pixels, exemplar=pixels)["image"].numpy(),
                seconds,
            ),
            "keras": clock.measure(
                lambda: translator.translate(image, image, DIRECTION).numpy(), seconds
            ),
        }
    return {name: one.report() for name, one in times.items()}


def measure_input(config, source, batches_per_step, seconds):
    """The training stream alone: time of the input of one step, images/s, and the time
    of all cores that an image takes."""
    data = iter(stream(source, config, 0, batches_per_step))
    images = 2 * config.batch_size * batches_per_step
    calls, began = 0, time.process_time()

    def one_step():
        nonlocal calls
        calls += 1
        next(data)

    times = clock.measure(one_step, seconds)
    spent = time.process_time() - began
    return {
        **times.report(),
        "images_per_s": images / times.median,
        "cpu_s_per_image": spent / (calls * images),
    }


def _noise(config, batch):
    random = np.random.RandomState(0)
    sides = [batch, config.height, config.width, 3]
    return tf.constant(random.uniform(-1.0, 1.0, sides), tf.float32)


def _graph(translator, config):
    """What a translation with its exemplar computes, with known shapes."""
    source, target = DIRECTION[0], DIRECTION[-1]
    features = {"a": translator.feature_a, "b": translator.feature_b}

    @tf.function(autograph=False)
    def translate(content, exemplar):
        generator, mask, style = translator.generator, None, None
        if config.use_masks:
            mask = feature_mask(features[source](content))
        if config.use_adain:
            style = generator.style(exemplar, features[target], target)
        return generator(content, mask, style, DIRECTION)

    image = tf.TensorSpec([1, config.height, config.width, 3], tf.float32)
    return translate.get_concrete_function(image, image)
