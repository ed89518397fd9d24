"""The images that a run was last started on: WORKDIR/images.npz, digests of each.

A run that goes on with other images than it began with is no longer a function of its
flags and images alone: that is told, with counts.
"""

import io
import os
import zipfile
from typing import Any

import numpy as np
from absl import logging

from egsc_tf.data import inventory
from egsc_tf.domains import DOMAINS
from egsc_tf.errors import UserError
from egsc_tf.run import starts
from egsc_tf.runtime.counted import counted
from egsc_tf.runtime.files import write_whole

NAME = "images.npz"
OF_BEFORE = "pixels_a"  # an array that egsc_tf wrote until it decoded as images come up
MEANING = (
    "The run goes on with the images of now; it will not end as one that had the same "
    "images all along (documentation: Stop and resume)"
)


def note(workdir: str, source: Any, goes_on: bool) -> list[str]:
    """Tells how the images changed since the start before; keeps those of now.

    Args:
      source: of its training images, see egsc_tf.data.stream.
      goes_on: whether the run has been trained on those of before.

    Returns:
      what was told, see `changes`.

    Raises:
      UserError: where WORKDIR/images.npz is not what a run wrote.
    """
    found = changes(workdir, source) if goes_on else []
    if found:
        logging.warning("images of this run changed: %s. %s", "; ".join(found), MEANING)
    save(workdir, source)
    return found


def changes(workdir: str, source: Any) -> list[str]:
    """How the images differ from those of the start before: a line for each domain.

    Of a run that noted no more than their number, where that differs.

    Args:
      source: of its training images, see egsc_tf.data.stream.

    Raises:
      UserError: where WORKDIR/images.npz is not what a run wrote.
    """
    before, noted = _read(workdir), starts.images(workdir)
    lines = []
    for domain in DOMAINS:
        where, now = source.where[domain], source.size(domain)
        if before:
            found = inventory.changes(before[domain], source.inventory(domain))
            if found:
                lines.append(f"{where}: {found}")
        elif noted and noted[domain] != now:
            then = counted(noted[domain], "image")
            lines.append(f"{where}: {then} then, {now:,} now")
    return lines


def save(workdir: str, source: Any) -> None:
    """Writes WORKDIR/images.npz."""
    arrays = {}
    for domain in DOMAINS:
        for name, values in source.inventory(domain)._asdict().items():
            arrays[f"{name}_{domain}"] = values
    file = io.BytesIO()
    np.savez(file, **arrays)
    write_whole(os.path.join(workdir, NAME), file.getvalue())


def _read(workdir: str) -> dict[str, inventory.Inventory]:
    """{domain: Inventory}; {} where none was written. Of an earlier version's, which
    has digests of pixels, the marks are unknown; that is logged."""
    path = os.path.join(workdir, NAME)
    if not os.path.isfile(path):
        return {}
    parts = inventory.Inventory._fields
    try:
        with np.load(path) as arrays:
            if OF_BEFORE in arrays:
                logging.info(
                    "%s: an earlier version wrote it; images are compared by their "
                    "names alone, this once",
                    path,
                )
                named = {domain: arrays[f"names_{domain}"] for domain in DOMAINS}
                return {
                    domain: inventory.Inventory(
                        names, np.full_like(names, inventory.UNKNOWN)
                    )
                    for domain, names in named.items()
                }
            return {
                domain: inventory.Inventory(*(arrays[f"{x}_{domain}"] for x in parts))
                for domain in DOMAINS
            }
    except (OSError, KeyError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise UserError(
            f"{path}: expected what a start of the run wrote, found: {error}; without "
            "the file the run goes on"
        ) from error
