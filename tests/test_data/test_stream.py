"""The streams are pure functions of (seed, step)."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from egsc_tf.config import Config
from egsc_tf.data import augmentation
from egsc_tf.data.stream import stream


class Numbers:
    """A source whose image `index` of a domain shows the number itself."""

    def __init__(self, size_a=10, size_b=7):
        self.sizes = {"a": size_a, "b": size_b}

    def size(self, domain):
        return self.sizes[domain]

    def element(self, domain, index, seed):
        del domain, seed
        return index

    def batch(self, domain, indices):
        del domain
        return tf.cast(indices, tf.float32)[:, None, None, None] * tf.ones([8, 8, 3])


CONFIG = Config(height=8, width=8, n_encoder=1, batch_size=4, seed=5)


def take(steps, start=0, batches=2, config=CONFIG, source=None):
    data = stream(source or Numbers(), config, start, batches)
    finished = [augmentation.finish(b) for b in data.take(steps)]
    return [{k: v.numpy() for k, v in b.items()} for b in finished]


def test_shapes():
    batch = take(1)[0]
    assert {k: v.shape for k, v in batch.items()} == {
        "x_a": (4, 2, 8, 8, 3),
        "x_b": (4, 2, 8, 8, 3),
    }


def test_resumed_stream_equals_the_uninterrupted_one():
    config = dataclasses.replace(
        CONFIG, flip=True, crop=True, colour_jitter=0.2, content_view="recoloured"
    )
    whole, rest = take(6, config=config), take(3, start=3, config=config)
    for old, new in zip(whole[3:], rest):
        assert set(old) == {"x_a", "x_b", "content_a", "content_b"}
        for name in old:
            np.testing.assert_array_equal(old[name], new[name])


@pytest.mark.parametrize(("workers", "replicas"), [(1, 2), (2, 1), (2, 2), (4, 1)])
def test_the_parts_of_all_workers_are_the_global_batches_in_order(workers, replicas):
    whole, parts = take(3, start=2), []
    for worker in range(workers):
        part = tf.distribute.InputContext(workers, worker, workers * replicas)
        data = stream(Numbers(), CONFIG, 2, 2, part).take(3 * replicas)
        parts.append([b["x_a"].numpy() for b in data])
    for step, batch in enumerate(whole):
        rows = [x for p in parts for x in p[step * replicas : (step + 1) * replicas]]
        assert {len(x) for x in rows} == {CONFIG.batch_size // (workers * replicas)}
        np.testing.assert_array_equal(np.concatenate(rows), batch["x_a"])


def test_an_epoch_shows_every_image_once_and_epochs_differ():
    shown = np.concatenate([b["x_a"][..., 0, 0, 0].ravel() for b in take(5)])
    first, second = shown[:10], shown[10:20]
    assert sorted(first) == sorted(second) == list(range(10))
    assert list(first) != list(second)


def test_domains_and_seeds_are_shuffled_independently():
    same = Numbers(10, 10)
    one = take(3, source=same)
    assert any((b["x_a"] != b["x_b"]).any() for b in one)
    other = take(3, config=dataclasses.replace(CONFIG, seed=6), source=same)
    assert any((x["x_a"] != y["x_a"]).any() for x, y in zip(one, other))


def ramp(height=20, width=30):
    x = tf.linspace(-1.0, 1.0, width)[None, :, None]
    y = tf.linspace(-1.0, 1.0, height)[:, None, None]
    return tf.concat([x + 0.0 * y, y + 0.0 * x, 0.0 * (x + y)], axis=-1)


def seeds(count):
    return [tf.constant([3, n], tf.int64) for n in range(count)]


def drawn(draw, config=CONFIG, count=60):
    """[count, ...]: the numbers of as many images."""
    return tf.stack([draw(config, seed) for seed in seeds(count)])


def placed(config, count=60):
    image = ramp()
    config = dataclasses.replace(config, height=20, width=30)
    placing = drawn(augmentation.draw_placing, config, count)
    return augmentation.place(tf.tile(image[None], [count, 1, 1, 1]), placing).numpy()


def test_flip_mirrors_half_of_the_images():
    image = ramp()
    flipped = 0
    for out in placed(dataclasses.replace(CONFIG, flip=True)):
        mirrored = bool(out[0, 0, 0] > 0)
        np.testing.assert_array_equal(out, image[:, ::-1] if mirrored else image)
        flipped += mirrored
    assert 18 < flipped < 42


def test_crop_keeps_80_to_100_percent_of_half_of_the_images():
    spans = []
    for out in placed(dataclasses.replace(CONFIG, crop=True)):
        span_x = (out[0, -1, 0] - out[0, 0, 0]) / 2.0
        span_y = (out[-1, 0, 1] - out[0, 0, 1]) / 2.0
        assert span_x == pytest.approx(span_y, abs=1e-4)
        assert 0.8 - 1e-4 <= span_x <= 1.0 + 1e-4
        spans.append(span_x)
    whole = np.sum(np.array(spans) > 0.9999)
    assert 18 < whole < 42


@pytest.mark.parametrize("dtype", [tf.uint8, tf.float32])
def test_placing_equals_tensorflows_projective_transform(dtype):
    config = dataclasses.replace(CONFIG, flip=True, crop=True, height=17, width=23)
    pixels = tf.random.stateless_uniform([12, 17, 23, 3], [1, 2], 0, 256, tf.int32)
    x = pixels = tf.cast(pixels, tf.uint8)
    if dtype == tf.float32:
        x = augmentation.as_float(pixels)
    placing = drawn(augmentation.draw_placing, config, 12)
    batch = {"x_a": x, "x_b": x, "placing_a": placing}
    x_scale, x_offset, y_scale, y_offset = tf.unstack(placing, axis=1)
    none = tf.zeros([12])
    expected = tf.raw_ops.ImageProjectiveTransformV3(
        images=tf.cast(pixels, tf.float32) / 127.5 - 1.0,
        transforms=tf.stack(
            [x_scale, none, x_offset, none, y_scale, y_offset, none, none], axis=1
        ),
        output_shape=[17, 23],
        fill_value=0.0,
        interpolation="BILINEAR",
        fill_mode="NEAREST",
    )
    found = augmentation.finish(batch)
    np.testing.assert_allclose(found["x_a"], expected, atol=1e-5)
    np.testing.assert_allclose(found["x_b"], augmentation.as_float(pixels))


def test_colour_jitter_equals_tensorflows():
    amount, seed = 0.4, tf.constant([3, 5], tf.int64)
    image = (ramp() + 1.0) / 2.0
    expected = tf.image.stateless_random_brightness(image, amount, seed)
    low, high = 1.0 - amount, 1.0 + amount
    expected = tf.image.stateless_random_contrast(expected, low, high, seed + 1)
    expected = tf.image.stateless_random_saturation(expected, low, high, seed + 2)
    expected = tf.clip_by_value(expected, 0.0, 1.0) * 2.0 - 1.0
    colours = augmentation.draw_colours(amount, seed)
    found = augmentation.jitter_colours(ramp(), colours)
    np.testing.assert_allclose(found, expected, atol=1e-5)
    assert np.abs(found - ramp()).max() > 0.05


def test_recoloured_view_keeps_shapes_and_forgets_colours():
    image = tf.constant([[[-1.0, 0.25, 1.0]]])
    draw = drawn(lambda config, seed: augmentation.draw_view(seed), count=200)
    views = augmentation.recolour(tf.tile(image[None], [200, 1, 1, 1]), draw).numpy()
    views = {tuple(np.round(view.ravel(), 3)) for view in views}
    assert len(views) == 12  # 6 orders of the channels, inverted or not
    assert all(sorted(np.abs(v)) == [0.25, 1.0, 1.0] for v in views)


def test_a_batch_may_have_an_axis_more():
    config = dataclasses.replace(
        CONFIG, flip=True, crop=True, colour_jitter=0.2, content_view="recoloured"
    )
    (batch,) = stream(Noise(), config, 0, 2).take(1)
    whole = augmentation.finish(batch)
    for i in range(2):
        one = augmentation.finish({name: x[:, i] for name, x in batch.items()})
        for name, x in one.items():
            np.testing.assert_allclose(whole[name][:, i], x, atol=1e-6)


class Noise(Numbers):
    """Bytes, another image for each seed."""

    def element(self, domain, index, seed):
        found = tf.random.stateless_uniform([8, 8, 3], seed, 0, 256, tf.int32)
        return tf.cast(found, tf.uint8)

    def batch(self, domain, images):
        return images


def test_bytes_stay_bytes_until_they_are_used():
    (batch,) = stream(Noise(), CONFIG, 0, 2).take(1)
    assert {name: x.dtype for name, x in batch.items()} == {
        "x_a": tf.uint8,
        "x_b": tf.uint8,
    }
    finished = augmentation.finish(batch)
    assert finished["x_a"].dtype == tf.float32
    np.testing.assert_allclose(
        finished["x_a"], batch["x_a"].numpy() / 127.5 - 1.0, atol=1e-6
    )
    assert augmentation.finish(finished)["x_a"] is finished["x_a"]


def test_nothing_on_changes_nothing():
    (batch,) = stream(Numbers(), CONFIG, 0, 2).take(1)
    assert set(batch) == {"x_a", "x_b"}
    assert augmentation.finish(batch)["x_a"] is batch["x_a"]
