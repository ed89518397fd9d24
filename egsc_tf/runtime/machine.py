"""What a program runs on: processor, cores, GPUs and the versions that matter."""

import os
import platform
from typing import Any, Optional

import tensorflow as tf

from egsc_tf.version import __version__

CONTAINER_LIMIT = "/sys/fs/cgroup/memory.max"
CPUINFO = "/proc/cpuinfo"


def describe(replicas: int) -> dict[str, Any]:
    """{"processor", "cores", ...} of this machine, as plain values for JSON.

    replicas: how many of them train in step.
    """
    return {
        "processor": processor(),
        "cores": cores(),
        "gpus": [d.name for d in tf.config.list_physical_devices("GPU")],
        "replicas": replicas,
        "system": f"{platform.system()} {platform.machine()}",
        "onednn": os.environ.get("TF_ENABLE_ONEDNN_OPTS", ""),
        "python": platform.python_version(),
        "tensorflow": tf.__version__,
        "egsc_tf": __version__,
    }


def cores() -> int:
    """How many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def memory() -> int:
    """Bytes of memory that the machine has, or its container may use."""
    size = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    if os.path.exists(CONTAINER_LIMIT):
        with open(CONTAINER_LIMIT, encoding="utf-8") as file:
            limit = file.read().strip()
        if limit.isdigit():  # else "max"
            return min(size, int(limit))
    return size


def processor() -> str:
    """The processor's name as its system gives it."""
    if os.path.exists(CPUINFO):
        with open(CPUINFO, encoding="utf-8") as file:
            for line in file:
                if line.startswith("model name"):
                    return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


def fast_16_bits() -> Optional[str]:
    """The Keras policy of the 16-bit numbers for which this machine has units of its
    own; None: it has none."""
    gpus = tf.config.list_physical_devices("GPU")
    if gpus:
        details = tf.config.experimental.get_device_details(gpus[0])
        capability = details.get("compute_capability", (0, 0))
        if capability >= (8, 0):
            return "mixed_bfloat16"
        return "mixed_float16" if capability >= (7, 0) else None
    if os.path.exists(CPUINFO):
        with open(CPUINFO, encoding="utf-8") as file:
            if {"amx_bf16", "avx512_bf16"} & set(file.read().split()):
                return "mixed_bfloat16"
    return None
