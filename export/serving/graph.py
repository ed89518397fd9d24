"""The graph that is served: one function a signature.

Deterministic (z = mu, the moving average of the weights), pre- and post-processing
inside. Dense images are uint8 [B, H, W, 3], any H and W; encoded ones are strings [B]
of JPEG or PNG and come back as PNG of the content's own size. They are translated all
at once at the size of the export, or one by one at their own sizes up to a bound. All
inputs of a call have the same B. What does not fit ends in InvalidArgumentError.
"""

import tensorflow as tf

from egsc_tf.domains import split
from egsc_tf.export.serving import encoded_images
from egsc_tf.export.serving.encoded_images import require, to_uint8

BYTES = "translate_bytes"
DEFAULT = tf.saved_model.DEFAULT_SERVING_SIGNATURE_DEF_KEY

_STRINGS = tf.TensorSpec([None], tf.string)
_IMAGES = tf.TensorSpec([None, None, None, 3], tf.uint8)
_NUMBERS = tf.TensorSpec([None], tf.float32)


def signature_name(part, direction):
    """The name of a part's signature: a2b has no suffix, and its translation of encoded
    images is TensorFlow Serving's default."""
    if direction != "a2b":
        return f"{part}_{direction}"
    return DEFAULT if part == BYTES else part


def inputs_of(function):
    """{input name: TensorSpec} of a signature's concrete function."""
    return {spec.name: spec for spec in function.structured_input_signature[0]}


