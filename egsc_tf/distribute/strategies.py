"""Where a run trains: one device, all GPUs of a host, several hosts, or a TPU."""

import signal
import threading

import tensorflow as tf
from absl import logging

from egsc_tf.distribute import rendezvous, tf_config
from egsc_tf.errors import UserError
from egsc_tf.runtime.counted import counted
from egsc_tf.version import __version__


def choose(config, tpu="", facts=None):
    """The strategy of a run, whose global batch divides by its replicas.

    MultiWorkerMirroredStrategy where TF_CONFIG names several workers, else TPUStrategy
    with `tpu`, else MirroredStrategy over all GPUs, else one device. With several
    workers it must come before any operation of TensorFlow, and returns when all
    workers are there.

    Args:
      config: egsc_tf.config.Config.
      tpu: "", "local" or the name of a Cloud TPU.
      facts: what else than the flags must not differ between workers; see
        `egsc_tf.distribute.rendezvous`.

    Raises:
      UserError: for a bad TF_CONFIG or TPU or batch, and where workers differ.
      egsc_tf.errors.LostWorker: where workers did not come.
    """
    workers = tf_config.from_environment()
    if tpu and workers:
        raise UserError(
            f"--tpu={tpu}: expected no {tf_config.VARIABLE} with several workers"
        )
    if tpu:
        strategy = _tpu(tpu)
    elif workers:
        gpus = len(tf.config.list_physical_devices("GPU"))
        require_divisible(config, len(workers.addresses) * max(gpus, 1))
        strategy = _several(workers, {**_installed(gpus), **(facts or {})})
    else:
        strategy = local()
    replicas = strategy.num_replicas_in_sync
    require_divisible(config, replicas)
    logging.info(
        "%s on %s, each with %s of each domain in a batch of %d",
        counted(replicas, "replica"),
        counted(len(workers.addresses) if workers else 1, "worker"),
        counted(config.batch_size // replicas, "image"),
        config.batch_size,
    )
    return strategy


def local():
    """MirroredStrategy over all GPUs of this host, or one device."""
    if tf.config.list_logical_devices("GPU"):
        return tf.distribute.MirroredStrategy()
    return tf.distribute.get_strategy()


def require_divisible(config, replicas):
    """Raises UserError where the global batch does not divide by the replicas."""
    if config.batch_size % replicas:
        raise UserError(
            f"--batch_size: expected a multiple of the {replicas} replicas, found "
            f"{config.batch_size}"
        )


def _installed(gpus):
    return {
        "egsc_tf": __version__,
        "TensorFlow": tf.__version__,
        "number of GPUs": gpus,
    }


def _several(workers, facts):
    rendezvous.meet(workers, facts)
    tf.get_logger().setLevel("WARNING")  # else it tells of each collective operation
    strategy = tf.distribute.MultiWorkerMirroredStrategy()
    if threading.current_thread() is threading.main_thread():
        # TensorFlow has put a handler there which ignores the signal.
        signal.signal(signal.SIGTERM, signal.getsignal(signal.SIGTERM))
    return strategy


def _tpu(name):
    try:
        resolver = tf.distribute.cluster_resolver.TPUClusterResolver(tpu=name)
        if name != "local":
            tf.config.experimental_connect_to_cluster(resolver)
        tf.tpu.experimental.initialize_tpu_system(resolver)
        return tf.distribute.TPUStrategy(resolver)
    # The resolver raises what its HTTP and Cloud clients do, besides its own kinds.
    except Exception as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise UserError(
            f"--tpu={name}: expected a TPU, found none: {reason}"
        ) from error
