"""What images a caller may give: [B, H, W, 3], float in [-1, 1] or uint8.

Values can be looked at where a call is eager. In a graph only type and shape are known.
"""

import contextlib
import warnings
from collections.abc import Iterator
from typing import Any

import tensorflow as tf

from egsc_tf.errors import UserError

MEND = "images / 127.5 - 1 turns 0 to 255 into that, images * 2 - 1 turns 0 to 1"
DOUBTED = "all values lie in 0 to 1"
ROUNDING = 1e-3  # of what was computed in float16
BYTE = 0.2  # of 1 / 255: how far rounding takes a value from that of its byte


def as_images(name: str, value: Any) -> tf.Tensor:
    """[B, H, W, 3] float32 in [-1, 1] of what a caller gave.

    Args:
      name: of the argument.
      value: [B, H, W, 3], float in [-1, 1] or uint8, B of 1 or more.

    Raises:
      UserError: for anything else, naming the argument and the mend.
    """
    wanted = f"{name}: expected [B, H, W, 3], float in [-1, 1] or uint8"
    try:
        images = tf.convert_to_tensor(value)
    except (TypeError, ValueError, tf.errors.InvalidArgumentError) as error:
        raise UserError(
            f"{wanted}; found a {type(value).__name__} that is no such array; np.stack "
            "makes one of images that have one size"
        ) from error
    is_bytes = images.dtype == tf.uint8
    if images.shape.rank != 4 or images.shape[3] != 3:
        mend = _mend_of_shape(images.shape)
        raise UserError(f"{wanted}; found {images.dtype.name} {images.shape}{mend}")
    if not images.dtype.is_floating and not is_bytes:
        raise UserError(
            f"{wanted}; found {images.dtype.name} {images.shape}; "
            "images.astype(np.uint8) is right for values of 0 to 255"
        )
    if images.shape[0] == 0:
        raise UserError(f"{wanted}, of 1 image or more; found none: {images.shape}")
    if is_bytes:
        return tf.cast(images, tf.float32) / 127.5 - 1.0
    check_range(name, images)
    return tf.cast(images, tf.float32)


def _mend_of_shape(shape: tf.TensorShape) -> str:
    if shape.rank == 3 and shape[2] == 3:
        return "; image[None] makes a batch of one image"
    if shape.rank != 4:
        return ""
    if shape[3] == 1:
        return "; np.repeat(images, 3, axis=-1) makes colours of grey"
    if shape[3] == 4:
        return "; images[..., :3] leaves the alpha channel out"
    if shape[1] == 3:
        return "; np.moveaxis(images, 1, -1) puts the channels last"
    return ""


def check_range(name: str, images: tf.Tensor) -> None:
    """Looks at the values of eager float images; warns where all lie in 0 to 1.

    Raises:
      UserError: where they leave [-1, 1] or are not finite.
    """
    if not tf.executing_eagerly():
        return
    images = tf.cast(images, tf.float32)
    if not tf.reduce_all(tf.math.is_finite(images)):
        raise UserError(
            f"{name}: expected images in [-1, 1], found values that are not finite"
        )
    low, high = float(tf.reduce_min(images)), float(tf.reduce_max(images))
    if low < -1.0 - ROUNDING or high > 1.0 + ROUNDING:
        raise UserError(
            f"{name}: expected images in [-1, 1], found {low:g} to {high:g}; {MEND}"
        )
    if low >= 0.0 and not _of_bytes(images):
        warnings.warn(
            f"{name}: {DOUBTED}, and images are to be in [-1, 1]: if "
            "these were made for 0 to 1, images * 2 - 1 turns them into that",
            stacklevel=2,
        )


@contextlib.contextmanager
def ours() -> Iterator[None]:
    """Within it, bright images are not doubted: they are of our own reader or networks,
    which give [-1, 1]."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", f".*{DOUBTED}", UserWarning)
        yield


def _of_bytes(images: tf.Tensor) -> tf.Tensor:
    """Whether bytes / 127.5 - 1 has made the values: they are odd multiples of 1 / 255.
    A bright image is so told from one of 0 to 1."""
    off = tf.abs(tf.math.floormod(images * 255.0, 2.0) - 1.0)
    return tf.reduce_all(off < BYTE)
