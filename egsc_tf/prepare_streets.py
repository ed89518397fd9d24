"""Makes the folders of an experiment on streets: `python -m egsc_tf.prepare_streets`.

    python -m egsc_tf.prepare_streets --experiment=bdd_day2night \
        --source=ARCHIVES --output=DIR

Reads the archives of BDD100K, CamVid and CARLA where they lie, and writes the middle of
their frames to DIR/trainA, trainB, testA, testB. Label maps go to DIR/labels, in
folders of the same names. "Streets" in the documentation says which archives it takes.
"""

from egsc_tf.runtime.program import run  # first: it quiets the start of TensorFlow

# isort: split
import dataclasses
import os
import pathlib

import numpy as np
from PIL import Image
from tqdm import tqdm

from egsc_tf.data import archives, images, label_maps
from egsc_tf.data.streets import folders
from egsc_tf.errors import UserError
from egsc_tf.runtime import paths
from egsc_tf.runtime.files import whole_file
from egsc_tf.runtime.flags import setting
from egsc_tf.runtime.threads import in_order

QUALITY = 92  # of JPEG
AHEAD = 16  # frames that wait to be written


@dataclasses.dataclass(frozen=True)
class Flags:
    """The program's flags."""

    experiment: str = setting(
        None, "Which one.", choices=folders.EXPERIMENTS, required=True
    )
    source: str = setting(
        None, "Folder with the archives.", required=True, path=paths.READ
    )
    output: str = setting(
        None, "Folder to write to; new or empty.", required=True, path=paths.FOLDER
    )
    height: int = setting(128, "Of the images, in pixels.", least=images.SMALLEST_SIDE)
    width: int = setting(256, "Of the images, in pixels.", least=images.SMALLEST_SIDE)
    most: int = setting(
        0, "Images of a folder, evenly over its frames; 0: all.", least=0
    )


def prepare(experiment, source, output, height=128, width=256, most=0):
    """Writes the folders of an experiment; returns {folder: number of images}.

    Args:
      experiment: one of egsc_tf.data.streets.folders.EXPERIMENTS.
      source: folder with the archives; output: new or empty.
      height, width: in pixels; frames lose what lies outside their middle.
      most: images of a folder; 0: all.

    Raises:
      UserError: for archives that are missing, or hold other things than expected, and
        where the output has files.
    """
    if os.path.isdir(output) and os.listdir(output):
        raise UserError(
            f"--output={output}: expected a new or empty folder, found "
            f"{len(os.listdir(output))} entries"
        )
    found = {
        folder: _some(frames, most)
        for folder, frames in folders.of(experiment, pathlib.Path(source)).items()
    }
    for folder, frames in found.items():
        if len(frames) < images.FEWEST:
            raise UserError(
                f"--source={source}: expected {images.FEWEST} frames for {folder} or "
                f"more, found {len(frames)}"
            )
    items = (
        # Read in turn, as an archive is one file; made by threads.
        (folder, frame, archives.read(frame.picture), _label_of(frame))
        for folder, frames in found.items()
        for frame in frames
    )

    def write(item):
        folder, frame, picture, labels = item
        place = os.path.join(folder, frame.name)
        _write_picture(os.path.join(output, f"{place}.jpg"), picture, height, width)
        if labels is not None:
            small = label_maps.resize(
                np.ascontiguousarray(images.centre(labels, height, width)),
                height,
                width,
            )
            images.write_png(os.path.join(output, "labels", f"{place}.png"), small)

    total = sum(map(len, found.values()))
    for _ in tqdm(in_order(write, items, ahead=AHEAD), total=total, unit="image"):
        pass
    return {folder: len(frames) for folder, frames in found.items()}


def _some(frames, most):
    """At most so many frames, evenly over all."""
    if not most or len(frames) <= most:
        return frames
    return [frames[i] for i in np.linspace(0, len(frames) - 1, most).astype(int)]


def _label_of(frame):
    """[h, w] uint8, or None where there is no label map."""
    return frame.label and frame.classes(archives.read(frame.label))


def _write_picture(path, data, height, width):
    """Writes an encoded picture as JPEG; bytes that are so already stay as they are."""
    pixels = images.read_bytes(data, path)
    as_it_is = pixels.shape[:2] == (height, width) and data[:2] == b"\xff\xd8"
    with whole_file(path) as part:
        if as_it_is:
            pathlib.Path(part).write_bytes(data)
        else:
            middle = np.ascontiguousarray(images.centre(pixels, height, width))
            small = images.resize(middle, height, width)
            Image.fromarray(small).save(part, format="JPEG", quality=QUALITY)


def main(flags):
    counts = prepare(
        flags.experiment,
        flags.source,
        flags.output,
        flags.height,
        flags.width,
        flags.most,
    )
    for folder, count in counts.items():
        print(f"written: {os.path.join(flags.output, folder)}, {count:,} images")
    labels = os.path.join(flags.output, "labels")
    if os.path.isdir(labels):
        print(f"written: {labels}, their label maps")


if __name__ == "__main__":
    run(main, Flags)
