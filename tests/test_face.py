"""What a Python user meets: the package's names."""

import importlib
import inspect
import subprocess
import sys
import typing
from pathlib import Path

import pytest

import egsc_tf

HOMES = {
    "Config": "egsc_tf.config",
    "Translator": "egsc_tf.models.translator",
    "evaluate": "egsc_tf.evaluation.scoring",
    "load": "egsc_tf.run.restore",
    "train": "egsc_tf.training.run",
}


def test_importing_the_package_starts_no_tensorflow():
    code = (
        "import sys, egsc_tf; dir(egsc_tf); egsc_tf.Config(); egsc_tf.__version__; "
        "sys.exit('tensorflow' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_names_are_what_their_homes_have():
    assert set(dir(egsc_tf)) == {*HOMES, "__version__"} == set(egsc_tf.__all__)
    for name, home in HOMES.items():
        assert getattr(egsc_tf, name) is getattr(importlib.import_module(home), name)
    assert Path(egsc_tf.__file__).with_name("py.typed").exists()
    with pytest.raises(AttributeError, match="'egsc_tf' has no attribute 'translete'"):
        egsc_tf.translete  # noqa: B018


def test_functions_stay_where_programs_of_their_names_are_imported():
    for name in ("train", "evaluate"):
        program = importlib.import_module(f"egsc_tf.{name}")
        assert inspect.ismodule(program)
        assert program.main
        assert inspect.isfunction(getattr(egsc_tf, name))
    from egsc_tf import train

    assert train is egsc_tf.train


@pytest.mark.parametrize("name", HOMES)
def test_names_say_how_they_are_used(name):
    value = getattr(egsc_tf, name)
    assert f"egsc_tf.{name}" in value.__doc__ or "egsc_tf.load" in value.__doc__
    functions = [value] if inspect.isfunction(value) else vars(value).values()
    for function in filter(inspect.isfunction, functions):
        if not function.__name__.startswith("_"):
            hints = typing.get_type_hints(function)
            needed = {*inspect.signature(function).parameters, "return"} - {"self"}
            assert needed <= {*hints}, function
