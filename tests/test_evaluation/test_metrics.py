"""Scores against images and features whose scores are known."""

import dataclasses
import os

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image
from skimage.metrics import peak_signal_noise_ratio, structural_similarity
from sklearn.metrics import accuracy_score, jaccard_score

from egsc_tf import losses
from egsc_tf.config import Config
from egsc_tf.data import label_maps
from egsc_tf.data.digits import case as digits_case
from egsc_tf.errors import UserError
from egsc_tf.evaluation import digit_cases
from egsc_tf.evaluation.settings import Settings
from egsc_tf.metrics import (
    digit_classifier,
    embedding,
    extractors,
    frechet,
    perceptual,
    segmentation,
)
from egsc_tf.metrics import digits as scores
from egsc_tf.metrics.regions import Regions
from egsc_tf.models import vgg
from egsc_tf.runtime.keras import keras

SINGLE = Config(dataset="digits_single", height=28, width=28, n_encoder=1)
MULTI = Config(dataset="digits_multi", height=112, width=112)


def one_case(config, direction="a2b"):
    return next(digit_cases.cases(config, direction, 1).as_numpy_iterator())


@pytest.mark.parametrize("config", [SINGLE, MULTI], ids=["single", "multi"])
@pytest.mark.parametrize("direction", ["a2b", "b2a"])
def test_style_is_right_for_the_right_look_only(config, direction):
    case = one_case(config, direction)
    right = case["right"] * 0.8
    np.testing.assert_array_equal(scores.styles_right(right, case), 1.0)
    np.testing.assert_array_equal(scores.styles_right(right[::-1], case), 0.0)


def test_style_needs_both_stroke_and_ground():
    case = one_case(SINGLE)
    ink = case["mask"][..., None] > 0.5
    no_stroke = np.where(ink, case["ground"][:, None, None], case["right"])
    no_ground = np.where(ink, case["right"], case["right"][:, ink[..., 0]][:, :1, None])
    assert scores.styles_right(no_stroke, case).max() == 0.0
    assert scores.styles_right(no_ground, case).max() == 0.0


def test_style_counts_the_share_of_the_classes():
    case = one_case(MULTI)
    bad = (case["classes"] < 4) & (case["mask"] > 0.5)
    images = np.where(bad[..., None], 1.0 - case["right"], case["right"])
    assert scores.styles_right(images, case) == pytest.approx(0.6)


def test_cases_are_the_sources_and_the_exemplars():
    found = list(digit_cases.cases(SINGLE, "a2b", 3).as_numpy_iterator())
    assert len(found) == 6  # both polarities
    for case in found:
        assert set(case) == set(digits_case.KEYS)
        assert case["exemplars"].shape == (6, 28, 28, 3)
        ink = case["mask"] > 0.5
        assert len(np.unique(case["content"][ink])) == 1
        assert (case["content"][ink][0] == -case["content"][~ink][0]).all()
        # An exemplar is another digit in the colours of the right answer.
        for exemplar, right in zip(case["exemplars"], case["right"]):
            colours = [np.unique(x.reshape(-1, 3), axis=0) for x in (exemplar, right)]
            np.testing.assert_array_equal(*colours)
            assert (exemplar != right).any()


def test_cells_of_a_board_are_its_ten_digits():
    case = one_case(MULTI)
    cells, labels = digit_cases.cells(case["right"][:1], case["classes"][None], MULTI)
    assert cells.shape == (10, 28, 28, 3)
    assert sorted(labels.numpy()) == list(range(10))
    label = int(labels[3])
    cell = case["classes"] == label
    np.testing.assert_array_equal(cells[3], case["right"][0][cell].reshape(28, 28, 3))


def test_labelled_digits_show_their_class():
    data = digit_cases.labelled(MULTI, "b", "test", seed=4).take(50)
    hues = {}
    for image, label in data.as_numpy_iterator():
        hsv = tf.image.rgb_to_hsv((image.reshape(-1, 3) + 1) / 2).numpy()
        stroke = hsv[(hsv[:, 1] > 0.1) & (hsv[:, 2] > 0.1)]
        hues.setdefault(int(label), []).append(np.median(stroke[:, 0]))
    for label, found in hues.items():
        np.testing.assert_allclose(found, label / 10, atol=0.02)
    assert len(hues) == 10


