"""What passes before the first result: of training, and of a translation.

Each is a process of its own, as a user starts it: training until its first steps,
`egsc_tf.translate` with one image, and `import tensorflow`, which both begin with.
"""

from egsc_tf.runtime import program  # noqa: F401  first: it quiets TensorFlow's start

# isort: split
import dataclasses
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time

import tensorflow as tf

from egsc_tf import config as config_lib
from egsc_tf.benchmarking.synthetic import Synthetic
from egsc_tf.data import images
from egsc_tf.errors import UserError
from egsc_tf.run import untrained
from egsc_tf.runtime.keras import keras

TIMES = 3
FEW = 8  # images of noise of each domain: to translate, and in place of a data set
FIRST_STEP = "first step of stage {}"


def measure(config, synthetic):
    """{"tensorflow", "train", "translate"}: seconds and the most memory of each.

    Args:
      config: egsc_tf.config.Config.
      synthetic: train on a few images of noise instead of the data set.

    Returns:
      {"tensorflow": {"seconds", "peak_memory_bytes"}, "train": {"seconds": of the
      process until the first step of stage 1 is done, "phases_s": {phase: seconds},
      "peak_memory_bytes"}, "translate": {"seconds", "peak_memory_bytes"}}: medians of
      TIMES processes.

    Raises:
      UserError: where such a process fails, with its last line.
    """
    with tempfile.TemporaryDirectory() as folder:
        run = untrained.write(os.path.join(folder, "run"), config)
        if synthetic:
            config = dataclasses.replace(
                config, dataset="folder", data_dir=os.path.join(folder, "data")
            )
        _write_noise(config, os.path.join(folder, "data"))
        places = os.path.join(folder, "data", "train")
        flags = os.path.join(folder, "steps.flags")
        dataclasses.replace(config, mask_steps=1, total_steps=1).save_as(flags)
        found = {"tensorflow": [], "train": [], "translate": []}
        for i in range(TIMES):
            found["tensorflow"].append(_process("tensorflow"))
            found["translate"].append(
                _process(
                    *("egsc_tf.translate", f"--workdir={run}"),
                    *(f"--input={places}A/0.png", f"--exemplar={places}B/0.png"),
                    f"--output={folder}/translations_{i}",
                )
            )
            marks = os.path.join(folder, f"marks_{i}")
            began = time.time()
            one = _process(__name__, flags, os.path.join(folder, f"train_{i}"), marks)
            found["train"].append({**one, **_phases(marks, began)})
    return {name: _median(runs) for name, runs in found.items()}


def _write_noise(config, folder):
    """FOLDER/trainA, trainB: FEW PNG files each, of the Config's size."""
    source = Synthetic(config.height, config.width)
    for domain in "ab":
        place = os.path.join(folder, f"train{domain.upper()}")
        os.makedirs(place)
        for i in range(FEW):
            image = source.image(domain, i, tf.constant([0, i], tf.int64))
            path = os.path.join(place, f"{i}.png")
            images.write_png(path, images.to_uint8(image))


def _process(module, *arguments):
    """{"seconds", "peak_memory_bytes"} of a module as a program."""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "memory")
        command = [sys.executable, "-m", "egsc_tf.benchmarking.watched", path, module]
        began = time.perf_counter()
        done = subprocess.run(
            [*command, *arguments], check=False, capture_output=True, text=True
        )
        seconds = time.perf_counter() - began
        if done.returncode:
            last = (done.stderr.strip().splitlines() or ["no message"])[-1]
            last = re.sub(r"^(error|egsc_tf\.[\w.]+): ", "", last)
            raise UserError(f"--what=start: {module} ended: {last}")
        with open(path, encoding="ascii") as file:
            most = file.read()
    return {"seconds": seconds, "peak_memory_bytes": int(most) if most else None}


def _phases(path, began):
    """{"seconds", "phases_s"} of the marks that `_train` left; "seconds" is until the
    end of the first step."""
    with open(path, encoding="utf-8") as file:
        marks = [line.split(maxsplit=1) for line in file.read().splitlines()]
    phases, last = {}, began
    for moment, name in marks:
        phases[name] = float(moment) - last
        last = float(moment)
    first = [float(moment) for moment, name in marks if name == FIRST_STEP.format(1)]
    return {"seconds": first[0] - began, "phases_s": phases}


def _median(runs):
    """The run with the median time, as runs are whole."""
    middle = statistics.median_low([one["seconds"] for one in runs])
    return next(one for one in runs if one["seconds"] == middle)


class _Marks(keras.callbacks.Callback):
    """Notes when each stage begins its first step, and ends it."""

    def __init__(self, mark):
        super().__init__()
        self.mark, self.stage = mark, 0

    def on_train_begin(self, logs=None):
        self.stage += 1
        self.mark(f"images and networks of stage {self.stage}")

    def on_train_batch_end(self, batch, logs=None):
        self.mark(FIRST_STEP.format(self.stage))


def _train(flagfile, workdir, marks):
    """Trains one step of each stage; appends "time name" to the file `marks`."""
    from egsc_tf.training import run  # here, as this process alone trains

    with open(marks, "w", encoding="utf-8") as file:

        def mark(name):
            file.write(f"{time.time()} {name}\n")
            file.flush()

        mark("imports")
        run.train(config_lib.read(flagfile), workdir, callbacks=[_Marks(mark)])


if __name__ == "__main__":
    _train(*sys.argv[1:])
