"""Do translations show the classes of their sources?"""

import os

import numpy as np
from absl import logging

from egsc_tf.data import label_maps
from egsc_tf.data.listings import tfds
from egsc_tf.domains import DOMAINS, split
from egsc_tf.errors import UserError
from egsc_tf.evaluation.context import in_batches
from egsc_tf.evaluation.settings import JUDGED
from egsc_tf.metrics import segmentation


def semantic_consistency(context, direction, names):
    """Scores of what a segmentation model finds in the translations.

    segmentation: against the label maps of the sources, and the same of the
    untranslated sources. segmentation_agreement: the share of pixels where it finds in
    the translation what it finds in the source; no label map has a part in it.
    """
    settings, own = context.settings, split(direction)[0]
    segment = context.once("segment", lambda: _model(context))
    of_sources = in_batches(segment, context.test_images(own))
    of_translations = in_batches(segment, context.translations(direction))

    def compare(truth, labels):
        confusion = segmentation.Confusion(*classes_of(settings))
        confusion.add(truth, labels)
        return confusion.scores()

    found = {}
    if "segmentation_agreement" in names:
        agreement = compare(of_sources, of_translations)["pixel_accuracy"]
        found["segmentation_agreement"] = agreement
    if "segmentation" in names:
        truth = label_maps_of(context, own)
        found.update(compare(truth, of_translations))
        untranslated = compare(truth, of_sources)
        found.update({f"{k}_untranslated": v for k, v in untranslated.items()})
    return found


def _model(context):
    """The model, whose own scores, where it has any, are told first."""
    settings = context.settings
    held_out = segmentation.held_out(settings.segmentation_model)
    if held_out:
        context.notes["segmentation_held_out"] = held_out
        for folder, scores in held_out["scores"].items():
            logging.info(
                "--segmentation_model: of itself mIoU %.3f, pixel accuracy %.3f on %d "
                "real frames of %s that it was not trained on",
                scores["miou"],
                scores["pixel_accuracy"],
                held_out["images"][folder],
                folder,
            )
    return segmentation.load_model(
        settings.segmentation_model, settings.segmentation_classes
    )


def classes_of(settings):
    """(how many classes, the label that counts nowhere)."""
    classes = settings.segmentation_classes
    return classes, label_maps.ignored(classes, settings.ignore_label)


def check_labels(name, config, settings):
    """Raises UserError where a metric needs label maps, and the data have none."""
    if not (settings.label_dir or _may_have_label_maps(config, settings)):
        raise _no_labels(f"--metrics={name}", config)


def check_files(config, settings, names):
    """Raises UserError where --segmentation_model or --label_dir is not what is
    expected, as far as that is known without reading it."""
    if {*JUDGED} & {*names}:
        segmentation.check(settings.segmentation_model)
    if settings.label_dir:
        _require_names(config)
        parts = ("train", "test") if "segmentation_transfer" in names else ("test",)
        folders = [part + domain.upper() for part in parts for domain in DOMAINS]
        label_maps.require_folders(settings.label_dir, folders)


def _may_have_label_maps(config, settings):
    """Whether the data set itself may have some; they are of 8 categories."""
    categories = settings.segmentation_classes == label_maps.CATEGORIES
    return categories and config.dataset.startswith(tfds.PREFIX)


def _no_labels(what, config):
    hint = "; --metrics=segmentation_agreement needs none"
    return UserError(
        f"{what}: expected label maps: --label_dir, or a data set that has some with "
        f"--segmentation_classes=8; found none with --dataset={config.dataset}"
        f"{hint * what.endswith('=segmentation')}"
    )


def _require_names(config):
    if config.dataset != "folder":
        raise UserError(
            "--label_dir: expected --dataset=folder, whose images have names, found "
            f"{config.dataset}"
        )


def label_maps_of(context, domain, part="test", count=None):
    """[N, H, W] of the first `count` images of a split; None: all that are scored.

    From --label_dir, by the images' names (train ids, of 8 classes mapped to the
    categories), or, of 8 classes, from the data set itself.

    Raises:
      UserError: where there are none.
    """
    config, settings = context.config, context.settings
    count = context.count(domain) if count is None else count
    names = context.names(part, domain, count)
    size = (config.height, config.width)
    if not settings.label_dir:
        of_tfds = _may_have_label_maps(config, settings)
        maps = tfds.label_maps(config, part, domain) if of_tfds else None
        if maps is None:
            raise _no_labels("--metrics", config)
        source = context.source(part)
        found = [maps[source.index(domain, n)] for n in range(len(names))]
        return np.stack([label_maps.resize(x, *size) for x in found])
    _require_names(config)
    folder = part + domain.upper()
    return label_maps.of_images(
        names,
        os.path.join(config.data_dir, folder),
        os.path.join(settings.label_dir, folder),
        size,
        settings.segmentation_classes,
        settings.ignore_label,
    )
