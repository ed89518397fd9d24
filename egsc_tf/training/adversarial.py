"""What all trainers share: updates, noise, schedule, the logged means.

A step is one D update and then g_update G updates, each on a fresh batch (paper,
appendix A); with fused_update, both on one batch and one forward pass of the generator.
Everything random in a step is a pure function of (seed, step).
"""

import math

import tensorflow as tf

from egsc_tf import losses
from egsc_tf.data.augmentation import finish
from egsc_tf.domains import DOMAINS
from egsc_tf.models import vgg
from egsc_tf.models.discriminator import Discriminator
from egsc_tf.runtime import xla
from egsc_tf.runtime.keras import keras
from egsc_tf.runtime.keras_methods import without
from egsc_tf.training import divergence, own_data
from egsc_tf.training.divergence import Checked, not_finite
from egsc_tf.training.draws import NONE, Draws
from egsc_tf.training.optimizer import LossScaleOptimizer, PolynomialDecay, adam


class MeanOfAll(keras.metrics.Mean):
    """The mean of values that are equal on all replicas. Keras' own would add up the
    replicas once more, by two collective operations for each name and step."""

    def add_weight(self, name, **kwargs):
        kwargs["aggregation"] = tf.VariableAggregation.ONLY_FIRST_REPLICA
        kwargs["synchronization"] = tf.VariableSynchronization.ON_WRITE
        return super().add_weight(name, **kwargs)


_TRANSLATE = "egsc_tf.Translator.of_trainer(trainer).translate(content, exemplar)"
_SCORE = "egsc_tf.evaluate(workdir) of a run that egsc_tf.train made"
_FIT = "fit(dataset)"
_WEIGHTS = "egsc_tf.Translator.of_trainer(trainer).save_weights(path)"


