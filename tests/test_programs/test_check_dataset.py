"""The check of a data set: what it finds, what it says, and that training agrees."""

import collections
import json
import os
import re
import shutil

import pytest
from PIL import Image
from support.decoding import read_all
from support.files import bad_files, noise, save
from support.odd_images import odd_images
from support.pictures import encoded
from support.programs import program, refusal

from egsc_tf import check_dataset
from egsc_tf.config import Config
from egsc_tf.data import folders, images
from egsc_tf.data.source import open_source
from egsc_tf.data.survey.reading import FOLDERS
from egsc_tf.errors import UserError
from egsc_tf.inference import files as translate_folder


def clean(root):
    """Folders with which nothing is wrong: 4 different images each."""
    for n, name in enumerate(FOLDERS):
        (root / name).mkdir(parents=True)
        for i in range(4):
            save(root / name / f"{i}.png", noise(16, 16, seed=10 * n + i))
    return root


def check(root, height=16, width=16):
    return check_dataset.check(str(root), height, width, workers=2)


def printed(findings):
    return "\n".join(check_dataset.report(findings))


def files(findings, kind):
    return [file for file, _ in findings.problems[kind]]


def would_train(root, split="train", **flags):
    flags = {"height": 16, "width": 16, "n_encoder": 1, **flags}
    try:
        source = open_source(
            Config(dataset="folder", data_dir=str(root), **flags), split
        )
        read_all(source)
    except UserError:
        return False
    source.tell()
    return True


def test_of_clean_folders_nothing_but_statistics_is_told(tmp_path):
    findings = check(clean(tmp_path))
    assert not any(findings.problems.values())
    assert findings.duplicates() == []
    text = printed(findings)
    assert "training would run\n" in text
    assert text.endswith("evaluation would run")


