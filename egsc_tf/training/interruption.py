"""SIGTERM and SIGINT while training: finish the step, save, leave.

A second signal stops the process at once, with what was saved last.
"""

import signal

from absl import logging

from egsc_tf.errors import Interrupted
from egsc_tf.runtime.keras import keras
from egsc_tf.runtime.signals import SIGNALS, handled_by


class Interruption(keras.callbacks.Callback):
    """Saves and raises Interrupted after the step in which a signal came.

    Args:
      save: () -> None, saves the step that has just been done.
      workers: egsc_tf.distribute.workers.Workers; a signal to one of them stops all, at
        one step.
    """

    def __init__(self, save, workers):
        super().__init__()
        self.save, self.workers = save, workers
        self.signal = None

    def listening(self):
        """Within it, signals wait for the end of the step."""
        return handled_by(self._note)

    def _note(self, number, frame):
        self.signal = signal.Signals(number)
        for each in SIGNALS:
            signal.signal(each, signal.SIG_DFL)
        logging.warning(
            "%s: finishing the step and saving; once more stops at once",
            self.signal.name,
        )

    def on_train_batch_end(self, batch, logs=None):
        if self.workers.any(self.signal is not None):
            self.save()
            self.workers.any(False)  # nobody leaves before the chief has saved
            name = self.signal.name if self.signal else "a signal to another worker"
            raise Interrupted(
                f"{name}: saved at step {self.model.steps_done()}; the same command "
                "goes on from there"
            )
