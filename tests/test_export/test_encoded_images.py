"""The graph's reader of encoded images against the reader that training uses."""

import re
import struct
import zlib

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image
from support.odd_images import MUTATIONS, odd_images
from support.pictures import encoded

from egsc_tf.data import images
from egsc_tf.export.serving import encoded_images

SMALLEST, MAX_PIXELS = 8, 40_000
SIZES = "expected at least 8x8 and at most 40000 pixels"


@tf.function(input_signature=[tf.TensorSpec([], tf.string)])
def decode(data):
    return encoded_images.decode(data, "content_bytes", 7, SMALLEST, MAX_PIXELS)


def picture(height=24, width=33, channels=3):
    """Smooth, so that two JPEG decoders agree."""
    y, x, c = np.mgrid[:height, :width, :channels].astype(np.float32)
    values = 40 + 5 * x + 3 * y + 25 * c
    return np.clip(values, 0, 255).astype(np.uint8).squeeze()


def exif(value, big=True):
    order, mark = (">", b"MM\0*") if big else ("<", b"II*\0")
    entry = struct.pack(order + "HHIHH", 0x0112, 3, 1, value, 0)
    table = struct.pack(order + "H", 1) + entry + b"\0\0\0\0"
    return b"Exif\0\0" + mark + struct.pack(order + "I", 8) + table


def png_header(height, width):
    """The start of a PNG file that claims a size."""
    chunk = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + struct.pack(">I", 13)
        + chunk
        + struct.pack(">I", zlib.crc32(chunk))
    )


def alpha(image):
    ramp = np.linspace(0, 255, image.size[0]).astype(np.uint8)
    rows = np.broadcast_to(ramp, image.size[::-1])
    image.putalpha(Image.fromarray(rows.copy()))
    return image


PICTURES = {
    "rgb": lambda: encoded(Image.fromarray(picture())),
    "grey": lambda: encoded(Image.fromarray(picture(channels=1))),
    "palette": lambda: encoded(Image.fromarray(picture()).quantize(16)),
    "rgba": lambda: encoded(alpha(Image.fromarray(picture()))),
    "grey and alpha": lambda: encoded(alpha(Image.fromarray(picture(channels=1)))),
    "16 bits": lambda: encoded(
        Image.fromarray(picture(channels=1).astype(np.uint16) * 257)
    ),
    "one bit": lambda: encoded(Image.fromarray(picture(60, 60, 1)).convert("1")),
    "transparent palette": lambda: encoded(
        Image.fromarray(picture()).quantize(16), transparency=3
    ),
    "jpeg": lambda: encoded(Image.fromarray(picture()), "JPEG", quality=95),
    "progressive": lambda: encoded(
        Image.fromarray(picture()), "JPEG", quality=95, progressive=True
    ),
    "grey jpeg": lambda: encoded(Image.fromarray(picture(channels=1)), "JPEG"),
    "cmyk": lambda: encoded(
        Image.fromarray(picture()).convert("CMYK"), "JPEG", quality=95
    ),
}


@pytest.mark.parametrize("kind", PICTURES)
def test_equals_the_reader_of_training(kind):
    data = PICTURES[kind]()
    found = decode(data).numpy().astype(int)
    expected = images.read_bytes(data, kind).astype(int)
    assert found.shape == expected.shape
    assert expected.std() > 10
    assert np.abs(found - expected).max() <= 2


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
@pytest.mark.parametrize("big", [True, False])
@pytest.mark.parametrize("value", range(10))
def test_orientation_of_exif(value, big, kind):
    options = {"quality": 95} if kind == "JPEG" else {}
    data = encoded(Image.fromarray(picture()), kind, exif=exif(value, big), **options)
    found = decode(data).numpy().astype(int)
    expected = images.read_bytes(data, kind).astype(int)
    assert found.shape == expected.shape
    assert np.abs(found - expected).max() <= 2


@pytest.mark.parametrize("length", [7, 12, 16, 20, 24])
def test_broken_exif_counts_as_none(length):
    pixels = Image.fromarray(picture())
    data = encoded(pixels, "JPEG", quality=95, exif=exif(6)[:length])
    assert decode(data).shape == (24, 33, 3)


def test_exif_that_points_nowhere_counts_as_none():
    far = b"Exif\0\0MM\0*\xff\xff\xff\xf0" + b"\xff" * 40
    data = encoded(Image.fromarray(picture()), "JPEG", exif=far)
    assert decode(data).shape == (24, 33, 3)


def cmyk(profile=None):
    image = Image.fromarray(picture()).convert("CMYK")
    exif_too = exif(1) + bytes(60_000)
    return encoded(image, "JPEG", quality=95, exif=exif_too, icc_profile=profile)


