"""What is done to one element: read an exemplar; choose, read and write a job."""

import io
import os

import apache_beam as beam
from PIL import Image

from egsc_tf.beam import counters, files, manifest, model
from egsc_tf.beam.jobs import dead_letter
from egsc_tf.data import images
from egsc_tf.errors import UserError
from egsc_tf.inference import origin as origins


def read_exemplar(path):
    try:
        data = files.read(path)
        yield (path, files.sha256(data)), images.read_bytes(data, path)
    except (OSError, images.BadImage) as error:
        yield dead_letter(path, str(error))


def usable_style(element):
    (path, sha256), style = element
    if isinstance(style, model.Refused):
        yield dead_letter(path, style.reason)
    else:
        counters.add(counters.STYLES)
        yield path, (style, sha256)


class Choose(beam.DoFn):
    """(file name, its jobs and entries) -> (the one job, entries)."""

    def __init__(self, output):
        self._output = output

    def process(self, element):
        file, found = element
        jobs, entries = list(found["jobs"]), list(found["entries"])
        if len(jobs) == 1:
            yield jobs[0], entries
            return
        for job in jobs:
            yield dead_letter(
                job.source, f"{file} would be written twice; rename the inputs"
            )
        # Of another pattern, or made when its name was its own.
        yield from _kept(self._output, entries, "kept")


def _kept(output, entries, tag):
    """The one entry, of those of a file, that the file still agrees with."""
    right = [e for e in entries if manifest.is_right(output, e)]
    yield from (beam.pvalue.TaggedOutput(tag, e) for e in right[:1])


class Read(beam.DoFn):
    """(job, entries) -> ((job, what it is made from, entries, note), Content), if due.

    What was made before and can't be made now stays in the manifest: of an exemplar or
    a source that is no image any more, or that the networks refuse (see Write). So does
    what would be replaced by another translation (egsc_tf.inference.origin).
    """

    def __init__(self, settings):
        self._settings = settings

    def process(self, element, styles):
        return self._due(*element, styles)

    def _due(self, job, entries, styles):
        output = self._settings.output
        if job.exemplar not in styles:  # a dead letter already
            yield from _kept(output, entries, "right")
            return
        style, exemplar_sha256 = styles[job.exemplar]
        note = origins.note(
            job.source,
            job.exemplar,
            exemplar_sha256,
            origins.place(self._settings.saved_model),
            self._settings.direction,
            self._settings.strength,
        )
        try:
            data = files.read(job.source)
            origin = manifest.made_from(
                files.sha256(data), exemplar_sha256, self._settings
            )
            for entry in entries:
                same = all(entry.get(key) == value for key, value in origin.items())
                if same and manifest.is_right(output, entry):
                    counters.add(counters.RIGHT)
                    yield beam.pvalue.TaggedOutput("right", entry)
                    return
            if not self._settings.overwrite:
                _require_same(os.path.join(output, job.file), entries, note)
            pixels = images.read_bytes(data, job.source)
        except (OSError, UserError) as error:
            yield dead_letter(job.source, str(error))
            yield from _kept(output, entries, "right")
            return
        yield (
            (job, origin, entries, note),
            model.Content(pixels, style, self._settings.strength),
        )


def _require_same(path, entries, note):
    """Raises UserError where a file is there that is neither of this note nor noted so
    in its entry, which counts where the file is damaged."""
    try:
        found = origins.found_in(files.read(path))
    except (OSError, images.BadImage):
        return
    known = [each.get(origins.SAME) for each in (found, *entries)]
    if note[origins.SAME] not in known:
        raise UserError(origins.refusal(path, found))


class Write(beam.DoFn):
    """((job, what it is made from, entries, note), pixels) -> entry of the file."""

    def __init__(self, output):
        self._output = output

    def process(self, element):
        (job, origin, entries, note), pixels = element
        if isinstance(pixels, model.Refused):
            yield dead_letter(job.source, pixels.reason)
            yield from _kept(self._output, entries, "kept")
            return
        file = io.BytesIO()
        Image.fromarray(pixels).save(file, format="PNG")
        data = origins.noted(file.getvalue(), note)
        files.write(os.path.join(self._output, job.file), data)
        entry = manifest.entry(job, data, origin, note)
        manifest.add(self._output, entry)
        counters.add(counters.TRANSLATED)
        yield entry


def counted(letter):
    counters.add(counters.DEAD_LETTERS)
    return letter
