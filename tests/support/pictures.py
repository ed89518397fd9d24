"""Small images for tests, and their files."""

import io

import numpy as np
from PIL import Image


def noise(*shape, seed=0):
    """uint8 of any shape, [B, H, W, 3] as well as [H, W, 3]."""
    return np.random.RandomState(seed).randint(0, 256, shape).astype(np.uint8)


def encoded(image, kind="PNG", **options):
    """The bytes of a Pillow image's file."""
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def png(pixels):
    """The bytes of a PNG file of [H, W, 3] uint8."""
    return encoded(Image.fromarray(pixels))
