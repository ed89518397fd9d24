"""The steps compiled by XLA, here on CPUs: the same numbers, and the same failures.

Two cases run in `make test`; every other form of the step in `make test-slow`.
"""

import dataclasses
import os
import re

import numpy as np
import pytest
import tensorflow as tf
from support.plants import PLANTS, assert_stopped, in_a_loss, in_a_weight, in_the_data
from support.plants import spoil as spoilt
from support.runs import untrained
from support.trainers import RUN, batches, make_trainer, prepared, weights

from egsc_tf.data.augmentation import finish
from egsc_tf.data.stream import EXAMPLE_SEEDS
from egsc_tf.export import saved_model
from egsc_tf.run import workdir as workdir_lib
from egsc_tf.runtime import noise, xla
from egsc_tf.runtime.keras import keras
from egsc_tf.training import divergence
from egsc_tf.training import run as train_lib

# The kinks of ReLU and Adam's division make differences of rounding grow with the rate.
CONFIG = dataclasses.replace(
    RUN, total_steps=100, mask_steps=100, learning_rate=1e-4, mask_learning_rate=1e-4
)
STEPS = 10
HALF = {"mixed_bfloat16", "mixed_float16"}
slow = pytest.mark.slow

CASES = [
    pytest.param(1, {}, marks=slow, id="stage_1"),
    pytest.param(
        2, {"content_view": "recoloured", "flip": True}, marks=slow, id="stage_2"
    ),
    *(
        pytest.param(stage, change, marks=slow, id=name)
        for name, stage, change in (
            ("g_update", 2, {"g_update": 2}),
            ("fused", 2, {"fused_update": True}),
            ("fused_1", 1, {"fused_update": True}),
            ("diff_augment", 2, {"diff_augment": True}),
            ("checkpointing", 2, {"gradient_checkpointing": True}),
            ("style_encoder", 2, {"style_code": "encoder"}),
            ("nouse_masks", 2, {"use_masks": False}),
            ("nouse_adain", 2, {"use_adain": False}),
            ("gram", 2, {"style_loss": "gram", "style_weight": 1e3}),
            ("resize", 2, {"upsample": "resize", "n_encoder": 2}),
            ("zero_padding", 2, {"padding": "zero", "n_encoder": 2}),
            ("boards", 2, {"dataset": "digits_multi", "n_encoder": 2}),
            ("leaky", 2, {"output": "leaky_tanh", "discriminator_norm": "none"}),
            ("jitter", 2, {"crop": True, "colour_jitter": 0.2}),
            (
                "release",
                2,
                {
                    "adain_form": "release",
                    "discriminator_form": "release",
                    "init": "release",
                    "test_noise": True,
                    "clip_norm": 0.0,
                },
            ),
            ("bfloat16", 2, {"mixed_precision": "mixed_bfloat16"}),
            (
                "bfloat16_resize",
                2,
                {
                    "mixed_precision": "mixed_bfloat16",
                    "upsample": "resize",
                    "n_encoder": 2,
                },
            ),
            ("float16", 2, {"mixed_precision": "mixed_float16"}),
            ("float16_1", 1, {"mixed_precision": "mixed_float16"}),
        )
    ),
]


@pytest.fixture(autouse=True)
def deterministic():
    """As a run on CPUs, so that what has no deterministic form under XLA fails here."""
    tf.config.experimental.enable_op_determinism()


class Stepped:
    """What ten steps of a trainer give: logs of each, and what the first one leaves."""

    def __init__(self, stage, config, compiles, data):
        trainer = prepared(stage, config, data[0], compiles)
        step = tf.function(trainer.train_step, autograph=False)
        self.logs = []
        for batch in data:
            trainer.reset_metrics()
            self.logs.append({k: float(v) for k, v in step(batch).items()})
            if len(self.logs) == 1:
                self.weights, self.gradients = weights(trainer), moments(trainer)
        self.last = weights(trainer)
        assert trainer.steps_done() == len(data)


def moments(trainer):
    """Adam's first moments, in the order of `weights`: behind one update, half of its
    gradient."""
    found = []
    for optimizer in (trainer.g_optimizer, trainer.d_optimizer):
        adam = getattr(optimizer, "inner_optimizer", optimizer)
        found += [v.numpy() for v in adam.variables if v.name.startswith("m/")]
    assert len(found) == len(weights(trainer))
    return found


def assert_equal_logs(found, expected, close, norms):
    assert set(found) == set(expected)
    for name, value in expected.items():
        if name.endswith("/gradient_norm") and not np.isfinite(value):
            continue  # while a loss scale is being found
        close_enough = norms if name.endswith("/gradient_norm") else close
        assert found[name] == pytest.approx(value, rel=close_enough), name


