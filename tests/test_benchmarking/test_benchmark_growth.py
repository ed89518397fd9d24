"""How cost grows: what is varied, and how the findings are shown."""

import os
import subprocess
import sys

import pytest
from PIL import Image
from support.programs import program, refusal

from egsc_tf import benchmark_growth as growth
from egsc_tf.errors import UserError

TINY = (
    "--height=8",
    "--width=8",
    "--n_encoder=1",
    "--n_res=1",
    "--n_dis=1",
    "--ngf=2",
    "--ndf=2",
)


@pytest.mark.parametrize("text", ["", "ngf", "ngf:", "ngf:2,x", "dataset:1", "nil:2"])
def test_what_cannot_be_varied_is_named(text):
    with pytest.raises(UserError, match=f"--vary={text}: expected"):
        growth.parse(text)


def test_one_quantity_twice_is_refused(tmp_path):
    command = ["--vary=ngf:16", "--vary=ngf:32", f"--output_dir={tmp_path}"]
    code, output = program("benchmark_growth", *command)
    assert code == 2
    assert "--vary: expected different names, found ngf:16, ngf:32" in output


def test_size_is_height_and_width():
    assert growth.parse("size:32,64") == ("size", [32, 64])
    assert growth.flags_of("size", 32) == ["--height=32", "--width=32"]
    assert growth.flags_of("replicas", 2) == ["--replicas=2"]


def found(rate):
    return {
        "train": {
            "images_per_s": rate,
            "step": {"median_s": 0.5},
            "gflops": 80.0,
            "share_of_peak": 0.5,
            "peak_memory_bytes": 2**30,
        }
    }


def test_a_value_that_fails_loses_no_other(monkeypatch):
    def measure(preset, name, value, seconds):
        if value == 3:
            raise UserError("three")
        return found(float(value))

    monkeypatch.setattr(growth, "measure", measure)
    results, failed = growth.measure_all("", {"ngf": [2, 3, 4], "size": [3]}, 0.0)
    assert results == {"ngf": {2: found(2.0), 4: found(4.0)}}
    assert failed == ["three", "three"]


def test_tables_and_plot_show_each_value(tmp_path):
    results = {"ngf": {8: found(4.0), 16: found(2.0)}, "size": {32: found(1.0)}}
    table = growth.to_markdown(results)
    assert "| 16 | 2.00 | 0.500 | 80 | 50 % | 1.00 |" in table
    assert table.count("\n| --- |") == 2
    growth.plot(str(tmp_path / "growth.png"), results)
    with Image.open(tmp_path / "growth.png") as image:
        assert image.size == (700, 300)


@pytest.mark.parametrize("value", ["batch_size:1,0", "replicas:2,0", "size:8,9"])
def test_every_value_is_checked_before_the_first_is_measured(
    tmp_path, monkeypatch, value
):
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: pytest.fail("measured"))
    command = [*TINY[2:], "--n_encoder=2", f"--output_dir={tmp_path}"]
    code, output = refusal("benchmark_growth", *command, f"--vary={value}")
    assert code == 2
    name, values = value.split(":")
    assert f"error: --vary={name}:{values[-1]}: --" in output


def test_the_program_measures_each_value_and_names_what_fails(tmp_path):
    command = [sys.executable, "-m", "egsc_tf.benchmark_growth", *TINY, "--g_update=1"]
    command += ["--perceptual_network=embedded", "--seconds=0"]
    command += [f"--output_dir={tmp_path}", "--vary=replicas:3"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "--vary=replicas:3: the benchmark failed: error: --batch_size" in done.stderr
    assert os.listdir(tmp_path) == []
