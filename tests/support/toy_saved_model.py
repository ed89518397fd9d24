"""A SavedModel with the signatures of an export, and arithmetic in place of networks.

A style is the mean colour of the exemplar, beside its halves; a translation mixes it
half and half with the content, b2a of the content's negative. `tint` tells versions
apart.
"""

import os

import tensorflow as tf
from tensorflow_serving.apis import prediction_log_pb2

from egsc_tf.domains import DIRECTIONS
from egsc_tf.export.serving.graph import signature_name

STRINGS = tf.TensorSpec([None], tf.string)
IMAGES = tf.TensorSpec([None, None, None, 3], tf.uint8)
STYLES = tf.TensorSpec([None, 6], tf.float32)
NUMBERS = tf.TensorSpec([None], tf.float32)


def expected(content, exemplar, direction="a2b", strength=1.0, tint=0):
    """The grey level of a flat translation of a flat content and exemplar."""
    content = 255 - content if direction == "b2a" else content
    return int(content * (1 - strength / 2) + exemplar * strength / 2) + tint


def write(path, tint=0, directions=DIRECTIONS):
    """Writes a version.

    Args:
      path: MODELS/NAME/NUMBER.
      tint: added to all images.
      directions: some of ("a2b", "b2a").
    """
    signatures = {}
    for direction in directions:
        for part, (function, specs) in _parts(direction, tint).items():
            specs = {n: tf.TensorSpec(s.shape, s.dtype, n) for n, s in specs.items()}
            traced = tf.function(function, input_signature=list(specs.values()))
            name = signature_name(part, direction)
            signatures[name] = traced.get_concrete_function()
    only = f"translate_bytes_{directions[0]}"
    signatures.setdefault("serving_default", signatures.get(only))
    tf.saved_model.save(tf.Module(), path, signatures=signatures)


def write_warmup(path, requests):
    """Adds warm-up PredictRequests to a version."""
    os.makedirs(os.path.join(path, "assets.extra"))
    file = os.path.join(path, "assets.extra", "tf_serving_warmup_requests")
    with tf.io.TFRecordWriter(file) as writer:
        for request in requests:
            log = prediction_log_pb2.PredictionLog()
            log.predict_log.request.CopyFrom(request)
            writer.write(log.SerializeToString())


def _parts(direction, tint):
    """{part: (function, {input: spec})}."""

    def style_of(image):
        mean = tf.reduce_mean(tf.cast(image, tf.float32), axis=[0, 1])
        return tf.concat([mean, mean / 2], axis=0)

    def style_of_bytes(data):
        return style_of(decode(data))

    def mix(content, style, strength):
        content = tf.cast(content, tf.float32)
        if direction == "b2a":
            content = 255.0 - content
        mixed = content * (1 - strength / 2) + style[:3] * strength / 2
        return tf.cast(tf.clip_by_value(mixed + tint, 0, 255), tf.uint8)

    def decode(data):
        return tf.io.decode_image(data, channels=3, expand_animations=False)

    def rows(function, dtype, *args):
        return tf.map_fn(lambda row: function(*row), args, fn_output_signature=dtype)

    def translate_bytes(content_bytes, exemplar_bytes):
        style = encode_style_bytes(exemplar_bytes)["style"]
        return translate_with_style_bytes(
            content_bytes, style, tf.ones_like(style[:, 0])
        )

    def translate(content, exemplar):
        style = encode_style(exemplar)["style"]
        return translate_with_style(content, style, tf.ones_like(style[:, 0]))

    def encode_style(exemplar):
        return {"style": rows(style_of, tf.float32, exemplar)}

    def encode_style_bytes(exemplar_bytes):
        return {"style": rows(style_of_bytes, tf.float32, exemplar_bytes)}

    def translate_with_style(content, style, strength):
        return {"image": rows(mix, tf.uint8, content, style, strength)}

    def translate_with_style_bytes(content_bytes, style, strength):
        def one(data, *of_style):
            return tf.io.encode_png(mix(decode(data), *of_style))

        return {"image_bytes": rows(one, tf.string, content_bytes, style, strength)}

    def feature_mask(content):
        return {"mask": tf.cast(content, tf.float32) / 510.0 + 0.5}

    with_style = {"style": STYLES, "strength": NUMBERS}
    return {
        "translate_bytes": (
            translate_bytes,
            {"content_bytes": STRINGS, "exemplar_bytes": STRINGS},
        ),
        "translate": (translate, {"content": IMAGES, "exemplar": IMAGES}),
        "encode_style": (encode_style, {"exemplar": IMAGES}),
        "encode_style_bytes": (encode_style_bytes, {"exemplar_bytes": STRINGS}),
        "translate_with_style": (
            translate_with_style,
            {"content": IMAGES, **with_style},
        ),
        "translate_with_style_bytes": (
            translate_with_style_bytes,
            {"content_bytes": STRINGS, **with_style},
        ),
        "translate_own_size": (
            translate_bytes,
            {"content_bytes": STRINGS, "exemplar_bytes": STRINGS},
        ),
        "encode_style_own_size": (encode_style_bytes, {"exemplar_bytes": STRINGS}),
        "translate_with_style_own_size": (
            translate_with_style_bytes,
            {"content_bytes": STRINGS, **with_style},
        ),
        "feature_mask": (feature_mask, {"content": IMAGES}),
    }
