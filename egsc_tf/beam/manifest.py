"""What has been made: OUTPUT/manifest.jsonl, and OUTPUT/.done while a run goes on.

An entry says of an image its size, its checksum and what it was made from. It is first
written to a file of its own in .done, when the image is complete: a bundle of Beam may
be half of all images, so nothing that waits for its end would survive a killed run. A
run that ends puts all entries into the manifest and removes .done.
"""

import json
import os

import apache_beam as beam
from apache_beam.io import fileio
from apache_beam.io.filesystems import FileSystems

from egsc_tf.beam import files
from egsc_tf.data.images import BadImage
from egsc_tf.inference.origin import SAME

NAME, DONE = "manifest.jsonl", ".done"


def made_from(source_sha256, exemplar_sha256, settings):
    """All that an image depends on; settings: egsc_tf.beam.settings.Settings."""
    return {
        "source_sha256": source_sha256,
        "exemplar_sha256": exemplar_sha256,
        "model_sha256": settings.model_sha256,
        "direction": settings.direction,
        "strength": settings.strength,
    }


def entry(job, data, origin, note):
    """The entry of an image.

    Args:
      data: its file's bytes.
      origin: of `made_from`.
      note: in its file, of egsc_tf.inference.origin.
    """
    return {
        "file": job.file,
        SAME: note[SAME],
        "sha256": files.sha256(data),
        "bytes": len(data),
        "source": job.source,
        "exemplar": job.exemplar,
        **origin,
    }


def add(output, entry):
    """Notes, for good, that an image is complete."""
    path = os.path.join(output, DONE, entry["file"] + ".json")
    files.write(path, json.dumps(entry).encode())


def is_right(output, entry):
    """Whether the image is there, and as it was written."""
    try:
        data = files.read(os.path.join(output, entry["file"]))
    except (OSError, BadImage):
        return False
    return files.sha256(data) == entry.get("sha256")


class Earlier(beam.PTransform):
    """The entries of earlier runs, finished or not, as (file name, entry)."""

    def __init__(self, output):
        super().__init__()
        self._patterns = [
            os.path.join(output, NAME),
            os.path.join(output, DONE, "*.json"),
        ]

    def expand(self, root):
        allow = fileio.EmptyMatchTreatment.ALLOW
        return (
            root
            | beam.Create(self._patterns)
            | fileio.MatchAll(empty_match_treatment=allow)
            | fileio.ReadMatches()
            | beam.FlatMap(_entries).with_output_types(tuple[str, dict])
        )


def _entries(file):
    with file.open() as lines:
        for line in lines:
            try:
                found = json.loads(line)
                name = found["file"]
                ours = os.path.basename(name) == name
            except (ValueError, TypeError, KeyError):
                continue  # cut short, where a write is not whole: it is made again
            if ours:
                yield name, found


class Collect(beam.PTransform):
    """Writes entries into one file, which `finish` puts in the manifest's place."""

    def __init__(self, output):
        super().__init__()
        self._path = os.path.join(output, DONE, NAME)

    def expand(self, entries):
        return (
            entries
            | beam.Map(json.dumps)
            | beam.io.WriteToText(self._path, num_shards=1, shard_name_template="")
        )


def finish(output):
    """Takes over what Collect wrote. Killed at any point, all entries are in one of the
    two places."""
    done = os.path.join(output, DONE)
    path, new = os.path.join(output, NAME), os.path.join(done, NAME)
    if files.is_local(output):
        os.replace(new, path)
    else:
        FileSystems.rename([new], [path])
    FileSystems.delete([done if files.is_local(done) else done + "/"])
