"""EGSC-IT: exemplar guided unsupervised image-to-image translation, for TensorFlow 2.

    import egsc_tf

    config = egsc_tf.Config(dataset="folder", data_dir="photos")
    egsc_tf.train(config, "runs/photos")
    model = egsc_tf.load("runs/photos")  # an egsc_tf.Translator
    images = model.translate(content, exemplar, direction="a2b")
    results = egsc_tf.evaluate("runs/photos")

A name is imported when it is first used: `import egsc_tf` starts no TensorFlow.
`egsc_tf.train` and `egsc_tf.evaluate` are these functions; the programs of the same
names are for the command line, `python -m egsc_tf.train`.
"""

import importlib
import sys
import types
from typing import TYPE_CHECKING, Any

from egsc_tf.version import __version__

if TYPE_CHECKING:
    from egsc_tf.config import Config
    from egsc_tf.evaluation.scoring import evaluate
    from egsc_tf.models.translator import Translator
    from egsc_tf.run.restore import load
    from egsc_tf.training.run import train

__all__ = ["Config", "Translator", "__version__", "evaluate", "load", "train"]
_HOMES = {
    "Config": "egsc_tf.config",
    "Translator": "egsc_tf.models.translator",
    "evaluate": "egsc_tf.evaluation.scoring",
    "load": "egsc_tf.run.restore",
    "train": "egsc_tf.training.run",
}


class _Package(types.ModuleType):
    """A package whose names stay what they are where a program of the same name is
    imported: Python would put the module in the function's place."""

    def __setattr__(self, name: str, value: Any) -> None:
        if not (name in _HOMES and isinstance(value, types.ModuleType)):
            super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return list(__all__)
