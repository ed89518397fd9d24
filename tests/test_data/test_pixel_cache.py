"""Pixels on disk: what counts, what does not, and who may write at once."""

import os
import shutil
import threading
import types

import numpy as np
import pytest
from support.decoding import read_all
from support.files import noise, save

from egsc_tf.config import Config
from egsc_tf.data import images, pixel_cache
from egsc_tf.data.pixel_cache import PixelCache
from egsc_tf.data.source import open_source
from egsc_tf.errors import UserError

COUNT = 4


@pytest.fixture
def root(tmp_path):
    for n, name in enumerate(("trainA", "trainB")):
        (tmp_path / "data" / name).mkdir(parents=True)
        for i in range(COUNT):
            path = tmp_path / "data" / name / f"{i}.png"
            save(path, noise(20 + i, 30, seed=10 * n + i))
    return tmp_path / "data"


@pytest.fixture
def opened(monkeypatch):
    """The names of the images that are opened."""
    names, open_file = [], images.open_file
    monkeypatch.setattr(
        images,
        "open_file",
        lambda path: [names.append(os.path.basename(path)), open_file(path)][1],
    )
    return names


def test_doubts_are_counted_once_and_of_what_was_decoded(root, caplog):
    for name in ("trainA", "trainB"):
        for i in range(COUNT):
            save(root / name / f"{i}.png", np.full((20, 30, 3), 7, np.uint8))
    source = source_of(root)
    source.pixels("a", [0, 1])
    again = source_of(root)  # reads two of the eight from the file
    for domain in "ab":
        again.pixels(domain, range(COUNT))
        again.pixels(domain, range(COUNT))
    again.tell()
    (told,) = [line for line in caplog.messages if "nearly black or of one" in line]
    assert told.startswith("doubtful: 6 of 6 images")


def source_of(root, **flags):
    flags = {"height": 8, "width": 16, "n_encoder": 1, "cache_gib": 0.0, **flags}
    flags = {"dataset": "folder", "data_dir": str(root), **flags}
    return open_source(Config(cache_dir=str(root.parent / "cache"), **flags), "train")


def assert_same(found, expected):
    for domain in "ab":
        np.testing.assert_array_equal(found[domain], expected[domain])


@pytest.mark.parametrize("cache_gib", [0.0, 1.0])
def test_a_second_start_decodes_nothing_and_gives_the_same(root, opened, cache_gib):
    expected = read_all(source_of(root, cache_gib=cache_gib))
    assert len(opened) == 2 * COUNT
    assert_same(read_all(source_of(root, cache_gib=cache_gib)), expected)
    assert len(opened) == 2 * COUNT
    shutil.rmtree(root.parent / "cache")
    assert_same(read_all(source_of(root)), expected)
    assert len(opened) == 4 * COUNT


def test_each_size_has_its_own_pixels(root):
    expected = read_all(source_of(root))
    other = read_all(source_of(root, height=16))
    assert other["a"].shape == (COUNT, 16, 16, 3)
    assert_same(read_all(source_of(root)), expected)


@pytest.mark.parametrize("change", ["size", "time", "name"])
def test_a_changed_file_is_decoded_anew(root, opened, change):
    read_all(source_of(root))
    opened.clear()
    path = root / "trainB" / "2.png"
    if change == "size":
        stat = os.stat(path)
        save(path, noise(33, 30, seed=5))
        assert os.path.getsize(path) != stat.st_size
        os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    elif change == "time":
        os.utime(path, ns=(5, 5))
    else:
        path.rename(root / "trainB" / "2b.png")
    found = read_all(source_of(root))
    assert [name[0] for name in opened] == ["2"]
    if change == "size":
        right = images.resize(noise(33, 30, seed=5), 8, 16)
        np.testing.assert_array_equal(found["b"][2], right)


def test_another_decoder_decodes_anew(root, opened, monkeypatch):
    read_all(source_of(root))
    monkeypatch.setattr(pixel_cache.PIL, "__version__", "0.1")
    read_all(source_of(root))
    assert len(opened) == 4 * COUNT


def test_an_image_in_between_gets_its_own_pixels(root):
    read_all(source_of(root))
    save(root / "trainA" / "0b.png", noise(40, 40, seed=77))
    found = read_all(source_of(root))["a"]
    right = [noise(20, 30, seed=0), noise(40, 40, seed=77), noise(21, 30, seed=1)]
    right = [images.resize(x, 8, 16) for x in right]
    np.testing.assert_array_equal(found[:3], right)


def test_bad_images_are_not_kept(root, opened):
    (root / "trainA" / "1.png").write_text("no image")
    expected = read_all(source_of(root, on_bad_image="skip"))
    opened.clear()
    assert_same(read_all(source_of(root, on_bad_image="skip")), expected)
    assert opened == ["1.png"]


