"""The evaluators, on translators whose scores are known."""

import dataclasses
import json
import os
import re
import shutil

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image
from support import runs
from support.archives import write_cityscapes, write_gta5, write_mnist
from support.files import noise, save, save_noise
from support.programs import refusal

from egsc_tf.config import Config
from egsc_tf.errors import UserError
from egsc_tf.evaluation import caveats, earlier, registry, scoring
from egsc_tf.evaluation.context import EvaluationContext
from egsc_tf.evaluation.evaluators import (
    digits,
    distribution,
    exemplars,
    masks,
    perceptual,
    segmentation,
    segmentation_transfer,
    transfer,
    tsne,
)
from egsc_tf.evaluation.settings import Settings
from egsc_tf.metrics import digit_classifier, segmentation_network
from egsc_tf.metrics import segmentation as metrics_segmentation
from egsc_tf.run import workdir as workdir_lib

DIGITS = Config(
    dataset="digits_single",
    height=28,
    width=28,
    n_encoder=1,
    n_res=1,
    perceptual_network="embedded",
)


class Oracle:
    """Always right on digits_single: the content's stroke, the exemplar's colours."""

    def translate(self, content, exemplar, direction, strength=1.0):
        del direction
        content, exemplar = np.asarray(content), np.asarray(exemplar)
        out = []
        for i, x in enumerate(content):
            e = exemplar[i if len(exemplar) > 1 else 0]
            ground = e[0, 0]
            stroke = e.reshape(-1, 3)[(e != ground).any(-1).argmax()]
            ink = (x != x[0, 0]).any(-1, keepdims=True)
            y = np.where(ink, stroke, ground)
            out.append(strength * y + (1 - strength) * x)
        return tf.constant(np.stack(out), tf.float32)

    def encode_style(self, images, domain):
        del domain
        return tf.reduce_mean(images, axis=[1, 2])

    def encode_content(self, images, domain):
        del domain
        return tf.reduce_mean(images, axis=-1, keepdims=True), None


class Identity(Oracle):
    """Leaves the content as it is."""

    def translate(self, content, exemplar, direction, strength=1.0):
        return tf.constant(content)


@pytest.fixture(autouse=True)
def short_training(monkeypatch):
    """Judges that are good enough here, in a quarter of the time."""
    monkeypatch.setattr(digit_classifier, "STEPS", 300)


@pytest.fixture(scope="module")
def oracle(tmp_path_factory):
    output = str(tmp_path_factory.mktemp("scores"))
    return EvaluationContext(Oracle(), DIGITS, Settings(max_images=12), output)


@pytest.fixture(scope="module")
def identity(oracle):
    """Shares the oracle's judges."""
    context = EvaluationContext(Identity(), DIGITS, oracle.settings, oracle.output)
    context.kept = {k: v for k, v in oracle.kept.items() if k[0] == "judge"}
    return context


@pytest.mark.parametrize("direction", ["a2b", "b2a"])
def test_the_right_answer_has_full_scores(oracle, direction):
    found = digits.digits_scores(oracle, direction, registry.DIGITS)
    assert found["style_accuracy"] == 1.0
    assert found["style_accuracy_0"] == found["style_accuracy_1"] == 1.0
    assert found["l1"] == pytest.approx(0.0, abs=1e-6)
    assert found["ssim"] == pytest.approx(1.0, abs=1e-5)
    assert found["psnr"] == digits.PSNR_CEILING
    assert found["content_accuracy"] == found["judge_accuracy"] > 0.8
    sheet = Image.open(os.path.join(oracle.output, f"grid_{direction}.png"))
    looks = {"a2b": 6, "b2a": 2}[direction]
    source = oracle.source("test")
    rows = len(np.unique(source.labels[: oracle.settings.max_images]))
    assert sheet.size == (2 * 28 * (1 + looks), 2 * 28 * (1 + rows))


