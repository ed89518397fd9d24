"""How much a served model bears: requests a second and their latency, by load."""

import itertools
import statistics
import threading
import time
from concurrent import futures

from egsc_tf.export.clients.folder import sent

GROWTH = 4  # from one load to the next
HEAD = """\
| clients | requests/s | images/s | p50 ms | p99 ms | requests |
|---|---|---|---|---|---|"""


def loads(most):
    """1, 4, 16, ... and `most`: how many clients ask at once."""
    powers = itertools.takewhile(
        lambda n: n < most, (GROWTH**k for k in itertools.count())
    )
    return [*powers, most]


def measure(
    client,
    inputs,
    exemplar,
    direction="a2b",
    strength=1.0,
    batch_size=1,
    most=16,
    seconds=10.0,
    own_size=False,
):
    """Asks a server for translations, as fast as it answers, by more and more clients.

    The exemplar's style is encoded once, before. A client waits for its answer before
    it asks again. The first request of each is not counted.

    Args:
      client: egsc_tf.export.client.Client.
      inputs: paths of contents, asked for in turn.
      exemplar: path.
      direction, strength, batch_size, own_size: as of `folder.translate_files`.
      most: how many clients ask at once at the end.
      seconds: of each load.

    Yields:
      {"clients", "requests", "requests_per_s", "images_per_s", "p50_s", "p99_s",
      "largest_s"} of each load. Seconds are of whole requests: sending, waiting,
      translating, receiving.

    Raises:
      CallFailed: where the server does not do its part.
      UserError: for a file that does not decode.
    """
    contents = [sent(path) for path in inputs]
    (style,) = client.encode_style_bytes([sent(exemplar)], direction, own_size)
    for clients in loads(most):
        yield _measure_one(
            lambda batch: client.translate_with_style_bytes(
                batch, [style], strength, direction, own_size
            ),
            contents,
            batch_size,
            clients,
            seconds,
        )


def _measure_one(ask, contents, batch_size, clients, seconds):
    """The numbers of one load; ask: [bytes] -> anything, when it is answered."""
    ready = threading.Barrier(clients)

    def one(number):
        mine = itertools.cycle(contents[number % len(contents) :] + contents)
        ask(list(itertools.islice(mine, batch_size)))
        ready.wait()
        taken, end = [], time.perf_counter() + seconds
        began = time.perf_counter()
        while began < end or not taken:
            ask(list(itertools.islice(mine, batch_size)))
            now = time.perf_counter()
            taken.append(now - began)
            began = now
        return taken

    with futures.ThreadPoolExecutor(clients) as pool:
        tasks = [pool.submit(one, number) for number in range(clients)]
        for task in futures.as_completed(tasks):
            if task.exception():
                ready.abort()  # the others wait for it
        by_client = [task.result() for task in _by_cause(tasks)]
    took = sorted(itertools.chain(*by_client))
    # Each client's own time: the last answers come when others have stopped.
    rate = sum(len(taken) / sum(taken) for taken in by_client)
    return {
        "clients": clients,
        "requests": len(took),
        "requests_per_s": rate,
        "images_per_s": batch_size * rate,
        "p50_s": statistics.median(took),
        "p99_s": took[min(len(took) - 1, int(0.99 * len(took)))],
        "largest_s": took[-1],
    }


def _by_cause(tasks):
    """Those that failed by themselves first, then those that waited for them."""
    return sorted(
        tasks,
        key=lambda task: isinstance(task.exception(), threading.BrokenBarrierError),
    )


def line(row):
    """The numbers of a load as Markdown, below HEAD."""
    return (
        f"| {row['clients']} | {row['requests_per_s']:.2f} | "
        f"{row['images_per_s']:.2f} | {1e3 * row['p50_s']:.0f} | "
        f"{1e3 * row['p99_s']:.0f} | {row['requests']} |"
    )
