"""The TFRecord files that the authors released: pairs of encoded images.

A record holds image_name_A, image_name_B, image_raw_A, image_raw_B (encoded images),
image_height and image_width. A pair means nothing: each domain is shuffled on its own.
"""

import functools
import glob
import io
import os
import re

import tensorflow as tf

from egsc_tf.data import images
from egsc_tf.data.decoded import Listing
from egsc_tf.domains import DOMAINS
from egsc_tf.errors import UserError


def listings(data_dir, split):
    """{"a": Listing, "b": Listing} of the files DIR/*_{split}_*.tfrecord.

    The release keeps the splits in two folders, NAME_train_SIZE and NAME_test_SIZE:
    where DIR is the one, the other is found beside it.

    Raises:
      UserError: where there is no such file, or one is cut off or changed.
    """
    paths = files(data_dir, split)
    count = sum(count_of(path) for path in paths)
    return {domain: _listing(data_dir, paths, count, domain) for domain in DOMAINS}


def files(data_dir, split):
    """Sorted paths of the files of a split. Raises UserError where there is none."""
    folder = os.path.abspath(data_dir)
    parent, name = os.path.split(folder)
    beside = re.sub("_(train|test)_", f"_{split}_", name)
    paths = []
    for place in (folder, os.path.join(parent, beside)):
        pattern = os.path.join(glob.escape(place), f"*_{split}_*.tfrecord")
        paths = paths or (sorted(glob.glob(pattern)) if data_dir else [])
    if not paths:
        raise UserError(
            f"--data_dir={data_dir}: expected {pattern}, found no such file"
        )
    return paths


def count_of(path):
    try:
        return int(tf.data.TFRecordDataset(path).reduce(0, lambda n, _: n + 1))
    except tf.errors.DataLossError as error:
        raise UserError(
            f"{path}: expected whole TFRecords, found one that is cut off or changed"
        ) from error
    except tf.errors.OpError as error:
        raise UserError(f"{path}: expected TFRecords: {error.message}") from error


def _listing(data_dir, paths, count, domain):
    items = (
        (name, functools.partial(_read, record, name, domain))
        for path in paths
        for name, record in _records(path)
    )
    where = f"{data_dir} image_raw_{domain.upper()}"
    return Listing(where, count, items, os.path.join(os.path.dirname(paths[0]), ""))


def _records(path):
    """(name, serialised record) of each record of a file."""
    for n, record in enumerate(tf.data.TFRecordDataset(path)):
        yield f"{path} record {n}", record.numpy()


def _read(record, name, domain):
    key = f"image_raw_{domain.upper()}"
    try:
        features = tf.train.Example.FromString(record).features.feature
    except Exception as error:  # protobuf's own DecodeError.
        raise images.BadImage(
            f"{name}: expected a tf.train.Example: {error}"
        ) from error
    if key not in features or not features[key].bytes_list.value:
        raise images.BadImage(f"{name}: expected {key}, found {sorted(features)}")
    file = io.BytesIO(features[key].bytes_list.value[0])
    return images.decode(file, f"{name} {key}")