class ServedTranslator:
    """The signatures of a SavedModel, and what they need of it.

    Args:
      translator: egsc_tf.models.translator.Translator, without noise.
      directions: some of ("a2b", "b2a"). Where b2a is the only one, its translation of
        encoded images is the default too.
      size: (height, width), at which encoded images are translated.
      max_pixels: the largest encoded image, height * width.
      max_batch_pixels: the largest B * H * W that the networks get at once; of the
        images that are translated at their own sizes, larger ones are scaled to it.

    Attributes:
      signatures: {signature name: concrete function}.
      module: the tf.Module to save. It tracks variables and no Keras objects, so that
        the SavedModel loads where neither egsc_tf nor its packages are installed.
    """

    def __init__(self, translator, directions, size, max_pixels, max_batch_pixels):
        self.directions, self.size = directions, size
        self.max_pixels, self.max_batch_pixels = max_pixels, max_batch_pixels
        self.smallest_side = translator.smallest_side
        self.signatures = {}
        for direction in directions:
            for part, function in self._functions(translator, direction).items():
                name = signature_name(part, direction)
                self.signatures[name] = function.get_concrete_function()
        if DEFAULT not in self.signatures:
            only = signature_name(BYTES, directions[0])
            self.signatures[DEFAULT] = self.signatures[only]
        kept = {}
        for function in self.signatures.values():
            kept.update({id(v): v for v in function.graph.variables})
        self.module = tf.Module()
        self.module.weights = list(kept.values())

    def _functions(self, translator, direction):
        """{part: tf.function} of one direction."""
        source, target = split(direction)
        style_size = 2 * translator.generator.channels
        styles = tf.TensorSpec([None, style_size], tf.float32)

        def traced(**specs):
            signature = [
                tf.TensorSpec(spec.shape, spec.dtype, name)
                for name, spec in specs.items()
            ]
            return tf.function(input_signature=signature, autograph=False)

        def style_of(exemplar):
            return translator.encode_style(_to_float(exemplar), target)

        def translated(content, style, strength=1.0):
            images = translator.translate_with_style(
                _to_float(content), style, direction, strength
            )
            return to_uint8((images + 1.0) * 127.5)

        @traced(content_bytes=_STRINGS, exemplar_bytes=_STRINGS)
        def translate_bytes(content_bytes, exemplar_bytes):
            _same_batch(content_bytes=content_bytes, exemplar_bytes=exemplar_bytes)
            content, sizes = self._decode_all(content_bytes, "content_bytes")
            exemplar, _ = self._decode_all(exemplar_bytes, "exemplar_bytes")
            images = translated(content, style_of(exemplar))
            return {"image_bytes": _encode_all(images, sizes)}

        @traced(content=_IMAGES, exemplar=_IMAGES)
        def translate(content, exemplar):
            _same_batch(content=content, exemplar=exemplar)
            content = self._checked(content, "content")
            exemplar = self._checked(exemplar, "exemplar")
            return {"image": translated(content, style_of(exemplar))}

        @traced(exemplar=_IMAGES)
        def encode_style(exemplar):
            return {"style": style_of(self._checked(exemplar, "exemplar"))}

        @traced(exemplar_bytes=_STRINGS)
        def encode_style_bytes(exemplar_bytes):
            exemplar, _ = self._decode_all(exemplar_bytes, "exemplar_bytes")
            return {"style": style_of(exemplar)}

        @traced(content=_IMAGES, style=styles, strength=_NUMBERS)
        def translate_with_style(content, style, strength):
            _same_batch(content=content, style=style, strength=strength)
            content = self._checked(content, "content")
            style, strength = _checked_style(style, strength, style_size)
            return {"image": translated(content, style, strength)}

        @traced(content_bytes=_STRINGS, style=styles, strength=_NUMBERS)
        def translate_with_style_bytes(content_bytes, style, strength):
            _same_batch(content_bytes=content_bytes, style=style, strength=strength)
            style, strength = _checked_style(style, strength, style_size)
            content, sizes = self._decode_all(content_bytes, "content_bytes")
            images = translated(content, style, strength)
            return {"image_bytes": _encode_all(images, sizes)}

        @traced(content_bytes=_STRINGS, exemplar_bytes=_STRINGS)
        def translate_own_size(content_bytes, exemplar_bytes):
            _same_batch(content_bytes=content_bytes, exemplar_bytes=exemplar_bytes)

            def one(row, content, exemplar):
                content, size = self._decode_own(content, "content_bytes", row)
                exemplar, _ = self._decode_own(exemplar, "exemplar_bytes", row)
                images = translated(content, style_of(exemplar))
                return _encode(images[0], size)

            images = _one_by_one(
                one, content_bytes=content_bytes, exemplar_bytes=exemplar_bytes
            )
            return {"image_bytes": images}

        @traced(exemplar_bytes=_STRINGS)
        def encode_style_own_size(exemplar_bytes):
            def one(row, exemplar):
                exemplar, _ = self._decode_own(exemplar, "exemplar_bytes", row)
                return style_of(exemplar)[0]

            spec = tf.TensorSpec([style_size], tf.float32)
            return {"style": _one_by_one(one, spec, exemplar_bytes=exemplar_bytes)}

        @traced(content_bytes=_STRINGS, style=styles, strength=_NUMBERS)
        def translate_with_style_own_size(content_bytes, style, strength):
            _same_batch(content_bytes=content_bytes, style=style, strength=strength)
            style, strength = _checked_style(style, strength, style_size)

            def one(row, content, style, strength):
                content, size = self._decode_own(content, "content_bytes", row)
                images = translated(content, style[None], strength[None])
                return _encode(images[0], size)

            images = _one_by_one(
                one, content_bytes=content_bytes, style=style, strength=strength
            )
            return {"image_bytes": images}

        @traced(content=_IMAGES)
        def feature_mask(content):
            content = self._checked(content, "content")
            return {"mask": translator.encode_content(_to_float(content), source)[1]}

        return {
            BYTES: translate_bytes,
            "translate": translate,
            "encode_style": encode_style,
            "encode_style_bytes": encode_style_bytes,
            "translate_with_style": translate_with_style,
            "translate_with_style_bytes": translate_with_style_bytes,
            "translate_own_size": translate_own_size,
            "encode_style_own_size": encode_style_own_size,
            "translate_with_style_own_size": translate_with_style_own_size,
            "feature_mask": feature_mask,
        }

    def _decode_all(self, data, name):
        """Strings [B] -> (uint8 [B, *size, 3], their own sizes int32 [B, 2])."""

        def one(args):
            row, encoded = args
            pixels = encoded_images.decode(
                encoded, name, row, self.smallest_side, self.max_pixels
            )
            small = encoded_images.resize(pixels, *self.size)
            return tf.ensure_shape(small, [*self.size, 3]), tf.shape(pixels)[:2]

        with self._fitting(tf.shape(data)[0], *self.size, name):
            return tf.map_fn(
                one,
                (tf.range(tf.shape(data)[0]), data),
                fn_output_signature=(
                    tf.TensorSpec([*self.size, 3], tf.uint8),
                    tf.TensorSpec([2], tf.int32),
                ),
            )

    def _decode_own(self, data, name, row):
        """A string -> (uint8 [1, H, W, 3], its own size int32 [2]): of its own size, or
        of its shape and at most max_batch_pixels."""
        pixels = encoded_images.decode(
            data, name, row, self.smallest_side, self.max_pixels
        )
        size = tf.shape(pixels)[:2]
        sides = tf.cast(size, tf.float64)
        scale = tf.sqrt(self.max_batch_pixels / tf.reduce_prod(sides))
        # Of a very flat image the short side stays at least the networks' smallest.
        bounded = tf.maximum(tf.cast(sides * scale, tf.int32), self.smallest_side)
        fitting = tf.cond(
            scale >= 1.0,
            lambda: pixels,
            lambda: encoded_images.resize(pixels, bounded[0], bounded[1]),
        )
        return tf.ensure_shape(fitting, [None, None, 3])[None], size

    def _checked(self, images, name):
        # The runtime does not compare what it is fed with the signature's shape.
        images = tf.ensure_shape(images, _IMAGES.shape)
        batch, height, width = tf.unstack(tf.shape(images)[:3])
        with (
            require(
                tf.minimum(height, width) >= self.smallest_side,
                f"{name}: expected at least {self.smallest_side}x{self.smallest_side} "
                "pixels, found height, width:",
                height,
                width,
            ),
            self._fitting(batch, height, width, name),
        ):
            return tf.identity(images)

    def _fitting(self, batch, height, width, name):
        """Requires a batch that is neither empty nor too large for the networks."""
        pixels = tf.reduce_prod(tf.cast([batch, height, width], tf.int64))
        return require(
            (batch >= 1) & (pixels <= self.max_batch_pixels),
            f"{name}: expected a batch of 1 to {self.max_batch_pixels} pixels in all, "
            "found batch, height, width:",
            batch,
            height,
            width,
        )


