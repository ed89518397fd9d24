"""The metrics of `egsc_tf.evaluate`, by name, on what they share: `egsc_tf.bench`.

An evaluator is a function (bench, direction, names) -> {result: value} for the metrics
that it computes. Pictures go to bench.output.
"""

import collections
import functools
import os

import numpy as np
import tensorflow as tf
from absl import logging
from tqdm import tqdm

from egsc_tf.bench import in_batches
from egsc_tf.data import digits_cases, images, label_maps
from egsc_tf.data.listings import tfds
from egsc_tf.domains import DOMAINS, split
from egsc_tf.errors import UserError
from egsc_tf.metrics import (
    digit_classifier,
    embedding,
    frechet,
    perceptual,
    segmentation,
)
from egsc_tf.metrics import scores_of_digits as scores
from egsc_tf.pictures.contact_sheet import contact_sheet
from egsc_tf.worst import KEPT, Worst

DIGITS = ("content_accuracy", "style_accuracy", "ssim", "psnr", "l1")
METRICS = (
    *DIGITS,
    "fid",
    "kid",
    "perceptual",
    "diversity",
    "tsne",
    "transfer",
    "segmentation",
)
CASES = 16
GRID_ROWS = 10
GRID_SCALE = 2
STRENGTHS = (0.0, 0.25, 0.5, 0.75, 1.0)
CURVE_IMAGES = 64
DIVERSITY_CONTENTS, DIVERSITY_EXEMPLARS = 20, 8
TSNE_IMAGES, TSNE_SIDE = 200, 8
TRANSFER_IMAGES = 2000
PSNR_CEILING = 100.0
# What the numbers depend on beside the settings, for results.json.
CONSTANTS = {
    "diversity": {"sources": DIVERSITY_CONTENTS, "exemplars": DIVERSITY_EXEMPLARS},
    "judge_steps": digit_classifier.STEPS,
    "kid_subset": frechet.SUBSET,
    "perceptual_images": CURVE_IMAGES,
    "transfer_images": TRANSFER_IMAGES,
}


def choose(names, config, settings):
    """The metrics to compute: those named, or those that fit the data set.

    Raises:
      UserError: for an unknown metric, one that does not fit the data set, and one
        whose settings are missing.
    """
    for name in names:
        if name not in METRICS:
            raise UserError(
                f"--metrics: expected some of {', '.join(METRICS)}; found {name!r}"
            )
    known = digits_cases.known(config)
    for name in {*DIGITS, "transfer"} & set(names):
        if not known:
            raise UserError(
                f"--metrics={name}: expected a run of digits, whose right answers are "
                f"known; found --dataset={config.dataset}"
            )
    if "transfer" in names and digits_cases.are_boards(config):
        raise UserError("--metrics=transfer: expected single digits, found boards")
    if "segmentation" in names:
        if not settings.segmentation_model:
            raise UserError(
                "--metrics=segmentation: expected --segmentation_model, found none"
            )
        if known:
            raise UserError("--metrics=segmentation: expected scenes, found digits")
    if settings.extractor == "digits" and not digits_cases.are_single(config):
        raise UserError(
            f"--extractor=digits: expected single digits, found {config.dataset}"
        )
    return tuple(names) or (DIGITS if known else ("fid", "kid", "perceptual"))


def of(names):
    """The evaluators that compute these metrics."""
    return [f for f, own in EVALUATORS if set(own) & set(names)]


def digits_scores(bench, direction, names):
    """Content and style accuracy, SSIM, PSNR, L1 against the known right answers."""
    own, target = split(direction)
    judge = bench.judge(target)
    config = bench.config
    found, by_look = collections.defaultdict(list), collections.defaultdict(list)
    rows, worst = {}, Worst("l1")
    is_multi = digits_cases.are_boards(config)
    turns = digits_cases.own_looks(config, own)
    seed = bench.settings.seed
    cases = digits_cases.cases(config, direction, bench.settings.max_images, seed)
    cases = enumerate(cases.batch(CASES).as_numpy_iterator())
    for first, some in tqdm(cases, desc=direction, unit="batch"):
        looks = some["exemplars"].shape[1]
        exemplars, right = (np.concatenate(some[key]) for key in ("exemplars", "right"))
        contents, classes = (
            np.repeat(some[key], looks, axis=0) for key in ("content", "classes")
        )
        out = bench.translator.translate(contents, exemplars, direction).numpy()
        found["ssim"] += list(scores.ssim(out, right))
        found["psnr"] += list(np.minimum(scores.psnr(out, right), PSNR_CEILING))
        distance = scores.l1(out, right)
        found["l1"] += list(distance)
        columns = {"source": contents, "exemplar": exemplars, "translation": out}
        worst.add(distance, {**columns, "right answer": right})
        for name, shown in (("content_accuracy", out), ("judge_accuracy", right)):
            cells, labels = digits_cases.cells(shown, classes, config)
            found[name] += list(
                digit_classifier.reads(judge, cells.numpy(), labels.numpy())
            )
        for n, images_of_case in enumerate(np.split(out, len(some["content"]))):
            case = {key: value[n] for key, value in some.items()}
            styles = scores.styles_right(images_of_case, case)
            found["style_accuracy"] += list(styles)
            for look, value in enumerate(styles):
                by_look[f"style_accuracy_{look}"].append(value)
            # The picture: of single digits one source a class, in turn in each look.
            label = len(rows) if is_multi else int(case["classes"].min())
            is_turn = (first * CASES + n) % turns == label % turns
            if len(rows) < GRID_ROWS and label not in rows and is_turn:
                rows[label] = case
    _write_grid(bench, direction, [rows[k] for k in sorted(rows)])
    wanted = {k: v for k, v in found.items() if k in names}
    bench.note_spread(direction, wanted)
    bench.note_worst(direction, worst)
    if "content_accuracy" in names:
        wanted["judge_accuracy"] = found["judge_accuracy"]
    if "style_accuracy" in names:
        wanted.update(by_look)
    return {name: float(np.mean(values)) for name, values in wanted.items()}


