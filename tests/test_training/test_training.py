"""Both stages: steps, replicas, schedule, resuming, NaN, the files of a run."""

import dataclasses
import json
import os
import re
from types import SimpleNamespace

import numpy as np
import pytest
import tensorflow as tf
from support.archives import write_records
from support.pictures import noise, png
from support.trainers import RUN, SHORT, TINY, batches, make_trainer, prepared, weights

import egsc_tf
from egsc_tf import losses
from egsc_tf.data.source import open_source
from egsc_tf.errors import UserError
from egsc_tf.evaluation import scalars
from egsc_tf.evaluation import scoring as evaluate_lib
from egsc_tf.metrics import digit_classifier
from egsc_tf.models import vgg
from egsc_tf.models.encoder import Encoder
from egsc_tf.pictures.contact_sheet import contact_sheet
from egsc_tf.run import checkpoints, restore
from egsc_tf.run import workdir as workdir_lib
from egsc_tf.runtime.keras import keras
from egsc_tf.training import callbacks, divergence, samples
from egsc_tf.training import run as train_lib
from egsc_tf.training.draws import NONE
from egsc_tf.training.optimizer import PolynomialDecay, adam
from egsc_tf.training.translation import TranslationTrainer


@pytest.mark.parametrize(
    ("stage", "checkpointing"),
    [pytest.param(1, False, marks=pytest.mark.slow), (2, True)],
)
def test_two_replicas_give_the_losses_of_one_device(stage, checkpointing, two_replicas):
    config = dataclasses.replace(
        RUN,
        g_update=2,  # of which the replicas share no trace, and one device does
        content_view="recoloured",
        gradient_checkpointing=checkpointing,
        diff_augment=True,
        twin_start=True,
    )
    data = batches(config, config.g_update if stage == 2 else 1, 3)
    found = []
    for strategy in (tf.distribute.get_strategy(), two_replicas):
        with strategy.scope():
            trainer = make_trainer(stage, config)
            trainer.prepare(data[0])
        run = strategy.run
        step = tf.function(lambda b, run=run, t=trainer: run(t.train_step, args=(b,)))
        feed = tf.data.Dataset.from_tensor_slices(
            {k: tf.concat([b[k] for b in data], axis=0) for k in data[0]}
        ).batch(config.batch_size)
        for batch in strategy.experimental_distribute_dataset(feed):
            step(batch)
        logs = {m.name: float(m.result()) for m in trainer.metrics}
        found.append(logs)
    one, two = found
    assert set(one) == set(two)
    for name in one:
        # The norm shows a sum over replicas where a mean is meant; Adam hides it.
        close = 1e-3 if "gradient_norm" in name else 1e-4
        assert two[name] == pytest.approx(one[name], rel=close), name


@pytest.mark.slow
def test_a_run_under_two_replicas_equals_the_run_on_one_device(
    tmp_path, caplog, two_replicas
):
    config = dataclasses.replace(
        RUN, mask_steps=1, total_steps=1, sample_every=9, log_every=9
    )
    runs = [train_lib.train(config, str(tmp_path / "two"), two_replicas)]
    runs.append(train_lib.train(config, str(tmp_path / "one")))
    logs = [{m.name: float(m.result()) for m in run.metrics} for run in runs]
    for name, value in logs[1].items():
        assert value > 0.0
        assert logs[0][name] == pytest.approx(value, rel=1e-3), name
    with caplog.at_level("INFO", logger="absl"):
        train_lib.train(config, str(tmp_path / "two"), two_replicas)
    assert "translation: done, 1 steps" in caplog.text
    assert "feature_masks" not in caplog.text