def _same_batch(**tensors):
    """Requires as many rows of each."""
    rows = [tf.shape(x)[0] for x in tensors.values()]
    with require(
        tf.reduce_all(tf.equal(rows, rows[0])),
        f"{', '.join(tensors)}: expected as many rows of each, found:",
        *rows,
    ):
        tf.no_op()


def _to_float(images):
    """uint8 [0, 255] -> float32 [-1, 1]."""
    return tf.cast(images, tf.float32) / 127.5 - 1.0


def _encode(image, size):
    """uint8 [H, W, 3] -> a string: a PNG file of this size [2]."""
    own = tf.cond(
        tf.reduce_all(tf.shape(image)[:2] == size),
        lambda: image,
        lambda: encoded_images.resize(image, size[0], size[1]),
    )
    return encoded_images.encode(own)


def _encode_all(images, sizes):
    """uint8 [B, H, W, 3] -> strings [B]: PNG files of these sizes [B, 2]."""
    return tf.map_fn(
        lambda args: _encode(*args), (images, sizes), fn_output_signature=tf.string
    )


def _one_by_one(function, spec=tf.string, **tensors):
    """function(row, *tensors of the row) for each row, one at a time."""
    batch = tf.shape(next(iter(tensors.values())))[0]
    names = ", ".join(tensors)
    with require(batch >= 1, f"{names}: expected a batch of 1 or more, found:", batch):
        rows = tf.range(batch)
    return tf.map_fn(
        lambda args: function(*args),
        (rows, *tensors.values()),
        fn_output_signature=spec,
        parallel_iterations=1,
    )


def _checked_style(style, strength, style_size):
    style = tf.ensure_shape(style, [None, style_size])
    strength = tf.ensure_shape(strength, [None])
    with (
        require(
            tf.reduce_all(tf.math.is_finite(style)), "style: expected finite numbers"
        ),
        require(
            tf.reduce_all((strength >= 0.0) & (strength <= 1.0)),
            "strength: expected numbers of 0 to 1, found:",
            strength,
        ),
    ):
        return tf.identity(style), tf.identity(strength)
