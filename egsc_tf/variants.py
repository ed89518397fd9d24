"""Trains and scores variants of a preset under the same schedule, and makes the table:

    python -m egsc_tf.variants --flagfile=egsc_tf:demo --workdir=DIR \
        --variants=egsc_it,unit,munit,no_masks --seeds=0,1,2

Or presets with some flags changed, one variant for each --change:

    python -m egsc_tf.variants --flagfile=egsc_tf:demo --workdir=DIR --seeds=0,1 \
        --variants=egsc_it --change="--batch_size=1 --total_steps=900" \
        --change=--nouse_masks

Each run has its own folder, DIR/VARIANT_seedN. Started again, finished runs are only
scored, and the interrupted one goes on. Writes DIR/variants.json and DIR/variants.md.
SIGTERM and Ctrl-C stop the run that is training, which saves, and the command with it.
"""

from egsc_tf.runtime.program import run  # first: it quiets the start of TensorFlow

# isort: split
import dataclasses
import json
import os
import re
import shlex
import sys

import numpy as np
from absl import flags as absl_flags
from absl import logging

from egsc_tf.config import Config, of_flags
from egsc_tf.data.source import check as check_data
from egsc_tf.domains import DIRECTIONS
from egsc_tf.errors import Interrupted, UserError
from egsc_tf.evaluation import registry
from egsc_tf.evaluation.settings import Settings
from egsc_tf.models import vgg
from egsc_tf.runtime import paths
from egsc_tf.runtime.files import write_whole
from egsc_tf.runtime.flags import (
    Given,
    Use,
    require_used,
    setting,
    settings_of,
    shown,
)
from egsc_tf.runtime.signals import run_process

# The results that a metric gives, where they are not one of its own name.
COLUMNS = {
    "perceptual": ("content_distance", "style_distance"),
    "transfer": ("transfer_accuracy",),
    "tsne": (),
}
NO_PERCEPTUAL = {"style_weight": 0.0, "content_weight": 0.0}
NO_ADAIN = {"use_adain": False, "style_code": "features"}  # a code that nothing uses
VARIANTS = {
    "egsc_it": {},
    "unit": {"use_masks": False, **NO_ADAIN, **NO_PERCEPTUAL},
    "munit": {"use_masks": False, "style_code": "encoder", **NO_PERCEPTUAL},
    "no_masks": {"use_masks": False},
    "no_adain": NO_ADAIN,
    "no_perceptual": NO_PERCEPTUAL,
}
USES = {"seed": Use((), "--seeds in its place", lambda: False)}


@dataclasses.dataclass(frozen=True)
class Flags:
    """The program's own flags."""

    workdir: str = setting(
        None, "Folder of the runs.", required=True, path=paths.FOLDER
    )
    variants: tuple[str, ...] = setting(
        tuple(VARIANTS), f"Some of {', '.join(VARIANTS)}."
    )
    change: tuple[str, ...] = setting(
        (),
        "Flags of training, as one text: a variant of egsc_it with these. May be given "
        "several times.",
        repeated=True,
    )
    seeds: tuple[int, ...] = setting((0,), "Seeds; --seed is not used.")
    max_images: int = setting(0, "Test images to score; 0: all.", least=0)
    metrics: tuple[str, ...] = setting((), "Of the table, as of egsc_tf.evaluate.")


def changed(base, text):
    """The Config `base` with the flags of a text, as --change has them.

    Raises:
      UserError: naming the text, for what are no flags of training, or have no effect.
    """
    try:
        more = shlex.split(text)
        if not more:
            raise UserError("found nothing")
        before = [shown(f.name, getattr(base, f.name)) for f in settings_of(base)]
        config = of_flags([*before, *more])
        given = Given.of(more, more)
        if "seed" in given.all:
            raise UserError("found --seed, and --seeds is in its place")
        require_used([config], given)
    except (absl_flags.Error, ValueError, UserError) as error:
        raise UserError(
            f"--change={text}: expected flags of training: {error}"
        ) from error
    return config


