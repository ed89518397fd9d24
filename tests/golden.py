"""The golden numbers of the released implementation, and their names in our networks.

tests/data/*.npz: inputs, weights, every output and loss of one step, and the weights
after one D and one G update, computed once with the authors' TensorFlow 1 graph.
"""

import os

import numpy as np

from egsc_tf.config import Config
from egsc_tf.models.vgg import PerceptualNetwork

FILES = {
    "single_28x28": {"n_encoder": 1, "ngf": 8, "ndf": 8, "height": 28, "width": 28},
    "multi_32x48": {"n_encoder": 3, "ngf": 4, "ndf": 4, "height": 32, "width": 48},
}
VGG_WIDTHS = (4, 8, 8, 16, 16)


def load(name):
    """{key: array} of a golden file."""
    path = os.path.join(os.path.dirname(__file__), "data", name + ".npz")
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
    names = {}
    for domain in "AB":
        scope = f"VAEGAN_recon_{domain}"
        autoencoder = getattr(trainer, f"autoencoder_{domain.lower()}")
        names.update(_encoder(autoencoder.encoder, f"{scope}/part1"))
        names.update(_residual(autoencoder.latent_block, f"{scope}/part2/resblock_0"))
        names.update(_residual(autoencoder.content_block, f"{scope}/part3/resblock_0"))
        names.update(_decoder(autoencoder.decoder, f"{scope}/part4"))
        names.update(_discriminator(trainer, domain, f"discriminator_{domain}"))
    return names


def stage1_variables(trainer):
    """{released name: our variable} of a TranslationTrainer, F_a and F_b included."""
    g = trainer.generator
    names = {}
    names.update(_residual(g.shared_encoder, "UNIT/share_encoder/resblock_0"))
    names.update(_residual(g.shared_generator, "UNIT/share_generator/resblock_0"))
    for domain in "AB":
        d = domain.lower()
        feature, encoder = getattr(trainer, f"feature_{d}"), getattr(g, f"encoder_{d}")
        names.update(_encoder(feature, f"VAEGAN_recon_{domain}/part1"))
        names.update(_encoder(encoder, f"UNIT/encoder_{domain}"))
        names.update(_decoder(getattr(g, f"decoder_{d}"), f"UNIT/generator_{domain}"))
        names.update(_discriminator(trainer, domain, f"UNIT/discriminator_{domain}"))
    return names


def assign(variables, golden, prefix):
    """Fills {released name: variable} with golden[prefix + name]."""
    for name, variable in variables.items():
        variable.assign(_ours(name, golden[prefix + name]))


def released(name, variable):
    """The value of a variable in the released layout."""
    value = variable.numpy()
    return value.swapaxes(2, 3) if _is_transposed(name) else value


def _ours(name, value):
    return value.swapaxes(2, 3) if _is_transposed(name) else value


def _is_transposed(name):
    # The release's last layer is a 1x1 *transposed* convolution; ours a plain one.
    return name.endswith("deconv_tanh/conv2d_transpose/kernel")


def _conv(layer, scope):
    return {f"{scope}/kernel": layer.kernel, f"{scope}/bias": layer.bias}


def _residual(block, scope):
    return {
        **_conv(block.conv_1, f"{scope}/res1/conv2d"),
        **_conv(block.conv_2, f"{scope}/res2/conv2d"),
    }


def _encoder(encoder, scope):
    names = {}
    for i, layer in enumerate(encoder.convs):
        names.update(_conv(layer.conv, f"{scope}/conv_{i}/conv2d"))
    for i, block in enumerate(encoder.blocks):
        names.update(_residual(block, f"{scope}/resblock_{i}"))
    return names


def _decoder(decoder, scope):
    names = _conv(decoder.to_rgb, f"{scope}/deconv_tanh/conv2d_transpose")
    for i, block in enumerate(decoder.blocks):
        names.update(_residual(block, f"{scope}/resblock_{i}"))
    for i, layer in enumerate(decoder.deconvs):
        names.update(_conv(layer, f"{scope}/deconv_{i}/conv2d_transpose"))
    return names


def _discriminator(trainer, domain, scope):
    discriminator = getattr(trainer, f"discriminator_{domain.lower()}")
    layers = {f"conv_{i}": layer for i, layer in enumerate(discriminator.convs)}
    layers["dis_logit"] = discriminator.to_logits
    names = {}
    for key, layer in layers.items():
        names[f"{scope}/{key}/weights"] = layer.kernel
        names[f"{scope}/{key}/biases"] = layer.bias
    for i, norm in enumerate(discriminator.norms, start=1):
        names[f"{scope}/ins_norm_{i}/gamma"] = norm.gamma
        names[f"{scope}/ins_norm_{i}/beta"] = norm.beta
    return names
