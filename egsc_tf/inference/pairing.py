"""Which images are translated with which exemplars, and what the outputs are called.

Every input with every exemplar, or the i-th with the i-th. Without TensorFlow, for the
programs that leave the networks to a server.
"""

import dataclasses
import os
from collections import Counter

from absl import logging

from egsc_tf.data import images
from egsc_tf.domains import DIRECTIONS
from egsc_tf.errors import UserError
from egsc_tf.runtime import paths
from egsc_tf.runtime.flags import setting


@dataclasses.dataclass(frozen=True)
class FileFlags:
    """The flags that every program has which translates files."""

    input: str = setting(
        None, "Image or folder to translate.", required=True, path=paths.READ
    )
    exemplar: str = setting(
        None, "Image or folder of styles.", required=True, path=paths.READ
    )
    output: str = setting(None, "Folder to write to.", required=True, path=paths.FOLDER)
    direction: str = setting("a2b", "Which way.", choices=DIRECTIONS)
    pairing: str = setting(
        "all", "Every pair, or i-th with i-th.", choices=("all", "zip")
    )


@dataclasses.dataclass(frozen=True)
class Strength:
    """How much of the exemplar's style a translation takes."""

    strength: float = setting(
        1.0, "0: content's own look, 1: exemplar's.", least=0.0, most=1.0
    )


def find_images(path):
    """Image paths of a file or a folder. Raises UserError."""
    return [path] if os.path.isfile(path) else images.list_images(path)


def stem(path):
    """A file's name without its ending."""
    return os.path.splitext(os.path.basename(path))[0]


def output_names(paths):
    """A distinct name for each path: its stem, with its ending where stems collide."""
    stems = [stem(path) for path in paths]
    count = Counter(stems)
    return [
        alone if count[alone] == 1 else os.path.basename(path).replace(".", "_")
        for alone, path in zip(stems, paths)
    ]


def files_of(name, exemplars):
    """{exemplar: file name} of an input called `name`, translated with each of them."""
    if len(exemplars) == 1:
        return {exemplars[0]: f"{name}.png"}
    names = output_names(exemplars)
    return {e: f"{name}_{n}.png" for e, n in zip(exemplars, names)}


def plan(inputs, exemplars, output, pairing, grid=None):
    """What is to be written: [(input, {exemplar: path of the output})].

    Raises:
      UserError: for pairs that do not match up, where two outputs would have one name,
        or an output would overwrite an input or an exemplar.
    """
    if pairing == "zip" and len(inputs) != len(exemplars):
        raise UserError(
            "--pairing=zip: expected as many inputs as exemplars, found "
            f"{len(inputs)} and {len(exemplars)}"
        )
    jobs = []
    for i, (path, name) in enumerate(zip(inputs, output_names(inputs))):
        outputs = files_of(name, [exemplars[i]] if pairing == "zip" else exemplars)
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
    return jobs


def report(inputs, exemplars, output, written, left_out):
    """Logs the messages about files left out and prints what was done."""
    for message in left_out:
        logging.warning("left out: %s", message)
    print(
        f"{len(inputs)} inputs, {len(exemplars)} exemplars: {written} images written "
        f"to {output}, {len(left_out)} files left out"
    )
