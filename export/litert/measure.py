"""How fast a .tflite file is and how much memory it takes, in a process of its own.

`measure` starts `python -m egsc_tf.export.litert.measure`, which loads the file, runs
it and prints JSON. In the exporter's process the peak of memory would be TensorFlow's.
"""

import argparse
import json
import statistics
import subprocess
import sys
import time

import numpy as np

from egsc_tf.export.litert.interpreter import Interpreter
from egsc_tf.runtime import memory as resident_memory

THREADS = (1, 2)


def measure(path, runs):
    """{"latency_ms": {"1_thread": {signature: ms}, ...}, "peak_memory_bytes"}.

    Latencies are medians; memory is what the process grew by with one thread, and None
    where the system is not Linux.

    Args:
      path: a .tflite file.
      runs: how many timed calls of each signature.
    """
    done = subprocess.run(
        [sys.executable, "-m", __name__, path, str(runs)],
        check=False,
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise RuntimeError(f"{path}: cannot be measured: {done.stderr}")
    return json.loads(done.stdout.splitlines()[-1])


def median_ms(call, runs):
    """The median time of a call in milliseconds, after one that is not counted."""
    call()
    times = []
    for _ in range(runs):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return 1e3 * statistics.median(times)


def label(threads):
    """The key of a number of threads in reports."""
    return f"{threads}_thread{'s' if threads > 1 else ''}"


def _calls(path, threads):
    """{signature: a call of it with random inputs}."""
    loaded = Interpreter(model_path=path, num_threads=threads)
    random = np.random.RandomState(0)

    def call_of(name):
        runner = loaded.get_signature_runner(name)
        inputs = {
            key: (
                random.randint(256, size=detail["shape"]).astype(detail["dtype"])
                if len(detail["shape"]) == 4
                else random.rand(*detail["shape"]).astype(detail["dtype"])
            )
            for key, detail in runner.get_input_details().items()
        }
        return lambda: runner(**inputs)

    return {name: call_of(name) for name in loaded.get_signature_list()}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("path")
    parser.add_argument("runs", type=int)
    flags = parser.parse_args()

    def run_once():
        for call in _calls(flags.path, threads=1).values():
            call()

    _, before, most = resident_memory.peak_bytes(run_once)
    memory = None if most is None else most - before
    latency = {
        label(threads): {
            name: median_ms(call, flags.runs)
            for name, call in _calls(flags.path, threads).items()
        }
        for threads in THREADS
    }
    print(json.dumps({"latency_ms": latency, "peak_memory_bytes": memory}))


if __name__ == "__main__":
    main()