def test_the_judge_reads_real_digits():
    data = digit_cases.labelled(SINGLE, "b", "train")
    judge = digit_classifier.train(data, 0, 250)
    test = digit_cases.labelled(SINGLE, "b", "test", seed=9).take(100)
    images, labels = map(np.stack, zip(*test.as_numpy_iterator()))
    assert digit_classifier.reads(judge, images, labels).mean() > 0.9
    assert digit_classifier.reads(judge, images, (labels + 1) % 10).mean() < 0.1
    features = digit_classifier.features(judge)(images)
    assert features.shape == (100, 64)
    logits = judge.layers[-1](features)
    np.testing.assert_allclose(logits, judge(images), atol=1e-4)


def noisy_pair(seed=0):
    random = np.random.RandomState(seed)
    image = random.uniform(-1, 1, [1, 40, 36, 3]).astype(np.float32)
    image = tf.image.resize(tf.image.resize(image, [10, 9]), [40, 36]).numpy()
    return image, np.clip(image + random.normal(0, 0.1, image.shape), -1, 1)


def test_ssim_and_psnr_agree_with_scikit_image():
    image, other = noisy_pair()
    expected = structural_similarity(
        image[0],
        other[0],
        data_range=2.0,
        channel_axis=-1,
        gaussian_weights=True,
        sigma=1.5,
        use_sample_covariance=False,
    )
    # scikit-image leaves a border of the window's radius out, as tf.image does; it
    # truncates the window at 3.5 sigma, which is 11 pixels.
    found = scores.ssim(image, other.astype(np.float32))
    np.testing.assert_allclose(found, [expected], rtol=1e-3)
    expected = peak_signal_noise_ratio(image[0], other[0], data_range=2.0)
    found = scores.psnr(image, other.astype(np.float32))
    np.testing.assert_allclose(found, [expected], rtol=1e-3)


def test_l1_is_on_the_scale_0_to_1():
    image = noisy_pair()[0]
    black, white = -np.ones_like(image), np.ones_like(image)
    assert scores.l1(image, image) == [0.0]
    assert scores.l1(black, white) == [1.0]


def random_features(count, width, seed):
    random = np.random.RandomState(seed)
    mixed = random.normal(size=[count, width]) @ random.normal(size=[width, width])
    return np.maximum(mixed, 0.0) + random.normal(size=[width]) * 0.1


# tensorflow-gan 2.1.0: frechet_classifier_distance_from_activations, and, where both
# sets are of one size, kernel_classifier_distance_from_activations in one block; on
# random_features(N, D, 1) and random_features(M, D, 2) in float32.
TF_GAN = {
    (300, 200, 16): (26.89356, None),
    (60, 50, 96): (2811.1978, None),
    (120, 120, 24): (74.89792, 91.48071),
}


@pytest.mark.parametrize("sizes", sorted(TF_GAN))
def test_fid_and_kid_agree_with_tensorflow_gan(sizes):
    n, m, width = sizes
    x, y = random_features(n, width, 1), random_features(m, width, 2)
    fid, kid = TF_GAN[sizes]
    assert frechet.frechet_distance(x, y) == pytest.approx(fid, rel=1e-3)
    assert frechet.frechet_distance(y, x) == pytest.approx(fid, rel=1e-3)
    if kid:
        found, _ = frechet.kernel_distance(x, y, subsets=1, subset_size=n)
        assert found == pytest.approx(kid, rel=1e-3)


def test_fid_of_known_gaussians():
    """Along one axis: (1 - 0)^2 + (2 - 1)^2, standard deviations 2 and 1."""
    x = np.array([[-1.0], [1.0]]) / np.sqrt(2.0)
    y = 1.0 + 2.0 * x
    assert frechet.frechet_distance(x, y) == pytest.approx(2.0)
    assert frechet.frechet_distance(x, x) == pytest.approx(0.0, abs=1e-9)


