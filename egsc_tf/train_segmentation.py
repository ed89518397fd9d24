"""Trains a network on label maps, to judge translations of scenes:

    python -m egsc_tf.train_segmentation --data_dir=DIR --label_dir=DIR/labels \
        --segmentation_classes=7 --height=64 --width=128 --output=judge
    python -m egsc_tf.evaluate --workdir=RUN --metrics=segmentation \
        --segmentation_model=judge --segmentation_classes=7 --label_dir=DIR/labels

Learns from DIR/trainA and trainB. Prints how well it reads DIR/testA and testB, real
frames that it was not trained on. OUTPUT is a SavedModel; OUTPUT/held_out.json keeps
these scores, and results.json repeats them.
"""

from egsc_tf.runtime.program import run  # first: it quiets the start of TensorFlow

# isort: split
import dataclasses
import json
import os

import numpy as np
import tensorflow as tf

from egsc_tf.config import Config
from egsc_tf.data import label_maps
from egsc_tf.data.source import open_source
from egsc_tf.domains import DOMAINS
from egsc_tf.errors import UserError
from egsc_tf.evaluation.settings import Settings
from egsc_tf.metrics import segmentation_network
from egsc_tf.metrics.segmentation import HELD_OUT
from egsc_tf.runtime import paths
from egsc_tf.runtime.files import write_whole
from egsc_tf.runtime.flags import like, setting


@dataclasses.dataclass(frozen=True)
class Flags:
    """The program's flags."""

    data_dir: str = setting(
        None,
        "Folder with trainA, trainB, testA, testB.",
        required=True,
        path=paths.READ,
    )
    label_dir: str = setting(
        None,
        "Folder with label maps, in folders of the same names.",
        required=True,
        path=paths.READ,
    )
    output: str = setting(
        None, "Folder of the SavedModel.", required=True, path=paths.FOLDER
    )
    domains: tuple[str, ...] = setting(
        DOMAINS, "Whose frames are learned and tested: a, b or both."
    )
    height: int = like(Config, "height")
    width: int = like(Config, "width")
    segmentation_classes: int = like(Settings, "segmentation_classes", use=None)
    ignore_label: int = like(Settings, "ignore_label", use=None)
    steps: int = setting(800, "Updates, of 16 frames each.", least=1)
    colour_jitter: float = like(Config, "colour_jitter")
    recoloured: bool = setting(
        False,
        "Half of the frames have their channels in another order, and half of these "
        "are negatives: for looks that no label map shows, such as night.",
    )
    seed: int = like(Settings, "seed", help="Of weights, order and augmentation.")


def train_segmentation(flags, verbose=0):
    """Writes the SavedModel that Flags ask for; returns what held_out.json says.

    Raises:
      UserError: for domains other than a and b, and for frames or label maps that are
        missing, bad, or of other classes.
    """
    domains = flags.domains
    if not domains or not {*domains} <= {*DOMAINS} or len({*domains}) < len(domains):
        raise UserError(
            "--domains: expected a, b or both, each once, found "
            f"{','.join(domains) or 'none'}"
        )
    folders = [part + d.upper() for part in ("train", "test") for d in domains]
    label_maps.require_folders(flags.label_dir, folders)
    tf.config.experimental.enable_op_determinism()
    train = _read(flags, "train")
    test = _read(flags, "test")
    classes = flags.segmentation_classes
    classes = (classes, label_maps.ignored(classes, flags.ignore_label))
    network = segmentation_network.train(
        *(np.concatenate(rows) for rows in zip(*train.values())),
        *classes,
        flags.seed,
        flags.steps,
        flags.colour_jitter,
        flags.recoloured,
        verbose,
    )
    found = {
        "scores": {
            folder: segmentation_network.scores(network, *some, *classes)
            for folder, some in test.items()
        },
        "images": {f: len(rows) for f, (rows, _) in {**train, **test}.items()},
        "settings": {
            name: getattr(flags, name)
            for name in (
                "height",
                "width",
                "segmentation_classes",
                "ignore_label",
                "steps",
                "colour_jitter",
                "recoloured",
                "seed",
            )
        },
    }
    segmentation_network.save(network, flags.output)
    text = json.dumps(found, indent=1, sort_keys=True, allow_nan=False)
    write_whole(os.path.join(flags.output, HELD_OUT), text)
    return found


def _read(flags, part):
    """{folder: (frames [N, H, W, 3] uint8, label maps [N, H, W])} of a split."""
    config = Config(
        dataset="folder",
        data_dir=flags.data_dir,
        n_encoder=1,  # which sizes networks for translation take has no part here
        height=flags.height,
        width=flags.width,
    )
    source, found = open_source(config, part), {}
    for domain in flags.domains:
        folder = part + domain.upper()
        places = range(source.size(domain))
        frames = source.pixels(domain, places)
        names = [source.name(domain, n) for n in places]
        labels = label_maps.of_images(
            names,
            os.path.join(flags.data_dir, folder),
            os.path.join(flags.label_dir, folder),
            (flags.height, flags.width),
            flags.segmentation_classes,
            flags.ignore_label,
        )
        found[folder] = (frames, labels)
    return found


def main(flags):
    found = train_segmentation(flags, verbose=2)
    for folder, scores in found["scores"].items():
        by_class = ", ".join(
            "none" if iou is None else f"{iou:.2f}" for iou in scores["iou"]
        )
        print(
            f"{folder}, {found['images'][folder]} real frames: mIoU "
            f"{scores['miou']:.3f}, pixel accuracy {scores['pixel_accuracy']:.3f}, "
            f"IoU by class {by_class}"
        )
    print(f"written: {flags.output}")


if __name__ == "__main__":
    run(main, Flags)
