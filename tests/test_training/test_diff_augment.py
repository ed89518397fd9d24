"""What discriminators see of a small data set, and what is random in an update."""

import dataclasses
import itertools

import numpy as np
import pytest
import tensorflow as tf
from support.pictures import noise
from support.trainers import TINY, batches, prepared

from egsc_tf.config import Config
from egsc_tf.data.augmentation import finish
from egsc_tf.training.diff_augment import augment
from egsc_tf.training.draws import NONE, Draws

# Nothing changes but for the hole, which a corner has: a quarter of it is inside.
SAME = [0.5, 0.5, 0.5, 0.5, 0.5, 0.0, 0.0]
CONFIG = Config(seed=3, diff_augment=True)


def changed(x, **numbers):
    names = ["brightness", "saturation", "contrast", "down", "right", "row", "column"]
    of_all = {**dict(zip(names, SAME)), **numbers}
    return augment(tf.constant(x), tf.constant([list(of_all.values())], tf.float32))[0]


@pytest.fixture(scope="module")
def image():
    return noise(1, 16, 24, 3).astype(np.float32) / 127.5 - 1.0


def test_the_hole_is_half_of_each_side(image):
    found = changed(image, row=0.5, column=0.5).numpy()
    expected = image[0].copy()
    expected[4:12, 6:18] = 0
    np.testing.assert_allclose(found, expected, atol=1e-6)


@pytest.mark.parametrize(
    ("numbers", "expected"),
    [
        ({"brightness": 1.0}, lambda x: x + 0.5),
        ({"contrast": 0.0}, lambda x: 0.5 * (x - x.mean()) + x.mean()),
        ({"saturation": 0.0}, lambda x: 0 * x + x.mean(axis=-1, keepdims=True)),
        # An eighth of each side, and 0 where there was nothing.
        ({"down": 0.0}, lambda x: np.pad(x, ((2, 0), (0, 0), (0, 0)))[:-2]),
        ({"down": 0.999}, lambda x: np.pad(x, ((0, 2), (0, 0), (0, 0)))[2:]),
        ({"right": 0.999}, lambda x: np.pad(x, ((0, 0), (0, 3), (0, 0)))[:, 3:]),
    ],
    ids=lambda case: next(iter(case)) if isinstance(case, dict) else "",
)
def test_each_number_changes_its_own(numbers, expected, image):
    found = changed(image, **numbers).numpy()[4:, 6:]
    np.testing.assert_allclose(found, expected(image[0])[4:, 6:], atol=1e-5)


def test_the_generator_learns_through_it(image):
    x = tf.constant(image)
    with tf.GradientTape() as tape:
        tape.watch(x)
        seen = augment(x, tf.constant([SAME]))
    gradient = tape.gradient(seen, x)[0].numpy()
    assert not gradient[:4, :6].any()  # the hole
    np.testing.assert_allclose(gradient[4:, 6:], 1.0, atol=1e-5)


def test_draws_are_a_function_of_seed_and_update(image):
    x = tf.constant(image.repeat(4, axis=0))
    one, again = (Draws(CONFIG, 5) for _ in range(2))
    found = one.augmented(x, parts=2)
    np.testing.assert_array_equal(found, again.augmented(x, parts=2))
    others = [
        one.augmented(x, parts=2),
        Draws(CONFIG, 6).augmented(x, parts=2),
        Draws(Config(seed=4, diff_augment=True), 5).augmented(x, parts=2),
    ]
    # Each image, real or made, of each call, update and seed is changed otherwise.
    images = tf.concat([found, *others], axis=0).numpy()
    for first, second in itertools.combinations(images, 2):
        assert np.abs(first - second).max() > 0.1


def test_an_update_has_a_seed_for_each_draw(image):
    draws = Draws(CONFIG, 5)
    for _ in range(8):
        draws.augmented(tf.constant(image))
    with pytest.raises(StopIteration):
        draws.augmented(tf.constant(image))


@pytest.mark.parametrize("stage", [1, 2])
def test_only_what_discriminators_say_depends_on_the_flag(stage):
    logs = []
    for config in (TINY, dataclasses.replace(TINY, diff_augment=True)):
        batch = batches(config, config.g_update if stage == 2 else 1, 1)[0]
        trainer = prepared(stage, config, batch)
        one = finish({name: x[:, 0] for name, x in batch.items()})
        draws = trainer.draws(3)
        _, of_g, fakes = trainer.generator_losses(one, draws)
        _, of_d = trainer.discriminator_losses(one, fakes, draws)
        logs.append({name: float(x) for name, x in {**of_g, **of_d}.items()})
    without, with_it = logs
    judged = {"D/a", "D/b", "G/adv_a", "G/adv_b"}
    assert judged < set(without)
    for name, value in without.items():
        differs = abs(with_it[name] - value) > 1e-3 * abs(value)
        assert differs == (name in judged), name


def test_augmentation_does_not_change_the_noise(image):
    x = tf.constant(image)
    one, other = Draws(CONFIG, 5), Draws(Config(seed=3), 5)
    one.augmented(x)
    np.testing.assert_array_equal(one.noise(x), other.noise(x))


def test_without_the_flag_discriminators_see_the_images(image):
    x = tf.constant(image)
    assert Draws(Config(), 5).augmented(x) is x
    assert NONE.augmented(x) is x
