"""The pipeline that translates the files of a pattern.

    exemplars -> read -> RunInference(encode_style) ------------------- side input
    pattern -> names -> by file name, with earlier entries -> read -> due? -> styled
            -> RunInference(translate_with_style) -> write, note -> manifest

Nothing but paths is shuffled: an image is read, translated and written by one worker.
An image is due unless an entry says that it was made from the same bytes by the same
model and settings, and its file still has the checksum of then.
"""

import dataclasses
import io
import json
import os
import time

import apache_beam as beam
import tensorflow as tf
from apache_beam.io.filesystems import FileSystems
from apache_beam.ml.inference.base import KeyedModelHandler, RunInference
from PIL import Image

from egsc_tf.beam import counters, files, manifest, model
from egsc_tf.beam.jobs import DEAD, Plan, dead_letter
from egsc_tf.data import images
from egsc_tf.errors import UserError

DEAD_LETTERS, RECORDS = "dead_letters.jsonl", "images"


@dataclasses.dataclass(frozen=True)
class Settings:
    """What is translated, and how.

    Attributes:
      saved_model: folder of a version of egsc_tf.export.saved_model.
      pattern: of the inputs; output: folder; both of this machine or gs://, s3://.
      exemplars: paths.
      direction: "a2b" or "b2a"; strength: 0 to 1.
      batch_size: images that the networks get at once.
      tfrecords: also write OUTPUT/images-*.tfrecord.
      model_sha256: set by `translate`.
    """

    saved_model: str
    pattern: str
    exemplars: tuple
    output: str
    direction: str = "a2b"
    strength: float = 1.0
    batch_size: int = 8
    tfrecords: bool = False
    model_sha256: str = ""

    def networks(self, part):
        handler = model.Signature(
            self.saved_model, part, self.direction, self.batch_size
        )
        return RunInference(KeyedModelHandler(handler))


def translate(settings, options):
    """Runs the pipeline; options: Beam's PipelineOptions.

    Returns:
      ({name: count} of egsc_tf.beam.counters, seconds).

    Raises:
      UserError: for a model or patterns that do not fit, and where no exemplar is
        usable.
    """
    model.require_signatures(settings.saved_model, settings.direction)
    settings = dataclasses.replace(
        settings, model_sha256=model.checksum(settings.saved_model)
    )
    if settings.tfrecords:
        _remove_records(settings.output)
    try:
        pipeline = beam.Pipeline(options=options)
    except (ValueError, ImportError) as error:
        raise UserError(f"--runner and Beam's options: {error}") from error
    start = time.monotonic()
    build(pipeline, settings)
    result = pipeline.run()
    result.wait_until_finish()
    seconds = time.monotonic() - start
    manifest.finish(settings.output)
    counts = counters.read(result)
    if not counts[counters.STYLES]:
        raise UserError(
            "--exemplar: expected a usable image, found none: "
            f"{os.path.join(settings.output, DEAD_LETTERS)} says why"
        )
    return counts, seconds


def build(root, settings):
    """Adds all steps to a pipeline."""
    styles, dead_exemplars = _styles(root, settings)
    planned, dead_sources = root | "Plan" >> Plan(
        settings.pattern, settings.exemplars, settings.output
    )
    earlier = root | "Earlier" >> manifest.Earlier(settings.output)
    chosen = (
        {"jobs": planned, "entries": earlier}
        | beam.CoGroupByKey()
        | "Choose" >> _split(beam.ParDo(Choose(settings.output)), "kept")
    )
    due = chosen.good | "Read" >> _split(
        beam.ParDo(Read(settings), beam.pvalue.AsDict(styles)), "right"
    )
    written = (
        due.good
        | "Translate" >> settings.networks(model.TRANSLATE)
        | "Write" >> _split(beam.ParDo(Write(settings.output)))
    )
    entries = (chosen.kept, due.right, written.good) | "Entries" >> beam.Flatten()
    entries | "Manifest" >> manifest.Collect(settings.output)
    dead = (dead_exemplars, dead_sources, chosen[DEAD], due[DEAD], written[DEAD])
    (
        dead
        | "DeadLetters" >> beam.Flatten()
        | beam.Map(json.dumps, sort_keys=True)
        | beam.Distinct()  # an input is read for each exemplar
        | "Count" >> beam.Map(_counted)
        | beam.io.WriteToText(
            os.path.join(settings.output, DEAD_LETTERS),
            num_shards=1,
            shard_name_template="",
        )
    )
    if settings.tfrecords:
        (
            entries
            | "Example" >> beam.Map(example, settings.output)
            | beam.io.WriteToTFRecord(
                os.path.join(settings.output, RECORDS), file_name_suffix=".tfrecord"
            )
        )