SHAPE = (8, 16, 3)


def pixels_of(seed):
    return noise(*SHAPE[:2], seed=seed)


@pytest.fixture
def cache(tmp_path):
    return PixelCache(str(tmp_path), "/photos/trainA", COUNT, SHAPE)


@pytest.mark.parametrize("written", [0, 1, 15, 16, 17, 200, 399])
def test_what_was_half_written_does_not_count(cache, written):
    cache.put(0, "v1", pixels_of(0))
    size = os.path.getsize(cache.path)
    assert size == 400
    with open(cache.path, "rb") as file:
        whole = file.read()
    os.truncate(cache.path, 0)
    with open(cache.path, "r+b") as file:  # a kill
        file.write(whole[:written])
    assert cache.get(0, "v1") is None
    with open(cache.path, "r+b") as file:  # of an image that was there before
        file.write(whole[:written] + bytes(pixels_of(1))[: size - written])
        file.write(bytes(size - file.tell()))
    assert cache.get(0, "v1") is None
    cache.put(0, "v1", pixels_of(0))
    np.testing.assert_array_equal(cache.get(0, "v1"), pixels_of(0))
    assert cache.get(0, "v2") is None
    assert cache.get(1, "v1") is None


def _write(folder, seed):
    cache = PixelCache(folder, "/photos/trainA", COUNT, SHAPE)
    for n in range(300):
        cache.put(n % COUNT, f"v{seed}", pixels_of(seed))


def test_two_writers_of_other_images_never_give_a_mixed_one(cache):
    folder = os.path.dirname(cache.path)
    writers = [threading.Thread(target=_write, args=(folder, s)) for s in (1, 2)]
    for writer in writers:
        writer.start()
    found = 0
    while any(writer.is_alive() for writer in writers):
        for seed in (1, 2):
            for n in range(COUNT):
                pixels = cache.get(n, f"v{seed}")
                if pixels is not None:
                    found += 1
                    np.testing.assert_array_equal(pixels, pixels_of(seed))
    assert found


def test_two_runs_fill_one_cache(root, opened):
    expected, found = read_all(source_of(root)), {}
    shutil.rmtree(root.parent / "cache")

    def run(number):
        found[number] = read_all(source_of(root))

    threads = [threading.Thread(target=run, args=(number,)) for number in (0, 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    opened.clear()
    for one in (found[0], found[1], read_all(source_of(root))):
        assert_same(one, expected)
    assert opened == []


def test_the_disk_needs_room_for_both_domains(root, monkeypatch):
    one = COUNT * (pixel_cache.DIGEST + 8 * 16 * 3)
    free = types.SimpleNamespace(free=1.5 * one)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: free)
    with pytest.raises(UserError, match=r"--cache_dir=\S+: expected \S+ MiB free"):
        source_of(root)
    free.free = 2 * one
    source_of(root)
    free.free = 5.5 * 2**20
    with pytest.raises(UserError, match=r"expected 6\.0 MiB free for .* found 5\.5$"):
        pixel_cache.require_room("x", [types.SimpleNamespace(missing=3 * 2**20)] * 2)


def test_a_disk_that_fills_up_keeps_no_more_and_stops_nothing(
    cache, monkeypatch, caplog
):
    write, wrote = os.pwritev, []

    def full(number, parts, offset):
        if wrote:
            raise OSError(28, "No space left on device")
        wrote.append(write(number, parts[:1], offset))
        return wrote[0]

    monkeypatch.setattr(os, "pwritev", full)
    cache.put(0, "v1", pixels_of(0))  # cut short, then whole
    np.testing.assert_array_equal(cache.get(0, "v1"), pixels_of(0))
    cache.put(1, "v1", pixels_of(1))
    cache.put(2, "v1", pixels_of(2))
    assert cache.get(1, "v1") is None
    (told,) = [line for line in caplog.messages if "No space left on device" in line]
    assert cache.path in told

    def broken(number, parts, offset):
        raise OSError(5, "Input/output error")

    other = PixelCache(os.path.dirname(cache.path), "/photos/trainB", COUNT, SHAPE)
    monkeypatch.setattr(os, "pwritev", broken)
    with pytest.raises(UserError, match="--cache_dir=.*: Input/output error"):
        other.put(0, "v1", pixels_of(0))


def test_a_folder_that_cannot_be_is_named(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(UserError, match=r"--cache_dir=.*file: expected a folder to re"):
        PixelCache(str(tmp_path / "file"), "/photos/trainA", COUNT, SHAPE)