def _write_grid(bench, direction, rows):
    """Sources down; across, the exemplars of the first row."""
    exemplars = rows[0]["exemplars"]
    contents = np.stack([case["content"] for case in rows])
    columns = [
        bench.translator.translate(contents, e[None], direction) for e in exemplars
    ]
    sheet = contact_sheet(contents, exemplars, columns)
    sheet = np.kron(sheet, np.ones((GRID_SCALE, GRID_SCALE, 1)))
    images.write_png(os.path.join(bench.output, f"grid_{direction}.png"), sheet)


def distribution(bench, direction, names):
    """FID and KID of the translations to the target's test images, and, as the mark to
    beat, of the untranslated sources."""
    own, target = split(direction)
    counts = [bench.count(own), bench.count(target)]
    if min(counts) < 2:
        raise UserError(
            f"--metrics=fid,kid: expected at least 2 test images of each domain, found "
            f"{counts} (--max_images={bench.settings.max_images})"
        )
    real = bench.features(target, bench.test_images(target))
    found = {}
    for label, rows in (
        ("", bench.translations(direction)),
        ("_untranslated", bench.test_images(own)),
    ):
        fake = bench.features(target, rows)
        if "fid" in names:
            found[f"fid{label}"] = frechet.frechet_distance(real, fake)
        if "kid" in names:
            mean, deviation = frechet.kernel_distance(
                real, fake, seed=bench.settings.seed
            )
            found[f"kid{label}"], found[f"kid_std{label}"] = mean, deviation
    if "fid" in names and min(len(real), len(fake)) < real.shape[1]:
        logging.warning(
            "fid: %d and %d images for %d features; FID is biased upwards: compare "
            "only with the same numbers of images",
            len(real),
            len(fake),
            real.shape[1],
        )
    return found


def perceptual_distances(bench, direction, names):
    """Content to the source and style to the exemplar, at five style strengths."""
    del names
    contents = bench.test_images(split(direction)[0])[:CURVE_IMAGES]
    exemplars = bench.exemplars(direction, len(contents))
    phi = bench.phi()

    def distances(content, exemplar):
        """[b, 1 + strengths, 2]: content and style distance, first of the source."""
        of_source, of_exemplar = phi(content), phi(exemplar)
        shown = [of_source]
        for strength in STRENGTHS:
            out = bench.translator.translate(content, exemplar, direction, strength)
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
    _note_perceptual(bench, direction, contents, exemplars, found[:, -1])
    untouched, *means = found.mean(axis=0)
    curve = [
        {
            "strength": strength,
            "content_distance": float(content),
            "style_distance": float(style),
        }
        for strength, (content, style) in zip(STRENGTHS, means)
    ]
    bench.curves[direction] = curve
    return {
        "content_distance": curve[-1]["content_distance"],
        "style_distance": curve[-1]["style_distance"],
        "style_distance_untranslated": float(untouched[1]),
        "content_style_curve": curve,
    }


def _note_perceptual(bench, direction, contents, exemplars, found):
    """Spread and worst translations; found: [N, 2], content and style distance."""
    for score, values in zip(("content_distance", "style_distance"), found.T):
        bench.note_spread(direction, {score: values})
        worst, few = Worst(score), np.argsort(-values, kind="stable")[:KEPT]
        out = in_batches(
            lambda c, e: bench.translator.translate(c, e, direction),
            contents[few],
            exemplars[few],
        )
        rows = (images.to_float(contents[few]), images.to_float(exemplars[few]), out)
        worst.add(values[few], dict(zip(("source", "exemplar", "translation"), rows)))
        bench.note_worst(direction, worst)


def diversity(bench, direction, names):
    """Mean perceptual distance among translations of one source, each source with
    exemplars of its own: they, more than the sources, make the number."""
    del names
    source, target = split(direction)
    contents = bench.test_images(source)[:DIVERSITY_CONTENTS]
    pool = bench.test_images(target)
    if len(pool) < 2:
        raise UserError(
            f"--metrics=diversity: expected 2 test images of domain {target} or more, "
            f"found {len(pool)}"
        )
    random = np.random.RandomState(bench.settings.seed)
    phi = bench.phi()
    values = []
    for content in contents:
        exemplars = pool[random.permutation(len(pool))[:DIVERSITY_EXEMPLARS]]
        rows = np.repeat(content[None], len(exemplars), axis=0)
        out = in_batches(
            lambda c, e: bench.translator.translate(c, e, direction), rows, exemplars
        )
        values.append(float(perceptual.diversity(phi(out))))
    return {"diversity": float(np.mean(values))}


