"""How fast stage 2 trains: the step alone, and with its input."""

import time

import tensorflow as tf

from egsc_tf.benchmarking import clock, graph_cost, parts
from egsc_tf.data.stream import stream
from egsc_tf.models import vgg
from egsc_tf.models.encoder import Encoder
from egsc_tf.runtime import memory
from egsc_tf.training.translation import TranslationTrainer


class Step:
    """The compiled step of an untrained run, and batches for it."""

    def __init__(self, config, source, strategy, xla=False):
        self.config, self.strategy, self.xla = config, strategy, xla
        with strategy.scope():
            phi = vgg.of_config(config)
            features = [Encoder(**config.network, name=f"F_{d}") for d in "ab"]
            self.trainer = TranslationTrainer(config, *features, phi, xla)
            data = stream(source, config, 0, self.trainer.batches_per_step)
            self.trainer.prepare(next(iter(data)))
        self.input = iter(strategy.experimental_distribute_dataset(data))
        self.batch = next(self.input)
        self.traces = 0

        @tf.function
        def step(batch):
            self.traces += 1  # runs while tracing only
            logs = strategy.run(self.trainer.train_step, args=(batch,))
            return strategy.reduce("MEAN", logs["G/total"], axis=None)

        self.function = step

    def flops(self):
        """Operations of a step, counted in its graph; XLA and functions that updates
        share, which hide them, are left out for it."""
        trainer, function = self.trainer, self.function
        before = trainer.jit_compile_parts, trainer.share_parts
        if any(before):
            trainer.jit_compile_parts = trainer.share_parts = False
            function = tf.function(
                lambda batch: self.strategy.run(trainer.train_step, args=(batch,))
            )
        concrete = function.get_concrete_function(self.batch)
        trainer.jit_compile_parts, trainer.share_parts = before
        return graph_cost.flops(concrete)

    def __call__(self, batch=None):
        """One step; waits for its end."""
        return self.function(self.batch if batch is None else batch).numpy()


def measure(config, source, strategy, seconds, peak, xla=False):
    """The numbers of the training step; see docs/results/speed.md.

    Args:
      config: egsc_tf.config.Config; source: of images (see `egsc_tf.data.stream`).
      strategy: of tf.distribute.
      seconds: how long the step is repeated, alone and again with its input.
      peak: of the machine, see `clock.measure`.
      xla: whether XLA compiles the step.

    Raises:
      AssertionError: where the step was traced again while it was measured.
    """
    step = Step(config, source, strategy, xla)
    step()
    traces = step.traces
    times, before, most = memory.peak_bytes(
        lambda: clock.measure(step, seconds, peak=peak)
    )
    waited, with_input = _with_input(step, seconds)
    flops = step.flops()
    shares = {} if xla else parts.time_by_part(step)
    if step.traces != traces:
        raise AssertionError(f"the step was traced {step.traces} times, not {traces}")
    return {
        "step": times.report(),
        "images_per_s": config.batch_size * config.g_update / times.median,
        "flops": flops,
        **times.rate(flops),
        "step_with_input": with_input.report(),
        "input_stall": sum(waited.seconds) / sum(with_input.seconds),
        "memory_before_bytes": before,
        "peak_memory_bytes": most,
        "time_by_part": shares,
    }


def _with_input(step, seconds):
    """(Times of waiting for the next batch, Times of whole steps with it)."""
    waits = []

    def once():
        start = time.perf_counter()
        batch = next(step.input)
        waits.append(time.perf_counter() - start)
        step(batch)

    whole = clock.measure(once, seconds)
    return clock.Times(tuple(waits[-len(whole.seconds) :])), whole