def test_statistics_are_those_of_the_images(tmp_path):
    clean(tmp_path)
    shutil.rmtree(tmp_path / "trainA")
    (tmp_path / "trainA").mkdir()
    for i, (height, width) in enumerate([(10, 20), (20, 20), (40, 20)]):
        image = Image.new("RGB", (width, height), (100 + 10 * i, 0, 255))
        # The lower half has another green.
        image.paste((100 + 10 * i, 80, 255), (0, height // 2, width, height))
        image.save(tmp_path / "trainA" / f"{i}.png")
    Image.new("L", (20, 40), 0).save(tmp_path / "trainA" / "3.jpg")
    found = check(tmp_path).summary()["folders"]["trainA"]
    assert (found["images"], found["usable"]) == (4, 4)
    assert found["height"] == {"min": 10, "median": 30.0, "max": 40}
    assert found["width"] == {"min": 20, "median": 20.0, "max": 20}
    assert found["width_by_height"] == {"min": 0.5, "median": 0.75, "max": 2.0}
    assert found["frequent_sizes"] == {"20x40": 2, "20x10": 1, "20x20": 1}
    assert found["formats"] == {"PNG": 3, "JPEG": 1}
    assert found["modes"] == {"RGB": 3, "L": 1}
    assert found["mean_colour"] == pytest.approx(
        [330 / 4, 40 * 3 / 4, 255 * 3 / 4], abs=1
    )


def test_each_kind_of_file_is_told_as_what_it_is(tmp_path):
    folder = clean(tmp_path) / "trainA"
    bad_files(folder)
    save(folder / "large.png", noise(20, 24))
    save(folder / "little.png", noise(8, 9, seed=1))
    save(folder / "long.png", noise(16, 40, seed=2))
    (folder / "named.png").write_bytes(encoded(Image.fromarray(noise(16, 17)), "JPEG"))
    save(folder / "noending.png", noise(16, 16, seed=3))
    os.rename(folder / "noending.png", folder / "noending")
    save(folder / "other.png", noise(16, 16, seed=4))
    os.rename(folder / "other.png", folder / "other.data")
    (folder / "notes.txt").write_text("x")
    (folder / ".hidden.png").write_text("x")
    (folder / "loop.png").symlink_to("loop.png")
    (folder / "dir.png").mkdir()
    (folder / "more" / "deeper").mkdir(parents=True)
    save(folder / "more" / "deeper" / "x.png")
    (folder / "more" / "up").symlink_to("..")
    exif = encoded(
        Image.fromarray(noise(16, 18)), "PNG", exif=b"Exif\0\0II*\0" + b"\xff" * 9
    )
    (folder / "warns.png").write_bytes(exif)
    findings = check(tmp_path)
    found = {kind: listed for kind, listed in findings.problems.items() if listed}
    assert {kind: [file for file, _ in listed] for kind, listed in found.items()} == {
        "broken": [f"trainA/{n}" for n in ("cut.jpg", "empty.png", "text.png")],
        "tiny": ["trainA/pixel.png"],
        "unreadable": ["trainA/dir.png", "trainA/loop.png"],
        "not_read_images": ["trainA/other.data"],
        "not_read_files": ["trainA/notes.txt"],
        "not_read_folders": ["trainA/more"],
        "stretched": ["trainA/long.png"],
        "wrong_ending": ["trainA/named.png"],
        "warnings": ["trainA/warns.png"],
    }
    assert dict(found["broken"])["trainA/empty.png"] == (
        "expected an image, found: an empty file"
    )
    assert dict(found["not_read_folders"]) == {"trainA/more": "1 image file"}
    assert found["wrong_ending"] == [("trainA/named.png", "JPEG")]
    summary = findings.summary()
    assert summary["folders"]["trainA"]["hidden_entries"] == 1
    assert summary["folders"]["trainA"]["usable"] == 4 + 6
    assert summary["reasons_against"] == {
        "training --on_bad_image=stop": ["trainA: 6 files would stop it"],
        "training --on_bad_image=skip": [],
        "evaluation --on_bad_image=stop": [],
        "evaluation --on_bad_image=skip": [],
    }
    text = printed(findings)
    assert "do not decode (3):\n  trainA/cut.jpg: expected an image, found: " in text
    assert "a run with --on_bad_image=skip leaves them out" in text
    # The same folders for larger images.
    assert "trainA/little.png" in files(check(tmp_path, 18, 18), "small")
    assert "trainA/large.png" not in files(check(tmp_path, 40, 40), "small")
    assert "trainA/large.png" in files(check(tmp_path, 42, 42), "small")


def test_duplicates_are_told_by_where_they_lie(tmp_path):
    clean(tmp_path)
    shutil.copy(tmp_path / "trainA" / "0.png", tmp_path / "trainA" / "copy.png")
    shutil.copy(tmp_path / "trainA" / "1.png", tmp_path / "testA" / "leak.png")
    shutil.copy(tmp_path / "trainB" / "2.png", tmp_path / "trainA" / "mixed.png")
    pixels = noise(16, 16, seed=3)  # trainA/3.png
    save(tmp_path / "testB" / "other.bmp", pixels)
    # The same bytes of pixels in another shape are another image.
    save(tmp_path / "trainA" / "shape.png", pixels.reshape(8, 32, 3))
    findings = check(tmp_path)
    assert findings.duplicates() == [
        {
            "files": ["trainA/0.png", "trainA/copy.png"],
            "same_bytes": True,
            "between": ["one folder"],
        },
        {
            "files": ["trainA/1.png", "testA/leak.png"],
            "same_bytes": True,
            "between": ["train and test"],
        },
        {
            "files": ["trainA/3.png", "testB/other.bmp"],
            "same_bytes": False,
            "between": ["train and test", "A and B"],
        },
        {
            "files": ["trainA/mixed.png", "trainB/2.png"],
            "same_bytes": True,
            "between": ["A and B"],
        },
    ]
    text = printed(findings)
    assert "in train and test (2):\n  trainA/1.png, testA/leak.png\n" in text
    assert "  trainA/3.png, testB/other.bmp (of other bytes)\n" in text
    assert "in A and B (1):" in text
    assert "in one folder (1):" in text
    assert findings.reasons("train") == []


def without(folder, count):
    for path in sorted(folder.iterdir())[:count]:
        path.unlink()


TROUBLES = {
    "nothing": lambda root: None,
    "trainA is missing": lambda root: shutil.rmtree(root / "trainA"),
    "trainB is empty": lambda root: without(root / "trainB", 4),
    "trainB has one image": lambda root: without(root / "trainB", 3),
    "trainB has two images": lambda root: without(root / "trainB", 2),
    "a bad file": lambda root: (root / "trainB" / "x.png").write_text("x"),
    "a bad file beside one image": lambda root: (
        without(root / "trainB", 3),
        (root / "trainB" / "x.png").write_text("x"),
    ),
    "a bad file in testA": lambda root: (root / "testA" / "x.png").write_text("x"),
    "testB is missing": lambda root: shutil.rmtree(root / "testB"),
    "only subfolders": lambda root: (
        without(root / "trainA", 4),
        (root / "trainA" / "x").mkdir(),
    ),
    "a text file": lambda root: (root / "trainA" / "notes.txt").write_text("x"),
    "a loop": lambda root: (root / "trainA" / "x.png").symlink_to("x.png"),
}


@pytest.mark.parametrize("trouble", TROUBLES)
def test_it_foretells_whether_training_and_evaluation_would_run(trouble, tmp_path):
    TROUBLES[trouble](clean(tmp_path))
    findings = check(tmp_path)
    for split in ("train", "test"):
        for rule in ("stop", "skip"):
            foretold = not findings.reasons(split, rule)
            assert foretold == would_train(tmp_path, split, on_bad_image=rule)


def test_the_reasons_are_those_of_training(tmp_path):
    clean(tmp_path)
    shutil.rmtree(tmp_path / "trainA")
    without(tmp_path / "trainB", 3)
    (tmp_path / "trainB" / "more").mkdir()
    save(tmp_path / "trainB" / "more" / "x.png")
    first = f"{tmp_path / 'trainA'}: expected a folder of images, found none"
    second = "trainB: expected at least 2 usable images, found 1"
    findings = check(tmp_path)
    assert findings.reasons("train") == [first, second]
    assert printed(findings).count(first) == 2
    without(tmp_path / "trainB", 1)
    assert (
        f"{tmp_path / 'trainB'}: expected image files, found none among 1 entry: 1 "
        "image in subfolders (see --recursive). Read are files that end in "
    ) in check(tmp_path).reasons("train")[1]


def test_many_files_of_a_kind_are_counted_and_the_first_shown(tmp_path):
    clean(tmp_path)
    for i in range(25):
        (tmp_path / "trainA" / f"bad{i:02d}.png").write_text("x")
        save(tmp_path / "trainB" / f"same{i:02d}.png")
    findings = check(tmp_path)
    assert len(findings.problems["broken"]) == 25
    text = printed(findings)
    assert "do not decode (25):" in text
    assert "trainA/bad09.png" in text
    assert "trainA/bad10.png" not in text
    assert "and 15 more (check.json of --output has all)" in text
    assert "trainB/same00.png, trainB/same01.png, trainB/same02.png and 22 more" in text


def test_where_most_images_are_wide_one_line_says_so_with_a_size_that_fits(tmp_path):
    clean(tmp_path)
    for name in FOLDERS:
        for i in range(8):
            save(tmp_path / name / f"wide{i}.png", noise(32, 60, seed=i))
    text = printed(check(tmp_path, 64, 64))
    assert "to the shape of training: 32 of 48 images\n" in text
    assert "--height=64 --width=128 would fit the shape of most" in text
    assert "to the size of training: 16 of 48" not in text
    assert "wide0.png: 60x32" not in text
    assert "to the shape of training (16):" in printed(check(tmp_path, 64, 128))
    text = printed(check(tmp_path, 128, 128))
    assert "to the size of training: 48 of 48 images\n" in text
    tall = printed(check(tmp_path, 32, 120))
    assert "--height=64 --width=120 would fit the shape of most" in tall


def test_the_program_writes_all_it_found(tmp_path):
    root, out = clean(tmp_path / "set"), tmp_path / "out"
    name = "\udcff line\nend é.png"
    (root / "trainB" / name).write_text("no picture")
    code, output = program(
        "check_dataset", f"--data_dir={root}", f"--output={out}", "--width=32"
    )
    assert code == 2
    assert (
        r"trainB/\xff line\nend é.png: expected an image, found: an unknown" in output
    )
    assert "training would not run:\n  trainB: 1 file would stop it" in output
    assert sorted(os.listdir(out)) == ["check.json", "contact_sheet.png"]
    with open(out / "check.json", encoding="utf-8") as file:
        found = json.load(file)
    [broken] = found["problems"]["broken"]
    assert os.path.exists(root / broken["file"])
    assert (found["height"], found["width"]) == (32, 32)
    (root / "trainB" / name).unlink()
    code, output = program("check_dataset", f"--data_dir={root}", "--workers=1")
    assert code == 0
    assert "training would run" in output
    assert "100%" in output  # the bar's


def test_the_contact_sheet_shows_samples_from_all_over_each_folder(tmp_path):
    clean(tmp_path)
    levels = list(range(0, 250, 5))
    shutil.rmtree(tmp_path / "trainA")
    (tmp_path / "trainA").mkdir()
    for i, level in enumerate(levels):
        Image.new("RGB", (16, 16), (level,) * 3).save(
            tmp_path / "trainA" / f"{i:02d}.png"
        )
    without(tmp_path / "testB", 4)
    findings = check(tmp_path)
    shown = [int(image[0, 0, 0]) for image in findings.folders["trainA"].samples]
    assert len(shown) == 20
    assert shown == sorted(set(shown))
    assert (shown[0], shown[-1] >= 230) == (0, True)
    check_dataset.write(findings, str(tmp_path / "out"))
    sheet = images.read(str(tmp_path / "out" / "contact_sheet.png"))
    colours = {tuple(c) for c in sheet.reshape(-1, 3)}
    assert {(level,) * 3 for level in shown} <= colours


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--data_dir=/no/such"], "--data_dir=/no/such: expected a folder with trainA"),
        ([], "--data_dir"),
        (
            ["--data_dir={root}", "--output={root}/testB/../trainA"],
            "--output=.*expected another",
        ),
        (["--data_dir={root}", "--width=4"], "--width"),
        (["--data_dir={root}", "--workers=0"], "--workers"),
    ],
)
def test_mistakes_are_named(flags, message, tmp_path):
    clean(tmp_path)
    code, output = refusal("check_dataset", *(f.format(root=tmp_path) for f in flags))
    assert code == 2
    assert re.search(message, output)
    assert "Traceback" not in output


