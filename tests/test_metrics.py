"""Scores of digits against images whose scores are known."""

import numpy as np
import pytest
import tensorflow as tf

from egsc_tf.data import digits, handwriting
from egsc_tf.metrics import digit_classifier
from egsc_tf.metrics import scores_of_digits as scores


@pytest.fixture(scope="module")
def source():
    return digits.DigitsSingle(*handwriting.load("uci", "train"), 28, 28)


@pytest.mark.parametrize("domain", ["a", "b"])
def test_style_is_right_for_the_right_look_only(source, domain):
    mask = source.mask(5)
    looks = scores.looks(source, domain)
    assert len(looks) == {"a": 2, "b": 6}[domain]
    for painted in looks:
        image = source.paint(mask, domain, painted).numpy() * 0.7
        images, masks = (np.stack([x] * len(looks)) for x in (image, mask))
        right = scores.styles_right(images, masks, source, domain, looks)
        assert right.tolist() == [k == painted for k in looks]


def test_style_needs_both_stroke_and_ground(source):
    mask = source.mask(5)
    image = source.paint(mask, "b", 0).numpy()
    flat = np.broadcast_to(image[0, 0], image.shape)  # ground right, no stroke
    images, masks = np.stack([image, flat]), np.stack([mask, mask])
    right = scores.styles_right(images, masks, source, "b", [0, 0])
    assert right.tolist() == [True, False]


def test_one_polarity_has_one_look():
    images, labels = handwriting.load("uci", "test")
    source = digits.DigitsSingle(images, labels, 28, 28, "white_on_black")
    assert scores.looks(source, "a") == [1]


def test_l1_and_ssim(source):
    image = source.paint(source.mask(3), "b", 2).numpy()
    images, right = np.stack([image, image]), np.stack([image, -image])
    np.testing.assert_allclose(scores.l1(images, right), [0.0, 1.0])
    same, opposite = scores.ssim(images, right)
    assert same == pytest.approx(1.0)
    assert opposite < 0.2


def test_the_judge_reads_real_digits(source, monkeypatch):
    monkeypatch.setattr(digit_classifier, "STEPS", 250)
    judge = digit_classifier.train(source, "b")
    images = tf.stack([source.image("b", i, [9, i]) for i in range(100)])
    labels = source.labels[:100].numpy()
    assert digit_classifier.reads(judge, images, labels).mean() > 0.9
    wrong = (labels + 1) % 10
    assert digit_classifier.reads(judge, images, wrong).mean() < 0.1
