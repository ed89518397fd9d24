"""A run as a SavedModel for TensorFlow Serving.

    python -m egsc_tf.export.saved_model --workdir=DIR --output=MODELS/NAME

writes MODELS/NAME/1, or the next free number, and the server's configs into MODELS. A
version takes its name in one rename, so that a server never sees half of it.
"""

from egsc_tf.runtime.program import run  # first: it quiets the start of TensorFlow

# isort: split
import dataclasses
import os
import re
import shutil
import tempfile

import tensorflow as tf
from absl import logging

from egsc_tf import config as config_lib
from egsc_tf.domains import DIRECTIONS, check_directions
from egsc_tf.errors import UserError
from egsc_tf.export.serving import files, model_card
from egsc_tf.export.serving.graph import ServedTranslator
from egsc_tf.run import restore
from egsc_tf.run.workdir import TrainedRun
from egsc_tf.runtime import paths
from egsc_tf.runtime.files import kept_folder
from egsc_tf.runtime.flags import setting

# What TensorFlow Serving takes from a URL as the name of a model.
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")


@dataclasses.dataclass(frozen=True)
class Flags(TrainedRun):
    """The program's own flags."""

    output: str = setting(
        None,
        "MODELS/NAME: NAME is the model's name.",
        required=True,
        path=paths.FOLDER,
    )


@dataclasses.dataclass(frozen=True)
class Settings:
    """How a run is exported. Raises UserError, naming the flag, for a bad value."""

    version: int = setting(0, "Its number; 0: the next free one.", least=0)
    height: int = setting(
        0, "Encoded images are translated at this height; 0: the run's.", least=0
    )
    width: int = setting(0, "As --height.", least=0)
    directions: tuple[str, ...] = setting(
        DIRECTIONS, "Some of a2b, b2a; the signatures of b2a end in _b2a."
    )
    max_pixels: int = setting(2**24, "Largest encoded image, height x width.", least=1)
    max_batch_pixels: int = setting(
        2**22,
        "Largest batch x height x width that the networks get at once; *_own_size "
        "scales larger images to it.",
        least=1,
    )
    batch_sizes: tuple[int, ...] = setting(
        (1, 2, 4, 8), "Increasing; of the warm-up requests, and allowed to the server."
    )
    measure: int = setting(
        0, "Contents to time the split use with; 0: not measured.", least=0
    )

    def __post_init__(self):
        check_directions(self.directions)
        sizes = list(self.batch_sizes)
        if not sizes or sizes != sorted({*sizes} - {0}):
            raise UserError(
                "--batch_sizes: expected increasing numbers from 1, found "
                f"{','.join(map(str, sizes)) or 'none'}"
            )

    def of_run(self, config, smallest_side):
        """These settings, with the run's size where none is given. Raises UserError."""
        height, width = self.height or config.height, self.width or config.width
        if min(height, width) < smallest_side:
            raise UserError(
                f"--height, --width: expected at least {smallest_side}, found "
                f"{height}x{width}"
            )
        needed = self.batch_sizes[-1] * height * width
        if needed > self.max_batch_pixels or height * width > self.max_pixels:
            raise UserError(
                f"--max_batch_pixels, --max_pixels: expected at least {needed} and "
                f"{height * width} (the largest batch, and one image, at "
                f"{height}x{width}), found {self.max_batch_pixels} and "
                f"{self.max_pixels}"
            )
        return dataclasses.replace(self, height=height, width=width)


def export(workdir, output, settings=None):
    """Writes a run's translator as a version of a served model.

    Args:
      workdir: of egsc_tf.train or egsc_tf.import_official.
      output: MODELS/NAME.
      settings: Settings.

    Returns:
      the path of the version's folder.

    Raises:
      UserError: for a bad setting, a name that no URL carries, a version that is
        there, a folder without a run, and packages that are missing. No trace is left
        in `output` then.
    """
    settings = settings or Settings()
    config = config_lib.load(workdir)
    output = os.path.abspath(output)
    models, name = os.path.split(output)
    version = _free_version(output, name, settings.version)
    files.serving_apis()
    translator = restore.load(workdir, deterministic=True)
    settings = settings.of_run(config, translator.smallest_side)
    settings = dataclasses.replace(settings, version=version)
    served = ServedTranslator(
        translator,
        settings.directions,
        (settings.height, settings.width),
        settings.max_pixels,
        settings.max_batch_pixels,
    )
    with kept_folder(output):
        # Not a number: no server takes it for a version.
        part = tempfile.mkdtemp(prefix=f".{version}.", suffix=".part", dir=output)
        try:
            _save(served, part)
            files.write_warmup(part, name, served, settings.batch_sizes)
            split_times = None
            if settings.measure:
                split_times = model_card.split_use(served, settings.measure)
            steps = translator.steps
            model_card.write(
                part, name, workdir, config, steps, served, settings, split_times
            )
            os.chmod(part, 0o755)  # mkdtemp's is for the owner alone
            path = os.path.join(output, str(version))
            os.rename(part, path)
        except BaseException:
            shutil.rmtree(part, ignore_errors=True)
            raise
    files.write_configs(models)
    return path


def _save(served, folder):
    """tf.saved_model.save without its notices about names of captured variables."""
    verbosity = logging.get_verbosity()
    logging.set_verbosity(logging.WARNING)
    try:
        tf.saved_model.save(served.module, folder, signatures=served.signatures)
    finally:
        logging.set_verbosity(verbosity)


def _free_version(output, name, version):
    """The number of the new version. Raises UserError."""
    if not NAME.fullmatch(name):
        raise UserError(
            f"--output={output}: expected MODELS/NAME with a name of letters, digits, "
            f"'_', '-' and '.', found {name!r}"
        )
    taken = files.versions(output)
    version = version or max(taken, default=0) + 1
    if version in taken:
        raise UserError(
            f"--version={version}: expected a free number, found {output}/{version}"
        )
    return version


def main(flags, settings):
    path = export(flags.workdir, flags.output, settings)
    print(f"written: {path}, described in {os.path.join(path, model_card.CARD)}")
    models = os.path.dirname(os.path.dirname(path))
    print(f"serve it with Docker: docker compose --project-directory={models} up")
    print("serve it without: see Serve in the documentation")


if __name__ == "__main__":
    run(main, Flags, Settings)
