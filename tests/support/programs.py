"""Programs, started as a user starts them."""

import contextlib
import functools
import importlib.util
import io
import runpy
import subprocess
import sys
from unittest import mock

from absl import flags as absl_flags
from support.paths import REPOSITORY

from egsc_tf.runtime import program as program_lib


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


def refusal(name, *flags):
    """As `program`, in this process: for what ends before there is any work to do."""
    output = io.TextIOWrapper(io.BytesIO(), write_through=True)
    argv = [f"egsc_tf.{name}", *map(str, flags)]
    code = 0
    with contextlib.ExitStack() as stack:
        stack.callback(_forget_flags, set(absl_flags.FLAGS))
        stack.enter_context(mock.patch.object(sys, "argv", argv))
        stack.enter_context(contextlib.redirect_stdout(output))
        stack.enter_context(contextlib.redirect_stderr(output))
        try:
            runpy.run_module(f"egsc_tf.{name}", run_name="__main__")
        except SystemExit as end:
            code = end.code
    return code or 0, output.buffer.getvalue().decode()


def all_programs():
    """The names of all modules that can be started, without egsc_tf."""
    path = REPOSITORY / "docs" / "hooks" / "help_texts.py"
    spec = importlib.util.spec_from_file_location("help_texts", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return [name.partition(".")[2] for name in module.programs()]


@functools.cache
def settings_of(name):
    """(dataclasses, uses) that a program gives to egsc_tf.runtime.program.run."""
    found = []

    def run(main, *settings, with_rest=False, uses=None):
        found.append((settings, uses or {}))

    with mock.patch.object(program_lib, "run", run):
        runpy.run_module(f"egsc_tf.{name}", run_name="__main__")
    return found[0]


def some_value(field):
    """What a command line may say for a flag that is required."""
    default = "ngf:4" if field.name == "vary" else "/no/such/x"
    return (field.metadata["choices"] or (default,))[0]


def _forget_flags(known):
    """Leaves only the known ones, so that another program may define its own."""
    flags = absl_flags.FLAGS
    flags.unparse_flags()
    for name in set(flags) - known:
        if flags.find_module_defining_flag(name) != "absl.app":  # defines them once
            delattr(flags, name)
