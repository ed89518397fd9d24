"""The translator as a TFLite file holds it: two functions of fixed shapes, batch 1.

    encode_style   exemplar [1, H, W, 3] -> style [1, 2C]
    translate      content [1, H, W, 3], style [1, 2C] -> image [1, H, W, 3]

Weights and results are those of `egsc_tf.models.translator`, with z = mu and the full
style. What differs is the choice of operators. XNNPACK, which runs TFLite on CPUs,
knows no MIRROR_PAD and no mean that drops its dimensions, and each operator that it
does not know cuts the graph and copies tensors. So reflection is made of slices and
concatenations here, all tensors of the image path have rank 4, and no size is left to
be found at run time.

Images come and go as uint8, or as float32 in [0, 255]; what is done to them before and
after is in the graph.
"""

import tensorflow as tf

from egsc_tf.domains import split
from egsc_tf.models.adain import EPSILON, feature_mask
from egsc_tf.models.blocks import LEAKY_SLOPE, mirror_edges
from egsc_tf.models.decoder import OUTPUT_SLOPE

ENCODE_STYLE, TRANSLATE = "encode_style", "translate"
SIGNATURES = (ENCODE_STYLE, TRANSLATE)
DTYPES = {"uint8": tf.uint8, "float32": tf.float32}
# What int8_float_norm keeps in float is in this name scope: statistics over space, what
# is computed from them, and the last layer.
IN_FLOAT = "in_float"


def functions(translator, direction, height, width, dtype="uint8"):
    """{signature: tf.function} of a translator.

    Args:
      translator: egsc_tf.models.translator.Translator, built.
      direction: "a2b" or "b2a".
      height, width: of all images; multiples of the stride.
      dtype: "uint8" or "float32", of the images.
    """
    source, target = split(direction)
    generator = translator.generator
    image = [1, height, width, 3]
    channels = 2 * generator.channels

    def encode_style(exemplar):
        encoder = getattr(generator, f"style_encoder_{target}")
        if encoder is not None:
            style = _learned_style(encoder, _to_float(exemplar))
        else:
            f = _encode(getattr(translator, f"feature_{target}"), _to_float(exemplar))
            style = _statistics(f, generator.adain_form)
        return {"style": tf.reshape(style, [1, channels])}

    def translate(content, style):
        x = _to_float(content)
        z = _residual(
            generator.shared_encoder,
            _encode(getattr(generator, f"encoder_{source}"), x),
        )
        c = _residual(generator.shared_generator, z)
        if translator.use_masks:
            c = c * feature_mask(_encode(getattr(translator, f"feature_{source}"), x))
        if translator.use_adain:
            c = _adain(c, style, generator.adain_form)
        y = _decode(getattr(generator, f"decoder_{target}"), c)
        # Float images keep their fractions: GPU delegates have no ROUND.
        return {"image": tf.cast(tf.round(y), tf.uint8) if dtype == "uint8" else y}

    specs = {
        name: tf.TensorSpec(image, DTYPES[dtype], name=name)
        for name in ("exemplar", "content")
    }
    style = tf.TensorSpec([1, channels], name="style")
    return {
        ENCODE_STYLE: tf.function(encode_style, [specs["exemplar"]], autograph=False),
        TRANSLATE: tf.function(translate, [specs["content"], style], autograph=False),
    }


def save(functions_, translator, folder):
    """Writes a SavedModel of `functions`, which the converter reads."""
    module = tf.Module()
    module.weights = translator.weights  # not the translator: no Keras metadata
    tf.saved_model.save(module, folder, signatures=functions_)


def _to_float(image):
    """Pixels as float32, still in [0, 255]."""
    return tf.cast(image, tf.float32)


def _normalise(pixels):
    """[0, 255] -> [-1, 1]."""
    return pixels * (1.0 / 127.5) - 1.0


def _conv(layer, x):
    """A PaddedConv on what is already padded, or on what it pads with zeros itself."""
    y = tf.nn.conv2d(x, layer.kernel, layer.strides, layer.padding.upper())
    return tf.nn.bias_add(y, layer.bias)


def _padded_conv(layer, x):
    """A PaddedConv on features [1, h, w, C]."""
    return _conv(layer, mirror_edges(x) if layer.reflected else x)


def _leaky(x):
    return tf.nn.leaky_relu(x, LEAKY_SLOPE)


def _residual(block, x):
    return x + _padded_conv(block.conv_2, tf.nn.relu(_padded_conv(block.conv_1, x)))


def _first_convs(layers, pixels):
    """LeakyConvs on pixels in [0, 255]; the first is 7x7.

    Its three mirrored pixels are put on before anything that XNNPACK runs, so that one
    MIRROR_PAD cuts nothing.
    """
    first, *others = (layer.conv for layer in layers)
    size = first.reflected
    if size:
        sides = [[0, 0], [size, size], [size, size], [0, 0]]
        pixels = tf.pad(pixels, sides, mode="REFLECT")
    x = _leaky(_conv(first, _normalise(pixels)))
    for conv in others:
        x = _leaky(_padded_conv(conv, x))
    return x


def _encode(encoder, pixels):
    x = _first_convs(encoder.convs, pixels)
    for block in encoder.blocks:
        x = _residual(block, x)
    return x


def _moments(x):
    """Mean and variance over space, each [1, 1, 1, C]."""
    mean = tf.reduce_mean(x, axis=[1, 2], keepdims=True)
    square = tf.math.squared_difference(x, mean)
    return mean, tf.reduce_mean(square, axis=[1, 2], keepdims=True)


def _statistics(f, form):
    """The style code of features, [1, 1, 1, 2C]; as egsc_tf.models.adain.style_code."""
    with tf.name_scope(IN_FLOAT):
        mean, variance = _moments(f)
        if form == "release":
            return tf.concat([mean, variance], axis=-1)
        return tf.concat([tf.sqrt(variance + EPSILON), mean], axis=-1)


def _learned_style(encoder, pixels):
    """As egsc_tf.models.style_encoder."""
    x = _first_convs(encoder.convs, pixels)
    with tf.name_scope(IN_FLOAT):
        x = encoder.to_style(encoder.hidden(tf.reduce_mean(x, axis=[1, 2])))
        channels = x.shape[-1] // 2
        return tf.concat([1.0 + x[:, :channels], x[:, channels:]], axis=-1)


def _adain(x, style, form):
    """As egsc_tf.models.adain.adain."""
    with tf.name_scope(IN_FLOAT):
        channels = x.shape[-1]
        style = tf.reshape(style, [1, 1, 1, 2 * channels])
        # Slices, since the quantizer finds operators by the name of their one output.
        gamma, beta = style[..., :channels], style[..., channels:]
        mean, variance = _moments(x)
        if form == "release":
            scale = gamma / variance
        else:
            scale = gamma / tf.sqrt(variance + EPSILON)
        return (x - mean) * scale + beta


def _decode(decoder, x):
    """Decoder, then [-1, 1] -> [0, 255], clipped, float32."""
    for block in decoder.blocks:
        x = _residual(block, x)
    for layer in decoder.deconvs:
        x = _leaky(_double(layer, x))
    with tf.name_scope(IN_FLOAT):
        x = _conv(decoder.to_rgb, x)
        y = tf.tanh(x)
        if decoder.output_form == "leaky_tanh":
            y = tf.clip_by_value(y + OUTPUT_SLOPE * x, -1.0, 1.0)
        return y * 127.5 + 127.5


def _double(layer, x):
    if hasattr(layer, "resize"):
        return _padded_conv(layer.conv, layer.resize(x))
    return layer(x)
