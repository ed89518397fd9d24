"""The TFRecord files that the authors released: pairs of encoded images.

A record holds image_name_A, image_name_B, image_raw_A, image_raw_B (encoded images),
image_height and image_width. A pair means nothing: each domain is shuffled on its own.
"""

import glob
import os
import re

from egsc_tf.data.listings.encoded_records import EncodedRecords
from egsc_tf.data.records import Records
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
    records = Records([(path, 0, None) for path in paths])
    place = os.path.join(os.path.dirname(paths[0]), "")

    def name(index):
        path, number = records.place(index)
        return f"{path} record {number}"

    found = {}
    for domain in DOMAINS:
        feature = f"image_raw_{domain.upper()}"
        home = f"{os.path.abspath(place)} {split} {feature}"
        found[domain] = EncodedRecords(
            records, feature, f"{data_dir} {feature}", home, name, place
        )
    return found


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
