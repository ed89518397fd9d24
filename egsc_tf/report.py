"""A run as one page: `python -m egsc_tf.report --workdir=DIR` writes DIR/report.html.

The page needs no network and no other file. egsc_tf.train and egsc_tf.evaluate write it
at their end. `--compare DIR...` puts other runs beside it, in DIR/compare.html.
"""

from egsc_tf.runtime.program import run  # first: it quiets the start of TensorFlow

# isort: split

from absl import flags

from egsc_tf.evaluation.settings import Settings
from egsc_tf.reporting import writing

FLAGS = flags.FLAGS


def main(more):
    workdirs = [FLAGS.workdir, *FLAGS.compare, *more]
    settings = Settings(data_dir=FLAGS.data_dir, manual_dir=FLAGS.manual_dir)
    print(f"written: {writing.write(workdirs, FLAGS.output or None, settings)}")


if __name__ == "__main__":
    flags.DEFINE_string("workdir", None, "Folder of a run.", required=True)
    flags.DEFINE_list("compare", [], "Folders of other runs to put beside it.")
    flags.DEFINE_string(
        "output", "", "The page; empty: report.html or compare.html in --workdir."
    )
    flags.DEFINE_string(
        "data_dir", "", "Where the data lie now; empty: as in training."
    )
    flags.DEFINE_string("manual_dir", "", "As of egsc_tf.train; empty: as in training.")
    run(main, with_rest=True)
