"""Prints, as JSON, {program: the text of `python -m PROGRAM --helpfull`}.

TensorFlow is imported once; each program then starts in a fork of this process, so that
it finds no flags of another.
"""

import json
import os
import runpy
import sys
import tempfile
import traceback
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
HELP = {"egsc_tf.export.run_tflite": "--help"}  # which stands alone
FOLDERS = {"egsc_tf": ROOT / "egsc_tf", "egsc_tf.export": ROOT / "export"}


def programs():
    """Names of all modules that can be started, in the order of the alphabet."""
    return [
        f"{package}.{path.stem}"
        for package, folder in FOLDERS.items()
        for path in sorted(folder.glob("[a-z]*.py"))
        if '\nif __name__ == "__main__":' in path.read_text(encoding="utf-8")
    ]


def help_of(program):
    """What `python -m PROGRAM --helpfull` prints."""
    with tempfile.TemporaryFile("w+", encoding="utf-8") as file:
        child = os.fork()
        if child == 0:
            os.dup2(file.fileno(), 1)
            sys.stdout = os.fdopen(1, "w", encoding="utf-8")
            sys.argv = [program, HELP.get(program, "--helpfull")]
            code = 1
            try:
                runpy.run_module(program, run_name="__main__", alter_sys=True)
            except SystemExit as end:
                code = end.code or 0
            except BaseException:
                traceback.print_exc()
            finally:
                sys.stdout.flush()
                os._exit(code)
        _, status = os.waitpid(child, 0)
        assert status == 0, f"the help of {program} failed"
        file.seek(0)
        text = file.read()
    assert text.strip(), f"the help of {program} is empty"
    return text.strip()


def main():
    sys.path.insert(0, str(ROOT))
    os.environ["COLUMNS"] = "88"
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ["CUDA_VISIBLE_DEVICES"] = "-1"
    import tensorflow  # noqa: F401

    json.dump({program: help_of(program) for program in programs()}, sys.stdout)


if __name__ == "__main__":
    main()
