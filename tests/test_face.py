"""What a Python user meets: the package's names, and training by Keras' own fit."""

import dataclasses
import importlib
import inspect
import subprocess
import sys
import typing
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

import egsc_tf
from egsc_tf.config import Config
from egsc_tf.data.augmentation import finish
from egsc_tf.errors import UserError
from egsc_tf.runtime.keras import keras
from egsc_tf.training import own_data
from egsc_tf.training.feature_masks import FeatureMaskTrainer
from egsc_tf.training.translation import TranslationTrainer

CONFIG = Config(
    ngf=2,
    ndf=2,
    n_encoder=2,
    n_res=1,
    n_dis=2,
    height=16,
    width=16,
    g_update=1,
    perceptual_network="embedded",
)
HOMES = {
    "Config": "egsc_tf.config",
    "Translator": "egsc_tf.models.translator",
    "evaluate": "egsc_tf.evaluation.scoring",
    "load": "egsc_tf.run.restore",
    "train": "egsc_tf.training.run",
}


def test_importing_the_package_starts_no_tensorflow():
    code = (
        "import sys, egsc_tf; dir(egsc_tf); egsc_tf.Config(); egsc_tf.__version__; "
        "sys.exit('tensorflow' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_starting_to_train_loads_nothing_of_scores_and_reports():
    code = (
        "import importlib, sys; importlib.import_module('egsc_tf.train'); "
        "assert 'tensorflow' in sys.modules; "
        "late = ('sklearn', 'matplotlib', 'jinja2', 'egsc_tf.evaluation', "
        "'egsc_tf.reporting.page'); "
        "print(*(name for name in late if name in sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    assert done.stdout.decode() == "\n"


def test_names_are_what_their_homes_have():
    assert set(dir(egsc_tf)) == {*HOMES, "__version__"} == set(egsc_tf.__all__)
    for name, home in HOMES.items():
        assert getattr(egsc_tf, name) is getattr(importlib.import_module(home), name)
    assert Path(egsc_tf.__file__).with_name("py.typed").exists()
    with pytest.raises(AttributeError, match="'egsc_tf' has no attribute 'translete'"):
        egsc_tf.translete  # noqa: B018


def test_functions_stay_where_programs_of_their_names_are_imported():
    for name in ("train", "evaluate"):
        program = importlib.import_module(f"egsc_tf.{name}")
        assert inspect.ismodule(program)
        assert program.main
        assert inspect.isfunction(getattr(egsc_tf, name))
    from egsc_tf import train

    assert train is egsc_tf.train


@pytest.mark.parametrize("name", HOMES)
def test_names_say_how_they_are_used(name):
    value = getattr(egsc_tf, name)
    assert f"egsc_tf.{name}" in value.__doc__ or "egsc_tf.load" in value.__doc__
    functions = [value] if inspect.isfunction(value) else vars(value).values()
    for function in filter(inspect.isfunction, functions):
        if not function.__name__.startswith("_"):
            hints = typing.get_type_hints(function)
            needed = {*inspect.signature(function).parameters, "return"} - {"self"}
            assert needed <= {*hints}, function


def images(dtype=np.float32, size=(16, 16), batch=2, count=8):
    """A dataset of one's own; of as many images of each domain."""
    numbers = np.random.RandomState(0).randint(0, 256, (count, *size, 3))
    pixels = numbers.astype(np.uint8)
    if dtype is not np.uint8:
        pixels = (pixels / 127.5 - 1).astype(dtype)
    both = {"x_a": pixels, "x_b": pixels[::-1]}
    return tf.data.Dataset.from_tensor_slices(both).batch(batch, drop_remainder=True)


def test_keras_fits_a_dataset_of_ones_own_and_weights_are_kept(tmp_path):
    masks = FeatureMaskTrainer(CONFIG)
    masks.compile()
    masks.fit(images(np.uint8), verbose=0)
    assert masks.steps_done() == 2
    trainer = TranslationTrainer.of_masks(CONFIG, masks)
    trainer.compile()
    history = trainer.fit(images(), verbose=0).history
    assert trainer.steps_done() == 2
    assert np.isfinite(history["G/total"]).all()
    model = egsc_tf.Translator.of_trainer(trainer)
    x = tf.random.stateless_uniform([1, 16, 20, 3], [1, 2], -1.0, 1.0)
    expected = {way: model.translate(x, x, way).numpy() for way in ("a2b", "b2a")}
    for name in ("weights", "x.weights.h5"):
        model.save_weights(str(tmp_path / name))
        again = egsc_tf.Translator.from_config(CONFIG)
        again.load_weights(str(tmp_path / name))
        for way, image in expected.items():
            np.testing.assert_array_equal(again.translate(x, x, way), image)


@pytest.mark.parametrize("dtype", [np.uint8, np.float16, np.float64])
def test_a_step_takes_fresh_batches_of_any_type(dtype):
    batches = list(images(np.float32))
    steps = list(own_data.by_steps(images(dtype), CONFIG, 2))
    assert len(steps) == len(batches) // 2
    for i, step in enumerate(steps):
        finished = finish(step)
        for name in ("x_a", "x_b"):
            assert finished[name].dtype == tf.float32
            for k in range(2):
                np.testing.assert_allclose(
                    finished[name][:, k], batches[2 * i + k][name], atol=1e-3
                )


def test_a_precision_that_the_trainer_does_not_have_is_told(caplog):
    half = dataclasses.replace(CONFIG, mixed_precision="mixed_bfloat16")
    own_data.by_steps(images(), half, 2)
    assert (
        "--mixed_precision is mixed_bfloat16, and the trainer computes in float32"
        in (caplog.text)
    )


def test_a_dataset_shorter_than_a_step_is_refused():
    masks = FeatureMaskTrainer(CONFIG)
    masks.compile()
    with pytest.raises(ValueError, match=r"expected at least 2 batches, .* repeat\(\)"):
        masks.fit(images().take(1), verbose=0)


def test_a_dataset_of_steps_is_left_alone():
    steps = own_data.by_steps(images(), CONFIG, 2)
    assert own_data.by_steps(steps, CONFIG, 2) is steps


def test_what_a_dataset_of_ones_own_goes_without_is_told(caplog):
    own_data.by_steps(images(), dataclasses.replace(CONFIG, flip=True), 2)
    assert "--flip" in caplog.text


def _as_float(batch):
    return {name: tf.cast(x, tf.float32) for name, x in batch.items()}


def _with_nan(batch):
    return {**batch, "x_b": batch["x_b"] * np.nan}


@pytest.mark.parametrize(
    ("dataset", "message"),
    [
        (images().map(lambda x: x["x_a"]), "expected elements {'x_a', 'x_b'}"),
        (images(size=(16, 20)), r"x_a: expected \[B, 16, 16, 3\] .* \(2, 16, 20, 3\)"),
        (images().unbatch().batch(2), r"dataset\.batch\(B, drop_remainder=True\)"),
        (images().unbatch(), r"x_a: expected \[B, 16, 16, 3\]"),
        (
            images(np.int32),
            r"found int32; images / 127\.5 - 1 turns 0 to 255",
        ),
        (
            images(np.uint8).map(_as_float),
            r"x_a: expected images in \[-1, 1\], found 0 to 255; images / 127\.5 - 1",
        ),
        (images().map(_with_nan), r"x_b: expected .* values that are not finite"),
        (
            dict(next(iter(images()))),
            r"x: expected a tf\.data\.Dataset .* found a dict",
        ),
        (
            np.zeros([2, 16, 16, 3]),
            r"x: expected .* found a ndarray; .*from_tensor",
        ),
    ],
)
def test_other_datasets_are_refused_with_the_mend(dataset, message):
    masks = FeatureMaskTrainer(CONFIG)
    masks.compile()
    with pytest.raises(ValueError, match=message):
        masks.fit(dataset, verbose=0)


def test_a_dataset_of_0_to_1_is_told():
    unit = images(np.uint8).map(
        lambda batch: {name: tf.cast(x, tf.float32) / 255 for name, x in batch.items()}
    )
    masks = FeatureMaskTrainer(CONFIG)
    masks.compile(run_eagerly=True)
    with pytest.warns(UserWarning, match=r"x_a: all values .* images \* 2 - 1 turns"):
        masks.fit(unit.take(2), verbose=0)


@pytest.fixture(scope="module")
def model():
    return egsc_tf.Translator.from_config(CONFIG)


PIXELS = np.random.RandomState(0).randint(0, 256, [2, 16, 20, 3]).astype(np.uint8)
FLOATS = (PIXELS / 127.5 - 1).astype(np.float32)


def calls(model, x):
    """Every way in which images reach a Translator, with the argument's name."""
    style = np.zeros([1, 2 * model.generator.channels])
    return {
        "content": [
            lambda: model.translate(x, FLOATS[:1]),
            lambda: model(x, FLOATS[:1]),
            lambda: model.translate_with_style(x, style),
            lambda: model.encode_content(x)[0],
        ],
        "exemplar": [
            lambda: model.translate(FLOATS, x),
            lambda: model.encode_style(x),
        ],
    }


def test_bytes_are_taken_as_images(model):
    for of_bytes, of_floats in zip(
        sum(calls(model, PIXELS).values(), []), sum(calls(model, FLOATS).values(), [])
    ):
        np.testing.assert_allclose(of_bytes(), of_floats(), atol=1e-5)


@pytest.mark.parametrize(
    ("x", "message"),
    [
        (
            PIXELS.astype(np.float32),
            r"found 0 to 255; images / 127\.5 - 1 turns 0 to 2",
        ),
        (3 * FLOATS, r"expected images in \[-1, 1\], found -3 to 3; .* \* 2 - 1 turns"),
        (np.nan * FLOATS, "found values that are not finite"),
        (FLOATS[:0], r"of 1 image or more; found none: \(0, 16, 20, 3\)"),
        (FLOATS[0], r"found float32 \(\d+, 20, 3\); image\[None\] makes a batch"),
        (FLOATS[..., :1], r"found .* np\.repeat\(images, 3, axis=-1\) makes colours"),
        (np.concatenate([FLOATS, FLOATS[..., :1]], -1), r"images\[\.\.\., :3\] leaves"),
        (np.moveaxis(FLOATS, -1, 1), r"np\.moveaxis\(images, 1, -1\) puts the channe"),
        (PIXELS.astype(np.int64), r"found int64 .* images\.astype\(np\.uint8\)"),
        ([FLOATS[0], FLOATS[1, :12]], r"found a list that is no such array; np\.stack"),
        (FLOATS[:, :7], "expected at least 8x8 pixels, found 7x20"),
    ],
    ids=lambda value: value[:12] if isinstance(value, str) else "",
)
def test_what_is_no_image_is_refused_with_the_mend(model, x, message):
    for name, ways in calls(model, x).items():
        for way in ways:
            with pytest.raises(UserError, match=f"{name}: .*{message}"):
                way()


@pytest.mark.parametrize("x", [PIXELS / 255, np.zeros([1, 16, 16, 3])])
def test_images_of_0_to_1_are_told_and_not_guessed(model, x):
    with pytest.warns(UserWarning, match=r"exemplar: all values .* images \* 2 - 1"):
        found = model.encode_style(x)
    np.testing.assert_array_equal(found, model.encode_style(x.astype(np.float32)))


@pytest.mark.filterwarnings("error")
def test_a_bright_image_is_not_taken_for_one_of_0_to_1(model):
    for dtype in (np.float16, np.float32, np.float64):
        bright = np.maximum(PIXELS, 128) / 127.5 - 1
        assert bright.min() >= 0
        model.encode_style(bright.astype(dtype))


@pytest.mark.parametrize("strength", [2, -0.1, [0.5, float("nan")]])
def test_a_strength_beyond_0_to_1_is_refused(model, strength):
    with pytest.raises(UserError, match="strength: expected 0 to 1, found"):
        model.translate(FLOATS, FLOATS, strength=strength)


def test_a_style_that_is_not_finite_is_refused(model):
    style = model.encode_style(FLOATS) * np.inf
    with pytest.raises(UserError, match="style: expected finite numbers"):
        model.translate_with_style(FLOATS, style)


def test_keras_own_methods_are_refused_with_what_to_use(model, tmp_path):
    path = str(tmp_path / "x.keras")
    for use, message in (
        (
            lambda: model.predict(FLOATS),
            r"Translator\.predict: .* translate\(content",
        ),
        (lambda: model.fit(images()), r"Translator\.fit: .* egsc_tf\.train\(config, w"),
        (lambda: model.evaluate(images()), r"Translator\.evaluate: .* egsc_tf\.evalu"),
        (
            lambda: model.save(path),
            r"Translator\.save: .*load_weights\(path\)",
        ),
        (lambda: keras.models.save_model(model, path), r"get_config: .* save_weights"),
        (lambda: FeatureMaskTrainer(CONFIG).predict(FLOATS), r"of_trainer\(trainer\)"),
        (lambda: FeatureMaskTrainer(CONFIG).save(path), r"\.save_weights\(path\)"),
        (lambda: FeatureMaskTrainer(CONFIG).evaluate(images()), r"egsc_tf\.evaluate\("),
    ):
        with pytest.raises((UserError, NotImplementedError), match=message):
            use()
    assert not list(tmp_path.iterdir())


def test_images_that_would_not_be_used_are_refused(tmp_path):
    for domain in "AB":
        (tmp_path / f"train{domain}").mkdir()
    config = dataclasses.replace(CONFIG, data_dir=str(tmp_path))
    with pytest.raises(UserError, match="--data_dir=.*: add --dataset=folder"):
        egsc_tf.train(config, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_what_is_no_config_is_refused(tmp_path):
    for use in (egsc_tf.Translator.from_config, lambda x: egsc_tf.train(x, tmp_path)):
        with pytest.raises(UserError, match=r"config: expected an egsc_tf\.Config, f"):
            use({"ngf": 4})
