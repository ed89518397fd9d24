"""A run as one page: `python -m egsc_tf.report --workdir=DIR` writes DIR/report.html.

The page needs no network and no other file. egsc_tf.train and egsc_tf.evaluate write it
at their end. `--compare DIR...` puts other runs beside it, in DIR/compare.html.
"""

from egsc_tf.runtime.program import run  # first: it quiets the start of TensorFlow

# isort: split
import os

from absl import flags

from egsc_tf.evaluation import Settings
from egsc_tf.reports import gallery, page, progress, score_table, sections
from egsc_tf.reports.run import Run
from egsc_tf.runtime.files import write_whole

FLAGS = flags.FLAGS
NAME, COMPARISON = "report.html", "compare.html"
SECTIONS = (
    ("run", "What was run", sections.overview),
    ("warnings", "Warnings", sections.warnings),
    ("translations", "Sources and exemplars", gallery.translations),
    ("scores", "Scores", score_table.scores),
    ("failures", "Failures", gallery.failures),
    ("training", "Through training", progress.through_training),
    ("losses", "Losses", progress.losses),
    ("masks", "Feature masks", gallery.masks),
    ("nearest", "Nearest training images", gallery.neighbours),
    ("tsne", "Contents and styles", gallery.tsne),
)


def write(workdirs, path=None, settings=None, results=None):
    """Writes the page of one run, or of several beside each other.

    Args:
      workdirs: of the runs.
      path: of the page; None: report.html or compare.html in the first workdir.
      settings: egsc_tf.evaluation.Settings, for where the data lie now, and the seed.
      results: folder of the results.json of a single run; None: its workdir.

    Returns:
      the path of the page.

    Raises:
      UserError: where a folder holds no run.
    """
    settings = settings or Settings()
    runs = [
        Run(workdir, settings, results, label)
        for workdir, label in zip(workdirs, _labels(workdirs))
    ]
    name = NAME if len(runs) == 1 else COMPARISON
    path = path or os.path.join(workdirs[0], name)
    labels = ", ".join(run.label for run in runs)
    text = page.page(
        labels,
        f"{'A run' if len(runs) == 1 else 'Runs'} of egsc_tf, exemplar guided image "
        "translation",
        [(key, heading, show(runs)) for key, heading, show in SECTIONS],
    )
    write_whole(path, text)
    return path


def _labels(workdirs):
    """The folders' names, with as many of those above as tell them apart."""
    paths = [os.path.abspath(workdir).split(os.sep) for workdir in workdirs]
    different = len(set(map(tuple, paths)))
    for count in range(1, max(map(len, paths)) + 1):
        labels = ["/".join(path[-count:]) for path in paths]
        if len(set(labels)) == different:
            break
    return labels


def main(more):
    workdirs = [FLAGS.workdir, *FLAGS.compare, *more]
    settings = Settings(data_dir=FLAGS.data_dir, manual_dir=FLAGS.manual_dir)
    print(f"written: {write(workdirs, FLAGS.output or None, settings)}")


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
