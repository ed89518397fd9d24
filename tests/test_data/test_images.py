"""The reader of image files: what each kind becomes, and what is refused by name."""

import contextlib
import io
import os
import socket
import struct
import subprocess
import sys
import threading
import zlib

import numpy as np
import pytest
from PIL import Image
from support.files import bad_files, noise, save
from support.pictures import encoded

from egsc_tf.data import folders, images, label_maps, rgb
from egsc_tf.errors import UserError


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


def png(values, depth, kind, *chunks):
    """Bytes of a PNG file, also of those kinds that Pillow reads and never writes.

    values: [H, W] or [H, W, C]; kind: 0 grey, 2 RGB; chunks: (name, bytes), before the
    pixels.
    """
    height, width = values.shape[:2]
    rows = values.astype(">u2" if depth == 16 else ">u1")
    raw = b"".join(b"\0" + row.tobytes() for row in rows)
    head = struct.pack(">IIBBBBB", width, height, depth, kind, 0, 0, 0)
    parts = [(b"IHDR", head), *chunks, (b"IDAT", zlib.compress(raw)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data))
        + name
        + data
        + struct.pack(">I", zlib.crc32(name + data))
        for name, data in parts
    )


def read_bytes(data):
    return images.read_bytes(data, "x").astype(int)


def deep(channels):
    """Values of 16 bits, and what they are in 8."""
    values = np.linspace(0, 65535, 12 * 16 * channels).reshape(12, 16, channels)
    return values.round().astype(np.uint16), values / 257.0


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_sixteen_bits_of_grey_are_scaled(kind):
    values, expected = deep(1)
    found = read_bytes(encoded(Image.fromarray(values[..., 0]), kind))
    np.testing.assert_allclose(found, expected.repeat(3, axis=-1), atol=0.51)


def test_sixteen_bits_of_colour_are_scaled():
    values, expected = deep(3)
    np.testing.assert_allclose(read_bytes(png(values, 16, 2)), expected, atol=1.0)


