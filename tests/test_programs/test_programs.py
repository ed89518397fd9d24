"""The programs as a user starts them: what they print, write and refuse."""

import dataclasses
import json
import os
import re
import sys
import threading
from unittest import mock

import numpy as np
import pytest
import tensorflow as tf
from absl import app
from PIL import Image
from support import runs
from support.files import save_noise
from support.programs import all_programs, program, refusal
from support.runs import untrained

from egsc_tf import __main__, config, translate
from egsc_tf.config import Config
from egsc_tf.data import images
from egsc_tf.errors import UserError
from egsc_tf.evaluation import scoring
from egsc_tf.inference import files, pairing, tiling
from egsc_tf.models.translator import Translator
from egsc_tf.pictures.contact_sheet import contact_sheet
from egsc_tf.run import restore
from egsc_tf.runtime.program import run


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--no_such_flag=1"], "Unknown command line flag 'no_such_flag'"),
        (["--ngf=none"], "--ngf=none"),
        (["--dataset=faces"], "--dataset=faces"),
        (["--height=30"], "error: --height: expected a multiple of 4"),
        (["--dataset=folder", "--data_dir=/no/such"], "error: /no/such/trainA: exp"),
        (["--flagfile=/no/such.flags"], "/no/such.flags"),
        (["extra"], "expected only flags, found ['extra']"),
    ],
)
def test_train_names_a_users_mistake_without_a_traceback(tmp_path, flags, message):
    code, output = refusal("train", f"--workdir={tmp_path / 'run'}", *flags)
    assert code == 2
    assert message in output
    assert "Traceback" not in output
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("shape", [(8, 2100), (3000, 10), (7, 128), (300, 200)])
def test_every_shape_has_a_thumbnail(shape):
    thumbnail = files.thumbnail_of(np.zeros([*shape, 3], np.uint8))
    sides = [max(1, round(128 * side / max(shape))) for side in shape]
    assert thumbnail.shape == (*sides, 3)
    assert (thumbnail == -1.0).all()


def test_cells_of_a_sheet_have_the_shapes_of_the_images():
    """Wide photos have no white bands; of other shapes only what does not fit."""

    def black(height, width):
        return -np.ones([height, width, 3], np.float32)

    wide, high = black(4, 8), black(8, 4)
    sheet = contact_sheet([wide] * 3, [wide] * 2, [[wide] * 3] * 2)
    assert sheet.shape == (16, 24, 3)
    sheet[:4, :8] = -sheet[:4, :8]  # the corner
    assert (sheet == -1.0).all()
    mixed = contact_sheet([wide, high], [high], [[wide, high]])
    assert mixed.shape == (8 + 4 + 8, 8 + 8, 3)
    assert (mixed[:8, 8:] == -1.0).all(-1).sum() == high[..., 0].size
    assert (mixed[8:12] == -1.0).all()


def test_the_package_lists_its_programs_with_a_line_each(capsys):
    assert __main__.main([]) == __main__.main(["--help"]) == 0
    listed = dict(__main__.programs())
    assert sorted(listed) == sorted(f"egsc_tf.{name}" for name in all_programs())
    output = capsys.readouterr().out
    for name, does in listed.items():
        assert f"  {name}\n" in output
        assert 10 < len(does) < 88
        assert "`" not in does
    assert "python -m PROGRAM --help" in output
    assert __main__.main(["train"]) == 2
    assert "python -m egsc_tf.PROGRAM, found 'train'" in capsys.readouterr().err


def test_help_describes_the_common_flags_and_lists_the_others_by_groups():
    code, output = refusal("train", "--help")
    assert code == 0
    assert output.startswith("Trains both stages: `python -m egsc_tf.train ")
    first, _, rest = output.partition("\n\nData:\n")
    for flag in ("workdir", "dataset", "data_dir", "height", "total_steps"):
        assert f"\n  --{flag}\n      " in first
        assert f"--{flag}" not in rest
    assert "Global batch: images of each domain. (default: 8; at least 1)" in first
    for title, some in (("Networks", "--[no]use_masks"), ("Losses", "--kl_weight")):
        assert some in rest.partition(f"{title}:\n")[2].partition("\n\n")[0]
    assert len(output.splitlines()) < 100


