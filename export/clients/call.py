"""A call to a server: to whom, how it fails, when it is tried again."""

import dataclasses
import itertools
import random
from time import sleep
from typing import Optional

from egsc_tf.errors import UserError

REFUSED = "INVALID_ARGUMENT"
# A translation changes nothing on the server, so asking again is safe.
PASSING = ("UNAVAILABLE", "DEADLINE_EXCEEDED", "RESOURCE_EXHAUSTED")
FIRST_WAIT, LONGEST_WAIT = 0.1, 5.0
LONGEST_TEXT = 500


class CallFailed(UserError):
    """A call that got an error or no answer.

    Attributes:
      code: a status of gRPC, also for REST: "INVALID_ARGUMENT" where the server refuses
        what it was sent.
    """

    def __init__(self, where, code, text):
        # TensorFlow adds the node of the graph, and lines of it.
        text = " ".join(text.split("[[{{")[0].split())[:LONGEST_TEXT]
        super().__init__(f"{where}: {code}: {text}")
        self.code = code


@dataclasses.dataclass(frozen=True)
class Endpoint:
    """A model of a server.

    Attributes:
      url: HOST:PORT, for REST http://HOST:PORT.
      model: its name.
      version: its number, or None for the latest.
      timeout: seconds that one attempt may take.
    """

    url: str
    model: str
    version: Optional[int] = None
    timeout: float = 60.0

    def failed(self, call, code, text):
        """The CallFailed of a call ("signature NAME", "metadata")."""
        version = "" if self.version is None else f" version {self.version}"
        return CallFailed(
            f"{self.url}, model {self.model}{version}, {call}", code, text
        )


def with_retries(call, retries):
    """What `call` returns, asked again where an error may pass.

    Waits 0.1 s, 0.2 s, 0.4 s ... to 5 s, each times a random 0.5 to 1 so that many
    clients do not come back at once.

    Raises:
      CallFailed: one that does not pass, or that of the last attempt.
    """
    for attempt in itertools.count():
        try:
            return call()
        except CallFailed as error:
            if error.code not in PASSING or attempt >= retries:
                raise
        sleep(min(LONGEST_WAIT, FIRST_WAIT * 2**attempt) * random.uniform(0.5, 1.0))
