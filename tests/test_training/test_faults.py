"""Runs that are cut short, broken or started twice, and values that are not finite."""

import dataclasses
import errno
import fcntl
import os
import signal

import numpy as np
import pytest
import tensorflow as tf
from support.plants import (
    assert_stopped,
    in_a_loss,
    in_a_weight,
    in_the_data,
    spoil,
    state,
)
from support.trainers import RUN, SHORT, batches, make_trainer, train_eagerly, weights

from egsc_tf import config as config_lib
from egsc_tf.data import images, python_op
from egsc_tf.data.stream import EXAMPLE_SEEDS
from egsc_tf.distribute.workers import Workers
from egsc_tf.errors import NoSpace, UserError, is_no_space
from egsc_tf.run import checkpoints, restore
from egsc_tf.run import workdir as workdir_lib
from egsc_tf.run.lock import run_lock
from egsc_tf.runtime.files import whole_file
from egsc_tf.runtime.keras import keras
from egsc_tf.training import divergence
from egsc_tf.training import run as train_lib
from egsc_tf.training.adversarial import AdversarialTrainer
from egsc_tf.training.health import D_STEPS, Health
from egsc_tf.training.interruption import Interrupted, Interruption


def saver(folder, value=0.0, keep=2):
    variable = tf.Variable(np.full([1000], value, np.float32))
    checkpoint = tf.train.Checkpoint(variable=variable)
    return variable, checkpoints.Saver(str(folder), checkpoint, keep)


@pytest.fixture
def two_checkpoints(tmp_path):
    """Folder of steps 1 and 2, whose variable holds the step."""
    variable, saving = saver(tmp_path)
    for step in (1, 2):
        variable.assign(tf.fill([1000], float(step)))
        saving.save(step)
    return tmp_path


FILES = ("ckpt-2.index", "ckpt-2.data-00000-of-00001")


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("kept", [0.0, 0.5, 0.99, None])
def test_a_broken_checkpoint_is_reported_and_the_one_before_is_used(
    two_checkpoints, caplog, name, kept
):
    path = two_checkpoints / name
    if kept is None:
        path.unlink()
    else:
        path.write_bytes(path.read_bytes()[: int(path.stat().st_size * kept)])
    with caplog.at_level("WARNING", logger="absl"):
        newest = checkpoints.newest(str(two_checkpoints))
    assert newest == str(two_checkpoints / "ckpt-1")
    variable, saving = saver(two_checkpoints)
    saving.checkpoint.read(newest).assert_consumed()
    assert (variable.numpy() == 1.0).all()
    # A checkpoint without its index is not listed at all; any other is named.
    gone = kept is None and name.endswith("index")
    assert ("ckpt-2 is broken and passed over" in caplog.text) != gone


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("at", [0.1, 0.5])
def test_a_flipped_bit_is_found(two_checkpoints, name, at):
    path = two_checkpoints / name
    data = bytearray(path.read_bytes())
    data[int(len(data) * at)] ^= 1
    path.write_bytes(data)
    assert checkpoints.newest(str(two_checkpoints)).endswith("ckpt-1")


def test_nothing_starts_over_where_all_checkpoints_are_broken(two_checkpoints):
    for path in two_checkpoints.glob("*.index"):
        path.write_bytes(b"")
    with pytest.raises(UserError, match="found 2, all broken"):
        checkpoints.newest(str(two_checkpoints))


@pytest.mark.parametrize("state", [b"", b"\xff\0garbage", None])
def test_tensorflow_s_state_file_does_not_matter(two_checkpoints, state):
    path = two_checkpoints / "checkpoint"
    path.unlink() if state is None else path.write_bytes(state)
    assert checkpoints.newest(str(two_checkpoints)).endswith("ckpt-2")
    saver(two_checkpoints)[1].tidy(2)
    assert tf.train.latest_checkpoint(str(two_checkpoints)).endswith("ckpt-2")


def test_a_folder_that_tensorflow_takes_for_a_pattern_is_refused(tmp_path):
    folder = str(tmp_path / "run[1]")
    refused = pytest.raises(UserError, match=r"run\[1\]: expected a path without \*")
    with refused:
        workdir_lib.check_flags(folder, RUN)
    with refused:
        saver(folder)
    with refused:
        checkpoints.newest(folder)
    assert not os.path.exists(folder)


