"""Several requests run as one, as TensorFlow Serving does with --enable_batching.

A batch takes requests of one signature until it has the most rows, or has waited long
enough and one of the threads that run batches is free. It is filled up with its first
row to the next allowed size. All its requests end as it ends.
"""

import threading

import numpy as np


class Merging:
    """Args:
    sizes: allowed numbers of rows, increasing; a larger request runs as it is.
    wait: seconds that a batch waits for more.
    threads: batches that run at once.
    """

    def __init__(self, sizes=(1, 2, 4, 8), wait=0.002, threads=2):
        self.sizes, self.wait = sizes, wait
        self._lock, self._open = threading.Lock(), {}
        self._threads = threading.Semaphore(threads)

    def run(self, run, key, inputs):
        """run(inputs), together with others of the same key.

        Args:
          run: {input: array [B, ...]} -> {output: array [B, ...]}.
          key: requests of one key are merged where their rows have the same shapes
            and types.
          inputs: {input: array}.
        """
        rows = {array.shape[:1] for array in inputs.values()}
        (count,) = max(rows, default=()) or (0,)
        if len(rows) > 1 or not 0 < count < self.sizes[-1]:
            return run(inputs)
        kinds = ((name, x.dtype.str, x.shape[1:]) for name, x in sorted(inputs.items()))
        key = (key, *kinds)
        with self._lock:
            batch = self._open.get(key)
            leads = batch is None or batch.rows + count > self.sizes[-1]
            if leads:
                batch = self._open[key] = _Batch()
            mine = slice(batch.rows, batch.rows + count)
            batch.parts.append(inputs)
            batch.rows += count
            if batch.rows == self.sizes[-1]:
                batch.full.set()
                del self._open[key]
        if leads:
            batch.full.wait(self.wait)
            with self._threads:
                with self._lock:
                    if self._open.get(key) is batch:
                        del self._open[key]
                batch.run(run, self.sizes)
        batch.done.wait()
        if batch.error:
            raise batch.error
        return {name: array[mine] for name, array in batch.outputs.items()}


class _Batch:
    def __init__(self):
        self.parts, self.rows = [], 0
        self.full, self.done = threading.Event(), threading.Event()
        self.outputs, self.error = {}, None

    def run(self, run, sizes):
        size = next(size for size in sizes if size >= self.rows)
        first = {name: array[:1] for name, array in self.parts[0].items()}
        parts = self.parts + [first] * (size - self.rows)
        try:
            self.outputs = run(
                {name: np.concatenate([part[name] for part in parts]) for name in first}
            )
        except Exception as error:
            self.error = error
        finally:
            self.done.set()
