"""Checkpoints of a stage: never half written, read whole before they are trusted.

WORKDIR/STAGE/ckpt-STEP.* are written beside and renamed, the .index file last, so that
a kill at any moment leaves whole checkpoints only. They are found by their files, not
by TensorFlow's state file, and one whose checksums do not agree with its contents is
reported and passed over for the one before.
"""

import glob
import hashlib
import os
import re
import shutil
from collections.abc import Callable
from typing import Optional

import tensorflow as tf
from absl import logging

from egsc_tf.errors import NoSpace, OtherNetworks, UserError, is_no_space
from egsc_tf.runtime.files import flush, write_whole

PREFIX = "ckpt"
PART = ".part"


def steps(folder: str) -> list[int]:
    """Sorted steps of the checkpoints of a stage's folder."""
    if not os.path.isdir(folder):
        return []
    names = (re.fullmatch(rf"{PREFIX}-(\d+)\.index", n) for n in os.listdir(folder))
    return sorted(int(match.group(1)) for match in names if match)


def path_of(folder: str, step: int) -> str:
    """TensorFlow's name of a checkpoint: the prefix of its files."""
    return os.path.join(folder, f"{PREFIX}-{step}")


def step_of(path: str) -> int:
    """The step of a checkpoint's path."""
    return int(path.rsplit("-", 1)[1])


def fingerprint(path: str) -> str:
    """The step of a checkpoint and a digest of its index, which has the checksums of
    all that it holds."""
    with open(f"{path}.index", "rb") as file:
        return f"{step_of(path)} ({hashlib.sha256(file.read()).hexdigest()[:8]})"


def problem(path: str) -> Optional[str]:
    """None, or what is wrong with a checkpoint. Reads all of it."""
    try:
        reader = tf.train.load_checkpoint(path)
        for name in reader.get_variable_to_shape_map():
            reader.get_tensor(name)
    # Of a broken index TensorFlow's reader raises other kinds too.
    except (tf.errors.OpError, ValueError, IndexError, RuntimeError) as error:
        return str(error).splitlines()[0]
    return None


def require_plain(folder: str) -> None:
    """Raises UserError for a path that TensorFlow would take for a pattern: it writes
    checkpoints there, and does not find them again."""
    if set(folder) & set("*?[\\"):
        raise UserError(
            f"{folder}: expected a path without * ? [ and backslash, in which "
            "TensorFlow does not find its checkpoints; name it from another folder, or "
            "rename it"
        )


def newest(folder: str) -> Optional[str]:
    """The path of the newest sound checkpoint of a stage, or None where there is none.

    Those passed over are reported.

    Raises:
      UserError: where there are checkpoints, but all are broken.
    """
    require_plain(folder)
    found = steps(folder)
    for step in reversed(found):
        path = path_of(folder, step)
        reason = problem(path)
        if reason is None:
            return path
        if step not in steps(folder):  # a run that trains has deleted it meanwhile
            return newest(folder)
        logging.warning("%s is broken and passed over: %s", path, reason)
    if found:
        raise UserError(
            f"{folder}: expected a sound checkpoint, found {len(found)}, all broken; "
            "restore one from a backup, or delete the folder to train the stage again"
        )
    return None


def restore(
    checkpoint: tf.train.Checkpoint,
    path: str,
    partial: bool = False,
    create: Callable[[], None] = lambda: None,
) -> None:
    """Reads a checkpoint into the objects of a tf.train.Checkpoint.

    Args:
      partial: whether it may hold more than these objects.
      create: makes the variables that these objects do not have yet. Each begins with
        its value in the checkpoint: none is drawn first, and none is there twice.

    Raises:
      OtherNetworks: where it is not one of these objects, or is gone.
    """
    try:
        status = checkpoint.read(path)
        if partial:
            status.expect_partial()
        create()
        status.assert_existing_objects_matched()
    except (AssertionError, ValueError, tf.errors.OpError) as error:
        raise OtherNetworks(
            f"{path}: expected a checkpoint of the networks that the flags describe, "
            f"found: {str(error).splitlines()[0]}"
        ) from error


class Saver:
    """Writes the checkpoints of a stage and deletes old ones.

    Args:
      folder: of the stage.
      checkpoint: tf.train.Checkpoint.
      keep: how many to keep.

    Raises:
      UserError: for a folder whose name TensorFlow cannot use; OSError for one that
        cannot be.
    """

    def __init__(self, folder: str, checkpoint: tf.train.Checkpoint, keep: int) -> None:
        require_plain(folder)
        os.makedirs(folder, exist_ok=True)
        self.folder, self.checkpoint, self.keep = folder, checkpoint, keep

    def save(self, step: int) -> None:
        """Writes the checkpoint of a step.

        Raises:
          NoSpace: where the disk is full; what was there before is left as it was.
        """
        part = os.path.join(self.folder, PART)
        shutil.rmtree(part, ignore_errors=True)
        os.makedirs(part)
        try:
            written = self.checkpoint.write(path_of(part, step))
            self._move(part, os.path.basename(written))
        except (tf.errors.OpError, OSError) as error:
            shutil.rmtree(part, ignore_errors=True)
            if not is_no_space(error):
                raise
            kept = steps(self.folder)
            raise NoSpace(
                f"{self.folder}: expected room for the checkpoint of step {step}, "
                f"found none; kept: {kept or 'none, as it would have been the first'}. "
                "Make room and start the run again"
            ) from error
        os.rmdir(part)
        self.tidy(step)

    def tidy(self, step: int) -> None:
        """Deletes old checkpoints and what killed runs left; writes TensorFlow's state
        file anew, for its own tools.

        Args:
          step: of the run. What lies behind it was passed over as broken: it stays, and
            does not count, until the run gets there and writes it anew.
        """
        shutil.rmtree(os.path.join(self.folder, PART), ignore_errors=True)
        found = steps(self.folder)
        sound = [s for s in found if s <= step]
        for old in sound[: -self.keep]:
            self._delete(old)
            found.remove(old)
        for file in glob.glob(os.path.join(glob.escape(self.folder), f"{PREFIX}-*")):
            match = re.match(rf"{PREFIX}-(\d+)\.", os.path.basename(file))
            if not match or int(match.group(1)) not in found:
                os.remove(file)
        sound = sound[-self.keep :]
        if sound:
            lines = [f'model_checkpoint_path: "{PREFIX}-{sound[-1]}"\n']
            lines += [f'all_model_checkpoint_paths: "{PREFIX}-{s}"\n' for s in sound]
            state = os.path.join(self.folder, "checkpoint")
            write_whole(state, "".join(lines))

    def _move(self, part: str, name: str) -> None:
        """Renames the files of a whole checkpoint into the folder, the index last."""
        index = os.path.join(self.folder, f"{name}.index")
        if os.path.exists(index):  # a broken one that was passed over
            os.remove(index)
        for file in sorted(os.listdir(part)):
            flush(os.path.join(part, file))
            if not file.endswith(".index"):
                os.replace(os.path.join(part, file), os.path.join(self.folder, file))
        os.replace(os.path.join(part, f"{name}.index"), index)

    def _delete(self, step: int) -> None:
        """Deletes a checkpoint, its index first: without it, it is none."""
        prefix = path_of(self.folder, step)
        os.remove(f"{prefix}.index")
        for file in glob.glob(f"{glob.escape(prefix)}.*"):
            os.remove(file)
