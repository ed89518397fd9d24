"""Translates any number of images by Apache Beam, on one machine or many.

    python -m egsc_tf.beam_translate --saved_model=MODELS/NAME/1 --input='DIR/*' \\
        --exemplar=STYLE.jpg --output=OUT

Writes what egsc_tf.translate writes, OUT/manifest.jsonl with the checksums and
OUT/dead_letters.jsonl with the inputs that are left out. Started again, it makes only
what is not there or not right. Further flags are Beam's pipeline
options; the documentation tells of them under "Many images with Beam".
"""

from egsc_tf.runtime.program import run  # first: it quiets the start of TensorFlow

# isort: split
import dataclasses

from absl import logging

from egsc_tf.beam.settings import Settings
from egsc_tf.runtime import extras
from egsc_tf.runtime.counted import counted
from egsc_tf.runtime.flags import setting


@dataclasses.dataclass(frozen=True)
class Flags:
    """The program's own flags."""

    runner: str = setting("DirectRunner", "Beam's engine.")


def main(settings, flags, beam_flags):
    verbosity = logging.get_verbosity()
    logging.set_verbosity(logging.ERROR)  # Beam tells which clouds' packages it misses
    try:
        from egsc_tf.beam import counters, files, pipeline
        from egsc_tf.beam.options import pipeline_options
    except ImportError as error:
        raise extras.missing("beam", error) from error
    finally:
        logging.set_verbosity(verbosity)
    options = pipeline_options(flags.runner, beam_flags)
    files.matching(settings.input, "--input", 1)
    exemplars = tuple(files.matching(settings.exemplar, "--exemplar"))
    settings = dataclasses.replace(settings, exemplars=exemplars)
    counts, seconds = pipeline.translate(settings, options)
    translated, dead = counts[counters.TRANSLATED], counts[counters.DEAD_LETTERS]
    print(
        f"{counted(counts[counters.FOUND], 'input')}, "
        f"{counted(counts[counters.STYLES], 'exemplar')}: "
        f"{counted(translated, 'image')} written to {settings.output}, "
        f"{counts[counters.RIGHT]:,} already right, {counted(dead, 'dead letter')}; "
        f"{seconds:.1f} s, "
        f"{translated / seconds:.1f} images/s"
    )
    return 2 if dead else 0


if __name__ == "__main__":
    run(main, Settings, Flags, with_rest=True)
