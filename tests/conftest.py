"""What all tests share: quiet TensorFlow, two logical CPUs, the shared data."""

import gc
import os
import shutil

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ["CUDA_VISIBLE_DEVICES"] = "-1"
# XLA compiles a step in a fifth of the time then.
os.environ.setdefault("XLA_FLAGS", "--xla_backend_optimization_level=0")

import pytest  # noqa: E402
import tensorflow as tf  # noqa: E402
from absl import logging  # noqa: E402
from support.browser import chromium, open_page  # noqa: E402, F401

from egsc_tf.runtime.keras import keras  # noqa: E402

# Tracing makes millions of objects that stay; looking for cycles among all of them
# again and again takes a tenth of the time.
gc.freeze()
gc.set_threshold(100_000, 20, 100)

tf.config.set_logical_device_configuration(
    tf.config.list_physical_devices("CPU")[0],
    [tf.config.LogicalDeviceConfiguration()] * 2,
)


@pytest.fixture(scope="session")
def two_replicas():
    """MirroredStrategy over two logical CPUs.

    One for the whole process: a second one would number its collective operations from
    the start again and meet the shapes of the first one's.
    """
    devices = [device.name for device in tf.config.list_logical_devices("CPU")]
    assert len(devices) == 2
    return tf.distribute.MirroredStrategy(devices)


@pytest.fixture
def shared():
    """path -> where it is in the shared data; skips where it is not there."""
    root = os.environ.get("EGSC_SHARED", "../shared")

    def find(*parts):
        path = os.path.join(root, *parts)
        if not os.path.exists(path):
            pytest.skip(f"{path} not found: set EGSC_SHARED to a folder that has it")
        return path

    return find


@pytest.fixture(scope="session")
def finished(tmp_path_factory):
    """(folder, trainer) of a whole run of `support.trainers.RUN`; not to be changed."""
    # Here, as most tests have no use for what training imports.
    from support.trainers import RUN

    from egsc_tf.training import run

    folder = str(tmp_path_factory.mktemp("whole") / "run")
    return folder, run.train(RUN, folder)


@pytest.fixture
def finished_copy(finished, tmp_path):
    """The folder of such a run, to be changed."""
    return shutil.copytree(finished[0], str(tmp_path / "run"))


SURVIVED = pytest.StashKey()


@pytest.fixture
def survived(pytestconfig):
    """line -> shown at the end of the session: what was tried and survived."""
    return pytestconfig.stash.setdefault(SURVIVED, []).append


def pytest_terminal_summary(terminalreporter, config):
    for line in config.stash.get(SURVIVED, []):
        terminalreporter.line(f"survived: {line}")


@pytest.fixture(autouse=True)
def plain_settings():
    """Each test starts from, and leaves behind, Keras' default precision, and leaves
    the verbosity of logs as it was."""
    verbosity = logging.get_verbosity()
    keras.mixed_precision.set_global_policy("float32")
    yield
    keras.mixed_precision.set_global_policy("float32")
    logging.set_verbosity(verbosity)
