"""Scores a run on its test split: `python -m egsc_tf.evaluate --workdir=DIR`.

Writes DIR/results.json, with every setting that a number depends on, and pictures; of
digits, whose right answers are known, DIR/grid_a2b.png and DIR/grid_b2a.png.
"""

from egsc_tf.runtime.program import run  # first: it quiets the start of TensorFlow

# isort: split
import dataclasses
import json
import os

import tensorflow as tf
from absl import flags, logging

from egsc_tf import config as config_lib
from egsc_tf import evaluators, report
from egsc_tf.bench import Bench
from egsc_tf.domains import DIRECTIONS, DOMAINS
from egsc_tf.errors import UserError
from egsc_tf.evaluation import RESULTS, Settings
from egsc_tf.run import restore
from egsc_tf.run import workdir as workdir_lib
from egsc_tf.runtime import machine
from egsc_tf.runtime.files import write_whole

FLAGS = flags.FLAGS


def evaluate(workdir, settings=None, output=None):
    """Scores the run of a folder; writes and returns the results.

    Args:
      workdir: of egsc_tf.train or egsc_tf.import_official.
      settings: Settings.
      output: folder of results.json and the pictures; None: the workdir.

    Returns:
      {"content_accuracy_a2b", ..., the same for b2a, "train_seconds", settings}.

    Raises:
      UserError: where the folder holds no trained run, a metric is unknown or does not
        fit the data set, or a file that it needs cannot be used.
    """
    settings = settings or Settings()
    config = config_lib.load(workdir)
    config = settings.moved(config)
    names = evaluators.choose(settings.metrics, config, settings)
    tf.keras.utils.set_random_seed(settings.seed)  # --test_noise keeps noise on
    tf.config.experimental.enable_op_determinism()
    translator = restore.load(workdir)
    if translator.steps < config.total_steps:
        logging.warning(
            "the run is at step %d of %d", translator.steps, config.total_steps
        )
    output = output or workdir
    bench = Bench(translator, config, settings, output)
    results = {
        "settings": {**dataclasses.asdict(settings), "metrics": list(names)},
        "run": dataclasses.asdict(config),
        "train_seconds": _train_seconds(workdir, translator.path),
        "steps": translator.steps,
        "test_images": {domain: bench.count(domain) for domain in DOMAINS},
        "constants": evaluators.CONSTANTS,
        "machine": machine.describe(1),
    }
    for evaluator in evaluators.of(names):
        for direction in DIRECTIONS:
            found = evaluator(bench, direction, names)
            results.update({f"{k}_{direction}": value for k, value in found.items()})
    bench.finish()
    results.update(bench.notes)
    path = os.path.join(output, RESULTS)
    text = json.dumps(results, indent=2, sort_keys=True, allow_nan=False)
    write_whole(path, text)
    return results


def _train_seconds(workdir, path):
    try:
        return workdir_lib.seconds(workdir, path)
    except UserError as error:  # of stage 1, of which nothing else is needed
        logging.warning("train_seconds is left out: %s", error)
        return None


def main():
    settings = Settings(
        **{f.name: getattr(FLAGS, f.name) for f in dataclasses.fields(Settings)}
    )
    results = evaluate(FLAGS.workdir, settings, FLAGS.output or None)
    for name, value in sorted(results.items()):
        if isinstance(value, (dict, list)):
            continue  # in the file
        shown = f"{value:.4f}" if isinstance(value, float) else value
        print(f"{name:32} {shown}")
    output = FLAGS.output or FLAGS.workdir
    print(f"written: {os.path.join(output, RESULTS)}")
    page = os.path.join(output, report.NAME)
    print(f"written: {report.write([FLAGS.workdir], page, settings, output)}")


if __name__ == "__main__":
    flags.DEFINE_string("workdir", None, "Folder of a trained run.", required=True)
    flags.DEFINE_string("output", "", "Folder of the results; empty: the workdir.")
    flags.DEFINE_string(
        "data_dir", "", "Where the data lie now; empty: as in training."
    )
    flags.DEFINE_string("manual_dir", "", "As of egsc_tf.train; empty: as in training.")
    flags.DEFINE_list(
        "metrics",
        [],
        f"Some of {', '.join(evaluators.METRICS)}; empty: what fits and needs no file.",
    )
    flags.DEFINE_integer("max_images", 0, "Test images to use; 0: all.", 0)
    flags.DEFINE_integer("seed", 0, "Of exemplars, judges, subsets.", 0, 2**32 - 1)
    flags.DEFINE_string(
        "extractor",
        "",
        "Features of FID and KID: inception, an Inception-v3 .h5 file, perceptual, "
        "digits; empty: digits for digits, else perceptual.",
    )
    flags.DEFINE_string(
        "perceptual_network", "", "Of perceptual distances; empty: the run's own."
    )
    flags.DEFINE_string("segmentation_model", "", "A segmentation SavedModel.")
    flags.DEFINE_string("label_dir", "", "Folder with label maps in testA, testB.")
    flags.DEFINE_integer("segmentation_classes", 19, "19 train ids or 8 categories.", 1)
    flags.DEFINE_integer("ignore_label", 255, "Label that counts nowhere.", 0, 255)
    run(main)