def test_what_training_leaves_out_is_named_up_to_a_number(tmp_path, caplog):
    clean(tmp_path)
    for i in range(25):
        (tmp_path / "trainA" / f"bad{i:02d}.png").write_text("x")
    with caplog.at_level("WARNING", logger="absl"):
        assert would_train(tmp_path, on_bad_image="skip")
    assert caplog.text.count("left out: ") == 20
    assert "left out 25 of 33 images" in caplog.text
    flags = {"height": 16, "width": 16, "dataset": "folder", "data_dir": str(tmp_path)}
    with pytest.raises(images.BadImage, match=r"bad\d\d.*; --on_bad_image=skip leaves"):
        read_all(open_source(Config(**flags), "train"))


@pytest.mark.filterwarnings("ignore")  # Pillow's, of which there are many
def test_two_thousand_odd_files_are_each_read_or_named_alike_everywhere(tmp_path):
    odd = collections.defaultdict(dict)
    for i, file in enumerate(odd_images(2000)):
        odd[FOLDERS[i % 4]][file.name] = file
    for name, listed in odd.items():
        (tmp_path / name).mkdir()
        for file in listed.values():
            (tmp_path / name / file.name).write_bytes(file.data)
    findings = check(tmp_path)
    bad = set(files(findings, "broken") + files(findings, "tiny"))
    assert not findings.problems["unreadable"]
    for split in ("train", "test"):
        config = Config(
            dataset="folder",
            data_dir=str(tmp_path),
            height=16,
            width=16,
            on_bad_image="skip",
        )
        source = open_source(config, split)
        for domain in "ab":
            name = split + domain.upper()
            every = {f"{name}/{file}" for file in odd[name]}
            whole = {f"{name}/{f.name}" for f in odd[name].values() if f.whole}
            hopeless = {f"{name}/{f.name}" for f in odd[name].values() if f.hopeless}
            good = every - bad
            assert whole <= good
            assert not hopeless & good
            assert 0.2 < len(good) / len(every) < 0.8
            read_all(source, domain)
            used = {source.name(domain, n) for n in range(source.size(domain))}
            assert {os.path.relpath(path, tmp_path) for path in used} == good
            paths = folders.list_images(str(tmp_path / name))
            messages = []
            read = list(
                translate_folder.read_good(
                    paths, images.SMALLEST_SIDE, "skip", messages
                )
            )
            assert {os.path.relpath(path, tmp_path) for path, _ in read} == good
            assert len(messages) == len(every - good)
            assert findings.folders[name].usable == len(good)
