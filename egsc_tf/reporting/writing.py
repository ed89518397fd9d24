"""The page of runs: its sections, in order, and where it is written."""

import os

from egsc_tf.evaluation.finished_run import Run
from egsc_tf.evaluation.settings import Settings
from egsc_tf.reporting import gallery, progress, score_table, sections
from egsc_tf.reporting.page import render
from egsc_tf.runtime import paths
from egsc_tf.runtime.files import write_whole

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

# Those that take no translating: soon written, also beside a run that trains.
EARLY = ("run", "warnings", "training", "losses")
STILL_TRAINS = (
    "A run of egsc_tf that still trains: translations and scores come at its end"
)


def write_early(workdir):
    """Writes the page of a run that still trains, without what takes its networks.

    A whole page, of a run that goes on, stays until there is a new one.

    Returns:
      the path of the page.
    """
    chosen = [section for section in SECTIONS if section[0] in EARLY]
    path = os.path.join(workdir, NAME)
    if os.path.isfile(path):
        with open(path, encoding="utf-8", errors="replace") as file:
            if STILL_TRAINS not in file.read():
                return path
    return _write([Run(workdir, Settings())], path, STILL_TRAINS, chosen)


def write(workdirs, path=None, settings=None, results=None):
    """Writes the page of one run, or of several beside each other.

    Args:
      workdirs: of the runs.
      path: of the page; None: report.html or compare.html in the first workdir.
      settings: egsc_tf.evaluation.settings.Settings: where the data lie now, seed.
      results: folder of the results.json of a single run; None: its workdir.

    Returns:
      the path of the page.

    Raises:
      UserError: where a folder holds no run, or the page cannot be written.
    """
    settings = settings or Settings()
    name = NAME if len(workdirs) == 1 else COMPARISON
    path = path or os.path.join(workdirs[0], name)
    paths.require_writable(path, path, paths.FILE)
    runs = [
        Run(workdir, settings, results, label)
        for workdir, label in zip(workdirs, labels_of(workdirs))
    ]
    subtitle = (
        f"{'A run' if len(runs) == 1 else 'Runs'} of egsc_tf, exemplar guided image "
        "translation"
    )
    return _write(runs, path, subtitle, SECTIONS)


def _write(runs, path, subtitle, chosen):
    text = render(
        "page.html",
        title=", ".join(run.label for run in runs),
        subtitle=subtitle,
        sections=[(key, heading, show(runs)) for key, heading, show in chosen],
    )
    write_whole(path, text)
    return path


def labels_of(workdirs):
    """The folders' names, with as many of those above as tell them apart."""
    parts = [os.path.abspath(workdir).split(os.sep) for workdir in workdirs]
    different = len(set(map(tuple, parts)))
    for count in range(1, max(map(len, parts)) + 1):
        labels = ["/".join(part[-count:]) for part in parts]
        if len(set(labels)) == different:
            break
    return labels
