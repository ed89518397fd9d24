"""Flags of a dataclass: what is defined, what is parsed, what is refused."""

import dataclasses
import sys
from typing import Optional

import pytest
from absl import app
from absl import flags as absl_flags

from egsc_tf.errors import UserError
from egsc_tf.runtime import program
from egsc_tf.runtime.flags import check, define, like, parse, require_given, setting


@dataclasses.dataclass(frozen=True)
class Place:
    workdir: str = setting(None, "Folder of a run.", required=True)


@dataclasses.dataclass(frozen=True)
class Settings(Place):
    fast: bool = setting(False, "Whether to hurry.")
    steps: int = setting(3, "How many.", least=1, most=9)
    rate: float = setting(0.5, "How fast.", least=0.0)
    version: Optional[int] = setting(None, "Which; empty: the latest.", least=1)
    mode: str = setting("x", "Way.", choices=("x", "y"))
    names: tuple[str, ...] = setting(("a", "b"), "Names.")
    seeds: tuple[int, ...] = setting((0,), "Seeds.")
    vary: tuple[str, ...] = setting((), "Several times.", repeated=True)
    found: str = "no flag"


def parsed(*arguments, of=Settings):
    values = absl_flags.FlagValues()
    define(of, values)
    values(["program", "--workdir=w", *arguments])
    return parse(of, values)


def test_defaults_are_the_dataclasss():
    assert parsed() == Settings(workdir="w")


def test_every_type_is_parsed():
    assert parsed(
        "--fast",
        "--steps=9",
        "--rate=2",
        "--version=7",
        "--mode=y",
        "--names=c",
        "--seeds=4,-5",
        "--vary=p:1,2",
        "--vary=q",
    ) == Settings("w", True, 9, 2.0, 7, "y", ("c",), (4, -5), ("p:1,2", "q"), "no flag")
    assert parsed("--names=").names == ()
    assert parsed("--nofast").fast is False


@pytest.mark.parametrize(
    ("flag", "error", "message"),
    [
        ("--steps=0", UserError, "--steps: expected at least 1, found 0"),
        ("--steps=10", UserError, "--steps: expected at most 9, found 10"),
        ("--rate=nan", UserError, "--rate: expected at least 0.0, found nan"),
        ("--version=0", UserError, "--version: expected at least 1, found 0"),
        ("--seeds=1,x", UserError, "--seeds: expected integers, found 1,x"),
        ("--mode=z", absl_flags.Error, "--mode=z"),
        ("--steps=x", absl_flags.Error, "--steps=x"),
        ("--found=x", absl_flags.Error, "found"),
    ],
)
def test_a_bad_value_is_named(flag, error, message):
    with pytest.raises(error, match=message):
        parsed(flag)


def test_a_required_flag_must_be_given():
    for missing in (None, ""):
        with pytest.raises(UserError, match="^expected --workdir, found no value"):
            require_given([Settings(missing)])
    require_given([Settings("w")])


def test_python_users_are_checked_too():
    with pytest.raises(UserError, match="--mode: expected one of x, y; found 'z'"):
        check(Settings("w", mode="z"))


def test_a_field_like_another():
    @dataclasses.dataclass(frozen=True)
    class Other(Place):
        steps: int = like(Settings, "steps", help="Of the other.", least=2)

    values = absl_flags.FlagValues()
    define(Other, values)
    assert values["steps"].default == 3
    assert values["steps"].help.startswith("Of the other.")
    with pytest.raises(UserError, match="--steps: expected at least 2, found 1"):
        parsed("--steps=1", of=Other)


def test_help_tells_the_bounds():
    values = absl_flags.FlagValues()
    define(Settings, values)
    text = values.get_help()
    for part in ("a positive integer", "a non-negative number", "range [1, 9]"):
        assert part in text


def test_a_program_gets_its_settings_and_the_rest(monkeypatch):
    values, given = absl_flags.FlagValues(), []
    monkeypatch.setattr(program, "define", lambda each: define(each, values))
    monkeypatch.setattr(program, "parse", lambda each: parse(each, values))
    monkeypatch.setattr(sys.stdout, "reconfigure", lambda **_: None, raising=False)

    def run(guarded, **_):
        arguments = ["program", "--workdir=w", "--steps=2", "--more"]
        return guarded(values(arguments, known_only=True))

    monkeypatch.setattr(app, "run", run)
    program.run(lambda *all_: given.extend(all_), Settings, with_rest=True)
    assert given == [Settings("w", steps=2), ["--more"]]