@pytest.mark.parametrize("stage", [1, 2])
def test_a_fused_step_moves_d_and_g_as_each_alone_would_from_its_start(stage):
    config = dataclasses.replace(RUN, fused_update=True)
    batch = batches(config, 0, 1)[0]
    one = {name: x[:, 0] for name, x in batch.items()}
    both, only_d, only_g = (prepared(stage, config, batch) for _ in range(3))
    assert both.batches_per_step == 1
    before = weights(both)
    both.train_step(batch)
    only_d.train_discriminators(one)
    only_g.train_generator(one, draw=0)
    expected = [v.numpy() for v in only_g.g_variables + only_d.d_variables]
    for start, found, value in zip(before, weights(both), expected):
        np.testing.assert_allclose(found - start, value - start, rtol=1e-2, atol=1e-6)


def test_gradient_checkpointing_gives_the_same_gradients():
    batch = batches(RUN, 0, 1)[0]
    config = dataclasses.replace(RUN, gradient_checkpointing=True)
    runs = [prepared(2, each, batch) for each in (RUN, config)]
    one = {name: x[:, 0] for name, x in batch.items()}
    gradients = []
    for run in runs:
        with tf.GradientTape() as tape:
            total, _, _ = run.generator_losses(one, run.draws(1))
        gradients.append(tape.gradient(total, run.g_variables))
    for found, expected in zip(*gradients):
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    ("weight", "left_out"),
    [
        ("recon_weight", {"G/recon_a", "G/recon_b"}),
        ("adv_weight", {"G/adv_a", "G/adv_b"}),
        ("cycle_weight", {"G/cycle_a", "G/cycle_b"}),
        ("style_weight", {"G/style"}),
        ("content_weight", {"G/content"}),
    ],
)
def test_a_loss_of_weight_0_is_left_out_and_the_total_is_that_of_the_others(
    weight, left_out
):
    batch = batches(RUN, 1, 1)[0]
    one = {name: x[:, 0] for name, x in batch.items()}
    full, less = (
        prepared(2, config, batch)
        for config in (RUN, dataclasses.replace(RUN, **{weight: 0.0}))
    )
    total, logs, _ = full.generator_losses(one, NONE)
    total_less, logs_less, _ = less.generator_losses(one, NONE)
    assert set(logs) - set(logs_less) == left_out
    gone = getattr(RUN, weight) * sum(float(logs[name]) for name in left_out)
    assert gone > 0
    assert float(total_less) == pytest.approx(float(total) - gone, rel=1e-4)


def test_a_step_updates_g_and_d_and_nothing_else():
    trainer = make_trainer(2, TINY)
    batch = batches(TINY, TINY.g_update, 1)[0]
    trainer.prepare(batch)
    frozen = trainer.feature_a.variables + trainer.phi.variables
    before, kept = weights(trainer), [v.numpy() for v in frozen]
    logs = trainer.train_step(batch)
    assert all((x != y).any() for x, y in zip(before, weights(trainer)))
    for x, y in zip(kept, frozen):
        np.testing.assert_array_equal(x, y)
    assert trainer.steps_done() == 1
    assert int(trainer.g_optimizer.iterations) == TINY.g_update
    assert int(trainer.d_optimizer.iterations) == 1
    assert {"G/adv_a", "G/cycle_b", "D/a", "G/style", "G/content"} <= set(logs)


def test_one_trace_serves_all_steps():
    trainer = make_trainer(2, TINY)
    data = batches(TINY, TINY.g_update, 3)
    trainer.prepare(data[0])
    step = tf.function(trainer.train_step)
    for batch in data:
        step(batch)
    assert step.experimental_get_tracing_count() == 1


def test_the_g_updates_of_a_step_share_one_trace(monkeypatch):
    config = dataclasses.replace(SHORT, g_update=3)
    batch = batches(config, config.g_update, 1)[0]
    trainer = prepared(2, config, batch)
    traced, losses_of = [], trainer.generator_losses
    monkeypatch.setattr(
        trainer,
        "generator_losses",
        lambda *args: traced.append(1) or losses_of(*args),
    )
    tf.function(trainer.train_step).get_concrete_function(batch)
    assert len(traced) == 1


