"""AdaIN, masks and style codes: constants in, exact answers out."""

import numpy as np
import pytest
import tensorflow as tf

from egsc_tf.models import adain

# One channel, two positions: mean 3, variance 4, standard deviation 2.
X = tf.constant([1.0, 5.0])[None, :, None, None]


def test_feature_mask_is_between_half_and_one():
    mask = adain.feature_mask(tf.constant([-100.0, 0.0, 100.0]))
    np.testing.assert_allclose(mask, [0.5, 0.75, 1.0])


def test_style_code_standard():
    np.testing.assert_allclose(adain.style_code(X), [[2.0, 3.0]], rtol=1e-5)


def test_style_code_release():
    np.testing.assert_allclose(adain.style_code(X, "release"), [[3.0, 4.0]])


def test_adain_standard():
    y = adain.adain(X, tf.constant([[10.0, 7.0]]))
    np.testing.assert_allclose(y[0, :, 0, 0], [-3.0, 17.0], rtol=1e-5)


def test_adain_release_divides_by_the_variance():
    y = adain.adain(X, tf.constant([[10.0, 7.0]]), "release")
    np.testing.assert_allclose(y[0, :, 0, 0], [2.0, 12.0])


def test_own_style_changes_nothing():
    x = tf.random.stateless_normal([2, 5, 6, 3], [0, 1])
    np.testing.assert_allclose(adain.adain(x, adain.style_code(x)), x, atol=1e-5)


def test_transfer_masks_before_the_statistics():
    m, s = tf.constant([2.0, 1.0])[None, :, None, None], tf.constant([[1.0, 0.0]])
    y = adain.transfer(X, m, s)  # m * c = (2, 5)
    np.testing.assert_allclose(y[0, :, 0, 0], [-1.0, 1.0], rtol=1e-5)


def test_transfer_without_mask_or_style():
    np.testing.assert_array_equal(adain.transfer(X, None, None), X)
    np.testing.assert_array_equal(adain.transfer(X, 2.0 * X, None), 2.0 * X * X)


def test_codes_are_blended_row_by_row():
    own, style = tf.constant([[2.0, 4.0], [0.0, 8.0]]), tf.constant([[10.0, 0.0]])
    found = adain.between(own, style, tf.constant([0.25, 1.0]))
    np.testing.assert_allclose(found, [[4.0, 3.0], [10.0, 0.0]])


@pytest.mark.parametrize(
    ("form", "expected"), [("standard", [2.0, 3.0]), ("release", [3.0, 4.0])]
)
def test_a_code_can_be_made_of_moments(form, expected):
    found = adain.code_of(tf.constant([[3.0]]), tf.constant([[4.0]]), form)
    np.testing.assert_allclose(found, [expected], rtol=1e-5)
    np.testing.assert_array_equal(
        adain.code_of(*adain.moments(X), form), adain.style_code(X, form)
    )


def test_statistics_are_float32_in_half_precision():
    x = tf.cast(tf.fill([1, 64, 64, 1], 100.0), tf.float16)
    assert adain.style_code(x).dtype == tf.float32
    np.testing.assert_allclose(adain.style_code(x)[0, 1], 100.0)
    assert adain.adain(x, tf.constant([[1.0, 0.0]])).dtype == tf.float16


@pytest.mark.parametrize("call", [adain.style_code, lambda x, f: adain.adain(x, x, f)])
def test_unknown_form_is_refused(call):
    with pytest.raises(ValueError, match="expected one of .* found 'other'"):
        call(X, "other")


def test_a_flat_channel_is_divided_by_epsilon():
    flat = tf.fill([1, 2, 2, 1], 3.0)
    np.testing.assert_allclose(adain.style_code(flat), [[1e-5**0.5, 3.0]], rtol=1e-5)
    y = adain.adain(1e-3 * X, tf.constant([[1.0, 0.0]]))  # variance 4e-6
    expected = 2e-3 / (4e-6 + 1e-5) ** 0.5
    np.testing.assert_allclose(y[0, :, 0, 0], [-expected, expected], rtol=1e-4)