def test_a_run_on_our_mnist_builder_is_scored(tmp_path, monkeypatch):
    monkeypatch.setattr(digit_classifier, "STEPS", 20)  # any accuracy will do
    write_mnist(tmp_path)
    config = dataclasses.replace(
        DIGITS,
        dataset="tfds:egsc_mnist_single",
        data_dir=str(tmp_path / "tfds"),
        manual_dir=str(tmp_path),
    )
    context = EvaluationContext(Oracle(), config, Settings(), str(tmp_path))
    for direction in ("a2b", "b2a"):
        found = digits.digits_scores(context, direction, registry.DIGITS)
        assert found["style_accuracy"] == 1.0
        assert found["l1"] == pytest.approx(0.0, abs=1e-6)
        assert 0.0 <= found["content_accuracy"] <= 1.0
        assert os.path.isfile(tmp_path / f"grid_{direction}.png")
    other = dataclasses.replace(config, height=32, width=32)
    context = EvaluationContext(Oracle(), other, Settings(), str(tmp_path))
    with pytest.raises(UserError, match="--height, --width: expected 28 and 28"):
        digits.digits_scores(context, "a2b", registry.DIGITS)


def test_only_the_wanted_scores_are_given(oracle):
    found = digits.digits_scores(oracle, "b2a", ("l1", "ssim"))
    assert set(found) == {"l1", "ssim"}


def test_an_untouched_source_has_no_style(identity):
    found = digits.digits_scores(identity, "a2b", registry.DIGITS)
    assert found["style_accuracy"] == 0.0
    assert found["l1"] > 0.3


def test_fid_and_kid_of_the_right_answers_beat_the_untranslated(oracle):
    found = distribution.distribution(oracle, "a2b", ("fid", "kid"))
    assert found["fid"] < 0.5 * found["fid_untranslated"]
    assert found["kid"] < 0.5 * found["kid_untranslated"]
    assert oracle.notes["extractor"] == "digits classifier"


def test_fid_of_one_image_is_refused():
    context = EvaluationContext(Identity(), DIGITS, Settings(max_images=1), "")
    with pytest.raises(UserError, match=r"expected at least 2 .* \(--max_images=1\)"):
        distribution.distribution(context, "a2b", ("kid",))


def test_perceptual_distances_and_their_curve(oracle):
    found = perceptual.perceptual_distances(oracle, "a2b", ())
    curve = found["content_style_curve"]
    assert [p["strength"] for p in curve] == list(perceptual.STRENGTHS)
    assert curve[0]["content_distance"] == pytest.approx(0.0, abs=1e-6)
    assert found["content_distance"] > 0.0
    assert found["style_distance"] < 0.5 * found["style_distance_untranslated"]
    assert curve[0]["style_distance"] == found["style_distance_untranslated"]
    oracle.finish()
    assert Image.open(os.path.join(oracle.output, "content_style.png")).width == 500


def test_broken_checkpoints_of_stage_1_cost_no_more_than_its_time(tmp_path, caplog):
    workdir = runs.untrained(tmp_path / "run")
    (tmp_path / "run" / "feature_masks").mkdir()
    (tmp_path / "run" / "feature_masks" / "ckpt-1.index").touch()
    path = workdir_lib.newest_checkpoint(workdir, workdir_lib.TRANSLATION)
    with caplog.at_level("WARNING", logger="absl"):
        assert scoring.train_seconds(workdir, path) is None
    assert "train_seconds is left out" in caplog.text


def test_diversity_needs_exemplars_that_differ():
    context = EvaluationContext(Identity(), DIGITS, Settings(max_images=1), "")
    with pytest.raises(
        UserError, match="diversity: expected 2 test images of domain b"
    ):
        perceptual.diversity(context, "a2b", ())


def test_diversity_takes_no_exemplar_twice():
    seen = []

    class Watched(Identity):
        def translate(self, content, exemplar, direction):
            seen.append([np.asarray(x).tobytes() for x in exemplar])
            return super().translate(content, exemplar, direction)

    context = EvaluationContext(Watched(), DIGITS, Settings(max_images=3), "")
    different = len({x.tobytes() for x in context.test_images("b")})
    perceptual.diversity(context, "a2b", ())
    assert [len(set(of_source)) for of_source in seen] == [different] * 3 == [3] * 3
    assert seen[0] != seen[1] or seen[0] != seen[2]  # each source has its own order


def test_diversity(oracle, identity):
    assert perceptual.diversity(oracle, "a2b", ())["diversity"] > 0.01
    found = perceptual.diversity(identity, "a2b", ())["diversity"]
    assert found == pytest.approx(0.0, abs=1e-6)


