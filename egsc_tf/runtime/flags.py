"""The flags of a program: the fields of a frozen dataclass.

    @dataclasses.dataclass(frozen=True)
    class Settings:
        workdir: str = setting(None, "Folder of a run.", required=True)
        seeds: tuple[int, ...] = setting((0,), "Seeds, each a run of its own.")

`define(Settings)` defines --workdir and --seeds, `parse(Settings)` makes a Settings of
what the command line says. The default, help text and bounds of a flag stand in its
field and nowhere else. Only `egsc_tf.runtime.program` reads absl's FLAGS.
"""

import dataclasses
import typing
from collections.abc import Sequence
from typing import Any, Optional, TypeVar

from absl import flags

from egsc_tf.errors import UserError

Field = dataclasses.Field[Any]
T = TypeVar("T")

# A flag belongs to the program that defines it, whose --help lists it.
flags.disclaim_key_flags()


def setting(
    default: Any,
    help: str,
    *,
    least: Optional[float] = None,
    most: Optional[float] = None,
    choices: Optional[Sequence[str]] = None,
    required: bool = False,
    repeated: bool = False,
    may_change: bool = False,
) -> Any:
    """A field of a dataclass that is a flag of the field's name.

    Args:
      default: its value where the flag is not given; None where it is required.
      help: what --help says of it.
      least: the smallest number allowed.
      most: the largest number allowed.
      choices: the strings allowed.
      required: whether the flag must be given.
      repeated: whether a tuple is given as --name=x --name=y, not as --name=x,y.
      may_change: whether a run may be resumed with another value.
    """
    return dataclasses.field(
        default=default,
        metadata={
            "help": help,
            "least": least,
            "most": most,
            "choices": choices,
            "required": required,
            "repeated": repeated,
            "may_change": may_change,
        },
    )


def like(settings: type[Any], name: str, **changes: Any) -> Any:
    """A field as another class has it: like(Config, "height", least=8)."""
    (field,) = (f for f in dataclasses.fields(settings) if f.name == name)
    return setting(**{"default": field.default, **field.metadata, **changes})


def define(settings: type[Any], values: flags.FlagValues = flags.FLAGS) -> None:
    """Defines an absl flag for each field of a dataclass that is a `setting`."""
    for field in _settings_of(settings):
        rule, default = field.metadata, field.default
        kind, many = _type_of(field)
        common: dict[str, Any] = {
            "name": field.name,
            "default": default,
            "help": rule["help"],
            "flag_values": values,
            "required": rule["required"],
        }
        if many:
            if isinstance(default, tuple):
                common["default"] = [str(each) for each in default]
            if rule["repeated"]:
                flags.DEFINE_multi_string(**common)
            else:
                flags.DEFINE_list(**common)
        elif rule["choices"]:
            flags.DEFINE_enum(enum_values=list(rule["choices"]), **common)
        elif kind in _PARSERS:
            common["parser"] = _PARSERS[kind](rule["least"], rule["most"])
            flags.DEFINE(serializer=flags.ArgumentSerializer[Any](), **common)
        elif kind is bool:
            flags.DEFINE_bool(**common)
        else:
            flags.DEFINE_string(**common)


def parse(settings: type[T], values: flags.FlagValues = flags.FLAGS) -> T:
    """The dataclass that parsed flags make. Raises UserError naming a bad flag."""
    made = settings(
        **{f.name: _value(f, getattr(values, f.name)) for f in _settings_of(settings)}
    )
    check(made)
    return made


def check(made: Any) -> None:
    """Raises UserError for a value of a dataclass that its field does not allow."""
    for field in _settings_of(made):
        name, value, rule = field.name, getattr(made, field.name), field.metadata
        if value is None:
            continue
        if rule["choices"] and value not in rule["choices"]:
            raise UserError(
                f"--{name}: expected one of {', '.join(rule['choices'])}; found "
                f"{value!r}"
            )
        # Not `value < least`: NaN is refused, too.
        if rule["least"] is not None and not value >= rule["least"]:
            raise UserError(
                f"--{name}: expected at least {rule['least']}, found {value}"
            )
        if rule["most"] is not None and not value <= rule["most"]:
            raise UserError(f"--{name}: expected at most {rule['most']}, found {value}")


class _BoundsLater:
    """A parser that lets every number pass: `check` holds the bounds, with the same
    words for the command line and for Python. --help still shows them."""

    def is_outside_bounds(self, val: float) -> bool:
        return False


class _Integer(_BoundsLater, flags.IntegerParser):
    pass


class _Float(_BoundsLater, flags.FloatParser):
    pass


_PARSERS = {int: _Integer, float: _Float}


def _settings_of(settings: Any) -> list[Field]:
    return [f for f in dataclasses.fields(settings) if "help" in f.metadata]


def _type_of(field: Field) -> tuple[Any, bool]:
    """(type, whether there are many of it): tuple[int, ...] -> (int, True)."""
    inner = typing.get_args(field.type)
    if typing.get_origin(field.type) is tuple:
        return inner[0], True
    return (inner[0] if inner else field.type), False  # Optional[int] -> int


def _value(field: Field, value: Any) -> Any:
    """What absl gives for a flag, as its field has it."""
    kind, many = _type_of(field)
    if not many:
        return value
    try:
        return tuple(kind(each) for each in value)
    except ValueError as error:
        raise UserError(
            f"--{field.name}: expected integers, found {','.join(value)}"
        ) from error
