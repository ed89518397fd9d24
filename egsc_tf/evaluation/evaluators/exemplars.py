"""Do translations obey their exemplars, and not only the domain that these are of?"""

import os

import numpy as np
import tensorflow as tf
from absl import logging

from egsc_tf import losses
from egsc_tf.data.listings import folder
from egsc_tf.domains import DOMAINS, split
from egsc_tf.errors import UserError
from egsc_tf.evaluation.context import in_batches
from egsc_tf.metrics import kind_classifier, perceptual

RANKED = 10  # exemplars that a translation is compared with, its own among them


def exemplar_rank(context, direction, names):
    """The rank of a translation's own exemplar among RANKED, by style distance.

    1 is best, (RANKED + 1) / 2 is chance. Beside it, that of the untranslated sources.
    """
    del names
    own, target = split(direction)
    pool = context.test_images(target)
    if len(pool) < RANKED:
        raise UserError(
            f"--metrics=exemplar_rank: expected {RANKED} test images of domain "
            f"{target} or more, found {len(pool)}"
        )
    contents = context.test_images(own)
    exemplars = context.exemplar_rows(direction, len(contents))
    random, others = np.random.RandomState(context.settings.seed), []
    for exemplar in exemplars:
        order = random.permutation(len(pool))
        others.append(order[order != exemplar][: RANKED - 1])
    of_pool = _statistics(context, pool)
    ranks = {}
    for name, rows in (
        ("exemplar_rank", context.translations(direction)),
        ("exemplar_rank_untranslated", contents),
    ):
        found = []
        for n, of_row in enumerate(_images(_statistics(context, rows), len(rows))):
            among = [exemplars[n], *others[n]]
            distances = perceptual.style_distances_of(of_row, _taken(of_pool, among))
            first, *rest = distances.numpy()
            found.append(perceptual.rank(first, rest))
        ranks[name] = found
    context.note_spread(direction, ranks)
    return {name: float(np.mean(found)) for name, found in ranks.items()}


def _statistics(context, rows):
    """losses.style_statistics of images [N, H, W, 3] uint8."""
    phi = context.phi()
    widths = [2 * feature.shape[-1] for feature in phi(tf.zeros([1, *rows.shape[1:]]))]

    def flat(images):
        pairs = losses.style_statistics(phi(images))
        return tf.concat([part for pair in pairs for part in pair], axis=-1)

    layers = np.split(in_batches(flat, rows), np.cumsum(widths)[:-1], axis=-1)
    return [tuple(np.split(layer, 2, axis=-1)) for layer in layers]


def _taken(statistics, rows):
    return [(mean[rows], deviation[rows]) for mean, deviation in statistics]


def _images(statistics, count):
    for n in range(count):
        yield _taken(statistics, [n])


def exemplar_kind(context, direction, names):
    """The share of translations that look of the kind that their exemplar is of.

    A classifier says what they look like. It learned from real training images of the
    target; its accuracy on the real test images is given beside. {} for a target whose
    images have no kinds.
    """
    del names
    settings, (own, target) = context.settings, split(direction)
    truth = _kinds(context, target, "test")
    if truth is None:
        return {}
    truth = truth[: context.count(target)]
    judge = context.once(("kinds", target), lambda: _judge(context, target))
    right = _found(judge, context.test_images(target)) == truth
    logging.info(
        "exemplar_kind: the classifier is right on %.3f of %d real test images of "
        "domain %s",
        right.mean(),
        len(right),
        target,
    )
    contents = context.test_images(own)
    wanted = truth[context.exemplar_rows(direction, len(contents))]
    found = _found(judge, context.translations(direction)) == wanted
    untranslated = _found(judge, contents) == wanted
    name = "exemplar_kind_accuracy"
    context.note_spread(direction, {name: found})
    by_kind = {
        f"{name}_{kind}": float(found[wanted == k].mean())
        for k, kind in enumerate(settings.kinds)
        if (wanted == k).any()
    }
    return {
        "kind_classifier_accuracy": float(right.mean()),
        name: float(found.mean()),
        f"{name}_untranslated": float(untranslated.mean()),
        **by_kind,
    }


def _found(judge, rows):
    """[N]: the kinds that the classifier sees in images [N, H, W, 3] uint8."""
    return in_batches(lambda x: judge(x, training=False), rows).argmax(axis=-1)


def _judge(context, domain):
    kinds = _kinds(context, domain, "train")
    rows = context.first_images("train", domain, len(kinds))
    return kind_classifier.train(
        rows,
        kinds,
        len(context.settings.kinds),
        context.settings.seed,
        kind_classifier.STEPS,
    )


def _kinds(context, domain, part):
    """[N]: the kinds of the images of a split, by number; None where they have none."""
    place = os.path.join(context.config.data_dir, part + domain.upper())
    names = context.names(part, domain, context.source(part).size(domain))
    return kinds_of(names, place, context.settings.kinds)


def kinds_of(names, place, kinds):
    """[N]: which of `kinds` names of images begin with, by number; None: with none.

    Args:
      names: paths of images, which lie in the folder `place`.

    Raises:
      UserError: where only some begin with one.
    """
    relative = [os.path.relpath(name, place) for name in names]
    found = [
        next((k for k, kind in enumerate(kinds) if name.startswith(kind)), None)
        for name in relative
    ]
    if all(k is None for k in found):
        return None
    if None in found:
        raise UserError(
            f"--kinds={','.join(kinds)}: expected names in {place} that all begin with "
            f"one of them, found {relative[found.index(None)]}"
        )
    return np.array(found)


def check_kinds(config, settings):
    """Raises UserError where no images have kinds, or not each kind has some."""
    kinds = settings.kinds
    if len({*kinds}) < max(2, len(kinds)) or not all(kinds):
        raise UserError(
            "--metrics=exemplar_kind: expected two different --kinds or more, found "
            f"{','.join(kinds) or 'none'}"
        )
    if config.dataset != "folder":
        raise UserError(
            "--metrics=exemplar_kind: expected --dataset=folder, whose images have "
            f"names, found {config.dataset}"
        )
    shown, parts = f"--kinds={','.join(kinds)}", {domain: 0 for domain in DOMAINS}
    for part in ("train", "test"):
        for domain, listing in folder.listings(
            config.data_dir, part, config.recursive
        ).items():
            names = map(listing.name, range(listing.count))
            found = kinds_of(names, listing.where, kinds)
            if found is None:
                continue
            parts[domain] += 1
            if len({*found}) < len(kinds):
                there = ",".join(kinds[k] for k in sorted({*found}))
                raise UserError(
                    f"{shown}: expected images of each in {listing.where}, found only "
                    f"{there}"
                )
    if 1 in parts.values() or not any(parts.values()):
        raise UserError(
            f"{shown}: expected names that begin with one of them for training and "
            f"test of a domain in {config.data_dir}, found "
            + ("them for one of the two" if any(parts.values()) else "none")
        )
