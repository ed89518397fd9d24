"""Folders of runs for tests, without training."""

from egsc_tf.config import Config
from egsc_tf.run import untrained as untrained_run

TINY = {
    "ngf": 4,
    "n_encoder": 2,
    "n_res": 1,
    "height": 16,
    "width": 16,
    "batch_size": 2,
}
# Of whole runs of `python -m egsc_tf.train` that take seconds.
TINY_FLAGS = (
    "--height=12",
    "--width=12",
    "--n_encoder=1",
    "--n_res=1",
    "--n_dis=2",
    "--ngf=4",
    "--ndf=4",
    "--batch_size=4",
    "--g_update=1",
    "--mask_steps=40",
    "--perceptual_network=embedded",
    "--style_loss=statistics",
    "--sample_every=10",
    "--checkpoint_every=1",
)


def untrained(folder, **flags):
    """Writes the folder of a run as it is at step 0 of stage 2; returns its path."""
    defaults = {**TINY, "perceptual_network": "embedded", "seed": 3}
    return untrained_run.write(folder, Config(**{**defaults, **flags}))
