"""Reads the authors' TensorFlow 1 checkpoints into a folder like egsc_tf.train's own:

    python -m egsc_tf.import_official --feature_masks=CKPT --translator=CKPT \
        --output=WORKDIR --preset=FLAGFILE

CKPT is what tf.train.Saver wrote: a prefix such as logs/MODEL1/UNIT.model-60000, or its
folder. F_a and F_b come from --feature_masks, all else from --translator. WORKDIR then
serves egsc_tf.translate, egsc_tf.evaluate and further training.
"""

from egsc_tf.runtime.program import run  # first: it quiets the start of TensorFlow

# isort: split
import dataclasses

from egsc_tf import config as config_lib
from egsc_tf.official import names as names
from egsc_tf.official.checkpoint import write_workdir
from egsc_tf.runtime import paths
from egsc_tf.runtime.flags import setting


@dataclasses.dataclass(frozen=True)
class Flags:
    """The program's flags."""

    feature_masks: str = setting(
        None, "Checkpoint of stage 1: F_a, F_b.", required=True, path=paths.READ
    )
    translator: str = setting(
        None, "Checkpoint of stage 2.", required=True, path=paths.READ
    )
    output: str = setting(
        None, "Run folder to write.", required=True, path=paths.FOLDER
    )
    preset: str = setting(
        None,
        "A flagfile of egsc_tf.train, as egsc_tf:release_celeba or a path: data set "
        "and image size, of scores and exports too; losses and schedule of further "
        "training. The networks' sizes and forms come from the checkpoints.",
        required=True,
        path=paths.READ,
    )


def main(flags):
    preset = config_lib.read(flags.preset)
    config = write_workdir(flags.feature_masks, flags.translator, flags.output, preset)
    print(
        f"{flags.output}: ngf {config.ngf}, n_encoder {config.n_encoder}, ndf "
        f"{config.ndf}; translates without noise; further training starts at step 0 of "
        f"{config.total_steps}"
    )


if __name__ == "__main__":
    run(main, Flags)
