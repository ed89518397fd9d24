"""The folder of a run.

WORKDIR/
  run.flags                 the flags of the run: a flagfile, with absolute paths
  feature_masks/ckpt-N...   checkpoints of stage 1
  translation/ckpt-N...     checkpoints of stage 2, with F_a and F_b in them
  logs/STAGE/               TensorBoard
  samples/STAGE_STEP.png    what the run made of fixed images on the way
  warnings.txt              signs of a run that does not learn, if any
  images.npz                digests of the images of its newest start
  starts.jsonl              when, where and with which versions it was started
  imported.json             which checkpoints it began with (egsc_tf.import_official)
  distilled.json            whose student it is (egsc_tf.distill)
  run.lock                  host and pid of the training process, while it runs
  results.json, grid_*.png  what egsc_tf.evaluate found; worst_*.png: its failures
  report.html               all of it as a page, see egsc_tf.report
"""

import contextlib
import dataclasses
import os
import re
from collections.abc import Iterator
from typing import Any, Optional

import tensorflow as tf
from absl import logging

from egsc_tf import config as config_lib
from egsc_tf.config import Config
from egsc_tf.data.images import BadImage
from egsc_tf.errors import UserError
from egsc_tf.run import checkpoints
from egsc_tf.runtime import paths
from egsc_tf.runtime.flags import setting, without_effect

FEATURE_MASKS = "feature_masks"
TRANSLATION = "translation"
IMPORTED = "imported.json"
DISTILLED = "distilled.json"


@dataclasses.dataclass(frozen=True)
class TrainedRun:
    """The flag of every program that reads a run."""

    workdir: str = setting(
        None, "Folder of a trained run.", required=True, path=paths.READ
    )


def check_flags(
    workdir: str, config: Config, override: bool = False, flag: str = "workdir"
) -> Config:
    """Checks that the flags are those of the run that WORKDIR holds, if any.

    Args:
      override: report changed flags and go on with them (--override_run).
      flag: what a program calls the folder.

    Returns:
      the Config that the run had until now.

    Raises:
      UserError: where WORKDIR holds a run with other flags, naming them; but for those
        that `may_change` (egsc_tf.config), and paths, as files may lie elsewhere now.
        Also for a WORKDIR whose name TensorFlow cannot use.
    """
    checkpoints.require_plain(workdir)
    config = config.anchored()
    if not os.path.isfile(os.path.join(workdir, config_lib.RUN_FLAGS)):
        return config
    old = config_lib.load(workdir).anchored()
    changed = [
        field
        for field in dataclasses.fields(config)
        if getattr(old, field.name) != getattr(config, field.name)
    ]

    def told(fields: list[dataclasses.Field[Any]]) -> str:
        return "; ".join(
            f"--{f.name} was {getattr(old, f.name)!r}, is now "
            f"{getattr(config, f.name)!r}"
            for f in fields
        )

    moved = {*old.own_paths()} & {*config.own_paths()}
    forbidden = [
        f for f in changed if not f.metadata["may_change"] and f.name not in moved
    ]
    if forbidden and not override:
        raise UserError(
            f"--{flag}={workdir}: expected the flags of the run that it holds; "
            f"{told(forbidden)}. Use another --{flag} for another run, or "
            "--override_run to go on with this one all the same."
        )
    if changed:
        logging.warning("flags of this run changed: %s", told(changed))
    return old


def moved(config: Config, **where: Any) -> Config:
    """The Config of a run with the data where they lie now; without its cache_dir, as
    what only reads a run writes nothing there.

    Args:
      where: data_dir and the like; "" and False, or its own value, for that of the run.

    Raises:
      UserError: for a folder that the run's data set has no use for.
    """
    given = {name: value for name, value in where.items() if value}
    for field in dataclasses.fields(config):
        use = field.metadata["use"]
        value = given.get(field.name)
        if use and value and value != getattr(config, field.name):
            values = {name: getattr(config, name) for name in use.of}
            if not use.holds(*values.values()):
                use = dataclasses.replace(
                    use, expected=f"a run of {use.expected}", hint=lambda value: ""
                )
                raise without_effect(field.name, given[field.name], use, values)
    return dataclasses.replace(config, **{"cache_dir": "", **given})


@contextlib.contextmanager
def naming_flags(workdir: str, config: Config) -> Iterator[None]:
    """Within it, errors about a path that the run has kept name its flag, and how to
    give another.

    config: of the run, with the data where they are looked for.
    """
    try:
        yield
    except BadImage:
        raise
    except UserError as error:
        told = [
            f"--{name}={path}"
            for name, path in config_lib.load(workdir).own_paths().items()
            if path == getattr(config, name) and _names_path(str(error), path)
        ]
        if not told:
            raise
        raise UserError(
            f"{error}. {' and '.join(told)} comes from "
            f"{os.path.join(workdir, config_lib.RUN_FLAGS)}; the same flag given here "
            "names another place"
        ) from error


def _names_path(text: str, path: str) -> bool:
    """Whether a message names a path, or one below it."""
    return bool(re.search(rf"(?<![\w./-]){re.escape(path)}(?!\.?[\w-])", text))


def folder(workdir: str, stage: str) -> str:
    """Where the checkpoints of a stage are."""
    return os.path.join(workdir, stage)


def newest_checkpoint(workdir: str, stage: str) -> Optional[str]:
    """The newest sound checkpoint's path of a stage, or None.

    Raises:
      UserError: where there are some, all broken.
    """
    return checkpoints.newest(folder(workdir, stage))


def newest_of_run(workdir: str) -> dict[str, Optional[str]]:
    """{stage: path of the newest sound checkpoint or None}; stage 1's is not looked for
    where stage 2 has one, which holds what it made."""
    found = newest_checkpoint(workdir, TRANSLATION)
    masks = None if found else newest_checkpoint(workdir, FEATURE_MASKS)
    return {FEATURE_MASKS: masks, TRANSLATION: found}


def is_student(workdir: str) -> bool:
    """Whether a run is a student, of egsc_tf.distill."""
    return os.path.isfile(os.path.join(workdir, DISTILLED))


def seconds(workdir: str, translation: str) -> float:
    """Wall-clock seconds that the stages of a run have trained.

    translation: the path of stage 2's checkpoint.
    """
    name = "seconds/.ATTRIBUTES/VARIABLE_VALUE"
    paths = [newest_checkpoint(workdir, FEATURE_MASKS), translation]
    return float(sum(tf.train.load_variable(path, name) for path in paths if path))
