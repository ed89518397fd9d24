"""Runs of two worker processes on loopback, for tests."""

import glob
import os
import time

import numpy as np
import tensorflow as tf
from support.runs import TINY_FLAGS as TINY

from egsc_tf.local_workers import free_addresses, start
from egsc_tf.run import checkpoints

# The learning rate is small, as the kinks of ReLU and Adam's division make differences
# of rounding grow; at 1e-3 they can reach a hundredth within 50 steps.
FLAGS = (
    *TINY,
    "--mask_steps=2",
    "--style_weight=10",
    "--learning_rate=1e-4",
    "--mask_learning_rate=1e-4",
    "--clip_norm=50",
    "--log_every=1",
    "--sample_every=500",
    "--checkpoint_every=500",
)
SECONDS = 300  # for a test that would hang


def both(*flags, second=()):
    """Processes of two workers of one run; second: more flags of the second one."""
    addresses = free_addresses(2)
    return [
        start(index, addresses, [*FLAGS, *flags, *more])
        for index, more in enumerate(((), second))
    ]


def ends(processes):
    """[(exit code, output)] of all, when all have ended."""
    try:
        outputs = [p.communicate(timeout=SECONDS)[0] for p in processes]
    finally:
        for process in processes:
            process.kill()
    return [(p.returncode, output) for p, output in zip(processes, outputs)]


def until_saved(processes, workdir, step):
    """Waits for a checkpoint of the translation stage at this step or a later one."""
    folder = os.path.join(workdir, "translation")
    give_up = time.monotonic() + SECONDS
    while max(checkpoints.steps(folder), default=0) < step:
        ended = [p for p in processes if p.poll() is not None]
        assert not ended, ended[0].stdout.read()
        assert time.monotonic() < give_up, "no progress"
        time.sleep(0.05)


def curve(workdir, stage):
    """{(step, name): value} of the scalars of a run."""
    found = {}
    for path in glob.glob(os.path.join(workdir, "logs", stage, "*")):
        for record in tf.compat.v1.train.summary_iterator(path):
            for value in record.summary.value:
                if value.tag != stage:  # the sample grid's
                    found[record.step, value.tag] = float(tf.make_ndarray(value.tensor))
    return found


def tensors(workdir, step):
    """{name: array} of stage 2's checkpoint of a step, all but the time it took."""
    path = checkpoints.path_of(os.path.join(workdir, "translation"), step)
    reader = tf.train.load_checkpoint(path)
    return {
        name: reader.get_tensor(name)
        for name in reader.get_variable_to_shape_map()
        if not name.startswith(("seconds/", "_CHECKPOINTABLE"))
    }


def assert_same(one, other):
    assert set(one) == set(other)
    for name, value in one.items():
        np.testing.assert_array_equal(value, other[name], err_msg=name)
