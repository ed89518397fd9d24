"""Translates any number of images by Apache Beam, on one machine or many.

    python -m egsc_tf.beam_translate --saved_model=MODELS/NAME/1 --input='DIR/*' \\
        --exemplar=STYLE.jpg --output=OUT

Writes what egsc_tf.translate writes, OUT/manifest.jsonl with the checksums and
OUT/dead_letters.jsonl with the inputs that are left out. Started again, it makes only
what is not there or not right. Further flags are Beam's pipeline options:
docs/guides/beam.md.
"""

from egsc_tf.runtime.program import run  # first: it quiets the start of TensorFlow

# isort: split
from absl import flags, logging

from egsc_tf.domains import DIRECTIONS
from egsc_tf.errors import UserError

FLAGS = flags.FLAGS


def main(beam_flags):
    verbosity = logging.get_verbosity()
    logging.set_verbosity(logging.ERROR)  # Beam tells which clouds' packages it misses
    try:
        from egsc_tf.beam import counters, files, pipeline
        from egsc_tf.beam.options import pipeline_options
    except ImportError as error:
        raise UserError(
            f"expected the packages of `pip install '.[beam]'`, found no {error.name}"
        ) from error
    finally:
        logging.set_verbosity(verbosity)
    options = pipeline_options(FLAGS.runner, beam_flags)
    files.matching(FLAGS.input, "--input", 1)
    settings = pipeline.Settings(
        FLAGS.saved_model,
        FLAGS.input,
        tuple(files.matching(FLAGS.exemplar, "--exemplar")),
        FLAGS.output,
        FLAGS.direction,
        FLAGS.strength,
        FLAGS.batch_size,
        FLAGS.tfrecords,
    )
    counts, seconds = pipeline.translate(settings, options)
    translated, dead = counts[counters.TRANSLATED], counts[counters.DEAD_LETTERS]
    print(
        f"{counts[counters.FOUND]} inputs, {counts[counters.STYLES]} exemplars: "
        f"{translated} images written to {FLAGS.output}, {counts[counters.RIGHT]} "
        f"already right, {dead} dead letters; {seconds:.1f} s, "
        f"{translated / seconds:.1f} images/s"
    )
    return 2 if dead else 0


if __name__ == "__main__":
    flags.DEFINE_string(
        "saved_model",
        None,
        "MODELS/NAME/VERSION, of egsc_tf.export.saved_model.",
        required=True,
    )
    flags.DEFINE_string(
        "input", None, "Pattern of the images, such as 'DIR/*.png'.", required=True
    )
    flags.DEFINE_string("exemplar", None, "Image or pattern of styles.", required=True)
    flags.DEFINE_string("output", None, "Folder to write to.", required=True)
    flags.DEFINE_enum("direction", "a2b", DIRECTIONS, "Which way.")
    flags.DEFINE_float(
        "strength", 1.0, "0: content's own look, 1: exemplar's.", 0.0, 1.0
    )
    flags.DEFINE_integer("batch_size", 8, "Images of one call of the networks.", 1)
    flags.DEFINE_bool("tfrecords", False, "Also write OUTPUT/images-*.tfrecord.")
    flags.DEFINE_string("runner", "DirectRunner", "Beam's engine.")
    run(main, with_rest=True)
