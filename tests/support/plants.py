"""Values that are not finite, planted into training."""

import numpy as np
import tensorflow as tf
from support.trainers import batches, make_trainer

from egsc_tf.training import divergence

NAN = float("nan")


def in_the_data(trainer, batch):
    x = batch["x_b"].numpy()
    x[0, 0, 2, 3, 0] = NAN  # in the batch of the D update
    return {**batch, "x_b": tf.constant(x)}


def in_a_weight(trainer, batch):
    kernel = trainer.generator.decoder_a.to_rgb.kernel
    kernel.assign(tf.where(tf.range(3) == 1, NAN, kernel))
    return batch


def in_a_loss(trainer, batch):
    losses = trainer.generator_losses

    def spoilt(*args):
        total, logs, fakes = losses(*args)
        return total, {**logs, "G/cycle_b": logs["G/cycle_b"] * np.inf}, fakes

    trainer.generator_losses = spoilt
    return batch


PLANTS = {
    in_the_data: "x_b, D/a, D/b, D/total, D/gradient_norm",
    in_a_weight: "D/a, D/total, D/gradient_norm",
    in_a_loss: "G/cycle_b",
}


def state(trainer, names):
    """All that a step changes, which a failure named so must leave as it is."""
    parts = dict(trainer.parts())
    if "D/" not in names and not trainer.config.fused_update:  # D had moved before
        for name in ("discriminator_a", "discriminator_b", "d_optimizer"):
            del parts[name]
    return {
        f"{name}/{i}": tf.convert_to_tensor(variable).numpy()
        for name, part in parts.items()
        for i, variable in enumerate(
            [part] if isinstance(part, tf.Variable) else part.variables
        )
    }


def spoil(stage, plant, config, xla=False):
    """(trainer at step 6, batch) with a value that is not finite."""
    trainer = make_trainer(stage, config)
    batch = batches(config, 0 if config.fused_update else 1, 1)[0]
    trainer.prepare(batch)
    trainer.train_step(batch)  # Adam has moments now, which move weights by themselves
    trainer.jit_compile_parts = xla
    trainer.step.assign(6)
    return trainer, plant(trainer, batch)


def assert_stopped(trainer, batch, plant):
    names = PLANTS[plant]
    before = state(trainer, names)
    step = tf.function(trainer.train_step)
    for _ in range(2):  # nothing moves from then on
        step(batch)
        after = state(trainer, names)
        for name, value in before.items():
            np.testing.assert_array_equal(value, after[name], err_msg=name)
    assert any(np.abs(value).max() > 0 for value in before.values())
    error = divergence.diverged(trainer)
    found = str(error).partition(" not finite.")[0]
    if trainer.config.fused_update and plant is not in_a_loss:
        # What both losses see is noted for both, before either moves; no norm is.
        expected = names.replace(", D/gradient_norm", ", ")
        assert found.startswith(f"step 7: {expected}")
        assert "G/total" in found
    else:
        assert found == f"step 7: {names}"
    assert ("1 weights were not finite before" in str(error)) == (plant is in_a_weight)
