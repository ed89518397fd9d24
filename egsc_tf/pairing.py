"""Which images are translated with which exemplars, and what the outputs are called.

Every input with every exemplar, or the i-th with the i-th. Without TensorFlow, for the
programs that leave the networks to a server.
"""

import os
from collections import Counter

from absl import flags, logging

from egsc_tf.data import images
from egsc_tf.domains import DIRECTIONS
from egsc_tf.errors import UserError


def define_flags():
    """The flags that every program has which translates files."""
    flags.DEFINE_string("input", None, "Image or folder to translate.", required=True)
    flags.DEFINE_string("exemplar", None, "Image or folder of styles.", required=True)
    flags.DEFINE_string("output", None, "Folder to write to.", required=True)
    flags.DEFINE_enum("direction", "a2b", DIRECTIONS, "Which way.")
    flags.DEFINE_enum(
        "pairing", "all", ("all", "zip"), "Every pair, or i-th with i-th."
    )


def find_images(path):
    """Image paths of a file or a folder. Raises UserError."""
    return [path] if os.path.isfile(path) else images.list_images(path)


def output_names(paths):
    """A distinct name for each path: its stem, with its ending where stems collide."""
    stems = [os.path.splitext(os.path.basename(path))[0] for path in paths]
    count = Counter(stems)
    return [
        stem if count[stem] == 1 else os.path.basename(path).replace(".", "_")
        for stem, path in zip(stems, paths)
    ]


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
    names = output_names(exemplars)
    jobs = []
    for i, (path, name) in enumerate(zip(inputs, output_names(inputs))):
        if pairing == "zip" or len(exemplars) == 1:
            outputs = {exemplars[i if pairing == "zip" else 0]: f"{name}.png"}
        else:
            outputs = {e: f"{name}_{n}.png" for e, n in zip(exemplars, names)}
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
