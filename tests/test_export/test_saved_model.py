"""The exported SavedModel: same images as the checkpoint, right files, clear errors."""

import hashlib
import json
import os
import re
import subprocess
import sys
from unittest import mock

import numpy as np
import pytest
import tensorflow as tf
import yaml
from google.protobuf import text_format
from support import runs
from support.paths import REPOSITORY
from support.pictures import noise, png
from tensorflow_serving.apis import prediction_log_pb2
from tensorflow_serving.config import model_server_config_pb2

from egsc_tf.data import images
from egsc_tf.errors import UserError
from egsc_tf.export.saved_model import Settings, export
from egsc_tf.export.serving import files as serving_files
from egsc_tf.export.serving import model_card
from egsc_tf.run import restore

PARTS = (
    "translate",
    "encode_style",
    "encode_style_bytes",
    "translate_with_style",
    "translate_with_style_bytes",
    "translate_own_size",
    "encode_style_own_size",
    "translate_with_style_own_size",
    "feature_mask",
)


@pytest.fixture(scope="module")
def workdir(tmp_path_factory):
    return runs.untrained(tmp_path_factory.mktemp("run"), test_noise=True)


@pytest.fixture(scope="module")
def version(workdir, tmp_path_factory):
    models = tmp_path_factory.mktemp("models")
    settings = Settings(
        batch_sizes=(1, 3), max_pixels=4096, max_batch_pixels=2000, measure=5
    )
    return export(workdir, str(models / "digits"), settings)


@pytest.fixture(scope="module")
def served(version):
    return tf.saved_model.load(version).signatures


@pytest.fixture(scope="module")
def translator(workdir):
    return restore.load(workdir, deterministic=True)


@pytest.fixture
def no_warm_up(monkeypatch):
    """Exports in half the time, where the warm-up requests are of no account."""
    monkeypatch.setattr(serving_files, "write_warmup", lambda *args: None)


@pytest.mark.parametrize("size", [(16, 16), (19, 30)])
@pytest.mark.parametrize(("direction", "suffix"), [("a2b", ""), ("b2a", "_b2a")])
def test_translates_as_the_checkpoint_does(served, translator, direction, suffix, size):
    content, exemplar = noise(2, *size, 3), noise(2, 17, 21, 3, seed=1)
    found = served["translate" + suffix](
        content=tf.constant(content), exemplar=tf.constant(exemplar)
    )["image"]
    expected = translator.translate(
        images.to_float(content), images.to_float(exemplar), direction
    )
    expected = images.to_uint8(expected)
    assert found.dtype == tf.uint8
    assert expected.std() > 1
    assert np.abs(found.numpy().astype(int) - expected).max() <= 1


def test_a_style_at_full_strength_is_the_translation(served):
    content, exemplar = (tf.constant(noise(3, 16, 20, 3, seed=i)) for i in range(2))
    style = served["encode_style"](exemplar=exemplar)["style"]
    assert style.shape == (3, 16)
    split = served["translate_with_style"](
        content=content, style=style, strength=tf.ones([3])
    )["image"]
    whole = served["translate"](content=content, exemplar=exemplar)["image"]
    assert (split.numpy() == whole.numpy()).all()
    none = served["translate_with_style"](
        content=content, style=style, strength=tf.constant([1.0, 0.0, 1.0])
    )["image"]
    assert [(n == w).all() for n, w in zip(none.numpy(), whole.numpy())] == [1, 0, 1]


def test_less_than_full_strength_is_the_translator_s(served, translator):
    content, style = noise(2, 16, 20, 3), translator.encode_style(noise(2, 17, 21, 3))
    strength = np.array([0.3, 1.0], np.float32)
    found = served["translate_with_style"](
        content=tf.constant(content), style=style, strength=tf.constant(strength)
    )["image"]
    expected = translator.translate_with_style(
        images.to_float(content), style, strength=strength
    )
    off = found.numpy().astype(int) - images.to_uint8(expected)
    assert np.abs(off).max() <= 1


def test_encoded_images_of_the_model_s_size_are_translated_as_they_are(served):
    content, exemplar = noise(2, 16, 16, 3), noise(2, 16, 16, 3, seed=1)
    whole = served["translate"](
        content=tf.constant(content), exemplar=tf.constant(exemplar)
    )["image"].numpy()
    files = [tf.constant([png(x) for x in batch]) for batch in (content, exemplar)]
    found = served["serving_default"](content_bytes=files[0], exemplar_bytes=files[1])
    found = [tf.io.decode_png(x).numpy() for x in found["image_bytes"].numpy()]
    assert (np.stack(found) == whole).all()

    style = served["encode_style_bytes"](exemplar_bytes=files[1])["style"]
    split = served["translate_with_style_bytes"](
        content_bytes=files[0], style=style, strength=tf.ones([2])
    )["image_bytes"].numpy()
    assert (np.stack([tf.io.decode_png(x) for x in split]) == whole).all()


