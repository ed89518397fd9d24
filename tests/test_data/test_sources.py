"""Images from folders, records and TFDS: what comes out, and what is refused."""

import os

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_datasets as tfds
from support.archives import write_records
from support.decoding import read_all
from support.files import bad_files, noise, save
from support.pictures import png

from egsc_tf.config import Config
from egsc_tf.data import images, python_op
from egsc_tf.data.augmentation import finish
from egsc_tf.data.records import Records
from egsc_tf.data.source import open_source
from egsc_tf.data.stream import stream
from egsc_tf.errors import UserError


@pytest.fixture
def root(tmp_path):
    for split in ("trainA", "trainB", "testA", "testB"):
        (tmp_path / split).mkdir()
        for i in range(3):
            save(tmp_path / split / f"{i}.png", noise(20 + i, 30, seed=i))
    (tmp_path / "trainA" / ".hidden.png").write_text("x")
    (tmp_path / "trainA" / "notes.txt").write_text("x")
    return tmp_path


def open_folder(root, split="train", **flags):
    flags = {"dataset": "folder", "height": 8, "width": 16, "n_encoder": 1, **flags}
    return open_source(Config(data_dir=str(root), **flags), split)


def test_boards_are_cut_into_whole_cells():
    config = Config(dataset="digits_multi", height=52, width=50, n_encoder=2)
    with pytest.raises(UserError, match="--width: expected a multiple of 4, the cells"):
        open_source(config, "train")


def open_tfds(flags, **more):
    return open_source(
        Config(height=8, width=16, n_encoder=1, **flags, **more), "train"
    )


def assert_images(source, domain, expected):
    """The source gives these [h, w, 3] uint8 images, resized, and again from where it
    keeps them."""
    assert source.size(domain) == len(expected)
    right = [images.resize(x, source.height, source.width) for x in expected]
    for _ in range(2):
        np.testing.assert_array_equal(read_all(source, domain)[domain], right)


# Of 3 images of 8x16 in each of two domains, none, one each, and all.
CACHES = [0.0, 3 * 8 * 16 * 3 / 2**30, 1.0]


@pytest.mark.parametrize("cache_gib", CACHES)
def test_folder_gives_resized_images_from_memory_or_files(root, cache_gib):
    expected = [noise(20 + i, 30, seed=i) for i in range(3)]
    assert_images(open_folder(root, cache_gib=cache_gib), "b", expected)


@pytest.mark.parametrize(("cache_gib", "again"), zip(CACHES, (3, 2, 0)))
def test_what_is_kept_in_memory_is_read_once(root, cache_gib, again, monkeypatch):
    source, opened = open_folder(root, cache_gib=cache_gib), opens(monkeypatch)
    read_all(source, "a")
    assert len(opened) == 3
    read_all(source, "a")
    assert len(opened) == 3 + again


def opens(monkeypatch):
    """The list of paths of images that are opened from now on."""
    opened, open_file = [], images.open_file
    monkeypatch.setattr(
        images, "open_file", lambda path: [opened.append(path), open_file(path)][1]
    )
    return opened


def test_the_first_batch_opens_few_files(root, monkeypatch):
    for name in ("trainA", "trainB"):
        for i in range(500):
            os.link(root / name / "0.png", root / name / f"link{i}.png")
    opened = opens(monkeypatch)
    source = open_folder(root)
    source.fingerprint()
    assert opened == []
    config = Config(height=8, width=16, batch_size=2)
    next(iter(stream(source, config, 0, 2)))
    assert 8 <= len(opened) < 200


def test_folder_stops_at_a_bad_file_naming_it(root):
    (root / "trainB" / "broken.png").write_text("x")
    source = open_folder(root)
    with pytest.raises(images.BadImage, match=r"trainB.broken\.png.*on_bad_image=skip"):
        read_all(source)


@pytest.mark.parametrize("cache_gib", CACHES)
def test_the_next_good_file_takes_the_place_of_a_bad_one(root, cache_gib, caplog):
    names = bad_files(root / "trainA")  # behind 0, 1, 2: cut, empty, pixel, text
    (root / "trainA" / "1.png").write_text("no image any more")
    names.append("1.png")
    folder = open_folder(root, on_bad_image="skip", cache_gib=cache_gib)
    good = {i: noise(20 + i, 30, seed=i) for i in (0, 2)}
    assert_images(folder, "a", [good[i] for i in (0, 2, 2, 0, 0, 0, 0)])
    found = folder.bad("a").values()
    assert len(found) == len(names)
    assert all(any(name in message for message in found) for name in names)
    assert [folder.index("a", i) for i in range(7)] == [0, 2, 2, 0, 0, 0, 0]
    assert caplog.text.count("left out: /") == len(names)
    folder.tell()
    folder.tell()
    assert caplog.text.count("left out 5 of 7 images") == 1