@pytest.mark.parametrize(
    ("stage", "networks", "style_code"),
    [
        (1, ["autoencoder"], "features"),
        (2, ["encoder", "decoder"], "features"),
        (2, ["encoder", "decoder", "style_encoder"], "encoder"),
    ],
)
def test_twins_start_alike_and_part(stage, networks, style_code):
    config = dataclasses.replace(RUN, style_code=style_code)
    batch = batches(config, config.g_update, 1)[0]

    def gaps(holder, names):
        pairs = [
            [getattr(holder, f"{name}_{d}").variables for d in "ab"] for name in names
        ]
        return [
            np.abs(one.numpy() - other.numpy()).max()
            for pair in pairs
            for one, other in zip(*pair)
            if one.shape.rank > 1  # biases start at 0
        ]

    def generator(trainer):
        return trainer if stage == 1 else trainer.generator

    assert min(gaps(generator(prepared(stage, config, batch)), networks)) > 0
    twins = prepared(stage, dataclasses.replace(config, twin_start=True), batch)
    assert max(gaps(generator(twins), networks)) == 0
    assert min(gaps(twins, ["discriminator"])) > 0
    if stage == 2:
        assert max(gaps(twins.generator_ema, networks)) == 0
    twins.train_step(batch)
    assert min(gaps(generator(twins), networks)) > 0


def test_average_follows_the_generator():
    trainer = make_trainer(2, TINY)
    batch = batches(TINY, TINY.g_update, 1)[0]
    trainer.prepare(batch)
    first = [v.numpy() for v in trainer.generator_ema.variables]
    trainer.train_step(batch)
    # At step 0 the decay is 1 / 10.
    for old, now, average in zip(
        first, trainer.generator.variables, trainer.generator_ema.variables
    ):
        np.testing.assert_allclose(average, 0.1 * old + 0.9 * now, atol=1e-6)


GRADIENTS = (0.3, -0.7, 4.0)


def start():
    return tf.Variable([[1.0, -2.0], [0.5, 3.0]])


def all_values(optimizer, variable):
    return [value.numpy() for value in [variable, *optimizer.variables]]


def test_adam_steps_as_keras_own_does():
    schedule = PolynomialDecay(0.1, 10)
    plain = keras.optimizers.Adam(schedule, beta_1=0.5, epsilon=1e-8)
    found = []
    for optimizer in (adam(schedule), plain):
        variable = start()
        for gradient in GRADIENTS:
            step = tf.fill(variable.shape, gradient)
            optimizer.apply_gradients([(step, variable)])
        found.append(all_values(optimizer, variable))
    assert len(found[0]) == len(found[1])
    for value, expected in zip(*found):
        # The kernel takes 1 - beta_2 of float32.
        np.testing.assert_allclose(value, expected, rtol=3e-5)


@pytest.mark.parametrize("xla", [False, True])
def test_adam_moves_only_where_it_is_told_to(xla):
    found = []
    for wheres in ((True, True, True), (True, False, True, False, True)):
        optimizer, variable = adam(PolynomialDecay(0.1, 10)), start()
        optimizer.build([variable])
        move = tf.function(
            lambda gradient, where, o=optimizer, v=variable: o.move(
                [tf.fill(v.shape, gradient)], [v], where
            ),
            jit_compile=xla or None,
        )
        gradients = iter(GRADIENTS)
        for where in wheres:
            before = all_values(optimizer, variable)
            move(next(gradients) if where else 5.0, tf.constant(where))
            optimizer.iterations.assign_add(int(where))
            if not where:
                for x, y in zip(before, all_values(optimizer, variable)):
                    np.testing.assert_array_equal(x, y)
        found.append(all_values(optimizer, variable))
    for value, expected in zip(*found):
        np.testing.assert_array_equal(value, expected)