def _content(translator, images_of_domain, domain):
    """c of images, at most 8x8 positions, flat: [B, D]."""
    c = translator.encode_content(images_of_domain, domain)[0]
    side = [min(TSNE_SIDE, size) for size in c.shape[1:3]]
    return tf.reshape(tf.image.resize(c, side, "area"), [c.shape[0], -1])


def tsne(bench, direction, names):
    """tsne.png: contents of both domains, and styles of both."""
    del names
    if direction != "a2b":
        return {}  # one picture shows both domains
    embedding.plot(os.path.join(bench.output, "tsne.png"), tsne_panels(bench))
    return {}


def tsne_panels(bench):
    """{title: {domain: [N, 2]}} of contents and of styles, see embedding.figure."""
    panels = {}
    for title, encode in (
        ("content c", functools.partial(_content, bench.translator)),
        ("style s", bench.translator.encode_style),
    ):
        rows = {
            d: in_batches(
                functools.partial(encode, domain=d), bench.test_images(d)[:TSNE_IMAGES]
            )
            for d in DOMAINS
        }
        both = np.concatenate([rows["a"], rows["b"]])
        points = embedding.embed(both, bench.settings.seed)
        panels[title] = dict(zip(DOMAINS, np.split(points, [len(rows["a"])])))
    return panels


def transfer(bench, direction, names):
    """A classifier trained on translations, with the sources' labels, tested on real
    images of the target; beside it, one trained on the untranslated sources."""
    del names
    own, target = split(direction)
    seed = bench.settings.seed
    config = bench.judged_on
    data = digits_cases.labelled(config, own, "train", seed)
    sources, labels = (
        np.stack(x) for x in zip(*data.take(TRANSFER_IMAGES).as_numpy_iterator())
    )
    exemplars = digits_cases.labelled(config, target, "train", seed + 1)
    exemplars = np.stack(
        [x for x, _ in exemplars.take(TRANSFER_IMAGES).as_numpy_iterator()]
    )
    translated = in_batches(
        lambda c, e: bench.translator.translate(c, e, direction),
        sources,
        exemplars,
        label=f"transfer {direction}",
    )
    test = digits_cases.labelled(config, target, "test", seed + 2)
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


def semantic_consistency(bench, direction, names):
    """mIoU and pixel accuracy of the segmented translations, and of the sources."""
    del names
    settings, own = bench.settings, split(direction)[0]
    classes = settings.segmentation_classes
    segment = bench.once(
        "segment", lambda: segmentation.load_model(settings.segmentation_model, classes)
    )
    of_sources = in_batches(segment, bench.test_images(own))
    truth = _label_maps(bench, own)
    truth = of_sources if truth is None else truth
    # Of Cityscapes' categories 0 is void.
    ignore = 0 if classes == label_maps.CATEGORIES else settings.ignore_label

    def compare(labels):
        confusion = segmentation.Confusion(classes, ignore)
        confusion.add(truth, labels)
        return confusion.scores()

    found = compare(in_batches(segment, bench.translations(direction)))
    return {**found, "miou_untranslated": compare(of_sources)["miou"]}


def _label_maps(bench, domain):
    """[N, H, W] of the test images, or None where there are none.

    From --label_dir, by the images' names (train ids, of 8 classes mapped to the
    categories), or, of 8 classes, from the data set itself.
    """
    config, settings = bench.config, bench.settings
    names = bench.source("test").names[domain][: bench.count(domain)]
    categories = settings.segmentation_classes == label_maps.CATEGORIES
    if not settings.label_dir:
        maps = tfds.label_maps(config, "test", domain) if categories else None
        if maps is None:
            return None
        size = (config.height, config.width)
        return np.stack([label_maps.resize(x, *size) for x in maps[: len(names)]])
    folder = os.path.join(settings.label_dir, "test" + domain.upper())
    if config.dataset != "folder":
        raise UserError(
            "--label_dir: expected --dataset=folder, whose images have names, found "
            f"{config.dataset}"
        )
    maps = []
    for name in names:
        stem = os.path.splitext(os.path.basename(name))[0]
        path = os.path.join(folder, stem + ".png")
        if not os.path.isfile(path):
            raise UserError(f"--label_dir: expected {path}, found no such file")
        maps.append(label_maps.read(path, config.height, config.width))
    maps = np.stack(maps)
    return label_maps.category_of_train_id(maps) if categories else maps


EVALUATORS = (
    (digits_scores, DIGITS),
    (distribution, ("fid", "kid")),
    (perceptual_distances, ("perceptual",)),
    (diversity, ("diversity",)),
    (tsne, ("tsne",)),
    (transfer, ("transfer",)),
    (semantic_consistency, ("segmentation",)),
)
