"""Image files, good and bad."""

from PIL import Image
from support import pictures


def noise(height=12, width=16, channels=3, seed=0):
    shape = (height, width, channels)[: 2 + (channels > 1)]
    return pictures.noise(*shape, seed=seed)


def save(path, pixels=None, **kwargs):
    image = Image.fromarray(noise() if pixels is None else pixels)
    image.save(path, **kwargs)
    return str(path)


def save_noise(path, height, width, seed=0):
    return save(path, noise(height, width, seed=seed))


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
