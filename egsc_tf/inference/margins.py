"""How much the networks see around a block: what a tile needs.

A margin counts positions beyond each edge of a block of an image or of features whose
edges are multiples of the stride. There the two paddings need the same: a strided
convolution that reflects looks one position to the left, one that TensorFlow pads with
zeros one to the right. A bilinear doubling looks as far as a transposed convolution.
"""

from egsc_tf.models.blocks import ResizeConv

BLOCK = 2  # a residual block's two 3x3 convolutions


def of_decoder(decoder):
    """Positions of content that a decoder sees around a block."""
    margin = 0
    for layer in decoder.deconvs:
        convolved = 1 if isinstance(layer, ResizeConv) else 0
        margin = (margin + convolved) // 2 + 1
    return margin + BLOCK * len(decoder.blocks)


def of_content(generator, margin=0):
    """Pixels that E_d, S_e and S_g see around a block of content with a margin."""
    encoder = generator.encoder_a
    margin += BLOCK * (len(encoder.blocks) + 2)
    for layer in reversed(encoder.convs):
        margin = margin * layer.conv.strides[0] + layer.conv.kernel_size[0] // 2
    return margin
