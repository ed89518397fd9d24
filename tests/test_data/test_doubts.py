"""Pictures that are hardly what was meant: every program warns of them by name."""

import numpy as np
import pytest
from PIL import Image
from support import runs
from support.decoding import read_all
from support.files import noise, save

import egsc_tf
from egsc_tf import check_dataset
from egsc_tf.config import Config
from egsc_tf.data import doubts, images
from egsc_tf.data.source import open_source
from egsc_tf.data.survey.reading import FOLDERS
from egsc_tf.inference import files


def of(tmp_path, values, kind="TIFF"):
    path = tmp_path / "x"
    Image.fromarray(values).save(path, kind)
    return doubts.of(images.read_picture(str(path)))


def grey(bits, dtype, seed=0):
    """Values of so many bits that do not fill their type."""
    return np.random.RandomState(seed).randint(0, 2**bits, (24, 32)).astype(dtype)


@pytest.mark.parametrize(
    ("values", "kind", "doubt"),
    [
        (
            grey(8, np.int32),
            "TIFF",
            "brighter than 1 of 255 (mode I, where white is 65",
        ),
        (grey(8, np.uint16), "PNG", "brighter than 1 of 255 (mode I;16, where white"),
        (grey(12, np.uint16), "PNG", "brighter than 16 of 255 (mode I;16, where white"),
        (grey(14, np.uint16), "TIFF", "brighter than 6"),
        (grey(5, np.uint8), "PNG", "nothing is brighter than 31 of 255"),
        (grey(8, np.float32) / 1024, "TIFF", "brighter than 6"),
        (np.zeros((24, 32, 3), np.uint8), "PNG", "nothing is brighter than 0 of 255"),
        (np.full((24, 32), 60000, np.uint16), "PNG", "darker than 233 of 255 (mode I;"),
        (
            np.full((24, 32, 3), 255, np.uint8),
            "PNG",
            "one colour, 255, 255, 255 of 255",
        ),
        (128 + grey(1, np.uint8), "PNG", "all of it is nearly of one colour, 129, 129"),
    ],
)
def test_what_does_not_fill_its_type_is_doubtful(values, kind, doubt, tmp_path):
    assert doubt in of(tmp_path, values, kind)


def few_strokes():
    """A large page with little on it."""
    page = np.full((2000, 1500, 3), 255, np.uint8)
    page[700:1300, 740:760] = 0
    return page


def lamps():
    """A night with a few bright pixels, which a look at some of them may miss."""
    night = np.random.RandomState(0).randint(0, 40, (1000, 1000, 3)).astype(np.uint8)
    night[501, 503] = 200
    return night


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (noise(24, 32), "PNG"),
        (grey(15, np.uint16), "PNG"),
        (grey(7, np.uint8), "PNG"),
        (grey(8, np.float32) / 255, "TIFF"),
        (few_strokes(), "PNG"),
        (lamps(), "PNG"),
        (noise(24, 32) // 5 + 204, "PNG"),  # drawn on white
    ],
)
def test_whole_ranges_few_strokes_and_lamps_are_not(values, kind, tmp_path):
    assert of(tmp_path, values, kind) == ""


@pytest.fixture
def root(tmp_path):
    """Three images a folder, and in trainA and testB three that are nearly black."""
    for n, name in enumerate(FOLDERS):
        (tmp_path / name).mkdir()
        for i in range(3):
            save(tmp_path / name / f"{i}.png", noise(16, 16, seed=10 * n + i))
    for name in ("trainA", "testB"):
        for i in range(3):
            Image.fromarray(grey(8, np.int32, i)).save(tmp_path / name / f"dark{i}.tif")
    return tmp_path


MESSAGE = "{}: nothing is brighter than 1 of 255 (mode I, where white is 65535)"


def test_the_check_of_a_data_set_names_them(root):
    findings = check_dataset.check(str(root), 16, 16)
    named = [f"{name}/dark{i}.tif" for name in ("trainA", "testB") for i in range(3)]
    assert [file for file, _ in findings.problems["doubtful"]] == named
    text = "\n".join(check_dataset.report(findings))
    assert "come out nearly black or of one colour" in text
    assert MESSAGE.format("trainA/dark0.tif") in text
    assert "training would run\n" in text


def test_training_names_them_and_reads_each_image_once(root, caplog, monkeypatch):
    read, reads = images.read_picture, []
    monkeypatch.setattr(
        images, "read_picture", lambda path, *a: [reads.append(path), read(path, *a)][1]
    )
    monkeypatch.setattr(doubts, "NAMED", 2)
    config = Config(dataset="folder", data_dir=str(root), height=16, width=16)
    with caplog.at_level("WARNING", logger="absl"):
        source = open_source(config, "train")
        for _ in range(2):
            read_all(source)
            source.tell()
    lines = [record.getMessage() for record in caplog.records]
    dark = {
        f"doubtful: {MESSAGE}".format(root / "trainA" / f"dark{i}.tif")
        for i in range(3)
    }
    assert len({*lines[:2]} & dark) == 2  # the first two to be decoded
    assert lines[2].startswith("doubtful: 3 of 9 images, nearly black or of one")
    assert len(lines) == 3
    assert len(reads) == len(set(reads)) == 9


def test_translate_names_inputs_and_exemplars(root, caplog, tmp_path):
    translator = egsc_tf.load(runs.untrained(tmp_path / "run"))
    inputs = [str(root / "trainA" / name) for name in ("0.png", "dark0.tif")]
    exemplars = [str(root / "testB" / "dark1.tif")]
    with caplog.at_level("WARNING", logger="absl"):
        files.translate_files(translator, inputs, exemplars, str(tmp_path / "out"))
    lines = [record.getMessage() for record in caplog.records]
    assert lines[:2] == [
        f"doubtful: {MESSAGE.format(path)}" for path in (exemplars[0], inputs[1])
    ]
    assert lines[2].startswith("doubtful: 2 of 3 images, ")
