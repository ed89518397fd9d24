"""What is random in one update of a trainer, a pure function of (seed, update).

Each draw is made for the *global* batch, and a replica takes its own rows: the number
of replicas changes nothing.
"""

from typing import ClassVar

import tensorflow as tf

from egsc_tf.runtime.noise import standard_normal, standard_uniform
from egsc_tf.training import diff_augment


class Draws:
    """The draws of one update.

    Args:
      config: egsc_tf.config.Config (seed, latent_noise, diff_augment).
      number: of the update in the run: a scalar, also a tensor.
    """

    # The seeds of an update, one a draw: where those of each kind begin and end.
    SEEDS: ClassVar = {"noise": range(1, 8), "augmentation": range(8, 16)}
    OF_UPDATE = 16

    def __init__(self, config, number):
        self.config = config
        self.number = number
        self.left = {kind: iter(seeds) for kind, seeds in self.SEEDS.items()}

    def noise(self, like, parts=1):
        """N(0, latent_noise^2) shaped like `like`, or None where latent_noise is 0.

        like: [parts * B, ...]: the batches of both domains may be stacked.
        """
        if self.config.latent_noise == 0:
            return None
        draws = self._own_rows("noise", standard_normal, like, parts, like.shape[1:])
        return tf.cast(draws * self.config.latent_noise, like.dtype)

    def augmented(self, x, parts=1):
        """Images [parts * B, H, W, 3] as discriminators see them, see
        `egsc_tf.training.diff_augment`; x itself without diff_augment."""
        if not self.config.diff_augment:
            return x
        shape = [diff_augment.NUMBERS]
        numbers = self._own_rows("augmentation", standard_uniform, x, parts, shape)
        return diff_augment.augment(x, numbers)

    def _own_rows(self, kind, draw, like, parts, shape):
        """draw(shape, seed) for this replica's rows of `like`: [parts * B, *shape]."""
        of_update = tf.cast(self.number, tf.int64) * self.OF_UPDATE + next(
            self.left[kind]
        )
        seed = tf.stack([tf.constant(self.config.seed, tf.int64), of_update])
        replica = tf.distribute.get_replica_context()
        rows = tf.shape(like)[0] // parts
        all_rows = rows * replica.num_replicas_in_sync
        draws = draw(tf.concat([[parts, all_rows], shape], axis=0), seed)
        start = replica.replica_id_in_sync_group * rows
        own = draws[:, start : start + rows]
        return tf.reshape(own, tf.concat([[parts * rows], shape], axis=0))


class _None:
    """No noise, z = mu, and discriminators see the images as they are."""

    def noise(self, like, parts=1):
        del like, parts

    def augmented(self, x, parts=1):
        del parts
        return x


NONE = _None()
