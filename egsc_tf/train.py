"""Trains both stages: `python -m egsc_tf.train --flagfile=NAME.flags --workdir=DIR`.

--flagfile=egsc_tf:NAME, here and in every program, is a flagfile of egsc_tf itself, as
egsc_tf:demo is.

Stage 1 (feature masks) runs where DIR has none yet, then stage 2 (translation). Started
again on the same DIR, the run goes on where its last checkpoint left it. With TF_CONFIG
several processes train one run together (documentation: Several hosts).
"""

from egsc_tf.runtime import program  # first: it quiets the start of TensorFlow

# isort: split
import dataclasses

from egsc_tf.config import Config
from egsc_tf.distribute.workers import Workers
from egsc_tf.runtime import paths
from egsc_tf.runtime.flags import setting
from egsc_tf.training import run
from egsc_tf.training.callbacks import Page


@dataclasses.dataclass(frozen=True)
class Flags:
    """The program's own flags."""

    # Written by one of several workers: egsc_tf.training.run looks whether it can be.
    workdir: str = setting(None, "Folder of the run.", required=True, path=paths.READ)
    override_run: bool = setting(
        False,
        "Go on with the run in --workdir though flags differ that make it another run.",
    )
    tpu: str = setting(
        "", "Train on a TPU: 'local' (of this host), or a Cloud TPU's name."
    )
    report_minutes: float = setting(
        10.0,
        "Minutes between two writings of report.html while it trains; 0: it is written "
        "at the end only.",
        least=0.0,
    )


def main(config, flags):
    def write():
        # Here, as a start of training has no use for what the page is made with.
        from egsc_tf.reporting import writing

        return writing.write_early(flags.workdir)

    page = [Page(write, flags.report_minutes)] if flags.report_minutes else []
    trainer = run.train(
        config,
        flags.workdir,
        override_run=flags.override_run,
        tpu=flags.tpu,
        callbacks=page,
    )
    if Workers(trainer.distribute_strategy).cluster is None:
        from egsc_tf.reporting import writing

        print(f"written: {writing.write([flags.workdir])}")
    else:  # the others leave now, and TensorFlow takes that for a failure
        print(f"next: python -m egsc_tf.report --workdir={flags.workdir}")


if __name__ == "__main__":
    program.run(main, Config, Flags)
