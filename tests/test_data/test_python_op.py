"""The end of a process that reads ahead in Python."""

import subprocess
import sys

import pytest

# An iterator that lives as long as the process, as one of a script's own does, or of an
# error that ends a program.
SCRIPT = """
import sys, time
import numpy as np, tensorflow as tf
from egsc_tf.data import python_op

def slow(k):
    time.sleep(float(sys.argv[1]))
    return np.full([4, 8, 8, 3], k % 255, np.uint8)

def images(k):
    return python_op.call(slow, [k], tf.uint8, [4, 8, 8, 3])

data = tf.data.Dataset.counter(0).map(
    images, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True
)
iterator = iter(data.prefetch(2))
for k in range(3):
    assert (next(iterator).numpy() == k).all()
print("read", flush=True)
"""


@pytest.mark.parametrize("seconds", ["0.001", "0.3"])
def test_a_process_ends_while_images_are_read_ahead(seconds):
    command = [sys.executable, "-c", SCRIPT, seconds]
    # Without an end of its own the process waits for ever.
    done = subprocess.run(
        command, check=False, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == "read\n"