def test_kid_of_one_distribution_is_near_zero():
    random = np.random.RandomState(3)
    x, y = random.normal(size=[2, 400, 8])
    mean, deviation = frechet.kernel_distance(x, y, subsets=20, subset_size=100)
    assert abs(mean) < 3 * deviation
    far, _ = frechet.kernel_distance(x, y + 1.0, subsets=20, subset_size=100)
    assert far > 10 * abs(mean)


@pytest.mark.parametrize("bad", [np.zeros([1, 4]), np.zeros([4])])
def test_fid_refuses_too_little(bad):
    with pytest.raises(ValueError, match="N of 2 or more"):
        frechet.frechet_distance(bad, np.zeros([5, 4]))
    with pytest.raises(ValueError, match="equal widths"):
        frechet.frechet_distance(np.zeros([5, 3]), np.zeros([5, 4]))


def test_perceptual_distances():
    phi = vgg.load("embedded")
    image, other = (x.astype(np.float32) for x in noisy_pair())
    images = np.concatenate([image, image, other])
    of_image, of_other = phi(image), phi(other)
    assert perceptual.distance(of_image, of_image).numpy() == [0.0]
    apart = float(perceptual.distance(of_image, of_other)[0])
    assert apart > 0.0
    # Of the three pairs of images, one is equal and two are apart.
    found = float(perceptual.diversity(phi(images)))
    assert found == pytest.approx(apart * 2 / 3, rel=1e-4)
    found = perceptual.style_distances(phi(images), phi(image.repeat(3, axis=0)))
    np.testing.assert_allclose(found[:2], 0.0, atol=1e-6)
    assert float(found[2]) > 0.01
    with pytest.raises(ValueError, match="2 images or more, found 1"):
        perceptual.diversity(of_image)


def test_style_distances_are_those_of_the_loss_by_image():
    phi = vgg.load("embedded")
    images, others = (
        np.random.RandomState(n).uniform(-1, 1, [3, 16, 16, 3]).astype(np.float32)
        for n in range(2)
    )
    found = perceptual.style_distances(phi(images), phi(others))
    for n in range(3):
        alone = losses.statistics_style_loss(
            phi(images[n : n + 1]), phi(others[n : n + 1])
        )
        assert float(found[n]) == pytest.approx(float(alone), rel=1e-5)


def test_ranks():
    assert perceptual.rank(0.5, [0.6, 0.7, 0.8]) == 1.0
    assert perceptual.rank(0.5, [0.1, 0.5, 0.8]) == 2.5
    assert perceptual.rank(0.5, [0.1, 0.2, 0.3]) == 4.0


@pytest.mark.parametrize("classes", [8, 19])
def test_miou_agrees_with_scikit_learn(classes):
    random = np.random.RandomState(classes)
    truth = random.randint(0, classes - 1, [4, 20, 30])  # the last class never occurs
    found = np.where(random.rand(*truth.shape) < 0.6, truth, (truth + 1) % classes)
    truth[random.rand(*truth.shape) < 0.1] = 255
    confusion = segmentation.Confusion(classes)
    for rows in range(4):
        confusion.add(truth[rows], found[rows])
    result = confusion.scores()
    keep = truth != 255
    iou = jaccard_score(
        truth[keep], found[keep], labels=range(classes), average=None, zero_division=0
    )
    np.testing.assert_allclose(result["iou"], iou, rtol=1e-6)
    assert result["miou"] == pytest.approx(np.mean(iou), rel=1e-6)
    accuracy = accuracy_score(truth[keep], found[keep])
    assert result["pixel_accuracy"] == pytest.approx(accuracy)


def test_a_class_that_is_left_out_has_no_iou_where_it_is_found():
    confusion = segmentation.Confusion(6, ignore=0)
    confusion.add([1, 1, 1, 1, 5, 5, 5, 5, 0], [1, 1, 1, 0, 5, 5, 5, 5, 3])
    result = confusion.scores()
    assert result["iou"] == [None, 0.75, None, None, None, 1.0]
    assert result["miou"] == 0.875
    assert result["pixel_accuracy"] == 0.875


