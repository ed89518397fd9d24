"""Perceptual distances to source and exemplar, and among translations."""

import numpy as np

from egsc_tf.data import images
from egsc_tf.domains import split
from egsc_tf.errors import UserError
from egsc_tf.evaluation.context import in_batches
from egsc_tf.evaluation.worst import KEPT, Worst
from egsc_tf.metrics import (
    perceptual,
)

STRENGTHS = (0.0, 0.25, 0.5, 0.75, 1.0)
CURVE_IMAGES = 64
DIVERSITY_CONTENTS, DIVERSITY_EXEMPLARS = 20, 8


def perceptual_distances(context, direction, names):
    """Content to the source and style to the exemplar, at five style strengths."""
    del names
    contents = context.test_images(split(direction)[0])[:CURVE_IMAGES]
    exemplars = context.exemplars(direction, len(contents))
    phi = context.phi()

    def distances(content, exemplar):
        """[b, 1 + strengths, 2]: content and style distance, first of the source."""
        of_source, of_exemplar = phi(content), phi(exemplar)
        shown = [of_source]
        for strength in STRENGTHS:
            out = context.translator.translate(content, exemplar, direction, strength)
            shown.append(phi(out))
        pairs = [
            (
                perceptual.distance(features, of_source),
                perceptual.style_distances(features, of_exemplar),
            )
            for features in shown
        ]
        return np.transpose(pairs, [2, 0, 1])

    found = in_batches(distances, contents, exemplars)
    _note_perceptual(context, direction, contents, exemplars, found[:, -1])
    untouched, *means = found.mean(axis=0)
    curve = [
        {
            "strength": strength,
            "content_distance": float(content),
            "style_distance": float(style),
        }
        for strength, (content, style) in zip(STRENGTHS, means)
    ]
    context.curves[direction] = curve
    return {
        "content_distance": curve[-1]["content_distance"],
        "style_distance": curve[-1]["style_distance"],
        "style_distance_untranslated": float(untouched[1]),
        "content_style_curve": curve,
    }


def _note_perceptual(context, direction, contents, exemplars, found):
    """Spread and worst translations; found: [N, 2], content and style distance."""
    for score, values in zip(("content_distance", "style_distance"), found.T):
        context.note_spread(direction, {score: values})
        worst, few = Worst(score), np.argsort(-values, kind="stable")[:KEPT]
        out = in_batches(
            lambda c, e: context.translator.translate(c, e, direction),
            contents[few],
            exemplars[few],
        )
        rows = (images.to_float(contents[few]), images.to_float(exemplars[few]), out)
        worst.add(values[few], dict(zip(("source", "exemplar", "translation"), rows)))
        context.note_worst(direction, worst)


def diversity(context, direction, names):
    """Mean perceptual distance among translations of one source, each source with
    exemplars of its own: they, more than the sources, make the number."""
    del names
    source, target = split(direction)
    contents = context.test_images(source)[:DIVERSITY_CONTENTS]
    pool = context.test_images(target)
    if len(pool) < 2:
        raise UserError(
            f"--metrics=diversity: expected 2 test images of domain {target} or more, "
            f"found {len(pool)}"
        )
    random = np.random.RandomState(context.settings.seed)
    phi = context.phi()
    values = []
    for content in contents:
        exemplars = pool[random.permutation(len(pool))[:DIVERSITY_EXEMPLARS]]
        rows = np.repeat(content[None], len(exemplars), axis=0)
        out = in_batches(
            lambda c, e: context.translator.translate(c, e, direction), rows, exemplars
        )
        values.append(float(perceptual.diversity(phi(out))))
    return {"diversity": float(np.mean(values))}