def test_polynomial_decay_counts_steps_not_updates():
    decay = PolynomialDecay(2.0, total_steps=10, updates_per_step=5)
    for iterations, step in ((0, 0), (4, 0), (5, 1), (49, 9), (50, 10), (99, 10)):
        expected = 2.0 * max(0.0, 1.0 - step / 10.0) ** 0.9
        assert float(decay(tf.constant(iterations, tf.int64))) == (
            pytest.approx(expected, rel=1e-5)
        )


@pytest.mark.parametrize(
    "change",
    [
        {"use_masks": False},
        {"use_adain": False},
        {"style_weight": 0.0, "content_weight": 0.0},
        {"latent_noise": 0.0},
        {"mixed_precision": "mixed_bfloat16"},
        {"mixed_precision": "mixed_float16"},
        {"style_loss": "gram", "style_weight": 1e3},
        {"output": "leaky_tanh", "discriminator_norm": "none"},
        {
            "adain_form": "release",
            "discriminator_form": "release",
            "init": "release",
        },
        {"dataset": "digits_multi", "n_encoder": 2},
        {"perceptual_layers": 3, "perceptual_scale": 0.25},
        {"diff_augment": True, "mixed_precision": "mixed_float16"},
    ],
    ids=lambda change: "-".join(f"{k}={v}" for k, v in change.items()),
)
def test_every_form_takes_a_finite_step(change):
    config = dataclasses.replace(TINY, **change)
    keras.mixed_precision.set_global_policy(config.mixed_precision)
    trainer = make_trainer(2, config)
    batch = batches(config, config.g_update, 1)[0]
    trainer.prepare(batch)
    logs = trainer.train_step(batch)
    losses = {k: v for k, v in logs.items() if "gradient_norm" not in k}
    assert all(np.isfinite(float(v)) for v in losses.values()), losses
    assert ("G/style" in logs) == (config.style_weight > 0)


def test_perceptual_losses_compare_the_layers_and_the_size_asked_for():
    config = dataclasses.replace(TINY, perceptual_layers=2, perceptual_scale=0.5)
    trainer = make_trainer(2, config)
    images = tf.random.stateless_uniform([4, 3, 12, 12, 3], [0, 1], -1.0, 1.0)
    found = trainer.perceptual_losses(*images)
    smaller = tf.nn.avg_pool2d(tf.reshape(images, [12, 12, 12, 3]), 2, 2, "VALID")
    phi_a, phi_b, phi_ab, phi_ba = zip(
        *(tf.split(f, 4) for f in trainer.phi(smaller)[:2])
    )
    style, content = losses.statistics_style_loss, losses.content_loss
    assert float(found["G/style"]) == pytest.approx(
        float(style(phi_ab, phi_b) + style(phi_ba, phi_a)), rel=1e-4
    )
    assert float(found["G/content"]) == pytest.approx(
        float(content(phi_ab, phi_a) + content(phi_ba, phi_b)), rel=1e-4
    )


def test_perceptual_weights_without_a_network_are_refused():
    features = [Encoder(**TINY.network) for _ in range(2)]
    with pytest.raises(ValueError, match="phi: expected a PerceptualNetwork"):
        TranslationTrainer(TINY, *features, None)


class Killed(Exception):
    """What stands in for a kill between two steps."""


class KillAtThree(divergence.StopOnNaN):
    def on_train_batch_end(self, batch, logs=None):
        if isinstance(self.model, TranslationTrainer) and self.model.steps_done() == 3:
            raise Killed


def assert_same_weights(whole, resumed):
    for x, y in zip(weights(whole), weights(resumed)):
        np.testing.assert_array_equal(x, y)
    for x, y in zip(whole.generator_ema.variables, resumed.generator_ema.variables):
        np.testing.assert_array_equal(x, y)


