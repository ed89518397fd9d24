"""Trains stage 1 and the first steps of stage 2 at half size, the others at full size:

python experiments/trials/half_size_first.py FLAGFILE WORKDIR STEPS_AT_HALF_SIZE
"""

import dataclasses
import os
import signal
import sys

import egsc_tf
from egsc_tf import config as config_lib
from egsc_tf.errors import Interrupted
from egsc_tf.runtime.keras import keras
from egsc_tf.training.translation import TranslationTrainer


class StopAt(keras.callbacks.Callback):
    """Ends stage 2 behind a step, as SIGTERM does: what is done is saved."""

    def __init__(self, step):
        super().__init__()
        self.step = step
        self.reached = False

    def on_train_batch_end(self, batch, logs=None):
        del batch, logs
        at = self.model.steps_done()
        if isinstance(self.model, TranslationTrainer) and at == self.step:
            self.reached = True
            os.kill(os.getpid(), signal.SIGTERM)


def main(flagfile, workdir, steps):
    full = config_lib.read(flagfile)
    half = dataclasses.replace(full, height=full.height // 2, width=full.width // 2)
    stop = StopAt(int(steps))
    if not 0 < stop.step < full.total_steps:
        sys.exit(
            f"STEPS_AT_HALF_SIZE: expected 1 to {full.total_steps - 1}, of "
            f"--total_steps={full.total_steps}; found {steps}"
        )
    try:
        egsc_tf.train(half, workdir, callbacks=[stop])
    except Interrupted:
        if not stop.reached:
            raise
    egsc_tf.train(full, workdir, override_run=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
