"""The folders of the experiments on streets, from small archives of the real forms."""

import io
import json
import os

import numpy as np
import pytest
from PIL import Image
from support.archives import (
    write_bdd_100k,
    write_camvid,
    write_tar,
    write_zip,
)
from support.files import noise
from support.pictures import encoded, png
from support.programs import refusal

from egsc_tf.data import images, label_maps
from egsc_tf.data.streets import bdd, camvid
from egsc_tf.errors import UserError
from egsc_tf.prepare_streets import prepare


def names(folder):
    return sorted(os.listdir(folder))


def jpeg(seed=0, size=(16, 32)):
    return encoded(Image.fromarray(noise(*size, seed=seed)), "JPEG")


@pytest.mark.parametrize("labels", bdd.LABELS)
def test_day_and_night_of_the_sites_archives(tmp_path, labels):
    write_bdd_100k(tmp_path, labels)
    code, output = refusal(
        "prepare_streets",
        "--experiment=bdd_day2night",
        f"--source={tmp_path}",
        f"--output={tmp_path / 'out'}",
        "--height=16",
        "--width=32",
        "--most=2",
    )
    assert code == 0
    assert "trainA, 2 images" in output
    assert "label maps" not in output
    assert names(tmp_path / "out") == ["testA", "testB", "trainA", "trainB"]
    # Evenly over the three that there are.
    assert names(tmp_path / "out" / "trainA") == ["train-00.jpg", "train-02.jpg"]
    assert names(tmp_path / "out" / "testB") == ["val-10.jpg", "val-11.jpg"]
    for folder, is_day in (("trainA", True), ("trainB", False)):
        pixels = images.read(
            tmp_path / "out" / folder / names(tmp_path / "out" / folder)[0]
        )
        assert pixels.shape == (16, 32, 3)
        assert (pixels.mean() > 128) == is_day


def test_rendered_streets_meet_day_and_night(tmp_path):
    write_bdd_100k(tmp_path)
    write_zip(
        tmp_path,
        "Carla-Object-Detection-Dataset-master.zip",
        {
            f"Carla-Object-Detection-Dataset-master/images/{part}/Town0{n}_1.png": png(
                noise(38, 64, seed=n)
            )
            for part, towns in (("train", (1, 2)), ("test", (5, 6)))
            for n in towns
        },
    )
    found = prepare("carla2bdd", str(tmp_path), str(tmp_path / "out"), 16, 32)
    assert found == {"trainA": 2, "trainB": 6, "testA": 2, "testB": 4}
    assert names(tmp_path / "out" / "testA") == ["Town05_1.jpg", "Town06_1.jpg"]
    kinds = [name.split("_")[0] for name in names(tmp_path / "out" / "testB")]
    assert kinds == ["day", "day", "night", "night"]


def test_dusk_has_label_maps_of_its_archives(tmp_path):
    write_camvid(tmp_path)
    out = tmp_path / "out"
    found = prepare("camvid_day2dusk", str(tmp_path), str(out), 16, 32)
    assert found == {"trainA": 8, "trainB": 2, "testA": 4, "testB": 2}
    for folder in found:
        stems = [os.path.splitext(name)[0] for name in names(out / folder)]
        assert names(out / "labels" / folder) == [f"{stem}.png" for stem in stems]
    label = label_maps.read(out / "labels" / "testB" / "0001TP_006750.png", 16, 32)
    assert (label[:8] == 4).all()  # sky
    assert (label[8:] == 0).all()  # flat


