"""Adam and the schedule of its rate, as the paper sets them (appendix A)."""

import tensorflow as tf

from egsc_tf.runtime.keras import keras

LossScaleOptimizer = keras.mixed_precision.LossScaleOptimizer


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
    memory, and few nodes of a graph for each variable."""

    @property
    def learning_rate(self):
        """The rate of the next update, a scalar: the schedule's, at this iteration."""
        return self._learning_rate(self.iterations)

    def update_step(self, gradient, variable):
        """One variable's part of Keras' own apply_gradients."""
        self.move([gradient], [variable])

    def move(self, gradients, variables, where=True):
        """Moves the variables of this replica, but not `iterations`, which counts.

        gradients: finite, and on all replicas the same. where: a bool tensor; where it
        is false every factor is chosen so that nothing moves. There is no branch, which
        a strategy with several replicas would not take here.
        """
        step = tf.cast(self.iterations + 1, tf.float32)
        factors = {
            "beta1_power": tf.pow(self.beta_1, step),
            "beta2_power": tf.pow(self.beta_2, step),
            "lr": tf.where(where, self.learning_rate, 0.0),
            "beta1": tf.where(where, self.beta_1, 1.0),
            "beta2": tf.where(where, self.beta_2, 1.0),
        }
        for gradient, variable in zip(gradients, variables):
            slot = self._index_dict[self._var_key(variable)]
            tf.raw_ops.ResourceApplyAdam(
                var=variable.handle,
                m=self._momentums[slot].handle,
                v=self._velocities[slot].handle,
                epsilon=self.epsilon,
                grad=gradient,
                **factors,
            )


def adam(schedule):
    """Adam as the paper sets it: beta1 0.5, beta2 0.999."""
    optimizer = FusedAdam(
        schedule, beta_1=0.5, beta_2=0.999, epsilon=1e-8, jit_compile=False
    )
    if keras.mixed_precision.global_policy().name == "mixed_float16":
        return LossScaleOptimizer(optimizer)
    return optimizer
