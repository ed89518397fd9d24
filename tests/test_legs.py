"""What one leg writes, the other goes on with: runs of both stages, and SavedModels.

EGSC_OTHER_PYTHON: the Python of the other leg's environment; `make test-legs` sets it.
"""

import os
import subprocess
import sys

import pytest
from support.paths import REPOSITORY

pytestmark = pytest.mark.legs


def leg(python, what, folder):
    """Runs support.leg; returns its output."""
    path = os.pathsep.join([str(REPOSITORY / "tests"), str(REPOSITORY)])
    done = subprocess.run(
        [python, "-m", "support.leg", what, folder],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def other():
    python = os.environ.get("EGSC_OTHER_PYTHON")
    if not python:
        pytest.skip("EGSC_OTHER_PYTHON is not set: `make test-legs` sets it")
    versions = [
        subprocess.run(
            [
                one,
                "-c",
                "from importlib import metadata as m; print(m.version('tensorflow'))",
            ],
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for one in (sys.executable, python)
    ]
    assert versions[0] != versions[1], f"one TensorFlow in both: {versions[0]}"
    return python


@pytest.mark.parametrize("this_writes", [True, False])
def test_a_run_of_one_leg_goes_on_on_the_other(other, this_writes, tmp_path):
    writer, reader = (sys.executable, other) if this_writes else (other, sys.executable)
    leg(writer, "write", str(tmp_path))
    output = leg(reader, "check", str(tmp_path))
    assert output.count(" apart") == 6
