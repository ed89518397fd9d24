"""The processes that train one run together, seen from one of them.

With one process all of it is trivial. With several (MultiWorkerMirroredStrategy) each
method that says "all workers" must be called by all of them, in the same order: it is a
collective operation.
"""

import contextlib
import json
import re

import tensorflow as tf

from egsc_tf.distribute import rendezvous, tf_config
from egsc_tf.errors import LostWorker, UserError

# How TensorFlow begins to say that a collective operation found its peers gone: they
# closed the connection, or missed their heartbeats for 10 s.
ABORTED = "Collective ops is aborted by: "


class Workers:
    """The workers of a strategy.

    Attributes:
      is_chief: whether this process is the one that writes.
    """

    def __init__(self, strategy):
        self.strategy = strategy
        several = isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy)
        self.cluster = tf_config.from_environment() if several else None
        self.is_chief = self.cluster is None or self.cluster.is_chief

    def any(self, flag):
        """All workers: whether the flag of any of them is true. Waits for all."""
        if self.cluster is None:
            return flag
        total = self.strategy.reduce("SUM", tf.constant(float(flag)), axis=None)
        return bool(total > 0.0)

    def require_same(self, facts):
        """All workers: UserError on each of them where facts differ.

        facts: () -> {name: JSON value}; see `egsc_tf.distribute.rendezvous`. Not called
        where there is one process.
        """
        if self.cluster is None:
            return
        line = json.dumps([self.cluster.index, facts()]) + "\n"
        # Floats, as a collective of NCCL takes them as well.
        sent = tf.constant(list(line.encode()), tf.float32)
        gathered = self.strategy.gather(sent, axis=0)
        lines = bytes(gathered.numpy().astype("uint8")).decode().splitlines()
        problem = rendezvous.difference(self.cluster, dict(map(json.loads, lines)))
        if problem:
            raise UserError(problem)

    def finish(self):
        """All workers, at the end: waits until all are done with what they wrote."""
        self.any(False)
        # Whoever is first out of that may be gone before the others are.
        with contextlib.suppress(tf.errors.OpError):
            self.any(False)

    @contextlib.contextmanager
    def lost(self):
        """Within it, the errors that a lost worker causes are LostWorker."""
        try:
            yield
        except tf.errors.OpError as error:
            if self.cluster is None or ABORTED not in error.message:
                raise
            raise LostWorker(self._told(error.message)) from error

    def _told(self, message):
        reason = message.partition(ABORTED)[2]
        task = re.search(r"/job:(\w+)(?:/replica:\d+)?/task:(\d+)", reason)
        who = f"{task.group(1)} {task.group(2)}" if task else "another one"
        return (
            f"lost a worker of TF_CONFIG, {who}, so this one ends too "
            f"({reason.splitlines()[0].strip()}). Its own log says why; start all "
            "workers again to go on from the last checkpoint"
        )
