"""Which files of a folder are images, and what is said of the others."""

import os
import shutil

import numpy as np
import pytest
from PIL import Image
from support.files import noise, save

from egsc_tf import check_dataset
from egsc_tf.config import Config
from egsc_tf.data import folders, images, source
from egsc_tf.data.source import open_source
from egsc_tf.data.survey.reading import FOLDERS
from egsc_tf.errors import UserError

needs_heif = pytest.mark.skipif(
    images.pillow_heif is None, reason="pillow-heif is not installed"
)


def nested(root):
    """Fills a folder with images above, below and beside others."""
    for n, name in enumerate(("b.png", "a/x.png", "a/deep/x.png", "a-b/x.jpg")):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        save(root / name, noise(16, 16, seed=n))
    (root / "a" / "up").symlink_to("..")
    (root / ".thumbnails").mkdir()
    save(root / ".thumbnails" / "b.png")


def listed(root, **options):
    paths = folders.list_images(str(root), **options)
    return [os.path.relpath(path, root) for path in paths]


def without_heif(monkeypatch):
    """As where pillow-heif is not installed."""
    endings = {e: f for e, f in images.ENDINGS.items() if f != "HEIF"}
    monkeypatch.setattr(images, "ENDINGS", endings)
    for name in ("MARKED", "OPENED"):
        left = [f for f in getattr(images, name) if f != "HEIF"]
        monkeypatch.setattr(images, name, left)


def test_by_default_subfolders_are_not_read_and_counted(tmp_path, caplog):
    nested(tmp_path)
    with caplog.at_level("WARNING", logger="absl"):
        assert listed(tmp_path) == ["b.png"]
    (line,) = [record.getMessage() for record in caplog.records]
    assert line.startswith(
        f"{tmp_path}: images read: 1, left out: 3 images in subfolders (see "
        "--recursive). Read are files that end in "
    )


def test_subfolders_that_are_not_read_are_looked_at_only_so_far(tmp_path, monkeypatch):
    monkeypatch.setattr(folders, "SEEN", 10)
    for number in range(5):
        (tmp_path / f"sub{number}" / "deep").mkdir(parents=True)
        for name in "abc":
            (tmp_path / f"sub{number}" / "deep" / f"{name}.png").touch()
    scandir, looked_at = os.scandir, []
    monkeypatch.setattr(os, "scandir", lambda x: looked_at.append(x) or scandir(x))
    contents = folders.look_into(str(tmp_path))
    assert len(looked_at) <= 1 + 2 * 3
    assert 6 <= sum(contents.subfolders.values()) <= 9
    assert " images or more in subfolders (see --recursive)" in contents.refused
    assert contents.in_subfolder(1) == "1 image file or more"


def test_recursive_reads_subfolders_in_one_order_and_follows_no_link(tmp_path, caplog):
    nested(tmp_path)
    (tmp_path / "far").symlink_to(tmp_path / "a")
    expected = ["a-b/x.jpg", "a/deep/x.png", "a/x.png", "b.png"]
    with caplog.at_level("WARNING", logger="absl"):
        assert listed(tmp_path, recursive=True) == expected
    assert "images in subfolders (links are not followed)" in caplog.text
    # Where nothing lies in subfolders, both ways give the same.
    flat = [save(tmp_path / "a-b" / f"{n}.png") for n in (10, 9, "é", "B")]
    assert len(flat) == 4
    assert listed(tmp_path / "a-b") == listed(tmp_path / "a-b", recursive=True)


def test_what_is_left_out_is_one_line_and_none_where_nothing_is(tmp_path, caplog):
    save(tmp_path / "a.png")
    (tmp_path / ".DS_Store").write_text("x")
    with caplog.at_level("WARNING", logger="absl"):
        assert listed(tmp_path) == ["a.png"]
    assert not caplog.records
    for n in range(8):
        (tmp_path / f"{n}.one").write_text("x")
        (tmp_path / f"x.{n}").write_text("x")
    (tmp_path / "README").write_text("P6 is a kind of PPM\n")
    (tmp_path / "pipe\n").write_text("x")
    with caplog.at_level("WARNING", logger="absl"):
        assert listed(tmp_path) == listed(tmp_path) == ["a.png"]
    (record,) = caplog.records
    line = record.getMessage()
    assert (
        "images read: 1, left out: 8 .one, 2 without an ending and no images, " in line
    )
    assert ", 5 with other endings. " in line
    assert " .jpeg " in line
    assert "\n" not in line


@needs_heif
def test_an_image_without_an_ending_is_known_by_its_first_bytes(tmp_path):
    for kind in ("PNG", "JPEG", "WEBP", "TIFF", "GIF", "BMP", "PPM", "HEIF"):
        Image.fromarray(noise(64, 64)).save(tmp_path / kind, kind)
    Image.fromarray(noise(64, 64)).save(tmp_path / "TGA", "TGA")  # has none
    (tmp_path / "Python").write_text("Python notes")  # Pillow takes Py for PPM
    (tmp_path / "BMW").write_text("BMW, and no BMP")
    (tmp_path / "empty").write_bytes(b"")
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "loop").symlink_to("loop")
    expected = ["BMP", "GIF", "HEIF", "JPEG", "PNG", "PPM", "TIFF", "WEBP"]
    assert listed(tmp_path) == expected
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)  # what is refused is still named
        assert listed(tmp_path) == expected
    # An ending that is no image's is believed.
    shutil.copy(tmp_path / "PNG", tmp_path / "x.data")
    assert listed(tmp_path) == expected


