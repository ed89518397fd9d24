"""Trains a small translator from a trained one: `python -m egsc_tf.distill`.

    python -m egsc_tf.distill --workdir=RUN --ngf=16 --output=STUDENT

RUN is the teacher, a trained run. STUDENT becomes a run of its own, which every program
but egsc_tf.train takes. Images, their size and augmentation are the teacher's. Style
codes are the student's own: those of the teacher do not fit it, encode exemplars anew.
Started again with the same --output, it goes on where its last checkpoint left it.
"""

from egsc_tf.runtime import program  # first: it quiets the start of TensorFlow

# isort: split
import dataclasses

from egsc_tf.reporting import of_training
from egsc_tf.run.workdir import TrainedRun
from egsc_tf.runtime import paths
from egsc_tf.runtime.flags import setting
from egsc_tf.training.student import Settings, distill


@dataclasses.dataclass(frozen=True)
class Flags(TrainedRun):
    """The program's own flags."""

    # Written by one of several workers: egsc_tf.training.run looks whether it can be.
    output: str = setting(
        None, "Folder of the student's run.", required=True, path=paths.READ
    )
    override_run: bool = setting(
        False,
        "Go on with the student in --output though flags, or the teacher's checkpoint, "
        "differ from those that it had.",
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


def main(settings, flags):
    trainer = distill(
        flags.workdir,
        flags.output,
        settings,
        override_run=flags.override_run,
        tpu=flags.tpu,
        callbacks=of_training.on_the_way(flags.output, flags.report_minutes),
    )
    of_training.at_the_end(flags.output, trainer)


if __name__ == "__main__":
    program.run(main, Settings, Flags)
