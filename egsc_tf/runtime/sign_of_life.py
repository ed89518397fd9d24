"""A sign of life where a program works for long and has nothing to count."""

import contextlib
import sys
import threading
import time
from collections.abc import Iterator
from typing import TextIO

from absl import logging

EVERY = 1.0  # seconds
CLEAR = "\r\033[K"


class Waiting:
    """Tells what is being done, and how long it took; a terminal shows the seconds.

        with Waiting("building the step") as waiting:
            ...
            waiting.done()

    Without a terminal two lines of the log are all. Where `done` is not reached, as
    after an error, the second is left out.

    Args:
      work: what is done, as "building the step".
      about: how long it takes, as "about a minute", or "".
    """

    def __init__(self, work: str, about: str = "") -> None:
        self.work = work
        self.about = f" ({about})" if about else ""
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._show, daemon=True)

    def __enter__(self) -> "Waiting":
        logging.info("%s%s ...", self.work, self.about)
        self._began = time.monotonic()
        if sys.stderr.isatty():
            self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._stop()

    def done(self) -> None:
        """Says how long it took; a second call does nothing."""
        if not self._ended.is_set():
            self._stop()
            seconds = time.monotonic() - self._began
            logging.info("%s took %.1f s", self.work, seconds)

    def _stop(self) -> None:
        self._ended.set()
        if self._thread.is_alive():
            self._thread.join()

    def _show(self) -> None:
        with _line(sys.stderr) as line:
            while not self._ended.wait(EVERY):
                seconds = time.monotonic() - self._began
                line.write(f"{CLEAR}{self.work}: {seconds:.0f} s{self.about}\r")
                line.flush()


@contextlib.contextmanager
def _line(stream: TextIO) -> Iterator[TextIO]:
    """A line of a terminal that is written again and again, and is gone at the end."""
    try:
        yield stream
    finally:
        stream.write(CLEAR)
        stream.flush()
