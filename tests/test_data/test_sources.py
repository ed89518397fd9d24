"""Images from folders, records and TFDS: what comes out, and what is refused."""

import os

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_datasets as tfds
from support.archives import write_records
from support.files import bad_files, noise, save
from support.pictures import png

from egsc_tf.config import Config
from egsc_tf.data import images, python_op
from egsc_tf.data.augmentation import as_float, finish
from egsc_tf.data.listings import official_records
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
    """The source gives these [h, w, 3] uint8 images, resized."""
    assert source.size(domain) == len(expected)
    read = tf.function(lambda *args: as_float(source.image(*args)))
    for i, pixels in enumerate(expected):
        right = images.to_float(images.resize(pixels, source.height, source.width))
        np.testing.assert_allclose(read(domain, i, None), right, atol=1e-6)


@pytest.mark.parametrize("cache_gib", [0.0, 1.0])
def test_folder_gives_resized_images_from_memory_or_disk(root, cache_gib):
    expected = [noise(20 + i, 30, seed=i) for i in range(3)]
    assert_images(open_folder(root, cache_gib=cache_gib), "b", expected)


def test_folder_stops_at_a_bad_file_naming_it(root):
    (root / "trainB" / "broken.png").write_text("x")
    with pytest.raises(images.BadImage, match=r"trainB.broken\.png"):
        open_folder(root)


@pytest.mark.parametrize("cache_gib", [0.0, 1.0])
def test_folder_leaves_out_and_lists_bad_files(root, cache_gib):
    names = bad_files(root / "trainA")
    folder = open_folder(root, on_bad_image="skip", cache_gib=cache_gib)
    assert_images(folder, "a", [noise(20 + i, 30, seed=i) for i in range(3)])
    assert len(folder.bad) == len(names)
    assert all(any(name in message for message in folder.bad) for name in names)


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
        open_folder(tmp_path, **flags)
    skipped = open_folder(tmp_path, on_bad_image="skip", **flags)
    assert (skipped.size("a"), skipped.size("b")) == (3, 2)
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


def test_records_that_break_while_they_are_read_are_named(tmp_path, monkeypatch):
    path = tmp_path / "gta_train_00000-of-00001.tfrecord"
    write_records(path, [(png(noise()), png(noise()))] * 3)
    count = official_records.count_of

    def then_cut_off(path):
        found = count(path)
        with open(path, "r+b") as file:
            file.truncate(os.path.getsize(path) - 9)
        return found

    monkeypatch.setattr(official_records, "count_of", then_cut_off)
    with pytest.raises(UserError, match="image_raw_A: expected files that can be read"):
        open_folder(tmp_path, dataset="official_records")


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