@pytest.mark.parametrize(("depth", "white"), [(8, 255), (16, 65535)])
@pytest.mark.parametrize("channels", [1, 3])
def test_the_transparent_colour_becomes_white(depth, white, channels):
    values = np.full((12, 16, channels), white // 4)
    values[0, 0] = white // 8
    key = struct.pack(">H", white // 8) * channels
    found = read_bytes(png(values, depth, channels - 1, (b"tRNS", key)))
    assert found[0, 0].tolist() == [255] * 3
    assert np.abs(found[1:] - 63.75).max() <= 1


def tiff(values, **tags):
    return encoded(Image.fromarray(values), "TIFF", **tags)


def test_floats_are_from_0_to_1():
    values = np.linspace(0, 1, 12 * 16, dtype=np.float32).reshape(12, 16)
    found = read_bytes(tiff(values))
    np.testing.assert_allclose(found[..., 0], values * 255, atol=0.51)


@pytest.mark.parametrize("value", [-0.1, 1.1, 255.0, np.nan, np.inf])
def test_other_floats_are_refused(value):
    values = np.full((12, 16), 0.5, np.float32)
    values[3, 4] = value
    with pytest.raises(images.BadImage, match="x: .* values from .*, expected 0 to 1"):
        read_bytes(tiff(values))


@pytest.mark.parametrize("value", [-1, 65536])
def test_integers_beyond_16_bits_are_refused(value):
    values = np.full((12, 16), 7, np.int32)
    values[3, 4] = value
    with pytest.raises(images.BadImage, match="expected 0 to 65535"):
        read_bytes(tiff(values))


def test_a_tiff_whose_zero_is_white():
    values, expected = deep(1)
    data = bytearray(tiff(values[..., 0]))
    photometric = struct.pack("<HHIH", 262, 3, 1, 1)
    assert data.count(photometric) == 1
    data = data.replace(photometric, struct.pack("<HHIH", 262, 3, 1, 0))
    np.testing.assert_allclose(
        read_bytes(bytes(data))[..., :1], 255 - expected, atol=0.51
    )


def test_half_transparent_grey_is_laid_on_white():
    image = Image.merge("LA", [Image.new("L", (16, 12), v) for v in (100, 128)])
    expected = 100 * 128 / 255 + 255 * 127 / 255
    np.testing.assert_allclose(read_bytes(encoded(image, "PNG")), expected, atol=1.0)


def test_a_palette_with_transparency_is_laid_on_white():
    image = Image.new("P", (16, 12), 1)
    image.putpalette([0, 0, 0, 200, 30, 30, 9, 9, 9])
    image.putpixel((0, 0), 2)
    for options in ({"transparency": 2}, {"transparency": bytes([255, 255, 0])}):
        found = read_bytes(encoded(image, "PNG", **options))
        assert found[0, 0].tolist() == [255] * 3
        assert found[1, 1].tolist() == [200, 30, 30]


def test_palette_and_cmyk(tmp_path):
    flat = Image.new("RGB", (16, 12), (200, 30, 30))
    flat.convert("P", palette=Image.Palette.ADAPTIVE).save(tmp_path / "p.gif")
    flat.convert("CMYK").save(tmp_path / "c.jpg", quality=95)
    for name in ("p.gif", "c.jpg"):
        found = images.read(str(tmp_path / name)).astype(int)
        assert found.shape == (12, 16, 3)
        assert np.abs(found - [200, 30, 30]).max() < 8


def cmyk_profile(lightness, a, b):
    """An ICC profile of a printer whose cyan is a colour of Lab, all else black."""
    white, black = bytes([255, 128, 128]), bytes([0, 128, 128])
    colour = bytes([round(lightness * 2.55), a + 128, b + 128])
    # With and without each ink, cyan slowest.
    colours = white + black * 7 + colour + black * 7
    ramp = bytes(range(256))
    table = struct.pack(">4sIBBBB", b"mft1", 0, 4, 3, 2, 0)
    table += struct.pack(">9i", *(65536 * x for x in (1, 0, 0, 0, 1, 0, 0, 0, 1)))
    table += ramp * 4 + colours + ramp * 3
    table += bytes(-len(table) % 4)
    paper = struct.pack(">4sI3i", b"XYZ ", 0, 63190, 65536, 54061)
    tags, start = b"", 128 + 4 + 2 * 12
    for name, data in ((b"A2B0", table), (b"wtpt", paper)):
        tags += name + struct.pack(">II", start, len(data))
        start += len(data)
    head = struct.pack(">I4sI4s4s4s", start, b"", 0x02400000, b"prtr", b"CMYK", b"Lab ")
    head += bytes(12) + b"acsp" + bytes(28) + struct.pack(">3i", 63190, 65536, 54061)
    return head.ljust(128, b"\0") + struct.pack(">I", 2) + tags + table + paper


@pytest.mark.parametrize("kind", ["JPEG", "TIFF"])
def test_cmyk_follows_its_profile(kind):
    image = Image.new("CMYK", (16, 12), (255, 0, 0, 0))
    plain = read_bytes(encoded(image, kind))
    found = read_bytes(encoded(image, kind, icc_profile=cmyk_profile(50, 60, 40)))
    # Lab (50, 60, 40) of D50 in sRGB, by the formulas.
    assert np.abs(found - [214, 61, 56]).max() <= 4
    assert np.abs(plain - [0, 255, 255]).max() <= 4


def test_cmyk_with_a_broken_profile_is_refused():
    data = encoded(Image.new("CMYK", (16, 12)), "JPEG", icc_profile=b"no profile")
    with pytest.raises(images.BadImage, match="x: expected an image, found: .*profile"):
        read_bytes(data)


def test_a_profile_of_rgb_is_left_alone():
    pixels = noise()
    data = encoded(Image.fromarray(pixels), "PNG", icc_profile=b"no profile")
    np.testing.assert_array_equal(read_bytes(data), pixels)


TURNED = {
    1: lambda x: x,
    2: lambda x: x[:, ::-1],
    3: lambda x: x[::-1, ::-1],
    4: lambda x: x[::-1],
    5: lambda x: x.swapaxes(0, 1),
    6: lambda x: np.rot90(x, -1),
    7: lambda x: x[::-1, ::-1].swapaxes(0, 1),
    8: lambda x: np.rot90(x),
    0: lambda x: x,
    9: lambda x: x,
}


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize("orientation", TURNED)
def test_exif_turns(kind, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    pixels = np.zeros((16, 24, 3), np.uint8)
    pixels[:8, :8], pixels[8:, 16:] = 250, (250, 0, 0)
    options = {"WEBP": {"lossless": True}, "JPEG": {"quality": 95}}.get(kind, {})
    found = read_bytes(encoded(Image.fromarray(pixels), kind, exif=exif, **options))
    expected = TURNED[orientation](pixels)
    assert found.shape == expected.shape
    assert np.abs(found - expected).mean() < 5


@pytest.mark.filterwarnings("ignore:Corrupt EXIF data")
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize(
    "exif", [b"MM", b"MM\0*\0\0", b"hello", b"II*\0" + b"\xff" * 9]
)
def test_broken_exif_turns_nothing(kind, exif):
    data = encoded(Image.fromarray(noise()), kind, exif=b"Exif\0\0" + exif)
    assert read_bytes(data).shape == (12, 16, 3)


class Counted(io.BytesIO):
    """Counts the bytes that are read."""

    count = 0

    def read(self, *args):
        data = super().read(*args)
        self.count += len(data)
        return data


@pytest.mark.parametrize("kind", ["GIF", "PNG", "TIFF"])
def test_of_an_animation_only_the_first_frame_is_read(kind):
    frames = [Image.fromarray(noise(64, 64, seed=i)) for i in range(60)]
    options = {"save_all": True, "append_images": frames[1:]}
    file = Counted(encoded(frames[0], kind, **options))
    found = images.decode(file, "x").pixels
    assert found.shape == (64, 64, 3)
    if kind != "GIF":  # of 256 colours
        np.testing.assert_array_equal(found, noise(64, 64))
    assert file.count < len(file.getvalue()) / 3


@pytest.mark.parametrize("kind", ["GIF", "PNG", "TIFF", "WEBP"])
def test_animation_gives_its_first_frame(kind):
    frames = [Image.new("RGB", (10, 10), c) for c in ("red", "blue")]
    data = encoded(frames[0], kind, save_all=True, append_images=frames[1:])
    assert np.abs(read_bytes(data)[0, 0] - [255, 0, 0]).max() <= 4


def test_bad_files_are_named(tmp_path):
    for name in bad_files(tmp_path):
        with pytest.raises(images.BadImage, match=f"{name}: expected"):
            images.read(str(tmp_path / name))


def test_a_decompression_bomb_is_refused(tmp_path, monkeypatch):
    path = save(tmp_path / "bomb.png", noise(64, 64))
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    with pytest.raises(images.BadImage, match=r"bomb\.png"):
        images.read(path)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", None)  # Pillow's "no limit"
    assert images.read(path).shape == (64, 64, 3)


def test_no_warning_is_printed_beside_a_bomb(tmp_path):
    # Of a size that Pillow itself only warns of.
    head = struct.pack(">IIBBBBB", 10_000, 9_000, 8, 2, 0, 0, 0)
    chunk = struct.pack(">I", 13) + b"IHDR" + head
    chunk += struct.pack(">I", zlib.crc32(b"IHDR" + head))
    path = tmp_path / "bomb.png"
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk + b"\0\0\0\0IDAT" + bytes(4))
    code = (
        "import sys; from egsc_tf.data import images\n"
        "try: images.read(sys.argv[1])\n"
        "except images.BadImage as error: print(error)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, path], capture_output=True, text=True, check=True
    )
    assert done.stdout == (
        f"{path}: expected an image, found: 10000x9000, more than "
        f"{Image.MAX_IMAGE_PIXELS} pixels\n"
    )
    assert done.stderr == ""


def compressed_text(name, size):
    return (name, b"text\0\0" + zlib.compress(bytes(size), 9))


@pytest.mark.parametrize("name", [b"zTXt", b"iCCP"])
def test_text_and_profile_bombs_are_refused(name):
    pixels = noise()
    small = png(pixels, 8, 2, compressed_text(name, 1000))
    np.testing.assert_array_equal(read_bytes(small), pixels)
    with pytest.raises(images.BadImage, match="x: expected an image, found: .*large"):
        read_bytes(png(pixels, 8, 2, compressed_text(name, 50 * 2**20)))


def test_large_images_are_decoded_one_at_a_time(monkeypatch):
    inside, most = 0, 0
    upright_rgb, lock = rgb.upright_rgb, threading.Lock()

    def counting(image):
        nonlocal inside, most
        with lock:
            inside += 1
            most = max(most, inside)
        try:
            return upright_rgb(image)
        finally:
            with lock:
                inside -= 1

    monkeypatch.setattr(rgb, "upright_rgb", counting)
    good = encoded(Image.fromarray(noise(200, 200)), "PNG")

    def read_some():
        for data in (good, good[: len(good) // 2]) * 20:
            with contextlib.suppress(images.BadImage):
                images.read_bytes(data, "x")

    def most_at_once():
        nonlocal most
        most = 0
        threads = [threading.Thread(target=read_some) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return most

    assert most_at_once() > 1
    monkeypatch.setattr(images, "LARGE", 100)
    assert most_at_once() == 1


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        RecursionError("deep"),
        struct.error("short"),
        SyntaxError("broken"),
        KeyError("P"),
        OSError("decoder error"),
        EOFError(),
    ],
)
def test_whatever_a_decoder_raises_names_the_file(error, monkeypatch):
    def fail(image):
        raise error

    monkeypatch.setattr(rgb, "upright_rgb", fail)
    with pytest.raises(images.BadImage, match=r"^x: expected an image, found: .") as e:
        read_bytes(encoded(Image.fromarray(noise()), "PNG"))
    assert e.value.kind == "broken"


def refused(path):
    """The error of a path that cannot be read; fails where reading it waits."""
    found = []

    def read():
        try:
            images.read(path)
        except Exception as error:
            found.append(error)

    thread = threading.Thread(target=read, daemon=True)
    thread.start()
    thread.join(timeout=60)
    assert found, f"{path} was read, or is waited for"
    assert type(found[0]) is images.BadImage
    assert str(found[0]).startswith(f"{images.printable(path)}: expected ")
    return found[0]


def make_socket(path):
    server = socket.socket(socket.AF_UNIX)
    server.bind(path)
    server.close()


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (os.mkdir, "a folder"),
        (os.mkfifo, "a pipe, socket or device"),
        (make_socket, "a pipe, socket or device"),
        (lambda path: os.symlink("/dev/zero", path), "a pipe, socket or device"),
        (lambda path: os.symlink(path, path), "Too many levels of symbolic links"),
        (lambda path: os.symlink("nowhere.png", path), "No such file or directory"),
    ],
)
def test_what_is_no_file_is_refused_at_once(make, reason, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # A socket's address has to be short.
    make("x.png")
    error = refused("x.png")
    assert str(error) == f"x.png: expected an image, found: {reason}"
    assert error.kind == "unreadable"
    assert folders.list_images(".") == [os.path.join(".", "x.png")]


def test_a_file_that_becomes_a_pipe_meanwhile_is_refused_at_once(tmp_path, monkeypatch):
    regular = os.stat(save(tmp_path / "y.png"))
    os.mkfifo(tmp_path / "x.png")
    stat = os.stat

    def before(path, **kwargs):
        return regular if str(path).endswith("x.png") else stat(path, **kwargs)

    monkeypatch.setattr(images.os, "stat", before)
    refused(str(tmp_path / "x.png"))


def test_a_file_that_may_not_be_read_or_is_gone_is_refused(tmp_path, monkeypatch):
    path = save(tmp_path / "x.png")

    def forbid(name, flags):
        raise PermissionError(13, "Permission denied", name)

    with monkeypatch.context() as context:
        context.setattr(images, "_without_waiting", forbid)
        error = refused(path)
    assert str(error) == f"{path}: expected an image, found: Permission denied"
    assert error.kind == "unreadable"
    listed = folders.list_images(str(tmp_path))
    os.remove(path)
    assert refused(listed[0]).kind == "unreadable"
    refused("nul\0.png")


def test_a_folder_that_may_not_be_listed_is_named(tmp_path, monkeypatch):
    def forbid(name):
        raise PermissionError(13, "Permission denied", name)

    monkeypatch.setattr(folders.os, "scandir", forbid)
    with pytest.raises(UserError, match="images, found: Permission denied"):
        folders.list_images(str(tmp_path))


NAMES = {
    "two words.png": "two words.png",
    "é漢字.png": "é漢字.png",
    "\udcff\udc80.png": r"\xff\x80.png",
    "line\nend\x1b[2J.png": r"line\nend\x1b[2J.png",
}


@pytest.mark.parametrize("name", NAMES)
def test_any_name_is_read_and_any_message_can_be_printed(name, tmp_path):
    path = os.path.join(tmp_path, name)
    with open(path, "wb") as file:
        file.write(encoded(Image.fromarray(noise()), "PNG"))
    assert folders.list_images(str(tmp_path)) == [path]
    np.testing.assert_array_equal(images.read(path), noise())
    with open(path, "wb") as file:
        file.write(b"<!DOCTYPE html><body>404")
    message = str(refused(path))
    assert message.isprintable()
    message.encode("utf-8")
    assert message.startswith(os.path.join(tmp_path, NAMES[name]) + ": expected")
    assert "b'<!DOCTYPE html><'" in message


def test_the_ending_says_whether_and_the_content_how_a_file_is_read(tmp_path):
    pixels = noise()
    save(tmp_path / "right.png", pixels)
    os.rename(tmp_path / "right.png", tmp_path / "wrong.jpg")
    np.testing.assert_array_equal(images.read(str(tmp_path / "wrong.jpg")), pixels)
    for name in ("a.PNG", "a.b.jpeg", "a.tiff", "a.webp", "a.gif", "a.bmp", "a.ppm"):
        assert folders.is_image_name(name)
    # Pillow knows these too: documents, films, data, and what starts other programs.
    for name in (".a.png", "a", "a.txt", "a.pdf", "a.eps", "a.mpg", "a.h5", "png"):
        assert not folders.is_image_name(name)


def test_a_postscript_file_starts_no_program(tmp_path, monkeypatch):
    data = encoded(Image.fromarray(noise()), "EPS")
    assert Image.open(io.BytesIO(data)).format == "EPS"
    monkeypatch.setattr(subprocess, "Popen", None)
    with pytest.raises(images.BadImage, match="an unknown format or a broken header"):
        read_bytes(data)


def test_a_label_map_is_read_as_carefully(tmp_path):
    labels = noise(channels=1)
    path = save(tmp_path / "l.png", labels)
    np.testing.assert_array_equal(label_maps.read(path, 12, 16), labels)
    for name, data in (
        ("rgb.png", encoded(Image.fromarray(noise()), "PNG")),
        ("e.png", b""),
    ):
        (tmp_path / name).write_bytes(data)
        with pytest.raises(images.BadImage, match=f"{name}: expected an image, found"):
            label_maps.read(str(tmp_path / name), 12, 16)
    os.mkfifo(tmp_path / "pipe.png")
    with pytest.raises(images.BadImage, match="pipe, socket or device"):
        label_maps.read(str(tmp_path / "pipe.png"), 12, 16)


def test_float_and_back():
    pixels = np.arange(256, dtype=np.uint8).reshape(16, 16, 1).repeat(3, axis=-1)
    values = images.to_float(pixels)
    assert values.min() == -1.0
    assert values.max() == 1.0
    np.testing.assert_array_equal(images.to_uint8(values), pixels)
    assert images.to_uint8(np.array([-3.0, 3.0])).tolist() == [0, 255]
