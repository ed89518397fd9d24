"""Trains both stages: `python -m egsc_tf.train --flagfile=NAME.flags --workdir=DIR`.

--flagfile=egsc_tf:NAME, here and in every program, is experiments/NAME.flags, which an
installed copy has inside it.

Stage 1 (feature masks) runs where DIR has none yet, then stage 2 (translation). Started
again on the same DIR, the run goes on where its last checkpoint left it. With TF_CONFIG
several processes train one run together (docs/guides/distributed.md).
"""

from egsc_tf.runtime import program  # first: it quiets the start of TensorFlow

# isort: split
from absl import flags

from egsc_tf import config as config_lib
from egsc_tf.distribute.workers import Workers
from egsc_tf.training import run

FLAGS = flags.FLAGS


def main():
    trainer = run.train(
        config_lib.from_flags(),
        FLAGS.workdir,
        override_run=FLAGS.override_run,
        tpu=FLAGS.tpu,
    )
    if Workers(trainer.distribute_strategy).cluster is None:
        # Here, as a start of training has no use for what the page is made with.
        from egsc_tf.reporting import writing

        print(f"written: {writing.write([FLAGS.workdir])}")
    else:  # the others leave now, and TensorFlow takes that for a failure
        print(f"next: python -m egsc_tf.report --workdir={FLAGS.workdir}")


if __name__ == "__main__":
    config_lib.define_flags()
    flags.adopt_module_key_flags(config_lib)  # so that --help lists them
    flags.DEFINE_string("workdir", None, "Folder of the run.", required=True)
    flags.DEFINE_bool(
        "override_run",
        False,
        "Go on with the run in --workdir though flags differ that make it another run.",
    )
    flags.DEFINE_string(
        "tpu", "", "Train on a TPU: 'local' (of this host), or a Cloud TPU's name."
    )
    program.run(main)