def test_folders_in_a_tar_are_taken_as_they_are(tmp_path):
    files = {"camvid_day2dusk/README.md": b"not read"}
    for n, (split, domain) in enumerate(
        (s, d) for s in ("train", "test") for d in "AB"
    ):
        for i in range(2):
            label = np.full((16, 32), i, np.uint8)
            label[0] = 255
            data = jpeg(10 * n + i)
            files[f"camvid_day2dusk/{split}{domain}/{i}.jpg"] = data
            files[f"camvid_day2dusk/labels{domain}/{split}/{i}.png"] = png(label)
    write_tar(tmp_path / "camvid_day2dusk.tar", files)
    out = tmp_path / "out"
    prepare("camvid_day2dusk", str(tmp_path), str(out), 16, 32)
    written = (out / "testB" / "1.jpg").read_bytes()
    assert written == files["camvid_day2dusk/testB/1.jpg"]
    label = label_maps.read(out / "labels" / "testB" / "1.png", 16, 32)
    assert sorted(np.unique(label)) == [1, 255]
    # Smaller ones are written anew.
    prepare("camvid_day2dusk", str(tmp_path), str(tmp_path / "small"), 8, 16)
    assert images.read(tmp_path / "small" / "trainA" / "0.jpg").shape == (8, 16, 3)
    del files["camvid_day2dusk/labelsB/test/1.png"]
    (tmp_path / "more").mkdir()
    write_tar(tmp_path / "more" / "camvid_day2dusk.tar", files)
    with pytest.raises(UserError, match=r"expected labelsB/test/1\.png, found none"):
        prepare("camvid_day2dusk", str(tmp_path / "more"), str(tmp_path / "new"))


def test_a_folder_with_files_is_not_added_to(tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "x").touch()
    with pytest.raises(UserError, match="new or empty folder, found 1 entries"):
        prepare("bdd_day2night", str(tmp_path), str(tmp_path / "out"))


def test_archives_that_are_missing_or_others_are_named(tmp_path):
    out = str(tmp_path / "out")
    with pytest.raises(UserError, match=r"expected bdd100k_images_100k\.zip, found no"):
        prepare("bdd_day2night", str(tmp_path), out)
    with pytest.raises(UserError, match=r"carla\.tar or Carla-Object-.*found no such"):
        prepare("carla2bdd", str(tmp_path), out)
    (tmp_path / "carla.tar").write_bytes(b"no archive")
    with pytest.raises(UserError, match=r"carla\.tar: expected a whole archive"):
        prepare("carla2bdd", str(tmp_path), out)
    write_bdd_100k(tmp_path)
    write_zip(tmp_path, bdd.LABELS[0], {"labels.txt": b""})
    with pytest.raises(UserError, match="expected labels/bdd100k_labels_images_train"):
        prepare("bdd_day2night", str(tmp_path), out)
    other = tmp_path / "other"
    other.mkdir()
    write_tar(other / "bdd_day2night.tar", {"bdd_day2night/trainA/1.jpg": jpeg()})
    with pytest.raises(
        UserError, match="expected 2 frames for trainA or more, found 1"
    ):
        prepare("bdd_day2night", str(other), out)
    assert not os.path.exists(out)


@pytest.mark.parametrize("indent", [None, 4])
def test_attributes_are_read_one_by_one(indent, monkeypatch):
    monkeypatch.setattr(bdd, "_CHUNK", 7)
    entries = [{"name": f"{n}.jpg", "labels": [{"x": "]"}]} for n in range(5)]
    text = "\n" + json.dumps(entries, indent=indent) + "\n"
    assert list(bdd._entries(io.StringIO(text), ("a.zip", "b"))) == entries
    assert list(bdd._entries(io.StringIO("[]"), ("a.zip", "b"))) == []
    for broken in (text[:-20], '{"a": 1}', "", "[1, x]"):
        with pytest.raises(UserError, match=r"a\.zip: expected a JSON list in b"):
            list(bdd._entries(io.StringIO(broken), ("a.zip", "b")))


def test_colours_of_classes_make_categories():
    colours = [(128, 64, 128), (0, 128, 192), (64, 0, 128), (64, 128, 64), (1, 2, 3)]
    found = camvid.categories(png(np.array([colours], np.uint8)))
    assert found.tolist() == [[1, 6, 7, 0, 0]]