def test_tsne_is_drawn_once(oracle):
    assert tsne.tsne(oracle, "a2b", ()) == {}
    path = os.path.join(oracle.output, "tsne.png")
    assert Image.open(path).size == (1000, 500)
    os.remove(path)
    tsne.tsne(oracle, "b2a", ())
    assert not os.path.exists(path)


def test_transfer_learns_from_right_answers(oracle, monkeypatch):
    monkeypatch.setattr(transfer, "TRANSFER_IMAGES", 500)
    monkeypatch.setattr(digit_classifier, "STEPS", 150)
    found = transfer.transfer(oracle, "a2b", ())
    assert found["transfer_accuracy"] > 0.8
    assert found["transfer_accuracy"] > found["transfer_untranslated_accuracy"] + 0.2


@pytest.fixture
def scenes(tmp_path):
    """Four images: dark above, bright below; label maps say the same, with a border."""
    for split in ("testA", "testB", "scenes"):
        (tmp_path / split).mkdir()
        (tmp_path / "labels" / split).mkdir(parents=True)
        for i in range(4):
            pixels = noise(16, 16, seed=i) // 4
            pixels[8:] += 190
            save(tmp_path / split / f"{i}.jpg", pixels, quality=95)
            label = np.repeat([0, 1], 8)[:, None].repeat(16, 1).astype(np.uint8)
            label[:, 0] = 255
            save(tmp_path / "labels" / split / f"{i}.png", label)
    return tmp_path


def test_fid_of_boards_uses_the_perceptual_network(tmp_path):
    config = dataclasses.replace(DIGITS, dataset="digits_multi", height=56, width=56)
    context = EvaluationContext(
        Identity(), config, Settings(max_images=4), str(tmp_path)
    )
    found = distribution.distribution(context, "a2b", ("fid",))
    assert found["fid"] == pytest.approx(found["fid_untranslated"])
    assert "conv5_1" in context.notes["extractor"]


def test_the_data_sets_own_label_maps_are_the_truth(tmp_path):
    write_gta5(tmp_path)
    write_cityscapes(tmp_path)
    config = Config(
        dataset="tfds:egsc_gta5_cityscapes",
        data_dir=str(tmp_path / "tfds"),
        manual_dir=str(tmp_path),
        height=16,
        width=32,
    )
    context = EvaluationContext(
        Identity(), config, Settings(segmentation_classes=8), ""
    )
    context.kept[("source", "test")] = SomeImages()
    # Frame 1, the test image, has label id 8 everywhere: flat.
    np.testing.assert_array_equal(
        segmentation.label_maps_of(context, "a"), np.full([1, 16, 32], 1)
    )
    # Of the very images that are scored, where they are another split's.
    config = dataclasses.replace(config, split_a="egsc_gta5_cityscapes:{split}B")
    context = EvaluationContext(
        Identity(), config, Settings(segmentation_classes=8), ""
    )
    context.kept[("source", "test")] = SomeImages()
    found = segmentation.label_maps_of(context, "a")
    np.testing.assert_array_equal(found, segmentation.label_maps_of(context, "b"))
    assert (found != 1).any()


class SomeImages:
    """A source of one image, of which only the place counts."""

    def size(self, domain):
        return 1

    def index(self, domain, index):
        return index

    def name(self, domain, index):
        return "one"

    def element(self, domain, index, seed):
        return index

    def batch(self, domain, indices):
        return tf.zeros([1, 8, 8, 3], tf.uint8)

    def tell(self):
        pass


class BrightOrDark(tf.Module):
    """A user's segmentation model: logits of two classes at half the size."""

    @tf.function(input_signature=[tf.TensorSpec([None, None, None, 3], tf.float32)])
    def __call__(self, image):
        grey = tf.reduce_mean(image[:, ::2, ::2], axis=-1, keepdims=True)
        return {"logits": tf.concat([-grey, grey], axis=-1)}


@pytest.fixture
def bright_or_dark(scenes):
    """The path of its SavedModel."""
    model, path = BrightOrDark(), str(scenes / "model")
    tf.saved_model.save(model, path, signatures=model.__call__)
    return path


def config_of(scenes):
    return Config(
        dataset="folder", data_dir=str(scenes), height=16, width=16, n_encoder=1
    )


class Negative(Identity):
    def translate(self, content, exemplar, direction, strength=1.0):
        return tf.constant(-content)


