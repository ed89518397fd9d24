"""What a run that goes on says of images that were added, are gone or have changed."""

import dataclasses
import os
import shutil

import numpy as np
import pytest
from support.archives import write_records
from support.files import noise, save
from support.pictures import png
from support.trainers import SHORT

from egsc_tf.config import Config
from egsc_tf.data import inventory
from egsc_tf.data.source import open_source
from egsc_tf.errors import UserError
from egsc_tf.run import seen, starts
from egsc_tf.run import workdir as workdir_lib
from egsc_tf.training import run as train_lib


@pytest.fixture
def root(tmp_path):
    """Six images a folder."""
    for n, name in enumerate(("trainA", "trainB")):
        (tmp_path / "data" / name).mkdir(parents=True)
        for i in range(6):
            path = tmp_path / "data" / name / f"{i}.png"
            save(path, noise(16, 16, seed=10 * n + i))
    return tmp_path / "data"


def source_of(root, **flags):
    flags = {"height": 16, "width": 16, "on_bad_image": "skip", **flags}
    flags = {"dataset": "folder", "data_dir": str(root), **flags}
    return open_source(Config(**flags), "train")


def changed(root):
    """Adds two images to trainB, takes one away and draws another anew."""
    for n in ("new.png", "other.png"):
        save(root / "trainB" / n, noise(16, 16, seed=len(n) + 50))
    (root / "trainB" / "3.png").unlink()
    save(root / "trainB" / "4.png", noise(16, 17, seed=99))


CHANGES = "{}: 6 images then, 7 now (2 added, 1 gone, 1 changed)"


def test_changes_are_counted_per_folder(root, tmp_path):
    workdir = str(tmp_path / "run")
    assert seen.changes(workdir, source_of(root)) == []  # nothing is noted yet
    seen.save(workdir, source_of(root))
    assert seen.changes(workdir, source_of(root)) == []
    changed(root)
    found = seen.changes(workdir, source_of(root))
    assert found == [CHANGES.format(root / "trainB")]
    seen.save(workdir, source_of(root))
    assert seen.changes(workdir, source_of(root)) == []


def test_moved_and_touched_images_are_the_same_and_broken_ones_changed(root, tmp_path):
    workdir = str(tmp_path / "run")
    seen.save(workdir, source_of(root))
    moved = tmp_path / "elsewhere"
    shutil.move(root, moved)
    os.utime(moved / "trainA" / "0.png", (1, 1))
    assert seen.changes(workdir, source_of(moved)) == []
    (moved / "trainA" / "0.png").write_text("no image any more")
    assert seen.changes(workdir, source_of(moved)) == [
        f"{moved / 'trainA'}: 6 images then, 6 now (0 added, 0 gone, 1 changed)"
    ]


def test_records_are_known_by_their_checksums(tmp_path):
    path, workdir = tmp_path / "x_train_1.tfrecord", str(tmp_path / "run")

    def source(*seeds):
        pairs = [(png(noise(seed=s)), b"of B") for s in seeds]
        write_records(path, pairs)
        return source_of(tmp_path, dataset="official_records")

    seen.save(workdir, source(0, 1, 2))
    assert seen.changes(workdir, source(0, 1, 2)) == []
    lines = seen.changes(workdir, source(0, 3, 2))
    assert all("0 added, 0 gone, 1 changed" in line for line in lines)
    assert len(lines) == 2


def test_the_file_of_an_earlier_version_is_read_once(root, tmp_path, caplog):
    workdir, source = str(tmp_path / "run"), source_of(root)
    seen.save(workdir, source)
    path = os.path.join(workdir, seen.NAME)
    arrays = {k.replace("marks", "pixels"): v for k, v in np.load(path).items()}
    np.savez(path, **arrays)
    told = "images are compared by their names alone, this once"
    with caplog.at_level("INFO", logger="absl"):
        assert seen.note(workdir, source, goes_on=True) == []
        assert told in caplog.text
        caplog.clear()
        np.savez(path, **arrays)
        changed(root)
        (line,) = seen.note(workdir, source_of(root), goes_on=True)
        assert "6 images then, 7 now (2 added, 1 gone, 0 changed)" in line
        caplog.clear()
        assert seen.note(workdir, source_of(root), goes_on=True) == []
        assert told not in caplog.text


def test_a_run_that_noted_only_numbers_tells_another_number(root, tmp_path):
    workdir = str(tmp_path)
    starts.append(workdir, source_of(root), 1)
    assert seen.changes(workdir, source_of(root)) == []
    changed(root)
    found = seen.changes(workdir, source_of(root))
    assert found == [f"{root / 'trainB'}: 6 images then, 7 now"]


def test_what_is_remembered_is_small_and_soon_compared(tmp_path):
    count = 200_000

    class Many:
        def inventory(self, domain):
            marks = np.arange(count) + (domain == "b")
            names = (f"{n}.jpg" for n in range(count))
            return inventory.of(names, marks.__getitem__)

        def size(self, domain):
            return count

        where = {"a": "A", "b": "B"}

    seen.save(str(tmp_path), Many())
    assert os.path.getsize(tmp_path / seen.NAME) < 2 * count * 16 + 2000
    assert seen.changes(str(tmp_path), Many()) == []


def test_digits_have_an_inventory_too(tmp_path):
    source = open_source(SHORT, "train")
    seen.save(str(tmp_path), source)
    assert seen.changes(str(tmp_path), source) == []
    source.labels = source.labels[:-7]
    source.images = source.images[:-7]
    first, _ = seen.changes(str(tmp_path), source)
    assert first.startswith(
        "handwriting of domain a: 1,437 images then, 1,430 now (0 a"
    )


@pytest.mark.parametrize("data", [b"", b"PK\3\4 and no more", b"\x93NUMPY"])
def test_a_broken_file_is_named(data, root, tmp_path):
    (tmp_path / seen.NAME).write_bytes(data)
    with pytest.raises(UserError, match=r"images\.npz: expected what a start of the r"):
        seen.changes(str(tmp_path), source_of(root))


def test_a_resumed_run_tells_of_changed_images_once(
    root, tmp_path, caplog, monkeypatch
):
    config = dataclasses.replace(SHORT, dataset="folder", data_dir=str(root))
    folder, newest = str(tmp_path / "run"), {"translation": None}
    monkeypatch.setattr(train_lib, "_train", lambda *args: None)
    monkeypatch.setattr(workdir_lib, "newest_of_run", lambda workdir: newest)

    def told():
        caplog.clear()
        with caplog.at_level("WARNING", logger="absl"):
            train_lib.train(config, folder)
        return [r.getMessage() for r in caplog.records if "images then" in r.message]

    assert told() == []
    changed(root)
    assert told() == []  # nothing was trained on those of before
    newest["translation"] = f"{folder}/translation/ckpt-1"
    assert told() == []
    (root / "trainA" / "0.png").unlink()
    message = f"{root / 'trainA'}: 6 images then, 5 now (0 added, 1 gone, 0 changed)"
    assert told() == [f"images of this run changed: {message}. {seen.MEANING}"]
    assert told() == []
    noted = [start.get("changed") for start in starts.read(folder)]
    assert noted == [None, None, None, [message], None]