@pytest.mark.parametrize(("stage", "change"), CASES)
def test_compiled_steps_give_the_numbers_of_those_that_are_not(stage, change):
    config = dataclasses.replace(CONFIG, **change)
    keras.mixed_precision.set_global_policy(config.mixed_precision)
    updates = 0 if config.fused_update else config.g_update if stage == 2 else 1
    data = batches(config, updates, STEPS)
    plain, fused = (Stepped(stage, config, x, data) for x in (False, True))
    if config.mixed_precision in HALF:  # XLA rounds less often
        assert_equal_logs(fused.logs[0], plain.logs[0], 3e-2, 0.2)
        assert_equal_logs(fused.logs[-1], plain.logs[-1], 0.1, 0.5)
        start = weights(prepared(stage, config, data[0]))
        assert any((x != y).any() for x, y in zip(start, fused.last))
        return
    assert_equal_logs(fused.logs[0], plain.logs[0], 1e-5, 1e-5)
    assert_equal_logs(fused.logs[-1], plain.logs[-1], 1e-3, 1e-2)
    one_update = updates == 1 or config.fused_update
    largest = max(np.abs(g).max() for g in plain.gradients)
    compared = 0
    for x, y, g, h in zip(
        fused.weights, plain.weights, fused.gradients, plain.gradients
    ):
        np.testing.assert_allclose(g, h, atol=1e-4 * largest)
        # Adam divides a gradient by its size: where that is rounding, nothing is known.
        sure = np.abs(h) > 1e-4 * largest
        if one_update:
            np.testing.assert_allclose(x[sure], y[sure], atol=1e-5)
        compared += sure.sum()
    assert compared > 100


@slow
def test_compiled_steps_with_vgg_19_give_the_same_numbers(shared):
    path = shared("data", "vgg19_weights_tf_dim_ordering_tf_kernels_notop.h5")
    config = dataclasses.replace(
        CONFIG, perceptual_network=path, height=40, width=36, batch_size=2
    )
    data = batches(config, 1, 2)
    plain, fused = (Stepped(2, config, x, data) for x in (False, True))
    for found, expected in zip(fused.logs, plain.logs):
        assert_equal_logs(found, expected, 1e-4, 1e-3)


def test_noise_is_the_same_and_as_tensorflows():
    seed = tf.constant([3, 2**40 + 5], tf.int64)
    for shape in ([2, 3, 5, 7], [1, 1, 1, 1], [2, 64, 64, 8]):
        draws = [
            tf.function(noise.standard_normal, jit_compile=x)(tf.constant(shape), seed)
            for x in (None, True)
        ]
        np.testing.assert_allclose(draws[0], draws[1], atol=1e-6)
        own = tf.random.stateless_normal(shape, seed, alg="philox")
        np.testing.assert_allclose(draws[0], own, atol=1e-5)
        assert draws[0].shape == shape


@slow
@pytest.mark.parametrize("stage", [1, 2])
def test_two_compiled_replicas_give_the_losses_of_one(stage, two_replicas):
    data = batches(CONFIG, 1, 3)
    found = []
    for strategy, compiles in (
        (tf.distribute.get_strategy(), False),
        (two_replicas, True),
    ):
        with strategy.scope():
            trainer = make_trainer(stage, CONFIG, compiles)
            trainer.prepare(data[0])
        run = strategy.run
        step = tf.function(lambda b, run=run, t=trainer: run(t.train_step, args=(b,)))
        feed = tf.data.Dataset.from_tensor_slices(
            {k: tf.concat([b[k] for b in data], axis=0) for k in data[0]}
        ).batch(CONFIG.batch_size)
        for batch in strategy.experimental_distribute_dataset(feed):
            step(batch)
        found.append({m.name: float(m.result()) for m in trainer.metrics})
    assert trainer.steps_done() == 3
    assert_equal_logs(found[1], found[0], 1e-4, 1e-3)


@pytest.mark.parametrize(
    ("plant", "change"),
    [
        pytest.param(in_the_data, {}, id="data"),
        pytest.param(in_a_weight, {}, marks=slow, id="weight"),
        pytest.param(in_a_loss, {}, marks=slow, id="loss"),
        pytest.param(in_a_loss, {"fused_update": True}, marks=slow, id="fused"),
    ],
)
def test_what_is_not_finite_stops_a_compiled_step_as_well(plant, change):
    assert plant in PLANTS
    config = dataclasses.replace(CONFIG, **change)
    assert_stopped(*spoilt(2, plant, config, xla=True), plant)


@slow
def test_two_compiled_replicas_stop_as_well(two_replicas):
    with two_replicas.scope():
        trainer = make_trainer(2, CONFIG, True)
        batch = batches(CONFIG, 1, 1)[0]
        trainer.prepare(batch)
    before = weights(trainer)
    bad = tf.data.Dataset.from_tensors(in_the_data(trainer, batch)).unbatch().batch(4)
    step = tf.function(lambda b: two_replicas.run(trainer.train_step, args=(b,)))
    step(next(iter(two_replicas.experimental_distribute_dataset(bad))))
    for x, y in zip(before, weights(trainer)):
        np.testing.assert_array_equal(x, y)
    assert str(divergence.diverged(trainer)).startswith("step 1: x_b, ")


