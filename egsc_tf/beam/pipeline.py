"""The pipeline that translates the files of a pattern.

    exemplars -> read -> RunInference(encode_style) ------------------- side input
    pattern -> names -> by file name, with earlier entries -> read -> due? -> styled
            -> RunInference(translate_with_style) -> write, note -> manifest

Nothing but paths is shuffled: an image is read, translated and written by one worker.
An image is due unless an entry says that it was made from the same bytes by the same
model and settings, and its file still has the checksum of then. It does not replace
another translation (egsc_tf.inference.origin), which is a dead letter.
"""

import dataclasses
import json
import os
import time

import apache_beam as beam
from apache_beam.ml.inference.base import KeyedModelHandler, RunInference

from egsc_tf.beam import counters, files, manifest, model, records, steps
from egsc_tf.beam.jobs import DEAD, Plan
from egsc_tf.errors import UserError

DEAD_LETTERS = "dead_letters.jsonl"


def translate(settings, options):
    """Runs the pipeline.

    Args:
      settings: egsc_tf.beam.settings.Settings, with its exemplars.
      options: Beam's PipelineOptions.

    Returns:
      ({name: count} of egsc_tf.beam.counters, seconds).

    Raises:
      UserError: for a model or patterns that do not fit, and where no exemplar is
        usable.
    """
    model.require_signatures(settings.saved_model, settings.direction)
    if files.folder(settings.output) in map(files.folder_of, settings.exemplars):
        raise UserError(
            f"--output={settings.output}: expected another folder than that of the "
            "exemplars"
        )
    settings = dataclasses.replace(
        settings, model_sha256=model.checksum(settings.saved_model)
    )
    if settings.tfrecords:
        records.remove(settings.output)
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
        settings.input, settings.exemplars, settings.output
    )
    earlier = root | "Earlier" >> manifest.Earlier(settings.output)
    chosen = (
        {"jobs": planned, "entries": earlier}
        | beam.CoGroupByKey()
        | "Choose" >> _split(beam.ParDo(steps.Choose(settings.output)), "kept")
    )
    due = chosen.good | "Read" >> _split(
        beam.ParDo(steps.Read(settings), beam.pvalue.AsDict(styles)), "right"
    )
    written = (
        due.good
        | "Translate" >> _networks(settings, model.TRANSLATE)
        | "Write" >> _split(beam.ParDo(steps.Write(settings.output)), "kept")
    )
    all_entries = (chosen.kept, due.right, written.kept, written.good)
    entries = all_entries | "Entries" >> beam.Flatten()
    entries | "Manifest" >> manifest.Collect(settings.output)
    dead = (dead_exemplars, dead_sources, chosen[DEAD], due[DEAD], written[DEAD])
    (
        dead
        | "DeadLetters" >> beam.Flatten()
        | beam.Map(json.dumps, sort_keys=True)
        | beam.Distinct()  # an input is read for each exemplar
        | "Count" >> beam.Map(steps.counted)
        | beam.io.WriteToText(
            os.path.join(settings.output, DEAD_LETTERS),
            num_shards=1,
            shard_name_template="",
        )
    )
    if settings.tfrecords:
        entries | "Records" >> records.Write(settings.output)


def _networks(settings, part):
    """A part of the model, on batches."""
    handler = model.Signature(
        settings.saved_model, part, settings.direction, settings.batch_size
    )
    return RunInference(KeyedModelHandler(handler))


def _styles(root, settings):
    """((path, (style code, SHA-256 of the file)) of each usable exemplar, dead)."""
    read = (
        root
        | "Exemplars" >> beam.Create(settings.exemplars)
        | "ReadExemplars" >> _split(beam.FlatMap(steps.read_exemplar))
    )
    encoded = (
        read.good
        | "EncodeStyles" >> _networks(settings, model.STYLE)
        | "Usable" >> _split(beam.FlatMap(steps.usable_style))
    )
    dead = (read[DEAD], encoded[DEAD]) | "DeadExemplars" >> beam.Flatten()
    return encoded.good, dead


def _split(step, *more):
    return step.with_outputs(DEAD, *more, main="good")
