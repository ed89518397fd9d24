"""The variables of the authors' TensorFlow 1 checkpoints, by name, in our networks.

A checkpoint of stage 1 holds VAEGAN_recon_A, VAEGAN_recon_B (part1 is F_d) and
discriminator_A, discriminator_B; one of stage 2 holds UNIT/*, and often F_d as well.
"""


def of_features(feature_a, feature_b):
    """{released name: our variable} of F_a and F_b."""
    return {
        **_encoder(feature_a, "VAEGAN_recon_A/part1"),
        **_encoder(feature_b, "VAEGAN_recon_B/part1"),
    }


def of_autoencoder_rest(trainer):
    """{released name: our variable} of a FeatureMaskTrainer behind its encoders."""
    names = {}
    for domain, autoencoder in _pairs(trainer, "autoencoder"):
        scope = f"VAEGAN_recon_{domain}"
        names.update(_residual(autoencoder.latent_block, f"{scope}/part2/resblock_0"))
        names.update(_residual(autoencoder.content_block, f"{scope}/part3/resblock_0"))
        names.update(_decoder(autoencoder.decoder, f"{scope}/part4"))
    return names


def of_generator(generator):
    """{released name: our variable} of a Generator."""
    names = {
        **_residual(generator.shared_encoder, "UNIT/share_encoder/resblock_0"),
        **_residual(generator.shared_generator, "UNIT/share_generator/resblock_0"),
    }
    for domain, encoder in _pairs(generator, "encoder"):
        names.update(_encoder(encoder, f"UNIT/encoder_{domain}"))
    for domain, decoder in _pairs(generator, "decoder"):
        names.update(_decoder(decoder, f"UNIT/generator_{domain}"))
    return names


def of_discriminators(trainer, scope=""):
    """{released name: our variable}; scope is "UNIT/" in stage 2."""
    names = {}
    for domain, discriminator in _pairs(trainer, "discriminator"):
        here = f"{scope}discriminator_{domain}"
        layers = {f"conv_{i}": layer for i, layer in enumerate(discriminator.convs)}
        layers["dis_logit"] = discriminator.to_logits
        for key, layer in layers.items():
            names[f"{here}/{key}/weights"] = layer.kernel
            names[f"{here}/{key}/biases"] = layer.bias
        for i, norm in enumerate(discriminator.norms, start=1):
            names[f"{here}/ins_norm_{i}/gamma"] = norm.gamma
            names[f"{here}/ins_norm_{i}/beta"] = norm.beta
    return names


def to_ours(name, value):
    """An array in the released layout -> in ours; the same call leads back."""
    # The release's last layer is a 1x1 *transposed* convolution; ours a plain one.
    is_transposed = name.endswith("deconv_tanh/conv2d_transpose/kernel")
    return value.swapaxes(2, 3) if is_transposed and value.ndim == 4 else value


def _pairs(owner, name):
    return [(domain, getattr(owner, f"{name}_{domain.lower()}")) for domain in "AB"]


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
