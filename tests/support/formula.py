"""Floating-point operations of a step and of a translation, by hand.

Convolutions and matmuls only; a multiplication and an addition are two. Each network
is `Cost(first, rest)`: its first convolution apart, as the gradient with respect to a
real image is asked for by nobody. See `graph_cost` for what TensorFlow counts.
"""

import typing

from egsc_tf.models.discriminator import KERNEL as D_KERNEL
from egsc_tf.models.style_encoder import HALVINGS
from egsc_tf.models.vgg import CONVS_PER_BLOCK, EMBEDDED_WIDTHS, VGG19_WIDTHS


class Cost(typing.NamedTuple):
    """Operations of one image through a network."""

    first: float
    rest: float

    @property
    def forward(self):
        return self.first + self.rest

    def backward(self, weights=True, inputs=True):
        """Of the gradients of the weights, and of the inputs or of the layers behind
        the first alone."""
        of_inputs = self.forward if inputs else self.rest if weights else 0.0
        return (self.forward if weights else 0.0) + of_inputs


def convolution(kernel, channels_in, channels_out, height, width):
    """Of one with an output (if transposed: an input) of height x width."""
    return 2.0 * kernel**2 * channels_in * channels_out * height * width


class Networks:
    """The costs of a run's networks for images of height x width."""

    def __init__(self, config, height, width):
        ngf, halvings = config.ngf, config.n_encoder - 1
        h, w, c = height // 2**halvings, width // 2**halvings, ngf * 2**halvings
        block = 2 * convolution(3, c, c, h, w)
        between = [
            convolution(
                3, ngf * 2**i, ngf * 2 ** (i + 1), height >> i + 1, width >> i + 1
            )
            for i in range(halvings)
        ]
        # A transposed convolution costs as much as the one that it turns round; one
        # behind a resize works on the larger map.
        up = 4.0 if config.upsample == "resize" else 1.0
        first = convolution(7, 3, ngf, height, width)
        self.encoder = Cost(first, sum(between) + config.n_res * block)
        self.shared = Cost(0.0, 2 * block)
        to_rgb = convolution(1, ngf, 3, height, width)
        self.decoder = Cost(0.0, config.n_res * block + up * sum(between) + to_rgb)
        self.discriminator = _discriminator(config, height, width)
        self.style = _style_encoder(config, c, height, width)
        self.phi, self.gram = _phi(config, height, width)


def _discriminator(config, height, width):
    costs, channels_in = [], 3
    for i in range(config.n_dis):
        height, width = -(-height // 2), -(-width // 2)
        out = config.ndf * 2**i
        costs.append(convolution(D_KERNEL, channels_in, out, height, width))
        channels_in = out
    return Cost(
        costs[0], sum(costs[1:]) + convolution(1, channels_in, 1, height, width)
    )


def _style_encoder(config, channels, height, width):
    ngf, costs, channels_in = config.ngf, [], config.ngf
    for _ in range(HALVINGS):
        height, width = -(-height // 2), -(-width // 2)
        costs.append(convolution(3, channels_in, 2 * ngf, height, width))
        channels_in = 2 * ngf
    dense = 2.0 * (channels_in * channels + channels * 2 * channels)
    first = convolution(7, 3, ngf, height << HALVINGS, width << HALVINGS)
    return Cost(first, sum(costs) + dense)


def _phi(config, height, width):
    """(Cost of phi, operations of the Gram matrices of one image)."""
    embedded = config.perceptual_network == "embedded"
    widths = EMBEDDED_WIDTHS if embedded else VGG19_WIDTHS
    last = config.perceptual_layers - 1
    height = int(height * config.perceptual_scale)
    width = int(width * config.perceptual_scale)
    costs, gram, channels_in = [], 0.0, 3
    for i, out in enumerate(widths[: last + 1]):
        if i > 0:
            height, width = -(-height // 2), -(-width // 2)
        for _ in range(1 if i == last else CONVS_PER_BLOCK[i]):
            costs.append(convolution(3, channels_in, out, height, width))
            channels_in = out
        gram += convolution(1, out, out, height, width)
    return Cost(costs[0], sum(costs[1:])), gram


def training_step(config):
    """Of one step of stage 2, at the config's size and batch."""
    n = Networks(config, config.height, config.width)
    d, g = n.discriminator, config.g_update
    views = 2 if config.content_view == "recoloured" else 1  # F sees both then
    trained_style = config.style_code == "encoder"
    uses = (config.use_masks, config.use_adain and not trained_style)
    features = views if all(uses) else any(uses)
    style = n.style.forward if trained_style else 0.0

    # Per image of one domain. D sees the real one and the translation.
    conditions = features * n.encoder.forward + style
    translation = n.encoder.forward + n.shared.forward + n.decoder.forward
    of_d = 2 * (d.forward + d.backward(inputs=False))
    forward_of_d = conditions + translation

    of_g = conditions + translation + n.encoder.backward(inputs=False)
    of_g += n.shared.backward() + n.decoder.backward()
    if config.recon_weight > 0:
        of_g += n.decoder.forward + n.decoder.backward()
    of_g += n.style.backward(inputs=False) if trained_style else 0.0
    if config.adv_weight > 0:
        of_g += d.forward + d.backward(weights=False)
    if config.cycle_weight > 0 or config.cycle_kl_weight > 0:
        of_g += n.encoder.forward + n.encoder.backward()
        # S_e, and S_g where the cycle is decoded.
        blocks = 1.0 if config.cycle_weight > 0 else 0.5
        of_g += blocks * (n.shared.forward + n.shared.backward())
    if config.cycle_weight > 0:
        of_g += n.decoder.forward + n.decoder.backward()
    if config.style_weight > 0 or config.content_weight > 0:
        of_g += 2 * n.phi.forward + n.phi.backward(weights=False)
        if config.style_loss == "gram" and config.style_weight > 0:
            of_g += 4 * n.gram  # both, and twice the fake's backward
    if config.gradient_checkpointing:
        cycle = config.cycle_weight > 0
        passes = 1 + (cycle or config.cycle_kl_weight > 0)
        # The last convolution's result is needed by no gradient.
        of_g += passes * (n.encoder.forward - n.shared.forward / 4)
        of_g += (1 + (config.recon_weight > 0) + cycle) * n.decoder.forward
        of_g += n.encoder.first  # it gives the gradient of its image, wanted or not
    if config.fused_update:
        forward_of_d = 0.0
    return 2 * config.batch_size * (forward_of_d + of_d + g * of_g)


def translation(config, height, width):
    """Of one image in one style that is encoded with it."""
    n = Networks(config, height, width)
    mask = n.encoder.forward if config.use_masks else 0.0
    style = n.style if config.style_code == "encoder" else n.encoder
    images = n.encoder.forward + n.shared.forward + n.decoder.forward
    return images + mask + (style.forward if config.use_adain else 0.0)
