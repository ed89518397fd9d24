"""What training and evaluation of runs say: settings, warnings, scores, curves.

Each function takes a list of Runs, one or several to compare, and returns HTML.
"""

import dataclasses
import os
import re

import numpy as np
import tensorflow as tf

from egsc_tf import config as config_lib
from egsc_tf import workdir as workdir_lib
from egsc_tf.data import images
from egsc_tf.domains import DIRECTIONS
from egsc_tf.errors import UserError
from egsc_tf.reports import page, plots
from egsc_tf.reports.run import STAGES, counts

TITLES = {
    "feature_masks": "Stage 1, feature masks",
    "translation": "Stage 2, translation",
}
ARROWS = {"a2b": "a to b", "b2a": "b to a"}
HIGHER = ("content_accuracy", "style_accuracy", "ssim", "psnr", "transfer_accuracy")
HIGHER += ("miou", "pixel_accuracy", "diversity")
LOWER = ("l1", "fid", "kid", "content_distance", "style_distance")
FRAMES = 24  # of a slider: the page is to stay small


def for_each(runs, show):
    """show(run), beside each other; what a run lacks is said."""

    def shown(run):
        try:
            return show(run)
        except UserError as error:
            return page.note(f"Not shown: {error}")

    if len(runs) == 1:
        return shown(runs[0])
    return page.side_by_side([(run.label, shown(run)) for run in runs])


def overview(runs):
    """What was run and how."""
    rows = [
        ("folder", [run.workdir for run in runs]),
        ("data", [run.config.dataset for run in runs]),
        ("trained on", [counts(run) for run in runs]),
        ("size", [f"{run.config.height}x{run.config.width}" for run in runs]),
        ("steps", [_steps(run) for run in runs]),
        ("time of training", [_time(run) for run in runs]),
        ("hardware", [_of_starts(run, _hardware) for run in runs]),
        ("versions", [_of_starts(run, _versions) for run in runs]),
        ("started", [_of_starts(run, lambda start: start["time"]) for run in runs]),
    ]
    head = ["", *(run.label for run in runs)] if len(runs) > 1 else []
    text = page.table(head, [(name, *cells) for name, cells in rows])
    fields = dataclasses.fields(config_lib.Config)
    every = {f.name: [str(getattr(run.config, f.name)) for run in runs] for f in fields}
    default = {f.name: str(f.default) for f in fields}
    if len(runs) > 1:
        caption = "Flags that differ"
        chosen = [name for name, cells in every.items() if len({*cells}) > 1]
    else:
        caption = "Flags other than the defaults"
        chosen = [name for name, cells in every.items() if cells != [default[name]]]
    if chosen:
        changed = page.table(
            ["flag", *(run.label for run in runs), "default"],
            [(f"--{name}", *every[name], default[name]) for name in chosen],
            caption,
        )
    else:
        changed = page.note(f"{caption}: none.")
    text = page.side_by_side([("", text), ("", changed)])
    everything = "".join(
        f"<pre>{page.escape(_command(run))}</pre>"
        + page.table(["flag", "value"], [(f"--{k}", v[i]) for k, v in every.items()])
        for i, run in enumerate(runs)
    )
    return text + page.folded("Every flag, and the command", everything)


def _command(run):
    flags = os.path.join(run.workdir, config_lib.RUN_FLAGS)
    return f"python -m egsc_tf.train --flagfile={flags} --workdir={run.workdir}"


def _steps(run):
    total = f"{run.config.mask_steps} and {run.config.total_steps}"
    try:
        done = run.bench.translator.steps
    except UserError:
        return f"stage 2 has no checkpoint yet, of {total}"
    return f"stage 2 at step {done}; {total} in all"


def _time(run):
    try:
        seconds = workdir_lib.seconds(run.workdir, run.bench.translator.path)
    except (UserError, tf.errors.NotFoundError):  # the latter: it was not trained here
        return "not known"
    return f"{seconds:.0f} s of both stages"


def _of_starts(run, tell):
    """What `tell` says of each start of a run, once."""
    if not run.starts:
        return "not noted"
    return "; ".join(dict.fromkeys(tell(start) for start in run.starts))


def _hardware(start):
    gpus = f", {len(start['gpus'])} GPUs" if start["gpus"] else ", no GPU"
    return f"{start['processor']}, {start['cores']} cores{gpus}"


def _versions(start):
    return (
        f"egsc_tf {start['egsc_tf']}, TensorFlow {start['tensorflow']}, Python "
        f"{start['python']} on {start['system']}"
    )


def warnings(runs):
    """What training warned of, and what makes the report itself doubtful."""
    return for_each(runs, _warnings)


def _warnings(run):
    lines = list(run.warnings)
    try:
        steps = run.bench.translator.steps
    except UserError as error:
        lines.append(str(error))
    else:
        if steps < run.config.total_steps:
            lines.append(f"The run is at step {steps} of {run.config.total_steps}.")
        scored = run.results.get("steps", steps)
        if scored != steps:
            lines.append(f"The scores are of step {scored}, the model of {steps}.")
    shown = "".join(f'<p class="warning">{page.escape(line)}</p>' for line in lines)
    return shown or page.note("None: no stage was won by a discriminator or collapsed.")


