"""How training went: the loss curves, and the sample grids with a slider."""

import numpy as np

from egsc_tf.data import images
from egsc_tf.evaluation.finished_run import STAGES
from egsc_tf.reporting import plots
from egsc_tf.reporting.page import macros, picture, render
from egsc_tf.reporting.sections import for_each
from egsc_tf.run import workdir as workdir_lib
from egsc_tf.training import curves

TITLES = {
    "feature_masks": "Stage 1, feature masks",
    "translation": "Stage 2, translation",
}
FRAMES = 24  # of a slider: the page is to stay small


def losses(runs):
    """The loss curves, a panel a group: one name, both domains, all runs."""
    stages = [(TITLES[stage], _curves(runs, stage)) for stage in STAGES]
    scaled = any(run.config.mixed_precision == "mixed_float16" for run in runs)
    remark = f"mixed_float16: {curves.LOSS_SCALE}." if scaled else ""
    return render("losses.html", stages=stages, remark=remark)


def _curves(runs, stage):
    """[(drawing, caption)], a panel a group."""
    several, panels = len(runs) > 1, {}
    for number, run in enumerate(runs):
        for name, (steps, values) in run.scalars(stage).items():
            steps, values = _finite(steps, values)
            if not steps:
                continue
            group, part = curves.split(name)
            label = " ".join([run.label] * several + [part or name] * (not several))
            if several and part:
                label += f", {part}"
            second = part in ("b", "others")
            colour = number if several else int(second)
            dashes = "--" if several and second else "-"
            panels.setdefault(group, []).append((label, steps, values, colour, dashes))
    shown = []
    for group in sorted(panels):
        lines = panels[group]
        told = "; ".join(f"{x[0]} from {x[2][0]:.3g} to {x[2][-1]:.3g}" for x in lines)
        drawing = plots.curves(lines, f"{group} by step: {told}")
        curve = curves.of_group(group)
        shown.append((drawing, ". ".join(filter(None, (curve.title, curve.meaning)))))
    return shown


def _finite(steps, values):
    """The points of a curve that can be drawn: infinite norms are of a loss scale that
    is being found."""
    points = [(s, x) for s, x in zip(steps, values) if np.isfinite(x)]
    return [s for s, _ in points], [x for _, x in points]


def through_training(runs):
    """The sample grids of both stages, with a slider."""
    return for_each(runs, _through_training)


def _through_training(run):
    stages = [(TITLES[stage], _frames(run, stage)) for stage in reversed(STAGES)]
    return render("samples.html", stages=stages)


def _frames(run, stage):
    """[(name, Markup)] of samples spread over a stage."""
    samples = run.samples(stage)
    few = np.linspace(0, len(samples) - 1, min(FRAMES, len(samples))).astype(int)
    return [
        (f"step {step}", _frame(stage, step, path))
        for step, path in (samples[i] for i in few)
    ]


def _frame(stage, step, path):
    pixels = images.read(path, smallest_side=1)
    if stage == workdir_lib.FEATURE_MASKS:
        parts = [("images of a, what stage 1 makes of them, and the same of b", pixels)]
    else:
        half = pixels.shape[1] // 2
        parts = [("a to b", pixels[:, :half]), ("b to a", pixels[:, half:])]
    return macros.side_by_side(
        [
            ("", macros.figure(picture(x, f"Samples at step {step}: {what}"), what))
            for what, x in parts
        ]
    )