@needs_heif
def test_heic_goes_the_way_of_all_images(tmp_path):
    pixels = np.zeros((48, 64, 3), np.uint8)
    pixels[:24, :32], pixels[24:, 32:] = 250, (250, 0, 0)
    image = Image.fromarray(pixels)
    for name in FOLDERS:
        (tmp_path / name).mkdir()
        for n in range(2):
            image.save(tmp_path / name / f"{n}.HEIC", "HEIF", quality=-1, chroma=444)
    found = images.read_picture(str(tmp_path / "trainA" / "0.HEIC"))
    assert (found.format, found.mode) == ("HEIF", "RGB")
    assert np.abs(found.pixels.astype(int) - pixels).max() <= 3
    config = Config(dataset="folder", data_dir=str(tmp_path), height=48, width=64)
    source = open_source(config, "train")
    np.testing.assert_array_equal(source.pixels("a", [1])[0], found.pixels)
    summary = check_dataset.check(str(tmp_path), 48, 64).summary()
    assert summary["folders"]["testB"]["formats"] == {"HEIF": 2}
    assert summary["reasons_against"]["training --on_bad_image=stop"] == []


@needs_heif
@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
def test_heic_is_turned_once(orientation, tmp_path):
    pixels = np.zeros((48, 64, 3), np.uint8)
    pixels[:24, :32], pixels[24:, 32:] = 250, (250, 0, 0)
    exif = Image.Exif()
    exif[0x0112] = orientation
    for kind in ("JPEG", "HEIF"):
        Image.fromarray(pixels).save(
            tmp_path / kind, kind, quality=95, exif=exif.tobytes()
        )
    jpeg, heif = (images.read(str(tmp_path / k)).astype(int) for k in ("JPEG", "HEIF"))
    assert heif.shape == jpeg.shape
    assert np.abs(heif - jpeg).mean() < 8


@needs_heif
def test_a_broken_heic_is_named(tmp_path):
    Image.fromarray(noise(64, 64)).save(tmp_path / "x.heic", "HEIF")
    data = (tmp_path / "x.heic").read_bytes()
    (tmp_path / "x.heic").write_bytes(data[: len(data) // 2])
    with pytest.raises(images.BadImage, match=r"x\.heic: expected an image, found"):
        images.read(str(tmp_path / "x.heic"))


@needs_heif
def test_without_pillow_heif_the_message_names_the_extra(tmp_path, caplog, monkeypatch):
    without_heif(monkeypatch)
    for n in range(8):
        Image.fromarray(noise(16, 16)).save(tmp_path / f"{n}.heic", "HEIF")
    hint = r'8 \.heic \(pip install "egsc_tf\[heif\]" reads these\)'
    with pytest.raises(UserError, match=f"none among 8 entries: {hint}. Read are "):
        listed(tmp_path)
    save(tmp_path / "x.png")
    with caplog.at_level("WARNING", logger="absl"):
        assert listed(tmp_path) == ["x.png"]
    assert (
        'images read: 1, left out: 8 .heic (pip install "egsc_tf[heif]" reads'
        in caplog.text
    )
    with pytest.raises(images.BadImage, match=r"no pillow-heif is installed: pip inst"):
        images.read(str(tmp_path / "0.heic"))
    (tmp_path / "trainA").mkdir()
    shutil.copy(tmp_path / "0.heic", tmp_path / "trainA")
    problems = check_dataset.check(str(tmp_path), 16, 16).problems
    assert problems["not_read_images"] == [("trainA/0.heic", images.NO_HEIF)]


def test_training_and_its_check_read_subfolders_alike(tmp_path):
    for name in FOLDERS:
        (tmp_path / name).mkdir()
        nested(tmp_path / name)
    flags = {"dataset": "folder", "data_dir": str(tmp_path), "height": 16, "width": 16}
    with pytest.raises(UserError, match="at least 2 usable images, found 1"):
        open_source(Config(**flags), "train")
    found = open_source(Config(**flags, recursive=True), "train")
    names = [found.name("b", n) for n in range(found.size("b"))]
    expected = ["a-b/x.jpg", "a/deep/x.png", "a/x.png", "b.png"]
    assert [os.path.relpath(n, tmp_path / "trainB") for n in names] == expected
    for name in FOLDERS:  # then without one above
        (tmp_path / name / "b.png").unlink()
    source.check(Config(**flags, recursive=True), "train", "test")
    for name in FOLDERS:
        save(tmp_path / name / "b.png")
    findings = check_dataset.check(str(tmp_path), 16, 16, recursive=True)
    assert findings.reasons("train") == []
    assert findings.summary()["folders"]["trainA"]["usable"] == 4
    assert findings.problems["not_read_folders"] == [
        (f"{name}/a/up", "4 image files") for name in FOLDERS
    ]
    text = "\n".join(check_dataset.report(check_dataset.check(str(tmp_path), 16, 16)))
    assert "left out: 3 images in subfolders (see --recursive)" in text