def test_encoded_images_keep_their_own_size(served, translator):
    content, exemplar = noise(40, 26, 3), noise(9, 50, 3, seed=1)
    found = served["serving_default"](
        content_bytes=tf.constant([png(content), png(exemplar)]),
        exemplar_bytes=tf.constant([png(exemplar), png(content)]),
    )["image_bytes"].numpy()
    first, second = (tf.io.decode_png(x).numpy() for x in found)
    assert first.shape == content.shape
    assert second.shape == exemplar.shape
    small = [images.resize(x, 16, 16)[None] for x in (content, exemplar)]
    expected = images.to_uint8(translator.translate(*map(images.to_float, small)))[0]
    expected = images.resize(expected, 40, 26)
    # Pillow rounds between its two passes, TensorFlow does not.
    errors = np.abs(first.astype(int) - expected)
    assert errors.max() <= 4
    assert errors.mean() < 0.7


def own_size(served, contents, exemplars, suffix=""):
    """What the signatures with own_size make of [H, W, 3] uint8 images."""
    contents, exemplars = ([png(x) for x in some] for some in (contents, exemplars))
    made = call(
        served,
        f"translate_own_size{suffix}",
        content_bytes=contents,
        exemplar_bytes=exemplars,
    )["image_bytes"].numpy()
    style = call(served, f"encode_style_own_size{suffix}", exemplar_bytes=exemplars)[
        "style"
    ]
    split = call(
        served,
        f"translate_with_style_own_size{suffix}",
        content_bytes=contents,
        style=style.numpy(),
        strength=np.ones([len(contents)], np.float32),
    )["image_bytes"].numpy()
    assert (split == made).all()
    return [tf.io.decode_png(x).numpy() for x in made]


@pytest.mark.parametrize(("direction", "suffix"), [("a2b", ""), ("b2a", "_b2a")])
def test_own_size_is_what_the_checkpoint_gives(served, translator, direction, suffix):
    contents = [noise(40, 26, 3), noise(9, 50, 3, seed=1)]
    exemplars = [noise(21, 32, 3, seed=2), noise(40, 40, 3, seed=3)]
    found = own_size(served, contents, exemplars, suffix)
    for image, content, exemplar in zip(found, contents, exemplars):
        both = (images.to_float(x)[None] for x in (content, exemplar))
        expected = images.to_uint8(translator.translate(*both, direction)[0])
        assert image.shape == content.shape
        assert np.abs(image.astype(int) - expected).max() <= 1


def test_own_size_has_a_bound(version, served, translator):
    """Larger images are scaled to 2000 pixels and back; the card says so."""
    content, exemplar = noise(50, 80, 3), noise(16, 16, 3, seed=1)
    (found,) = own_size(served, [content], [exemplar])
    small = [images.resize(content, 35, 56), exemplar]
    expected = translator.translate(*(images.to_float(x)[None] for x in small))
    expected = images.resize(images.to_uint8(expected)[0], 50, 80)
    # Pillow rounds between its two passes.
    assert np.abs(found.astype(int) - expected).mean() < 0.7
    flat = noise(8, 500, 3)  # scaled, it would be too low for the networks
    assert own_size(served, [flat], [exemplar])[0].shape == flat.shape
    with open(os.path.join(version, model_card.CARD)) as file:
        assert "Images of more than 2000 pixels are scaled to" in file.read()


def test_the_mask(served, translator):
    content = noise(1, 16, 20, 3)
    found = served["feature_mask"](content=tf.constant(content))["mask"].numpy()
    expected = translator.encode_content(images.to_float(content))[1].numpy()
    assert found.shape == (1, 8, 10, 8)
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_every_signature_is_there_and_described(version, served):
    default = {"serving_default", *PARTS}
    other = {"translate_bytes_b2a", *(f"{part}_b2a" for part in PARTS)}
    assert set(served) == default | other
    with open(os.path.join(version, model_card.REPORT)) as file:
        report = json.load(file)
    for name, ends in report["signatures"].items():
        inputs = served[name].structured_input_signature[1]
        assert {k: v["shape"] for k, v in ends["inputs"].items()} == {
            k: v.shape.as_list() for k, v in inputs.items()
        }
        assert set(ends["outputs"]) == set(served[name].structured_outputs)
    with open(os.path.join(version, model_card.CARD)) as file:
        card = file.read()
    assert all(f"`{name}`" in card for name in served)


