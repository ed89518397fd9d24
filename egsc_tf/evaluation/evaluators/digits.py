"""Content, style and images of digits, whose right answers are known."""

import collections
import os

import numpy as np
from tqdm import tqdm

from egsc_tf.data import images
from egsc_tf.domains import split
from egsc_tf.evaluation import digit_cases
from egsc_tf.evaluation.worst import Worst
from egsc_tf.metrics import (
    digit_classifier,
)
from egsc_tf.metrics import digits as scores
from egsc_tf.pictures.contact_sheet import contact_sheet

CASES = 16
GRID_ROWS = 10
GRID_SCALE = 2
PSNR_CEILING = 100.0


def digits_scores(context, direction, names):
    """Content and style accuracy, SSIM, PSNR, L1 against the known right answers."""
    own, target = split(direction)
    judge = context.judge(target)
    config = context.config
    found, by_look = collections.defaultdict(list), collections.defaultdict(list)
    rows, worst = {}, Worst("l1")
    is_multi = digit_cases.are_boards(config)
    turns = digit_cases.own_looks(config, own)
    seed = context.settings.seed
    cases = digit_cases.cases(config, direction, context.settings.max_images, seed)
    cases = enumerate(cases.batch(CASES).as_numpy_iterator())
    for first, some in tqdm(cases, desc=direction, unit="batch"):
        looks = some["exemplars"].shape[1]
        exemplars, right = (np.concatenate(some[key]) for key in ("exemplars", "right"))
        contents, classes = (
            np.repeat(some[key], looks, axis=0) for key in ("content", "classes")
        )
        out = context.translator.translate(contents, exemplars, direction).numpy()
        found["ssim"] += list(scores.ssim(out, right))
        found["psnr"] += list(np.minimum(scores.psnr(out, right), PSNR_CEILING))
        distance = scores.l1(out, right)
        found["l1"] += list(distance)
        columns = {"source": contents, "exemplar": exemplars, "translation": out}
        worst.add(distance, {**columns, "right answer": right})
        for name, shown in (("content_accuracy", out), ("judge_accuracy", right)):
            cells, labels = digit_cases.cells(shown, classes, config)
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
    _write_grid(context, direction, [rows[k] for k in sorted(rows)])
    wanted = {k: v for k, v in found.items() if k in names}
    context.note_spread(direction, wanted)
    context.note_worst(direction, worst)
    if "content_accuracy" in names:
        wanted["judge_accuracy"] = found["judge_accuracy"]
    if "style_accuracy" in names:
        wanted.update(by_look)
    return {name: float(np.mean(values)) for name, values in wanted.items()}


def _write_grid(context, direction, rows):
    """Sources down; across, the exemplars of the first row."""
    exemplars = rows[0]["exemplars"]
    contents = np.stack([case["content"] for case in rows])
    columns = [
        context.translator.translate(contents, e[None], direction) for e in exemplars
    ]
    sheet = contact_sheet(contents, exemplars, columns)
    sheet = np.kron(sheet, np.ones((GRID_SCALE, GRID_SCALE, 1)))
    images.write_png(os.path.join(context.output, f"grid_{direction}.png"), sheet)