def test_helpfull_describes_every_flag():
    code, output = refusal("train", "--helpfull")
    assert code == 0
    for field in dataclasses.fields(Config):
        assert re.search(rf"\n  --(\[no\])?{field.name}\n      \S", output), field.name
    assert max(map(len, output.splitlines())) <= 88


@pytest.mark.parametrize("program_name", all_programs())
def test_every_program_helps(program_name):
    code, output = refusal(program_name, "--help")
    assert code == 0
    assert len(output.splitlines()) > 5
    assert "Traceback" not in output


def test_a_flag_of_before_is_named_with_its_name_now():
    flags = ["--workdir=w", "--input=i", "--exemplar=e", "--output=o"]
    code, output = refusal("translate", *flags, "--style_strength=0.5")
    assert code == 2
    assert output == "error: --style_strength: expected --strength, its name now\n"


def test_a_file_where_a_folder_is_expected_is_named():
    code, output = refusal("evaluate", "--workdir=README.md")
    assert code == 2
    assert "README.md/run.flags" in output
    assert "Traceback" not in output


def test_train_stops_at_a_text_file_named_png(tmp_path):
    for split in ("trainA", "trainB"):
        (tmp_path / split).mkdir()
        for i in range(2):
            pixels = np.full((10, 10, 3), 90 * i, np.uint8)
            Image.fromarray(pixels).save(tmp_path / split / f"{i}.png")
    (tmp_path / "trainB" / "text.png").write_text("no picture")
    code, output = program(
        "train",
        "--dataset=folder",
        f"--data_dir={tmp_path}",
        f"--workdir={tmp_path / 'run'}",
        "--perceptual_network=embedded",
    )
    assert code == 2
    assert "trainB/text.png: expected an image, found:" in output
    assert "Traceback" not in output


def test_translate_and_evaluate_name_a_missing_run(tmp_path):
    Image.fromarray(np.zeros((10, 10, 3), np.uint8)).save(tmp_path / "x.png")
    for name, flags in (
        (
            "translate",
            [f"--input={tmp_path}", f"--exemplar={tmp_path}", "--output=unused"],
        ),
        ("evaluate", []),
    ):
        code, output = refusal(name, f"--workdir={tmp_path}", *flags)
        assert code == 2
        assert "run.flags: expected the flags of a run" in output
        assert "Traceback" not in output


def test_evaluate_does_not_replace_the_results_of_another_run(tmp_path):
    run_ = untrained(tmp_path / "run", seed=3)
    found = dataclasses.asdict(config.load(run_))
    (tmp_path / "results.json").write_text(json.dumps({"run": {**found, "seed": 4}}))
    code, output = refusal("evaluate", f"--workdir={run_}", f"--output={tmp_path}")
    assert code == 2
    assert "found those of one with --seed=4, not 3; --overwrite" in output
    longer = {**found, "data_dir": "elsewhere", "total_steps": 9, "recursive": True}
    of_before = {key: found[key] for key in found if key != "n_res"}
    for same in (longer, of_before):
        (tmp_path / "results.json").write_text(json.dumps({"run": same}))
        scoring.require_of_run(str(tmp_path), run_)
    for damaged in ("{", "[]", '{"run": 3}'):
        (tmp_path / "results.json").write_text(damaged)
        with pytest.raises(UserError, match=r"results\.json: expected the results of"):
            scoring.require_of_run(str(tmp_path), run_)


def test_the_log_names_the_step_whose_weights_are_used(tmp_path, caplog):
    """Of every program that reads a run, which may train meanwhile."""
    folder = untrained(tmp_path / "run", total_steps=7)
    with caplog.at_level("INFO", logger="absl"):
        restore.load(folder)
    assert f"weights of step 0 of 7: {folder}" in caplog.text


@pytest.fixture(scope="module")
def translator():
    return Translator.from_config(
        Config(ngf=4, n_encoder=2, n_res=1, height=16, width=16)
    )


