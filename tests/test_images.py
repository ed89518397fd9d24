"""The reader of image files."""

import numpy as np
import pytest
from PIL import Image

from egsc_tf.data import images


def noise(height=12, width=16, channels=3, seed=0):
    shape = (height, width, channels)[: 2 + (channels > 1)]
    return np.random.RandomState(seed).randint(0, 256, shape).astype(np.uint8)


def save(path, pixels=None, **kwargs):
    image = Image.fromarray(noise() if pixels is None else pixels)
    image.save(path, **kwargs)
    return str(path)


def test_rgb_png_is_read_as_it_is(tmp_path):
    pixels = noise()
    np.testing.assert_array_equal(
        images.read(save(tmp_path / "é x.png", pixels)), pixels
    )


def test_grey_becomes_three_equal_channels(tmp_path):
    pixels = noise(channels=1)
    found = images.read(save(tmp_path / "g.png", pixels))
    np.testing.assert_array_equal(found, np.repeat(pixels[..., None], 3, axis=-1))


def test_transparent_pixels_become_white(tmp_path):
    pixels = np.dstack([noise(), np.full((12, 16), 255, np.uint8)])
    pixels[0, 0, 3] = 0
    found = images.read(save(tmp_path / "t.png", pixels))
    assert found[0, 0].tolist() == [255, 255, 255]
    np.testing.assert_array_equal(found[1:], pixels[1:, :, :3])


def test_sixteen_bits_are_scaled(tmp_path):
    deep = np.linspace(0, 65535, 12 * 16).reshape(12, 16).astype(np.uint16)
    found = images.read(save(tmp_path / "d.png", deep))
    np.testing.assert_allclose(found[..., 0], deep / 257.0, atol=1.0)


def test_palette_and_cmyk(tmp_path):
    flat = Image.new("RGB", (16, 12), (200, 30, 30))
    flat.convert("P", palette=Image.Palette.ADAPTIVE).save(tmp_path / "p.gif")
    flat.convert("CMYK").save(tmp_path / "c.jpg", quality=95)
    for name in ("p.gif", "c.jpg"):
        found = images.read(str(tmp_path / name)).astype(int)
        assert found.shape == (12, 16, 3)
        assert np.abs(found - [200, 30, 30]).max() < 8


def test_exif_rotation_is_applied(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by 90 degrees
    path = save(tmp_path / "r.jpg", noise(12, 16), exif=exif)
    assert images.read(path).shape == (16, 12, 3)


def test_animation_gives_its_first_frame(tmp_path):
    frames = [Image.new("RGB", (10, 10), c) for c in ("red", "blue")]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:])
    assert images.read(str(tmp_path / "a.gif"))[0, 0].tolist() == [255, 0, 0]


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


def test_bad_files_are_named(tmp_path):
    for name in bad_files(tmp_path):
        with pytest.raises(images.BadImage, match=f"{name}: expected"):
            images.read(str(tmp_path / name))


def test_a_decompression_bomb_is_refused(tmp_path, monkeypatch):
    path = save(tmp_path / "bomb.png", noise(64, 64))
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    with pytest.raises(images.BadImage, match=r"bomb\.png"):
        images.read(path)


def test_float_and_back():
    pixels = np.arange(256, dtype=np.uint8).reshape(16, 16, 1).repeat(3, axis=-1)
    values = images.to_float(pixels)
    assert values.min() == -1.0
    assert values.max() == 1.0
    np.testing.assert_array_equal(images.to_uint8(values), pixels)
    assert images.to_uint8(np.array([-3.0, 3.0])).tolist() == [0, 255]