def train_and_score(config, workdir, more_flags=()):
    """Trains config in workdir and scores it, each in a process of its own.

    Args:
      config: Config; workdir: a new folder, or one that holds this very run.
      more_flags: of egsc_tf.evaluate.

    Returns:
      What egsc_tf.evaluate wrote to results.json.

    Raises:
      UserError: where a process fails, naming it.
      Interrupted: where a signal ended it.
    """
    # Not the workdir's own run.flags: egsc_tf.train compares these with them.
    preset = workdir + ".flags"
    config.save_as(preset)
    for program, arguments in (
        ("train", [f"--flagfile={preset}"]),
        ("evaluate", list(more_flags)),
    ):
        command = [sys.executable, "-m", f"egsc_tf.{program}", f"--workdir={workdir}"]
        code, came = run_process([*command, *arguments])
        ended = f"{workdir}: egsc_tf.{program} ended with code {code}, see above"
        if came:
            raise Interrupted(f"{came}: {ended}; the same command goes on from there")
        if code:
            raise UserError(ended)
    with open(os.path.join(workdir, "results.json"), encoding="utf-8") as file:
        return json.load(file)


def summarise(results, names):
    """{variant: {score: (mean, standard deviation of the sample)}} over seeds.

    Args:
      results: {variant: [results.json of a seed, ...]}; names: the scores.
    """
    return {
        variant: {
            name: (
                float(np.mean([one[name] for one in seeds])),
                float(np.std([one[name] for one in seeds], ddof=len(seeds) > 1)),
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


def caveats(results):
    """What to keep in mind about the scores of any run, each line once."""
    lines = [
        line for seeds in results.values() for one in seeds for line in one["caveats"]
    ]
    return list(dict.fromkeys(lines))


def default_columns(metrics):
    """The scores of the table that these metrics give, without the direction."""
    return [column for name in metrics for column in COLUMNS.get(name, (name,))]


def _folder_of(name):
    """A variant's name as a part of a folder's."""
    return re.sub(r"[^\w.,=]+", "_", name).strip("_")


def _choices(flag, values, allowed=None):
    """A flag's list, checked. Raises UserError."""
    if not values or len(set(values)) < len(values):
        listed = ",".join(map(str, values)) or "none"
        raise UserError(f"--{flag}: expected different values, found {listed}")
    for value in values:
        if allowed and value not in allowed:
            raise UserError(
                f"--{flag}: expected some of {', '.join(allowed)}; found {value!r}"
            )
    return values


def _check_files(config, metrics):
    """Raises UserError where what a run and its scores read is not there."""
    registry.check_files(
        registry.choose(metrics, config, Settings()), config, Settings()
    )
    check_data(config, "train")
    if vgg.is_needed(config):
        vgg.check(config.perceptual_network)


def main(base, flags):
    names = _choices("variants", flags.variants, VARIANTS)
    seeds = _choices("seeds", flags.seeds)
    # All of them now: a bad one is to be known before the first has trained.
    configs = {name: dataclasses.replace(base, **VARIANTS[name]) for name in names}
    for text in _choices("change", flags.change) if flags.change else ():
        configs[text] = changed(base, text)
    runs = {
        (seed, name): dataclasses.replace(config, seed=seed)
        for seed in seeds
        for name, config in configs.items()
    }
    metrics = registry.choose(flags.metrics, base, Settings())
    for name, config in configs.items():
        try:
            _check_files(config, metrics)
        except UserError as error:
            raise UserError(f"variant {name}: {error}") from error
    evaluation = [f"--max_images={flags.max_images}", f"--metrics={','.join(metrics)}"]
    scores = [f"{c}_{d}" for d in DIRECTIONS for c in default_columns(metrics)]
    scores.append("train_seconds")
    results, failed = {}, []
    for (seed, name), config in runs.items():
        folder = os.path.join(flags.workdir, f"{_folder_of(name)}_seed{seed}")
        logging.info("variant %s, seed %d: %s", name, seed, folder)
        try:
            found = train_and_score(config, folder, evaluation)
        except UserError as error:  # the others are still worth having
            logging.error("%s", error)
            failed.append(f"{name}, seed {seed}")
            continue
        results.setdefault(name, []).append(found)
        text = json.dumps(results, indent=2, sort_keys=True)
        write_whole(os.path.join(flags.workdir, "variants.json"), text)
    if results:
        table = to_markdown(summarise(results, scores), len(seeds))
        for line in caveats(results):
            table += f"\n{line}\n"
        table += "".join(f"\nFailed: {one}.\n" for one in failed)
        write_whole(os.path.join(flags.workdir, "variants.md"), table)
        print(table)
    if failed:
        raise UserError(f"--workdir={flags.workdir}: failed: {'; '.join(failed)}")


if __name__ == "__main__":
    run(main, Config, Flags, uses=USES)
