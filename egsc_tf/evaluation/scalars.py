"""The loss curves of a run, from TensorBoard's files."""

import glob
import os

import tensorflow as tf


def read(folder):
    """{name: (steps, values)} of a stage's logs; empty where there are none.

    A run that was stopped and went on from a checkpoint has logged some steps twice, in
    two files: the later one counts.
    """
    pattern = os.path.join(glob.escape(folder), "events.out.tfevents.*")
    found = {}
    for path in sorted(glob.glob(pattern), key=_started):
        for step, name, value in _scalars(path):
            found.setdefault(name, {})[step] = value
    return {
        name: (sorted(points), [points[step] for step in sorted(points)])
        for name, points in found.items()
    }


def _started(path):
    """When the writer of a file started, as its name tells it."""
    return os.path.basename(path).split(".")[3:]


def _scalars(path):
    """Yields (step, name, value) of one file."""
    records = tf.data.TFRecordDataset(path).as_numpy_iterator()
    while True:
        try:
            event = tf.compat.v1.Event.FromString(next(records))
        except (StopIteration, tf.errors.DataLossError):  # cut short by a kill
            return
        for value in event.summary.value:
            if value.metadata.plugin_data.plugin_name == "scalars":
                yield event.step, value.tag, float(tf.make_ndarray(value.tensor))
