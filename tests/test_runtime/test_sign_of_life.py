"""What is shown while a program works and has nothing to count."""

import contextlib
import io
import re
import sys
import time

import pytest

from egsc_tf.runtime import sign_of_life
from egsc_tf.runtime.sign_of_life import Waiting


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def told(monkeypatch):
    """stream -> the lines of the log of a wait of 0.3 s, with that standard error."""
    monkeypatch.setattr(sign_of_life, "EVERY", 0.05)
    lines = []
    # Not by caplog: where a program ran before, absl writes to standard error as well.
    info = lambda text, *values: lines.append(text % values)  # noqa: E731
    monkeypatch.setattr(sign_of_life.logging, "info", info)

    def wait(stream, error=None):
        monkeypatch.setattr(sys, "stderr", stream)
        with contextlib.suppress(ValueError):  # noqa: SIM117
            with Waiting("building the step", "about a minute") as waiting:
                time.sleep(0.3)
                if error:
                    raise error
                for _ in range(3):
                    waiting.done()
        written = stream.getvalue()
        time.sleep(0.15)
        assert stream.getvalue() == written  # nothing follows the end
        return lines

    return wait


def test_a_wait_is_announced_and_timed_and_a_log_file_gets_no_more(told):
    stream = io.StringIO()
    first, second = told(stream)
    assert first == "building the step (about a minute) ..."
    assert re.fullmatch(r"building the step took \d+\.\d s", second)
    assert stream.getvalue() == ""


def test_a_terminal_shows_the_seconds_and_is_left_clean(told):
    stream = Terminal()
    assert len(told(stream)) == 2
    shown = stream.getvalue()
    assert shown.count("building the step: 0 s (about a minute)\r") >= 2
    assert shown.endswith(sign_of_life.CLEAR)
    assert "\n" not in shown


def test_a_wait_that_fails_is_not_said_to_be_done(told):
    stream = Terminal()
    assert told(stream, ValueError("x")) == ["building the step (about a minute) ..."]
    assert stream.getvalue().endswith(sign_of_life.CLEAR)
