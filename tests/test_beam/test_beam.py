"""Folders through Beam: egsc_tf.translate's images, once each, and what is left out."""

import hashlib
import json
import operator
import os
import shutil
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf
from support import runs
from support.files import save_noise
from support.paths import REPOSITORY
from support.programs import program

from egsc_tf import translate
from egsc_tf.data import folders, images
from egsc_tf.errors import UserError
from egsc_tf.export.saved_model import Settings as ExportSettings
from egsc_tf.export.saved_model import export
from egsc_tf.inference import pairing
from egsc_tf.run import restore

pytest.importorskip("apache_beam", reason="needs the extra beam")
from egsc_tf.beam import counters, files, manifest, model, pipeline  # noqa: E402
from egsc_tf.beam.options import pipeline_options  # noqa: E402
from egsc_tf.beam.settings import Settings  # noqa: E402

# An image of 40x60 is too large for the networks, 4 of 19x30 are too large a batch.
MAX_BATCH_PIXELS = 2048


@pytest.fixture(scope="module")
def workdir(tmp_path_factory):
    return runs.untrained(tmp_path_factory.mktemp("run"))


@pytest.fixture(scope="module")
def version(workdir, tmp_path_factory):
    output = str(tmp_path_factory.mktemp("models") / "tiny")
    settings = ExportSettings(batch_sizes=(1,), max_batch_pixels=MAX_BATCH_PIXELS)
    return export(workdir, output, settings)


@pytest.fixture(scope="module")
def run(version):
    """(pattern, exemplars, output, ...) -> the counts of a run in this process."""

    def run(pattern, exemplars, output, **settings):
        settings = Settings(
            version,
            str(pattern),
            exemplars=tuple(exemplars),
            output=str(output),
            **settings,
        )
        return pipeline.translate(settings, pipeline_options("DirectRunner", []))[0]

    return run


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """in/: good images in many forms, and broken ones; ex/: two exemplars."""
    root = tmp_path_factory.mktemp("data")
    for name in ("in", "ex"):
        (root / name).mkdir()
    for i in range(4):
        save_noise(root / "in" / f"wide{i}.png", 19, 30, i)
    for i, name in enumerate(("x.png", "x.jpg", "grey.gif", "é b.webp")):
        save_noise(root / "in" / name, 16, 17 + i, i)
    save_noise(root / "in" / "large.png", 40, 60)
    save_noise(root / "in" / "tiny.png", 4, 16)
    (root / "in" / "text.png").write_text("no picture")
    (root / "in" / "empty.jpg").write_bytes(b"")
    half = (root / "in" / "wide0.png").read_bytes()[:600]
    (root / "in" / "half.png").write_bytes(half)
    for i in range(2):
        save_noise(root / "ex" / f"style{i}.png", 16, 16, 50 + i)
    return root


BROKEN = {
    "large.png": "[content: expected a batch of 1 to 2048 pixels",
    "tiny.png": "expected at least 8x8 pixels",
    "text.png": "an unknown format",
    "empty.jpg": "an empty file",
    "half.png": "expected an image, found:",
}
GOOD = 8


@pytest.fixture(scope="module")
def exemplars(folder):
    return [str(folder / "ex" / f"style{i}.png") for i in range(2)]


@pytest.fixture(scope="module")
def finished(run, folder, exemplars, tmp_path_factory):
    """(output folder, counts) of a first run; to be copied, not changed."""
    output = tmp_path_factory.mktemp("out") / "new"
    return output, run(folder / "in" / "*", exemplars, output)


@pytest.fixture
def output(finished, tmp_path):
    """A copy of the finished output."""
    return shutil.copytree(finished[0], tmp_path / "out")