def scores(runs):
    """The scores, one column a run and direction, with their spread."""
    runs_with = [run for run in runs if run.results]
    if not runs_with:
        return page.note(
            "Not scored yet: python -m egsc_tf.evaluate --workdir="
            f"{runs[0].workdir} does, and writes this report again."
        )
    names = {}
    for run in runs_with:
        for key, value in run.results.items():
            name, _, direction = key.rpartition("_")
            is_score = direction in DIRECTIONS and isinstance(value, float)
            if is_score and not name.startswith("kid_std"):
                names[name] = None
    several = len(runs_with) > 1
    columns = [(run, d) for d in DIRECTIONS for run in runs_with]
    head = ["score"]
    head += [ARROWS[d] + f", {run.label}" * several for run, d in columns]

    head += ["n"]

    def rows(chosen):
        return [
            (
                _titled(name),
                *(_score(run, name, d) for run, d in columns),
                _count(runs_with, name),
            )
            for name in sorted(chosen)
        ]

    by_look = {name for name in names if re.search(r"_\d+$", name)}
    caption = (
        "↑ higher is better, ↓ lower is better. ± standard deviation over n "
        "translations (of KID: over random subsets); in brackets the 5th and 95th "
        "percentile."
    )
    text = page.table(head, rows({*names} - by_look), caption)
    if by_look:
        text += page.folded("By look of the exemplar", page.table(head, rows(by_look)))
    counted = "; ".join(
        f"{run.label}: {run.results['test_images']['a']} and "
        f"{run.results['test_images']['b']} test images, seed "
        f"{run.results['settings']['seed']}"
        for run in runs_with
    )
    return text + page.note(counted)


def _titled(name):
    arrow = " ↑" if name in HIGHER else " ↓" if name in LOWER else ""
    return name.replace("_", " ") + arrow


def _score(run, name, direction):
    value = run.results.get(f"{name}_{direction}")
    if value is None:
        return ""
    text = f"{value:.4g}"
    if name.startswith("kid"):
        return f"{text} ± {run.results[f'kid_std{name[3:]}_{direction}']:.2g}"
    spread = run.results.get("spread", {}).get(f"{name}_{direction}")
    if not spread:
        return text
    text += f" ± {spread['std']:.2g}"
    if not name.endswith("accuracy"):  # whose values are 0, 1 or little between
        text += f" [{spread['p05']:.3g}, {spread['p95']:.3g}]"
    return text


def _count(runs, name):
    """Of how many translations a score is, in the two directions of each run."""
    counts = [
        str(spread["count"])
        for run in runs
        for d in DIRECTIONS
        if (spread := run.results.get("spread", {}).get(f"{name}_{d}"))
    ]
    return ", ".join(dict.fromkeys(counts))


def losses(runs):
    """The loss curves, a panel a group: one name, both domains, all runs."""
    return "".join(
        f"<h3>{TITLES[stage]}</h3>{_curves(runs, stage)}" for stage in STAGES
    )


def _curves(runs, stage):
    several, panels = len(runs) > 1, {}
    for number, run in enumerate(runs):
        for name, (steps, values) in run.scalars(stage).items():
            group, _, domain = name.rpartition("_" if "_" in name else "/")
            if domain not in ("a", "b"):
                group, domain = name, ""
            label = " ".join([run.label] * several + [domain or name] * (not several))
            if several and domain:
                label += f", {domain}"
            colour = number if several else "ab".find(domain) * bool(domain)
            dashes = "--" if several and domain == "b" else "-"
            panels.setdefault(group, []).append((label, steps, values, colour, dashes))
    if not panels:
        return page.note("No logs.")
    shown = []
    for group in sorted(panels):
        lines = panels[group]
        told = "; ".join(f"{x[0]} from {x[2][0]:.3g} to {x[2][-1]:.3g}" for x in lines)
        body = plots.curves(lines, f"{group} by step: {told}")
        shown.append(page.figure(body, _group_title(group)))
    return f'<div class="plots">{"".join(shown)}</div>'


GROUPS = {
    "D": "D: discriminators",
    "G/adv": "G/adv: adversarial",
    "G/recon": "G/recon: reconstruction, L1",
    "G/cycle": "G/cycle: cycle, L1",
    "G/kl": "G/kl: KL of z",
    "G/cycle_kl": "G/cycle_kl: KL of the cycle's z",
    "G/style": "G/style: perceptual, to the exemplar",
    "G/content": "G/content: perceptual, to the source",
    "learning_rate": "learning rate",
}


def _group_title(group):
    return GROUPS.get(group, group.replace("_", " "))


def through_training(runs):
    """The sample grids of both stages, with a slider."""
    return for_each(runs, _through_training)


def _through_training(run):
    text = ""
    for stage in reversed(STAGES):
        samples = run.samples(stage)
        text += f"<h4>{TITLES[stage]}</h4>"
        if not samples:
            text += page.note("No samples.")
            continue
        few = np.linspace(0, len(samples) - 1, min(FRAMES, len(samples))).astype(int)
        frames = [
            (f"step {step}", _frame(stage, step, path))
            for step, path in (samples[i] for i in few)
        ]
        text += page.slider(frames, "Step of training")
    return text


def _frame(stage, step, path):
    pixels = images.read(path, smallest_side=1)
    if stage == workdir_lib.FEATURE_MASKS:
        parts = [("images of a, what stage 1 makes of them, and the same of b", pixels)]
    else:
        half = pixels.shape[1] // 2
        parts = [("a to b", pixels[:, :half]), ("b to a", pixels[:, half:])]
    return page.side_by_side(
        [
            ("", page.figure(page.picture(x, f"Samples at step {step}: {what}"), what))
            for what, x in parts
        ]
    )
