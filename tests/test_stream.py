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

    def image(self, domain, index, seed):
        del seed, domain
        return tf.fill([8, 8, 3], tf.cast(index, tf.float32))


CONFIG = Config(height=8, width=8, n_encoder=1, batch_size=4, seed=5)


def take(steps, start=0, batches=2, config=CONFIG, source=None):
    data = stream(source or Numbers(), config, start, batches)
    return [{k: v.numpy() for k, v in b.items()} for b in data.take(steps)]


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


def test_flip_mirrors_half_of_the_images():
    image = ramp()
    flipped = 0
    for seed in seeds(60):
        out = augmentation.flip_and_crop(image, seed, flip=True, crop=False)
        mirrored = bool(out[0, 0, 0] > 0)
        expected = image[:, ::-1] if mirrored else image
        np.testing.assert_allclose(out, expected, atol=1e-5)
        flipped += mirrored
    assert 18 < flipped < 42


def test_crop_keeps_80_to_100_percent_of_half_of_the_images():
    image = ramp()
    spans = []
    for seed in seeds(60):
        out = augmentation.flip_and_crop(image, seed, flip=False, crop=True).numpy()
        span_x = (out[0, -1, 0] - out[0, 0, 0]) / 2.0
        span_y = (out[-1, 0, 1] - out[0, 0, 1]) / 2.0
        assert span_x == pytest.approx(span_y, abs=1e-4)
        assert 0.8 - 1e-4 <= span_x <= 1.0 + 1e-4
        spans.append(span_x)
    whole = np.sum(np.array(spans) > 0.9999)
    assert 18 < whole < 42


def test_colour_jitter_stays_in_range_and_moves():
    image = ramp() * 0.9
    out = [augmentation.jitter_colours(image, s, 0.4).numpy() for s in seeds(8)]
    assert all(o.min() >= -1.0 and o.max() <= 1.0 for o in out)
    assert np.std([o.mean() for o in out]) > 0.01


def test_recoloured_view_keeps_shapes_and_forgets_colours():
    image = tf.constant([[[-1.0, 0.25, 1.0]]])
    views = {
        tuple(np.round(augmentation.recolour(image, s).numpy().ravel(), 3))
        for s in seeds(200)
    }
    assert len(views) == 12  # 6 orders of the channels, inverted or not
    assert all(sorted(np.abs(v)) == [0.25, 1.0, 1.0] for v in views)


def test_nothing_on_changes_nothing():
    image = ramp()
    np.testing.assert_array_equal(augmentation.augment(image, seeds(1)[0]), image)