def test_semantic_consistency(scenes, bright_or_dark, caplog):
    settings = Settings(
        segmentation_model=bright_or_dark,
        segmentation_classes=2,
        label_dir=str(scenes / "labels"),
    )

    def scores(translator):
        context = EvaluationContext(
            translator, config_of(scenes), settings, str(scenes)
        )
        found = segmentation.semantic_consistency(context, "a2b", ("segmentation",))
        return found, context.notes

    found, notes = scores(Identity())
    assert found["miou"] == found["miou_untranslated"] == 1.0
    assert found["pixel_accuracy"] == found["pixel_accuracy_untranslated"] == 1.0
    assert found["iou"] == found["iou_untranslated"] == [1.0, 1.0]
    assert "segmentation_agreement" not in found
    assert "segmentation_held_out" not in notes

    held_out = {
        "scores": {"testB": {"miou": 0.75, "pixel_accuracy": 0.875}},
        "images": {"testB": 62},
    }
    (scenes / "model" / "held_out.json").write_text(json.dumps(held_out))
    with caplog.at_level("INFO", logger="absl"):
        found, notes = scores(Negative())
    assert found["miou"] == found["pixel_accuracy"] == 0.0
    assert found["miou_untranslated"] == found["pixel_accuracy_untranslated"] == 1.0
    assert notes["segmentation_held_out"] == held_out
    assert "mIoU 0.750, pixel accuracy 0.875 on 62 real frames of testB" in caplog.text


def test_agreement_needs_no_label_maps(scenes, bright_or_dark):
    settings = Settings(segmentation_model=bright_or_dark, segmentation_classes=2)

    class UpperHalf(Identity):
        """Turns the dark half into a bright one."""

        def translate(self, content, exemplar, direction, strength=1.0):
            return tf.constant(np.maximum(content, 0.4))

    for translator, expected in ((Identity(), 1.0), (UpperHalf(), 0.5)):
        context = EvaluationContext(translator, config_of(scenes), settings, "")
        found = segmentation.semantic_consistency(
            context, "b2a", ("segmentation_agreement",)
        )
        assert found == {"segmentation_agreement": expected}


def test_masks_are_asked_for_the_classes_of_the_label_maps(scenes):
    settings = Settings(segmentation_classes=2, label_dir=str(scenes / "labels"))

    class Masked(Identity):
        """Bright places have one mask; of the second channel all have the same."""

        def encode_content(self, images, domain):
            bright = tf.cast(tf.reduce_mean(images, -1, True) > 0, tf.float32)
            noise = tf.random.stateless_uniform(bright.shape, seed=[0, 1])
            bright = bright if self.tells else noise
            return None, tf.concat([0.5 + 0.5 * bright, 0.7 + 0 * bright], -1)

    found = {}
    for tells in (True, False):
        translator = Masked()
        translator.tells = tells
        context = EvaluationContext(translator, config_of(scenes), settings, "")
        found[tells] = masks.mask_regions(context, "b2a", ())
    assert found[True]["mask_regions"] == pytest.approx(1.0)
    assert found[False]["mask_regions"] < 0.05
    colours = {x["mask_regions_of_colours"] for x in found.values()}
    assert len(colours) == 1
    assert 0.8 < colours.pop() < 1.0


def test_masks_that_are_not_used_are_not_asked(scenes):
    config = dataclasses.replace(config_of(scenes), use_masks=False)
    settings = Settings(label_dir=str(scenes / "labels"), segmentation_classes=2)
    with pytest.raises(UserError, match=r"expected a run with masks.*--nouse_masks"):
        registry.choose(("mask_regions",), config, settings)


def test_segmentation_needs_its_files(scenes, bright_or_dark):
    def run(**settings):
        context = EvaluationContext(
            Identity(), config_of(scenes), Settings(**settings), ""
        )
        segmentation.semantic_consistency(context, "a2b", ("segmentation",))

    with pytest.raises(UserError, match=r"--segmentation_model=/no/such"):
        run(segmentation_model="/no/such")
    with pytest.raises(UserError, match="expected logits of 19 classes, found .* 2"):
        run(segmentation_model=bright_or_dark)
    two = {"segmentation_model": bright_or_dark, "segmentation_classes": 2}
    with pytest.raises(UserError, match="--label_dir: expected .*testA/0.png"):
        run(label_dir=str(scenes / "x"), **two)
    with pytest.raises(
        UserError, match="expected label maps: --label_dir, or .*folder"
    ):
        run(**two)
    save(scenes / "labels" / "testA" / "2.png", np.full([16, 16], 6, np.uint8))
    with pytest.raises(UserError, match=r"testA: expected labels 0 to 1 .* \[0, 1, 6,"):
        run(label_dir=str(scenes / "labels"), **two)


