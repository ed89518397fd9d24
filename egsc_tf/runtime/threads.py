"""A function over many items by threads, the results in the items' order."""

import collections
from concurrent.futures import ThreadPoolExecutor

AHEAD = 256


def in_order(function, items, workers=None, ahead=AHEAD):
    """Yields (item, function(item)) in the order of `items`.

    An executor's own `map` would fetch all items at once, which may be encoded images;
    here at most `ahead` are under way. An error of `items` itself comes behind the
    results of the items before it; an interrupt gives them up.
    """
    items, ended = iter(items), None
    waiting = collections.deque()
    pool = ThreadPoolExecutor(workers)
    try:
        while waiting or not ended:
            while not ended and len(waiting) < ahead:
                try:
                    item = next(items)
                except Exception as end:  # StopIteration, but for an error.
                    ended = end
                else:
                    waiting.append((item, pool.submit(function, item)))
            if waiting:
                item, future = waiting.popleft()
                yield item, future.result()
        if not isinstance(ended, StopIteration):
            raise ended
    finally:
        pool.shutdown(cancel_futures=True)
