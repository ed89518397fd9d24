"""The one reader of image files: training, translation and evaluation share it.

A file becomes [H, W, 3] uint8 sRGB, upright (`egsc_tf.data.rgb` says how); of an
animation, the first frame. A file that cannot raises `BadImage` with its path and the
reason, and nothing else: neither a bomb, a pipe nor a broken header.
"""

import contextlib
import io
import os
import stat
import threading
import typing
import warnings

import numpy as np
from PIL import Image, UnidentifiedImageError
from PIL.PngImagePlugin import PngInfo

from egsc_tf.data import rgb
from egsc_tf.errors import UserError
from egsc_tf.runtime import extras
from egsc_tf.runtime.files import whole_file

try:
    import pillow_heif
except ImportError:  # It is the extra `heif`, and its files are left out by name.
    pillow_heif = None

SMALLEST_SIDE = 8
FEWEST = 2  # usable images that training needs of a domain
# Those of Pillow's formats that pictures come in. Left out are documents, films and
# data, and EPS, for which Pillow starts another program.
FORMATS = ("AVIF", "BMP", "GIF", "HEIF", "JPEG", "JPEG2000", "MPO", "PNG", "PPM")
FORMATS += ("QOI", "TIFF", "WEBP")
UNMARKED = ("TGA",)  # no first bytes tell it: tried last, and where the ending says so
Image.init()
if pillow_heif:
    pillow_heif.register_heif_opener()
HEIF_ENDINGS = (".heic", ".heics", ".heif", ".heifs", ".hif")
HEIF_BRANDS = tuple(b"ftyp" + x for x in (b"hei", b"hevc", b"hevx", b"mif1", b"msf1"))
NO_HEIF = f"{extras.command('heif')} reads these"
# An older Pillow lacks AVIF; MPO is a kind of JPEG.
MARKED = [name for name in FORMATS if name in Image.OPEN]
OPENED = [*MARKED, *UNMARKED]
ENDINGS = {e: f for e, f in Image.registered_extensions().items() if f in OPENED}
# Refused below, by name; Pillow would also print a line about each.
warnings.simplefilter("ignore", Image.DecompressionBombWarning)
# Images of more pixels than this take up to 1.4 GB while they are decoded: one at a
# time, however many threads read.
LARGE = 2**25
_one_large = threading.Lock()


class BadImage(UserError):
    """A file that cannot be used; the message starts with its path.

    Attributes:
      kind: "unreadable" (missing, forbidden, no file), "broken" or "tiny".
    """

    def __init__(self, message, kind="broken"):
        super().__init__(message)
        self.kind = kind


class Picture(typing.NamedTuple):
    """A decoded image.

    Attributes:
      pixels: [H, W, 3] uint8.
      format, mode: of the file, in Pillow's words: "JPEG", "CMYK".
    """

    pixels: np.ndarray
    format: str
    mode: str


def printable(name):
    """A file name as one line of text that any terminal and UTF-8 file can take."""
    return "".join(char if char.isprintable() else _escaped(char) for char in name)


def _escaped(char):
    byte = ord(char) - 0xDC00  # So Python reads a byte that is no text.
    return f"\\x{byte:02x}" if 0x80 <= byte <= 0xFF else ascii(char)[1:-1]


def open_file(path):
    """A file to read bytes from; never waits. Raises BadImage."""
    try:
        mode = os.stat(path).st_mode
        if stat.S_ISREG(mode):
            return open(path, "rb", opener=_without_waiting)
    except (OSError, ValueError) as error:
        raise refused(path, error) from error
    found = "a folder" if stat.S_ISDIR(mode) else "a pipe, socket or device"
    raise BadImage(
        f"{printable(path)}: expected an image, found: {found}", "unreadable"
    )