@pytest.fixture
def labelled(scenes):
    """The scenes, also for training; those of b are negatives: bright above."""
    for part in ("train", "test"):
        for domain in "AB":
            folder = scenes / (part + domain)
            labels = scenes / "labels" / (part + domain)
            shutil.rmtree(folder, ignore_errors=True)
            shutil.rmtree(labels, ignore_errors=True)
            shutil.copytree(scenes / "scenes", folder)
            shutil.copytree(scenes / "labels" / "scenes", labels)
            for path in folder.iterdir() if domain == "B" else ():
                save(path, 255 - np.asarray(Image.open(path)))
    return scenes


@pytest.fixture
def small_networks(monkeypatch):
    monkeypatch.setattr(segmentation_network, "WIDTHS", (8, 8, 8))
    monkeypatch.setattr(segmentation_network, "BATCH", 4)
    monkeypatch.setattr(segmentation_network, "LEARNING_RATE", 1e-2)


def test_a_network_learns_from_translations(labelled, small_networks):
    """A negative of a day is a dusk here: what is above is told by nothing else."""
    settings = Settings(
        segmentation_classes=2,
        label_dir=str(labelled / "labels"),
        segmentation_steps=30,
        segmentation_seeds=(5,),
    )
    context = EvaluationContext(Negative(), config_of(labelled), settings, "")
    found = segmentation_transfer.segmentation_transfer(context, "a2b", ())
    assert found["transfer_miou"] > found["transfer_miou_untranslated"] + 0.2
    assert found["transfer_miou"] == pytest.approx(found["transfer_miou_real"], abs=0.2)
    assert set(found) == {
        f"transfer_{score}{bound}"
        for score in ("miou", "pixel_accuracy")
        for bound in ("", "_untranslated", "_real")
    }
    notes = context.notes["segmentation_transfer"]["a2b"]
    assert {name: note["trained_on"] for name, note in notes.items()} == {
        name: 4 for name in ("translated", "untranslated", "real")
    }
    by_seed = [scores["miou"] for scores in notes["translated"]["by_seed"]]
    assert found["transfer_miou"] == pytest.approx(np.mean(by_seed))
    assert len(by_seed) == 1


@pytest.mark.parametrize("how", [{"colour_jitter": 0.5}, {"recoloured": True}])
def test_a_judge_may_learn_from_other_colours(small_networks, how):
    images = noise(4 * 16, 16).reshape(4, 16, 16, 3)
    labels = images[..., 0] > 128
    plain, again, other = (
        segmentation_network.train(images, labels, 2, 255, 0, 2, **flags)
        for flags in ({}, {}, how)
    )
    x = tf.constant(images[:1] / 127.5 - 1.0, tf.float32)
    np.testing.assert_array_equal(plain(x), again(x))
    assert np.abs(plain(x) - other(x)).max() > 1e-3


def test_a_judge_is_trained_by_a_command(labelled, small_networks):
    given = [
        f"--data_dir={labelled}",
        f"--label_dir={labelled / 'labels'}",
        "--height=16",
        "--width=16",
        "--segmentation_classes=2",
        f"--output={labelled / 'judge'}",
    ]
    code, output = refusal("train_segmentation", *given, "--domains=a", "--steps=30")
    assert code == 0
    (line,) = re.findall(r"^test., .*", output, re.MULTILINE)
    assert re.match(r"testA, 4 real frames: mIoU (0\.9|1\.0)\d+, pixel accuracy", line)
    judge = str(labelled / "judge")
    held_out = metrics_segmentation.held_out(judge)
    assert held_out["images"] == {"trainA": 4, "testA": 4}
    assert held_out["settings"]["steps"] == 30
    assert held_out["settings"]["colour_jitter"] == 0.0
    settings = Settings(segmentation_model=judge, segmentation_classes=2)
    settings = dataclasses.replace(settings, label_dir=str(labelled / "labels"))
    context = EvaluationContext(Identity(), config_of(labelled), settings, "")
    found = segmentation.semantic_consistency(context, "a2b", ("segmentation",))
    assert found["miou"] == pytest.approx(held_out["scores"]["testA"]["miou"])
    assert context.notes["segmentation_held_out"] == held_out
    for more, message in (
        (["--domains=c"], "--domains: expected a, b or both, each once, found c"),
        (["--segmentation_classes=19", "--ignore_label=1"], "labels 0 to 18"),
        ([f"--label_dir={labelled}/none"], "found no folder"),
    ):
        code, output = refusal("train_segmentation", *given, *more)
        assert code == 2
        assert message in output


