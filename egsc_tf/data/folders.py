"""Which files of a folder are images, and what is left out: decided here alone.

The ending of a name says it. A file whose name has none is an image where its first
bytes say so. Names that start with a dot are passed over. Links to folders are not
followed, as they may lead in circles.
"""

import collections
import contextlib
import dataclasses
import functools
import os

from absl import logging

from egsc_tf.data import images
from egsc_tf.errors import UserError
from egsc_tf.runtime.counted import counted

SEEN = 10_000  # entries of subfolders that are not read
NAMED = 5  # different endings that the line about what is left out names


@dataclasses.dataclass(frozen=True)
class Contents:
    """What a folder holds, all sorted; names are relative to the folder.

    Attributes:
      path: of the folder.
      recursive: whether files of its subfolders count as its own.
      images: names of the files that are read.
      others: names of visible files that are not.
      subfolders: {name: how many image files were seen in it, at any depth} of the
        folders that are not read.
      or_more: whether there may be more in these: no more than SEEN entries of them are
        looked at.
      hidden: how many entries start with a dot.
      problem: why the folder cannot be listed, or "".
    """

    path: str
    recursive: bool
    images: list[str]
    others: list[str]
    subfolders: dict[str, int]
    hidden: int
    problem: str = ""
    or_more: bool = False

    def in_subfolder(self, count):
        """How many image files there are, as text."""
        return counted(count, "image file") + " or more" * self.or_more

    @property
    def refused(self):
        """Why no image can be listed, or ""."""
        shown = images.printable(self.path)
        if self.problem:
            return f"{shown}: expected a folder of images, found{self.problem}"
        if self.images:
            return ""
        entries = len(self.others) + len(self.subfolders) + self.hidden
        among = "1 entry" if entries == 1 else f"{entries:,} entries"
        found = f"{shown}: expected image files, found none among {among}"
        parts = self._left_out()
        return f"{found}: {', '.join(parts)}. {reads()}" if parts else found

    def left_out(self):
        """One line about what is not read, why, and what is; "" where nothing is."""
        parts = self._left_out()
        if not parts:
            return ""
        return (
            f"{images.printable(self.path)}: images read: {len(self.images):,}, left "
            f"out: {', '.join(parts)}. {reads()}"
        )

    def _left_out(self):
        """What is left out: ["8 .heic (...)", "40 images in subfolders (...)"]."""
        endings = collections.Counter(_ending(name) for name in self.others)
        parts = []
        for ending, count in endings.most_common(NAMED):
            what = images.printable(ending) or "without an ending and no images"
            why = f" ({images.NO_HEIF})" if ending in images.HEIF_ENDINGS else ""
            parts.append(f"{count:,} {what}{why}")
        rest = sum(endings.values()) - sum(n for _, n in endings.most_common(NAMED))
        if rest:
            parts.append(f"{rest:,} with other endings")
        inner = sum(self.subfolders.values())
        if inner or self.or_more:
            why = "links are not followed" if self.recursive else "see --recursive"
            more = "or more " * self.or_more
            parts.append(f"{counted(inner, 'image')} {more}in subfolders ({why})")
        return parts


def reads():
    """Which files are read, as a sentence."""
    return (
        f"Read are files that end in {' '.join(sorted(images.ENDINGS))}, and images "
        "without an ending"
    )


def look_into(path, recursive=False):
    """The Contents of a folder; never raises for what lies in it."""
    contents = Contents(path, recursive, [], [], {}, 0)
    if not os.path.isdir(path):
        return dataclasses.replace(contents, problem=" none")
    waiting, hidden, below = [""], 0, _Below()
    while waiting:
        inner = waiting.pop()
        try:
            # One after the other, as a list of them would take 50 MB of 200,000 files.
            with os.scandir(os.path.join(path, inner)) as entries:
                for entry in entries:
                    name = os.path.join(inner, entry.name) if inner else entry.name
                    if entry.name.startswith("."):
                        hidden += 1
                    elif recursive and entry.is_dir(follow_symlinks=False):
                        waiting.append(name)
                    elif _ending(entry.name) in images.ENDINGS:
                        contents.images.append(name)
                    elif os.path.isdir(entry.path):  # entry.is_dir() raises at a loop
                        contents.subfolders[name] = below.images(entry.path)
                    elif not _ending(name) and images.is_image(entry.path):
                        contents.images.append(name)
                    else:
                        contents.others.append(name)
        except OSError as error:
            where = f" in it {images.printable(inner)}" if inner else ""
            problem = f"{where}: {error.strerror}"
            return dataclasses.replace(contents, problem=problem)
    return Contents(
        path,
        recursive,
        sorted(contents.images),
        sorted(contents.others),
        dict(sorted(contents.subfolders.items())),
        hidden,
        or_more=below.left < 0,
    )


def list_images(path, recursive=False):
    """Sorted paths of the image files of a folder; the log says what is left out.

    Args:
      recursive: also those of its subfolders, at any depth.

    Raises:
      UserError: where there is no such folder, or no image in it.
    """
    return [os.path.join(path, name) for name in list_names(path, recursive)]


def list_names(path, recursive=False):
    """`list_images`, relative to the folder."""
    contents = look_into(path, recursive)
    if contents.refused:
        raise UserError(contents.refused)
    _tell(contents.left_out())
    return contents.images


def require_images(path, recursive=False):
    """Raises UserError as `list_images` does, and looks no further than it must."""
    with contextlib.suppress(OSError), os.scandir(path) as entries:
        if any(is_image_name(entry.name) for entry in entries):
            return
    list_names(path, recursive)


@functools.cache
def _tell(line):
    """Logs a line once: a run lists its folders again for its report."""
    if line:
        logging.warning("%s", line)


def is_image_name(name):
    """Whether a file name is visible and has the ending of a format that is read."""
    base = os.path.basename(name)
    return not base.startswith(".") and _ending(base) in images.ENDINGS


def _ending(name):
    return os.path.splitext(name)[1].lower()


class _Below:
    """Looks into the subfolders of a folder, until it has seen enough.

    Attributes:
      left: how many entries it will still look at; below 0 there were more.
    """

    def __init__(self):
        self.left = SEEN

    def images(self, folder):
        """How many image files it sees in a folder, at any depth."""
        count, waiting = 0, [folder]
        while waiting and self.left >= 0:
            with contextlib.suppress(OSError), os.scandir(waiting.pop()) as entries:
                for entry in entries:
                    self.left -= 1
                    if self.left < 0:
                        break
                    if entry.name.startswith("."):
                        continue
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append(entry.path)
                    else:
                        count += is_image_name(entry.name)
        return count
