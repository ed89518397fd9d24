"""Trains and scores variants of a preset under the same schedule, and makes the table:

    python -m egsc_tf.variants --flagfile=experiments/demo.flags --workdir=DIR \
        --variants=egsc_it,unit,munit,no_masks --seeds=0,1,2

Each run has its own folder, DIR/VARIANT_seedN. Started again, finished runs are kept
and the interrupted one goes on. Writes DIR/variants.json and DIR/variants.md.
"""

from egsc_tf.program import run  # first: it quiets the start of TensorFlow

# isort: split
import dataclasses
import json
import os
import subprocess
import sys

import numpy as np
from absl import flags, logging

from egsc_tf import config as config_lib
from egsc_tf.domains import DIRECTIONS
from egsc_tf.errors import UserError
from egsc_tf.whole_file import whole_file

FLAGS = flags.FLAGS
NO_PERCEPTUAL = {"style_weight": 0.0, "content_weight": 0.0}
VARIANTS = {
    "egsc_it": {},
    "unit": {"use_masks": False, "use_adain": False, **NO_PERCEPTUAL},
    "munit": {"use_masks": False, "style_code": "encoder", **NO_PERCEPTUAL},
    "no_masks": {"use_masks": False},
    "no_adain": {"use_adain": False},
    "no_perceptual": NO_PERCEPTUAL,
}


def train_and_score(config, workdir, more_flags=()):
    """Trains config in workdir and scores it, each in a process of its own.

    Args:
      config: Config; workdir: a new folder, or one that holds this very run.
      more_flags: of egsc_tf.evaluate.

    Returns:
      What egsc_tf.evaluate wrote to results.json.

    Raises:
      UserError: where a process fails, naming it.
    """
    if not os.path.exists(os.path.join(workdir, config_lib.RUN_FLAGS)):
        os.makedirs(workdir, exist_ok=True)
        config.save(workdir)
    preset = os.path.join(workdir, config_lib.RUN_FLAGS)
    for program, arguments in (
        ("train", [f"--flagfile={preset}"]),
        ("evaluate", list(more_flags)),
    ):
        command = [sys.executable, "-m", f"egsc_tf.{program}", f"--workdir={workdir}"]
        done = subprocess.run([*command, *arguments], check=False)
        if done.returncode:
            raise UserError(
                f"{workdir}: egsc_tf.{program} ended with code {done.returncode}, see "
                "above"
            )
    with open(os.path.join(workdir, "results.json"), encoding="utf-8") as file:
        return json.load(file)


def summarise(results, names):
    """{variant: {score: (mean, standard deviation over seeds)}}.

    Args:
      results: {variant: [results.json of a seed, ...]}; names: the scores.
    """
    return {
        variant: {
            name: (
                float(np.mean([one[name] for one in seeds])),
                float(np.std([one[name] for one in seeds])),
            )
            for name in names
        }
        for variant, seeds in results.items()
    }


def to_markdown(summary, count):
    """The table of `summarise`; count: how many seeds."""
    names = list(next(iter(summary.values())))
    rows = [["variant", *names], ["---"] * (1 + len(names))]
    for variant, found in summary.items():
        cells = [f"{mean:.3f} ± {deviation:.3f}" for mean, deviation in found.values()]
        rows.append([variant, *cells])
    table = "\n".join(f"| {' | '.join(row)} |" for row in rows)
    return f"Mean ± standard deviation of {count} seed(s).\n\n{table}\n"


def main():
    base = config_lib.from_flags()
    for name in FLAGS.variants:
        if name not in VARIANTS:
            raise UserError(
                f"--variants: expected some of {', '.join(VARIANTS)}; found {name!r}"
            )
    try:
        seeds = [int(seed) for seed in FLAGS.seeds]
    except ValueError as error:
        raise UserError(f"--seeds: expected integers, found {FLAGS.seeds}") from error
    evaluation = [f"--max_images={FLAGS.max_images}"]
    if FLAGS.metrics:
        evaluation.append(f"--metrics={','.join(FLAGS.metrics)}")
    results = {}
    for seed in seeds:
        for name in FLAGS.variants:
            folder = os.path.join(FLAGS.workdir, f"{name}_seed{seed}")
            logging.info("variant %s, seed %d: %s", name, seed, folder)
            config = dataclasses.replace(base, seed=seed, **VARIANTS[name])
            found = train_and_score(config, folder, evaluation)
            results.setdefault(name, []).append(found)
    scores = [
        f"{score}_{direction}" for direction in DIRECTIONS for score in FLAGS.columns
    ]
    missing = set(scores) - set(next(iter(results.values()))[0])
    if missing:
        raise UserError(f"--columns: found no {sorted(missing)} among the results")
    summary = summarise(results, scores)
    table = to_markdown(summary, len(seeds))
    for name, text in (
        ("variants.md", table),
        ("variants.json", json.dumps(results, indent=2, sort_keys=True)),
    ):
        path = os.path.join(FLAGS.workdir, name)
        with whole_file(path) as part, open(part, "w", encoding="utf-8") as file:
            file.write(text)
    print(table)


if __name__ == "__main__":
    config_lib.define_flags()
    flags.DEFINE_string("workdir", None, "Folder of the runs.", required=True)
    flags.DEFINE_list("variants", list(VARIANTS), f"Some of {', '.join(VARIANTS)}.")
    flags.DEFINE_list("seeds", ["0"], "Seeds; --seed is not used.")
    flags.DEFINE_integer("max_images", 0, "Test images to score; 0: all.", 0)
    flags.DEFINE_list("metrics", [], "As of egsc_tf.evaluate.")
    flags.DEFINE_list(
        "columns",
        ["content_accuracy", "style_accuracy", "ssim", "l1"],
        "Scores of the table, each in both directions.",
    )
    run(main)