def test_subfolders_are_scored_with_label_maps_of_the_same_names(tmp_path):
    trained = Config(dataset="folder", data_dir=str(tmp_path), height=16, width=16)
    config = Settings(recursive=True).moved(trained)
    assert config.recursive
    assert not Settings().moved(trained).recursive
    for name, level in (("a/x.png", 3), ("b/x.png", 5)):
        for folder, pixels in (
            ("testA", noise(16, 16, seed=level)),
            ("testB", noise(16, 16, seed=level)),
            ("labels/testA", np.full((16, 16), level, np.uint8)),
        ):
            path = tmp_path / folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            save(path, pixels)
    settings = Settings(label_dir=str(tmp_path / "labels"))
    context = EvaluationContext(Oracle(), config, settings, str(tmp_path))
    assert context.count("a") == 2
    found = segmentation.label_maps_of(context, "a")
    assert found[:, 0, 0].tolist() == [3, 5]


def test_label_maps_need_images_with_names():
    config = dataclasses.replace(DIGITS, dataset="official_records")
    context = EvaluationContext(Identity(), config, Settings(label_dir="labels"), "")
    context.kept[("source", "test")] = SomeImages()
    with pytest.raises(UserError, match="--label_dir: expected --dataset=folder.*offi"):
        segmentation.label_maps_of(context, "a")


@pytest.fixture
def streets(tmp_path):
    """Grey contents; exemplars of b: bright days and dark nights, all of them tinted
    otherwise."""
    random = np.random.RandomState(0)
    for part, count in (("train", 6), ("test", 6)):
        for folder in (f"{part}A", f"{part}B"):
            (tmp_path / folder).mkdir()
        for n in range(2 * count):
            grey = np.full((16, 16, 3), 100 + n, np.uint8)
            save(tmp_path / f"{part}A" / f"{n}.png", grey)
            level = 150 if n % 2 else 10
            tint = level + random.randint(0, 90, 3)
            pixels = (tint + random.randint(-9, 10, (16, 16, 3))).clip(0, 255)
            name = f"{'day' if n % 2 else 'night'}_{n}.png"
            save(tmp_path / f"{part}B" / name, pixels.astype(np.uint8))
    return tmp_path


class Copy(Identity):
    """Obeys: the exemplar itself, or, at will, another one of the batch."""

    def __init__(self, moved=0):
        self.moved = moved

    def translate(self, content, exemplar, direction, strength=1.0):
        return tf.roll(tf.constant(exemplar), self.moved, axis=0)


def context_of_streets(folder, translator, **settings):
    config = Config(
        dataset="folder",
        data_dir=str(folder),
        height=16,
        width=16,
        n_encoder=1,
        perceptual_network="embedded",
    )
    return EvaluationContext(translator, config, Settings(**settings), "")


def test_the_exemplars_rank_tells_whether_it_is_obeyed(streets):
    found = {}
    for name, translator in (("obeys", Copy()), ("other", Copy(1))):
        context = context_of_streets(streets, translator)
        found[name] = exemplars.exemplar_rank(context, "a2b", ())
        assert context.notes["spread"]["exemplar_rank_a2b"]["count"] == 12
        again = context_of_streets(streets, translator)
        assert exemplars.exemplar_rank(again, "a2b", ()) == found[name]
    assert found["obeys"]["exemplar_rank"] == 1.0
    assert found["other"]["exemplar_rank"] > 3.0
    untranslated = found["obeys"]["exemplar_rank_untranslated"]
    assert untranslated == found["other"]["exemplar_rank_untranslated"]
    assert 2.0 < untranslated < 9.0
    context = context_of_streets(streets, Copy(), max_images=9)
    with pytest.raises(UserError, match="expected 10 test images of domain b or more"):
        exemplars.exemplar_rank(context, "a2b", ())


