"""The command that trains variants and makes their table."""

import dataclasses
import json
import os
import signal
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf
from support.paths import REPOSITORY
from support.programs import refusal
from support.trainers import RUN, TINY, make_trainer

from egsc_tf import variants
from egsc_tf.runtime.signals import SIGNALS
from egsc_tf.training import run as train_lib
from egsc_tf.training.draws import NONE


def noise_batch():
    shape = [TINY.batch_size, TINY.height, TINY.width, 3]
    return {d: tf.random.stateless_normal(shape, [1, 2]) for d in ("x_a", "x_b")}


def prepared(name):
    trainer = make_trainer(2, dataclasses.replace(TINY, **variants.VARIANTS[name]))
    batch = noise_batch()
    trainer.prepare({domain: x[:, None] for domain, x in batch.items()})
    return trainer, batch


@pytest.mark.parametrize("name", sorted(variants.VARIANTS))
def test_a_variant_has_only_its_own_parts(name):
    trainer, batch = prepared(name)
    m_a, m_b, s_a, s_b = trainer.conditions(batch)
    assert (m_a is None) == (m_b is None) == (name in ("unit", "munit", "no_masks"))
    assert (s_a is None) == (s_b is None) == (name in ("unit", "no_adain"))
    _, logs, _ = trainer.generator_losses(batch, NONE)
    assert ("G/style" in logs) == (name in ("egsc_it", "no_masks", "no_adain"))


def test_every_preset_has_all_variants():
    base = dataclasses.replace(TINY, style_code="encoder")
    found = {n: dataclasses.replace(base, **v) for n, v in variants.VARIANTS.items()}
    assert found["egsc_it"].style_code == found["no_masks"].style_code == "encoder"
    assert not found["no_adain"].use_adain


@pytest.mark.slow
def test_a_variant_without_use_for_f_resumes(tmp_path):
    config = dataclasses.replace(
        RUN, mask_steps=1, total_steps=1, **variants.VARIANTS["unit"]
    )
    train_lib.train(config, str(tmp_path))
    longer = dataclasses.replace(config, total_steps=2)
    assert train_lib.train(longer, str(tmp_path)).steps_done() == 2


def test_munit_learns_its_style_encoders():
    trainer, batch = prepared("munit")
    kernels = [
        layer.kernel
        for encoder in (
            trainer.generator.style_encoder_a,
            trainer.generator.style_encoder_b,
        )
        for layer in (*(conv.conv for conv in encoder.convs), encoder.to_style)
    ]
    before = [kernel.numpy() for kernel in kernels]
    trainer.train_generator(batch)
    assert all((k.numpy() != old).any() for k, old in zip(kernels, before))


def test_the_table_has_mean_and_deviation_over_seeds():
    results = {
        "egsc_it": [{"ssim_a2b": 0.5}, {"ssim_a2b": 0.7}],
        "unit": [{"ssim_a2b": 0.25}, {"ssim_a2b": 0.25}],
    }
    summary = variants.summarise(results, ["ssim_a2b"])
    np.testing.assert_allclose(summary["egsc_it"]["ssim_a2b"], (0.6, 0.02**0.5))
    table = variants.to_markdown(summary, 2).splitlines()
    assert table[0] == "Mean ± standard deviation of 2 seed(s)."
    assert table[2:] == [
        "| variant | ssim_a2b |",
        "| --- | --- |",
        "| egsc_it | 0.600 ± 0.141 |",
        "| unit | 0.250 ± 0.000 |",
    ]


def test_caveats_of_all_runs_are_told_once():
    few, fid = {"caveats": ["few", "FID"]}, {"caveats": ["FID"]}
    assert variants.caveats({"unit": [fid, few], "munit": [few]}) == ["FID", "few"]


def test_a_change_is_the_preset_with_other_flags():
    base = dataclasses.replace(TINY, seed=5, adv_weight=2.5)
    expected = dataclasses.replace(base, use_masks=False, ngf=8)
    assert variants.changed(base, "--nouse_masks --ngf=8") == expected


