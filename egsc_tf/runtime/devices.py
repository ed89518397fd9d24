"""What a run computes on, and how: its devices, XLA, determinism; told in one line."""

import contextlib
import glob
import os
import shutil
import subprocess
from collections.abc import Iterator
from typing import TYPE_CHECKING

import tensorflow as tf
from absl import logging

from egsc_tf.errors import OutOfMemory, UserError, is_out_of_memory, telling_line
from egsc_tf.runtime import machine
from egsc_tf.runtime.counted import counted
from egsc_tf.runtime.keras import keras

if TYPE_CHECKING:
    from egsc_tf.config import Config

GIBIBYTE = 2**30
HIDING = "CUDA_VISIBLE_DEVICES"


def set_up(config: "Config", strategy: tf.distribute.Strategy) -> bool:
    """Seeds and makes deterministic what the flags say; tells of it.

    Args:
      config: egsc_tf.config.Config.
      strategy: of tf.distribute.

    Returns:
      Whether XLA compiles the steps.
    """
    warn_of_unseen_gpu()
    xla, deterministic = uses_xla(config), is_deterministic(config)
    keras.utils.set_random_seed(config.seed)
    if deterministic:
        tf.config.experimental.enable_op_determinism()
    logging.info(
        "computing on %s; %s, XLA %s, deterministic operations %s",
        described(strategy),
        config.mixed_precision,
        "on" if xla else "off",
        "on" if deterministic else "off",
    )
    return xla


def has_gpu() -> bool:
    """Whether TensorFlow computes on a GPU here."""
    return bool(tf.config.list_logical_devices("GPU"))


def uses_xla(config: "Config") -> bool:
    """Whether XLA compiles the steps: --jit_compile; auto: where there is a GPU for
    which it can compile."""
    if config.jit_compile != "auto":
        return config.jit_compile == "on"
    if not has_gpu():
        return False
    problem = problem_of_xla()
    if problem:
        logging.warning(
            "--jit_compile=auto: XLA cannot compile for this GPU, so the steps run "
            "without it, slower; --jit_compile=off says so without this warning. %s",
            problem,
        )
    return not problem


def problem_of_xla() -> str:
    """What XLA says where it cannot compile: where CUDA's libdevice or ptxas are not
    found, for example; "": it can."""
    try:
        tf.function(tf.exp, jit_compile=True, autograph=False)(tf.zeros([8]))
    except tf.errors.OpError as error:
        return error.message.splitlines()[0]
    return ""


def is_deterministic(config: "Config") -> bool:
    """Whether operations must be deterministic: --deterministic; auto: on CPUs."""
    if config.deterministic == "auto":
        return not has_gpu()
    return config.deterministic == "on"


def described(strategy: tf.distribute.Strategy) -> str:
    """The devices that are used, in words: "2 GPUs (NVIDIA A100; 40.0 GiB each)"."""
    if isinstance(strategy, tf.distribute.TPUStrategy):
        return f"{counted(strategy.num_replicas_in_sync, 'core')} of a TPU"
    gpus = tf.config.list_physical_devices("GPU")
    if not gpus:
        size = machine.memory() / GIBIBYTE
        cores = counted(machine.cores(), "core")
        return f"the CPU ({machine.processor()}, {cores}, {size:.1f} GiB)"
    details = map(tf.config.experimental.get_device_details, gpus)
    names = sorted({each.get("device_name", "of unknown name") for each in details})
    return f"{counted(len(gpus), 'GPU')} ({', '.join(names)}{_memory_of_gpus()})"


def _memory_of_gpus() -> str:
    """ "; 40.0 GiB each", as NVIDIA's own tool tells, where it is there."""
    tool = shutil.which("nvidia-smi")
    if tool is None:
        return ""
    query = [tool, "--query-gpu=memory.total", "--format=csv,noheader,nounits"]
    told = subprocess.run(query, capture_output=True, text=True, check=False).stdout
    sizes = sorted({int(line) for line in told.split() if line.isdigit()})
    return "".join(f"; {size / 1024:.1f} GiB each" for size in sizes)


def warn_of_unseen_gpu(root: str = "/") -> None:
    """Warns where the machine has an NVIDIA GPU and TensorFlow sees none.

    root: of the file system.
    """
    if tf.config.list_physical_devices("GPU") or os.environ.get(HIDING) in ("", "-1"):
        return
    signs = glob.glob(os.path.join(root, "dev/nvidia[0-9]*"))
    if signs:
        logging.warning(
            "this machine has an NVIDIA GPU (%s), but TensorFlow %s sees none: the CPU "
            "computes. Its libraries of CUDA may be missing: python -m pip install "
            "'tensorflow[and-cuda]==%s'. TF_CPP_MIN_LOG_LEVEL=0 shows what TensorFlow "
            "does not find",
            signs[0],
            tf.__version__,
            tf.__version__,
        )


@contextlib.contextmanager
def explaining(config: "Config") -> Iterator[None]:
    """Within it, what a device cannot do is said in one line, with the flags that help.

    Raises:
      OutOfMemory: a UserError, for too little memory.
      UserError: for an operation without a deterministic kernel on this device.
    """
    try:
        yield
    except (tf.errors.OpError, MemoryError) as error:
        if is_out_of_memory(error):
            raise OutOfMemory(
                f"expected enough memory, found too little. {advice(config)}. "
                + telling_line(error, is_out_of_memory)
            ) from error
        if isinstance(error, tf.errors.UnimplementedError) and _of_determinism(error):
            raise UserError(
                f"--deterministic={config.deterministic}: expected operations with "
                "deterministic kernels; --deterministic=off goes without. "
                + telling_line(error, _of_determinism)
            ) from error
        raise


def advice(config: "Config") -> str:
    """What needs less memory than a run does now."""
    new = [f"a smaller --batch_size ({config.batch_size} now)"]
    if config.mixed_precision == "float32":
        new.append("--mixed_precision=mixed_bfloat16")
    advice = f"A new --workdir may have {' or '.join(new)}"
    if not config.gradient_checkpointing:
        advice += "; this run may go on with --gradient_checkpointing"
    return advice


def _of_determinism(error: object) -> bool:
    return "determinis" in str(error).lower()
