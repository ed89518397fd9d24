"""The page of a run that trains now: on the way, and at its end.

What the page is made with is imported when it is written: a start of training has no
use for it.
"""

from egsc_tf.distribute.workers import Workers
from egsc_tf.training.callbacks import Page


def on_the_way(workdir, minutes):
    """The callbacks that write a page each `minutes`; none for 0."""

    def write():
        from egsc_tf.reporting import writing

        return writing.write_early(workdir)

    return [Page(write, minutes)] if minutes else []


def at_the_end(workdir, trainer):
    """Writes the page of a run, and prints where; with several workers, how to."""
    if Workers(trainer.distribute_strategy).cluster is None:
        from egsc_tf.reporting import writing

        print(f"written: {writing.write([workdir])}")
    else:  # the others leave now, and TensorFlow takes that for a failure
        print(f"next: python -m egsc_tf.report --workdir={workdir}")
