"""The hosts of a run, as TF_CONFIG names them.

    TF_CONFIG='{"cluster": {"worker": ["host0:2222", "host1:2222"]},
                "task": {"type": "worker", "index": 0}}'

Every process of the run has the same cluster and a task of its own. The first worker,
or the only task of type "chief" where there is one, is the chief: it alone writes.
"""

import dataclasses
import json
import os

from egsc_tf.errors import UserError

VARIABLE = "TF_CONFIG"
JOBS = ("chief", "worker")


@dataclasses.dataclass(frozen=True)
class Cluster:
    """addresses: host:port of every worker, the chief first; index: ours in them."""

    addresses: tuple
    index: int

    @property
    def is_chief(self):
        return self.index == 0

    def name(self, index):
        """What messages call a worker."""
        return f"worker {index} ({self.addresses[index]})"


def from_environment():
    """The Cluster of TF_CONFIG; None: there is none, or it has one worker only.

    A TF_CONFIG with an empty cluster, or without one, is none.

    Raises:
      UserError: for a TF_CONFIG that describes no cluster of this kind.
    """
    text = os.environ.get(VARIABLE, "")
    if not text:
        return None
    try:
        parsed = json.loads(text)
        if isinstance(parsed, dict) and parsed.get("cluster", {}) == {}:
            return None
        jobs, task = parsed["cluster"], parsed["task"]
        kind, index = task["type"], int(task["index"])
        items = [*jobs.items()]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise _bad(
            'JSON as {"cluster": {"worker": ["HOST:PORT", ...]}, "task": {"type": '
            f'"worker", "index": 0}}}}, found {text!r}'
        ) from error
    for job in (*jobs, kind):
        if job not in JOBS:
            raise _bad(f"tasks of the types {' and '.join(JOBS)} only, found {job!r}")
    for job, addresses in items:
        if not isinstance(addresses, list) or not all(map(_is_address, addresses)):
            raise _bad(f"a list of HOST:PORT for {job!r}, found {addresses!r}")
    chiefs, workers = (jobs.get(job, []) for job in JOBS)
    if len(chiefs) > 1:
        raise _bad(f"one chief, found {len(chiefs)}")
    every = (*chiefs, *workers)
    if len(set(every)) < len(every):
        raise _bad(f"an address of its own for every task, found {', '.join(every)}")
    tasks = len(jobs.get(kind, []))
    if not 0 <= index < tasks:
        raise _bad(f"a task index below the {tasks} of type {kind!r}, found {index}")
    if len(every) == 1:
        return None
    return Cluster(every, index + (len(chiefs) if kind == "worker" else 0))


def _is_address(address):
    host, _, port = str(address).rpartition(":")
    return bool(host) and port.isdecimal() and 0 < int(port) < 65536


def _bad(expected):
    return UserError(f"{VARIABLE}: expected {expected}")
