"""When, where and on how many images a run was started: WORKDIR/starts.jsonl.

One line of JSON a start, as a run may go on elsewhere and with other versions.
"""

import datetime
import json
import os
from collections.abc import Sequence
from typing import Any

from egsc_tf.domains import DOMAINS
from egsc_tf.runtime import machine

NAME = "starts.jsonl"


def append(
    workdir: str, source: Any, replicas: int, changed: Sequence[str] = ()
) -> None:
    """Notes a start.

    Args:
      workdir: of the run.
      source: of its training images, see egsc_tf.data.stream.
      replicas: how many of them train in step.
      changed: how the images differ from those of the start before, see
        egsc_tf.run.seen.
    """
    start = {
        "time": datetime.datetime.now(datetime.timezone.utc).isoformat(
            timespec="seconds"
        ),
        "images": {domain: source.size(domain) for domain in DOMAINS},
        **({"changed": list(changed)} if changed else {}),
        **machine.describe(replicas),
    }
    # On a line of its own, also behind one that was cut short.
    with open(os.path.join(workdir, NAME), "a", encoding="utf-8") as file:
        file.write(("\n" if file.tell() else "") + json.dumps(start))


def images(workdir: str) -> dict[str, int]:
    """{domain: number of images} of the newest start; {} where none was noted."""
    noted = read(workdir)
    return noted[-1]["images"] if noted else {}


def read(workdir: str) -> list[dict[str, Any]]:
    """The starts of a run, the first one first; none where none were noted."""
    path = os.path.join(workdir, NAME)
    if not os.path.isfile(path):
        return []
    found = []
    with open(path, encoding="utf-8") as file:
        for line in file:
            try:
                found.append(json.loads(line))
            except ValueError:  # cut short by a full disk or a dying machine
                continue
    return found
