"""Processes that a program waits for, and the signals that come meanwhile."""

import os
import signal
import sys
import threading

import pytest

from egsc_tf.runtime.signals import run_process

# Says that it is ready, and ends by itself at SIGTERM only, with a code of its own.
WAITS = (
    "import signal, sys, time\n"
    "signal.signal(signal.SIGINT, signal.SIG_IGN)\n"
    "signal.signal(signal.SIGTERM, lambda *_: sys.exit(7))\n"
    "open(sys.argv[1], 'w').close()\n"
    "time.sleep(60)\n"
)


def run_and_send(number, tmp_path, **options):
    """What `run_process` returns where a signal comes once the command is ready."""
    ready = tmp_path / "ready"

    def send():
        while not ready.exists():
            threading.Event().wait(0.01)
        os.kill(os.getpid(), number)

    thread = threading.Thread(target=send)
    thread.start()
    try:
        return run_process([sys.executable, "-c", WAITS, str(ready)], **options)
    finally:
        thread.join()


def test_a_command_is_told_to_stop(tmp_path):
    assert run_and_send(signal.SIGTERM, tmp_path) == (7, "SIGTERM")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_command_that_has_nothing_to_save_is_killed(number, tmp_path):
    expected = -signal.SIGKILL, signal.Signals(number).name
    assert run_and_send(number, tmp_path, kill=True) == expected


def test_without_a_signal_there_is_the_exit_code():
    assert run_process([sys.executable, "-c", "raise SystemExit(3)"]) == (3, None)