@pytest.mark.parametrize("count", [0, 1])
def test_too_few_good_files_are_an_error_when_that_is_known(root, count):
    for i in range(count, 3):
        (root / "trainB" / f"{i}.png").write_text("x")
    source = open_folder(root, on_bad_image="skip")
    for _ in range(2):
        with pytest.raises(UserError, match="trainB: expected at least 2 usable image"):
            read_all(source, "b")


def test_folders_that_cannot_be_used_are_named(root):
    for path in (root / "testB").iterdir():
        path.unlink()
    with pytest.raises(UserError, match=r"testB: expected image files, found none"):
        open_folder(root, "test")
    (root / "testB").rmdir()
    with pytest.raises(UserError, match=r"testB: expected a folder"):
        open_folder(root, "test")
    for path in list((root / "trainB").iterdir())[1:]:
        path.unlink()
    with pytest.raises(UserError, match=r"trainB: expected at least 2 .* found 1"):
        open_folder(root)
    with pytest.raises(UserError, match="--data_dir"):
        open_folder("")


def test_official_records_give_both_domains_in_order(tmp_path):
    a, b = ([noise(10, 12, seed=s + i) for i in range(4)] for s in (0, 50))
    pairs = [(png(x), png(y)) for x, y in zip(a, b)]
    write_records(tmp_path / "mnist_train_00000-of-00002.tfrecord", pairs[:3])
    write_records(tmp_path / "mnist_train_00001-of-00002.tfrecord", pairs[3:])
    write_records(tmp_path / "mnist_test_00000-of-00001.tfrecord", pairs[:2])
    train = open_folder(tmp_path, dataset="official_records")
    assert_images(train, "a", a)
    assert_images(train, "b", b)
    assert open_folder(tmp_path, "test", dataset="official_records").size("a") == 2


def test_official_test_records_may_lie_beside_those_of_training(tmp_path):
    for split, count in (("train", 3), ("test", 2)):
        folder = tmp_path / f"mnist_BW_{split}_28x28"
        folder.mkdir()
        pairs = [(png(noise()), png(noise()))] * count
        write_records(folder / f"mnist_{split}_00000-of-00001.tfrecord", pairs)
    for split, count in (("train", 3), ("test", 2)):
        source = open_folder(
            tmp_path / "mnist_BW_train_28x28", split, dataset="official_records"
        )
        assert source.size("a") == source.size("b") == count


def test_bad_official_records_are_named(tmp_path):
    flags = {"dataset": "official_records"}
    with pytest.raises(UserError, match=r"--data_dir=.*_train_\*\.tfrecord"):
        open_folder(tmp_path, **flags)
    path = tmp_path / "gta_train_00000-of-00001.tfrecord"
    good = png(noise())
    write_records(path, [(good, good), (good, b"no image"), (good, good)])
    with pytest.raises(
        images.BadImage, match="record 1 image_raw_B: expected an image"
    ):
        read_all(open_folder(tmp_path, **flags))
    skipped = open_folder(tmp_path, on_bad_image="skip", **flags)
    read_all(skipped)
    assert (list(skipped.bad("a")), list(skipped.bad("b"))) == ([], [1])
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(UserError, match=r"tfrecord: expected whole TFRecords, found"):
        open_folder(tmp_path, **flags)


FACES = {"dataset": "tfds:egsc_celeba_gender/manual"}


@pytest.fixture
def tfds_flags(root, tmp_path):
    return {**FACES, "manual_dir": str(root), "data_dir": str(tmp_path / "tfds")}


def stored(flags, split):
    """The images of a split as TFDS has stored them: it shuffles by key."""
    builder = tfds.builder(FACES["dataset"][5:], data_dir=flags["data_dir"])
    return [e["image"] for e in tfds.as_numpy(builder.as_dataset(split=split))]


def test_tfds_gives_the_splits_of_both_domains(tfds_flags):
    source = open_tfds(tfds_flags)
    for domain in "ab":
        expected = stored(tfds_flags, f"train{domain.upper()}")
        assert expected[0].shape == (128, 128, 3)
        assert_images(source, domain, expected)


