"""The report of an export: report.json, report.md and the table that is printed.

{"settings": {...},
 "tensorflow": {"latency_ms": {signature: ms, "both": ms}},
 "variants": {NAME: {
    "psnr", "psnr_worst", "ssim", "max_error", "mean_error",   exemplar -> image
    "floor": dB, "written": whether it reached it,
    "bytes": of the file with both signatures, "files": {name: bytes},
    "operators": {name: count},
    "latency_ms": {"1_thread": ms, "2_threads": ms},           both signatures
    "times_tensorflow": 2 threads / TensorFlow's,
    "split_speedup": of 100 contents, one style encoded once,
    "peak_memory_bytes",
    "encode_style": {"max_error", "mean_error", "bytes", "latency_ms"},
    "translate": {"psnr", ..., "bytes", "latency_ms"}}}}       with Keras' style
"""

import json
import os
import platform
from importlib import metadata

import tensorflow as tf

from egsc_tf.errors import UserError
from egsc_tf.export.litert import flatbuffer, graph, measure, pairs, variants
from egsc_tf.runtime.counted import counted
from egsc_tf.runtime.files import write_whole
from egsc_tf.version import __version__

JSON, MARKDOWN = "report.json", "report.md"
MEGABYTE = 1e6
# Of the split use: one style, this many contents.
CONTENTS = 100


def require_of_run(output, workdir, direction):
    """Raises UserError where a folder has the report of another run or direction."""
    try:
        with open(os.path.join(output, JSON), encoding="utf-8") as file:
            settings = json.load(file)["settings"]
            found, way = settings["workdir"], settings["direction"]
    except (OSError, ValueError, KeyError, TypeError):
        return
    if (os.path.realpath(found), way) != (os.path.realpath(workdir), direction):
        raise UserError(
            f"--output={output}: expected a folder of the files of this run and "
            f"--direction={direction}, found those of {found}, {way}; --overwrite "
            "replaces its report"
        )


class Report:
    """Gathers the numbers of the variants.

    Args:
      settings: {name: value} of all that the numbers depend on.
      tensorflow_ms: {signature: ms} of the Keras model.

    Attributes:
      values: see above.
    """

    def __init__(self, settings, tensorflow_ms):
        self._tensorflow_ms = sum(tensorflow_ms.values())
        self.values = {
            "settings": {
                **settings,
                "seed": pairs.SEED,
                "machine": platform.machine(),
                "cpus": os.cpu_count(),
                "versions": _versions(),
            },
            "tensorflow": {
                "latency_ms": {**tensorflow_ms, "both": self._tensorflow_ms}
            },
            "variants": {},
        }

    def add(self, variant, scores, measured, files):
        """Adds a variant; returns whether it reached its floor.

        Args:
          scores: of tflite_parity.Reference.score.
          measured: of tflite_measure.measure.
          files: {name: bytes}: both signatures, then one file each, in order.
        """
        whole, *separate = files.values()
        floor = variants.FLOORS[variant]
        latency = measured["latency_ms"]
        entry = {
            **scores,
            "floor": floor,
            "written": scores["psnr"] >= floor,
            "bytes": len(whole),
            "files": {name: len(content) for name, content in files.items()},
            "operators": flatbuffer.operators(whole),
            "latency_ms": {key: sum(ms.values()) for key, ms in latency.items()},
            "peak_memory_bytes": measured["peak_memory_bytes"],
        }
        most = measure.label(measure.THREADS[-1])
        both = entry["latency_ms"][most]
        split = (
            latency[most][graph.ENCODE_STYLE]
            + CONTENTS * latency[most][graph.TRANSLATE]
        )
        entry["times_tensorflow"] = both / self._tensorflow_ms
        entry["split_speedup"] = CONTENTS * both / split
        for signature, content in zip(graph.SIGNATURES, separate):
            entry[signature] = {
                **scores[signature],
                "bytes": len(content),
                "latency_ms": {key: ms[signature] for key, ms in latency.items()},
            }
        self.values["variants"][variant] = entry
        return entry["written"]

    def write(self, output):
        """Writes report.json and report.md."""
        texts = {
            JSON: json.dumps(self.values, indent=2) + "\n",
            MARKDOWN: markdown(self.values),
        }
        for name, text in texts.items():
            path = os.path.join(output, name)
            write_whole(path, text)