def test_a_resumed_run_ends_with_the_same_weights(
    finished, tmp_path, monkeypatch, caplog
):
    folder = str(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(divergence, "StopOnNaN", KillAtThree)
        with pytest.raises(Killed):
            train_lib.train(RUN, folder)
    assert workdir_lib.newest_checkpoint(folder, "translation").endswith("ckpt-2")
    with caplog.at_level("INFO", logger="absl"):
        resumed = train_lib.train(RUN, folder)
    assert "resumed at step 2 of 4, learning rate 0.000536" in caplog.text
    assert_same_weights(finished[1], resumed)


@pytest.mark.slow
def test_a_resumed_run_on_records_ends_with_the_same_weights(tmp_path):
    pairs = [[png(noise(14, 13, 3, seed=2 * n + i)) for i in (0, 1)] for n in range(7)]
    write_records(tmp_path / "faces_train_00000-of-00001.tfrecord", pairs)
    config = dataclasses.replace(
        SHORT,
        dataset="official_records",
        data_dir=str(tmp_path),
        flip=True,
        crop=True,
        colour_jitter=0.2,
        diff_augment=True,
    )
    folder = tmp_path / "run"
    whole = train_lib.train(config, str(folder))
    # What a kill behind step 2 leaves.
    for file in (folder / "translation").glob("ckpt-4.*"):
        file.unlink()
    assert_same_weights(whole, train_lib.train(config, str(folder)))


def test_a_start_reads_each_checkpoint_whole_once(finished, monkeypatch):
    folder, _ = finished
    read, problem = [], checkpoints.problem
    monkeypatch.setattr(
        checkpoints, "problem", lambda path: read.append(path) or problem(path)
    )
    train_lib.train(RUN, folder)
    assert read == [os.path.join(folder, "translation", "ckpt-4")]


def test_the_files_of_a_run(finished):
    folder, _ = finished
    assert sorted(os.listdir(os.path.join(folder, "samples"))) == [
        "feature_masks_0000002.png",
        "translation_0000002.png",
        "translation_0000004.png",
    ]
    tags, said = set(), {}
    log_folder = os.path.join(folder, "logs", "translation")
    for name in os.listdir(log_folder):
        path = os.path.join(log_folder, name)
        for record in tf.compat.v1.train.summary_iterator(path):
            for value in record.summary.value:
                tags.add(value.tag)
                said.setdefault(value.tag, value.metadata.summary_description)
    assert {"learning_rate", "G/style", "G/cycle_a", "D/b", "translation"} <= tags
    assert all(said.values()), said  # what each shows, for TensorBoard
    assert said["translation"].startswith("Left half: a to b. Right half: b to a.")


def test_a_sample_says_in_a_line_what_to_look_at(finished, tmp_path, caplog):
    _, trainer = finished
    taken = samples.sampler(trainer, open_source(RUN, "train"), RUN)
    sample = taken.take()
    assert taken.take() is sample  # made once a step
    draw = callbacks.Samples(taken, str(tmp_path), str(tmp_path), "translation", 2)
    draw.set_model(trainer)
    with caplog.at_level("INFO", logger="absl"):
        draw.on_train_batch_end(0)
    draw.on_train_end()
    number = r"\d[\d.e-]*"
    (line,) = (r.message for r in caplog.records)
    assert re.fullmatch(
        rf"translation: step 4: reconstruction {number} \(L1, .*\); style {number} fro"
        rf"m the own exemplar, {number} from others \(.*\); D right in \d+% \(.*\)",
        line,
    )
    assert 0.0 <= sample.numbers["sample/d_accuracy"] <= 1.0
    x_a, x_b = taken.x["a"], taken.x["b"]
    direct = egsc_tf.Translator.of_trainer(trainer).translate(x_a, x_b, "a2b")
    np.testing.assert_allclose(sample.made["b"], direct, atol=1e-5)


class Painted:
    """A Translator whose content is the image and whose style is its mean colour."""

    def encode_content(self, x, domain):
        return x, x

    def encode_style(self, x, domain):
        return np.mean(x, axis=(1, 2))

    def decode(self, c, m, style, domain):
        return tf.zeros_like(c) + style[:, None, None]


def test_what_is_measured_on_a_sample_is_what_it_is_called():
    grey = np.linspace(-1.0, 1.0, samples.SAMPLES, dtype=np.float32)
    x = np.ones([samples.SAMPLES, 4, 4, 3], np.float32) * grey[:, None, None, None]
    trainer = SimpleNamespace(
        steps_done=lambda: 1,
        # Takes all for real in a, and the brighter half in b.
        discriminator_a=lambda x: np.ones([len(x), 2, 2, 1]),
        discriminator_b=lambda x: np.asarray(x)[:, :2, :2, :1] > 0.0,
    )
    taken = samples.Translations(trainer, {"a": x, "b": x}, Painted())
    numbers = taken.take().numbers
    assert numbers["sample/recon"] == pytest.approx(0.0, abs=1e-6)
    assert numbers["sample/style_own"] == pytest.approx(0.0, abs=1e-6)
    apart = np.abs(grey[:, None] - grey[None])
    others = apart.sum() / (apart.size - len(apart))
    assert numbers["sample/style_others"] == pytest.approx(others, rel=1e-5)
    assert numbers["sample/d_accuracy"] == pytest.approx(0.5)


@pytest.mark.filterwarnings("error:.*all values lie in 0 to 1")
def test_bright_images_of_our_own_are_not_doubted():
    """Cropped and recoloured ones are no bytes, nor are those that networks make."""
    config = dataclasses.replace(RUN, n_encoder=1)
    translator = egsc_tf.Translator.from_config(config)
    bright = tf.random.stateless_uniform([samples.SAMPLES, 12, 12, 3], [0, 1], 0.1, 0.9)
    trainer = SimpleNamespace(
        steps_done=lambda: 1,
        discriminator_a=lambda x: np.ones([len(x), 2, 2, 1]),
        discriminator_b=lambda x: np.ones([len(x), 2, 2, 1]),
    )
    x = {"a": bright, "b": bright}
    assert samples.Translations(trainer, x, translator).take().picture.size
    with pytest.raises(UserWarning, match="all values lie in 0 to 1"):
        translator.encode_style(bright, "a")


def test_infinite_norms_are_left_out_of_the_curves_and_told_once(tmp_path, caplog):
    trainer = SimpleNamespace(steps_done=lambda: 4, learning_rate=lambda: 0.5)
    drawn = callbacks.Scalars(str(tmp_path), 2)
    drawn.set_model(trainer)
    drawn.on_train_begin()
    with caplog.at_level("INFO", logger="absl"):
        for _ in range(2):
            logs = {"D/total": 2.0, "D/gradient_norm": np.inf, "G/total": 3.0}
            drawn.on_train_batch_end(0, logs)
    drawn.on_train_end()
    assert set(scalars.read(str(tmp_path))) == {"D/total", "G/total", "learning_rate"}
    (line,) = (r.message for r in caplog.records)
    assert line.startswith("step 4: gradients overflow in float16 while the loss scale")


def test_a_page_is_written_every_so_often_and_its_failure_stops_nothing(
    monkeypatch, caplog
):
    now, written = [0.0], []
    monkeypatch.setattr(callbacks.time, "monotonic", lambda: now[0])

    def write():
        written.append(now[0])
        raise UserError("logs: no room")

    page = callbacks.Page(write, 2.0)
    for now[0] in (60.0, 119.0, 121.0, 180.0, 240.0, 250.0):
        page.on_train_batch_end(0)
    assert written == [121.0, 250.0]
    assert caplog.text.count("the report could not be written: logs: no room") == 2


def test_a_loaded_run_translates_with_the_average(finished):
    folder, trainer = finished
    model = egsc_tf.load(folder)
    source = open_source(RUN, "test")
    seed = tf.constant([0, 0], tf.int64)
    content = source.image("a", 0, seed)[None]
    exemplar = source.image("b", 1, seed)[None]
    out = model.translate(content, exemplar, direction="a2b")
    m_a, _, _, s_b = trainer.conditions({"x_a": content, "x_b": exemplar})
    expected = trainer.generator_ema(content, m_a, s_b, "a2b")
    np.testing.assert_allclose(out, expected, atol=1e-5)


def test_evaluate_writes_scores_and_pictures(finished, monkeypatch, tmp_path, caplog):
    folder, _ = finished
    monkeypatch.setattr(digit_classifier, "STEPS", 2)
    settings = evaluate_lib.Settings(max_images=3, seed=5)
    output = str(tmp_path / "scores")
    with caplog.at_level("WARNING", logger="absl"):
        results = evaluate_lib.evaluate(folder, settings, output)
    (caveat,) = results["caveats"]
    assert caveat.startswith("Only 3 of a and 3 of b were scored: fewer than 30 test ")
    assert caveat in caplog.text
    with open(os.path.join(output, "results.json"), encoding="utf-8") as file:
        assert json.load(file) == json.loads(json.dumps(results))
    assert (results["settings"]["max_images"], results["settings"]["seed"]) == (3, 5)
    assert results["run"] == dataclasses.asdict(RUN)
    assert results["test_images"] == {"a": 3, "b": 3}
    assert results["steps"] == 4
    for direction in ("a2b", "b2a"):
        for name in ("content_accuracy", "style_accuracy", "ssim", "l1"):
            assert -1.0 <= results[f"{name}_{direction}"] <= 1.0
        assert os.path.isfile(os.path.join(output, f"grid_{direction}.png"))
    newest = workdir_lib.newest_checkpoint(folder, "translation")
    assert results["train_seconds"] == workdir_lib.seconds(folder, newest) > 0


def test_a_mistake_is_found_before_the_folder_is_claimed(tmp_path):
    config = dataclasses.replace(TINY, perceptual_network="nowhere.h5")
    with pytest.raises(UserError, match="nowhere"):
        train_lib.train(config, str(tmp_path / "run"))
    assert not (tmp_path / "run").exists()


def test_half_precision_losses_equal_float32_ones():
    found = []
    for policy in ("float32", "mixed_float16", "mixed_bfloat16"):
        keras.mixed_precision.set_global_policy(policy)
        x, y = (tf.random.stateless_uniform([2, 28, 28, 3], [1, i]) for i in (1, 2))
        phi = vgg.load("embedded", policy)
        assert {f.dtype for f in phi(x)} == {tf.float32}
        logs = [losses.content_loss(phi(x), phi(y))]
        logs += [loss(phi(x), phi(y)) for loss in losses.STYLE_LOSSES.values()]
        found.append([float(v) for v in logs])
    np.testing.assert_allclose(found[1], found[0], rtol=1e-4)
    # phi computes in bfloat16 then, which has three digits; in float16 never.
    np.testing.assert_allclose(found[2], found[0], rtol=2e-2)
    assert found[2] != found[0]


def test_a_workdir_without_translation_is_named(tmp_path):
    TINY.save(str(tmp_path))
    with pytest.raises(UserError, match=r"translation: expected a checkpoint"):
        restore.load(str(tmp_path))


def test_contact_sheet_layout():
    sources = np.full([2, 4, 5, 3], 0.1)
    exemplars = np.full([3, 4, 5, 3], 0.2)
    columns = np.stack([np.full([2, 4, 5, 3], 0.3 + k / 10.0) for k in range(3)])
    columns[2, 1] = -1.0
    sheet = contact_sheet(sources, exemplars, columns)
    assert sheet.shape == (12, 20, 3)
    blocks = sheet.reshape(3, 4, 4, 5, 3).mean(axis=(1, 3, 4))
    np.testing.assert_allclose(
        blocks,
        [[1.0, 0.2, 0.2, 0.2], [0.1, 0.3, 0.4, 0.5], [0.1, 0.3, 0.4, -1.0]],
    )
