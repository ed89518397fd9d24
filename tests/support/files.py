"""Image files, good and bad."""

import numpy as np
from PIL import Image


def noise(height=12, width=16, channels=3, seed=0):
    shape = (height, width, channels)[: 2 + (channels > 1)]
    return np.random.RandomState(seed).randint(0, 256, shape).astype(np.uint8)


def save(path, pixels=None, **kwargs):
    image = Image.fromarray(noise() if pixels is None else pixels)
    image.save(path, **kwargs)
    return str(path)


def bad_files(folder):
    """{name: path} of files that are no usable images."""
    save(folder / "whole.jpg", noise(64, 64))
    whole = (folder / "whole.jpg").read_bytes()
    (folder / "whole.jpg").unlink()
    (folder / "cut.jpg").write_bytes(whole[: len(whole) // 2])
    (folder / "text.png").write_text("this is not a picture")
    (folder / "empty.png").write_bytes(b"")
    save(folder / "pixel.png", noise(1, 1))
    return ["cut.jpg", "empty.png", "pixel.png", "text.png"]