def _counted(letter):
    counters.add(counters.DEAD_LETTERS)
    return letter


def _split(step, *more):
    return step.with_outputs(DEAD, *more, main="good")


def _styles(root, settings):
    """((path, (style code, SHA-256 of the file)) of each usable exemplar, dead)."""
    read = (
        root
        | "Exemplars" >> beam.Create(settings.exemplars)
        | "ReadExemplars" >> _split(beam.FlatMap(_read_exemplar))
    )
    encoded = (
        read.good
        | "EncodeStyles" >> settings.networks(model.STYLE)
        | "Usable" >> _split(beam.FlatMap(_usable_style))
    )
    dead = (read[DEAD], encoded[DEAD]) | "DeadExemplars" >> beam.Flatten()
    return encoded.good, dead


def _read_exemplar(path):
    try:
        data = files.read(path)
        yield (path, files.sha256(data)), images.read_bytes(data, path)
    except (OSError, images.BadImage) as error:
        yield dead_letter(path, str(error))


def _usable_style(element):
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
        for job in jobs[1:] and jobs:
            yield dead_letter(
                job.source, f"{file} would be written twice; rename the inputs"
            )
        if not jobs:  # of another pattern: it stays in the manifest
            right = [e for e in entries if manifest.is_right(self._output, e)]
            yield from (beam.pvalue.TaggedOutput("kept", e) for e in right[:1])


class Read(beam.DoFn):
    """(job, entries) -> ((job, what it is made from), Content) where it is due."""

    def __init__(self, settings):
        self._settings = settings

    def process(self, element, styles):
        return self._due(*element, styles)

    def _due(self, job, entries, styles):
        if job.exemplar not in styles:
            return  # a dead letter already
        style, exemplar_sha256 = styles[job.exemplar]
        try:
            data = files.read(job.source)
            origin = manifest.made_from(
                files.sha256(data), exemplar_sha256, self._settings
            )
            for entry in entries:
                same = all(entry.get(key) == value for key, value in origin.items())
                if same and manifest.is_right(self._settings.output, entry):
                    counters.add(counters.RIGHT)
                    yield beam.pvalue.TaggedOutput("right", entry)
                    return
            pixels = images.read_bytes(data, job.source)
        except (OSError, images.BadImage) as error:
            yield dead_letter(job.source, str(error))
            return
        yield (job, origin), model.Content(pixels, style, self._settings.strength)


class Write(beam.DoFn):
    """((job, what it is made from), pixels) -> entry of the file."""

    def __init__(self, output):
        self._output = output

    def process(self, element):
        (job, origin), pixels = element
        if isinstance(pixels, model.Refused):
            yield dead_letter(job.source, pixels.reason)
            return
        file = io.BytesIO()
        Image.fromarray(pixels).save(file, format="PNG")
        data = file.getvalue()
        files.write(os.path.join(self._output, job.file), data)
        entry = manifest.entry(job, data, origin)
        manifest.add(self._output, entry)
        counters.add(counters.TRANSLATED)
        yield entry


def example(entry, output):
    """An entry and its image as a serialised tf.train.Example."""
    values = {key: str(entry[key]).encode() for key in ("file", "source", "exemplar")}
    values["image"] = files.read(os.path.join(output, entry["file"]))
    features = {
        key: tf.train.Feature(bytes_list=tf.train.BytesList(value=[value]))
        for key, value in values.items()
    }
    message = tf.train.Example(features=tf.train.Features(feature=features))
    return message.SerializeToString()


def _remove_records(output):
    """Those of a run before may have been of another number, and would be mixed up."""
    (found,) = FileSystems.match([os.path.join(output, f"{RECORDS}-*.tfrecord")])
    if found.metadata_list:
        FileSystems.delete([each.path for each in found.metadata_list])
