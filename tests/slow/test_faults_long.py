"""Kills, signals and a full disk, on real processes: `make test-faults`."""

import json
import os
import random
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import tensorflow as tf
from support.odd_images import odd_images
from support.runs import TINY_FLAGS as FLAGS

from egsc_tf.run import checkpoints

pytestmark = pytest.mark.faults

KILLS = 20
STEPS = 150


def start(workdir, *flags):
    command = [sys.executable, "-m", "egsc_tf.train", *FLAGS, *flags]
    return subprocess.Popen(
        [*command, f"--workdir={workdir}"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def run(workdir, *flags):
    process = start(workdir, *flags)
    output, _ = process.communicate()
    return process.returncode, output


def progress(workdir):
    """Steps of both stages that are saved."""
    stages = ("feature_masks", "translation")
    return sum(
        max(checkpoints.steps(os.path.join(workdir, stage)), default=0)
        for stage in stages
    )


def tensors(workdir):
    """{name: array} of the last checkpoint, all but the time it took."""
    path = checkpoints.newest(os.path.join(workdir, "translation"))
    reader = tf.train.load_checkpoint(path)
    names = reader.get_variable_to_shape_map()
    assert checkpoints.step_of(path) == STEPS
    return {
        name: reader.get_tensor(name)
        for name in names
        if not name.startswith(("seconds/", "_CHECKPOINTABLE"))
    }


def files(workdir):
    """Names of all files, but TensorBoard's, of which each start writes one."""
    found = set()
    for folder, _, names in os.walk(workdir):
        for name in names:
            if "tfevents" not in name:
                found.add(os.path.relpath(os.path.join(folder, name), workdir))
    return found


def kill_at_a_random_moment(process, workdir, dice):
    """Kills behind a few saved steps or within the start; False if it had ended."""
    goal = progress(workdir) + dice.choice([0, 1, 2, 5])
    started = time.monotonic()
    while process.poll() is None:
        if goal == 0 or progress(workdir) >= goal:
            # Within a save, or between two of them, or in the set-up.
            time.sleep(dice.uniform(0.0, 0.3 if goal else 8.0))
            break
        assert time.monotonic() - started < 300, "no progress for 5 minutes"
        time.sleep(0.002)
    if process.poll() is not None:
        return False
    process.kill()
    process.wait()
    return True


def test_killed_twenty_times_the_run_ends_as_if_it_had_not_been(tmp_path, survived):
    whole, killed = str(tmp_path / "whole"), str(tmp_path / "killed")
    length = f"--total_steps={STEPS}"
    code, output = run(whole, length)
    assert code == 0, output
    dice = random.Random(5)
    kills, within_a_save = 0, 0
    while kills < KILLS:
        process = start(killed, length)
        assert kill_at_a_random_moment(process, killed, dice), process.stdout.read()
        kills += 1
        parts = [os.path.join(killed, s) for s in ("feature_masks", "translation")]
        within_a_save += any(os.path.isdir(os.path.join(p, ".part")) for p in parts)
    code, output = run(killed, length)
    assert code == 0, output
    expected, found = tensors(whole), tensors(killed)
    assert set(expected) == set(found)
    for name, value in expected.items():
        np.testing.assert_array_equal(value, found[name], err_msg=name)
    assert files(killed) == files(whole)
    survived(f"{kills} kills, {within_a_save} of them within a save: same weights")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_saves_the_step_and_exits_with_75(tmp_path, survived, number):
    workdir = str(tmp_path / "run")
    process = start(workdir, "--total_steps=100000", "--checkpoint_every=1000000")
    samples = os.path.join(workdir, "samples")
    while not os.path.exists(os.path.join(samples, "translation_0000010.png")):
        assert process.poll() is None, process.stdout.read()
        time.sleep(0.05)
    process.send_signal(number)
    output, _ = process.communicate()
    assert process.returncode == 75, output
    saved = checkpoints.steps(os.path.join(workdir, "translation"))
    assert len(saved) == 1
    assert saved[0] >= 10
    assert f"stopped: {number.name}: saved at step {saved[0]}" in output
    survived(f"{number.name}: saved at step {saved[0]}, exit code 75")


def test_a_full_disk_keeps_the_last_good_checkpoint(tmp_path, survived):
    workdir = tmp_path / "small"
    workdir.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", str(workdir)]
    if subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("mounting a small file system is not permitted here")
    try:
        code, output = run(
            str(workdir), "--total_steps=1000", "--keep_checkpoints=1000"
        )
        assert code == 2, output
        assert "expected room for" in output
        assert "Traceback" not in output
        stage = next(
            s for s in ("translation", "feature_masks") if (workdir / s).is_dir()
        )
        kept = checkpoints.steps(str(workdir / stage))
        newest = checkpoints.newest(str(workdir / stage))
        assert checkpoints.step_of(newest) == kept[-1] > 0
        assert not (workdir / stage / ".part").exists()
    finally:
        subprocess.run(["umount", str(workdir)], check=True)
    survived(f"full disk: step {kept[-1]} of {stage} kept, exit code 2")


def program(name, *flags):
    command = [sys.executable, "-m", f"egsc_tf.{name}", *flags]
    done = subprocess.run(command, capture_output=True, text=True)
    output = done.stdout + done.stderr
    assert "Traceback" not in output, output
    return done.returncode, output


def test_two_thousand_odd_images_go_through_all_programs(tmp_path, survived):
    data, folders = tmp_path / "data", ("trainA", "trainB", "testA", "testB")
    for i, file in enumerate(odd_images(2000)):
        folder = data / folders[i % 4]
        folder.mkdir(parents=True, exist_ok=True)
        (folder / file.name).write_bytes(file.data)
    checked = str(tmp_path / "check")
    code, _ = program("check_dataset", f"--data_dir={data}", f"--output={checked}")
    assert code == 2  # training would stop at the first broken file
    with open(os.path.join(checked, "check.json"), encoding="utf-8") as file:
        problems = json.load(file)["problems"]
    bad = {entry["file"] for kind in ("broken", "tiny") for entry in problems[kind]}

    workdir = str(tmp_path / "run")
    folder_flags = ("--dataset=folder", f"--data_dir={data}", "--on_bad_image=skip")
    code, output = run(workdir, *folder_flags, "--mask_steps=1", "--total_steps=2")
    assert code == 0, output
    names = sorted(os.listdir(data / "testB"))
    exemplar = next(data / "testB" / n for n in names if f"testB/{n}" not in bad)
    translated = 0
    for name in ("testA", "trainA"):
        out = tmp_path / f"out_{name}"
        code, output = program(
            "translate",
            f"--workdir={workdir}",
            f"--input={data / name}",
            f"--exemplar={exemplar}",
            f"--output={out}",
            "--on_bad_image=skip",
        )
        assert code == 0, output
        inputs = {f"{name}/{n}" for n in os.listdir(data / name)}
        assert len(os.listdir(out)) == len(inputs - bad)
        assert all(os.path.basename(path) in output for path in inputs & bad)
        translated += len(inputs - bad)
    survived(
        f"2000 odd files: {len(bad)} named as bad, training on the rest, "
        f"{translated} of 1000 translated, all that are good"
    )
