"""Several workers on this machine: `python -m egsc_tf.local_workers [FLAGS OF TRAIN]`.

Shows, and tests, what a cluster does (documentation: Several hosts): it starts
egsc_tf.train once for each worker, on the CPU and with a TF_CONFIG of its own on
loopback, and prints what they say, each line with its worker's number. Where one fails,
all end; signals go to all.
"""

import contextlib
import dataclasses
import itertools
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

from egsc_tf.distribute.tf_config import VARIABLE
from egsc_tf.run.lock import require_locks
from egsc_tf.runtime.files import write_whole
from egsc_tf.runtime.flags import setting
from egsc_tf.runtime.program import run

# Workers find out by themselves that another is lost; this is for those that do not.
GRACE_SECONDS = 60


@dataclasses.dataclass(frozen=True)
class Flags:
    """The program's own flags; all others are egsc_tf.train's."""

    workers: int = setting(2, "How many workers.", least=2)


def start(index, addresses, arguments):
    """A worker's process: egsc_tf.train with the arguments."""
    task = {"type": "worker", "index": index}
    config = {"cluster": {"worker": addresses}, "task": task}
    environment = {VARIABLE: json.dumps(config), "CUDA_VISIBLE_DEVICES": "-1"}
    return subprocess.Popen(
        [sys.executable, "-m", "egsc_tf.train", *arguments],
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="backslashreplace",
        # A terminal's Ctrl-C comes from here only, once.
        start_new_session=True,
    )


def as_given(arguments, typed, folder):
    """Yields the arguments, those of flagfiles in flagfiles again: egsc_tf.train lets
    them be overruled, and tells of a flag without effect that was typed.

    Args:
      arguments: with the lines of all flagfiles; typed: those of the command line.
      folder: to write flagfiles to.
    """
    groups = itertools.groupby(arguments, typed.__contains__)
    for number, (is_typed, some) in enumerate(groups):
        if is_typed:
            yield from some
        else:
            path = os.path.join(folder, f"{number}.flags")
            write_whole(path, "".join(f"{line}\n" for line in some))
            yield f"--flagfile={path}"


def free_addresses(count):
    """Addresses on loopback that nobody uses now."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [f"127.0.0.1:{each.getsockname()[1]}" for each in sockets]


def wait(processes, grace=GRACE_SECONDS):
    """Waits for all; the exit code of the first that failed, or 0."""
    failed, until = 0, None
    while None in [process.poll() for process in processes]:  # of all: none is skipped
        if not failed:
            failed = next((p.returncode for p in processes if p.returncode), 0)
            until = time.monotonic() + grace
        elif time.monotonic() > until:
            for process in processes:
                process.kill()
        time.sleep(0.1)
    failed = failed or next((p.returncode for p in processes if p.returncode), 0)
    return failed if failed >= 0 else 128 - failed


def show(index, process):
    shown = True
    for line in process.stdout:  # to its end: a full pipe would stop the worker
        try:
            if shown:
                print(f"[{index}] {line}", end="", flush=True)
        except OSError:  # nobody reads any more: `| head`, or a terminal that is gone
            shown = False


def main(flags, arguments):
    require_locks()
    with tempfile.TemporaryDirectory() as folder:
        return run_all(flags, list(as_given(arguments, sys.argv[1:], folder)))


def run_all(flags, arguments):
    """Starts all workers and waits for them; the exit code."""
    addresses = free_addresses(flags.workers)
    processes = [start(i, addresses, arguments) for i in range(flags.workers)]

    def forward(number, frame):
        # A worker saves at SIGTERM; of its terminal's end it hears nothing.
        number = signal.SIGTERM if number == signal.SIGHUP else number
        for process in processes:
            process.send_signal(number)

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, forward)
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # as it is under nohup
        signal.signal(signal.SIGHUP, forward)
    readers = [
        threading.Thread(target=show, args=item) for item in enumerate(processes)
    ]
    for reader in readers:
        reader.start()
    code = wait(processes)
    for reader in readers:
        reader.join()
    return code


if __name__ == "__main__":
    run(main, Flags, with_rest=True)
