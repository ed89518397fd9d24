"""Measures speed and memory of a preset on this machine:

    python -m egsc_tf.benchmark --flagfile=egsc_tf:celeba_64 --synthetic

Weights are random, nothing is trained. Prints a summary and, with --json, writes all
numbers as JSON; --vs=JSON compares with such a file, as ratios.
"""

from egsc_tf.runtime.program import run  # first: it quiets the start of TensorFlow

# isort: split
import dataclasses
import json

import tensorflow as tf
from absl import logging

from egsc_tf.benchmarking import start, training, translating
from egsc_tf.benchmarking.peak import Peak
from egsc_tf.benchmarking.summary import compare, summary
from egsc_tf.benchmarking.synthetic import Synthetic
from egsc_tf.benchmarking.uses import OF_BENCHMARK, READ_BY
from egsc_tf.config import Config
from egsc_tf.data import python_op
from egsc_tf.data.source import check as check_data
from egsc_tf.data.source import open_source
from egsc_tf.distribute import strategies
from egsc_tf.errors import UserError
from egsc_tf.runtime import devices, machine, paths
from egsc_tf.runtime.files import write_whole
from egsc_tf.runtime.flags import setting
from egsc_tf.runtime.keras import keras

ONE_PROCESS = ("train", "translate", "input", "export")
WHAT = (*ONE_PROCESS, "start")


@dataclasses.dataclass(frozen=True)
class Settings:
    """What is measured, and what becomes of the numbers."""

    what: tuple[str, ...] = setting(ONE_PROCESS, f"Some of {', '.join(WHAT)}.")
    synthetic: bool = setting(False, "Images of noise: no data set is read.")
    seconds: float = setting(10.0, "How long each call is repeated.", least=0.0)
    replicas: int = setting(
        0, "0: all GPUs or one device; N: N logical CPUs, mirrored.", least=0
    )
    json: str = setting("", "JSON file to write.", path=paths.FILE)
    vs: str = setting("", "JSON file of another run to compare with.", path=paths.READ)


def benchmark(config, settings):
    """All numbers of a Config, as a dict for JSON.

    Raises:
      UserError: for data that are missing or bad.
    """
    keras.mixed_precision.set_global_policy(config.mixed_precision)
    what = settings.what
    if settings.replicas:
        strategy = _logical_cpus(settings.replicas)
    else:
        strategy = strategies.local()
    strategies.require_divisible(config, strategy.num_replicas_in_sync)
    xla = devices.set_up(config, strategy)
    reads_here = {*READ_BY} & {*what} & {*ONE_PROCESS}
    if "start" in what and not settings.synthetic:
        check_data(config, "train")  # its processes would say so late
    if settings.synthetic or not reads_here:
        source = Synthetic(config.height, config.width)
    else:
        source = open_source(config, "train")
    with python_op.errors_as_raised():
        return _measured(config, settings, source, strategy, xla)


def _measured(config, settings, source, strategy, xla):
    what, seconds = settings.what, settings.seconds
    peak = Peak()
    found = {
        "flags": {k: v for k, v in vars(config).items() if v != _DEFAULTS[k]},
        "synthetic": settings.synthetic,
        "machine": machine.describe(strategy.num_replicas_in_sync),
        "peak": peak.rates,
    }
    if "train" in what:
        found["train"] = training.measure(config, source, strategy, seconds, peak, xla)
    if "translate" in what:
        found["translate"] = translating.measure_translation(config, seconds, peak)
    if "input" in what:
        batches = 1 if config.fused_update else 1 + config.g_update
        found["input"] = translating.measure_input(config, source, batches, seconds)
    if "export" in what:
        found["export"] = translating.measure_export(config, seconds)
    if "start" in what:
        found["start"] = start.measure(config, settings.synthetic)
    return found


_DEFAULTS = vars(Config())


def _logical_cpus(replicas):
    """MirroredStrategy over as many logical CPUs."""
    tf.config.set_logical_device_configuration(
        tf.config.list_physical_devices("CPU")[0],
        [tf.config.LogicalDeviceConfiguration()] * replicas,
    )
    names = [device.name for device in tf.config.list_logical_devices("CPU")]
    return tf.distribute.MirroredStrategy(names)


def _read(path):
    try:
        with open(path, encoding="utf-8") as file:
            found = json.load(file)
    except (OSError, ValueError) as error:
        raise UserError(
            f"--vs={path}: expected what --json wrote, found: {error}"
        ) from error
    if not isinstance(found, dict) or not {"flags", "machine"} <= {*found}:
        raise UserError(f"--vs={path}: expected what --json wrote, found other JSON")
    return found


def main(config, settings):
    wrong = {*settings.what} - {*WHAT}
    if wrong or not settings.what:
        raise UserError(
            f"--what: expected some of {', '.join(WHAT)}, found "
            f"{','.join(settings.what) or 'none'}"
        )
    old = _read(settings.vs) if settings.vs else None
    found = benchmark(config, settings)
    print(summary(found))
    if old:
        ratios = compare(found, old)
        found["vs"] = {"file": settings.vs, "ratios": ratios}
        if found["flags"] != old.get("flags"):
            logging.warning("--vs=%s: was measured with other flags", settings.vs)
        print(f"against {settings.vs}:")
        for name, ratio in ratios.items():
            if name.endswith(("/median_s", "per_s", "/gflops", "memory_bytes")):
                print(f"  {ratio:6.2f} {name}")
    if settings.json:
        write_whole(settings.json, json.dumps(found, indent=2))


if __name__ == "__main__":
    run(main, Config, Settings, uses=OF_BENCHMARK)
