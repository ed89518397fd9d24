"""A classifier that learns from translations."""

import numpy as np
import tensorflow as tf

from egsc_tf.domains import split
from egsc_tf.evaluation import digit_cases
from egsc_tf.evaluation.context import in_batches
from egsc_tf.metrics import (
    digit_classifier,
)

TRANSFER_IMAGES = 2000


def transfer(context, direction, names):
    """A classifier trained on translations, with the sources' labels, tested on real
    images of the target; beside it, one trained on the untranslated sources."""
    del names
    own, target = split(direction)
    seed = context.settings.seed
    config = context.judged_on
    data = digit_cases.labelled(config, own, "train", seed)
    sources, labels = (
        np.stack(x) for x in zip(*data.take(TRANSFER_IMAGES).as_numpy_iterator())
    )
    exemplars = digit_cases.labelled(config, target, "train", seed + 1)
    exemplars = np.stack(
        [x for x, _ in exemplars.take(TRANSFER_IMAGES).as_numpy_iterator()]
    )
    translated = in_batches(
        lambda c, e: context.translator.translate(c, e, direction),
        sources,
        exemplars,
        label=f"transfer {direction}",
    )
    test = digit_cases.labelled(config, target, "test", seed + 2)
    real, truth = (
        np.stack(x) for x in zip(*test.take(TRANSFER_IMAGES).as_numpy_iterator())
    )
    found = {}
    for name, rows in (("transfer", translated), ("transfer_untranslated", sources)):
        pairs = tf.data.Dataset.from_tensor_slices((rows, labels))
        pairs = pairs.shuffle(len(rows), seed).repeat()
        classifier = digit_classifier.train(pairs, seed, digit_classifier.STEPS)
        read = in_batches(
            lambda x, y, c=classifier: digit_classifier.reads(c, x, y), real, truth
        )
        found[f"{name}_accuracy"] = float(read.mean())
    return found
