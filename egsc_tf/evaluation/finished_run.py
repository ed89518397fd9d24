"""A run as its report reads it: what its folder says, its model, few of its images."""

import dataclasses
import functools
import json
import os
import re

import numpy as np

from egsc_tf import config as config_lib
from egsc_tf.domains import DOMAINS
from egsc_tf.errors import UserError
from egsc_tf.evaluation import scalars
from egsc_tf.evaluation.context import EvaluationContext
from egsc_tf.evaluation.settings import RESULTS
from egsc_tf.run import checkpoints, restore, starts
from egsc_tf.run import workdir as workdir_lib
from egsc_tf.training.health import NAME as WARNINGS

STAGES = (workdir_lib.FEATURE_MASKS, workdir_lib.TRANSLATION)
# So many images of a domain are read: enough to choose from, soon done.
READ = {"test": 64, "train": 1000}


class Run:
    """What a report says of one run.

    Args:
      workdir: of the run.
      settings: egsc_tf.evaluation.settings.Settings: where the data lie now, seed.
      results: the folder of results.json; None: the workdir.
      label: a short name; None: the workdir's.

    Attributes:
      config: of the run, with the data where they lie now.
      starts: see egsc_tf.run.starts; results: of egsc_tf.evaluate, or {}.
      warnings: lines.

    Raises:
      UserError: where the folder holds no run. What else may be missing raises where it
        is asked for.
    """

    def __init__(self, workdir, settings, results=None, label=None):
        self.workdir = workdir
        self.label = label or os.path.basename(os.path.abspath(workdir))
        self.config = settings.moved(config_lib.load(workdir))
        self.settings = settings
        self.starts = starts.read(workdir)
        self.results_folder = results or workdir
        self.results = self._read_results()
        self.warnings = self._read_warnings()

    @functools.cached_property
    def context(self):
        """An EvaluationContext of the run's newest checkpoint and of few images."""
        # Deterministic: two reports of one run are the same.
        translator = restore.load(self.workdir, deterministic=True)
        few = dataclasses.replace(self.settings, max_images=READ["test"])
        return EvaluationContext(
            translator, self.config, few, self.results_folder, READ
        )

    @functools.cached_property
    def checkpoint(self):
        """The path of the run's newest checkpoint. Raises UserError for none."""
        return restore.checkpoint_of(self.workdir)

    @property
    def step(self):
        """How long the run's newest checkpoint was trained. Raises UserError."""
        return checkpoints.step_of(self.checkpoint)

    def scalars(self, stage):
        """{name: (steps, values)}, see egsc_tf.evaluation.scalars."""
        return scalars.read(os.path.join(self.workdir, "logs", stage))

    def samples(self, stage):
        """[(step, path)] of the pictures that training made on the way."""
        folder = os.path.join(self.workdir, "samples")
        names = os.listdir(folder) if os.path.isdir(folder) else []
        found = [re.fullmatch(rf"{stage}_(\d+)\.png", name) for name in names]
        found = sorted((int(match[1]), match[0]) for match in found if match)
        return [(step, os.path.join(folder, name)) for step, name in found]

    def images(self, part, domain, count):
        """[<= count, H, W, 3] uint8, spread over what is read of a split.

        Raises:
          UserError: where the data cannot be read.
        """
        pool = self.pool(part, domain)
        return pool[np.linspace(0, len(pool) - 1, min(count, len(pool))).astype(int)]

    def pool(self, part, domain):
        """[N, H, W, 3] uint8: all that is read of a split."""
        with workdir_lib.naming_flags(self.workdir, self.config):
            size = self.context.source(part).size(domain)
        return self.context.first_images(part, domain, min(size, READ[part]))

    def _read_results(self):
        path = os.path.join(self.results_folder, RESULTS)
        if not os.path.isfile(path):
            return {}
        try:
            with open(path, encoding="utf-8") as file:
                return json.load(file)
        except ValueError as error:
            raise UserError(
                f"{path}: expected what egsc_tf.evaluate wrote, found: {error}"
            ) from error

    def _read_warnings(self):
        path = os.path.join(self.workdir, WARNINGS)
        if not os.path.isfile(path):
            return []
        with open(path, encoding="utf-8") as file:
            return file.read().splitlines()


def counts(run):
    """How many images a run was trained on, as text."""
    if not run.starts:
        return "not noted"
    found = run.starts[-1]["images"]
    return ", ".join(f"{found[domain]} of domain {domain}" for domain in DOMAINS)