def test_a_compiled_step_has_no_instruction_without_a_deterministic_form():
    """XLA's own names: those that add up in any order on GPUs."""
    config = dataclasses.replace(CONFIG, n_encoder=2, upsample="resize", crop=True)
    batch = batches(config, 1, 1)[0]
    trainer = prepared(2, config, batch)
    one = {name: x[:, 0] for name, x in batch.items()}

    def losses(batch):
        return trainer.g_gradients(batch, tf.constant(1, tf.int64))[:2]

    text = xla.compiled(losses).experimental_get_compiler_ir(one)(stage="hlo")
    assert "convolution(" in text
    assert not re.findall(r"\b(scatter|select-and-scatter)\(", text)


@slow
def test_a_run_goes_on_where_the_flag_is_switched(tmp_path):
    config = dataclasses.replace(CONFIG, mask_steps=1, total_steps=4, sample_every=9)
    whole = train_lib.train(config, str(tmp_path / "whole"))
    folder = tmp_path / "switched"
    train_lib.train(dataclasses.replace(config, jit_compile="on"), str(folder))
    for file in (folder / "translation").glob("ckpt-4.*"):
        file.unlink()
    newest = workdir_lib.newest_checkpoint(str(folder), "translation")
    assert os.path.basename(newest) == "ckpt-2"
    resumed = train_lib.train(config, str(folder))
    expected, found = (
        {m.name: float(m.result()) for m in run.metrics} for run in (whole, resumed)
    )
    assert_equal_logs(found, expected, 1e-3, 1e-2)


class Spoilt:
    """A source one of whose images is NaN once training has come to it."""

    def __init__(self, source):
        self.source = source

    def __getattr__(self, name):
        return getattr(self.source, name)

    def element(self, domain, index, seed):
        return self.source.element(domain, index, seed), seed

    def batch(self, domain, elements):
        of_source, seeds = elements
        x = self.source.batch(domain, of_source)
        is_bad = (domain == "b") & (
            seeds[:, 1] // EXAMPLE_SEEDS == 3 * CONFIG.batch_size * 2
        )
        return x * tf.where(is_bad, np.nan, 1.0)[:, None, None, None]


@slow
def test_a_compiled_run_stops_at_a_bad_image_with_its_last_step_saved(
    tmp_path, monkeypatch
):
    config = dataclasses.replace(
        CONFIG, mask_steps=1, total_steps=9, jit_compile="on", checkpoint_every=1
    )
    opened = train_lib.open_source
    monkeypatch.setattr(train_lib, "open_source", lambda *args: Spoilt(opened(*args)))
    with pytest.raises(divergence.Diverged, match=r"^step 4: x_b, D/a, .* not finite"):
        train_lib.train(config, str(tmp_path))
    newest = workdir_lib.newest_checkpoint(str(tmp_path), "translation")
    assert newest.endswith("ckpt-3")


@pytest.mark.parametrize("shape", [(2, 8, 6, 3), (1, 7, 5, 2)])
def test_the_other_forms_give_the_numbers_and_gradients_of_tensorflows(shape):
    # Rounded, so that many are equal.
    x = tf.round(3.0 * tf.random.stateless_normal(shape, [1, 2], alg="philox"))
    pairs = [
        (xla.max_pool, keras.layers.MaxPool2D(2, padding="same")),
        (xla.double, keras.layers.UpSampling2D(2, interpolation="bilinear")),
    ]
    for ours, own in pairs:
        found = []
        for function in (ours, own):
            with tf.GradientTape() as tape:
                tape.watch(x)
                y = function(x)
                weights = tf.random.stateless_normal(y.shape, [3, 4], alg="philox")
                total = tf.reduce_sum(weights * y)
            found.append((y, tape.gradient(total, x)))
        for value, expected in zip(*found):
            np.testing.assert_allclose(value, expected, atol=1e-5)


def test_only_what_is_compiled_takes_the_other_form():
    seen = []
    xla.compiled(lambda x: seen.append(xla.compiling()) or x)(tf.zeros([]))
    tf.function(lambda x: seen.append(xla.compiling()) or x)(tf.zeros([]))
    assert seen == [True, False]


def test_an_exported_model_compiled_gives_the_same_image(tmp_path):
    workdir = untrained(tmp_path / "run", width=24)
    path = saved_model.export(workdir, str(tmp_path / "models" / "one"))
    served = tf.saved_model.load(path)
    pixels = tf.random.stateless_uniform([2, 16, 24, 3], [1, 2], 0, 256, tf.int32)
    pixels = tf.cast(pixels, tf.uint8)
    images = [
        tf.function(served.signatures["translate"], jit_compile=x)(
            content=pixels[:1], exemplar=pixels[1:]
        )["image"]
        for x in (None, True)
    ]
    difference = np.abs(images[0].numpy().astype(int) - images[1].numpy().astype(int))
    assert difference.max() <= 1
    assert len(np.unique(images[0])) > 10


def test_a_finished_batch_is_the_same_compiled():
    config = dataclasses.replace(
        CONFIG, flip=True, crop=True, colour_jitter=0.3, content_view="recoloured"
    )
    batch = batches(config, 1, 1)[0]
    plain, fused = (tf.function(finish, jit_compile=x)(batch) for x in (None, True))
    assert set(plain) == {"x_a", "x_b", "content_a", "content_b"}
    for name, x in plain.items():
        np.testing.assert_allclose(fused[name], x, atol=1e-5)
