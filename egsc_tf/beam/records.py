"""OUTPUT/images-*.tfrecord: all images of a run, made now or before."""

import os

import apache_beam as beam
import tensorflow as tf
from apache_beam.io.filesystems import FileSystems

from egsc_tf.beam import files

NAME, ENDING = "images", ".tfrecord"


class Write(beam.PTransform):
    """Writes the images of entries, read from the output."""

    def __init__(self, output):
        super().__init__()
        self._output = output

    def expand(self, entries):
        prefix = os.path.join(self._output, NAME)
        return (
            entries
            | beam.Map(_example, self._output)
            | beam.io.WriteToTFRecord(prefix, file_name_suffix=ENDING)
        )


def _example(entry, output):
    """An entry and its image as a serialised tf.train.Example."""
    values = {key: str(entry[key]).encode() for key in ("file", "source", "exemplar")}
    values["image"] = files.read(os.path.join(output, entry["file"]))
    features = {
        key: tf.train.Feature(bytes_list=tf.train.BytesList(value=[value]))
        for key, value in values.items()
    }
    message = tf.train.Example(features=tf.train.Features(feature=features))
    return message.SerializeToString()


def remove(output):
    """Those of a run before may have been of another number, and would be mixed up."""
    (found,) = FileSystems.match([os.path.join(output, f"{NAME}-*{ENDING}")])
    if found.metadata_list:
        FileSystems.delete([each.path for each in found.metadata_list])
