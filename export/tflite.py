"""Writes .tflite files and how good and fast they are.

    python -m egsc_tf.export.tflite --workdir=DIR --output=DIR --height=H --width=W

OUTPUT gets three files per variant (`egsc_tf.export.litert.files`), report.json and
report.md. A variant below its quality floor (`egsc_tf.export.litert.variants`) is not
written, and the program ends with exit code 1. Give each direction a folder of its own.
"""

from egsc_tf.runtime.program import run  # first: it quiets the start of TensorFlow

# isort: split
import os

if __name__ == "__main__":
    # TensorFlow gets the threads that the files get, so that their ratio is fair. Here,
    # since the imports below start it.
    os.environ["TF_NUM_INTRAOP_THREADS"] = "2"

# isort: split
import dataclasses
import sys
import tempfile

from absl import logging

from egsc_tf import config as config_lib
from egsc_tf.data.source import check as check_data
from egsc_tf.errors import UserError
from egsc_tf.evaluation import settings as evaluation
from egsc_tf.export.litert import files as tflite_files
from egsc_tf.export.litert import graph, measure, parity
from egsc_tf.export.litert import pairs as tflite_pairs
from egsc_tf.export.litert import report as tflite_report
from egsc_tf.export.litert import variants as tflite_variants
from egsc_tf.export.litert.interpreter import Interpreter
from egsc_tf.inference.pairing import FileFlags
from egsc_tf.run import restore
from egsc_tf.run import workdir as workdir_lib
from egsc_tf.run.workdir import TrainedRun
from egsc_tf.runtime import paths
from egsc_tf.runtime.flags import Use, like, setting

MOBILE = {"padding": "zero", "upsample": "resize"}


def calibrated(variants):
    """Whether any of these variants is made with training images."""
    return bool(set(variants) & set(tflite_variants.CALIBRATED))


@dataclasses.dataclass(frozen=True)
class Flags(TrainedRun):
    """The program's own flags."""

    output: str = setting(
        None, "Folder of the files.", required=True, path=paths.FOLDER
    )


@dataclasses.dataclass(frozen=True)
class Settings:
    """What to export, and how to look at it."""

    variants: tuple[str, ...] = setting(
        (), f"Some of {', '.join(tflite_variants.FLOORS)}; empty: all of them."
    )
    direction: str = like(FileFlags, "direction")
    height: int = setting(0, "Height of all images; 0: the run's own.")
    width: int = setting(0, "Width of all images; 0: the run's own.")
    io: str = setting(
        "uint8",
        "Type of images in and out; the range is [0, 255] for both.",
        choices=tuple(graph.DTYPES),
    )
    mobile: bool = setting(
        False, "Refuse a run without --flagfile=egsc_tf:mobile_numerics."
    )
    data_dir: str = like(evaluation.Settings, "data_dir")
    manual_dir: str = like(evaluation.Settings, "manual_dir")
    recursive: bool = like(evaluation.Settings, "recursive")
    pairs: int = setting(16, "Test pairs to compare on.", least=1)
    calibration_pairs: int = setting(
        32,
        "Training pairs that int8 is calibrated on.",
        least=1,
        use=Use(
            ("variants",),
            f"--variants with {' or '.join(tflite_variants.CALIBRATED)}",
            lambda variants: not variants or calibrated(variants),
        ),
    )
    runs: int = setting(10, "Timed calls of each signature.", least=1)
    overwrite: bool = setting(False, "Replace the files of another run in --output.")


