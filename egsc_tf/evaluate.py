"""Scores a run on its test split: `python -m egsc_tf.evaluate --workdir=DIR`.

Writes DIR/results.json, with every setting that a number depends on, and pictures; of
digits, whose right answers are known, DIR/grid_a2b.png and DIR/grid_b2a.png.
"""

from egsc_tf.runtime.program import run  # first: it quiets the start of TensorFlow

# isort: split
import dataclasses
import os

from absl import flags

from egsc_tf.evaluation import registry, scoring
from egsc_tf.evaluation.settings import RESULTS, Settings
from egsc_tf.reporting import writing

FLAGS = flags.FLAGS


def main():
    settings = Settings(
        **{f.name: getattr(FLAGS, f.name) for f in dataclasses.fields(Settings)}
    )
    results = scoring.evaluate(FLAGS.workdir, settings, FLAGS.output or None)
    for name, value in sorted(results.items()):
        if isinstance(value, (dict, list)):
            continue  # in the file
        shown = f"{value:.4f}" if isinstance(value, float) else value
        print(f"{name:32} {shown}")
    output = FLAGS.output or FLAGS.workdir
    print(f"written: {os.path.join(output, RESULTS)}")
    page = os.path.join(output, writing.NAME)
    print(f"written: {writing.write([FLAGS.workdir], page, settings, output)}")


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
        f"Some of {', '.join(registry.METRICS)}; empty: what fits and needs no file.",
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
