"""Programs, started as a user starts them."""

import subprocess
import sys

import numpy as np
from PIL import Image
from support.paths import REPOSITORY


def program(name, *flags, timeout=300):
    """(exit code, output) of `python -m egsc_tf.NAME FLAGS`."""
    done = subprocess.run(
        [sys.executable, "-m", f"egsc_tf.{name}", *map(str, flags)],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def save(path, height, width, seed=0):
    pixels = np.random.RandomState(seed).randint(0, 256, (height, width, 3))
    Image.fromarray(pixels.astype(np.uint8)).save(path)
    return str(path)
