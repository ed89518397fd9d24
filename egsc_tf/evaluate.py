"""Scores a digits run: `python -m egsc_tf.evaluate --workdir=DIR`.

Translates the test split in both directions, each digit in each look of its own domain
with an exemplar of each look of the other, and writes DIR/results.json and the pictures
DIR/grid_a2b.png and DIR/grid_b2a.png. Exemplars show random test digits.
"""

from egsc_tf.program import run  # first: it quiets the start of TensorFlow

# isort: split
import collections
import dataclasses
import functools
import json
import os

import numpy as np
import tensorflow as tf
from absl import flags, logging
from tqdm import tqdm

from egsc_tf import callbacks, restore
from egsc_tf import config as config_lib
from egsc_tf import workdir as workdir_lib
from egsc_tf.data import images
from egsc_tf.data.source import open_source
from egsc_tf.domains import DIRECTIONS, split
from egsc_tf.errors import UserError
from egsc_tf.metrics import digit_classifier
from egsc_tf.metrics import scores_of_digits as scores
from egsc_tf.whole_file import whole_file

FLAGS = flags.FLAGS
BATCH = 64
GRID_ROWS = 10
GRID_SCALE = 2


def evaluate(workdir, max_images=0, seed=0):
    """Scores the run of a folder; writes and returns the results.

    Args:
      workdir: of egsc_tf.train, dataset digits_single.
      max_images: how many test digits to translate; 0 is all of them.
      seed: of the choice of exemplars and of the judging classifiers.

    Returns:
      {"content_accuracy_a2b", "style_accuracy_a2b", "ssim_a2b", "l1_a2b", the same for
      b2a, "train_seconds", ...}.

    Raises:
      UserError: where the folder holds no trained run, or one of another data set.
    """
    config = config_lib.load(workdir)
    if config.dataset != "digits_single":
        raise UserError(
            f"--workdir={workdir}: expected a run of digits_single, whose right "
            f"answers are known; found {config.dataset}"
        )
    translator = restore.load(workdir)
    tf.config.experimental.enable_op_determinism()
    # The judge learns from all looks, also where the run was shown only some.
    judged_on = dataclasses.replace(config, unseen_pairs=False)
    train, test = (open_source(judged_on, part) for part in ("train", "test"))
    step = workdir_lib.latest_step(workdir, workdir_lib.TRANSLATION)
    if step < config.total_steps:
        logging.warning("the run is at step %d of %d", step, config.total_steps)
    count = min(max_images or test.size("a"), test.size("a"))
    stages = (workdir_lib.FEATURE_MASKS, workdir_lib.TRANSLATION)
    results = {
        "train_seconds": sum(workdir_lib.seconds(workdir, s) for s in stages),
        "steps": step,
        "polarity": config.polarity,
        "digits": config.digits,
        "test_digits": count,
        "seed": seed,
    }
    for direction in DIRECTIONS:
        found, sheet = _score_direction(translator, train, test, direction, count, seed)
        results.update({f"{name}_{direction}": value for name, value in found.items()})
        sheet = np.kron(sheet, np.ones((GRID_SCALE, GRID_SCALE, 1)))
        images.write_png(os.path.join(workdir, f"grid_{direction}.png"), sheet)
    path = os.path.join(workdir, "results.json")
    with whole_file(path) as part, open(part, "w", encoding="utf-8") as file:
        json.dump(results, file, indent=2, sort_keys=True)
    return results


def _score_direction(translator, train, test, direction, count, seed):
    """({name: score}, the contact sheet) of one direction."""
    own, other = split(direction)
    judge = digit_classifier.train(train, other, seed)
    random = np.random.RandomState(seed)
    jobs = [
        (i, own_look, random.randint(test.size(other)), look)
        for i in range(count)
        for own_look in scores.looks(test, own)
        for look in scores.looks(test, other)
    ]
    paint = functools.lru_cache(maxsize=None)(
        lambda i, domain, look: test.paint(test.mask(i), domain, look).numpy()
    )

    digit_masks = np.stack([test.mask(i) for i in range(count)])
    digit_labels = test.labels.numpy()
    found = collections.defaultdict(list)
    for first in tqdm(range(0, len(jobs), BATCH), desc=direction, unit="batch"):
        some = jobs[first : first + BATCH]
        content = np.stack([paint(i, own, own_look) for i, own_look, _, _ in some])
        exemplar = np.stack([paint(e, other, look) for _, _, e, look in some])
        right = np.stack([paint(i, other, look) for i, _, _, look in some])
        digits = [i for i, _, _, _ in some]
        masks, labels = digit_masks[digits], digit_labels[digits]
        out = translator.translate(content, exemplar, direction).numpy()
        found["ssim"] += list(scores.ssim(out, right))
        found["l1"] += list(scores.l1(out, right))
        found["style_accuracy"] += list(
            scores.styles_right(out, masks, test, other, [job[3] for job in some])
        )
        found["content_accuracy"] += list(digit_classifier.reads(judge, out, labels))
        found["judge_accuracy"] += list(digit_classifier.reads(judge, right, labels))
    for look in scores.looks(test, other):
        found[f"style_accuracy_{look}"] = [
            right for right, job in zip(found["style_accuracy"], jobs) if job[3] == look
        ]
    means = {name: float(np.mean(values)) for name, values in found.items()}
    return means, _sheet(translator, test, direction, random, paint)


def _sheet(translator, test, direction, random, paint):
    """One source of each class down, an exemplar of each look across."""
    own, other = split(direction)
    own_looks = scores.looks(test, own)
    first_of = [int(np.argmax(test.labels.numpy() == c)) for c in range(GRID_ROWS)]
    content = np.stack(
        [paint(i, own, own_looks[c % len(own_looks)]) for c, i in enumerate(first_of)]
    )
    exemplars = np.stack(
        [
            paint(random.randint(test.size(other)), other, look)
            for look in scores.looks(test, other)
        ]
    )
    columns = [translator.translate(content, e[None], direction) for e in exemplars]
    return callbacks.contact_sheet(content, exemplars, columns)


def main():
    results = evaluate(FLAGS.workdir, FLAGS.max_images, FLAGS.seed)
    for name, value in sorted(results.items()):
        print(
            f"{name:24} {value:.4f}"
            if isinstance(value, float)
            else f"{name:24} {value}"
        )
    print(f"pictures: {os.path.join(FLAGS.workdir, 'grid_a2b.png')} and grid_b2a.png")


if __name__ == "__main__":
    flags.DEFINE_string("workdir", None, "Folder of a trained run.", required=True)
    flags.DEFINE_integer("max_images", 0, "Test digits to use; 0: all.", 0)
    flags.DEFINE_integer("seed", 0, "Of the exemplars and the judges.", 0)
    run(main)