def test_checksums_and_the_split_use_are_in_the_report(version):
    with open(os.path.join(version, model_card.REPORT)) as file:
        report = json.load(file)
    listed = {"saved_model.pb", "variables/variables.index", serving_files.WARMUP}
    assert listed <= set(report["files"])
    for name, entry in report["files"].items():
        with open(os.path.join(version, name), "rb") as file:
            assert hashlib.sha256(file.read()).hexdigest() == entry["sha256"]
    times = report["split_use"]
    assert times["contents"] == 5
    assert times["ratio"] == times["full_seconds"] / times["split_seconds"]


def head_of(card):
    """What a hub of models reads of a card."""
    return yaml.safe_load(card.split("---\n")[1])


def test_a_hub_reads_the_head_of_the_card(version):
    with open(os.path.join(version, model_card.CARD)) as file:
        head = head_of(file.read())
    assert head["license"] == "other"  # of the weights: the training images' terms
    assert head["library_name"] == "tensorflow"
    assert head["pipeline_tag"] == "image-to-image"
    assert "egsc-it" in head["tags"]
    assert "model-index" not in head  # no results


@pytest.mark.parametrize("odd", ["- a: \"b\" 'c' #", "a\n---\nb\t\\é\u2028😀", "~"])
def test_no_name_breaks_the_head_of_the_card(version, odd):
    with open(os.path.join(version, model_card.REPORT)) as file:
        report = json.load(file)
    report["name"] = report["trained_on"]["dataset"] = odd
    report["scores"] = {"ssim_a2b": 0.8125, "fid_b2a": float("nan")}
    (entry,) = head_of(model_card.card(report))["model-index"]
    assert entry["name"] == odd
    (result,) = entry["results"]
    assert result["dataset"] == {"type": odd, "name": odd}
    assert result["task"]["type"] == "image-to-image"
    # No number, no metric.
    assert result["metrics"] == [{"type": "ssim_a2b", "value": 0.8125}]


def test_scores_of_this_very_step_are_on_the_card(tmp_path, no_warm_up):
    workdir = runs.untrained(tmp_path / "run")
    path = os.path.join(workdir, "results.json")
    for steps, shown in ((0, "| ssim_a2b | 0.8125 |"), (3, "not evaluated at this")):
        with open(path, "w") as file:
            caveats = ["Only 8 of a."]
            results = {"ssim_a2b": 0.8125, "steps": steps, "caveats": caveats}
            json.dump(results, file)
        version = export(workdir, str(tmp_path / "m"), Settings(directions=("a2b",)))
        with open(os.path.join(version, model_card.CARD)) as file:
            card = file.read()
        assert shown in card
        assert ("0.8125 |\n\n- Only 8 of a.\n\n## " in card) == (steps == 0)
        assert ("model-index" in head_of(card)) == (steps == 0)
        assert "60,000 steps of feature masks and 0 of translation." in card


def test_warm_up_has_every_signature_and_batch_size(version, served):
    path = os.path.join(version, serving_files.WARMUP)
    seen = set()
    for record in tf.data.TFRecordDataset(path):
        log = prediction_log_pb2.PredictionLog.FromString(record.numpy())
        request = log.predict_log.request
        assert request.model_spec.name == "digits"
        inputs = {k: tf.constant(tf.make_ndarray(v)) for k, v in request.inputs.items()}
        served[request.model_spec.signature_name](**inputs)
        batch = {len(value) for value in inputs.values()}
        seen.add((request.model_spec.signature_name, *batch))
    assert seen == {(name, batch) for name in served for batch in (1, 3)}


def test_the_server_s_configs(version, workdir):
    models = os.path.dirname(os.path.dirname(version))
    export(workdir, os.path.join(models, "another"), Settings(directions=("b2a",)))
    with open(os.path.join(models, "models.config")) as file:
        config = text_format.Parse(
            file.read(), model_server_config_pb2.ModelServerConfig()
        )
    found = {c.name: c.base_path for c in config.model_config_list.config}
    assert found == {"another": "/models/another", "digits": "/models/digits"}
    with open(os.path.join(models, "docker-compose.yaml")) as file:
        text = file.read()
    named = set(re.findall(r"=/models/(\S+)", text))
    assert named == {"models.config", "batching.config", "monitoring.config"}
    assert named <= set(os.listdir(models))
    # Requests are merged by those who ask for it only.
    command = yaml.safe_load(text)["services"]["egsc_tf"]["command"]
    assert len(command) == 3
    assert not [option for option in command if "batching" in option]


