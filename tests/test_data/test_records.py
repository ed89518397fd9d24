"""Records read one by one: as TensorFlow reads them in order."""

import os

import numpy as np
import pytest
import tensorflow as tf

from egsc_tf.data.records import Records
from egsc_tf.errors import UserError

LENGTHS = (0, 1, 5, 300, 2, 70_000, 9)


@pytest.fixture
def path(tmp_path):
    return write(tmp_path / "x.tfrecord", LENGTHS)


def write(path, lengths):
    random = np.random.RandomState(len(lengths))
    with tf.io.TFRecordWriter(str(path)) as file:
        for length in lengths:
            file.write(random.bytes(length))
    return str(path)


def in_order(*paths):
    return [r.numpy() for r in tf.data.TFRecordDataset(list(paths))]


def read(records, order):
    return [records.read(i) for i in order]


def test_any_order_gives_the_records_of_all_files(path, tmp_path):
    other = write(tmp_path / "y.tfrecord", (4, 4))
    empty = write(tmp_path / "z.tfrecord", ())
    records = Records([(path, 0, None), (empty, 0, None), (other, 0, None)])
    expected = in_order(path, other)
    assert len(records) == len(expected) == 9
    for order in (range(9), (8, 3, 5, 5, 0)):
        assert read(records, order) == [expected[i] for i in order]
    assert records.place(3) == (path, 3)
    assert records.place(8) == (other, 1)
    assert len(set(records.marks.tolist())) == 9


@pytest.mark.parametrize(("first", "count"), [(0, 2), (3, 3), (6, 1), (7, 0), (2, 0)])
def test_parts_of_files_are_those_of_skip_and_take(path, first, count):
    records = Records([(path, first, count), (path, 0, 1)])
    expected = in_order(path)
    found = read(records, range(len(records)))
    assert found == [*expected[first : first + count], expected[0]]
    with pytest.raises(UserError, match="expected at least 8 TFRecords, found 7"):
        Records([(path, 0, 8)])


@pytest.mark.parametrize("cut", [1, 4, 5, 12, 13, 24, 25, 30])
def test_a_file_that_was_cut_off_is_named(path, cut):
    os.truncate(path, os.path.getsize(path) - cut)
    if cut == 25:  # the last record, and it alone
        assert len(Records([(path, 0, None)])) == 6
        return
    with pytest.raises(UserError, match=r"x\.tfrecord: expected whole TFRecords"):
        Records([(path, 0, None)])


@pytest.mark.parametrize("text", ["x", "this is no record at all"])
def test_another_file_is_named(tmp_path, text):
    (tmp_path / "x").write_text(text)
    with pytest.raises(UserError, match="x: expected whole TFRecords"):
        Records([(str(tmp_path / "x"), 0, None)])
    with pytest.raises(UserError, match="nowhere: expected TFRecords: No such file"):
        Records([(str(tmp_path / "nowhere"), 0, None)])
