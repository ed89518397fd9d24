"""The operations of a step by hand and as TensorFlow's graph says."""

import dataclasses

import pytest
import tensorflow as tf
from support import formula

from egsc_tf.benchmarking import graph_cost, training
from egsc_tf.benchmarking.synthetic import Synthetic
from egsc_tf.config import Config

BASE = Config(
    height=32,
    width=48,
    ngf=8,
    ndf=8,
    n_encoder=3,
    n_res=1,
    batch_size=2,
    g_update=1,
    perceptual_network="embedded",
)
CASES = {
    "release": {"n_res": 3},
    "two G updates, resize, no masks": {
        "g_update": 2,
        "upsample": "resize",
        "use_masks": False,
    },
    "one pass, recomputed": {"fused_update": True, "gradient_checkpointing": True},
    "recoloured, zeros, no cycle L1, statistics": {
        "content_view": "recoloured",
        "padding": "zero",
        "cycle_weight": 0,
        "style_loss": "statistics",
    },
    "style encoder, no style loss": {"style_code": "encoder", "style_weight": 0.0},
    "recomputed, no AdaIN, no reconstruction": {
        "gradient_checkpointing": True,
        "use_adain": False,
        "recon_weight": 0.0,
    },
    "recomputed, no cycle L1": {"gradient_checkpointing": True, "cycle_weight": 0},
    "one pass, fewer and smaller features": {
        "fused_update": True,
        "perceptual_layers": 4,
        "perceptual_scale": 0.5,
    },
    "no cycle, no GAN": {"cycle_weight": 0, "cycle_kl_weight": 0, "adv_weight": 0},
}

# In each run of the tests; the others in `make test-slow`.
PLAIN = (
    "two G updates, resize, no masks",
    "one pass, recomputed",
    "recoloured, zeros, no cycle L1, statistics",
    "one pass, fewer and smaller features",
)


@pytest.mark.parametrize(
    "flags",
    [
        pytest.param(flags, id=name, marks=[] if name in PLAIN else pytest.mark.slow)
        for name, flags in CASES.items()
    ],
)
def test_formula_and_graph_agree_on_a_step(flags):
    config = dataclasses.replace(BASE, **flags)
    source = Synthetic(config.height, config.width, 4)
    step = training.Step(config, source, tf.distribute.get_strategy())
    counted = step.flops()
    assert formula.training_step(config) == pytest.approx(counted, rel=0.005)


def test_counts_by_hand():
    kernel = tf.Variable(tf.ones([3, 3, 4, 5]))
    image = tf.ones([2, 8, 10, 4])

    @tf.function
    def step(x):
        with tf.GradientTape() as tape:
            y = tf.nn.conv2d(x, kernel, 2, "VALID")  # [2, 3, 4, 5]
            loss = tf.reduce_sum(tf.matmul(y[0, 0], y[0, 1], transpose_a=True))
        kernel.assign_sub(tape.gradient(loss, kernel))
        return loss

    convolution = 2 * (3 * 3 * 4 * 5) * (2 * 3 * 4)
    matmul = 2 * 5 * 5 * 4
    # The convolution and its kernel's gradient, no gradient of the image; the matmul
    # and the gradients of its two sides.
    assert graph_cost.flops(step.get_concrete_function(image)) == (
        2 * convolution + 3 * matmul
    )