def test_a_checkpoint_deleted_while_it_is_read_is_none(two_checkpoints, monkeypatch):
    """As by a run that trains on while another program loads it."""
    problem = checkpoints.problem

    def read(path):
        if path.endswith("ckpt-2"):
            saving = saver(two_checkpoints, 3.0, keep=1)[1]
            saving.save(3)
        return problem(path)

    monkeypatch.setattr(checkpoints, "problem", read)
    assert checkpoints.newest(str(two_checkpoints)).endswith("ckpt-3")


def test_a_checkpoint_of_other_networks_is_named(two_checkpoints):
    for parts in ({"variable": tf.Variable([1.0])}, {"other": tf.Variable(1.0)}):
        checkpoint = tf.train.Checkpoint(**parts)
        with pytest.raises(UserError, match=r"ckpt-2: expected a checkpoint of the"):
            checkpoints.restore(checkpoint, str(two_checkpoints / "ckpt-2"), True)
    with pytest.raises(UserError, match=r"ckpt-9: expected a checkpoint of the"):
        checkpoints.restore(checkpoint, str(two_checkpoints / "ckpt-9"))


def test_a_file_that_is_not_finished_leaves_nothing(tmp_path):
    path = tmp_path / "results.json"
    path.write_text("before")
    with pytest.raises(OSError, match="No space left") as caught:
        write_without_room(str(path))
    assert caught.value.filename == str(path)
    assert os.listdir(tmp_path) == ["results.json"]
    assert path.read_text() == "before"


def write_without_room(path):
    with whole_file(path) as part, open(part, "w") as file:
        file.write("half")
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_files_are_on_the_disk_before_they_take_their_name(tmp_path, monkeypatch):
    done = []
    fsync, replace = os.fsync, os.replace

    def flushed(number):
        done.append(os.readlink(f"/proc/self/fd/{number}"))
        fsync(number)

    def renamed(old, new):
        assert os.path.realpath(old) in done
        replace(old, new)

    monkeypatch.setattr(os, "fsync", flushed)
    monkeypatch.setattr(os, "replace", renamed)
    saver(tmp_path)[1].save(1)
    assert len(done) == 3  # both files of the checkpoint, and TensorFlow's state file


def test_what_killed_runs_left_is_cleared_away(two_checkpoints):
    (two_checkpoints / ".part").mkdir()
    (two_checkpoints / ".part" / "ckpt-3.index").write_bytes(b"x")
    (two_checkpoints / "ckpt-3.data-00000-of-00001").write_bytes(b"x")
    (two_checkpoints / "mine.txt").write_bytes(b"x")
    _, saving = saver(two_checkpoints, keep=1)
    saving.tidy(2)
    assert sorted(os.listdir(two_checkpoints)) == [
        "checkpoint",
        "ckpt-2.data-00000-of-00001",
        "ckpt-2.index",
        "mine.txt",
    ]


def test_a_broken_checkpoint_is_written_anew(two_checkpoints):
    (two_checkpoints / FILES[1]).write_bytes(b"")
    saver(two_checkpoints, 7.0)[1].save(2)
    assert checkpoints.newest(str(two_checkpoints)).endswith("ckpt-2")


def test_broken_checkpoints_do_not_drive_out_sound_ones(tmp_path):
    for step in (100, 200, 300, 400):
        variable, saving = saver(tmp_path, float(step), keep=4)
        saving.save(step)
    for step in (200, 300, 400):
        (tmp_path / f"ckpt-{step}.index").write_bytes(b"")
    _, saving = saver(tmp_path, 7.0, keep=2)
    saving.tidy(100)  # a run that has gone back to the sound one
    saving.save(150)
    assert checkpoints.newest(str(tmp_path)) == str(tmp_path / "ckpt-150")
    assert tf.train.latest_checkpoint(str(tmp_path)) == str(tmp_path / "ckpt-150")


