"""The golden numbers of the released implementation, and their names in our networks.

tests/data/*.npz: inputs, weights, every output and loss of one step, and the weights
after one D and one G update, computed once with the authors' TensorFlow 1 graph.
"""

import os

import numpy as np
import tensorflow as tf
from support.paths import DATA

from egsc_tf.config import Config
from egsc_tf.models.vgg import PerceptualNetwork
from egsc_tf.official import names

FILES = {
    "single_28x28": {"n_encoder": 1, "ngf": 8, "ndf": 8, "height": 28, "width": 28},
    "multi_32x48": {"n_encoder": 3, "ngf": 4, "ndf": 4, "height": 32, "width": 48},
}
VGG_WIDTHS = (4, 8, 8, 16, 16)


def load(name):
    """{key: array} of a golden file."""
    path = os.path.join(DATA, name + ".npz")
    with np.load(path) as arrays:
        return dict(arrays)


def config(name):
    """The released numerics, without noise, at the size of a golden file."""
    return Config(
        **FILES[name],
        init="release",
        adain_form="release",
        discriminator_form="release",
        latent_noise=0.0,
        batch_size=2,
        style_weight=1e3,
        content_weight=1e1,
        learning_rate=1e-4,
        mask_learning_rate=1e-4,
        clip_norm=0.0,
    )


def perceptual_network(golden):
    """The narrow stand-in for VGG-19 that the golden numbers were computed with."""
    network = PerceptualNetwork(VGG_WIDTHS)
    network(golden["x_a"])
    for block in network.blocks:
        for conv in block:
            key = conv.name.replace("block", "vgg/conv").replace("_conv", "_")
            conv.set_weights([golden[f"{key}/kernel"], golden[f"{key}/bias"]])
    return network


def stage0_variables(trainer):
    """{released name: our variable} of a FeatureMaskTrainer."""
    encoders = trainer.autoencoder_a.encoder, trainer.autoencoder_b.encoder
    return {
        **names.of_features(*encoders),
        **names.of_autoencoder_rest(trainer),
        **names.of_discriminators(trainer),
    }


def stage1_variables(trainer):
    """{released name: our variable} of a TranslationTrainer, F_a and F_b included."""
    return {
        **names.of_features(trainer.feature_a, trainer.feature_b),
        **names.of_generator(trainer.generator),
        **names.of_discriminators(trainer, "UNIT/"),
    }


def assign(variables, golden, prefix):
    """Fills {released name: variable} with golden[prefix + name]."""
    for name, variable in variables.items():
        variable.assign(names.to_ours(name, golden[prefix + name]))


def released(name, variable):
    """The value of a variable in the released layout."""
    return names.to_ours(name, variable.numpy())


def write_checkpoint(folder, stage, golden, change=None):
    """A checkpoint as the release writes it; change: {name: value} -> the same."""
    prefix = f"{stage}/weights/"
    values = {k[len(prefix) :]: v for k, v in golden.items() if k.startswith(prefix)}
    values = change(values) if change else values
    path = os.path.join(str(folder), "UNIT.model-0")
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        variables = [
            tf.compat.v1.get_variable(name, initializer=value)
            for name, value in values.items()
        ]
        session.run(tf.compat.v1.global_variables_initializer())
        return tf.compat.v1.train.Saver(variables).save(session, path)