def export(workdir, output, settings=None):
    """Converts, compares, measures and writes.

    Args:
      workdir: of egsc_tf.train or egsc_tf.import_official.
      output: folder of the files.
      settings: Settings.

    Returns:
      The report; see `egsc_tf.export.litert.report`.

    Raises:
      UserError: for an unknown variant, a size that does not fit the networks, a folder
        without a run, a run that is not mobile, or an output with another run's files.
      OSError: where the output folder cannot be written.
    """
    settings = settings or Settings()
    config = check(workdir, settings)
    variants = settings.variants or tuple(tflite_variants.FLOORS)
    if not settings.overwrite:
        tflite_report.require_of_run(output, workdir, settings.direction)
    size = config.height, config.width
    translator = restore.load(workdir, deterministic=True)

    direction = settings.direction
    functions = graph.functions(translator, direction, *size, settings.io)
    samples = []
    if calibrated(variants):
        pairs = tflite_pairs.draw(
            config, "train", direction, settings.calibration_pairs
        )
        samples = tflite_variants.samples_of(functions, pairs, settings.io)
    pairs = tflite_pairs.draw(config, "test", direction, settings.pairs)
    reference = parity.Reference(translator, pairs, direction)
    report = tflite_report.Report(
        {
            **dataclasses.asdict(settings),
            **_of_run(workdir, config, translator),
            "variants": list(variants),
        },
        reference.latency_ms(settings.runs),
    )
    with tempfile.TemporaryDirectory() as folder:
        saved_model = os.path.join(folder, "saved_model")
        graph.save(functions, translator, saved_model)
        converter = tflite_variants.Converter(saved_model, samples)
        for variant in variants:
            logging.info("%s: converting", variant)
            whole = converter.convert(variant)
            files = tflite_files.build(
                whole, direction, variant, size, translator.steps
            )
            tflite_files.write(folder, files)
            logging.info("%s: comparing and measuring", variant)
            path = os.path.join(folder, next(iter(files)))
            scores = reference.score(Interpreter(model_path=path))
            measured = measure.measure(path, settings.runs)
            if report.add(variant, scores, measured, files):
                tflite_files.write(output, files)
            else:
                tflite_files.remove(output, files)
    if others := tflite_files.others(output, direction, variants):
        logging.warning(
            "%s: of earlier exports, and not in its report: %s",
            output,
            ", ".join(others),
        )
    report.write(output)
    return report.values


def _of_run(workdir, config, translator):
    """What a reader of the report wants to know about the run."""
    names = ("dataset", "data_dir", "height", "width", "ngf", "n_encoder")
    return {
        "workdir": workdir,
        "steps": translator.steps,
        **{name: getattr(config, name) for name in (*names, *MOBILE)},
    }


def check(workdir, settings):
    """Raises UserError for what can be known before there is any work; returns the
    Config of the run at the size of the export."""
    unknown = set(settings.variants) - set(tflite_variants.FLOORS)
    if unknown:
        raise UserError(
            f"--variants: expected some of {', '.join(tflite_variants.FLOORS)}; found "
            f"{', '.join(sorted(unknown))}"
        )
    config = config_of(workdir, settings)
    splits = ["test"]
    if calibrated(settings.variants or tflite_variants.FLOORS):
        splits.append("train")
    with workdir_lib.naming_flags(workdir, config):
        check_data(config, *splits)
    return config


def config_of(workdir, settings):
    """The Config of the run at the size of the export. Raises UserError."""
    config = config_lib.load(workdir)
    found = {name: getattr(config, name) for name in MOBILE}
    if settings.mobile and found != MOBILE:
        wanted, was = (
            " ".join(f"--{name}={value}" for name, value in one.items())
            for one in (MOBILE, found)
        )
        raise UserError(
            f"--mobile: expected a run trained with {wanted} "
            f"(--flagfile=egsc_tf:mobile_numerics), found {workdir} with {was}"
        )
    config = workdir_lib.moved(
        config,
        data_dir=settings.data_dir,
        manual_dir=settings.manual_dir,
        recursive=settings.recursive,
    )
    return dataclasses.replace(
        config,
        height=settings.height or config.height,
        width=settings.width or config.width,
    )


def main(flags, settings):
    report = export(flags.workdir, flags.output, settings)
    print(tflite_report.table(report))
    failures = tflite_report.failures(report)
    for failure in failures:
        print(f"error: {failure}", file=sys.stderr)
    return 1 if failures else 0


if __name__ == "__main__":
    run(main, Flags, Settings)