@without(
    {
        "predict": _TRANSLATE,
        "predict_on_batch": _TRANSLATE,
        "evaluate": _SCORE,
        "test_on_batch": _SCORE,
        "train_on_batch": _FIT,
        "save": _WEIGHTS,
        "export": _WEIGHTS,
        "get_config": _WEIGHTS,
    }
)
class AdversarialTrainer(keras.Model):
    """Base of the trainers of both stages, and of students.

    A subclass has the property `g_variables`, and

    - `twins()` -> [(network of domain a, its like of domain b), ...] of the generator;
    - `generator_losses(batch, draws)` -> (weighted total, {log key: unweighted scalar},
      fakes);
    - `fakes(batch, draws)` -> the same fakes and no more: the images (fake_a, fake_b)
      that the discriminators are to tell from x_a and x_b.

    `draws` are the `Draws` of the update, or NONE.

    Args:
      config: egsc_tf.config.Config.
      learning_rate, total_steps, g_update: of this stage.
      jit_compile: whether XLA compiles what a step computes between the sums over the
        replicas: the losses with their gradients, and the update. The update of
        mixed_float16, which finds a loss scale, is not compiled.
    """

    # What to try where the discriminators win, for egsc_tf.training.health.
    discriminator_advice = (
        "a lower --d_weight or --ndf, or --discriminator_norm=instance"
    )

    def __init__(self, config, learning_rate, total_steps, g_update, jit_compile=False):
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
        self.checked = {}
        self._means = {}
        self.jit_compile_parts, self.share_parts = jit_compile, self.g_update > 1
        self._functions = {}

    def learning_rate(self, total_steps=None):
        """Adam's rate of the generator at this step; of a run of total_steps."""
        schedule = self.g_schedule.over(total_steps or self.total_steps)
        return float(schedule(tf.convert_to_tensor(self.g_optimizer.iterations)))

    def look_with(self, phi):
        """Sets the PerceptualNetwork, or None where both perceptual weights are 0.

        Raises:
          ValueError: where a perceptual loss has a weight and phi is None.
        """
        self.perceptual = vgg.is_needed(self.config)
        if self.perceptual and phi is None:
            raise ValueError(
                "phi: expected a PerceptualNetwork, as style_weight is "
                f"{self.config.style_weight} and content_weight "
                f"{self.config.content_weight}; found None"
            )
        self.phi = phi

    def features(self, x):
        """phi_1 ... of images, as many and of the size that the Config asks for."""
        config = self.config
        return self.phi(x, config.perceptual_layers, round(1 / config.perceptual_scale))

    def perceptual_logs(self, made, style, content):
        """{"G/style", "G/content"}, those that have a weight.

        Args:
          made, style, content: `features` of translations of both directions, and of
            the images whose style and content they are to have, row by row. The losses
            are means over the rows, the paper's are sums over the directions.
        """
        logs = {}
        if self.config.style_weight > 0:
            loss = losses.STYLE_LOSSES[self.config.style_loss]
            logs["G/style"] = 2.0 * loss(made, style)
        if self.config.content_weight > 0:
            logs["G/content"] = 2.0 * losses.content_loss(made, content)
        return logs

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

    def fit(self, x=None, *, callbacks=None, **kwargs):
        """keras.Model.fit, which raises Diverged behind a step whose data, losses or
        gradients were not finite. What follows x is named.

        Args:
          x: a tf.data.Dataset of {"x_a", "x_b"}: batches [B, H, W, 3] of images of the
            two domains, of the Config's size, float in [-1, 1] or uint8. Each step
            takes `batches_per_step` of them, so `repeat()` a short one. Or a dataset
            of what `train_step` takes.

        Raises:
          UserError: for anything else, or a dataset of fewer batches than a step takes,
            naming what was expected.
        """
        own_data.require_dataset(x)
        if isinstance(x, tf.data.Dataset):
            x = own_data.by_steps(x, self.config, self.batches_per_step)
            if not self._means:
                batch = own_data.first(x, self.batches_per_step)
                own_data.check_range(batch)
                with self.distribute_strategy.scope():
                    self.prepare(batch)
        callbacks = [divergence.StopOnNaN(), *(callbacks or ())]
        return super().fit(x, callbacks=callbacks, **kwargs)

    # Nothing here needs AutoGraph (docs/results/speed.md).
    @tf.autograph.experimental.do_not_convert
    def train_step(self, batch):
        """One D update, then g_update G updates; none once a value was not finite.

        batch: {name: [B, batches_per_step, ...]}, of `egsc_tf.data.stream`, or of x_a
          and x_b alone, [B, batches_per_step, H, W, 3], uint8 or float in [-1, 1]; axis
          1 holds the fresh batches.
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
        going = self.all_finite()
        if self.averaged()[0]:
            self._run(self.average, going)
        self.step.assign_add(tf.cast(going, tf.int64))
        values = tf.distribute.get_replica_context().all_reduce(
            tf.distribute.ReduceOp.MEAN, tf.stack([*logs.values()])
        )
        for name, value in zip(logs, tf.unstack(values)):
            self._means[name].update_state(value)
        return {name: mean.result() for name, mean in self._means.items()}

    def train_discriminators(self, batch):
        """One D update on {x_a, x_b}; returns the logs."""
        return self._apply("D", *self._run(self.d_gradients, batch, self._draw(0)))

    def train_generator(self, batch, draw=1):
        """One G update on {x_a, x_b}; returns the logs. draw: which one of the step."""
        return self._apply("G", *self._run(self.g_gradients, batch, self._draw(draw)))

    def train_both(self, batch):
        """A D and a G update on one {x_a, x_b} and one pass of G; returns the logs.

        Both gradients are taken before either network moves.
        """
        of_d, of_g = self._run(self.both_gradients, batch, self._draw(0))
        going, replica = self.all_finite(), tf.distribute.get_replica_context()
        bad = replica.all_reduce(tf.distribute.ReduceOp.MEAN, [of_d[-1], of_g[-1]])
        for checked, of_one in zip(self.checked.values(), bad):  # before D moves
            checked.note(tf.concat([of_one, [0.0]], axis=0), where=going)
        return {**self._apply("D", *of_d), **self._apply("G", *of_g)}

    def _run(self, function, *inputs):
        """function(*inputs), compiled by XLA where that is wanted.

        The G updates of a step share one trace of it. Where there is but one G update,
        a function of its own would gain nothing.

        function: a method without sums over the replicas; inputs: tensors (no
        variables) or plain Python values.
        """
        compiles = self.jit_compile_parts
        if not compiles and (not self.share_parts or tf.executing_eagerly()):
            return function(*inputs)
        key = function.__name__, compiles
        if key not in self._functions:
            wrap = xla.compiled if compiles else _shared
            self._functions[key] = wrap(function)
        return self._functions[key](*inputs)

    def d_gradients(self, batch, draw):
        """(logs, gradients of d_variables, [N] `not_finite`) on {x_a, x_b}."""
        batch, draws = finish(batch), self.draws(draw)
        return self._d_gradients(batch, self.fakes(batch, draws), draws)

    def g_gradients(self, batch, draw):
        """(logs, gradients of g_variables, [N] `not_finite`) on {x_a, x_b}."""
        return self._g_gradients(finish(batch), self.draws(draw))[0]

    def both_gradients(self, batch, draw):
        """What `d_gradients` and `g_gradients` give, from one pass of G."""
        batch, draws = finish(batch), self.draws(draw)
        of_g, fakes = self._g_gradients(batch, draws)
        return self._d_gradients(batch, fakes, draws), of_g

    def _g_gradients(self, batch, draws):
        with tf.GradientTape() as tape:
            total, logs, fakes = self.generator_losses(batch, draws)
            scaled = _scaled(total, self.g_optimizer)
        gradients = tape.gradient(scaled, self.g_variables)
        gradients = _unscaled(gradients, self.g_optimizer)
        logs = {**logs, "G/total": total}
        return (logs, gradients, not_finite(_checked(batch, logs))), fakes

    def _d_gradients(self, batch, fakes, draws):
        with tf.GradientTape() as tape:
            total, logs = self.discriminator_losses(batch, fakes, draws)
            scaled = _scaled(total, self.d_optimizer)
        gradients = tape.gradient(scaled, self.d_variables)
        gradients = _unscaled(gradients, self.d_optimizer)
        logs = {**logs, "D/total": total}
        return logs, gradients, not_finite(_checked(batch, logs))

    def discriminator_losses(self, batch, fakes, draws):
        """(weighted total, logs) of {x_a, x_b} against (fake_a, fake_b)."""
        logs = {}
        for domain, fake in zip(DOMAINS, fakes):
            real = batch[f"x_{domain}"]
            both = tf.concat([real, tf.cast(tf.stop_gradient(fake), real.dtype)], 0)
            logits = tf.split(self.judge(domain, both, draws, parts=2), 2)
            logs[f"D/{domain}"] = losses.discriminator_loss(*logits)
        return self.config.d_weight * (logs["D/a"] + logs["D/b"]), logs

    def judge(self, domain, x, draws, parts=1):
        """Logits [parts * B, h, w, 1] of the discriminator of a domain, "a" or "b".

        Args:
          x: [parts * B, H, W, 3] in [-1, 1]: batches of images, stacked.
          draws: of the update; each of the batches is augmented by draws of its own.
        """
        judges = {"a": self.discriminator_a, "b": self.discriminator_b}
        return judges[domain](draws.augmented(x, parts))

    def adversarial_logs(self, fakes, draws):
        """{"G/adv_a", "G/adv_b"} of the images (fake_a, fake_b)."""
        return {
            f"G/adv_{domain}": losses.adversarial_loss(self.judge(domain, fake, draws))
            for domain, fake in zip(DOMAINS, fakes)
        }

    def averaged(self):
        """(averages, the variables that they follow at the end of each step)."""
        return (), ()

    def average(self, going):
        """Moves the averages towards their variables, where `going`, a bool tensor, is
        true; early on, with a shorter memory than --ema_decay."""
        step = tf.cast(self.step, tf.float32)
        decay = tf.minimum(self.config.ema_decay, (1.0 + step) / (10.0 + step))
        with tf.name_scope("ema"):
            for average, variable in zip(*self.averaged()):
                moved = decay * average + (1.0 - decay) * variable
                average.assign(tf.where(going, moved, average))

    def prepare(self, batch):
        """Creates every variable, optimizer slot and metric: call before restoring.

        batch: as of `train_step`, any values.
        """
        # One image of each: a device may not hold the batch of all.
        one = finish({name: x[:1, 0] for name, x in batch.items()})
        _, d_logs = self.discriminator_losses(one, self.fakes(one, NONE), NONE)
        _, g_logs, _ = self.generator_losses(one, NONE)
        self.g_optimizer.build(self.g_variables)
        self.d_optimizer.build(self.d_variables)
        names = {
            "D": [*d_logs, "D/total", "D/gradient_norm"],
            "G": [*g_logs, "G/total", "G/gradient_norm"],
        }
        self._means = {name: MeanOfAll(name) for name in names["D"] + names["G"]}
        self.checked = {k: Checked([*sorted(one), *of]) for k, of in names.items()}
        if self.config.twin_start:
            for network, twin in self.twins():
                copy_weights(network, twin)

    def draws(self, number):
        """What is random in the update of that number of the run."""
        return Draws(self.config, number)

    def _draw(self, number):
        """The number of an update's draw in the run; number: of it in the step.

        It hangs on the step's variable also so that it is no constant: TensorFlow would
        make a copy of a shared function for each constant that it is called with.
        """
        return self.step * (1 + self.g_update) + number

    def all_finite(self):
        """A bool tensor: whether no update has met a value that is not finite."""
        return tf.reduce_all([each.all_finite() for each in self.checked.values()])

    def _apply(self, network, logs, gradients, bad):
        """Applies the gradient of the *global* batch's mean; returns the logs with its
        norm.

        A replica's loss is the mean over its own rows, so the mean over the replicas
        is the mean over the global batch. It is taken here, once, before the clipping.
        Where a value, of any replica, or the norm is not finite, that is noted, and
        nothing is applied from then on (see `egsc_tf.training.divergence`).

        network: "D" or "G", whose gradients these are.
        """
        *gradients, bad = tf.distribute.get_replica_context().all_reduce(
            tf.distribute.ReduceOp.MEAN, [*gradients, bad]
        )
        _, optimizer = self._moved(network)
        if isinstance(optimizer, LossScaleOptimizer):
            norm = self._update(gradients, bad, network)  # sums over replicas itself
        else:
            norm = self._run(self._update, gradients, bad, network)
            optimizer.iterations.assign_add(tf.cast(self.all_finite(), tf.int64))
        return {**logs, f"{network}/gradient_norm": norm}

    def _update(self, gradients, bad, network):
        """Moves the variables of "D" or "G", if all is finite; returns the norm."""
        variables, optimizer = self._moved(network)
        # An infinite gradient is how a loss scale is found; the optimizer skips it.
        finds_scale = isinstance(optimizer, LossScaleOptimizer)
        with tf.name_scope(f"optimizer_{network.lower()}"):
            norm = tf.linalg.global_norm(gradients)
            bad_norm = tf.zeros([1]) if finds_scale else not_finite({"norm": norm})
            bad = tf.concat([bad, bad_norm], axis=0)
            self.checked[network].note(bad, where=self.all_finite())
            going = self.all_finite()
            if self.config.clip_norm > 0:
                gradients, _ = tf.clip_by_global_norm(
                    gradients, self.config.clip_norm, use_norm=norm
                )
            # NaN makes an optimizer that finds the scale leave the update out.
            left_out = math.nan if finds_scale else 0.0
            gradients = [tf.where(going, g, left_out) for g in gradients]
            if finds_scale:
                optimizer.apply_gradients(
                    zip(gradients, variables), skip_gradients_aggregation=True
                )
            else:
                optimizer.move(gradients, variables, where=going)
        return norm

    def _moved(self, network):
        """(variables, optimizer) of "D" or "G"."""
        return {
            "D": (self.d_variables, self.d_optimizer),
            "G": (self.g_variables, self.g_optimizer),
        }[network]


def _shared(function):
    """A tf.function that stays one: TensorFlow would put a copy of it into the step for
    each call, and optimize each copy anew."""
    return tf.function(
        function,
        autograph=False,
        experimental_attributes={"_noinline": True},
    )


def _checked(batch, logs):
    """{name: value} of all that must be finite, in an order that never changes."""
    return {**{name: batch[name] for name in sorted(batch)}, **logs}


def _scaled(loss, optimizer):
    if isinstance(optimizer, LossScaleOptimizer):
        return optimizer.get_scaled_loss(loss)
    return loss


def _unscaled(gradients, optimizer):
    if isinstance(optimizer, LossScaleOptimizer):
        return optimizer.get_unscaled_gradients(gradients)
    return gradients


def twins_of(generator):
    """[(network of domain a, its like of domain b), ...] of a Generator."""
    g = generator
    pairs = [(g.encoder_a, g.encoder_b), (g.decoder_a, g.decoder_b)]
    if g.style_encoder_a is not None:
        pairs.append((g.style_encoder_a, g.style_encoder_b))
    return pairs


def copy_weights(network, to):
    """Gives a network's weights to another one like it."""
    for variable, other in zip(network.variables, to.variables):
        other.assign(variable)
