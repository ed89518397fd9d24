"""10,000 images, 1 % broken, through two processes of Beam: `make test-beam`."""

import hashlib
import json
import os
import re
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from support import runs
from support.files import save_noise
from support.paths import REPOSITORY
from support.programs import program

from egsc_tf.data import images
from egsc_tf.export.saved_model import Settings, export

pytest.importorskip("apache_beam", reason="needs the extra beam")
pytestmark = pytest.mark.beam_long

COUNT, BROKEN_EVERY, SIDE = 10_000, 100, 28
GOOD = COUNT - COUNT // BROKEN_EVERY
PATIENCE = 1800
BROKEN = (b"", b"no picture", b"\x89PNG\r\n\x1a\n" + bytes(300))


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """A folder with run/, models/tiny/1, style.png and the images in/."""
    root = tmp_path_factory.mktemp("data")
    workdir = runs.untrained(root / "run", height=SIDE, width=SIDE, n_encoder=1)
    export(workdir, str(root / "models" / "tiny"), Settings(batch_sizes=(1,)))
    save_noise(root / "style.png", SIDE, SIDE, COUNT)
    (root / "in").mkdir()
    for i in range(COUNT):
        path = root / "in" / f"{i:05d}.png"
        if i % BROKEN_EVERY == 7:
            path.write_bytes(BROKEN[i // BROKEN_EVERY % len(BROKEN)])
        else:
            save_noise(path, SIDE, SIDE, i)
    return root


def beam_flags(data, output):
    return [
        f"--saved_model={data / 'models' / 'tiny' / '1'}",
        f"--input={data / 'in' / '*.png'}",
        f"--exemplar={data / 'style.png'}",
        f"--output={output}",
        "--batch_size=32",
        "--direct_num_workers=2",
        "--direct_running_mode=multi_processing",
    ]


def by_beam(data, output):
    return program("beam_translate", *beam_flags(data, output), timeout=PATIENCE)


@pytest.fixture(scope="module")
def by_translate(data):
    """(folder of egsc_tf.translate's images, seconds)."""
    output, start = data / "by_translate", time.monotonic()
    code, text = program(
        "translate",
        f"--workdir={data / 'run'}",
        f"--input={data / 'in'}",
        f"--exemplar={data / 'style.png'}",
        f"--output={output}",
        "--on_bad_image=skip",
        timeout=PATIENCE,
    )
    assert code == 0, text
    return output, time.monotonic() - start


def counts_of(text):
    """(written, already right, dead letters) that the program printed."""
    found = re.search(
        r"([\d,]+) images? written .* ([\d,]+) already .* ([\d,]+) dead", text
    )
    return tuple(int(number.replace(",", "")) for number in found.groups())


def test_killed_half_way_and_started_again(data, by_translate, tmp_path, capsys):
    output = tmp_path / "out"
    command = [sys.executable, "-m", "egsc_tf.beam_translate"]
    with subprocess.Popen(
        [*command, *beam_flags(data, output)],
        cwd=REPOSITORY,
        start_new_session=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        while not _at_least(output / ".done", GOOD // 2):
            assert process.poll() is None
            time.sleep(0.02)
        os.killpg(process.pid, signal.SIGKILL)
    noted = {p.stem for p in (output / ".done").glob("*.json")}
    before = {name: (output / name).stat().st_mtime_ns for name in noted}
    assert GOOD // 2 <= len(noted) < GOOD

    code, text = by_beam(data, output)
    assert (code, counts_of(text)) == (
        2,
        (GOOD - len(noted), len(noted), COUNT - GOOD),
    ), text
    now = {name: (output / name).stat().st_mtime_ns for name in noted}
    assert now == before

    letters = (output / "dead_letters.jsonl").read_text().splitlines()
    names = [os.path.basename(json.loads(line)["path"]) for line in letters]
    assert sorted(names) == [f"{i:05d}.png" for i in range(7, COUNT, BROKEN_EVERY)]
    entries = (output / "manifest.jsonl").read_text().splitlines()
    entries = [json.loads(line) for line in entries]
    expected = {p.name for p in by_translate[0].glob("*.png")}
    assert sorted(entry["file"] for entry in entries) == sorted(expected)
    assert {p.name for p in output.glob("*.png")} == expected
    worst = 0
    for entry in entries:
        data_now = (output / entry["file"]).read_bytes()
        assert hashlib.sha256(data_now).hexdigest() == entry["sha256"]
        one, other = (
            images.read(str(folder / entry["file"])).astype(int)
            for folder in (output, by_translate[0])
        )
        worst = max(worst, np.abs(one - other).max())
    assert worst <= 1
    with capsys.disabled():
        print(
            f"\nkilled with {len(noted)} of {GOOD} images noted; started again: "
            f"{GOOD - len(noted)} more, {len(noted)} kept, {COUNT - GOOD} dead letters;"
            f" largest difference from egsc_tf.translate: {worst} grey levels"
        )


def _at_least(folder, count):
    return folder.exists() and len(os.listdir(folder)) >= count


def test_throughput_beside_translate(data, by_translate, tmp_path, capsys):
    start = time.monotonic()
    code, text = by_beam(data, tmp_path / "out")
    seconds = time.monotonic() - start
    assert (code, counts_of(text)) == (2, (GOOD, 0, COUNT - GOOD)), text
    code, text = by_beam(data, tmp_path / "out")
    assert (code, counts_of(text)) == (2, (0, GOOD, COUNT - GOOD)), text
    with capsys.disabled():
        print(
            f"\n{COUNT} images of {SIDE}x{SIDE}, whole programs: beam_translate in 2 "
            f"processes {seconds:.0f} s, translate {by_translate[1]:.0f} s, "
            f"ratio {by_translate[1] / seconds:.2f}"
        )
