"""Workers wait for each other, for a bounded time, before TensorFlow connects them.

TensorFlow's own wait lasts an hour, cannot be interrupted, and mixes up a restarted
worker with what is left of the run before. Here the chief listens on its own address of
TF_CONFIG until every worker has said who it is and what it is about to do; it compares
this with its own and tells all of them the outcome. Then it frees the address for
TensorFlow. Messages are lines of JSON.
"""

import contextlib
import json
import socket
import time

from absl import logging

from egsc_tf.errors import LostWorker, UserError

WAIT_SECONDS = 600
PATIENCE_SECONDS = 5  # with who has connected and says nothing
RETRY_SECONDS = 0.5
LONGEST = 2**20


def meet(cluster, facts, seconds=WAIT_SECONDS):
    """Returns once all workers of a Cluster are there and have the same facts.

    Args:
      facts: {name: JSON value}, what must not differ between workers; a name is what
        messages call it.

    Raises:
      UserError: on all workers, where facts differ; and where our address is in use.
      LostWorker: where others are not there in time.
    """
    port = int(cluster.addresses[cluster.index].rpartition(":")[2])
    both = socket.has_dualstack_ipv6()
    try:
        server = socket.create_server(
            ("", port),
            family=socket.AF_INET6 if both else socket.AF_INET,
            dualstack_ipv6=both,
        )
    except OSError as error:
        raise UserError(
            f"TF_CONFIG: expected {cluster.addresses[cluster.index]} free for this "
            f"process: {error.strerror}"
        ) from error
    logging.info(
        "%s of %d: waiting for the others, %d s at most",
        cluster.name(cluster.index),
        len(cluster.addresses),
        seconds,
    )
    until = time.monotonic() + seconds
    if cluster.is_chief:
        with server:
            problem = _host(cluster, server, facts, until)
    else:
        server.close()  # it was to find out whether the address is free
        # Longer than the chief, who knows who is missing and tells it.
        problem = _visit(cluster, facts, until + PATIENCE_SECONDS)
    if problem:
        raise UserError(problem)


def difference(cluster, facts):
    """None, or how the first worker that differs from the chief does.

    facts: {index: {name: value}} of all workers.
    """
    expected = facts[0]
    for index in sorted(facts):
        told = [
            f"{name} is {facts[index].get(name)!r} there and {value!r} at the chief"
            for name, value in expected.items()
            if facts[index].get(name) != value
        ]
        if told:
            return (
                f"{cluster.name(index)}: expected all that the chief, "
                f"{cluster.addresses[0]}, has; found {'; '.join(told)}"
            )
    return None


def _host(cluster, server, facts, until):
    """The chief's part; returns what is wrong, or None."""
    guests, told = {}, {0: json.loads(json.dumps(facts))}
    everyone = set(range(len(cluster.addresses)))
    with contextlib.ExitStack() as stack:
        while True:
            for index in [i for i, guest in guests.items() if _is_gone(guest)]:
                del guests[index], told[index]
            missing = everyone - set(told)
            if not missing:
                break
            try:
                server.settimeout(_left(until, cluster, missing))
            except LostWorker as error:
                _tell(guests, {"lost": str(error)})
                raise
            with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
                guest = stack.enter_context(server.accept()[0])
                guest.settimeout(PATIENCE_SECONDS)
                hello = _read(guest)
                index, theirs = hello["worker"], dict(hello["facts"])
                if index in everyone - {0}:
                    guests[index], told[index] = guest, theirs
        problem = difference(cluster, told)
        _tell(guests, {"problem": problem})
    return problem


def _tell(guests, answer):
    for guest in guests.values():
        with contextlib.suppress(OSError):
            _write(guest, answer)


def _visit(cluster, facts, until):
    """Another worker's part; returns what is wrong, or None."""
    host, _, port = cluster.addresses[0].rpartition(":")
    while True:
        left = _left(until, cluster, {0})
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
            address = (host.strip("[]"), int(port))
            with socket.create_connection(address, PATIENCE_SECONDS) as chief:
                _write(chief, {"worker": cluster.index, "facts": facts})
                chief.settimeout(left)
                answer = _read(chief)
                if "lost" in answer:
                    raise LostWorker(answer["lost"])
                return answer["problem"]
        time.sleep(RETRY_SECONDS)


def _left(until, cluster, missing):
    """Seconds left to wait for the workers that are missing."""
    left = until - time.monotonic()
    if left <= 0:
        names = ", ".join(map(cluster.name, sorted(missing)))
        raise LostWorker(
            f"expected all {len(cluster.addresses)} workers of TF_CONFIG in time, "
            f"{names} did not come; start all of them"
        )
    return left


def _is_gone(guest):
    """Whether the other end has closed a connection."""
    guest.setblocking(False)
    try:
        return not guest.recv(1, socket.MSG_PEEK)
    except BlockingIOError:
        return False
    except OSError:
        return True
    finally:
        guest.settimeout(PATIENCE_SECONDS)


def _write(connection, message):
    connection.sendall(json.dumps(message).encode() + b"\n")


def _read(connection):
    with connection.makefile("rb") as file:
        return json.loads(file.readline(LONGEST))