def test_a_full_disk_leaves_the_last_good_checkpoint(two_checkpoints, monkeypatch):
    _, saving = saver(two_checkpoints)
    before = sorted(os.listdir(two_checkpoints))

    def full(path):
        open(f"{path}.data-00000-of-00001", "w").close()
        raise tf.errors.ResourceExhaustedError(
            None, None, f"{path}; No space left on device"
        )

    monkeypatch.setattr(saving.checkpoint, "write", full)
    with pytest.raises(NoSpace, match=r"step 3, .* kept: \[1, 2\]"):
        saving.save(3)
    assert sorted(os.listdir(two_checkpoints)) == before
    assert is_no_space(OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)))
    assert is_no_space(OSError(errno.EDQUOT, os.strerror(errno.EDQUOT)))


def test_a_second_run_in_one_workdir_is_refused(tmp_path):
    with run_lock(str(tmp_path)):
        with pytest.raises(UserError, match=f"on host .+, pid {os.getpid()}"):
            run_lock(str(tmp_path)).__enter__()
        assert os.listdir(tmp_path) == ["run.lock"]
    assert os.listdir(tmp_path) == []


def test_a_dead_owner_s_lock_is_taken_over(tmp_path):
    (tmp_path / "run.lock").write_text("elsewhere 1\n")
    with run_lock(str(tmp_path)):
        assert (tmp_path / "run.lock").read_text().endswith(f" {os.getpid()}\n")


def test_a_lock_that_was_deleted_is_no_fault_and_another_s_is_left(tmp_path):
    with run_lock(str(tmp_path)):
        (tmp_path / "run.lock").unlink()
    with run_lock(str(tmp_path)):
        (tmp_path / "run.lock").unlink()
        (tmp_path / "run.lock").write_text("elsewhere 1\n")
    assert (tmp_path / "run.lock").read_text() == "elsewhere 1\n"


def test_a_file_system_without_locks_is_named(tmp_path, monkeypatch):
    def no_locks(*args):
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(fcntl, "flock", no_locks)
    with pytest.raises(UserError, match=r"lock: expected a file that can be locked"):
        run_lock(str(tmp_path)).__enter__()


class SignalAt(divergence.StopOnNaN):
    """Sends a signal to this process in step 3 of stage 2."""

    number = signal.SIGTERM

    def on_train_batch_end(self, batch, logs=None):
        if hasattr(self.model, "generator") and self.model.steps_done() == 3:
            os.kill(os.getpid(), self.number)


@pytest.mark.parametrize(
    "number",
    [signal.SIGTERM, pytest.param(signal.SIGINT, marks=pytest.mark.faults)],
)
def test_a_signal_loses_no_finished_step(tmp_path, monkeypatch, number, whole):
    folder = str(tmp_path / "run")
    handlers = [signal.getsignal(n) for n in (signal.SIGTERM, signal.SIGINT)]
    with monkeypatch.context() as patch:
        patch.setattr(SignalAt, "number", number)
        patch.setattr(divergence, "StopOnNaN", SignalAt)
        with pytest.raises(Interrupted, match=f"{number.name}: saved at step 3"):
            train_eagerly(SHORT, folder)
    assert [signal.getsignal(n) for n in (signal.SIGTERM, signal.SIGINT)] == handlers
    assert workdir_lib.newest_checkpoint(folder, "translation").endswith("ckpt-3")
    assert not os.path.exists(os.path.join(folder, "run.lock"))
    resumed = train_eagerly(SHORT, folder)
    for x, y in zip(weights(whole), weights(resumed)):
        np.testing.assert_array_equal(x, y)


class Failing:
    """A source one of whose images cannot be read once training has come to it."""

    def __init__(self, source):
        self.source = source
        self.inventory, self.where = source.inventory, source.where
        self.tell = source.tell

    def size(self, domain):
        return self.source.size(domain)

    def element(self, domain, index, seed):
        return self.source.element(domain, index, seed), seed[1] // EXAMPLE_SEEDS

    def batch(self, domain, elements):
        def read(found, nth):
            if domain == "b" and 3 * SHORT.batch_size * 2 in nth:
                raise images.BadImage("b/7.png: expected an image, found: nothing")
            return found

        found = self.source.batch(domain, elements[0])
        return python_op.call(read, [found, elements[1]], found.dtype, found.shape)