def test_the_exemplars_kind_is_seen_by_a_classifier(streets):
    found = {}
    for name, translator in (("obeys", Copy()), ("content", Identity())):
        context = context_of_streets(streets, translator, kinds=("day", "night"))
        found[name] = exemplars.exemplar_kind(context, "a2b", ())
        assert exemplars.exemplar_kind(context, "b2a", ()) == {}
    obeys, content = found["obeys"], found["content"]
    assert obeys["kind_classifier_accuracy"] == 1.0
    assert obeys["exemplar_kind_accuracy"] == 1.0
    assert obeys["exemplar_kind_accuracy_day"] == 1.0
    assert obeys["exemplar_kind_accuracy_night"] == 1.0
    assert content["exemplar_kind_accuracy"] < 1.0
    untranslated = content["exemplar_kind_accuracy_untranslated"]
    assert content["exemplar_kind_accuracy"] == untranslated


def test_kinds_that_are_not_there_are_named(streets):
    def check(*kinds, **flags):
        config = context_of_streets(streets, Copy()).config
        config = dataclasses.replace(config, **flags)
        exemplars.check_kinds(config, Settings(kinds=kinds))

    check("day", "night")
    with pytest.raises(UserError, match="expected two different --kinds .*found day"):
        check("day")
    with pytest.raises(UserError, match="expected --dataset=folder, .* digits_single"):
        check("day", "night", dataset="digits_single")
    with pytest.raises(UserError, match="--kinds=dawn,dusk: .* found none"):
        check("dawn", "dusk")
    with pytest.raises(UserError, match="all begin with one of them, found night_0"):
        check("day", "dusk")
    with pytest.raises(UserError, match="images of each in .*trainB, found only day,n"):
        check("day", "night", "dusk")
    for path in (streets / "testB").iterdir():
        path.rename(path.with_name(f"some_{path.name}"))
    with pytest.raises(UserError, match="found them for one of the two"):
        check("day", "night")


def test_metrics_are_chosen_by_the_data_set():
    folder = dataclasses.replace(DIGITS, dataset="folder")
    boards = dataclasses.replace(DIGITS, dataset="digits_multi")

    def choose(names, config, **settings):
        return registry.choose(names, config, Settings(**settings))

    assert choose((), DIGITS) == choose((), boards) == registry.DIGITS
    assert choose((), folder) == ("fid", "kid", "perceptual")
    assert choose(("fid",), DIGITS) == ("fid",)
    for names, config, settings, message in (
        (("lpips",), folder, {}, "--metrics: expected some of .*found 'lpips'"),
        (("l1",), folder, {}, "--metrics=l1: expected a run of digits"),
        (("transfer",), boards, {}, "transfer: expected single digits, found boards"),
        (("segmentation",), folder, {}, "expected --segmentation_model, found none"),
        (
            ("segmentation",),
            folder,
            {"segmentation_model": "x", "segmentation_classes": 8},
            "--metrics=segmentation: expected label maps: .*_agreement needs none",
        ),
        (("segmentation_transfer",), folder, {}, "_transfer: expected label maps"),
        (("segmentation_transfer",), DIGITS, {}, "expected scenes, found digits"),
        (
            ("segmentation_transfer",),
            folder,
            {"label_dir": "x", "segmentation_seeds": ()},
            "--segmentation_seeds: expected a seed or more",
        ),
        (
            ("segmentation",),
            DIGITS,
            {"segmentation_model": "x"},
            "expected scenes, found digits",
        ),
        (("fid",), boards, {"extractor": "digits"}, "--extractor=digits: expected sin"),
    ):
        with pytest.raises(UserError, match=message):
            choose(names, config, **settings)
    assert [f.__name__ for f in registry.of(("kid", "l1"))] == [
        "digits_scores",
        "distribution",
    ]


def caveats_of(a, b, metrics=("fid", "kid", "perceptual"), trained_on=(), **results):
    settings = {"settings": {"metrics": list(metrics)}, "test_images": {"a": a, "b": b}}
    return caveats.of({**settings, **results}, dict(zip("ab", trained_on)))


