"""Encoded images inside the graph: JPEG or PNG bytes <-> uint8 [H, W, 3], upright.

What `egsc_tf.data.images` does with Pillow, in TensorFlow operations, so that a server
needs nothing but the SavedModel. Grey, palette, 16-bit, CMYK and transparent images
(laid on white) become sRGB; the orientation of EXIF is applied. Training follows the
colour profile of a CMYK image; here one that has a profile is refused, as no operation
could. Whatever is wrong with the bytes ends in InvalidArgumentError, which TensorFlow
Serving returns as INVALID_ARGUMENT (HTTP 400); sizes are read from the header before
anything is decoded. The errors of TensorFlow's decoders name no row of a batch, so they
are caught by tf.data, which can be part of a graph, and said anew.
"""

import tensorflow as tf

JPEG_START = b"\xff\xd8\xff"
PNG_START = b"\x89PNG\r\n\x1a\n"
# EXIF stands in front of the pixels; its segment has at most 64 KiB.
EXIF_WITHIN = 2**17
EXIF_OF_JPEG = b"Exif\0\0"
EXIF_OF_PNG = b"eXIf"
WITH_PROFILE = r"\C*ICC_PROFILE\x00\C*"
ORIENTATION_TAG = 0x0112
# zlib's 1 of 9. TensorFlow's own choice, 6, makes a photo a quarter smaller and takes
# seven times as long: longer than the networks (docs/guides/serving.md).
PNG_LEVEL = 1


def require(condition, message, *values):
    """A context: what is built in it runs only where `condition` is true.

    Elsewhere the call ends in InvalidArgumentError with the message and the values.
    """
    return tf.control_dependencies([tf.debugging.Assert(condition, [message, *values])])


