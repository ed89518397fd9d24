"""What the two training stages share: updates, noise, schedule, the logged means.

A step is one D update and then g_update G updates, each on a fresh batch (paper,
appendix A); with fused_update, both on one batch and one forward pass of the generator.
Everything random in a step is a pure function of (seed, step).
"""

import tensorflow as tf
from tensorflow import keras

from egsc_tf import divergence, losses
from egsc_tf.models.discriminator import Discriminator


class PolynomialDecay(keras.optimizers.schedules.LearningRateSchedule):
    """lr * (1 - step / total)^0.9, where a step has `updates_per_step` updates."""

    POWER = 0.9

    def __init__(self, learning_rate, total_steps, updates_per_step=1):
        self.learning_rate = learning_rate
        self.total_steps = total_steps
        self.updates_per_step = updates_per_step

    def __call__(self, iterations):
        step = tf.cast(iterations // self.updates_per_step, tf.float32)
        remaining = tf.maximum(1.0 - step / self.total_steps, 0.0)
        return self.learning_rate * remaining**self.POWER

    def over(self, total_steps):
        """The same schedule for another number of steps."""
        return PolynomialDecay(self.learning_rate, total_steps, self.updates_per_step)

    def get_config(self):
        return {
            "learning_rate": self.learning_rate,
            "total_steps": self.total_steps,
            "updates_per_step": self.updates_per_step,
        }


class FusedAdam(keras.optimizers.Adam):
    """Keras' Adam (without amsgrad) by TensorFlow's own operation for it: one pass over
    memory, and 15 nodes of a graph for each variable instead of 37."""

    def update_step(self, gradient, variable):
        slot = self._index_dict[self._var_key(variable)]
        step = tf.cast(self.iterations + 1, variable.dtype)
        tf.raw_ops.ResourceApplyAdam(
            var=variable.handle,
            m=self._momentums[slot].handle,
            v=self._velocities[slot].handle,
            beta1_power=tf.pow(self.beta_1, step),
            beta2_power=tf.pow(self.beta_2, step),
            lr=tf.cast(self.learning_rate, variable.dtype),
            beta1=self.beta_1,
            beta2=self.beta_2,
            epsilon=self.epsilon,
            grad=gradient,
        )


def adam(schedule):
    """Adam as the paper sets it: beta1 0.5, beta2 0.999."""
    optimizer = FusedAdam(
        schedule, beta_1=0.5, beta_2=0.999, epsilon=1e-8, jit_compile=False
    )
    if keras.mixed_precision.global_policy().name == "mixed_float16":
        return keras.mixed_precision.LossScaleOptimizer(optimizer)
    return optimizer


class MeanOfAll(keras.metrics.Mean):
    """The mean of values that are equal on all replicas. Keras' own would add up the
    replicas once more, by two collective operations for each name and step."""

    def add_weight(self, name, **kwargs):
        kwargs["aggregation"] = tf.VariableAggregation.ONLY_FIRST_REPLICA
        kwargs["synchronization"] = tf.VariableSynchronization.ON_WRITE
        return super().add_weight(name, **kwargs)


class AdversarialTrainer(keras.Model):
    """Base of the two stages.

    A subclass has the property `g_variables`, and

    - `twins()` -> [(network of domain a, its like of domain b), ...] of the generator;
    - `generator_losses(batch, noise)` -> (weighted total, {log key: unweighted scalar},
      fakes);
    - `fakes(batch, noise)` -> the same fakes and no more: the images (fake_a, fake_b)
      that the discriminators are to tell from x_a and x_b.

    Args:
      config: egsc_tf.config.Config.
      learning_rate, total_steps, g_update: of this stage.
    """

    def __init__(self, config, learning_rate, total_steps, g_update):
        super().__init__()
        # train_step gives the same on all replicas; Keras adds up workers else.
        self.distribute_reduction_method = "first"
        self.config = config
        self.total_steps = total_steps
        self.g_update = g_update
        self.g_schedule = PolynomialDecay(learning_rate, total_steps, g_update)
        self.g_optimizer = adam(self.g_schedule)
        self.d_optimizer = adam(PolynomialDecay(learning_rate, total_steps))
        self.discriminator_a = Discriminator(**config.discriminator, name="D_a")
        self.discriminator_b = Discriminator(**config.discriminator, name="D_b")
        self.step = tf.Variable(
            0,
            trainable=False,
            dtype=tf.int64,
            aggregation=tf.VariableAggregation.ONLY_FIRST_REPLICA,
        )
        self._means = {}

    def learning_rate(self, total_steps=None):
        """Adam's rate of the generator at this step; of a run of total_steps."""
        schedule = self.g_schedule.over(total_steps or self.total_steps)
        return float(schedule(tf.convert_to_tensor(self.g_optimizer.iterations)))

    @property
    def batches_per_step(self):
        """How many fresh batches of each domain a step takes."""
        return 1 if self.config.fused_update else 1 + self.g_update

    def steps_done(self):
        """The step of the run, resumed or not, as a number."""
        return int(tf.convert_to_tensor(self.step))

    def parts(self):
        """What a checkpoint holds, by name; a subclass adds its networks."""
        return {
            "step": self.step,
            "g_optimizer": self.g_optimizer,
            "d_optimizer": self.d_optimizer,
            "discriminator_a": self.discriminator_a,
            "discriminator_b": self.discriminator_b,
        }

    @property
    def d_variables(self):
        return (
            self.discriminator_a.trainable_variables
            + self.discriminator_b.trainable_variables
        )

    @property
    def metrics(self):
        return list(self._means.values())

    # Nothing here needs AutoGraph (README.md, "Speed").
    @tf.autograph.experimental.do_not_convert
    def train_step(self, batch):
        """One D update, then g_update G updates.

        batch: {name: [B, batches_per_step, H, W, 3]}; axis 1 holds the fresh batches.
        """
        fresh = [
            {name: x[:, i] for name, x in batch.items()}
            for i in range(self.batches_per_step)
        ]
        if self.config.fused_update:
            logs = self.train_both(fresh[0])
        else:
            logs = self.train_discriminators(fresh[0])
            for i, one in enumerate(fresh[1:]):
                logs.update(self.train_generator(one, draw=1 + i))
        self.after_updates()
        self.step.assign_add(1)
        values = tf.distribute.get_replica_context().all_reduce(
            tf.distribute.ReduceOp.MEAN, tf.stack([*logs.values()])
        )
        for name, value in zip(logs, tf.unstack(values)):
            self._means[name].update_state(value)
        return {name: mean.result() for name, mean in self._means.items()}

    def train_discriminators(self, batch):
        """One D update on {x_a, x_b}; returns the logs."""
        fakes = self.fakes(batch, self.noise_source(draw=0))
        return self._update_discriminators(batch, fakes)

    def train_generator(self, batch, draw=1):
        """One G update on {x_a, x_b}; returns the logs. draw: which one of the step."""
        logs, gradients, _ = self._generator_gradients(batch, draw)
        return self._apply(gradients, self.g_optimizer, batch, logs, "G")

    def train_both(self, batch):
        """A D and a G update on one {x_a, x_b} and one pass of G; returns the logs.

        Both gradients are taken before either network moves.
        """
        g_logs, gradients, fakes = self._generator_gradients(batch, draw=0)
        d_logs = self._update_discriminators(batch, fakes)
        g_logs = self._apply(gradients, self.g_optimizer, batch, g_logs, "G")
        return {**d_logs, **g_logs}

    def _generator_gradients(self, batch, draw):
        """(logs, gradients of g_variables, fakes) on {x_a, x_b}."""
        with tf.GradientTape() as tape:
            total, logs, fakes = self.generator_losses(batch, self.noise_source(draw))
            scaled = self._scale(total, self.g_optimizer)
        gradients = tape.gradient(scaled, self.g_variables)
        return {**logs, "G/total": total}, gradients, fakes

    def _update_discriminators(self, batch, fakes):
        """One D update on {x_a, x_b} and (fake_a, fake_b); returns the logs."""
        with tf.GradientTape() as tape:
            total, logs = self.discriminator_losses(batch, fakes)
            scaled = self._scale(total, self.d_optimizer)
        gradients = tape.gradient(scaled, self.d_variables)
        logs = {**logs, "D/total": total}
        return self._apply(gradients, self.d_optimizer, batch, logs, "D")

    def discriminator_losses(self, batch, fakes):
        """(weighted total, logs) of {x_a, x_b} against (fake_a, fake_b)."""
        fake_a, fake_b = (tf.stop_gradient(fake) for fake in fakes)
        d_a = _discriminate(self.discriminator_a, batch["x_a"], fake_a)
        d_b = _discriminate(self.discriminator_b, batch["x_b"], fake_b)
        return self.config.d_weight * (d_a + d_b), {"D/a": d_a, "D/b": d_b}

    def after_updates(self):
        """Called once at the end of a step."""

    def prepare(self, batch):
        """Creates every variable, optimizer slot and metric: call before restoring.

        batch: {name: [b, batches_per_step, H, W, 3]}, any values.
        """
        # One image of each: a device may not hold the batch of all.
        one = {name: x[:1, 0] for name, x in batch.items()}
        _, d_logs = self.discriminator_losses(one, self.fakes(one, no_noise))
        _, g_logs, _ = self.generator_losses(one, no_noise)
        self.g_optimizer.build(self.g_variables)
        self.d_optimizer.build(self.d_variables)
        names = [*d_logs, "D/total", "D/gradient_norm"]
        names += [*g_logs, "G/total", "G/gradient_norm"]
        self._means = {name: MeanOfAll(name) for name in names}
        if self.config.twin_start:
            for network, twin in self.twins():
                copy_weights(network, twin)

    def noise_source(self, draw):
        """A function (like, parts) -> N(0, latent_noise^2) shaped like `like`, or None.

        The draw is a function of (seed, step, draw, call), for the *global* batch; a
        replica takes its own rows, so that the number of replicas changes nothing.
        `like` may be the batches of both domains, stacked: then parts is 2.
        """
        if self.config.latent_noise == 0:
            return no_noise
        replica = tf.distribute.get_replica_context()
        calls = []

        def source(like, parts=1):
            calls.append(None)
            rows = tf.shape(like)[0] // parts
            all_rows = rows * replica.num_replicas_in_sync
            seed = tf.stack(
                [
                    tf.constant(self.config.seed, tf.int64),
                    (self.step * (1 + self.g_update) + draw) * 16 + len(calls),
                ]
            )
            noise = tf.random.stateless_normal(
                tf.concat([[parts, all_rows], tf.shape(like)[1:]], axis=0), seed
            )
            first = replica.replica_id_in_sync_group * rows
            noise = tf.reshape(noise[:, first : first + rows], tf.shape(like))
            return tf.cast(noise * self.config.latent_noise, like.dtype)

        return source

    @staticmethod
    def _scale(loss, optimizer):
        if isinstance(optimizer, keras.mixed_precision.LossScaleOptimizer):
            return optimizer.get_scaled_loss(loss)
        return loss

    def _apply(self, gradients, optimizer, batch, logs, network):
        """Applies the gradient of the *global* batch's mean; returns the logs with its
        norm.

        A replica's loss is the mean over its own rows, so the mean over the replicas
        is the mean over the global batch. It is taken here, once, before the clipping.
        Where a value of batch or logs or the norm is not finite, nothing is applied
        and the step ends in an error that names them (see `egsc_tf.divergence`).

        network: "D" or "G", whose gradients these are.
        """
        variables = {"D": self.d_variables, "G": self.g_variables}[network]
        checked = {**batch, **logs}
        if isinstance(optimizer, keras.mixed_precision.LossScaleOptimizer):
            gradients = optimizer.get_unscaled_gradients(gradients)
        *gradients, bad = tf.distribute.get_replica_context().all_reduce(
            tf.distribute.ReduceOp.MEAN, [*gradients, divergence.not_finite(checked)]
        )
        with tf.name_scope(f"optimizer_{network.lower()}"):
            norm = self._clip_and_apply(
                gradients, variables, optimizer, network, [*checked], bad
            )
        return {**logs, f"{network}/gradient_norm": norm}

    def _clip_and_apply(self, gradients, variables, optimizer, network, names, bad):
        """Applies gradients, if all is finite; returns their norm.

        names, bad: see `divergence.require_finite`.
        """
        norm = tf.linalg.global_norm(gradients)
        if not isinstance(optimizer, keras.mixed_precision.LossScaleOptimizer):
            # An infinite gradient is how a loss scale is found; the optimizer skips it.
            names = [*names, f"{network}/gradient_norm"]
            bad = tf.concat([bad, divergence.not_finite({"norm": norm})], axis=0)
        with divergence.require_finite(names, bad, self.step + 1):
            gradients = [tf.identity(g) for g in gradients]
        if self.config.clip_norm > 0:
            gradients, _ = tf.clip_by_global_norm(
                gradients, self.config.clip_norm, use_norm=norm
            )
        optimizer.apply_gradients(
            zip(gradients, variables), skip_gradients_aggregation=True
        )
        return norm


def copy_weights(network, to):
    """Gives a network's weights to another one like it."""
    for variable, other in zip(network.variables, to.variables):
        other.assign(variable)


def _discriminate(discriminator, real, fake):
    """The loss of a discriminator, which sees both in one batch."""
    logits = discriminator(tf.concat([real, tf.cast(fake, real.dtype)], axis=0))
    return losses.discriminator_loss(*tf.split(logits, 2))


def no_noise(like, parts=1):
    """The noise source of z = mu."""
    del like, parts
