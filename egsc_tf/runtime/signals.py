"""The signals that ask a program to stop, and the processes that it waits for."""

import contextlib
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Optional

SIGNALS = (signal.SIGTERM, signal.SIGINT)


@contextlib.contextmanager
def handled_by(handler: Callable[[int, Any], None]) -> Iterator[None]:
    """Within it SIGTERM and SIGINT go to the handler; in the main thread only, as no
    other gets signals."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, handler) for number in SIGNALS}
    try:
        yield
    finally:
        for number, old in before.items():
            signal.signal(number, old)


def run_process(
    command: Sequence[str], kill: bool = False, **options: Any
) -> tuple[int, Optional[str]]:
    """Runs a command, and sends SIGTERM on to it.

    A terminal's Ctrl-C reaches the command by itself; it is waited for.

    Args:
      kill: any of the signals ends the command at once, as there is nothing to save.
      options: of subprocess.Popen.

    Returns:
      (exit code, name of the first signal that came meanwhile, or None)
    """
    process: Optional[subprocess.Popen[Any]] = None
    came: list[str] = []

    def stop(number: int) -> None:
        if process and kill:
            process.kill()
        elif process and number == signal.SIGTERM:
            process.terminate()

    def note(number: int, frame: Any) -> None:
        came.append(signal.Signals(number).name)
        stop(number)

    with handled_by(note):
        process = subprocess.Popen(command, **options)
        if came:  # before there was anything to send it to
            stop(signal.SIGTERM)
        code = process.wait()
    return code, came[0] if came else None
