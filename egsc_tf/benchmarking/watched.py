"""Runs a module as a program, and notes its most memory at the end:

    python -m egsc_tf.benchmarking.watched FILE MODULE [ARGUMENT ...]

FILE gets the bytes, or is empty where the system does not tell. Without arguments
MODULE is only imported. The system's own count of a child includes its parent's memory.
"""

import atexit
import importlib
import runpy
import sys

from egsc_tf.runtime import memory


def _note(path):
    with open(path, "w", encoding="ascii") as file:
        file.write(str(memory.resident_bytes("VmHWM") or ""))


def main(path, module, *arguments):
    atexit.register(_note, path)
    if not arguments:
        importlib.import_module(module)
        return
    sys.argv[1:] = arguments
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
