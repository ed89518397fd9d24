"""A function over many items by threads, the results in the items' order."""

import collections
from concurrent.futures import ThreadPoolExecutor

AHEAD = 256


def in_order(function, items, workers=None):
    """Yields (item, function(item)) in the order of `items`.

    An executor's own `map` would fetch all items at once, which may be encoded images;
    here at most AHEAD are under way.
    """
    pool = ThreadPoolExecutor(workers)
    waiting = collections.deque()
    try:
        for item in items:
            waiting.append((item, pool.submit(function, item)))
            if len(waiting) == AHEAD:
                first, future = waiting.popleft()
                yield first, future.result()
        while waiting:
            first, future = waiting.popleft()
            yield first, future.result()
    finally:
        pool.shutdown(cancel_futures=True)
