"""What the models of runs make of images: translations, masks, neighbours, failures.

Each function takes a list of Runs, one or several to compare, and returns Markup.
"""

import os

import matplotlib
import numpy as np

from egsc_tf.data import images
from egsc_tf.domains import DIRECTIONS, DOMAINS, split
from egsc_tf.errors import UserError
from egsc_tf.evaluation.evaluators import tsne as evaluator_of_tsne
from egsc_tf.metrics import embedding
from egsc_tf.pictures import mask_overlay
from egsc_tf.pictures.contact_sheet import contact_sheet
from egsc_tf.reporting import nearest, plots
from egsc_tf.reporting.page import macros, picture
from egsc_tf.reporting.sections import ARROWS, for_each
from egsc_tf.runtime.counted import counted

SHOWN = 6  # sources and exemplars of a grid
CHANNELS = 2  # of a mask, beside their mean
RESULTS, NEIGHBOURS = 4, 3


def test_images(run, domain, count):
    """(images [N, H, W, 3] uint8, what they are); of training where there are no
    others to be had, and why is said."""
    try:
        return run.images("test", domain, count), "test images"
    except UserError as error:
        training = run.images("train", domain, count)
        return training, f"training images, for want of test images ({error})"


def translations(runs):
    """Sources down, exemplars across, in both directions."""

    def show(run):
        return macros.side_by_side([(ARROWS[d], _grid(run, d)) for d in DIRECTIONS])

    return for_each(runs, show)


def _grid(run, direction):
    source, target = split(direction)
    contents, kind = test_images(run, source, SHOWN)
    exemplars, _ = test_images(run, target, SHOWN)
    x, e = images.to_float(contents), images.to_float(exemplars)
    columns = [run.context.translator.translate(x, one[None], direction) for one in e]
    sheet = images.to_uint8(contact_sheet(x, e, columns))
    alt = (
        f"{counted(len(x), 'source')} of domain {source} down, "
        f"{counted(len(e), 'exemplar')} of domain "
        f"{target} across, and each source in the style of each exemplar"
    )
    caption = f"Left: sources. Top: exemplars. Both are {kind}."
    return macros.figure(picture(sheet, alt), caption)


def masks(runs):
    """The feature masks over their sources."""

    def show(run):
        blocks = [(f"domain {domain}", _masks(run, domain)) for domain in DOMAINS]
        unused = "" if run.config.use_masks else "--nouse_masks: they are not used. "
        remark = (
            f"{unused}A mask is 0.5 (violet) to 1 (yellow) at each position and "
            "channel; what it multiplies is the content before AdaIN."
        )
        return macros.note(remark) + macros.side_by_side(blocks)

    return for_each(runs, show)


def _masks(run, domain):
    sources, _ = test_images(run, domain, SHOWN)
    _, mask = run.context.translator.encode_content(images.to_float(sources), domain)
    mask = mask.numpy()
    # The channels that differ the most from place to place tell the most.
    varied = np.argsort(-mask.std(axis=(1, 2)).mean(axis=0), kind="stable")[:CHANNELS]
    rows = [sources]
    for shown in (mask.mean(axis=-1), *(mask[..., k] for k in varied)):
        pairs = zip(sources, shown)
        rows.append(np.stack([mask_overlay.over_source(x, m) for x, m in pairs]))
    sheet = np.concatenate([np.concatenate(list(row), axis=1) for row in rows])
    caption = (
        f"From the top: sources; the mean of {mask.shape[-1]} channels; channels "
        f"{', '.join(map(str, varied))}, which vary the most. All values lie from "
        f"{mask.min():.2f} to {mask.max():.2f}."
    )
    alt = f"{len(sources)} sources of domain {domain} and their feature masks"
    return macros.figure(picture(sheet, alt), caption)


def failures(runs):
    """The worst-scored translations that evaluation kept."""
    return for_each(runs, _failures)


def _failures(run):
    worst = run.results.get("worst")
    if not worst:
        return macros.note(
            "None kept: python -m egsc_tf.evaluate keeps them where a score is of one "
            "translation (of digits, or with --metrics=perceptual)."
        )
    blocks = [
        (f"{ARROWS[direction]}, by {one['score'].replace('_', ' ')}", _worst(run, one))
        for direction in DIRECTIONS
        for one in worst.get(direction, ())
    ]
    return macros.side_by_side(blocks)


def _worst(run, one):
    pixels = images.read(os.path.join(run.results_folder, one["file"]), smallest_side=1)
    columns, values = ", ".join(one["columns"]), one["values"]
    shown = ", ".join(f"{value:.3g}" for value in values)
    alt = f"The {len(values)} worst translations by {one['score']}, a row each"
    caption = f"Each row: {columns}. {one['score']} from the top: {shown}."
    return macros.figure(picture(pixels, alt), caption)


def neighbours(runs):
    """The training images nearest to some results."""

    def show(run):
        blocks = [(ARROWS[d], _neighbours(run, d)) for d in DIRECTIONS]
        return macros.side_by_side(blocks)

    return for_each(runs, show)


def _neighbours(run, direction):
    source, target = split(direction)
    contents, _ = test_images(run, source, RESULTS)
    exemplars, _ = test_images(run, target, len(contents))
    pair = (images.to_float(x[: len(exemplars)]) for x in (contents, exemplars))
    out = images.to_uint8(run.context.translator.translate(*pair, direction))
    training = run.pool("train", target)
    pool = nearest.features(training)
    index, distance = nearest.search(nearest.features(out), pool, NEIGHBOURS)
    rows = [
        np.concatenate([x, e, y, *training[i]], axis=1)
        for x, e, y, i in zip(contents, exemplars, out, index)
    ]
    caption = (
        "Each row: source, exemplar, translation, and its nearest among "
        f"{counted(len(training), 'training image')} of domain {target} "
        "(pixels at 32x32 or less, root of the mean squared difference in [0, 1]). "
        "Nearest from the top: "
        f"{', '.join(f'{d:.3f}' for d in distance[:, 0])}"
        f"{_usual_distance(run, target, pool)}. A distance near 0 would be a copy."
    )
    alt = f"{counted(len(rows), 'translation')} and the training images nearest to them"
    return macros.figure(picture(np.concatenate(rows), alt), caption)


def _usual_distance(run, domain, pool):
    """The distance of real images to the pool, as text; "" without test images, as
    those of training are in the pool."""
    try:
        real = run.images("test", domain, 64)
    except UserError:
        return ""
    _, usual = nearest.search(nearest.features(real), pool, 1)
    return f"; of real test images the median is {np.median(usual):.3f}"


def tsne(runs):
    """t-SNE of contents and styles of both domains."""

    def show(run):
        panels = evaluator_of_tsne.tsne_panels(run.context)
        remark = "Contents should mix the domains, styles should tell them apart."
        blocks = [(title, _scatter(points)) for title, points in panels.items()]
        return macros.side_by_side(blocks) + macros.note(remark)

    return for_each(runs, show)


def _scatter(points):
    with matplotlib.rc_context(plots.STYLE):
        figure = embedding.figure({"": points})
    label = "A scatter plot: each point is a test image, coloured by its domain"
    return macros.figure(plots.svg(figure, label))
