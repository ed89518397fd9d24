"""Which images are translated with which exemplars, and what the outputs are called.

Every input with every exemplar, or the i-th with the i-th. A name that is too long for
the file system is cut, and a hash keeps it apart. Without TensorFlow, for the programs
that leave the networks to a server.
"""

import contextlib
import dataclasses
import functools
import hashlib
import os
from collections import Counter

from absl import logging

from egsc_tf.data import folders, images
from egsc_tf.domains import DIRECTIONS
from egsc_tf.errors import UserError
from egsc_tf.runtime import paths
from egsc_tf.runtime.counted import counted
from egsc_tf.runtime.flags import setting

NAME_MAX = 255  # bytes of a file's name, where the file system does not say
ENDING = ".png"
# What a name is longer by while its file, or Beam's note of it, is written.
BESIDE = ".json.part"
DIGITS = 12  # of the hash that keeps shortened names apart


@dataclasses.dataclass(frozen=True)
class FileFlags:
    """The flags that every program has which translates files."""

    input: str = setting(
        None, "Image or folder to translate.", required=True, path=paths.READ
    )
    exemplar: str = setting(
        None, "Image or folder of styles.", required=True, path=paths.READ
    )
    recursive: bool = setting(False, "Of a folder also the images in its subfolders.")
    output: str = setting(None, "Folder to write to.", required=True, path=paths.FOLDER)
    direction: str = setting("a2b", "Which way.", choices=DIRECTIONS)
    pairing: str = setting(
        "all", "Every pair, or i-th with i-th.", choices=("all", "zip")
    )
    overwrite: bool = setting(
        False, "Replace what --output has of other exemplars, inputs or settings."
    )


@dataclasses.dataclass(frozen=True)
class Strength:
    """How much of the exemplar's style a translation takes."""

    strength: float = setting(
        1.0, "0: content's own look, 1: exemplar's.", least=0.0, most=1.0
    )


def find_images(path, recursive=False):
    """Image paths of a file or a folder, and of its subfolders. Raises UserError."""
    if os.path.isfile(path):
        return [path]
    if not os.path.exists(path):
        raise UserError(
            f"{images.printable(path)}: expected an image or a folder of images, found "
            "nothing of that name"
        )
    return folders.list_images(path, recursive)


def inputs_and_exemplars(flags):
    """Their image paths, as FileFlags name them. Raises UserError."""
    both = (flags.input, flags.exemplar)
    if flags.recursive and all(map(os.path.isfile, both)):
        raise UserError(
            f"--recursive: expected a folder as --input or --exemplar, found {both[0]} "
            f"and {both[1]}"
        )
    return [find_images(path, flags.recursive) for path in both]


def stem(path):
    """A file's name without its ending."""
    return os.path.splitext(os.path.basename(path))[0]


def output_names(paths):
    """A name for each path: its stem, with its ending where stems collide, and with as
    many of its folders as it takes where these do, too. Names of paths of one stem are
    distinct, whatever others there are, but for folders such as v1.0 and v1_0:
    `egsc_tf.beam.jobs` has only these."""
    stems = [stem(path) for path in paths]
    parts = [os.path.normpath(path).split(os.sep) for path in paths]
    names = list(stems)
    for depth in range(1, max(map(len, parts), default=0) + 1):
        count = Counter(zip(stems, names))
        names = [
            name if count[alone, name] == 1 else "_".join(path[-depth:])
            for alone, name, path in zip(stems, names, parts)
        ]
    return [
        name if name == alone else name.replace(".", "_")
        for alone, name in zip(stems, names)
    ]


def longest_stem(output):
    """Bytes that a name in a folder may have, without its ending."""
    most = NAME_MAX
    if "://" not in output:
        folder = os.path.realpath(output)
        while not os.path.isdir(folder):
            folder = os.path.dirname(folder)
        with contextlib.suppress(OSError, AttributeError):  # Windows does not say.
            most = os.pathconf(folder, "PC_NAME_MAX")
    return most - len(ENDING) - len(BESIDE)


def shortened(name, most):
    """A name of at most so many bytes: where it is cut, a hash of it follows."""
    encoded = os.fsencode(name)
    if len(encoded) <= most:
        return name
    kept = encoded[: most - DIGITS - 1].decode("utf-8", "ignore")
    return f"{kept}_{hashlib.sha256(encoded).hexdigest()[:DIGITS]}"


def files_of(name, exemplars, longest):
    """{exemplar: file name} of an input called `name`, translated with each of them.

    longest: of `longest_stem`.
    """
    if len(exemplars) == 1:
        names = [name]
    else:
        names = [f"{name}_{each}" for each in _names_of(tuple(exemplars))]
    return {e: shortened(n, longest) + ENDING for e, n in zip(exemplars, names)}


@functools.lru_cache(maxsize=4)
def _names_of(exemplars):
    """Once for all inputs."""
    return output_names(exemplars)


def plan(inputs, exemplars, output, pairing, grid=None):
    """What is to be written: [(input, {exemplar: path of the output})].

    Raises:
      UserError: for pairs that do not match up, where two outputs would have one name,
        or an output would overwrite an input or an exemplar; and for a folder that
        cannot be written.
    """
    if pairing == "zip" and len(inputs) != len(exemplars):
        raise UserError(
            "--pairing=zip: expected as many inputs as exemplars, found "
            f"{len(inputs)} and {len(exemplars)}"
        )
    jobs, longest = [], longest_stem(output)
    for i, (path, name) in enumerate(zip(inputs, output_names(inputs))):
        its = [exemplars[i]] if pairing == "zip" else exemplars
        outputs = files_of(name, its, longest)
        jobs.append((path, {e: os.path.join(output, f) for e, f in outputs.items()}))
    folders = {
        os.path.realpath(os.path.dirname(p) or ".") for p in (*inputs, *exemplars)
    }
    if os.path.realpath(output) in folders:
        raise UserError(
            f"--output={output}: expected another folder than that of the inputs and "
            "exemplars"
        )
    files = Counter(file for _, outputs in jobs for file in outputs.values())
    files.update([grid] if grid else [])
    twice = [file for file, count in files.items() if count > 1]
    if twice:
        raise UserError(
            f"--output: {twice[0]} would be written twice; rename the inputs"
        )
    paths.require_writable(f"--output={output}", output)
    return jobs


def report(inputs, exemplars, output, written, left_out):
    """Logs the messages about files left out and prints what was done."""
    for message in left_out:
        logging.warning("left out: %s", message)
    bad = f", {counted(len(left_out), 'bad image')} left out" if left_out else ""
    print(
        f"{counted(len(inputs), 'input')}, {counted(len(exemplars), 'exemplar')}: "
        f"{counted(written, 'image')} written to {output}{bad}"
    )
