"""How cost grows: the benchmark over values of a flag, as table, plot and JSON.

    python -m egsc_tf.benchmark_growth --flagfile=egsc_tf:celeba_64 \
        --vary=batch_size:1,2,4,8 --vary=size:32,64,128 --output_dir=runs/growth

`size` is height and width, `replicas` logical CPUs; all else is a flag of training.
Each value is measured in a process of its own, on images of noise.
"""

from egsc_tf.runtime.program import run  # first: it quiets the start of TensorFlow

# isort: split
import dataclasses
import json
import os
import subprocess
import sys
import tempfile

import matplotlib.figure
from absl import logging

from egsc_tf.benchmarking.uses import OF_GROWTH
from egsc_tf.config import Config
from egsc_tf.errors import UserError
from egsc_tf.runtime import paths
from egsc_tf.runtime.files import whole_file, write_whole
from egsc_tf.runtime.flags import setting

GIBIBYTE = 2**30
COLUMNS = ("value", "images/s", "step in s", "GFLOP/s", "of peak", "GiB at most")


@dataclasses.dataclass(frozen=True)
class Settings:
    """What is varied."""

    vary: tuple[str, ...] = setting(
        None, "NAME:N,N,...; may be given several times.", required=True, repeated=True
    )
    seconds: float = setting(5.0, "How long each step is repeated.", least=0.0)
    output_dir: str = setting(
        None, "Folder to write to.", required=True, path=paths.FOLDER
    )


def parse(text):
    """ "size:32,64" -> ("size", [32, 64]). Raises UserError."""
    name, _, values = text.partition(":")
    known = {f.name for f in dataclasses.fields(Config) if f.type is int}
    try:
        found = [int(value) for value in values.split(",")]
    except ValueError:
        found = []
    if not found or name not in known | {"size", "replicas"}:
        raise UserError(
            f"--vary={text}: expected NAME:N,N,... with size, replicas or a flag that "
            "is a whole number"
        )
    return name, found


def flags_of(name, value):
    """The flags of egsc_tf.benchmark that set a varied quantity."""
    names = ("height", "width") if name == "size" else (name,)
    return [f"--{one}={value}" for one in names]


def check(config, name, value):
    """Raises UserError for a value that no run may have."""
    try:
        if name != "replicas":
            names = ("height", "width") if name == "size" else (name,)
            dataclasses.replace(config, **dict.fromkeys(names, value))
        elif value < 1:
            raise UserError("--replicas: expected at least 1")
    except UserError as error:
        raise UserError(f"--vary={name}:{value}: {error}") from error


def measure(preset, name, value, seconds):
    """What egsc_tf.benchmark finds for one value. Raises UserError where it fails."""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "found.json")
        command = [sys.executable, "-m", "egsc_tf.benchmark", f"--flagfile={preset}"]
        command += [*flags_of(name, value), "--synthetic", "--what=train"]
        command += [f"--seconds={seconds}", f"--json={path}"]
        done = subprocess.run(command, check=False, capture_output=True, text=True)
        if done.returncode:
            last = (done.stderr.strip().splitlines() or ["no message"])[-1]
            raise UserError(f"--vary={name}:{value}: the benchmark failed: {last}")
        with open(path, encoding="utf-8") as file:
            return json.load(file)


def row(value, found):
    """COLUMNS of one measurement, as text."""
    train, most = found["train"], found["train"]["peak_memory_bytes"]
    return (
        str(value),
        f"{train['images_per_s']:.2f}",
        f"{train['step']['median_s']:.3f}",
        f"{train['gflops']:.0f}",
        f"{100 * train['share_of_peak']:.0f} %",
        "?" if most is None else f"{most / GIBIBYTE:.2f}",
    )


def to_markdown(results):
    """A table for each varied quantity: {name: {value: found}}."""
    tables = []
    for name, by_value in results.items():
        rows = [(name, *COLUMNS[1:]), ["---"] * len(COLUMNS)]
        rows += [row(value, found) for value, found in by_value.items()]
        tables.append("\n".join(f"| {' | '.join(cells)} |" for cells in rows))
    return "\n\n".join(tables) + "\n"


def plot(path, results):
    """Writes a PNG: images/s of each domain over each varied quantity."""
    count = len(results)
    figure = matplotlib.figure.Figure(figsize=(3.5 * count, 3), layout="tight")
    axes = figure.subplots(1, count, squeeze=False)[0]
    for axis, (name, by_value) in zip(axes, results.items()):
        rates = [found["train"]["images_per_s"] for found in by_value.values()]
        axis.plot(list(by_value), rates, marker="o")
        axis.set(xlabel=name, ylabel="images/s of each domain", xticks=list(by_value))
        axis.set_ylim(0.0, 1.1 * max(rates))
    with whole_file(path) as part:
        figure.savefig(part, format="png", dpi=100)


def measure_all(preset, varied, seconds):
    """({name: {value: found}}, [what failed]): one value's failure loses no other."""
    results, failed = {}, []
    for name, values in varied.items():
        for value in values:
            try:
                found = measure(preset, name, value, seconds)
            except UserError as error:
                failed.append(str(error))
                continue
            results.setdefault(name, {})[value] = found
            logging.info("%s", " | ".join((name, *row(value, found))))
    return results, failed


def write(folder, results):
    """growth.json, growth.md and growth.png; returns the tables."""
    table = to_markdown(results)
    for name, text in (
        ("growth.json", json.dumps(results, indent=2)),
        ("growth.md", table),
    ):
        path = os.path.join(folder, name)
        write_whole(path, text)
    plot(os.path.join(folder, "growth.png"), results)
    return table


def main(config, settings):
    varied = dict(map(parse, settings.vary))
    if len(varied) < len(settings.vary):
        raise UserError(
            f"--vary: expected different names, found {', '.join(settings.vary)}"
        )
    for name, values in varied.items():
        for value in values:
            check(config, name, value)
    with tempfile.TemporaryDirectory() as folder:
        preset = os.path.join(folder, "preset.flags")
        config.save_as(preset)
        results, failed = measure_all(preset, varied, settings.seconds)
    if results:
        print(write(settings.output_dir, results))
    if failed:
        raise UserError("\n".join(failed))


if __name__ == "__main__":
    run(main, Config, Settings, uses=OF_GROWTH)