def test_tfds_splits_are_not_read_through(tfds_flags, monkeypatch):
    expected = stored(tfds_flags, "trainA") if open_tfds(tfds_flags) else None
    monkeypatch.delattr(tfds.core.DatasetBuilder, "as_dataset")
    read, records = Records.read, []
    monkeypatch.setattr(
        Records, "read", lambda self, i: [records.append(i), read(self, i)][1]
    )
    source = open_tfds(tfds_flags)
    source.fingerprint()
    assert records == []
    right = images.resize(expected[2], 8, 16)
    np.testing.assert_array_equal(source.pixels("a", [2])[0], right)
    assert records == [2]


def test_tfds_splits_may_be_named_and_sliced(tfds_flags):
    name = FACES["dataset"][5:]
    source = open_tfds(tfds_flags, split_a="{split}B[:67%]", split_b=f"{name}:testA")
    assert_images(source, "a", stored(tfds_flags, "trainB")[:2])
    assert_images(source, "b", stored(tfds_flags, "testA"))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"dataset": "tfds:no_such_set"}, "--dataset=tfds:no_such_set"),
        ({"split_a": "lfw:"}, r"--split_a=lfw:: expected \[BUILDER:\]SPLIT"),
        ({"dataset": "tfds:"}, "--dataset=tfds:: expected tfds:NAME, found no name"),
        ({"split_a": "nowhere"}, r"nowhere: expected one of the splits \['testA'"),
        ({"manual_dir": "/no/such"}, "--dataset=tfds:egsc_celeba_gender/manual: exp"),
    ],
)
def test_bad_tfds_names_are_refused(change, message, tfds_flags):
    with pytest.raises(UserError, match=message):
        open_tfds({**tfds_flags, **change})


def test_another_dataset_is_refused():
    with pytest.raises(UserError, match="--dataset=faces: expected one of"):
        Config(dataset="faces")


def steps_of(source, config, start, count):
    data = stream(source, config, start, 2).take(count)
    return [{k: v.numpy() for k, v in finish(batch).items()} for batch in data]


@pytest.mark.parametrize("dataset", ["folder", "official_records", FACES["dataset"]])
def test_a_resumed_run_gets_the_batches_of_the_uninterrupted_one(
    dataset, root, tfds_flags
):
    pairs = [[png(noise(20, 30, seed=2 * n + i)) for i in (0, 1)] for n in range(5)]
    write_records(root / "faces_train_00000-of-00001.tfrecord", pairs)
    where = tfds_flags if dataset.startswith("tfds:") else {"data_dir": str(root)}
    config = Config(
        **{**where, "dataset": dataset},
        height=8,
        width=16,
        n_encoder=1,
        batch_size=2,
        flip=True,
        crop=True,
        colour_jitter=0.2,
    )
    # Each start reads the images anew, by many threads.
    whole = steps_of(open_source(config, "train"), config, 0, 6)
    rest = steps_of(open_source(config, "train"), config, 3, 3)
    for old, new in zip(whole[3:], rest):
        for name in ("x_a", "x_b"):
            np.testing.assert_array_equal(old[name], new[name])
    assert (whole[3]["x_a"] != whole[4]["x_a"]).any()


def test_records_that_cannot_be_read_are_named(tmp_path, monkeypatch):
    path = tmp_path / "gta_train_00000-of-00001.tfrecord"
    path.mkdir()
    with pytest.raises(UserError, match=r"tfrecord: expected TFRecords: "):
        open_folder(tmp_path, dataset="official_records")


def test_records_that_break_while_they_are_read_are_named(tmp_path):
    path = tmp_path / "gta_train_00000-of-00001.tfrecord"
    write_records(path, [(png(noise()), png(noise()))] * 3)
    source = open_folder(tmp_path, dataset="official_records")
    os.truncate(path, os.path.getsize(path) - 9)
    with pytest.raises(UserError, match="expected whole TFRecords, found one that is"):
        read_all(source)


class Odd(KeyError):
    """An exception that TensorFlow knows nothing of."""


@pytest.mark.parametrize("error", [images.BadImage("x.png"), OSError(5, "I/O"), Odd(3)])
def test_what_a_reader_raises_in_a_graph_comes_out_as_it_is(error):
    def read(i):
        if i == 2:
            raise error
        return i

    data = tf.data.Dataset.range(4).map(lambda i: python_op.call(read, [i], tf.int64))
    found = []
    with pytest.raises(type(error)) as caught, python_op.errors_as_raised():
        found.extend(data.prefetch(2).as_numpy_iterator())
    assert caught.value is error
    assert found == [0, 1]


def test_other_errors_of_a_graph_stay_what_they_are():
    with pytest.raises(tf.errors.InvalidArgumentError), python_op.errors_as_raised():
        tf.reshape(tf.zeros([3]), [2])
