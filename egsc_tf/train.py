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
from egsc_tf.reporting import of_training
from egsc_tf.runtime import paths
from egsc_tf.runtime.flags import setting
from egsc_tf.training import run


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
    trainer = run.train(
        config,
        flags.workdir,
        override_run=flags.override_run,
        tpu=flags.tpu,
        callbacks=of_training.on_the_way(flags.workdir, flags.report_minutes),
    )
    of_training.at_the_end(flags.workdir, trainer)


if __name__ == "__main__":
    program.run(main, Config, Flags)
