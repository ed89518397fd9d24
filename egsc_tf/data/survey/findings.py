"""What is worth knowing about the folders of a data set, and whether they would train.

Findings are collected file by file, so that hundreds of thousands are no more than a
few numbers each.
"""

import collections
import os

from egsc_tf.data import folders, images
from egsc_tf.data.survey.reading import FOLDERS, read_files
from egsc_tf.data.survey.statistics import FolderStatistics
from egsc_tf.runtime.counted import counted

ENLARGED = 2.0
STRETCHED = 1.5

# What a list in `Findings.problems` holds, in the order of importance. Training stops
# at the first three.
KINDS = {
    "broken": "do not decode",
    "tiny": f"smaller than {images.SMALLEST_SIDE}x{images.SMALLEST_SIDE} pixels",
    "unreadable": "cannot be opened",
    "not_read_images": "are images, but not read, for their endings",
    "not_read_files": "are no images and not read",
    "not_read_folders": "are folders, which are not read",
    "small": f"enlarged more than {ENLARGED:g} times to the size of training",
    "doubtful": "come out nearly black or of one colour (values that do not fill their "
    "type?)",
    "stretched": f"stretched more than {STRETCHED:g} times to the shape of training",
    "wrong_ending": "hold another format than their ending says (read all the same)",
    "warnings": "decode, but Pillow warns of them",
}
RELATIONS = ("train and test", "A and B", "one folder")  # the worst first


class Findings:
    """Of all folders of a data set.

    Args:
      data_dir: the folder with trainA, trainB, testA, testB.
      height, width: of training.
      recursive: whether images of subfolders count.

    Attributes:
      folders: {name: FolderStatistics}.
      problems: {kind of KINDS: [(file, message)]}; files are relative to data_dir.
    """

    def __init__(self, data_dir, height, width, recursive=False):
        self.data_dir, self.height, self.width = data_dir, height, width
        self.folders = {
            name: FolderStatistics(
                folders.look_into(os.path.join(data_dir, name), recursive)
            )
            for name in FOLDERS
        }
        self.problems = {kind: [] for kind in KINDS}
        self._same = collections.defaultdict(list)

    def count(self):
        """How many files `read` will read."""
        contents = (folder.contents for folder in self.folders.values())
        return sum(len(c.images) + len(c.others) for c in contents)

    def read(self, workers, update=lambda: None):
        """Reads all files, calling `update` after each."""
        for name, folder in self.folders.items():
            listed, others = folder.contents.images, folder.contents.others
            for inner, count in folder.contents.subfolders.items():
                self._add(
                    "not_read_folders",
                    f"{name}/{inner}",
                    folder.contents.in_subfolder(count),
                )
            files = [f"{name}/{file}" for file in listed + others]
            found = read_files(
                [os.path.join(self.data_dir, file) for file in files],
                self.height,
                self.width,
                workers,
            )
            for index, (file, (path, one)) in enumerate(zip(files, found)):
                update()
                if index >= len(listed):
                    self._add_not_read(file, one)
                    continue
                folder.add(index, one)
                if one.bad:
                    kind, message = one.bad
                    message = message.removeprefix(f"{images.printable(path)}: ")
                    self._add(kind, file, message)
                else:
                    self._add_usable(file, one)

    def duplicates(self):
        """[{"files", "same_bytes", "between"}]: files that decode to the same image.

        same_bytes: whether all are the same file, too. between: of RELATIONS, those
        that hold.
        """
        groups = []
        for members in self._same.values():
            if len(members) < 2:
                continue
            files = [file for file, _ in members]
            folders = collections.Counter(file.split("/")[0] for file in files)
            holds = (
                len({name[:-1] for name in folders}) > 1,
                len({name[-1] for name in folders}) > 1,
                max(folders.values()) > 1,
            )
            groups.append(
                {
                    "files": files,
                    "same_bytes": len({digest for _, digest in members}) == 1,
                    "between": [r for r, true in zip(RELATIONS, holds) if true],
                }
            )
        return groups

    def reasons(self, split, on_bad_image="stop"):
        """Why a split ("train" or "test") could not be opened; [] where it could."""
        found = []
        for name, folder in self.folders.items():
            if not name.startswith(split):
                continue
            if folder.contents.refused:
                found.append(folder.contents.refused)
            elif folder.stopping and on_bad_image == "stop":
                found.append(
                    f"{name}: {counted(folder.stopping, 'file')} would stop it"
                )
            elif folder.usable < images.FEWEST:
                found.append(
                    f"{name}: expected at least {images.FEWEST} usable images, found "
                    f"{folder.usable}"
                )
        return found

    def summary(self):
        """All of it, for JSON. Names of files are as Python reads them."""
        return {
            "data_dir": self.data_dir,
            "height": self.height,
            "width": self.width,
            "reasons_against": {
                f"{program} --on_bad_image={rule}": self.reasons(split, rule)
                for program, split in (("training", "train"), ("evaluation", "test"))
                for rule in ("stop", "skip")
            },
            "folders": {name: f.summary() for name, f in self.folders.items()},
            "problems": {
                kind: [{"file": file, "message": text} for file, text in listed]
                for kind, listed in self.problems.items()
            },
            "duplicates": self.duplicates(),
        }

    def _add(self, kind, file, message):
        self.problems[kind].append((file, message))

    def _add_not_read(self, file, found):
        if not found.bad:
            self._add("not_read_images", file, found.format)
        elif file.lower().endswith(images.HEIF_ENDINGS):
            self._add("not_read_images", file, images.NO_HEIF)
        else:
            self._add("not_read_files", file, "")

    def _add_usable(self, file, found):
        """What may be wrong with an image that decodes."""
        self._same[found.of_pixels].append((file, found.of_bytes))
        size = f"{found.width}x{found.height}"
        scales = (self.height / found.height, self.width / found.width)
        if max(scales) > ENLARGED:
            self._add("small", file, size)
        if max(scales) / min(scales) > STRETCHED:
            self._add("stretched", file, size)
        ending = os.path.splitext(file)[1].lower()
        # An MPO is a JPEG with more images behind it.
        if ending and found.format not in (images.ENDINGS[ending], "MPO"):
            self._add("wrong_ending", file, found.format)
        if found.doubt:
            self._add("doubtful", file, found.doubt)
        for message in found.warnings:
            self._add("warnings", file, message)
