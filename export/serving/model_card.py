"""report.json and MODEL_CARD.md: what an exported version is and what it takes."""

import dataclasses
import hashlib
import json
import math
import os
import platform
import time

import jinja2
import numpy as np
import tensorflow as tf
from absl import logging

from egsc_tf.export.serving import files, graph
from egsc_tf.export.serving.files import REPORT
from egsc_tf.export.serving.graph import signature_name
from egsc_tf.run import workdir as workdir_lib
from egsc_tf.runtime.counted import counted
from egsc_tf.version import __version__

CARD = "MODEL_CARD.md"
# name of an input or output: what it holds.
MEANINGS = {
    "content": "images of the source domain, 0 to 255, sRGB",
    "exemplar": "images of the target domain, 0 to 255, sRGB",
    "content_bytes": "JPEG or PNG files of the source domain",
    "exemplar_bytes": "JPEG or PNG files of the target domain",
    "style": "style codes (gamma, beta)",
    "strength": "0 to 1: how much of the style",
    "image": "translations, 0 to 255, sRGB, of the contents' size",
    "image_bytes": "translations, PNG files of the contents' size",
    "mask": "feature masks, 0.5 to 1, one number a channel and stride",
}


def split_use(served, contents):
    """Times full calls against one encoded style and as many split calls.

    Args:
      served: graph.ServedTranslator; its first direction is timed.
      contents: how many, each [1, H, W, 3] at the size of the export.

    Returns:
      {"contents", "full_seconds", "split_seconds", "ratio": full / split}.
    """
    translate, encode, with_style = (
        served.signatures[signature_name(part, served.directions[0])]
        for part in ("translate", "encode_style", "translate_with_style")
    )
    inputs = files.example_inputs(translate, 1, served.size)
    content, exemplar = (tf.constant(inputs[name]) for name in ("content", "exemplar"))
    one = tf.ones([1])

    def full(count):
        for _ in range(count):
            translate(content=content, exemplar=exemplar)["image"].numpy()

    def split(count):
        style = encode(exemplar=exemplar)["style"]
        for _ in range(count):
            with_style(content=content, style=style, strength=one)["image"].numpy()

    seconds = {full: [], split: []}
    for way in (full, split):
        way(2)
    # Turns, so that a change of the machine's speed meets both.
    for count in [len(part) for part in np.array_split(np.arange(contents), 5)]:
        for way, times in seconds.items():
            start = time.perf_counter()
            way(count)
            times.append(time.perf_counter() - start)
    full_seconds, split_seconds = sum(seconds[full]), sum(seconds[split])
    return {
        "contents": contents,
        "full_seconds": full_seconds,
        "split_seconds": split_seconds,
        "ratio": full_seconds / split_seconds,
    }


def write(folder, name, workdir, config, step, served, settings, split_times):
    """Writes report.json and MODEL_CARD.md into the folder of a version.

    Args:
      folder: with all other files of the version in place: their checksums are taken.
      name: of the model; workdir, config, step: of the run.
      served: graph.ServedTranslator.
      settings: egsc_tf.export.saved_model.Settings.
      split_times: of `split_use`, or None where it was not measured.
    """
    results = results_of(workdir, step)
    report = {
        "name": name,
        "settings": dataclasses.asdict(settings),
        "smallest_side": served.smallest_side,
        "trained_on": {
            name: getattr(config, name)
            for name in ("dataset", "height", "width", "batch_size")
        },
        "steps": step,
        "training": training(workdir, config, step),
        "signatures": {
            name: _signature(function) for name, function in served.signatures.items()
        },
        "files": _checksums(folder),
        "versions": {
            "egsc_tf": __version__,
            "tensorflow": tf.__version__,
            "python": platform.python_version(),
        },
        "scores": scores(results),
        "caveats": results.get("caveats", []),
        "split_use": split_times,
    }
    with open(os.path.join(folder, REPORT), "w", encoding="utf-8") as file:
        json.dump(report, file, indent=2)
    with open(os.path.join(folder, CARD), "w", encoding="utf-8") as file:
        file.write(card(report))


def _signature(function):
    def describe(specs):
        return {
            name: {
                "dtype": spec.dtype.name,
                "shape": spec.shape.as_list(),
                "meaning": MEANINGS[name],
            }
            for name, spec in sorted(specs.items())
        }

    return {
        "inputs": describe(graph.inputs_of(function)),
        "outputs": describe(function.structured_outputs),
    }


def _checksums(folder):
    found = {}
    for root, _, names in os.walk(folder):
        for name in names:
            path = os.path.join(root, name)
            with open(path, "rb") as file:
                digest = hashlib.sha256(file.read()).hexdigest()
            found[os.path.relpath(path, folder)] = {
                "bytes": os.path.getsize(path),
                "sha256": digest,
            }
    return dict(sorted(found.items()))


def training(workdir, config, steps):
    """How long a run was trained, as text."""
    if workdir_lib.is_student(workdir):
        return f"distilled from another run, {counted(steps, 'step')}"
    if not os.path.isfile(os.path.join(workdir, workdir_lib.IMPORTED)):
        masks = counted(config.mask_steps, "step")
        return f"{masks} of feature masks and {steps:,} of translation"
    then = f", then {counted(steps, 'step')} of translation" if steps else ""
    return f"imported from the authors' checkpoints{then}"


def results_of(workdir, steps):
    """WORKDIR/results.json; {} if the run was not evaluated at this step."""
    path = os.path.join(workdir, "results.json")
    if not os.path.isfile(path):
        return {}
    with open(path, encoding="utf-8") as file:
        results = json.load(file)
    if results.get("steps") != steps:
        logging.warning(
            "%s is of step %s, not of step %d, and left out; egsc_tf.evaluate makes it "
            "anew",
            path,
            results.get("steps"),
            steps,
        )
        return {}
    return results


def scores(results):
    """The numbers of a results.json."""
    return {
        key: value
        for key, value in sorted(results.items())
        if isinstance(value, float) and key.endswith(("_a2b", "_b2a"))
    }


def _quoted(text):
    """A string of YAML, in double quotes, that may hold anything."""
    return '"' + "".join(map(_character, text)) + '"'


def _character(one):
    plain = one.isprintable() and one not in '"\\'
    return one if plain else f"\\U{ord(one):08X}"


_templates = jinja2.Environment(
    loader=jinja2.PackageLoader("egsc_tf.export.serving"),
    undefined=jinja2.StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    keep_trailing_newline=True,
)
_templates.filters["quoted"] = _quoted
_templates.filters["counted"] = counted


def card(report):
    """MODEL_CARD.md of a report.json as text."""
    finite = {k: v for k, v in report["scores"].items() if math.isfinite(v)}
    template = _templates.get_template(f"{CARD}.j2")
    return template.render(report, metrics=finite, cpus=os.cpu_count())
