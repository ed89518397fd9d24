"""A stream of image files, whole and mutated, the same for the same seed."""

import struct
import typing
import zlib

import numpy as np
from PIL import Image
from support.pictures import encoded

HEIGHT, WIDTH = 20, 28
EXTREME = (0x00, 0x01, 0x7F, 0x80, 0xFF)


class Odd(typing.NamedTuple):
    """A file. whole: it must be read; hopeless: it must not; else either is right."""

    name: str
    data: bytes
    whole: bool
    hopeless: bool


def orientation(value):
    exif = Image.Exif()
    exif[0x0112] = value
    return exif


def whole_files():
    """[(ending, bytes)]: each common format in several of its kinds."""
    y, x, c = np.mgrid[:HEIGHT, :WIDTH, :3].astype(np.float32)
    rgb = Image.fromarray((60 + 5 * x + 3 * y + 20 * c).astype(np.uint8))
    other = rgb.transpose(Image.Transpose.ROTATE_180)
    grey, palette, alpha = rgb.convert("L"), rgb.quantize(32), rgb.convert("RGBA")
    alpha.putalpha(grey)
    deep = Image.fromarray(np.asarray(grey, np.uint16) * 257)
    frames = {"save_all": True, "append_images": [other] * 2}
    turned = {"exif": orientation(6)}
    return [
        (".png", encoded(rgb, "PNG", **turned)),
        (".png", encoded(grey, "PNG")),
        (".png", encoded(palette, "PNG", transparency=3)),
        (".png", encoded(alpha, "PNG")),
        (".png", encoded(deep, "PNG")),
        (".png", encoded(rgb, "PNG", **frames)),
        (".jpg", encoded(rgb, "JPEG", **turned)),
        (".jpg", encoded(rgb, "JPEG", progressive=True, icc_profile=b"x" * 200)),
        (".jpg", encoded(rgb.convert("CMYK"), "JPEG")),
        (".gif", encoded(palette, "GIF", transparency=3)),
        (".gif", encoded(palette, "GIF", **frames)),
        (".bmp", encoded(rgb, "BMP")),
        (".bmp", encoded(palette, "BMP")),
        (".webp", encoded(rgb, "WEBP", **turned)),
        (".webp", encoded(alpha, "WEBP", lossless=True)),
        (".webp", encoded(rgb, "WEBP", **frames)),
        (".tif", encoded(rgb, "TIFF", **turned)),
        (".tif", encoded(deep, "TIFF")),
        (".tif", encoded(grey, "TIFF", compression="tiff_lzw", **frames)),
        (".tif", encoded(rgb, "TIFF", compression="tiff_adobe_deflate")),
        (".tif", encoded(rgb, "TIFF", compression="jpeg")),
        (".tga", encoded(rgb, "TGA", compression="tga_rle")),
        (".ppm", encoded(rgb, "PPM")),
    ]


def flip_bits(data, others, random):
    changed = bytearray(data)
    for _ in range(random.randint(1, 9)):
        changed[random.randint(len(data))] ^= 1 << random.randint(8)
    return bytes(changed)


def truncate(data, others, random):
    return data[: random.randint(len(data))]


def splice(data, others, random):
    """A part of another file in place of a part of this one."""
    other = others[random.randint(len(others))][1]
    start, end = np.sort(random.randint(len(data), size=2))
    first, last = np.sort(random.randint(len(other), size=2))
    return data[:start] + other[first:last] + data[end:]


def edit_header(data, others, random):
    """Extreme values in a few of the first bytes."""
    changed = bytearray(data)
    for _ in range(random.randint(1, 5)):
        place = random.randint(min(len(data), 96))
        changed[place] = EXTREME[random.randint(len(EXTREME))]
    return bytes(changed)


def edit_png(data, others, random):
    """Another size, depth or kind in a PNG header whose checksum is right again."""
    if not data.startswith(b"\x89PNG") or len(data) < 33:
        return edit_header(data, others, random)
    header = bytearray(data[16:29])
    header[random.randint(13)] = EXTREME[random.randint(len(EXTREME))]
    checksum = struct.pack(">I", zlib.crc32(b"IHDR" + header))
    return data[:16] + bytes(header) + checksum + data[33:]


MUTATIONS = (flip_bits, truncate, splice, edit_header, edit_png)


def odd_images(count, seed=0):
    """`count` files, among them a fifth whole ones and a few with no image in them."""
    files = whole_files()
    for i in range(count):
        random = np.random.RandomState([seed, i])
        ending, data = files[random.randint(len(files))]
        whole, hopeless = i % 5 == 0, i % 50 == 1
        if hopeless:
            data = (b"", b"no picture", data[:7], bytes(500))[i // 50 % 4]
        elif not whole:
            for _ in range(random.randint(1, 3)):
                data = MUTATIONS[random.randint(len(MUTATIONS))](data, files, random)
                data = data or b"\0"
        yield Odd(f"{i:05d} é{ending}", data, whole, hopeless)
