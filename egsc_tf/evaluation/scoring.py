"""A run's results.json."""

import dataclasses
import json
import os
from typing import Any, Optional, Union

import tensorflow as tf
from absl import logging

from egsc_tf import config as config_lib
from egsc_tf.domains import DIRECTIONS, DOMAINS
from egsc_tf.errors import UserError
from egsc_tf.evaluation import caveats, earlier, registry
from egsc_tf.evaluation.context import EvaluationContext
from egsc_tf.evaluation.settings import RESULTS, Settings
from egsc_tf.run import restore, starts
from egsc_tf.run import workdir as workdir_lib
from egsc_tf.runtime import machine, paths
from egsc_tf.runtime.files import write_whole
from egsc_tf.runtime.keras import keras


def evaluate(
    workdir: Union[str, "os.PathLike[str]"],
    settings: Optional[Settings] = None,
    output: Union[str, "os.PathLike[str]", None] = None,
) -> dict[str, Any]:
    """Scores the run of a folder; writes and returns the results.

        results = egsc_tf.evaluate("runs/demo")
        print(results["content_accuracy_a2b"])

    Args:
      workdir: of egsc_tf.train or egsc_tf.import_official.
      settings: what to compute, and on how many images; None: the defaults.
      output: folder of results.json and the pictures; None: the workdir.

    Returns:
      {"content_accuracy_a2b", ..., the same for b2a, "train_seconds", settings,
      "caveats": when the scores mean little}; also earlier scores of `output` that are
      of the same weights, images and settings, and were not measured again.

    Raises:
      UserError: where the folder holds no trained run, a metric is unknown or does not
        fit the data set, or a file that it needs cannot be used.
    """
    workdir = paths.expand(os.fspath(workdir), f"workdir={workdir}")
    settings = settings or Settings()
    config = config_lib.load(workdir)
    config = settings.moved(config)
    names = registry.choose(settings.metrics, config, settings)
    output = paths.expand(os.fspath(output or workdir), f"output={output}")
    paths.require_writable(f"--output={output}", output)
    with workdir_lib.naming_flags(workdir, config):
        registry.check_files(names, config, settings)
    keras.utils.set_random_seed(settings.seed)  # --test_noise keeps noise on
    tf.config.experimental.enable_op_determinism()
    translator = restore.load(workdir)
    if translator.steps < config.total_steps:
        logging.warning(
            "the run is at step %d of %d", translator.steps, config.total_steps
        )
    context = EvaluationContext(translator, config, settings, output)
    registry.load_networks(context, names)  # before images are read
    results = {
        "settings": {**dataclasses.asdict(settings), "metrics": list(names)},
        "run": dataclasses.asdict(config),
        "train_seconds": train_seconds(workdir, translator.path),
        "steps": translator.steps,
        "test_images": {domain: context.count(domain) for domain in DOMAINS},
        "constants": registry.CONSTANTS,
        "machine": machine.describe(1),
    }
    for evaluator in registry.of(names):
        for direction in DIRECTIONS:
            found = evaluator(context, direction, names)
            results.update({f"{k}_{direction}": value for k, value in found.items()})
    context.finish()
    results.update(context.notes)
    path = os.path.join(output, RESULTS)
    before, results = earlier.read(path), json.loads(json.dumps(results))
    if before:
        results = earlier.joined(before, results)
        earlier.clear(output, before, results)
    results["caveats"] = caveats.of(results, starts.images(workdir))
    for line in results["caveats"]:
        logging.warning("%s", line)
    text = json.dumps(results, indent=2, sort_keys=True, allow_nan=False)
    write_whole(path, text)
    return results


def require_of_run(output: str, workdir: str) -> None:
    """Raises UserError where a folder has the results of a run with other flags."""
    path = os.path.join(output, RESULTS)
    if not os.path.isfile(path):
        return
    try:
        with open(path, encoding="utf-8") as file:
            found = json.load(file)["run"]
        noted = {field: found[field] for field in found}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(
            f"{path}: expected the results of a run, found: {error!r}; --overwrite "
            "replaces them"
        ) from error
    config = config_lib.load(workdir)
    for field in dataclasses.fields(config):
        rule, now = field.metadata, getattr(config, field.name)
        # What one run may have had otherwise, or what an older version did not note.
        if rule["may_change"] or rule["path"] or field.name == "recursive":
            continue
        if noted.get(field.name, now) != now:
            raise UserError(
                f"--output={output}: expected a folder without the results of another "
                f"run, found those of one with --{field.name}={noted[field.name]}, not "
                f"{now}; --overwrite replaces them"
            )


def train_seconds(workdir: str, path: str) -> Optional[float]:
    try:
        return workdir_lib.seconds(workdir, path)
    except UserError as error:  # of stage 1, of which nothing else is needed
        logging.warning("train_seconds is left out: %s", error)
        return None
