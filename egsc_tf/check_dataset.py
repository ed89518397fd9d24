"""Checks two folders of images before a run: `python -m egsc_tf.check_dataset`.

Reads every file of DIR/trainA, trainB, testA, testB once, by the reader that training
uses, and prints what it found: files that training stops at, files that it does not
read, images of an odd size, duplicates, statistics. With --output all of it goes to
check.json, and samples of each folder to contact_sheet.png.

Exit code 0 where `egsc_tf.train --dataset=folder --on_bad_image=stop` would start on
these folders; 2 where it would not, with the reasons. Whatever else was
found, also in testA and testB, is told and changes nothing.
"""

from egsc_tf.runtime.program import run  # first: it quiets the start of TensorFlow

# isort: split
import dataclasses
import json
import os

import numpy as np
from tqdm import tqdm

from egsc_tf.config import Config
from egsc_tf.data import images
from egsc_tf.data.listings.folder import require_above
from egsc_tf.data.survey.findings import KINDS, RELATIONS, STRETCHED, Findings
from egsc_tf.data.survey.reading import FOLDERS
from egsc_tf.errors import UserError
from egsc_tf.pictures import sample_sheet
from egsc_tf.runtime import paths
from egsc_tf.runtime.counted import counted
from egsc_tf.runtime.files import write_whole
from egsc_tf.runtime.flags import like, setting

SHOWN = 10  # files of a kind, on the screen
# Where most images are of these kinds, the size of training is what is odd.
OF_SIZE = ("small", "stretched")
ROUND = 16  # pixels, of a size that is proposed


@dataclasses.dataclass(frozen=True)
class Flags:
    """The program's flags."""

    data_dir: str = setting(
        None, f"Folder with {', '.join(FOLDERS)}.", required=True, path=paths.READ
    )
    height: int = like(
        Config,
        "height",
        help="The height that the run will be given, in pixels.",
        least=images.SMALLEST_SIDE,
    )
    width: int = like(
        Config,
        "width",
        help="The width that the run will be given, in pixels.",
        least=images.SMALLEST_SIDE,
    )
    recursive: bool = like(Config, "recursive", use=None)
    workers: int = setting(os.cpu_count(), "Threads that read.", least=1)
    output: str = setting(
        "", "Folder to write to; empty: only print.", path=paths.FOLDER
    )


def check(data_dir, height, width, workers=None, recursive=False):
    """The Findings of a data set whose files were all read, with a progress bar.

    Raises:
      UserError: where data_dir is no folder, or that of a domain.
    """
    if not os.path.isdir(data_dir):
        raise UserError(
            f"--data_dir={images.printable(data_dir)}: expected a folder with "
            f"{', '.join(FOLDERS)}, found none"
        )
    require_above(data_dir)
    findings = Findings(data_dir, height, width, recursive)
    with tqdm(desc="reading", total=findings.count(), unit="file") as bar:
        findings.read(workers, bar.update)
    return findings


def write(findings, output):
    """Writes OUTPUT/check.json and OUTPUT/contact_sheet.png."""
    text = json.dumps(findings.summary(), indent=1)
    write_whole(os.path.join(output, "check.json"), text)
    sheet = sample_sheet.draw({n: f.samples for n, f in findings.folders.items()})
    images.write_png(os.path.join(output, "contact_sheet.png"), sheet)


def report(findings):
    """Yields the lines that a user reads."""
    yield f"for training at --height={findings.height} --width={findings.width}"
    for name, folder in findings.folders.items():
        yield from _folder_lines(name, folder)
    usable = sum(folder.usable for folder in findings.folders.values())
    for kind, listed in findings.problems.items():
        if kind in OF_SIZE and 2 * len(listed) > usable:
            yield f"\n{KINDS[kind]}: {len(listed):,} of {counted(usable, 'image')}"
            if kind == "stretched":
                yield from _size_that_fits(findings)
            continue
        lines = [f"{file}: {text}" if text else file for file, text in listed]
        yield from _list(KINDS[kind], lines)
    groups = findings.duplicates()
    for relation in RELATIONS:
        some = [group for group in groups if group["between"][0] == relation]
        lines = [
            f"{', '.join(group['files'][:3])}"
            + (f" and {len(group['files']) - 3} more" * (len(group["files"]) > 3))
            + ("" if group["same_bytes"] else " (of other bytes)")
            for group in some
        ]
        yield from _list(f"one image several times, in {relation}", lines)
    for program, split in (("training", "train"), ("evaluation", "test")):
        reasons = findings.reasons(split)
        yield f"\n{program} would " + ("not run:" if reasons else "run")
        yield from (f"  {reason}" for reason in reasons)
        if reasons and not findings.reasons(split, "skip"):
            yield "  a run with --on_bad_image=skip leaves them out and goes on"


def _size_that_fits(findings):
    """A line with a size of the shape that images have in the middle, if one fits."""
    shapes = [
        folder.summary()["width_by_height"]["median"]
        for folder in findings.folders.values()
        if folder.usable
    ]
    shape, height, width = float(np.median(shapes)), findings.height, findings.width
    if shape > width / height:
        width = ROUND * round(shape * height / ROUND)
    else:
        height = ROUND * round(width / shape / ROUND)
    if 1 / STRETCHED < width / height / shape < STRETCHED:
        yield f"  --height={height} --width={width} would fit the shape of most"


def _folder_lines(name, folder):
    summary = folder.summary()
    count = counted(summary["images"], "image")
    yield f"\n{name}: {count}, {summary['usable']:,} usable"
    if "refused" in summary:
        yield f"  {summary['refused']}"
    elif folder.contents.left_out():
        yield f"  {folder.contents.left_out()}"
    if not summary["usable"]:
        return
    for key in ("height", "width", "width_by_height"):
        low, middle, high = summary[key].values()
        spread = f"{low:g} to {high:g}, median {middle:g}" if low < high else f"{low:g}"
        yield f"  {key.replace('_', ' ')}: {spread}"
    for key in ("frequent_sizes", "formats", "modes"):
        counts = ", ".join(f"{k} ({n:,})" for k, n in list(summary[key].items())[:5])
        yield f"  {key.replace('_', ' ')}: {counts}"
    red, green, blue = summary["mean_colour"]
    yield f"  mean colour: red {red:.0f}, green {green:.0f}, blue {blue:.0f} of 255"


def _list(head, lines):
    """The first of some lines under a head; nothing where there are none."""
    if lines:
        yield f"\n{head} ({len(lines):,}):"
        yield from (f"  {images.printable(line)}" for line in lines[:SHOWN])
    if len(lines) > SHOWN:
        yield f"  and {len(lines) - SHOWN:,} more (check.json of --output has all)"


def main(flags):
    taken = {os.path.realpath(os.path.join(flags.data_dir, x)) for x in FOLDERS}
    if flags.output and os.path.realpath(flags.output) in taken:
        raise UserError(
            f"--output={images.printable(flags.output)}: expected another folder than "
            "those of the images"
        )
    findings = check(
        flags.data_dir, flags.height, flags.width, flags.workers, flags.recursive
    )
    if flags.output:
        write(findings, flags.output)
    for line in report(findings):
        print(line)
    return 2 if findings.reasons("train") else 0


if __name__ == "__main__":
    run(main, Flags)
