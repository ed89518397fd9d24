"""Images that are encoded in a feature of tf.train.Examples, in TFRecord files."""

import io

import tensorflow as tf

from egsc_tf.data import images
from egsc_tf.data.listing import Listing


class EncodedRecords(Listing):
    """The images of a feature.

    Args:
      records: egsc_tf.data.records.Records.
      feature: its name.
      where, home, place: see Listing.
      name: (record's index) -> what messages call it.
    """

    def __init__(self, records, feature, where, home, name, place=""):
        self._records, self._feature = records, feature
        self.where, self.home, self.place = where, home, place
        self.count, self.name = len(records), name

    def read(self, index):
        name, key, data = self.name(index), self._feature, self._records.read(index)
        try:
            example = tf.train.Example.FromString(data)
        except Exception as error:  # protobuf's own DecodeError.
            raise images.BadImage(
                f"{name}: expected a tf.train.Example: {error}"
            ) from error
        features = example.features.feature
        if key not in features or not features[key].bytes_list.value:
            raise images.BadImage(f"{name}: expected {key}, found {sorted(features)}")
        file = io.BytesIO(features[key].bytes_list.value[0])
        return images.decode(file, f"{name} {key}")

    def mark(self, index):
        return int(self._records.marks[index])

    def version(self, index):
        return f"{self._records.version(index)} {self._feature}"
