"""Image files in, their translations as PNG files out.

Three things happen at once: threads decode the next inputs, the networks translate, and
threads write what is done. Inputs of one size that follow each other form a batch. At
most AHEAD inputs, and as many translations, wait.
"""

import contextlib
import typing

import numpy as np
import tensorflow as tf
from PIL import Image
from tqdm import tqdm

from egsc_tf.data import doubts, images
from egsc_tf.domains import split
from egsc_tf.errors import UserError
from egsc_tf.inference import origin, tiling
from egsc_tf.inference.pairing import plan
from egsc_tf.pictures.contact_sheet import contact_sheet
from egsc_tf.runtime.threads import in_order

PIXELS_AT_ONCE = 8 * 256 * 256
AHEAD = 8
AHEAD_OF_TILES = 2  # The images are large: one is translated, one decoded.
THUMBNAIL = 128


def translate_files(
    translator,
    inputs,
    exemplars,
    output,
    direction="a2b",
    pairing="all",
    strength=1.0,
    on_bad_image="stop",
    grid=None,
    tile=0,
    model="",
    overwrite=False,
):
    """Translates files into the folder `output`.

    Args:
      translator: from egsc_tf.load.
      inputs, exemplars: lists of paths.
      output: folder of the PNG files.
      direction: "a2b" or "b2a".
      pairing: "all", every input with every exemplar, or "zip", the i-th with the i-th.
      strength: 0 to 1, see Translator.style_at.
      on_bad_image: "stop" or "skip".
      grid: None, or the path of a contact sheet to write (pairing "all").
      tile: 0, or the side of the tiles by which larger inputs are translated, see
        egsc_tf.inference.tiling.
      model: what tells the translator from others, such as the path of its run.
      overwrite: whether results of other exemplars, inputs or settings are replaced.

    Returns:
      (number of files written, messages about files left out).

    Raises:
      UserError: for pairs that do not match up, a tile that does not fit the networks,
        an output that cannot be written or would replace another result
        (egsc_tf.inference.origin), and where nothing is left to do.
      BadImage: for the first file that does not decode, where on_bad_image is "stop";
        the translations of the inputs before it are written. An exemplar that cannot be
        opened is told before anything is computed.
    """
    if tile:
        tiling.check(translator, tile)
    jobs = plan(inputs, exemplars, output, pairing, grid)
    origins = origin.Origins(exemplars, model, direction, strength)
    if not overwrite:
        origins.check(jobs, output, grid)
    if on_bad_image == "stop":
        _require_openable(exemplars)
    ahead = AHEAD_OF_TILES if tile else AHEAD
    least = translator.smallest_side
    bad, styles, heads, rows = [], {}, [], {}
    doubtful = doubts.Doubts()
    good = read_good(exemplars, least, on_bad_image, bad, ahead, doubtful)
    for batch in _batches(good):
        codes = translator.encode_style(_stacked(batch), split(direction)[1])
        styles.update((path, code[None]) for (path, _), code in zip(batch, codes))
        heads += [thumbnail_of(pixels) for _, pixels in batch if grid]
    if not styles:
        raise UserError(f"--exemplar: expected a usable image, found none: {bad}")
    files = {
        path: {e: file for e, file in outputs.items() if e in styles}
        for path, outputs in jobs
    }

    def translations():
        contents = read_good(inputs, least, on_bad_image, bad, ahead, doubtful)
        for batch in _batches(item for item in contents if files[item[0]]):
            if grid:
                rows.update((path, [thumbnail_of(pixels)]) for path, pixels in batch)
            todo = [
                _Todo(path, i, pixels, exemplar, styles[exemplar], file)
                for i, (path, pixels) in enumerate(batch)
                for exemplar, file in files[path].items()
            ]
            if tile and max(batch[0][1].shape) > tile:
                results = _by_tiles(translator, todo, direction, strength, tile)
            else:
                content = _stacked(batch)
                results = _whole(translator, content, todo, direction, strength)
            yield from zip(todo, results)

    def write(translation):
        todo, image = translation
        made_from = origins.of(todo.path, todo.exemplar)
        images.write_png(todo.file, image, **origin.texts(made_from))
        return thumbnail_of(image) if grid else None

    written, total = 0, sum(map(len, files.values()))
    done = in_order(write, translations(), ahead=ahead)
    with contextlib.closing(done), tqdm(total=total, unit="image") as bar:
        for (todo, _), thumbnail in done:
            written += 1
            bar.update()
            if grid:
                rows[todo.path].append(thumbnail)
    doubtful.tell(len(inputs) + len(exemplars))
    if rows:
        sources, *columns = zip(*rows.values())
        sheet = contact_sheet(sources, heads, columns)
        images.write_png(grid, sheet, **origin.texts(origins.of_sheet(grid)))
    return written, bad