def test_a_class_that_never_occurs_is_left_out_of_miou():
    confusion = segmentation.Confusion(3)
    confusion.add([[0, 1], [1, 255]], [[0, 1], [0, 2]])
    result = confusion.scores()
    assert result["iou"] == [0.5, 0.5, None]
    assert result["miou"] == 0.5
    assert result["pixel_accuracy"] == pytest.approx(2 / 3)


def test_the_share_between_regions_is_eta_squared():
    random = np.random.RandomState(0)
    labels = random.randint(0, 4, (6, 5, 3))
    values = random.normal(size=(6, 5, 3, 2)) + labels[..., None]
    regions = Regions(classes=6, ignore=3)  # two classes never occur
    for rows in (slice(0, 2), slice(2, 6)):
        regions.add(values[rows], labels[rows])

    kept, of = values[labels != 3], labels[labels != 3]
    means = np.stack([kept[of == k].mean(axis=0) for k in range(3)])[of]
    expected = means.var(axis=0).sum() / kept.var(axis=0).sum()
    assert regions.share() == pytest.approx(expected)


def test_what_does_not_vary_has_no_share_between_regions():
    regions = Regions(classes=2, ignore=255)
    regions.add(np.ones((1, 2, 2, 3)), np.array([[[0, 1], [1, 0]]]))
    assert regions.share() is None
    nothing = Regions(classes=2, ignore=1)
    nothing.add(np.ones((1, 1, 2, 1)), np.array([[[1, 1]]]))
    assert nothing.share() is None


def test_labels_out_of_range_are_refused():
    with pytest.raises(UserError, match="truth: expected labels 0 to 2 or 255"):
        segmentation.Confusion(3).add([[3]], [[0]])


def test_both_numberings_give_the_same_categories():
    # road, building, pole, vegetation, sky, person, bicycle, void
    by_label = label_maps.category_of_label_id([[7, 11, 17, 21, 23, 24, 33, 0]])
    by_train = label_maps.category_of_train_id([[0, 2, 5, 8, 10, 11, 18, 255]])
    assert by_label.tolist() == by_train.tolist() == [[1, 2, 3, 4, 5, 6, 7, 0]]


def test_tsne_tells_two_clouds_apart(tmp_path):
    random = np.random.RandomState(0)
    rows = np.concatenate(
        [random.normal(size=[30, 6]), random.normal(20, size=[30, 6])]
    )
    points = embedding.embed(rows)
    a, b = points[:30], points[30:]
    spread = max(np.linalg.norm(x - x.mean(0), axis=1).mean() for x in (a, b))
    assert np.linalg.norm(a.mean(0) - b.mean(0)) > 2 * spread
    path = os.path.join(tmp_path, "tsne.png")
    embedding.plot(path, {"content": {"a": a, "b": b}, "style": {"a": b, "b": a}})
    assert Image.open(path).size == (1000, 500)


def test_unknown_extractors_are_refused(tmp_path):
    with pytest.raises(UserError, match="--extractor=resnet: expected inception"):
        extractors.load("resnet")
    (field,) = (f for f in dataclasses.fields(Settings) if f.name == "extractor")
    assert field.metadata["names"] == extractors.NAMES
    for name in extractors.NAMES:
        extractors.check(name)
        assert name in field.metadata["help"]
    broken = tmp_path / "inception.h5"
    broken.write_text("x")
    with pytest.raises(UserError, match=r"inception\.h5: expected weights of Incep"):
        extractors.load(str(broken))


def test_inception_from_a_local_file(tmp_path):
    weights = str(tmp_path / "inception.h5")
    network = keras.applications.InceptionV3(
        include_top=False, weights=None, input_shape=(299, 299, 3), pooling="avg"
    )
    network.save_weights(weights)
    label, extract = extractors.load(weights)
    assert weights in label
    image = noisy_pair()[0].repeat(2, axis=0)
    found = extract(image)
    assert found.shape == (2, 2048)
    enlarged = tf.image.resize(image, [299, 299], "bicubic", antialias=True)
    np.testing.assert_allclose(found, network(tf.clip_by_value(enlarged, -1, 1)), 1e-4)