def test_every_input_with_every_exemplar(translator, tmp_path):
    inputs = [save_noise(tmp_path / f"in{i}.png", 9 + i, 12, i) for i in range(2)]
    exemplars = [save_noise(tmp_path / f"ex{i}.jpg", 20, 8, i) for i in range(3)]
    grid = str(tmp_path / "out" / "grid.png")
    written, bad = translate.translate_files(
        translator, inputs, exemplars, str(tmp_path / "out"), grid=grid
    )
    assert (written, bad) == (6, [])
    names = sorted(os.listdir(tmp_path / "out"))
    expected = [f"in{i}_ex{j}.png" for i in range(2) for j in range(3)]
    assert names == sorted([*expected, "grid.png"])
    assert images.read(str(tmp_path / "out" / "in1_ex2.png")).shape == (10, 12, 3)
    heights = [128, *(round(128 * high / 12) for high in (9, 10))]
    assert images.read(grid).shape == (sum(heights), 4 * 128, 3)
    content, exemplar = (
        images.to_float(images.read(p))[None] for p in (inputs[1], exemplars[2])
    )
    alone = images.to_uint8(translator.translate(content, exemplar)[0])
    found = images.read(str(tmp_path / "out" / "in1_ex2.png"))
    assert np.abs(found.astype(int) - alone).max() <= 1


def test_pairwise_keeps_the_inputs_names(translator, tmp_path):
    inputs = [save_noise(tmp_path / f"in{i}.png", 9, 12) for i in range(2)]
    exemplars = [save_noise(tmp_path / f"ex{i}.png", 9, 12, i) for i in range(2)]
    out = str(tmp_path / "out")
    written, _ = translate.translate_files(
        translator, inputs, exemplars, out, "b2a", pairing="zip"
    )
    assert written == 2
    assert sorted(os.listdir(out)) == ["in0.png", "in1.png"]
    with pytest.raises(UserError, match="--pairing=zip: .* found 2 and 1"):
        translate.translate_files(translator, inputs, exemplars[:1], out, pairing="zip")


def test_bad_files_stop_or_are_left_out(translator, tmp_path):
    good, bad = save_noise(tmp_path / "good.png", 9, 12), str(tmp_path / "bad.png")
    (tmp_path / "bad.png").write_text("no picture")
    out = str(tmp_path / "out")
    hint = r"bad\.png: .*; --on_bad_image=skip leaves it out"
    for inputs, exemplars in (([bad, good], [good]), ([good], [good, bad])):
        with pytest.raises(images.BadImage, match=hint):
            translate.translate_files(translator, inputs, exemplars, out)
    written, messages = translate.translate_files(
        translator, [bad, good], [good], out, on_bad_image="skip"
    )
    assert written == 1
    assert len(messages) == 1
    assert "bad.png" in messages[0]
    assert os.listdir(out) == ["good.png"]
    with pytest.raises(UserError, match="--exemplar: expected a usable image"):
        translate.translate_files(
            translator, [good], [bad], str(tmp_path / "o"), on_bad_image="skip"
        )


def test_a_missing_exemplar_is_told_before_anything_is_computed(tmp_path):
    good = save_noise(tmp_path / "good.png", 9, 12)
    exemplars = [*[good] * 10, str(tmp_path / "gone.png")]
    networks = mock.Mock(smallest_side=8)
    with pytest.raises(images.BadImage, match=r"gone\.png: .*on_bad_image=skip"):
        translate.translate_files(networks, [good], exemplars, str(tmp_path / "out"))
    networks.encode_style.assert_not_called()


def test_the_last_line_counts_as_english_does_and_claims_no_more(capsys):
    """A folder's files that are no images were told before: no second count of them."""
    pairing.report(["a"], ["e"], "out", 1, [])
    pairing.report(["a", "b"] * 600, ["e", "f"], "out", 2398, ["a: bad"])
    assert capsys.readouterr().out.splitlines() == [
        "1 input, 1 exemplar: 1 image written to out",
        "1,200 inputs, 2 exemplars: 2,398 images written to out, 1 bad image left out",
    ]


def test_images_too_small_for_the_networks_are_named(tmp_path):
    config = Config(ngf=2, n_encoder=4, n_res=1, height=16, width=16)
    small, good = (
        save_noise(tmp_path / "s.png", 15, 20),
        save_noise(tmp_path / "g.png", 16, 16),
    )
    for inputs, exemplars in (([small], [good]), ([good], [small])):
        with pytest.raises(images.BadImage, match=r"s\.png: .* least 16x16 .* 20x15"):
            translate.translate_files(
                Translator.from_config(config), inputs, exemplars, str(tmp_path / "out")
            )


