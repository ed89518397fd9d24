"""How long a call takes: warm-up, then many times, as median and spread.

A shared machine's speed swings within a minute. What is compared with the machine's
peak is therefore measured in turn with it.
"""

import dataclasses
import statistics
import time

FEWEST, MOST = 3, 1000
PEAK_EVERY = 2.0  # seconds


@dataclasses.dataclass(frozen=True)
class Times:
    """Seconds of single calls, in order, and the machine's peaks beside them."""

    seconds: tuple
    peaks: tuple = ()  # GFLOP/s

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

    def rate(self, flops):
        """{"gflops", "peak_gflops", "share_of_peak"} of calls of `flops` operations."""
        gflops = flops / self.median / 1e9
        peak = statistics.median(self.peaks)
        return {
            "gflops": gflops,
            "peak_gflops": peak,
            "share_of_peak": gflops / peak,
        }


def measure(call, seconds, warm_up=2, peak=None):
    """Times of at least FEWEST calls, for about `seconds`.

    Args:
      call: () -> anything, done when it returns.
      seconds: after which no further call starts.
      warm_up: calls before, which are not counted: they trace, allocate, fill caches.
      peak: () -> GFLOP/s; asked at the start, at the end and every PEAK_EVERY seconds.
    """
    for _ in range(warm_up):
        call()
    taken, peaks = [], [peak()] if peak else []
    asked = time.perf_counter()
    end = asked + seconds
    last = False
    while not last:
        start = time.perf_counter()
        call()
        done = time.perf_counter()
        taken.append(done - start)
        last = len(taken) >= FEWEST and (done >= end or len(taken) >= MOST)
        if peak and (last or done - asked > PEAK_EVERY):
            peaks.append(peak())
            asked = time.perf_counter()
    return Times(tuple(taken), tuple(peaks))
