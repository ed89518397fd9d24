"""The loss curves of a run, from TensorBoard's files."""

import glob
import os

import tensorflow as tf


def read(folder):
    """{name: (steps, values)} of a stage's logs; empty where there are none.

    A run that was stopped and went on from a checkpoint has logged some steps twice, in
    two files: the later one counts.
    """
    found = {}
    for event, name, value in _scalars(folder):
        found.setdefault(name, {})[event.step] = value
    return {
        name: (sorted(points), [points[step] for step in sorted(points)])
        for name, points in found.items()
    }


def times(folder):
    """{step: when it was logged, in seconds since 1970} of a stage's logs."""
    return {event.step: event.wall_time for event, *_ in _scalars(folder)}


def _started(path):
    """When the writer of a file started, as its name tells it."""
    return os.path.basename(path).split(".")[3:]


def _scalars(folder):
    """Yields (event, name, value) of all files of a folder, the oldest first."""
    pattern = os.path.join(glob.escape(folder), "events.out.tfevents.*")
    for path in sorted(glob.glob(pattern), key=_started):
        for event in _events(path):
            for value in event.summary.value:
                if value.metadata.plugin_data.plugin_name == "scalars":
                    yield event, value.tag, float(tf.make_ndarray(value.tensor))


def _events(path):
    records = tf.data.TFRecordDataset(path).as_numpy_iterator()
    while True:
        try:
            yield tf.compat.v1.Event.FromString(next(records))
        except (StopIteration, tf.errors.DataLossError):  # cut short by a kill
            return