def test_names_that_collide_keep_their_endings():
    names = pairing.output_names(["d/x.png", "d/x.jpg", "d/y.png"])
    assert names == ["x_png", "x_jpg", "y"]


def test_names_that_collide_in_subfolders_keep_their_folders():
    paths = ["d/a/x.png", "d/b/x.png", "d/b/x.jpg", "d/b/y.png", "d/b/a/x.png"]
    names = pairing.output_names(paths)
    assert names == ["d_a_x_png", "b_x_png", "x_jpg", "y", "b_a_x_png"]
    # Names of other stems do not count, as for Beam, which has one stem at a time.
    assert pairing.output_names(["x.png", "x.jpg", "x_png.gif"])[::2] == ["x_png"] * 2


def test_translate_reads_subfolders_and_names_their_images_apart(tmp_path, caplog):
    workdir = runs.untrained(tmp_path / "run")
    for name in ("x.png", "a/x.png", "a/y.png", "b/x.png"):
        (tmp_path / "in" / name).parent.mkdir(parents=True, exist_ok=True)
        save_noise(tmp_path / "in" / name, 9, 12)
    style = save_noise(tmp_path / "style.png", 9, 9)

    def translated(out, source=tmp_path / "in", **flags):
        flags = {"input": str(source), "exemplar": style, "output": str(out), **flags}
        assert (
            translate.main(translate.Flags(workdir=workdir), pairing.FileFlags(**flags))
            == 0
        )
        return sorted(os.listdir(out))

    with caplog.at_level("WARNING", logger="absl"):
        assert translated(tmp_path / "flat") == ["x.png"]
    assert "images read: 1, left out: 3 images in subfolders (see --recu" in caplog.text
    expected = ["a_x_png.png", "b_x_png.png", "in_x_png.png", "y.png"]
    assert translated(tmp_path / "deep", recursive=True) == expected
    with pytest.raises(UserError, match="--recursive: expected a folder as --input or"):
        translated(tmp_path / "none", style, recursive=True)


def test_outputs_never_overwrite_inputs_or_each_other(translator, tmp_path):
    inputs = [save_noise(tmp_path / f"{n}.png", 9, 9) for n in ("a", "a_b")]
    exemplars = [save_noise(tmp_path / f"{n}.jpg", 9, 9) for n in ("b_c", "c")]
    with pytest.raises(UserError, match=r"a_b_c\.png would be written twice"):
        translate.translate_files(translator, inputs, exemplars, str(tmp_path / "o"))
    before = images.read(inputs[0])
    with pytest.raises(UserError, match=r"--output=.*: expected another folder than"):
        translate.translate_files(
            translator, inputs, exemplars[:1], str(tmp_path / "." / "")
        )
    np.testing.assert_array_equal(images.read(inputs[0]), before)


LONG = [letter * 45 for letter in "日月木"]  # 135 bytes each


@pytest.mark.parametrize("on_bad_image", ["stop", "skip"])
def test_names_that_are_too_long_are_cut_and_kept_apart(
    translator, tmp_path, on_bad_image
):
    inputs = [save_noise(tmp_path / f"{name}.png", 9, 9) for name in LONG]
    exemplars = [
        save_noise(tmp_path / f"{name}{i}.jpg", 9, 9) for i, name in enumerate(LONG)
    ]
    out = tmp_path / "out"
    written, bad = translate.translate_files(
        translator, inputs, exemplars, str(out), on_bad_image=on_bad_image
    )
    assert (written, bad) == (9, [])
    names = os.listdir(out)
    assert len(names) == 9
    assert all(name.startswith(tuple(LONG)) for name in names)


def test_results_of_another_exemplar_are_not_replaced(translator, tmp_path):
    inputs = [save_noise(tmp_path / f"{i}.png", 9, 9, i) for i in range(3)]
    one, other = (save_noise(tmp_path / f"s{i}.jpg", 9, 9, i) for i in range(2))
    out = str(tmp_path / "out")

    def start(exemplar, **options):
        grid = os.path.join(out, "grid.png")
        translate.translate_files(
            translator, inputs, [exemplar], out, grid=grid, model="runs/x", **options
        )
        return {name: images.read(os.path.join(out, name)) for name in os.listdir(out)}

    first = start(one)
    with pytest.raises(
        UserError, match=r"0\.png: .*exemplar=s0.jpg.*--overwrite.*, and 3 more"
    ):
        start(other)
    for again in (start(one), start(one)):  # the same command works as it did
        assert all((again[name] == first[name]).all() for name in first)
    second = start(other, overwrite=True)
    assert all((second[name] != first[name]).any() for name in first)
    for changed in ({"strength": 0.5}, {"direction": "b2a"}):
        with pytest.raises(UserError, match="expected no file, or the same"):
            start(other, **changed)


