"""The digits data sets: looks, boards, handwriting."""

import numpy as np
import pytest
import tensorflow as tf

from egsc_tf.data.digits import handwriting, sources
from egsc_tf.errors import UserError


@pytest.fixture(scope="module")
def uci():
    return handwriting.load("uci", "train")


def seed(n):
    return tf.constant([7, n], tf.int64)


def test_splits_share_no_digit(uci):
    test_images, test_labels = handwriting.load("uci", "test")
    train = {image.tobytes() for image in uci[0]}
    assert not train & {image.tobytes() for image in test_images}
    assert len(train) + len(test_images) > 1700
    assert set(test_labels) == set(range(10))


def test_handwriting_is_bright_ink_with_a_margin(uci):
    images, labels = uci
    assert images.shape == (len(labels), 28, 28)
    assert images.dtype == np.uint8
    assert images[:, :4].max() == 0
    assert images.max() == 255


def test_single_a_is_black_and_white_in_both_polarities(uci):
    source = sources.DigitsSingle(*uci, 28, 28)
    corners = []
    for n in range(40):
        image = source.image("a", n, seed(n)).numpy()
        assert set(np.unique(image)) == {-1.0, 1.0}
        corners.append(image[0, 0, 0])
    assert 8 < np.sum(np.array(corners) > 0) < 32


@pytest.mark.parametrize(("polarity", "corner"), list(zip(sources.POLARITIES, (1, -1))))
def test_one_polarity(uci, polarity, corner):
    source = sources.DigitsSingle(*uci, 28, 28, polarity)
    for n in range(10):
        assert source.image("a", n, seed(n)).numpy()[0, 0, 0] == corner


def test_single_b_has_two_different_pure_colours_of_six_kinds(uci):
    source = sources.DigitsSingle(*uci, 28, 28)
    seen = set()
    for n in range(80):
        image = source.image("b", n, seed(n)).numpy()
        colours = np.unique(image.reshape(-1, 3), axis=0)
        assert len(colours) == 2
        assert (np.sort(colours) == [-1, -1, 1]).all()
        mask = source.content(n, seed(n))["mask"].numpy() > 0.5
        seen.add((image[mask][0].argmax(), image[~mask][0].argmax()))
    assert len(seen) == 6


def test_unseen_pairs_makes_high_classes_red_on_green(uci):
    source = sources.DigitsSingle(*uci, 28, 28, unseen_pairs=True)
    labels = uci[1]
    kinds = [int(source.look("b", n, seed(n))) for n in range(100)]
    high = [k for k, label in zip(kinds, labels) if label > 4]
    low = [k for k, label in zip(kinds, labels) if label <= 4]
    assert set(high) == {sources.RED_ON_GREEN}
    assert len(set(low)) == 6


def test_multi_board_has_each_class_once(uci):
    source = sources.DigitsMulti(*uci, 112, 112)
    mask, classes = source.content(0, seed(1)).values()
    assert mask.shape == classes.shape == (112, 112)
    cells = classes.numpy()[14::28, 14::28].ravel()
    assert sorted(cells) == [*range(10), *[10] * 6]
    filled = mask.numpy().reshape(4, 28, 4, 28).max(axis=(1, 3)).ravel()
    np.testing.assert_array_equal(filled > 0, cells < 10)


def test_multi_b_colours_follow_the_class(uci):
    source = sources.DigitsMulti(*uci, 112, 112)
    content = source.content(0, seed(2))
    mask, classes = content.values()
    image = source.paint(content, "b", source.look("b", 0, seed(3)))
    hsv = tf.image.rgb_to_hsv((image + 1.0) / 2.0).numpy()
    for c in range(10):
        stroke = hsv[(classes.numpy() == c) & (mask.numpy() > 0)]
        np.testing.assert_allclose(stroke[:, 0], c / 10.0, atol=1e-3)
        assert 0.5 * 0.6 - 1e-3 <= stroke[0, 1] <= 0.5 * 1.4 + 1e-3
        assert 0.5 * 0.6 - 1e-3 <= stroke[0, 2] <= 0.5 * 1.4 + 1e-3
    ground = image.numpy()[mask.numpy() == 0]
    assert len(np.unique(ground)) == 1
    assert abs(ground[0, 0]) == 1.0


def test_multi_a_is_black_and_white(uci):
    source = sources.DigitsMulti(*uci, 112, 112)
    image = source.image("a", 3, seed(4)).numpy()
    assert set(np.unique(image)) == {-1.0, 1.0}


def test_multi_refuses_a_missing_class(uci):
    images, labels = uci
    with pytest.raises(ValueError, match="some of each class"):
        sources.DigitsMulti(images[labels != 3], labels[labels != 3], 112, 112)


def test_local_mnist_file(tmp_path):
    images = np.full((3, 28, 28), 9, np.uint8)
    path = tmp_path / "mnist.npz"
    labels = np.arange(3, dtype=np.uint8)
    np.savez(path, x_train=images, y_train=labels, x_test=images[:1], y_test=labels[:1])
    for data_dir in (str(path), str(tmp_path)):
        found, classes = handwriting.load("mnist", "train", data_dir)
        np.testing.assert_array_equal(found, images)
        assert classes.tolist() == [0, 1, 2]


def test_bad_mnist_paths_are_named(tmp_path):
    with pytest.raises(UserError, match=r"--data_dir=.*nowhere"):
        handwriting.load("mnist", "train", str(tmp_path / "nowhere"))
    broken = tmp_path / "broken.npz"
    broken.write_bytes(b"not an archive")
    with pytest.raises(UserError, match=r"broken\.npz.*expected an mnist\.npz"):
        handwriting.load("mnist", "train", str(broken))
    np.savez(tmp_path / "other.npz", x=np.zeros(3))
    with pytest.raises(UserError, match="x_train"):
        handwriting.load("mnist", "train", str(tmp_path / "other.npz"))
    labels = np.zeros(4, np.uint8)
    for wrong in (np.zeros([4, 28, 28]), np.zeros([5, 28, 28], np.uint8)):
        np.savez(tmp_path / "wrong.npz", x_train=wrong, y_train=labels)
        with pytest.raises(UserError, match=r"wrong\.npz: expected .* found images of"):
            handwriting.load("mnist", "train", str(tmp_path / "wrong.npz"))