def test_a_reader_that_fails_is_named_and_the_run_goes_on_from_its_last_checkpoint(
    tmp_path, monkeypatch, whole
):
    folder, open_source = str(tmp_path / "run"), train_lib.open_source
    with monkeypatch.context() as patch:
        patch.setattr(
            train_lib, "open_source", lambda *args: Failing(open_source(*args))
        )
        with pytest.raises(images.BadImage, match=r"^b/7\.png: expected an image"):
            train_eagerly(SHORT, folder)
    assert workdir_lib.newest_checkpoint(folder, "translation").endswith("ckpt-2")
    assert not os.path.exists(os.path.join(folder, "run.lock"))
    resumed = train_eagerly(SHORT, folder)
    for x, y in zip(weights(whole), weights(resumed)):
        np.testing.assert_array_equal(x, y)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The trainer of a whole run."""
    return train_eagerly(SHORT, str(tmp_path_factory.mktemp("whole") / "run"))


def test_a_second_signal_stops_at_once():
    interruption = Interruption(lambda: None, Workers(tf.distribute.get_strategy()))
    with interruption.listening():
        os.kill(os.getpid(), signal.SIGTERM)
        assert interruption.signal is signal.SIGTERM
        assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
        assert signal.getsignal(signal.SIGINT) is signal.SIG_DFL


FUSED = dataclasses.replace(RUN, fused_update=True)


@pytest.mark.parametrize(
    ("plant", "config"),
    [
        (in_the_data, RUN),
        (in_a_weight, FUSED),
        pytest.param(in_the_data, FUSED, marks=pytest.mark.slow),
        pytest.param(in_a_weight, RUN, marks=pytest.mark.slow),
        pytest.param(in_a_loss, RUN, marks=pytest.mark.slow),
        pytest.param(in_a_loss, FUSED, marks=pytest.mark.slow),
    ],
)
def test_what_is_not_finite_stops_before_the_weights_are_touched(plant, config):
    assert_stopped(*spoil(2, plant, config), plant)


def test_fit_raises_behind_such_a_step():
    trainer, batch = spoil(2, in_the_data, RUN)
    good = batches(RUN, 1, 1)[0]
    data = tf.data.Dataset.from_tensors(good).concatenate(
        tf.data.Dataset.from_tensors(batch)
    )
    trainer.compile()
    seen = []
    watching = keras.callbacks.LambdaCallback(
        on_train_batch_end=lambda batch, logs: seen.append(batch)
    )
    with pytest.raises(divergence.Diverged, match=r"^step 8: x_b, D/a, D/b, D/total"):
        trainer.fit(data.repeat(), steps_per_epoch=9, verbose=0, callbacks=[watching])
    assert seen == [0]  # no callback saw the bad step


@pytest.mark.slow
def test_two_replicas_stop_as_well(two_replicas):
    with two_replicas.scope():
        trainer = make_trainer(2, RUN)
        batch = batches(RUN, 1, 1)[0]
        trainer.prepare(batch)
    before = state(trainer, "D/")
    spoilt = tf.data.Dataset.from_tensors(in_the_data(trainer, batch)).unbatch()
    feed = two_replicas.experimental_distribute_dataset(spoilt.batch(4))
    step = tf.function(lambda b: two_replicas.run(trainer.train_step, args=(b,)))
    step(next(iter(feed)))
    for name, value in state(trainer, "D/").items():
        np.testing.assert_array_equal(value, before[name], err_msg=name)
    error = str(divergence.diverged(trainer))
    assert error.startswith("step 1: x_b, ")
    assert "D/gradient_norm not finite" in error


def test_an_infinite_gradient_of_float16_is_no_fault():
    config = dataclasses.replace(RUN, mixed_precision="mixed_float16", total_steps=99)
    keras.mixed_precision.set_global_policy("mixed_float16")
    batch = batches(config, 1, 1)[0]
    trainer = make_trainer(2, config)
    trainer.prepare(batch)
    step, scales, before = tf.function(trainer.train_step), [], weights(trainer)
    for _ in range(20):
        step(batch)
        scales.append(float(trainer.g_optimizer.loss_scale))
    assert min(scales) < 2.0**15  # some were left out
    assert trainer.steps_done() == 20
    assert any((x != y).any() for x, y in zip(before, weights(trainer)))
    # And what is no gradient stops here, too.
    held = state(trainer, "D/")
    step(in_the_data(trainer, batch))
    for name, value in state(trainer, "D/").items():
        if "optimizer" not in name:  # whose scale and count go on
            np.testing.assert_array_equal(value, held[name], err_msg=name)
    assert str(divergence.diverged(trainer)).startswith("step 21: x_b, D/a, D/b")


class Model:
    discriminator_advice = AdversarialTrainer.discriminator_advice

    def __init__(self):
        self.step = 0

    def steps_done(self):
        return self.step


def watch(health, losses, steps):
    health.set_model(Model())
    for health.model.step in range(1, steps + 1):
        health.on_train_batch_end(0, losses(health.model.step))


def test_a_discriminator_that_has_won_is_reported_once(tmp_path):
    health = Health(str(tmp_path), dict, 10**6)
    low = {"D/a": 0.001, "D/b": 0.2}
    # Low for long, but not at one go.
    watch(health, lambda s: low if s % D_STEPS else {**low, "D/a": 0.2}, 3 * D_STEPS)
    assert os.listdir(tmp_path) == []
    watch(health, lambda s: low, 3 * D_STEPS)
    (line,) = (tmp_path / "warnings.txt").read_text().splitlines()
    assert line.startswith(f"step {D_STEPS + 1}: D/a has been below 0.01 for 500 steps")


def test_translations_that_are_all_alike_are_reported_once(tmp_path):
    varied = np.random.RandomState(0).uniform(-1, 1, [6, 8, 8, 3])
    made = {"a": varied, "b": varied[:1].repeat(6, axis=0)}
    health = Health(str(tmp_path), lambda: made, every=5)
    watch(health, lambda s: {"D/a": 0.2, "D/b": 0.2}, 20)
    (line,) = (tmp_path / "warnings.txt").read_text().splitlines()
    assert line.startswith("step 5: 6 translations into domain b are all alike")


def test_changed_flags_are_refused_unless_overridden(tmp_path, caplog):
    RUN.save(str(tmp_path))
    other = dataclasses.replace(RUN, batch_size=2, total_steps=9)
    with pytest.raises(UserError, match="--batch_size was 4, is now 2.*--override_run"):
        workdir_lib.check_flags(str(tmp_path), other)
    with caplog.at_level("WARNING", logger="absl"):
        assert workdir_lib.check_flags(str(tmp_path), other, override=True) == RUN
    assert "--batch_size was 4, is now 2; --total_steps was 4, is now 9" in caplog.text


def test_overridden_flags_of_other_networks_leave_the_run_as_it_was(finished_copy):
    wider = dataclasses.replace(RUN, ngf=2 * RUN.ngf, total_steps=6)
    with pytest.raises(UserError, match="ckpt-4: expected a checkpoint of the n"):
        train_lib.train(wider, finished_copy, override_run=True)
    assert config_lib.load(finished_copy) == RUN
    assert restore.load(finished_copy).steps == 4


def test_a_longer_run_says_what_becomes_of_the_learning_rate(finished_copy, caplog):
    longer = dataclasses.replace(RUN, total_steps=5)
    with caplog.at_level("WARNING", logger="absl"):
        assert train_eagerly(longer, finished_copy).steps_done() == 5
    assert (
        "translation: 5 steps instead of 4: the learning rate at step 4 is now "
        "0.000235, it would have been 0"
    ) in caplog.text


def test_translation_falls_back_too(finished_copy, caplog):
    folder = finished_copy
    stage = os.path.join(folder, "translation")
    assert checkpoints.steps(stage) == [2, 4]
    with open(os.path.join(stage, "ckpt-4.index"), "wb"):
        pass
    with caplog.at_level("WARNING", logger="absl"):
        assert restore.load(folder).steps == 2
    assert "ckpt-4 is broken and passed over" in caplog.text