class _Todo(typing.NamedTuple):
    """A translation. path, pixels: of the input, the `row`-th of its batch."""

    path: str
    row: int
    pixels: np.ndarray
    exemplar: str
    style: tf.Tensor
    file: str


def read_good(paths, smallest_side, on_bad_image, bad, ahead=AHEAD, doubtful=None):
    """Yields (path, pixels) of what decodes and is not too small, in order; messages go
    to the list `bad`, and what is doubtful to the doubts.Doubts.

    Raises:
      BadImage: at the first file that does not decode, where on_bad_image is "stop".
    """

    doubtful = doubtful or doubts.Doubts()

    def read(path):
        try:
            picture = images.read_picture(path, smallest_side)
            return picture.pixels, doubts.of(picture)
        except images.BadImage as error:
            return error

    for path, found in in_order(read, paths, ahead=ahead):
        if not isinstance(found, images.BadImage):
            pixels, doubt = found
            doubtful.add(path, doubt)
            yield path, pixels
        elif on_bad_image == "stop":
            raise images.naming_skip(found) from found
        else:
            bad.append(str(found))


def _require_openable(paths):
    """Raises BadImage for the first that cannot be opened."""
    for path in paths:
        try:
            images.open_file(path).close()
        except images.BadImage as error:
            raise images.naming_skip(error) from error


def _batches(contents):
    """Yields lists of (path, pixels) of one size; an error comes behind the last."""
    batch, failed = [], None
    try:
        for path, pixels in contents:
            if batch and batch[0][1].shape != pixels.shape:
                yield batch
                batch = []
            batch.append((path, pixels))
            if len(batch) == min(AHEAD, _at_once(pixels)):
                yield batch
                batch = []
    except images.BadImage as error:
        failed = error
    if batch:
        yield batch
    if failed:
        raise failed


def _at_once(pixels):
    """How many images like [H, W, 3] the networks get at once."""
    return max(1, PIXELS_AT_ONCE // (pixels.shape[0] * pixels.shape[1]))


def _stacked(batch):
    return np.stack([images.to_float(pixels) for _, pixels in batch])


def _whole(translator, content, todo, direction, strength):
    """Yields the [H, W, 3] uint8 of all `todo`; each content is encoded once."""
    source, target = split(direction)
    c, m = translator.encode_content(content, source)
    height, width = content.shape[1:3]
    at_once = _at_once(content[0])
    for first in range(0, len(todo), at_once):
        some = todo[first : first + at_once]
        c_some, m_some = (tf.gather(x, [t.row for t in some]) for x in (c, m))
        style = tf.concat([t.style for t in some], axis=0)
        if strength < 1.0:
            contents = tf.gather(content, [t.row for t in some])
            style = translator.style_at(strength, style, contents, target)
        result = translator.decode(c_some, m_some, style, target)
        for image in result.numpy():
            yield images.to_uint8(image[:height, :width])


def _by_tiles(translator, todo, direction, strength, tile):
    """Yields the [H, W, 3] uint8 of all `todo`; statistics are taken once a content."""
    row, moments = None, None
    for _, now, pixels, _, style, _ in todo:
        if now != row:
            row = now
            moments = tiling.content_moments(translator, pixels, direction[0], tile)
        yield tiling.translate_tiled(
            translator, pixels, style, direction, tile, strength, moments
        )


def thumbnail_of(pixels):
    """[H, W, 3] uint8 -> the image in [-1, 1], its longer side 128 pixels long."""
    scale = THUMBNAIL / max(pixels.shape)
    # A very flat image would be scaled to a height of 0.
    height, width = (max(1, round(scale * side)) for side in pixels.shape[:2])
    return images.to_float(Image.fromarray(pixels).resize((width, height)))