def lines(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def written(output):
    return {p.name: p.stat().st_mtime_ns for p in output.glob("*.png")}


def test_the_images_of_translate(finished, folder, workdir, exemplars, tmp_path):
    output, counts = finished
    translator = restore.load(workdir, deterministic=True)
    inputs = [p for p in folders.list_images(str(folder / "in")) if "large" not in p]
    translate.translate_files(
        translator, inputs, exemplars, str(tmp_path), on_bad_image="skip"
    )
    expected = {p.name for p in tmp_path.glob("*.png")}
    assert set(written(output)) == expected
    assert len(expected) == counts[counters.TRANSLATED] == 2 * GOOD
    assert {"x_png_style0.png", "x_jpg_style1.png", "wide3_style1.png"} < expected
    for name in expected:
        one, other = (images.read(str(f / name)) for f in (output, tmp_path))
        assert np.abs(one.astype(int) - other).max() <= 1


def test_the_other_direction_at_half_strength(run, folder, version, tmp_path):
    source, style = str(folder / "in" / "x.png"), str(folder / "ex" / "style1.png")
    run(source, [style], tmp_path, direction="b2a", strength=0.5)
    signatures = tf.saved_model.load(version).signatures
    pixels = {p: tf.constant(images.read(p)[None]) for p in (source, style)}
    code = signatures["encode_style_b2a"](exemplar=pixels[style])["style"]
    expected = signatures["translate_with_style_b2a"](
        content=pixels[source], style=code, strength=tf.constant([0.5])
    )["image"][0]
    found = images.read(str(tmp_path / "x.png"))
    assert (found == expected.numpy()).all()


def test_dead_letters_name_each_broken_input_and_why(finished, folder):
    output, counts = finished
    letters = lines(output / pipeline.DEAD_LETTERS)
    names = sorted(os.path.basename(letter["path"]) for letter in letters)
    assert names == sorted(BROKEN)
    for letter in letters:
        assert os.path.dirname(letter["path"]) == str(folder / "in")
        assert BROKEN[os.path.basename(letter["path"])] in letter["reason"]
    assert counts[counters.FOUND] == GOOD + len(BROKEN)
    assert counts[counters.DEAD_LETTERS] == len(letters)


def test_the_manifest_has_each_image_once(finished, folder, exemplars):
    output, _ = finished
    entries = {entry["file"]: entry for entry in lines(output / manifest.NAME)}
    assert set(entries) == set(written(output))
    assert len(lines(output / manifest.NAME)) == len(entries)
    for name, entry in entries.items():
        data = (output / name).read_bytes()
        assert entry["sha256"] == hashlib.sha256(data).hexdigest()
        assert entry["bytes"] == len(data)
    entry = entries["wide2_style1.png"]
    assert entry["source"] == str(folder / "in" / "wide2.png")
    assert entry["exemplar"] == exemplars[1]
    assert not (output / manifest.DONE).exists()


def test_only_what_is_missing_or_not_right_is_made_again(
    run, folder, exemplars, output
):
    before = written(output)
    (output / "wide1_style0.png").unlink()
    data = bytearray((output / "wide2_style0.png").read_bytes())
    data[-1] ^= 1
    (output / "wide2_style0.png").write_bytes(data)
    secret = output.parent / "secret"
    secret.write_text("not ours")
    outside = {"file": "../secret", "sha256": files.sha256(secret.read_bytes())}
    with open(output / manifest.NAME, "a") as file:
        file.write(json.dumps(outside) + '\n{"file": "x_png_sty')
    counts = run(folder / "in" / "*", exemplars, output)
    assert counts[counters.TRANSLATED] == 2
    assert counts[counters.RIGHT] == 2 * GOOD - 2
    now = written(output)
    changed = {name for name in before if now[name] != before[name]}
    assert changed == {"wide1_style0.png", "wide2_style0.png"}
    assert len(lines(output / manifest.NAME)) == 2 * GOOD
    assert all(manifest.is_right(output, e) for e in lines(output / manifest.NAME))


def test_another_source_under_the_same_name_is_due(
    run, folder, exemplars, output, tmp_path
):
    source = save_noise(tmp_path / "wide0.png", 19, 30, 77)
    counts = run(source, exemplars, output)
    assert (counts[counters.TRANSLATED], counts[counters.DEAD_LETTERS]) == (0, 2)
    for letter in lines(output / pipeline.DEAD_LETTERS):
        assert "wide0_style" in letter["reason"]
        assert "--overwrite replaces it" in letter["reason"]
    counts = run(source, exemplars, output, overwrite=True)
    assert (counts[counters.TRANSLATED], counts[counters.RIGHT]) == (2, 0)
    # The entries of the first pattern are kept, the two of now replaced.
    entries = {entry["file"]: entry for entry in lines(output / manifest.NAME)}
    assert len(entries) == len(lines(output / manifest.NAME)) == 2 * GOOD
    assert entries["wide0_style1.png"]["source"] == source
    counts = run(source, exemplars, output, strength=0.5)
    assert (counts[counters.TRANSLATED], counts[counters.DEAD_LETTERS]) == (0, 2)
    # Changed in place, it is the same input: made again, as by the same command.
    save_noise(tmp_path / "wide0.png", 19, 30, 78)
    counts = run(source, exemplars, output)
    assert (counts[counters.TRANSLATED], counts[counters.RIGHT]) == (2, 0)


def test_names_that_are_too_long_are_cut_as_translate_does(run, exemplars, tmp_path):
    long = "日" * 78  # whole by itself, too long with an exemplar's name
    (tmp_path / "in").mkdir()
    path = save_noise(tmp_path / "in" / f"{long}.png", 16, 16)
    counts = run(path, exemplars, tmp_path / "out")
    assert counts[counters.TRANSLATED] == 2
    longest = pairing.longest_stem(str(tmp_path))
    expected = set(pairing.files_of(long, exemplars, longest).values())
    assert set(written(tmp_path / "out")) == expected


def test_a_run_that_was_cut_short_is_completed(
    run, folder, exemplars, tmp_path, monkeypatch
):
    output, added, add = tmp_path / "out", [], manifest.add

    def killed(output, entry):
        if len(added) == 5:
            raise KeyboardInterrupt
        add(output, entry)
        added.append(entry["file"])

    monkeypatch.setattr(manifest, "add", killed)
    with pytest.raises(BaseException):  # noqa: B017, PT011  Beam wraps it
        run(folder / "in" / "*", exemplars, output)
    monkeypatch.undo()
    assert not (output / manifest.NAME).exists()
    before = written(output)
    counts = run(folder / "in" / "*", exemplars, output, tfrecords=True)
    assert counts[counters.RIGHT] == 5
    assert counts[counters.TRANSLATED] == 2 * GOOD - 5
    assert all(written(output)[name] == before[name] for name in added)
    assert not (output / manifest.DONE).exists()

    records = tf.data.TFRecordDataset(list(map(str, output.glob("images-*.tfrecord"))))
    found = [tf.train.Example.FromString(r) for r in records.as_numpy_iterator()]
    found = {e.features.feature["file"].bytes_list.value[0].decode(): e for e in found}
    assert set(found) == set(written(output))
    for name, record in found.items():
        data = record.features.feature["image"].bytes_list.value[0]
        assert data == (output / name).read_bytes()


def test_no_output_is_written_twice_or_over_an_input(run, exemplars, tmp_path):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        save_noise(tmp_path / name / "same.png", 16, 16)
    save_noise(tmp_path / "b" / "other.png", 16, 16)
    before = (tmp_path / "b" / "other.png").read_bytes()
    out = tmp_path / "b" / ".." / "b"
    counts = run(tmp_path / "[ab]" / "*.png", exemplars[:1], out)
    assert (counts[counters.TRANSLATED], counts[counters.DEAD_LETTERS]) == (0, 3)
    assert (tmp_path / "b" / "other.png").read_bytes() == before
    out = tmp_path / "out"
    counts = run(tmp_path / "[ab]" / "*.png", exemplars[:1], out)
    both = ["a_same_png.png", "b_same_png.png"]
    assert sorted(written(out)) == [*both, "other.png"]
    assert lines(out / pipeline.DEAD_LETTERS) == []
    out = tmp_path / "twice"
    save_noise(tmp_path / "b" / "a_same_png.png", 16, 16)
    run(tmp_path / "[ab]" / "*.png", exemplars[:1], out)
    assert sorted(written(out)) == ["b_same_png.png", "other.png"]
    assert {letter["path"] for letter in lines(out / pipeline.DEAD_LETTERS)} == {
        str(tmp_path / name) for name in ("a/same.png", "b/a_same_png.png")
    }


def test_a_broken_exemplar_is_a_dead_letter_and_none_an_error(
    run, folder, exemplars, tmp_path
):
    broken = str(folder / "in" / "text.png")
    tmp_path /= "out"
    counts = run(folder / "in" / "x.png", [exemplars[0], broken], tmp_path)
    assert (counts[counters.STYLES], counts[counters.DEAD_LETTERS]) == (1, 1)
    assert sorted(written(tmp_path)) == ["x_style0.png"]
    with pytest.raises(UserError, match="--exemplar: expected a usable image"):
        run(folder / "in" / "x.png", [broken], tmp_path / "none")


def test_what_cannot_be_made_again_stays_in_the_manifest(run, folder, tmp_path):
    """What was made of an exemplar, and of a source, that are no images any more."""
    for name in ("in", "ex"):
        (tmp_path / name).mkdir()
    pictures = [tmp_path / "in" / "x.png", tmp_path / "in" / "wide1.png"]
    styles = [tmp_path / "ex" / "style0.png", tmp_path / "ex" / "style1.png"]
    for path in (*pictures, *styles):
        shutil.copy(folder / path.parent.name / path.name, path)

    def start():
        run(tmp_path / "in" / "*.png", [str(path) for path in styles], tmp_path / "out")
        return {e["file"] for e in lines(tmp_path / "out" / manifest.NAME)}

    made = start()
    assert len(made) == 4
    styles[1].write_text("no picture")
    pictures[1].write_text("no picture")
    assert start() == made
    styles[0].write_text("no picture")
    with pytest.raises(UserError, match="--exemplar: expected a usable image"):
        start()
    assert {e["file"] for e in lines(tmp_path / "out" / manifest.NAME)} == made


def test_a_name_that_two_inputs_claim_now_stays_in_the_manifest(
    run, folder, exemplars, tmp_path
):
    for name in ("v1.0", "v1_0", "c"):
        (tmp_path / "in" / name).mkdir(parents=True)
    for name in ("v1.0", "c"):
        shutil.copy(folder / "in" / "x.png", tmp_path / "in" / name)
    pattern, out = tmp_path / "in" / "**.png", tmp_path / "out"
    run(pattern, exemplars[:1], out)
    made = lines(out / manifest.NAME)
    assert sorted(line["file"] for line in made) == [
        "c_x_png.png",
        "v1_0_x_png.png",
    ]
    shutil.copy(folder / "in" / "x.png", tmp_path / "in" / "v1_0")
    assert run(pattern, exemplars[:1], out)[counters.DEAD_LETTERS] == 2
    by_file = operator.itemgetter("file")
    assert sorted(lines(out / manifest.NAME), key=by_file) == sorted(made, key=by_file)


def test_a_users_mistakes_are_named(version, folder, tmp_path):
    with pytest.raises(UserError, match=r"--input=.*'.*/in/\*', found a folder"):
        files.matching(str(folder / "in"), "--input")
    with pytest.raises(UserError, match=r"--exemplar=.*: expected files, found none"):
        files.matching(str(folder / "in" / "*.tga"), "--exemplar")
    with pytest.raises(UserError, match="--saved_model=.* found no SavedModel"):
        model.require_signatures(str(tmp_path), "a2b")
    with pytest.raises(UserError, match="--directon: expected a flag of"):
        pipeline_options("DirectRunner", ["--directon=b2a"])
    pipeline_options("FlinkRunner", ["--flink_master=host:8081", "--parallelism=4"])
    beside = (str(tmp_path / "style.png"),)
    settings = Settings(version, exemplars=beside, output=f"{tmp_path}/.")
    with pytest.raises(UserError, match="--output=.*: expected another folder than"):
        pipeline.translate(settings, pipeline_options("DirectRunner", []))
    settings = Settings(version, "unused", output=str(tmp_path))
    with pytest.raises(UserError, match="--runner.*NoRunner"):
        pipeline.translate(settings, pipeline_options("NoRunner", []))


WITHOUT = """
import runpy, sys
sys.modules["apache_beam"] = None
needed = ("saved_model", "input", "exemplar", "output")
sys.argv[1:] = [f"--{name}=x" for name in needed]
runpy.run_module("egsc_tf.beam_translate", run_name="__main__")
"""


def test_beam_that_is_missing_is_named():
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert '`pip install "egsc_tf[beam]"`, found no apache_beam' in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.beam_long
def test_the_program_in_two_processes(version, folder, exemplars, tmp_path):
    code, output = program(
        "beam_translate",
        f"--saved_model={version}",
        f"--input={folder / 'in' / '*.png'}",
        f"--exemplar={exemplars[0]}",
        f"--output={tmp_path / 'out'}",
        "--runner=DirectRunner",
        "--direct_num_workers=2",
        "--direct_running_mode=multi_processing",
    )
    assert code == 2, output
    assert "9 inputs, 1 exemplar: 5 images written to" in output
    assert ", 0 already right, 4 dead letters; " in output
    assert len(written(tmp_path / "out")) == 5