def decode(data, name, row, smallest_side, max_pixels):
    """One encoded image -> uint8 [H, W, 3].

    Args:
      data: scalar string, a JPEG or PNG file.
      name, row: how messages call it, the signature's input and the row of the batch.
      smallest_side: the least H and W that is accepted, above 0.
      max_pixels: the largest H * W that is decoded.

    Raises (when it runs):
      InvalidArgumentError: for other bytes, a too small or too large image, broken
        data, CMYK with a colour profile.
    """
    is_jpeg = starts_with(data, JPEG_START)
    is_png = starts_with(data, PNG_START)
    with require(
        is_jpeg | is_png,
        f"{name}: expected JPEG or PNG bytes, found others. Row, length:",
        row,
        tf.strings.length(data),
    ):
        size = tf.cond(
            is_jpeg,
            lambda: _or_zeros(_jpeg_size, data, tf.TensorSpec([3], tf.int64)),
            lambda: _png_size(data),
        )
    with require(
        is_png | (size[2] > 0),
        f"{name}: expected a whole JPEG, found a broken header. Row, length:",
        row,
        tf.strings.length(data),
    ):
        height, width, channels = tf.unstack(size)
    profiled = tf.cond(
        channels == 4,
        lambda: tf.strings.regex_full_match(data, WITH_PROFILE),
        lambda: False,
    )
    with (
        require(
            (tf.minimum(height, width) >= smallest_side)
            # Not height * width: of two sides below 2^32 that leaves 64 bits.
            & (width <= max_pixels // tf.maximum(height, 1)),
            f"{name}: expected at least {smallest_side}x{smallest_side} and at most "
            f"{max_pixels} pixels. Row, found height, width:",
            row,
            height,
            width,
        ),
        require(
            tf.logical_not(profiled),
            f"{name}: expected RGB or grey, or CMYK without a colour profile, found "
            "CMYK with one. Row:",
            row,
        ),
    ):
        pixels = _or_zeros(
            lambda x: _pixels(x, is_jpeg),
            data,
            tf.TensorSpec([None, None, 3], tf.uint8),
        )
    with require(
        tf.size(pixels) > 0,
        f"{name}: expected a whole JPEG or PNG, found a broken one. Row, length:",
        row,
        tf.strings.length(data),
    ):
        pixels = _turn(pixels, orientation(data, is_jpeg))
    return tf.ensure_shape(pixels, [None, None, 3])


def _pixels(data, is_jpeg):
    """uint8 [H, W, 3] as the file has them. Raises what TensorFlow's decoders do."""
    return tf.cond(
        is_jpeg,
        lambda: tf.io.decode_jpeg(data, channels=3, dct_method="INTEGER_ACCURATE"),
        # channels=4 would do, but of palettes below 8 bits its alpha is wrong.
        lambda: _on_white(tf.io.decode_png(data, channels=0)),
    )


def _or_zeros(function, data, spec):
    """function(data), or where it fails zeros, none where a side is of any length.

    spec: of its result.
    """
    good = tf.data.Dataset.from_tensors(data).map(function).ignore_errors()
    zeros = tf.zeros([side or 0 for side in spec.shape], spec.dtype)
    both = good.concatenate(tf.data.Dataset.from_tensors(zeros))
    result = both.take(1).get_single_element()
    return tf.ensure_shape(result, spec.shape)


def encode(image):
    """uint8 [H, W, 3] -> the bytes of a PNG file."""
    return tf.io.encode_png(image, compression=PNG_LEVEL)


def resize(image, height, width):
    """uint8 [H, W, 3] -> uint8 [height, width, 3], bicubic and antialiased.

    Where no side shrinks there is nothing to antialias, and the kernel without it gives
    the same numbers, within 0.2 grey levels, in a sixth of the time.
    """
    size = tf.stack([height, width])

    def resized(antialias):
        return tf.image.resize(image, size, "bicubic", antialias=antialias)

    return to_uint8(
        tf.cond(
            tf.reduce_all(size >= tf.shape(image)[:2]),
            lambda: resized(antialias=False),
            lambda: resized(antialias=True),
        )
    )


def to_uint8(values):
    """Any numbers -> uint8, rounded, values outside [0, 255] clipped."""
    return tf.cast(tf.round(tf.clip_by_value(values, 0.0, 255.0)), tf.uint8)


def starts_with(data, magic):
    """Whether a scalar string begins with these bytes."""
    return tf.strings.substr(data, 0, len(magic)) == magic


def orientation(data, is_jpeg):
    """EXIF's orientation, 1 to 8, of an encoded image; 1 where it has none."""
    head = tf.io.decode_raw(tf.strings.substr(data, 0, EXIF_WITHIN), tf.uint8)
    # One zero behind the end: what any offset of broken EXIF beyond it reads.
    head = tf.cast(tf.concat([head, [0]], 0), tf.int64)
    last = tf.size(head, tf.int64) - 1
    tiff = tf.where(is_jpeg, _behind(head, EXIF_OF_JPEG), _behind(head, EXIF_OF_PNG))
    little = _byte(head, tiff, last) == ord("I")

    def number(offset, count):
        parts = [_byte(head, offset + i, last) for i in range(count)]
        return tf.where(little, _sum(parts), _sum(parts[::-1]))

    table = tiff + number(tiff + 4, 4)
    entries = table + 2 + 12 * tf.range(number(table, 2))
    is_it = tf.cast(number(entries, 2) == ORIENTATION_TAG, tf.int64)
    # No entry or several: the sum of none is 0, the largest of several is taken.
    value = tf.reduce_max(tf.concat([[0], is_it * number(entries + 8, 2)], 0))
    good = (tiff > 0) & (value >= 1) & (value <= 8)
    return tf.where(good, value, 1)


def _byte(head, offset, last):
    return tf.gather(head, tf.clip_by_value(offset, 0, last))


def _sum(parts):
    """Bytes, the lowest first -> their number."""
    return tf.add_n([part * 256**i for i, part in enumerate(parts)])


def _behind(head, mark):
    """Where the first occurrence of `mark` ends; 0 where there is none."""
    size = tf.maximum(tf.size(head) - len(mark), 0)
    found = tf.ones([size], tf.bool)
    for i, byte in enumerate(mark):
        found &= head[i : i + size] == byte
    first = tf.argmax(tf.concat([found, [False]], 0))
    return tf.where(tf.reduce_any(found), first + len(mark), 0)


def _turn(pixels, value):
    """Sets an image upright by its EXIF orientation."""

    def is_one_of(*values):
        return tf.reduce_any(value == tf.constant(values, tf.int64))

    pixels = tf.cond(
        value >= 5, lambda: tf.transpose(pixels, [1, 0, 2]), lambda: pixels
    )
    pixels = tf.cond(
        is_one_of(2, 3, 6, 7), lambda: tf.reverse(pixels, [1]), lambda: pixels
    )
    return tf.cond(
        is_one_of(3, 4, 7, 8), lambda: tf.reverse(pixels, [0]), lambda: pixels
    )


def _on_white(pixels):
    """uint8 [H, W, 1 to 4] -> uint8 [H, W, 3], laid on white by its alpha, if any."""
    channels = tf.shape(pixels)[2]
    colours = tf.cond(
        channels <= 2,
        lambda: tf.repeat(pixels[..., :1], 3, axis=2),
        lambda: pixels[..., :3],
    )

    def blended():
        alpha = tf.cast(pixels[..., -1:], tf.float32) / 255.0
        return to_uint8(tf.cast(colours, tf.float32) * alpha + 255.0 * (1.0 - alpha))

    return tf.cond(channels % 2 == 0, blended, lambda: colours)


def _jpeg_size(data):
    """Height, width and channels (4 of CMYK), int64 [3]."""
    return tf.cast(tf.image.extract_jpeg_shape(data), tf.int64)


def _png_size(data):
    """Height and width of the IHDR chunk, which is the first, and 0 in place of
    channels, as no PNG is CMYK: int64 [3]."""
    head = tf.io.decode_raw(tf.strings.substr(data, 0, 24), tf.uint8)
    head = tf.concat([tf.cast(head, tf.int64), tf.zeros([24], tf.int64)], 0)
    width = _sum([head[i] for i in reversed(range(16, 20))])
    height = _sum([head[i] for i in reversed(range(20, 24))])
    return tf.stack([height, width, tf.zeros([], tf.int64)])