def test_scores_of_few_images_say_that_they_mean_little():
    few, fid, kid = caveats_of(8, 5000)[:3]
    assert few.startswith("Only 8 of a and 5,000 of b were scored: fewer than 30 test ")
    assert fid.startswith(
        "FID of 8 of a and 5,000 of b: fewer than 1,000 test images m"
    )
    assert kid.startswith(
        "KID of 8 of a and 5,000 of b: with fewer than 100 test image"
    )
    (few,) = caveats_of(8, 9, ["l1"])
    assert few.startswith("Only 8 of a and 9 of b")
    assert caveats_of(30, 99, ["l1", "perceptual"]) == []
    assert [line[:3] for line in caveats_of(423, 577)] == ["FID"]
    assert caveats_of(1000, 1000) == []
    # A covariance of 2,048 features needs more images than that.
    (fid,) = caveats_of(1000, 1000, extractor_features=2048)
    assert "fewer than 2,048 test images" in fid


def test_domains_of_very_different_size_are_told():
    (line,) = caveats_of(1000, 1000, trained_on=(10, 5206))
    assert line.startswith(
        "Training images: 10 of a against 5,206 of b. The scores of "
    )
    (line,) = caveats_of(10_000, 1000, trained_on=(900, 100))
    assert line.startswith("Test images: 10,000 of a against 1,000 of b. ")
    assert caveats_of(1000, 9999, trained_on=(999, 100)) == []


def test_scores_of_the_same_weights_and_settings_stay(tmp_path, caplog, monkeypatch):
    monkeypatch.setattr(scoring, "train_seconds", lambda *_: None)  # it is untrained
    for name in ("testA", "testB"):
        (tmp_path / "photos" / name).mkdir(parents=True)
        for number in range(3):
            save_noise(tmp_path / "photos" / name / f"{number}.png", 16, 16, number)
    photos = str(tmp_path / "photos")
    run = tmp_path / "run"
    workdir = runs.untrained(run, dataset="folder", data_dir=photos)

    def evaluated(*metrics, **settings):
        scoring.evaluate(workdir, Settings(metrics=metrics, **settings))
        found = json.loads((run / "results.json").read_text())
        pictures = sorted(path.name for path in run.glob("*.png"))
        return found, found["settings"]["metrics"], pictures

    first, _, pictures = evaluated("perceptual")
    assert len(pictures) == 5
    both, metrics, _ = evaluated("kid", extractor="perceptual")
    assert metrics == ["perceptual", "kid"]
    assert both["content_distance_a2b"] == first["content_distance_a2b"]
    assert len(both["worst"]["a2b"]) == 2
    assert "gone" not in caplog.text
    with caplog.at_level("WARNING", logger="absl"):
        other, metrics, pictures = evaluated("kid", seed=1)
    assert (metrics, pictures) == (["kid"], [])
    assert "content_distance_a2b" not in other
    assert "earlier scores are gone, as they were of other" in caplog.text


def test_scores_of_other_weights_do_not_stay(tmp_path):
    head = dict.fromkeys(earlier.HEAD, {})
    settings = json.loads(json.dumps(dataclasses.asdict(Settings())))

    def results(step, *metrics):
        return {**head, "steps": step, "settings": {**settings, "metrics": [*metrics]}}

    before = {**results(5, "tsne", "fid"), "fid_a2b": 1.0}
    assert earlier.joined(before, results(5, "tsne"))["fid_a2b"] == 1.0
    # A setting that the scores of now do not use stays; one that both use must be same.
    before["settings"]["extractor"] = "perceptual"
    stays = earlier.joined(before, results(5, "tsne"))["settings"]
    assert stays == {**before["settings"], "metrics": ["fid", "tsne"]}
    assert earlier.joined(before, results(5, "kid")) == results(5, "kid")
    assert earlier.joined(before, results(6, "tsne")) == results(6, "tsne")
    (tmp_path / "tsne.png").touch()
    earlier.clear(str(tmp_path), before, results(6, "tsne"))
    assert (tmp_path / "tsne.png").exists()
    earlier.clear(str(tmp_path), before, results(6, "fid"))
    assert not (tmp_path / "tsne.png").exists()
    for text in ("[]", "{", '{"settings": 3}'):
        (tmp_path / "results.json").write_text(text)
        assert earlier.read(str(tmp_path / "results.json")) == {}