@pytest.mark.parametrize(("asked", "merges"), [((), False), (("BATCHING=1",), True)])
def test_make_serve_merges_requests_where_it_is_asked_to(
    version, tmp_path, asked, merges
):
    server = tmp_path / "tensorflow_model_server"
    server.write_text('#!/bin/sh\necho "$@"\n')
    server.chmod(0o755)
    models = os.path.dirname(os.path.dirname(version))
    done = subprocess.run(
        ["make", "--silent", "serve", f"MODELS={models}", *asked],
        cwd=REPOSITORY,
        env={**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert "--rest_api_port=8501" in done.stdout
    assert f"--monitoring_config_file={models}/monitoring.config" in done.stdout
    batching = f"--enable_batching --batching_parameters_file={models}/batching.config"
    assert (batching in done.stdout) == merges


def test_no_batch_is_larger_than_each_model_takes(version, workdir, no_warm_up):
    """The server has one batching.config for all models."""
    models = os.path.dirname(os.path.dirname(version))
    os.makedirs(os.path.join(models, "of_others", "1"))
    settings = Settings(directions=("b2a",), batch_sizes=(1, 2), max_batch_pixels=512)
    export(workdir, os.path.join(models, "small"), settings)
    export(workdir, os.path.join(models, "another"), Settings(directions=("b2a",)))
    with open(os.path.join(models, "batching.config")) as file:
        lines = file.read().splitlines()
    assert "max_batch_size { value: 2 }" in lines
    assert [line for line in lines if line.startswith("allowed")] == [
        "allowed_batch_sizes: 1",
        "allowed_batch_sizes: 2",
    ]


ALONE = """
import sys, numpy as np, tensorflow as tf
model = tf.saved_model.load(sys.argv[1])
x = tf.constant(np.load(sys.argv[2]))
np.save(sys.argv[3], model.signatures["translate"](content=x, exemplar=x)["image"])
print(sorted({"egsc_tf", "tensorflow_addons"} & {n.split(".")[0] for n in sys.modules}))
"""


def test_loads_where_egsc_tf_was_never_imported(version, served, tmp_path):
    content = noise(1, 16, 16, 3)
    np.save(tmp_path / "in.npy", content)
    arguments = [version, str(tmp_path / "in.npy"), str(tmp_path / "out.npy")]
    done = subprocess.run(
        [sys.executable, "-c", ALONE, *arguments],
        cwd=tmp_path,
        check=True,
        capture_output=True,
        text=True,
    )
    assert done.stdout.strip() == "[]"
    x = tf.constant(content)
    expected = served["translate"](content=x, exemplar=x)["image"]
    assert (np.load(tmp_path / "out.npy") == expected.numpy()).all()


def call(served, name, **inputs):
    return served[name](**{k: tf.constant(v) for k, v in inputs.items()})


GOOD = png(noise(16, 16, 3))


@pytest.mark.parametrize(
    ("name", "inputs", "message"),
    [
        (
            "translate",
            {"content": noise(1, 7, 16, 3), "exemplar": noise(1, 16, 16, 3)},
            "content: expected at least 8x8 pixels",
        ),
        (
            "translate",
            {"content": noise(2, 16, 16, 3), "exemplar": noise(1, 16, 16, 3)},
            "content, exemplar: expected as many rows",
        ),
        ("encode_style", {"exemplar": noise(0, 16, 16, 3)}, "a batch of 1 to"),
        ("encode_style", {"exemplar": noise(1, 0, 0, 3)}, "at least 8x8 pixels"),
        (
            "encode_style",
            {"exemplar": np.zeros([1, 41, 50, 3], np.uint8)},
            "a batch of 1 to 2000 pixels",
        ),
        (
            "translate_with_style",
            {
                "content": noise(1, 16, 16, 3),
                "style": np.zeros([1, 16], np.float32),
                "strength": np.array([1.5], np.float32),
            },
            "strength: expected numbers of 0 to 1",
        ),
        (
            "translate_with_style",
            {
                "content": noise(1, 16, 16, 3),
                "style": np.full([1, 16], np.nan, np.float32),
                "strength": np.array([1.0], np.float32),
            },
            "style: expected finite numbers",
        ),
        (
            "serving_default",
            {"content_bytes": [GOOD, GOOD], "exemplar_bytes": [GOOD]},
            "content_bytes, exemplar_bytes: expected as many rows",
        ),
        (
            "serving_default",
            {"content_bytes": [GOOD, GOOD], "exemplar_bytes": [GOOD, b"no image"]},
            r"exemplar_bytes: expected JPEG or PNG bytes.*\[1\]",
        ),
        (
            "encode_style_bytes",
            {"exemplar_bytes": [png(noise(65, 64, 3))]},
            "expected at least 8x8 and at most 4096 pixels",
        ),
        (
            "serving_default",
            {
                "content_bytes": [GOOD, png(noise(7, 16, 3))],
                "exemplar_bytes": [GOOD] * 2,
            },
            r"content_bytes: expected at least 8x8 .*\[1\] \[7\] \[16\]",
        ),
        (
            "encode_style_bytes",
            {"exemplar_bytes": np.array([], "S")},
            "a batch of 1 to",
        ),
        (
            "encode_style_own_size",
            {"exemplar_bytes": np.array([], "S")},
            "exemplar_bytes: expected a batch of 1 or more",
        ),
    ],
)
def test_bad_input_is_an_invalid_argument(served, name, inputs, message):
    with pytest.raises(tf.errors.InvalidArgumentError, match=message):
        call(served, name, **inputs)


@pytest.mark.parametrize("row", range(3))
@pytest.mark.parametrize("name", ["content_bytes", "exemplar_bytes"])
@pytest.mark.parametrize("signature", ["serving_default", "translate_own_size_b2a"])
def test_a_broken_row_is_named_with_its_input(served, signature, name, row):
    for broken in (b"", b"no image", GOOD[:20], GOOD[:-40], GOOD[:8] + bytes(90)):
        rows = {k: [GOOD] * 3 for k in ("content_bytes", "exemplar_bytes")}
        rows[name][row] = broken
        with pytest.raises(tf.errors.InvalidArgumentError) as error:
            call(served, signature, **rows)
        assert re.search(rf"{name}: expected .*\[{row}\]", str(error.value))


def test_versions_count_up_and_no_part_is_left(workdir, tmp_path, no_warm_up):
    output = tmp_path / "model"
    one = Settings(directions=("b2a",), batch_sizes=(1,))
    assert export(workdir, str(output), one) == str(output / "1")
    seventh = Settings(version=7, directions=("b2a",), batch_sizes=(1,))
    assert export(workdir, str(output), seventh) == str(output / "7")
    assert export(workdir, str(output), one) == str(output / "8")
    assert sorted(os.listdir(output)) == ["1", "7", "8"]
    with pytest.raises(UserError, match="--version=7: expected a free number"):
        export(workdir, str(output), seventh)
    # b2a alone: the default is its translation, all else says what it is.
    names = tf.saved_model.load(str(output / "8")).signatures
    other = {"translate_bytes_b2a", *(f"{part}_b2a" for part in PARTS)}
    assert set(names) == {"serving_default", *other}


def test_a_failed_export_leaves_nothing(workdir, tmp_path, monkeypatch):
    def fail(*args):
        raise OSError(28, "No space left on device", "x")

    monkeypatch.setattr(serving_files, "write_warmup", fail)
    with pytest.raises(OSError, match="No space"):
        export(workdir, str(tmp_path / "all" / "model"), Settings(directions=("a2b",)))
    assert os.listdir(tmp_path) == []


def test_missing_packages_are_told_before_the_model_is_loaded(
    workdir, tmp_path, monkeypatch
):
    monkeypatch.setitem(sys.modules, "tensorflow_serving.apis", None)
    monkeypatch.setattr(restore, "load", mock.Mock(side_effect=AssertionError))
    with pytest.raises(UserError, match=r'pip install "egsc_tf\[serving\]"`, found no'):
        export(workdir, str(tmp_path / "all" / "model"))
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"directions": ("a2b", "a2b")}, "--directions: .* found a2b,a2b"),
        ({"directions": ()}, "--directions: .* found none"),
        ({"directions": ("b2b",)}, "--directions: .* found b2b"),
        ({"batch_sizes": (4, 2)}, "--batch_sizes: .* found 4,2"),
        ({"batch_sizes": (0, 2)}, "--batch_sizes: .* found 0,2"),
        ({"height": 4}, "--height, --width: expected at least 8, found 4x16"),
        ({"height": 1024, "width": 1024}, "--max_batch_pixels, .* 8388608"),
    ],
)
def test_bad_settings_are_named(workdir, tmp_path, settings, message):
    with pytest.raises(UserError, match=message):
        export(workdir, str(tmp_path / "model"), Settings(**settings))


@pytest.mark.parametrize("name", ["a b", ".hidden", "a:b"])
def test_a_name_that_no_url_carries_is_refused(workdir, tmp_path, name):
    with pytest.raises(UserError, match="--output=.*expected MODELS/NAME"):
        export(workdir, str(tmp_path / name))
