"""A function over many items by threads, the results in the items' order."""

import collections
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Optional, TypeVar

AHEAD = 256
Item = TypeVar("Item")
Result = TypeVar("Result")


def in_order(
    function: Callable[[Item], Result],
    items: Iterable[Item],
    workers: Optional[int] = None,
    ahead: int = AHEAD,
) -> Iterator[tuple[Item, Result]]:
    """Yields (item, function(item)) in the order of `items`.

    An executor's own `map` would fetch all items at once, which may be encoded images;
    here at most `ahead` are under way. An error of `items` itself comes behind the
    results of the items before it; an interrupt gives them up.
    """
    source: Iterator[Item] = iter(items)
    ended: Optional[Exception] = None
    waiting: collections.deque[tuple[Item, Future[Result]]] = collections.deque()
    pool = ThreadPoolExecutor(workers)
    try:
        while waiting or not ended:
            while not ended and len(waiting) < ahead:
                try:
                    item = next(source)
                except Exception as end:  # StopIteration, but for an error.
                    ended = end
                else:
                    waiting.append((item, pool.submit(function, item)))
            if waiting:
                item, future = waiting.popleft()
                yield item, future.result()
        if ended and not isinstance(ended, StopIteration):
            raise ended
    finally:
        pool.shutdown(cancel_futures=True)
