"""How long a call takes: warm-up, then many times, as median and spread."""

import dataclasses
import statistics
import time

FEWEST, MOST = 3, 1000


@dataclasses.dataclass(frozen=True)
class Times:
    """Seconds of single calls, in order."""

    seconds: tuple

    @property
    def median(self):
        return statistics.median(self.seconds)

    def report(self):
        """{"median_s", "quartiles_s", "calls"}: the spread is between the quartiles."""
        quartiles = statistics.quantiles(self.seconds, n=4)
        return {
            "median_s": self.median,
            "quartiles_s": [quartiles[0], quartiles[2]],
            "calls": len(self.seconds),
        }


def measure(call, seconds, warm_up=2):
    """Times of at least FEWEST calls, for about `seconds`.

    Args:
      call: () -> anything, done when it returns.
      seconds: after which no further call starts.
      warm_up: calls before, which are not counted: they trace, allocate, fill caches.
    """
    for _ in range(warm_up):
        call()
    taken = []
    end = time.perf_counter() + seconds
    while len(taken) < FEWEST or (time.perf_counter() < end and len(taken) < MOST):
        start = time.perf_counter()
        call()
        taken.append(time.perf_counter() - start)
    return Times(tuple(taken))
