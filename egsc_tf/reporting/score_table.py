"""The scores that egsc_tf.evaluate found, with their spread."""

import re

from egsc_tf.domains import DIRECTIONS
from egsc_tf.reporting.page import macros, render
from egsc_tf.reporting.sections import ARROWS
from egsc_tf.runtime.counted import counted

HIGHER = ("content_accuracy", "style_accuracy", "ssim", "psnr", "transfer_accuracy")
HIGHER += ("miou", "pixel_accuracy", "diversity", "segmentation_agreement")
HIGHER += ("transfer_miou", "transfer_pixel_accuracy")
HIGHER += ("exemplar_kind_accuracy",)
LOWER = ("l1", "fid", "kid", "content_distance", "style_distance", "exemplar_rank")


def scores(runs):
    """The scores, one column a run and direction, with their spread."""
    runs_with = [run for run in runs if run.results]
    if not runs_with:
        return macros.note(
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
    tested = "; ".join(
        f"{run.label}: {run.results['test_images']['a']} and "
        f"{counted(run.results['test_images']['b'], 'test image')}, seed "
        f"{run.results['settings']['seed']}"
        for run in runs_with
    )
    caveats = [
        f"{run.label}: {line}" if several else line
        for run in runs_with
        for line in run.results.get("caveats", ())
    ]
    return render(
        "scores.html",
        caveats=caveats,
        head=head,
        rows=rows({*names} - by_look),
        by_look=rows(by_look),
        counted=tested,
    )


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
    if "accuracy" in name:  # a translation's own value is 0 or 1, or little between
        return f"{text} ± {spread['std'] / spread['count'] ** 0.5:.2g}"
    return f"{text} ± {spread['std']:.2g} [{spread['p05']:.3g}, {spread['p95']:.3g}]"


def _count(runs, name):
    """Of how many translations a score is, in the two directions of each run."""
    counts = [
        str(spread["count"])
        for run in runs
        for d in DIRECTIONS
        if (spread := run.results.get("spread", {}).get(f"{name}_{d}"))
    ]
    return ", ".join(dict.fromkeys(counts))
