"""Every loss against numbers worked out by hand."""

import numpy as np
import pytest
import tensorflow as tf

from egsc_tf import losses


def feature(*positions):
    """[1, n, 1, C] from n positions of C numbers."""
    return tf.constant(positions, tf.float32)[None, :, None, :]


def test_adversarial_loss():
    # ((1-1)^2 + (0-1)^2 + (3-1)^2) / 3 = 5 / 3
    assert losses.adversarial_loss(tf.constant([1.0, 0.0, 3.0])).numpy() == (
        pytest.approx(5.0 / 3.0)
    )


def test_discriminator_loss():
    # real (2-1)^2 = 1, fake 3^2 = 9; half of the sum = 5
    assert losses.discriminator_loss(
        tf.constant([2.0]), tf.constant([3.0])
    ).numpy() == pytest.approx(5.0)


def test_l1_loss():
    x, y = tf.constant([[1.0, -1.0]]), tf.constant([[0.5, 1.0]])
    assert losses.l1_loss(x, y).numpy() == pytest.approx(1.25)


def test_kl_loss():
    assert losses.kl_loss(tf.constant([3.0, -4.0])).numpy() == pytest.approx(12.5)


def test_normalise_over_space():
    x = losses.normalise_over_space(feature([3.0, 0.0], [4.0, 2.0]))
    np.testing.assert_allclose(x[0, :, 0], [[0.6, 0.0], [0.8, 1.0]], atol=1e-6)


def test_content_loss_weighs_layer_i_by_i_fifths():
    x, y = feature([3.0], [4.0]), feature([4.0], [3.0])  # (.6, .8) and (.8, .6)
    one = losses.content_loss([x], [y]).numpy()
    assert one == pytest.approx(0.2 * 0.2)
    two = losses.content_loss([x, x], [x, y]).numpy()
    assert two == pytest.approx(0.4 * 0.2)


def test_gram_matrix_is_divided_by_positions():
    gram = losses.gram_matrix(feature([1.0, 2.0], [3.0, 4.0]))
    np.testing.assert_allclose(gram[0], np.array([[10.0, 14.0], [14.0, 20.0]]) / 2.0)


def test_gram_style_loss():
    # Normalised: x = columns (0.6, 0.8), (1, 0); y = (1, 0), (1, 0). Gram, over 2
    # positions: x = [[.5, .3], [.3, .5]], y all .5: difference (0, .2, .2, 0).
    x = feature([3.0, 1.0], [4.0, 0.0])
    y = feature([1.0, 1.0], [0.0, 0.0])
    assert losses.gram_style_loss([x], [y]).numpy() == pytest.approx(0.1, rel=1e-5)


def test_statistics_style_loss():
    # means 2 and 4, standard deviations 1 and 1: (2 + 0) / (4 + 1)
    x, y = feature([1.0], [3.0]), feature([3.0], [5.0])
    assert losses.statistics_style_loss([x], [y]).numpy() == pytest.approx(0.4)


def test_statistics_style_loss_is_relative_to_each_layer_and_image():
    x, y = feature([1.0], [3.0]), feature([3.0], [5.0])
    both = losses.statistics_style_loss([x, 1000.0 * x], [y, 1000.0 * y]).numpy()
    assert both == pytest.approx(0.8, rel=1e-5)
    batch = [tf.concat([f, 10.0 * f], axis=0) for f in (x, y)]
    assert losses.statistics_style_loss(batch[:1], batch[1:]).numpy() == (
        pytest.approx(0.4, rel=1e-5)
    )


@pytest.mark.parametrize("name", sorted(losses.STYLE_LOSSES))
def test_style_losses_do_not_see_where_things_are(name):
    x = tf.random.stateless_uniform([2, 6, 5, 3], [1, 2])
    mirrored = x[:, ::-1, ::-1]
    assert losses.STYLE_LOSSES[name]([x], [mirrored]).numpy() == (
        pytest.approx(0.0, abs=1e-6)
    )


def test_tiny_features_are_divided_by_epsilon_not_blown_up():
    x = losses.normalise_over_space(feature([1e-7], [1e-7]))
    np.testing.assert_allclose(x[0, :, 0, 0], [0.1, 0.1], rtol=1e-4)
    x, y = feature([1e-6], [1e-6]), feature([0.0], [0.0])  # y: std = sqrt(1e-12)
    assert losses.statistics_style_loss([x], [y]).numpy() == (
        pytest.approx(1.0, rel=1e-3)
    )
