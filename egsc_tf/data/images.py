"""The one reader of image files: training, translation and evaluation share it.

A file becomes [H, W, 3] uint8 sRGB, upright. Grey, palette, CMYK, 16-bit, RGBA (laid on
white) and animated files (first frame) are handled; a file that is none of it raises
`BadImage` with its path and the reason.
"""

import io
import os

import numpy as np
from PIL import Image, ImageOps

from egsc_tf.errors import UserError
from egsc_tf.whole_file import whole_file

SMALLEST_SIDE = 8
# What white is in the modes of more than 8 bits: 16-bit PNG and TIFF, float TIFF.
WHITE = {"I": 65535, "I;16": 65535, "I;16L": 65535, "I;16B": 65535, "F": 1.0}


class BadImage(UserError):
    """A file that cannot be used; the message starts with its path."""


def is_image_name(name):
    """Whether a file name is visible and has an ending that Pillow knows."""
    ending = os.path.splitext(name)[1].lower()
    return not name.startswith(".") and ending in Image.registered_extensions()


def list_images(folder):
    """Sorted paths of the image files of a folder (not of its subfolders).

    Raises:
      UserError: where there is no such folder, or no image in it.
    """
    if not os.path.isdir(folder):
        raise UserError(f"{folder}: expected a folder of images, found none")
    names = sorted(os.listdir(folder))
    paths = [os.path.join(folder, name) for name in names if is_image_name(name)]
    if not paths:
        raise UserError(
            f"{folder}: expected image files, found none among {len(names)} entries"
        )
    return paths


def read(path):
    """[H, W, 3] uint8 of a file. Raises BadImage."""
    return _read(path, path)


def read_label_map(path, height, width):
    """[height, width] uint8 of a label map, nearest neighbour. Raises BadImage."""
    try:
        with Image.open(path) as image:
            if image.mode not in ("L", "P"):
                raise ValueError(f"mode {image.mode}, expected one 8-bit channel")
            return resize_label_map(np.asarray(image), height, width)
    except Exception as error:  # Pillow's decoders raise many kinds.
        raise BadImage(f"{path}: expected a label map, found: {error}") from error


def resize_label_map(labels, height, width):
    """[h, w] uint8 -> [height, width], nearest neighbour."""
    image = Image.fromarray(labels).resize((width, height), Image.Resampling.NEAREST)
    return np.asarray(image)


def open_bytes(data):
    """A Pillow image of an encoded one, in its own mode: for label maps."""
    return Image.open(io.BytesIO(data))


def read_bytes(data, name):
    """[H, W, 3] uint8 of an encoded image. Raises BadImage, calling it `name`."""
    return _read(io.BytesIO(data), name)


def _read(file, name):
    try:
        with Image.open(file) as image:
            if image.width * image.height > Image.MAX_IMAGE_PIXELS:
                raise ValueError(
                    f"{image.width}x{image.height}, more than "
                    f"{Image.MAX_IMAGE_PIXELS} pixels"
                )
            pixels = np.asarray(_to_rgb(ImageOps.exif_transpose(image)))
    except Exception as error:  # Pillow's decoders raise many kinds.
        reason = str(error).replace(f" {file!r}", "").replace(repr(file), "")
        raise BadImage(f"{name}: expected an image, found: {reason}") from error
    if min(pixels.shape[:2]) < SMALLEST_SIDE:
        raise BadImage(
            f"{name}: expected at least {SMALLEST_SIDE}x{SMALLEST_SIDE} pixels, found "
            f"{pixels.shape[1]}x{pixels.shape[0]}"
        )
    return pixels


def resize(pixels, height, width):
    """[H, W, 3] uint8 -> [height, width, 3] uint8, antialiased."""
    if pixels.shape[:2] == (height, width):
        return pixels
    image = Image.fromarray(pixels).resize((width, height), Image.Resampling.BICUBIC)
    return np.asarray(image)


def to_float(pixels):
    """uint8 [0, 255] -> float32 [-1, 1]."""
    return np.asarray(pixels, np.float32) / 127.5 - 1.0


def to_uint8(images):
    """float [-1, 1] -> uint8 [0, 255], rounded; values outside are clipped."""
    scaled = (np.asarray(images, np.float32) + 1.0) * 127.5
    return np.rint(np.clip(scaled, 0.0, 255.0)).astype(np.uint8)


def write_png(path, image):
    """Writes [H, W, 3] in [-1, 1] (or uint8) as PNG, beside and then renamed."""
    pixels = image if image.dtype == np.uint8 else to_uint8(image)
    with whole_file(path) as part:
        Image.fromarray(pixels).save(part, format="PNG")


def _to_rgb(image):
    """A Pillow image of any mode -> RGB."""
    if image.mode in WHITE:
        values = np.asarray(image, np.float64) * (255.0 / WHITE[image.mode])
        image = Image.fromarray(np.rint(np.clip(values, 0, 255)).astype(np.uint8))
    if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        image = image.convert("RGBA")
        ground = Image.new("RGBA", image.size, "white")
        image = Image.alpha_composite(ground, image)
    return image.convert("RGB")
