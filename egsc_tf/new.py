"""Writes the flagfile of a first run on your own images: `python -m egsc_tf.new`.

    python -m egsc_tf.new --data_dir=DIR --hours=1 --output=mine.flags
    python -m egsc_tf.train --flagfile=mine.flags --workdir=runs/mine

Looks at DIR/trainA and DIR/trainB and at the machine. Trains a few steps on a sample of
the images, and measures them. Chooses the size, the networks' width, batch, precision
and twins, and as many steps as fit into the time. The flagfile says why.
"""

from egsc_tf.runtime.program import run  # first: it quiets the start of TensorFlow

# isort: split
import dataclasses
import os

import tensorflow as tf

from egsc_tf.config import Config
from egsc_tf.data import images
from egsc_tf.errors import UserError
from egsc_tf.models import vgg
from egsc_tf.planning import flagfile, folders, plan, probe
from egsc_tf.runtime import devices, paths
from egsc_tf.runtime.files import write_whole
from egsc_tf.runtime.flags import like, setting


@dataclasses.dataclass(frozen=True)
class Flags:
    """The program's flags."""

    data_dir: str = setting(
        None,
        "Folder with trainA and trainB, the images of the two.",
        required=True,
        path=paths.READ,
    )
    recursive: bool = like(Config, "recursive", use=None)
    hours: float = setting(1.0, "How long the training may take, here.", least=0.01)
    output: str = setting(
        "mine.flags", "Flagfile to write; must not exist.", path=paths.FILE
    )
    perceptual_network: str = like(Config, "perceptual_network")


def main(flags):
    if os.path.exists(flags.output):
        raise UserError(
            f"--output={images.printable(flags.output)}: expected a new file, found one"
        )
    vgg.check(flags.perceptual_network)
    # A path that a flagfile would not give back is refused now.
    Config(data_dir=flags.data_dir).anchored()
    look = folders.look(flags.data_dir, flags.recursive)
    for line in flagfile.of_images(look):
        print(line)
    print(f"on {devices.described(tf.distribute.get_strategy())}", flush=True)

    def measure(config, look):
        size = f"{config.width}x{config.height}, {config.mixed_precision}"
        print(f"measuring {size}: a minute or more ...", flush=True)
        return probe.measure(config, look)

    found = plan.make(look, 3600 * flags.hours, flags.perceptual_network, measure)
    text = flagfile.text(found, look, flags)
    write_whole(flags.output, text)
    for line in flagfile.of_plan(found):
        print(line)
    workdir = os.path.join("runs", os.path.splitext(os.path.basename(flags.output))[0])
    print(f"written: {flags.output}; next:")
    print(f"  python -m egsc_tf.train --flagfile={flags.output} --workdir={workdir}")


if __name__ == "__main__":
    run(main, Flags)
