"""Writes the test pairs of a run, for other methods to translate:

    python experiments/compare/write_pairs.py --workdir=RUN --output=PAIRS

PAIRS/a2b/source/00000.png is to be translated in the style of the image of the same
name in PAIRS/a2b/exemplar; PAIRS/b2a likewise. They are the pairs that egsc_tf.evaluate
scores, at the size of training. With --translations=FOLDER the run's own translations
go to FOLDER/a2b and FOLDER/b2a.
"""

from egsc_tf.runtime.program import run  # first: it quiets the start of TensorFlow

# isort: split
import dataclasses
import json
import os

from egsc_tf import config as config_lib
from egsc_tf.data import images
from egsc_tf.domains import DIRECTIONS, split
from egsc_tf.errors import UserError
from egsc_tf.evaluation.context import EvaluationContext
from egsc_tf.evaluation.settings import Settings
from egsc_tf.run import restore
from egsc_tf.run import workdir as workdir_lib
from egsc_tf.run.workdir import TrainedRun
from egsc_tf.runtime import paths
from egsc_tf.runtime.files import write_whole
from egsc_tf.runtime.flags import like, setting

PAIRS = "pairs.json"  # which images they are, for score.py


@dataclasses.dataclass(frozen=True)
class Flags(TrainedRun):
    """The program's flags."""

    output: str = setting(
        None, "Folder of the pairs, new or empty.", required=True, path=paths.FOLDER
    )
    translations: str = setting(
        "", "Folder of the run's own translations; empty: none.", path=paths.FOLDER
    )
    data_dir: str = like(Settings, "data_dir")
    recursive: bool = like(Settings, "recursive")
    manual_dir: str = like(Settings, "manual_dir")
    max_images: int = like(Settings, "max_images")
    seed: int = like(Settings, "seed", help="Of the choice of the exemplars.")


def write_pairs(flags):
    """Writes what Flags ask for; returns {direction: number of pairs}.

    Raises:
      UserError: where the folder holds no run, the data are not there, or the output
        has files.
    """
    if os.path.isdir(flags.output) and os.listdir(flags.output):
        raise UserError(f"--output={flags.output}: expected a new or empty folder")
    settings = Settings(
        **{
            name: getattr(flags, name)
            for name in ("data_dir", "recursive", "manual_dir", "max_images", "seed")
        }
    )
    config = settings.moved(config_lib.load(flags.workdir))
    with workdir_lib.naming_flags(flags.workdir, config):
        translator = restore.load(flags.workdir) if flags.translations else None
        context = EvaluationContext(translator, config, settings, flags.output)
        counts = {}
        for direction in DIRECTIONS:
            sources = context.test_images(split(direction)[0])
            counts[direction] = len(sources)
            place = os.path.join(flags.output, direction)
            _write(os.path.join(place, "source"), sources)
            _write(
                os.path.join(place, "exemplar"),
                context.exemplars(direction, len(sources)),
            )
            if translator:
                _write(
                    os.path.join(flags.translations, direction),
                    context.translations(direction),
                )
    config.save(flags.output)
    noted = {"seed": flags.seed, "max_images": flags.max_images, "pairs": counts}
    write_whole(os.path.join(flags.output, PAIRS), json.dumps(noted, indent=1))
    return counts


def _write(folder, rows):
    for n, row in enumerate(rows):
        images.write_png(os.path.join(folder, f"{n:05d}.png"), row)


def main(flags):
    for direction, count in write_pairs(flags).items():
        print(f"written: {os.path.join(flags.output, direction)}, {count} pairs")


if __name__ == "__main__":
    run(main, Flags)