@pytest.mark.slow
def test_the_command_trains_scores_and_tabulates(tmp_path):
    preset = tmp_path / "tiny"
    dataclasses.replace(TINY, mask_steps=1, total_steps=1).save(str(preset))
    command = [
        sys.executable,
        "-m",
        "egsc_tf.variants",
        f"--flagfile={preset / 'run.flags'}",
        f"--workdir={tmp_path / 'table'}",
        "--variants=unit",
        "--change=--nouse_masks --ngf=3",
        "--seeds=3",
        "--max_images=8",
        "--metrics=l1",
    ]

    def start(*more):
        return subprocess.run(
            [*command, *more],
            cwd=REPOSITORY,
            capture_output=True,
            text=True,
            check=False,
        )

    done = start()
    assert done.returncode == 0, done.stderr
    (result,) = json.loads((tmp_path / "table" / "variants.json").read_text())["unit"]
    table = (tmp_path / "table" / "variants.md").read_text()
    changed = (tmp_path / "table" / "nouse_masks_ngf=3_seed3" / "run.flags").read_text()
    assert "--ngf=3\n" in changed
    assert "| --nouse_masks --ngf=3 | " in table
    assert f"| unit | {result['l1_a2b']:.3f} ± 0.000 |" in table
    assert f"| {result['train_seconds']:.3f} ± 0.000 |" in table
    assert "\nOnly 8 of a and 8 of b were scored" in table
    assert table in done.stdout
    flags = (tmp_path / "table" / "unit_seed3" / "run.flags").read_text()
    assert "--seed=3" in flags
    assert "--use_adain=False" in flags
    # Other flags are another run: nothing old is tabulated under them.
    other = start("--learning_rate=0.5")
    assert other.returncode == 2
    assert "--learning_rate was 0.001, is now 0.5" in other.stderr
    assert "failed: unit, seed 3" in other.stderr


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_reaches_the_run_once_and_ends_the_command(number, tmp_path):
    """SIGTERM as `kill` sends it, SIGINT as a terminal does: to the whole group."""
    python = tmp_path / "python"  # stands in for the interpreter of the runs
    python.write_text(
        f"""#!{sys.executable}
import signal, sys, time
came = []
for number in (signal.SIGINT, signal.SIGTERM):
    signal.signal(number, lambda number, frame: came.append(number))
print(*sys.argv[1:], flush=True)
while not came:
    time.sleep(0.01)
time.sleep(0.5)
print([signal.Signals(number).name for number in came], flush=True)
sys.exit(75)
"""
    )
    python.chmod(0o755)
    command = f"""
import sys
from egsc_tf import config, variants
from egsc_tf.runtime import program
sys.executable, workdir = {str(python)!r}, {str(tmp_path / "run")!r}
program.run(lambda: variants.train_and_score(config.Config(), workdir))
"""
    with subprocess.Popen(
        [sys.executable, "-c", command],
        cwd=REPOSITORY,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        assert process.stdout.readline().startswith("-m egsc_tf.train --workdir")
        send = os.killpg if number == signal.SIGINT else os.kill
        send(process.pid, number)
        output, errors = process.communicate(timeout=60)
    assert process.returncode == 75
    assert output == f"['{number.name}']\n"  # and nothing was scored
    assert errors.startswith(f"stopped: {number.name}: {tmp_path}")
    assert "egsc_tf.train ended with code 75" in errors


@pytest.mark.parametrize(
    ("flag", "message"),
    [
        ("--variants=gan", "found 'gan'"),
        ("--change=", "--change=: expected flags of training: found nothing"),
        ("--change=ngf=8", "--change=ngf=8: expected flags of training: found 'ngf=8'"),
        ("--change=--ngff=8", "expected flags of training: Unknown command line flag"),
        ("--change=--ngf=0", "expected flags of training: --ngf: expected at least 1"),
        ("--change='--ngf=8", "expected flags of training: No closing quotation"),
        (
            "--change=--style_loss=statistics --style_weight=0",
            "as it has no effect other",
        ),
        (
            "--change=--digits=mnist --data_dir=/no/such.npz",
            "--data_dir=/no/such.npz: expected",
        ),
        (
            "--change=--perceptual_network=/no/such.h5",
            "--perceptual_network=/no/such.h5: expected",
        ),
        ("--change=--seed=4", "--change=--seed=4: expected flags of training: found"),
        ("--variants=unit,unit", "--variants: expected different values"),
        ("--seeds=one", "--seeds: expected integers"),
        ("--metrics=fad", "--metrics: expected some of"),
        ("--seeds=0,0", "--seeds: expected different values"),
        ("--seeds=0,-1", "--seed: expected"),
    ],
)
def test_bad_lists_are_refused(flag, message, tmp_path):
    code, output = refusal("variants", f"--workdir={tmp_path / 'x'}", flag)
    assert code == 2
    assert message in output
    assert not (tmp_path / "x").exists()