def _without_waiting(path, flags):
    """For a file that has become a pipe meanwhile. Windows has no such flag."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


def is_image(path):
    """Whether a file can be opened and begins as an image does, whatever its name."""
    try:
        with open_file(path) as file, Image.open(file, formats=MARKED):
            return True
    except Image.DecompressionBombError:
        return True  # and refused by name when it is read
    except Exception:  # Pillow's parsers of headers raise many kinds.
        return False


def read(path, smallest_side=SMALLEST_SIDE):
    """[H, W, 3] uint8 of a file. Raises BadImage."""
    return read_picture(path, smallest_side).pixels


def read_picture(path, smallest_side=SMALLEST_SIDE):
    """The Picture of a file. Raises BadImage."""
    with open_file(path) as file:
        return decode(file, path, smallest_side)


def read_bytes(data, name):
    """[H, W, 3] uint8 of an encoded image. Raises BadImage, calling it `name`."""
    return decode(io.BytesIO(data), name).pixels


def decode(file, name, smallest_side=SMALLEST_SIDE, most=None):
    """The Picture in an open file. Raises BadImage, calling it `name`.

    most: pixels of the largest image that is decoded; None: Pillow's limit.
    """
    try:
        with open_image(file, most) as image, _turn_to_decode(image):
            picture = Picture(rgb.upright_rgb(image), image.format, image.mode)
    except Exception as error:  # Pillow's decoders raise many kinds.
        raise refused(name, error) from error
    height, width = picture.pixels.shape[:2]
    if min(height, width) < smallest_side:
        raise BadImage(
            f"{printable(name)}: expected at least {smallest_side}x{smallest_side} "
            f"pixels, found {width}x{height}",
            "tiny",
        )
    return picture


def open_image(file, most=None):
    """A Pillow image whose header is read. Raises ValueError, and what Pillow does."""
    try:
        image = Image.open(file, formats=OPENED)
    except UnidentifiedImageError as error:
        file.seek(0)
        start = file.read(16)
        found = f"an unknown format or a broken header, it starts with {start}"
        if start[4:].startswith(HEIF_BRANDS) and "HEIF" not in OPENED:
            found = f"HEIF, and no pillow-heif is installed: {NO_HEIF}"
        raise ValueError(found if start else "an empty file") from error
    limits = [x for x in (most, Image.MAX_IMAGE_PIXELS) if x is not None]
    most = min(limits, default=None)
    if most is not None and image.width * image.height > most:
        raise ValueError(f"{image.width}x{image.height}, more than {most} pixels")
    return image


def _turn_to_decode(image):
    """A context in which an image may be decoded."""
    large = image.width * image.height > LARGE
    return _one_large if large else contextlib.nullcontext()


def refused(name, error):
    """The BadImage of an error of the operating system or of Pillow."""
    from_system = isinstance(error, OSError) and error.strerror
    reason = from_system or str(error) or type(error).__name__
    return BadImage(
        f"{printable(name)}: expected an image, found: {printable(reason)}",
        "unreadable" if from_system else "broken",
    )


def naming_skip(error):
    """A BadImage that stops a program, with the flag that would leave the file out."""
    told = f"{error}; --on_bad_image=skip leaves it out"
    return BadImage(told, error.kind)


def resize(pixels, height, width):
    """[H, W, 3] uint8 -> [height, width, 3] uint8, antialiased."""
    if pixels.shape[:2] == (height, width):
        return pixels
    image = Image.fromarray(pixels).resize((width, height), Image.Resampling.BICUBIC)
    return np.asarray(image)


def centre(pixels, height, width):
    """The largest part of [H, W, ...] in its middle with the form of height x width."""
    rows, columns = pixels.shape[:2]
    high = min(rows, columns * height // width)
    wide = min(columns, rows * width // height)
    top, left = (rows - high) // 2, (columns - wide) // 2
    return pixels[top : top + high, left : left + wide]


def to_float(pixels):
    """uint8 [0, 255] -> float32 [-1, 1]."""
    return np.asarray(pixels, np.float32) / 127.5 - 1.0


def to_uint8(images):
    """float [-1, 1] -> uint8 [0, 255], rounded; values outside are clipped."""
    scaled = (np.asarray(images, np.float32) + 1.0) * 127.5
    return np.rint(np.clip(scaled, 0.0, 255.0)).astype(np.uint8)


def write_png(path, image, **texts):
    """Writes [H, W, 3] in [-1, 1] (or uint8) as PNG, beside and then renamed.

    texts: what else the file says, by keywords.
    """
    pixels = image if image.dtype == np.uint8 else to_uint8(image)
    info = PngInfo()
    for keyword, text in texts.items():
        info.add_text(keyword, text)
    with whole_file(path) as part:
        Image.fromarray(pixels).save(part, format="PNG", pnginfo=info)
