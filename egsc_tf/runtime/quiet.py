"""Keeps off a program's output what TensorFlow writes at its start everywhere."""

import contextlib
import importlib.abc
import importlib.machinery
import importlib.util
import logging as python_logging
import os
import sys
import tempfile
import types
from collections.abc import Iterator, Sequence
from typing import Optional

from absl import logging

# TensorFlow 2.21 logs it at each save of a checkpoint.
CHATTER = "Sharding callback"


def start() -> None:
    """Before TensorFlow is imported, in a process of our own."""
    # On a machine without a GPU TensorFlow prints many lines about CUDA plug-ins. Real
    # failures arrive as Python exceptions all the same.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    if importlib.util.find_spec("tf_keras"):
        # TensorFlow imports a whole Keras: this one, not Keras 3, which takes twice the
        # time and is not used.
        os.environ.setdefault("TF_USE_LEGACY_KERAS", "1")
    if "tensorflow" not in sys.modules:
        sys.meta_path.insert(0, _QuietImport())
    logging.get_absl_logger().addFilter(_is_no_chatter)


def _is_no_chatter(record: python_logging.LogRecord) -> bool:
    return not str(record.msg).startswith(CHATTER)


class _QuietImport(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Imports TensorFlow, once, without what it writes to the standard error stream.

    TensorFlow 2.21 writes some lines before it reads TF_CPP_MIN_LOG_LEVEL.
    """

    def __init__(self) -> None:
        self.loader: Optional[importlib.abc.Loader] = None

    def find_spec(
        self,
        fullname: str,
        path: Optional[Sequence[str]],
        target: Optional[types.ModuleType] = None,
    ) -> Optional[importlib.machinery.ModuleSpec]:
        if fullname != "tensorflow":
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(fullname)
        if spec:
            self.loader, spec.loader = spec.loader, self
        return spec

    def create_module(
        self, spec: importlib.machinery.ModuleSpec
    ) -> Optional[types.ModuleType]:
        assert self.loader
        return self.loader.create_module(spec)

    def exec_module(self, module: types.ModuleType) -> None:
        assert self.loader
        assert module.__spec__
        module.__spec__.loader = module.__loader__ = self.loader
        with stderr_held_back():
            self.loader.exec_module(module)


@contextlib.contextmanager
def stderr_held_back() -> Iterator[None]:
    """Drops what is written to file descriptor 2, or shows it where the body fails."""
    sys.stderr.flush()
    before = os.dup(2)
    with tempfile.TemporaryFile() as held:
        os.dup2(held.fileno(), 2)
        try:
            yield
        except BaseException:
            held.seek(0)
            os.write(before, held.read())
            raise
        finally:
            sys.stderr.flush()
            os.dup2(before, 2)
            os.close(before)
