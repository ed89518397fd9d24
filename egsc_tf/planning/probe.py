"""How long a run will take: a short one is trained here, on a sample of the images."""

import dataclasses
import os
import statistics
import subprocess
import sys
import tempfile
import time

from egsc_tf.errors import Interrupted, OutOfMemory, UserError, is_out_of_memory
from egsc_tf.evaluation import scalars
from egsc_tf.run import workdir as workdir_lib
from egsc_tf.runtime.signals import run_process

STEPS, SAMPLE_EVERY = 10, 4  # a second sample is as fast as all later ones
KILLED = (-9, 137)  # as by a kernel that is out of memory
STAGES = (workdir_lib.FEATURE_MASKS, workdir_lib.TRANSLATION)


@dataclasses.dataclass(frozen=True)
class Timing:
    """Seconds that a run takes here.

    Attributes:
      start: all that is done once: imports, tracing, the first samples, the report.
      steps: of a step of each stage.
      samples: of a sample with its checkpoint, of each stage.
    """

    start: float
    steps: tuple
    samples: tuple

    def total(self, config):
        """Of the run of a Config, but for reading its images."""
        counts = (config.mask_steps, config.total_steps)
        return self.start + sum(
            step * count + sample * (count // config.sample_every)
            for step, sample, count in zip(self.steps, self.samples, counts)
        )


def measure(config, look):
    """The Timing of a Config on this machine.

    Args:
      config: egsc_tf.config.Config.
      look: egsc_tf.planning.folders.Look, whose samples are trained on.

    Raises:
      Interrupted: after SIGTERM or SIGINT.
      OutOfMemory: where the machine has no room for it.
      UserError: for what else training refuses.
    """
    with tempfile.TemporaryDirectory() as folder:
        data_dir, run = os.path.join(folder, "images"), os.path.join(folder, "run")
        for name, domain in look.domains.items():
            _link(domain.sample, os.path.join(data_dir, f"train{name.upper()}"))
        flagfile = os.path.join(folder, "probe.flags")
        dataclasses.replace(
            config,
            data_dir=data_dir,
            mask_steps=STEPS,
            total_steps=STEPS,
            log_every=1,
            sample_every=SAMPLE_EVERY,
            checkpoint_every=SAMPLE_EVERY,
        ).save_as(flagfile)
        began = time.monotonic()
        # In its own process: a machine that runs out of memory kills that one only.
        command = [sys.executable, "-m", "egsc_tf.train"]
        with tempfile.TemporaryFile("w+", errors="replace") as told:
            code, came = run_process(
                [*command, f"--flagfile={flagfile}", f"--workdir={run}"],
                kill=True,
                env={**os.environ, "TF_CONFIG": ""},  # one machine is measured
                stdout=told,
                stderr=subprocess.STDOUT,
            )
            told.seek(0)
            lines = told.read().strip().splitlines() or ["nothing"]
        wall = time.monotonic() - began
        if came:
            raise Interrupted(f"{came}: nothing was written")
        if code:
            raise _refused(code, lines[-1])
        return _timing(run, wall)


def _link(paths, folder):
    os.makedirs(folder)
    for n, path in enumerate(paths):
        ending = os.path.splitext(path)[1]
        os.symlink(os.path.abspath(path), os.path.join(folder, f"{n:04d}{ending}"))


def _refused(code, line):
    line = line.removeprefix("error: ")
    if code in KILLED or is_out_of_memory(line):
        return OutOfMemory(line)
    return UserError(f"training a few steps to measure them: {line}")


def _timing(run, wall):
    steps, samples = [], []
    for stage in STAGES:
        times = scalars.times(os.path.join(run, "logs", stage))
        between = {step: times[step + 1] - times[step] for step in range(1, STEPS)}
        plain = [s for step, s in between.items() if step > 1 and step % SAMPLE_EVERY]
        steps.append(statistics.median(plain))
        samples.append(max(0.0, between[2 * SAMPLE_EVERY] - steps[-1]))
    again = STEPS // SAMPLE_EVERY - 1  # samples that were not the first
    start = wall - sum(STEPS * step for step in steps) - again * sum(samples)
    return Timing(max(0.0, start), tuple(steps), tuple(samples))