def test_only_the_profile_of_cmyk_is_refused():
    assert decode(cmyk()).shape == (24, 33, 3)
    data = encoded(Image.fromarray(picture()), "JPEG", icc_profile=b"x" * 200)
    assert decode(data).shape == (24, 33, 3)


PNG = PICTURES["rgb"]()
JPEG = PICTURES["jpeg"]()


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "expected JPEG or PNG bytes"),
        (b"not an image", "expected JPEG or PNG bytes"),
        (encoded(Image.fromarray(picture()), "GIF"), "expected JPEG or PNG bytes"),
        (encoded(Image.fromarray(picture()), "BMP"), "expected JPEG or PNG bytes"),
        (PNG[:8], SIZES),
        (PNG[:30], "expected a whole JPEG or PNG, found a broken one"),
        (PNG[:-40], "expected a whole JPEG or PNG, found a broken one"),
        (JPEG[:3], "expected a whole JPEG, found a broken header"),
        (JPEG[:-40], "expected a whole JPEG or PNG, found a broken one"),
        (png_header(60_000, 60_000), SIZES),
        (png_header(2**31 - 1, 2**31 - 1), SIZES),
        (png_header(2**32 - 1, 2**32 - 1), SIZES),
        (png_header(0, 10), SIZES),
        (encoded(Image.new("RGB", (201, 200)), "JPEG"), SIZES),
        (encoded(Image.new("RGB", (7, 200)), "JPEG"), SIZES),
        (encoded(Image.new("RGB", (200, 7))), SIZES),
        (cmyk(profile=b"x" * 200_000), r"CMYK with one.*\[7\]"),
    ],
)
def test_what_is_wrong_is_said(data, message):
    with pytest.raises(tf.errors.InvalidArgumentError, match=message):
        decode(data)


def test_the_largest_image_that_is_allowed_is_decoded():
    data = encoded(Image.new("RGB", (200, 200)), "JPEG")
    assert decode(data).shape == (200, 200, 3)


def refused(data):
    """Whether a file is refused, which must name the input and the row."""
    try:
        found, told = decode(data), None
    except tf.errors.InvalidArgumentError as error:
        told = str(error)
    if told is None:
        assert min(found.shape[:2]) >= SMALLEST
        return False
    assert re.search(r"content_bytes: expected .*\[7\]", told), data
    return True


@pytest.mark.parametrize("kind", PICTURES)
def test_a_file_cut_anywhere_names_the_input_and_the_row(kind):
    data = PICTURES[kind]()
    assert all(refused(data[:end]) for end in range(0, len(data) // 2, 9))
    for end in range(len(data) // 2, len(data), 9):
        refused(data[:end])


def test_other_damage_names_the_input_and_the_row():
    """Bits, bytes and headers changed, parts of other files, other formats."""
    files = [(kind, make()) for kind, make in PICTURES.items()]
    files.append(("animated", encoded(Image.fromarray(picture()), save_all=True,
                 append_images=[Image.fromarray(picture()).rotate(90)])))  # fmt: skip
    count = 0
    for i in range(400):
        random = np.random.RandomState([8, i])
        data = files[i % len(files)][1]
        for _ in range(random.randint(1, 3)):
            mutate = MUTATIONS[random.randint(len(MUTATIONS))]
            data = mutate(data, files, random) or b"\0"
        count += refused(data)
    count += sum(refused(odd.data) for odd in odd_images(150, seed=2))
    assert count > 200


@pytest.mark.parametrize("size", [(20, 31), (150, 175), (20, 120), (60, 50), (60, 90)])
def test_resizing_equals_the_one_of_training(size):
    pixels = picture(60, 50)
    found = encoded_images.resize(pixels, *size).numpy().astype(int)
    expected = images.resize(pixels, *size).astype(int)
    assert np.abs(found - expected).max() <= 1


@pytest.mark.parametrize("size", [(13, 20), (100, 90)])
def test_resizing_is_antialiased_whether_it_needs_it_or_not(size):
    pixels = np.random.RandomState(0).randint(0, 256, [40, 30, 3]).astype(np.uint8)
    found = encoded_images.resize(pixels, *size).numpy().astype(int)
    exact = tf.image.resize(pixels, size, "bicubic", antialias=True)
    expected = encoded_images.to_uint8(exact).numpy().astype(int)
    assert np.abs(found - expected).max() <= 1


def test_png_is_written_the_fast_way():
    """By the head of its pixels' zlib stream: 0 is the fastest kind, 2 the usual."""
    data = encoded_images.encode(picture()).numpy()
    start = data.index(b"IDAT") + 4
    assert data[start + 1] >> 6 == 0


def test_png_comes_back_as_it_was():
    assert (decode(encoded_images.encode(picture())).numpy() == picture()).all()
