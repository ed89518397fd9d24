"""Contents and styles of both domains as points."""

import functools
import os

import numpy as np
import tensorflow as tf

from egsc_tf.domains import DOMAINS
from egsc_tf.evaluation.context import in_batches
from egsc_tf.metrics import (
    embedding,
)

TSNE_IMAGES, TSNE_SIDE = 200, 8


def _content(translator, images_of_domain, domain):
    """c of images, at most 8x8 positions, flat: [B, D]."""
    c = translator.encode_content(images_of_domain, domain)[0]
    side = [min(TSNE_SIDE, size) for size in c.shape[1:3]]
    return tf.reshape(tf.image.resize(c, side, "area"), [c.shape[0], -1])


def tsne(context, direction, names):
    """tsne.png: contents of both domains, and styles of both."""
    del names
    if direction != "a2b":
        return {}  # one picture shows both domains
    embedding.plot(os.path.join(context.output, "tsne.png"), tsne_panels(context))
    return {}


def tsne_panels(context):
    """{title: {domain: [N, 2]}} of contents and of styles, see embedding.figure."""
    panels = {}
    for title, encode in (
        ("content c", functools.partial(_content, context.translator)),
        ("style s", context.translator.encode_style),
    ):
        rows = {
            d: in_batches(
                functools.partial(encode, domain=d),
                context.test_images(d)[:TSNE_IMAGES],
            )
            for d in DOMAINS
        }
        both = np.concatenate([rows["a"], rows["b"]])
        points = embedding.embed(both, context.settings.seed)
        panels[title] = dict(zip(DOMAINS, np.split(points, [len(rows["a"])])))
    return panels