@pytest.mark.parametrize(
    ("output", "message"),
    [("file", "--output=.*: expected a folder that can be written, found a file"),
     ("/".join(["folder" * 20] * 40), "File name too long")],
)  # fmt: skip
def test_a_folder_that_cannot_be_written_is_told_before_any_work(
    tmp_path, output, message
):
    (tmp_path / "file").write_text("")
    image = save_noise(tmp_path / "x.png", 9, 9)
    with pytest.raises(UserError, match=message):
        translate.translate_files(None, [image], [image], str(tmp_path / output))


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (OSError(28, "No space left on device", "a/b"), "a/b: No space left on device"),
        (OSError(28, "No space left on device"), "expected room on the disk, found n"),
        (
            tf.errors.ResourceExhaustedError(None, None, "x\ny; No space left\nz"),
            "expected room on the disk, found none: y; No space left\n",
        ),
        (
            tf.errors.ResourceExhaustedError(None, None, "x\nOOM when allocating\nz"),
            "expected enough memory, found too little: smaller images or batches need "
            "less, and so does --tile where there is one. OOM when allocating\n",
        ),
        (MemoryError(), "expected enough memory, found too little: "),
        (tf.errors.ResourceExhaustedError(None, None, "too many requests"), None),
    ],
)
def test_a_full_disk_or_memory_ends_a_program_in_one_line(
    error, line, monkeypatch, capsys
):
    def main():
        raise error

    codes = []
    monkeypatch.setattr(app, "run", lambda f, **_: codes.append(f(["program"])))
    monkeypatch.setattr(sys.stdout, "reconfigure", lambda **_: None, raising=False)
    if line is None:
        with pytest.raises(tf.errors.ResourceExhaustedError):
            run(main)
    else:
        run(main)
        assert codes == [2]
        assert capsys.readouterr().err.startswith(f"error: {line}")


def folder_of(path, sizes):
    path.mkdir()
    return [save_noise(path / f"{i:02d}.png", *size, i) for i, size in enumerate(sizes)]


MIXED = [(9, 12)] * 11 + [(12, 9), (9, 12), (9, 12)]


def test_a_folder_gives_what_each_image_gives_alone(translator, tmp_path, monkeypatch):
    inputs = folder_of(tmp_path / "in", MIXED)
    exemplars = folder_of(tmp_path / "styles", [(9, 12), (9, 12), (8, 8)])
    for bad in (0, 5, 13):
        inputs.insert(bad, str(tmp_path / f"bad{bad}.png"))
    monkeypatch.setattr(files, "PIXELS_AT_ONCE", 3 * 9 * 12)
    out = tmp_path / "out"
    written, messages = translate.translate_files(
        translator, inputs, exemplars, str(out), on_bad_image="skip"
    )
    assert written == len(os.listdir(out)) == 3 * len(MIXED)
    assert [f"bad{bad}.png" in m for bad, m in zip((0, 5, 13), messages)] == [True] * 3
    for path in (p for p in inputs if "bad" not in p):
        for j, exemplar in enumerate(exemplars):
            content, style = (
                images.to_float(images.read(p))[None] for p in (path, exemplar)
            )
            alone = images.to_uint8(translator.translate(content, style)[0])
            name = os.path.basename(path).replace(".png", f"_{j:02d}.png")
            found = images.read(str(out / name)).astype(int)
            assert np.abs(found - alone).max() <= 1


def test_stop_writes_what_is_before_the_first_bad_image(translator, tmp_path):
    inputs = folder_of(tmp_path / "in", MIXED)
    inputs.insert(5, str(tmp_path / "first_bad.png"))
    inputs.insert(6, str(tmp_path / "second_bad.png"))
    out = tmp_path / "out"
    with pytest.raises(images.BadImage, match="first_bad"):
        translate.translate_files(translator, inputs, inputs[:1], str(out))
    assert sorted(os.listdir(out)) == [f"{i:02d}.png" for i in range(5)]


