"""Scores translations by any method of the pairs that write_pairs.py wrote:

    python experiments/compare/score.py --pairs=PAIRS --translations=munit,cut \
        --output=scores

A folder holds a2b/00000.png, ..., named like the sources, and b2a likewise. Writes
OUTPUT/scores.json and OUTPUT/scores.md: a row a folder, and two rows to beat. These are
the untranslated sources, and the sources with the means and deviations of their
exemplars' colours.
"""

from egsc_tf.runtime.program import run  # first: it quiets the start of TensorFlow

# isort: split
import dataclasses
import json
import os

import numpy as np
import tensorflow as tf
from absl import logging

from egsc_tf import config as config_lib
from egsc_tf.data import images
from egsc_tf.domains import DIRECTIONS, check_directions, split
from egsc_tf.errors import UserError
from egsc_tf.evaluation import caveats, registry
from egsc_tf.evaluation.context import EvaluationContext, in_batches
from egsc_tf.evaluation.evaluators.perceptual import CURVE_IMAGES
from egsc_tf.evaluation.settings import Settings
from egsc_tf.metrics import perceptual
from egsc_tf.runtime import machine, paths
from egsc_tf.runtime.files import write_whole
from egsc_tf.runtime.flags import setting

DEFAULT = ("fid", "kid", "perceptual", "exemplar_rank")
# Those that need translations of these pairs only.
METRICS = (*DEFAULT, "exemplar_kind", "segmentation", "segmentation_agreement")
UNTRANSLATED, COLOURS = "untranslated", "colours only"


@dataclasses.dataclass(frozen=True)
class Flags:
    """The program's own flags."""

    pairs: str = setting(
        None, "Folder that write_pairs.py wrote.", required=True, path=paths.READ
    )
    translations: tuple[str, ...] = setting(
        (), "Folders of translations, each a row of the table.", path=paths.READ
    )
    output: str = setting(
        None,
        "Folder of scores.json, scores.md.",
        required=True,
        path=paths.FOLDER,
    )
    directions: tuple[str, ...] = setting(DIRECTIONS, "Some of a2b, b2a.")


def score(flags, settings):
    """{name of a folder: its scores}, in the order of the table.

    Args:
      flags: Flags; settings: of egsc_tf.evaluate. Seed and number of images are those
        of the pairs.

    Raises:
      UserError: for a metric that needs more than these translations, files that are
        missing, and where the test images are no longer those of the pairs.
    """
    check_directions(flags.directions)
    settings = settings_of(flags, settings)
    config = settings.moved(config_lib.load(flags.pairs))
    for name in settings.metrics:
        if name not in METRICS:
            raise UserError(
                f"--metrics={name}: expected some of {', '.join(METRICS)}, which need "
                "one translation of each source"
            )
    names = registry.choose(settings.metrics, config, settings)
    registry.check_files(names, config, settings)
    tf.config.experimental.enable_op_determinism()
    context = EvaluationContext(None, config, settings, flags.output)
    _check_pairs(flags, context)
    rows = {UNTRANSLATED: _sources, COLOURS: _recoloured}
    for path in flags.translations:
        name = os.path.basename(os.path.abspath(path))
        if name in rows:
            raise UserError(f"--translations: expected different names, found {name}")
        rows[name] = lambda context, direction, path=path: _read(
            path, direction, *context.test_images(split(direction)[0]).shape[:3]
        )
    # Files that are missing are known before the first row is scored.
    made = {
        name: {d: make(context, d) for d in flags.directions}
        for name, make in rows.items()
    }
    registry.load_networks(context, names)
    return {
        name: _scores(context, names, translations)
        for name, translations in made.items()
    }


def settings_of(flags, settings):
    """Settings with the seed and the number of images of the pairs. Raises UserError
    for others than these."""
    noted = _noted(flags.pairs)
    for name in ("seed", "max_images"):
        if getattr(settings, name) not in (noted[name], 0):
            raise UserError(
                f"--{name}: expected what the pairs were written with, {noted[name]}, "
                f"found {getattr(settings, name)}"
            )
    return dataclasses.replace(
        settings,
        seed=noted["seed"],
        max_images=noted["max_images"],
        metrics=settings.metrics or DEFAULT,
    )


def _noted(pairs):
    path = os.path.join(pairs, "pairs.json")
    if not os.path.isfile(path):
        raise UserError(f"--pairs={pairs}: expected what write_pairs.py wrote")
    with open(path, encoding="utf-8") as file:
        return json.load(file)


