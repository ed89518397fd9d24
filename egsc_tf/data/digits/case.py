"""A test case of digits: a source, exemplars, and the known right answers.

A case is one source image with K exemplars of the other domain, one in each look:

  content     [H, W, 3] in [-1, 1], the source
  mask        [H, W] in {0, 1}, its strokes
  classes     [H, W], the class that a pixel belongs to
  exemplars   [K, H, W, 3]
  right       [K, H, W, 3], the source's content painted in the exemplars' looks
  strokes     [K, 10, 3], the colours of the exemplars' strokes by class
  ground      [K, 3], of their grounds
  palette     [K, 12, 3], the colours that might have been
"""

import tensorflow as tf

from egsc_tf.domains import split

KEYS = (
    "content",
    "mask",
    "classes",
    "exemplars",
    "right",
    "strokes",
    "ground",
    "palette",
)


def case(source, direction, n, own_look, seed):
    """The case of the n-th test image in one of its looks.

    Args:
      source: egsc_tf.data.digits.sources.DigitsSingle or DigitsMulti of the test split.
      direction: "a2b" or "b2a".
      n: position of the content; own_look: a look of the source's domain.
      seed: [2] int64, of the content (digits_multi), the exemplars, their colours.
    """
    own, target = split(direction)
    content = source.content(n, seed)
    found = {
        "content": source.paint(content, own, own_look),
        **content,
        "exemplars": [],
        "right": [],
        "strokes": [],
        "ground": [],
        "palette": [],
    }
    for k, look in enumerate(source.looks(target, seed + 1)):
        exemplar_seed = seed + 2 + k
        index = tf.random.stateless_uniform(
            [], exemplar_seed, 0, source.size(target), tf.int64
        )
        exemplar = source.content(index, exemplar_seed)
        strokes, ground = source.colours(target, look)
        found["exemplars"].append(source.paint(exemplar, target, look))
        found["right"].append(source.paint(content, target, look))
        found["strokes"].append(strokes)
        found["ground"].append(ground)
        found["palette"].append(source.palette(target, look))
    return {k: tf.stack(v) if isinstance(v, list) else v for k, v in found.items()}