def test_an_interrupt_gives_up_what_waits(translator, tmp_path, monkeypatch):
    inputs = folder_of(tmp_path / "in", [(9, 9 + i) for i in range(30)])
    read, reads = images.read_picture, []
    monkeypatch.setattr(
        images, "read_picture", lambda path, *a: [reads.append(path), read(path, *a)][1]
    )

    def interrupted(*args):
        raise KeyboardInterrupt

    monkeypatch.setattr(translator, "decode", interrupted)
    with pytest.raises(KeyboardInterrupt):
        translate.translate_files(translator, inputs, inputs[:1], str(tmp_path / "out"))
    assert 1 < len(reads) <= 1 + 1 + files.AHEAD
    assert not (tmp_path / "out").exists()


def test_decoding_and_writing_go_on_while_the_networks_work(
    translator, tmp_path, monkeypatch
):
    """The first translation waits for the next image to be read, the first file for the
    next translation."""
    inputs = folder_of(tmp_path / "in", [(9, 12 + i) for i in range(4)])
    second_read, second_translated = threading.Event(), threading.Event()
    read, write, encode = (
        images.read_picture,
        images.write_png,
        translator.encode_content,
    )
    sizes = []

    def noted_read(path, *args):
        picture = read(path, *args)
        if path == inputs[1]:
            second_read.set()
        return picture

    def waiting_encode(content, domain):
        sizes.append(content.shape)
        if len(sizes) == 1:
            assert second_read.wait(60)
        else:
            second_translated.set()
        return encode(content, domain)

    def waiting_write(path, image, **texts):
        assert second_translated.wait(60)
        write(path, image, **texts)

    monkeypatch.setattr(images, "read_picture", noted_read)
    monkeypatch.setattr(images, "write_png", waiting_write)
    monkeypatch.setattr(translator, "encode_content", waiting_encode)
    out = str(tmp_path / "out")
    exemplar = [save_noise(tmp_path / "style.png", 9, 9)]
    assert translate.translate_files(translator, inputs, exemplar, out)[0] == 4


def test_no_more_than_a_few_images_wait(translator, tmp_path, monkeypatch):
    inputs = folder_of(tmp_path / "in", [(9, 12)] * 30)
    read, write = images.read_picture, images.write_png
    lock, waiting, most = threading.Lock(), [0], []

    def counted(change):
        with lock:
            waiting[0] += change
            most.append(waiting[0])

    noted = lambda *a: [counted(1), read(*a)][1]  # noqa: E731
    monkeypatch.setattr(images, "read_picture", noted)
    monkeypatch.setattr(
        images, "write_png", lambda *a, **texts: [write(*a, **texts), counted(-1)]
    )
    exemplar = [save_noise(tmp_path / "style.png", 9, 9)]
    translate.translate_files(translator, inputs, exemplar, str(tmp_path / "out"))
    assert max(most) <= 1 + 3 * files.AHEAD


def test_larger_inputs_go_by_tiles(translator, tmp_path, monkeypatch):
    inputs = folder_of(tmp_path / "in", [(16, 16), (40, 90), (90, 40)])
    tiled, whole = tmp_path / "tiled", tmp_path / "whole"
    translate.translate_files(translator, inputs, inputs[:2], str(whole))
    passes, moments = [], tiling.content_moments
    monkeypatch.setattr(
        tiling, "content_moments", lambda *a: [passes.append(a), moments(*a)][1]
    )
    with pytest.raises(UserError, match="--tile: expected a positive multiple of 2"):
        translate.translate_files(translator, inputs, inputs[:2], str(tiled), tile=17)
    assert not tiled.exists()
    translate.translate_files(translator, inputs, inputs[:2], str(tiled), tile=16)
    assert len(passes) == 2  # of each larger input one, for both exemplars
    assert len(os.listdir(tiled)) == 6
    for name in os.listdir(whole):
        one, two = (images.read(str(f / name)).astype(int) for f in (whole, tiled))
        assert np.abs(one - two).max() <= 1
