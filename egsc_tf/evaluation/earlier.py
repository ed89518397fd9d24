"""What becomes of an earlier results.json and its pictures at a new evaluation.

Scores of the same weights, images, machine and settings stay beside the new ones: one
file, whose settings hold for all of it. Otherwise the earlier ones go, and are told.
"""

import contextlib
import json
import os

from absl import logging

from egsc_tf.evaluation.settings import DIGITS, Settings
from egsc_tf.runtime.flags import settings_of

HEAD = ("run", "steps", "test_images", "constants", "machine")
PICTURES = {
    **{name: ("grid_a2b.png", "grid_b2a.png") for name in DIGITS},
    "perceptual": ("content_style.png",),
    "tsne": ("tsne.png",),
}


def read(path):
    """The results of a file; {} where there is none, or something else."""
    try:
        with open(path, encoding="utf-8") as file:
            found = json.load(file)
        return found if {*found["settings"]["metrics"]} else {}
    except (OSError, ValueError, KeyError, TypeError):
        return {}


def joined(before, now):
    """The results `now` with those of `before` that are not measured again, where all
    that they depend on is the same; else `now`. Both are as of results.json."""
    then, settings = before["settings"], now["settings"]
    kept = [name for name in then["metrics"] if name not in settings["metrics"]]
    if not kept or any(before.get(name) != now[name] for name in HEAD):
        return now
    for field in settings_of(Settings):
        use, name = field.metadata["use"], field.name
        if name == "metrics" or (use and not use.holds(kept)):
            continue
        if use and not use.holds(settings["metrics"]):
            settings = {**settings, name: then.get(name)}
        elif then.get(name) != settings[name]:
            return now
    found = {**before, **now}
    found["settings"] = {**settings, "metrics": [*kept, *settings["metrics"]]}
    found["spread"] = {**before.get("spread", {}), **now.get("spread", {})}
    found["worst"] = dict(now.get("worst", {}))
    for direction, worst in before.get("worst", {}).items():
        new = found["worst"].get(direction, [])
        again = {one["score"] for one in new}
        old = [one for one in worst if one["score"] not in again]
        found["worst"][direction] = [*old, *new]
    return found


def clear(folder, before, now):
    """Removes the pictures of scores that are gone, and says which scores those are."""
    for name in _pictures(before) - _pictures(now):
        with contextlib.suppress(FileNotFoundError):
            os.remove(os.path.join(folder, name))
    gone = {*before["settings"]["metrics"]} - {*now["settings"]["metrics"]}
    if gone:
        logging.warning(
            "%s: earlier scores are gone, as they were of other weights, images or "
            "settings: %s; another --output keeps both",
            folder,
            ", ".join(sorted(gone)),
        )


def _pictures(results):
    names = {n for m in results["settings"]["metrics"] for n in PICTURES.get(m, ())}
    for worst in results.get("worst", {}).values():
        names |= {os.path.basename(one["file"]) for one in worst}
    return names
