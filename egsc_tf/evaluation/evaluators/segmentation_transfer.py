"""Domain adaptation: a segmentation network that learns from translations.

The classes of one domain's frames are known, those of the other are wanted.
"""

import numpy as np

from egsc_tf.domains import split
from egsc_tf.evaluation.context import in_batches
from egsc_tf.evaluation.evaluators.segmentation import classes_of, label_maps_of
from egsc_tf.metrics import segmentation_network

TRAINED_ON = 2000  # frames of a domain, at most


def segmentation_transfer(context, direction, names):
    """Networks trained on translated frames, with the labels of their sources, tested
    on real frames of the target.

    Beside them, as bounds: trained on the untranslated sources, and on real frames of
    the target with their own labels. All see as many updates, from the same weights;
    scores are means over --segmentation_seeds.
    """
    del names
    settings, (own, target) = context.settings, split(direction)
    sources, labels = _labelled(context, own, "train")
    real, real_labels = _labelled(context, target, "train")
    random = np.random.RandomState(settings.seed)
    exemplars = real[random.randint(len(real), size=len(sources))]
    translated = in_batches(
        lambda c, e: context.translate(c, e, direction),
        sources,
        exemplars,
        label=f"segmentation_transfer {direction}",
    )
    test, truth = _labelled(context, target, "test")
    how = classes_of(settings)
    found = {}
    for name, rows, its in (
        ("", translated, labels),
        ("_untranslated", sources, labels),
        ("_real", real, real_labels),
    ):
        by_seed = []
        for seed in settings.segmentation_seeds:
            network = segmentation_network.train(
                rows, its, *how, seed, settings.segmentation_steps
            )
            by_seed.append(segmentation_network.scores(network, test, truth, *how))
        notes = context.notes.setdefault("segmentation_transfer", {})
        notes.setdefault(direction, {})[name.lstrip("_") or "translated"] = {
            "trained_on": len(rows),
            "by_seed": by_seed,
        }
        for score in ("miou", "pixel_accuracy"):
            key = f"transfer_{score}{name}"
            found[key] = float(np.mean([scores[score] for scores in by_seed]))
    return found


def _labelled(context, domain, part):
    """(frames [N, H, W, 3] uint8, label maps [N, H, W]) of a split."""
    if part == "test":
        return context.test_images(domain), label_maps_of(context, domain)
    count = min(TRAINED_ON, context.source(part).size(domain))
    return (
        context.first_images(part, domain, count),
        label_maps_of(context, domain, part, count),
    )
