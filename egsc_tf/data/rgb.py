"""A Pillow image of any mode becomes upright 8-bit sRGB.

Grey, palette, 16-bit, float and CMYK images are converted, transparent ones laid on
white, and all turned as their EXIF data say. Colour profiles count only for CMYK,
where guessing is far off; grey and RGB values are taken as sRGB.
"""

import io

import numpy as np
from PIL import Image, ImageCms

# What white is in the modes of more than 8 bits: 16-bit PNG and TIFF, float TIFF.
WHITE = {"I": 65535, "I;16": 65535, "I;16L": 65535, "I;16B": 65535, "F": 1.0}
ORIENTATION = 0x0112  # of EXIF
TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
PHOTOMETRIC, WHITE_IS_ZERO = 262, 0  # of TIFF


def upright_rgb(image):
    """[H, W, 3] uint8 of an opened Pillow image; of an animation, its first frame.

    Raises many kinds of errors, as Pillow's decoders do; ValueError for values that a
    mode leaves undefined.
    """
    image.load()  # First: a TIFF is turned as it is loaded.
    turn = TURNS.get(_orientation(image))
    rgb = _to_rgb(image)
    return np.asarray(rgb if turn is None else rgb.transpose(turn))


def _orientation(image):
    """EXIF's orientation; EXIF data that cannot be parsed say nothing."""
    try:
        return image.getexif().get(ORIENTATION)
    except Exception:  # Pillow's parser raises many kinds.
        return None


def _to_rgb(image):
    key = image.info.get("transparency")
    if image.mode in WHITE:
        image = _to_grey(image, key)
    elif image.mode == "CMYK" and image.info.get("icc_profile"):
        image = ImageCms.profileToProfile(
            image,
            io.BytesIO(image.info["icc_profile"]),
            ImageCms.createProfile("sRGB"),
            outputMode="RGB",
        )
    elif isinstance(key, tuple) and max(key) > 255:
        # Of 16 bits, while Pillow keeps the upper 8 of the pixels.
        image.info["transparency"] = tuple(value >> 8 for value in key)
    if image.mode in ("LA", "La", "PA", "RGBA", "RGBa") or "transparency" in image.info:
        image = image.convert("RGBA")
        ground = Image.new("RGBA", image.size, "white")
        image = Image.alpha_composite(ground, image)
    return image.convert("RGB")


def _to_grey(image, transparent):
    """Mode L of a mode in WHITE; `transparent`: None, or the value that is laid on
    white."""
    white = WHITE[image.mode]
    values = np.asarray(image, np.float32)
    # So written, it also finds NaN.
    if not (values.min() >= 0 and values.max() <= white):
        raise ValueError(
            f"values from {values.min():g} to {values.max():g}, expected 0 to {white:g}"
        )
    if getattr(image, "tag_v2", {}).get(PHOTOMETRIC) == WHITE_IS_ZERO:
        values = white - values
    if transparent is not None:
        values = np.where(values == transparent, np.float32(white), values)
    return Image.fromarray(np.rint(values * (255.0 / white)).astype(np.uint8))
