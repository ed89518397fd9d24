"""Do translations show the classes of their sources?"""

import os

import numpy as np

from egsc_tf.data import label_maps
from egsc_tf.data.listings import tfds
from egsc_tf.domains import DOMAINS, split
from egsc_tf.errors import UserError
from egsc_tf.evaluation.context import in_batches
from egsc_tf.metrics import (
    segmentation,
)


def semantic_consistency(context, direction, names):
    """mIoU and pixel accuracy of the segmented translations, and of the sources."""
    del names
    settings, own = context.settings, split(direction)[0]
    classes = settings.segmentation_classes
    segment = context.once(
        "segment", lambda: segmentation.load_model(settings.segmentation_model, classes)
    )
    of_sources = in_batches(segment, context.test_images(own))
    truth = label_maps_of(context, own)
    context.notes["segmentation_truth"] = (
        "what the model finds in the sources" if truth is None else "label maps"
    )
    truth = of_sources if truth is None else truth
    # Of Cityscapes' categories 0 is void.
    ignore = 0 if classes == label_maps.CATEGORIES else settings.ignore_label

    def compare(labels):
        confusion = segmentation.Confusion(classes, ignore)
        confusion.add(truth, labels)
        return confusion.scores()

    found = compare(in_batches(segment, context.translations(direction)))
    return {**found, "miou_untranslated": compare(of_sources)["miou"]}


def check_files(config, settings):
    """Raises UserError where --segmentation_model or --label_dir is not what is
    expected, as far as that is known without reading it."""
    segmentation.check(settings.segmentation_model)
    if settings.label_dir:
        _require_names(config)
        for domain in DOMAINS:
            folder = os.path.join(settings.label_dir, "test" + domain.upper())
            if not os.path.isdir(folder):
                raise UserError(
                    f"--label_dir={settings.label_dir}: expected testA and testB with "
                    f"label maps, found no folder {folder}"
                )


def _require_names(config):
    if config.dataset != "folder":
        raise UserError(
            "--label_dir: expected --dataset=folder, whose images have names, found "
            f"{config.dataset}"
        )


def label_maps_of(context, domain):
    """[N, H, W] of the test images, or None where there are none.

    From --label_dir, by the images' names (train ids, of 8 classes mapped to the
    categories), or, of 8 classes, from the data set itself.
    """
    config, settings = context.config, context.settings
    source, places = context.source("test"), range(len(context.test_images(domain)))
    categories = settings.segmentation_classes == label_maps.CATEGORIES
    if not settings.label_dir:
        maps = tfds.label_maps(config, "test", domain) if categories else None
        if maps is None:
            return None
        size = (config.height, config.width)
        found = [maps[source.index(domain, n)] for n in places]
        return np.stack([label_maps.resize(x, *size) for x in found])
    _require_names(config)
    folder = os.path.join(settings.label_dir, "test" + domain.upper())
    images = os.path.join(config.data_dir, "test" + domain.upper())
    maps = []
    for n in places:
        name = os.path.relpath(source.name(domain, n), images)
        stem = os.path.splitext(name)[0]
        path = os.path.join(folder, stem + ".png")
        if not os.path.isfile(path):
            raise UserError(f"--label_dir: expected {path}, found no such file")
        maps.append(label_maps.read(path, config.height, config.width))
    maps = np.stack(maps)
    return label_maps.category_of_train_id(maps) if categories else maps