def table(report):
    """The numbers of a report as a table of Markdown."""
    one, two = (measure.label(n) for n in measure.THREADS)
    rows = [
        "| variant | PSNR dB | worst | SSIM | max error | mean error | MB | "
        "1 thread ms | 2 threads ms | / TensorFlow | style ms | translate ms | "
        "split | memory MB |",
        "|---|" + "---|" * 13,
    ]
    for name, entry in report["variants"].items():
        rows.append(
            f"| {name}{'' if entry['written'] else ' (not written)'} "
            f"| {entry['psnr']:.1f} | {entry['psnr_worst']:.1f} | {entry['ssim']:.4f} "
            f"| {entry['max_error']} | {entry['mean_error']:.3f} "
            f"| {entry['bytes'] / MEGABYTE:.2f} "
            f"| {entry['latency_ms'][one]:.1f} | {entry['latency_ms'][two]:.1f} "
            f"| {entry['times_tensorflow']:.2f} "
            f"| {entry['encode_style']['latency_ms'][two]:.1f} "
            f"| {entry['translate']['latency_ms'][two]:.1f} "
            f"| {entry['split_speedup']:.2f} "
            f"| {_megabytes(entry['peak_memory_bytes'])} |"
        )
    ms = report["tensorflow"]["latency_ms"]
    rows.append(
        f"| TensorFlow | | | | | | | | {ms['both']:.1f} | 1.00 "
        f"| {ms[graph.ENCODE_STYLE]:.1f} "
        f"| {ms[graph.TRANSLATE]:.1f} | | |"
    )
    return "\n".join(rows)


def failures(report):
    """One line for each variant that was not written."""
    return [
        f"{name}: expected a PSNR of at least {entry['floor']:g} dB against the Keras "
        f"model, found {entry['psnr']:.1f}; not written"
        for name, entry in report["variants"].items()
        if not entry["written"]
    ]


def markdown(report):
    """report.md."""
    settings = report["settings"]
    versions = ", ".join(f"{k} {v}" for k, v in settings["versions"].items())
    operators = "\n".join(
        f"- {name}: {', '.join(f'{op} {n}' for op, n in entry['operators'].items())}"
        for name, entry in report["variants"].items()
    )
    failed = "".join(f"\n**{line}**\n" for line in failures(report))
    return f"""# TFLite files of {settings["workdir"]}, {settings["direction"]}

- Model: {counted(settings["steps"], "training step")}, ngf {settings["ngf"]}, n_encoder
  {settings["n_encoder"]}, padding {settings["padding"]}, upsample
  {settings["upsample"]}; {settings["height"]}x{settings["width"]} pixels,
  {settings["io"]}.
- PSNR to mean error: against the Keras model on
  {counted(settings["pairs"], "test pair")}, as uint8 images; worst: of the worst pair.
- Latency: median of {counted(settings["runs"], "call")}, both signatures; style,
  translate: each alone, 2 threads; split: how much faster {CONTENTS} contents are with
  one style encoded once.
- Memory: the growth of a process, 1 thread.
- {versions}; {counted(settings["cpus"], "CPU")}, {settings["machine"]}.

{table(report)}
{failed}
Operators:

{operators}
"""


def _megabytes(size):
    return "" if size is None else f"{size / MEGABYTE:.0f}"


def _versions():
    return {
        "egsc_tf": __version__,
        "tensorflow": tf.__version__,
        "ai-edge-litert": metadata.version("ai-edge-litert"),
    }