def _check_pairs(flags, context):
    """Raises UserError where the test images are not those of the pairs."""
    for direction in flags.directions:
        own = context.test_images(split(direction)[0])
        for part, expected in (
            ("source", own),
            ("exemplar", context.exemplars(direction, len(own))),
        ):
            found = _read(os.path.join(flags.pairs, direction), part, *own.shape[:3])
            if not np.array_equal(found, expected):
                raise UserError(
                    f"--pairs={flags.pairs}: expected the test images of "
                    f"{context.source('test').where}, found others in "
                    f"{direction}/{part}"
                )


def _read(path, folder, count, height, width):
    """[count, height, width, 3] uint8 of PATH/FOLDER; other sizes are resized."""
    rows = []
    for n in range(count):
        file = os.path.join(path, folder, f"{n:05d}.png")
        rows.append(images.resize(images.read(file), height, width))
    return np.stack(rows)


def _sources(context, direction):
    return context.test_images(split(direction)[0])


def _recoloured(context, direction):
    """Sources with the means and deviations of their exemplars' channels."""
    sources = _sources(context, direction).astype(np.float32)
    exemplars = context.exemplars(direction, len(sources)).astype(np.float32)
    (mean, deviation), (its_mean, its_deviation) = (
        (x.mean(axis=(1, 2), keepdims=True), x.std(axis=(1, 2), keepdims=True))
        for x in (sources, exemplars)
    )
    scale = its_deviation / np.maximum(deviation, 1.0)
    return np.rint(((sources - mean) * scale + its_mean).clip(0, 255)).astype(np.uint8)


def _scores(shared, names, translations):
    """The scores of a row; shared: the context whose judges all rows have."""
    context = EvaluationContext(None, shared.config, shared.settings, shared.output)
    context.kept = shared.kept  # judges and real images; translations are put in below
    found = {}
    for direction, rows in translations.items():
        context.kept["translations", direction] = rows
        if "perceptual" in names:
            found.update(_distances(context, direction))
        for evaluator in registry.of([name for name in names if name != "perceptual"]):
            its = evaluator(context, direction, names)
            found.update({f"{name}_{direction}": value for name, value in its.items()})
    return {**found, **context.notes}


def _distances(context, direction):
    """Content to the source and style to the exemplar, as egsc_tf.evaluate has them at
    full strength."""
    rows = context.translations(direction)
    contents = context.test_images(split(direction)[0])
    exemplars = context.exemplars(direction, len(contents))
    phi = context.phi()

    def measure(content, exemplar, out):
        features = phi(out)
        return np.stack(
            [
                perceptual.distance(features, phi(content)),
                perceptual.style_distances(features, phi(exemplar)),
            ],
            axis=-1,
        )

    few = [x[:CURVE_IMAGES] for x in (contents, exemplars, rows)]
    content, style = in_batches(measure, *few).mean(axis=0)
    return {
        f"content_distance_{direction}": float(content),
        f"style_distance_{direction}": float(style),
    }


def table(scores):
    """The table as Markdown: a row a method, a column a score."""
    columns = [
        name
        for name, value in next(iter(scores.values())).items()
        if isinstance(value, float) and "untranslated" not in name
    ]
    lines = [f"| | {' | '.join(columns)} |", "|---" * (len(columns) + 1) + "|"]
    for name, its in scores.items():
        shown = " | ".join(f"{its[column]:.4g}" for column in columns)
        lines.append(f"| {name} | {shown} |")
    return "\n".join(lines) + "\n"


def main(flags, settings):
    scores = score(flags, settings)
    settings = dataclasses.asdict(settings_of(flags, settings))
    pairs = _noted(flags.pairs)["pairs"]
    counts = {split(direction)[0]: count for direction, count in pairs.items()}
    results = {
        "settings": {**settings, "metrics": list(settings["metrics"])},
        "test_images": counts,
        "constants": registry.CONSTANTS,
        "machine": machine.describe(1),
        "scores": scores,
    }
    results["caveats"] = caveats.of(results, {})
    for line in results["caveats"]:
        logging.warning("%s", line)
    text = json.dumps(results, indent=2, sort_keys=True, allow_nan=False)
    write_whole(os.path.join(flags.output, "scores.json"), text)
    text = table(scores) + "".join(f"\n{line}\n" for line in results["caveats"])
    write_whole(os.path.join(flags.output, "scores.md"), text)
    print(text, end="")


if __name__ == "__main__":
    run(main, Flags, Settings)
