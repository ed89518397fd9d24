"""The flags of a program: the fields of a frozen dataclass.

    @dataclasses.dataclass(frozen=True)
    class Settings:
        workdir: str = setting(None, "Folder of a run.", required=True)
        seeds: tuple[int, ...] = setting((0,), "Seeds, each a run of its own.")

`define(Settings)` defines --workdir and --seeds, `parse(Settings)` makes a Settings of
what the command line says. The default, help text and bounds of a flag stand in its
field and nowhere else; so do whether it is a path, and when it has an effect. Only
`egsc_tf.runtime.program` reads absl's FLAGS.
"""

import dataclasses
import typing
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Optional, TypeVar

from absl import flags

from egsc_tf.errors import UserError
from egsc_tf.runtime import paths

Field = dataclasses.Field[Any]
T = TypeVar("T")

# A flag belongs to the program that defines it, whose --help lists it.
flags.disclaim_key_flags()


@dataclasses.dataclass(frozen=True)
class Use:
    """When a flag has an effect.

    Attributes:
      of: the flags that decide, by name.
      expected: what they should be, as a message says it.
      holds: gets their values, in this order: whether the flag has an effect.
      hint: gets the flag's value: what else to say of one without effect, or "".
    """

    of: tuple[str, ...]
    expected: str
    holds: Callable[..., bool]
    hint: Callable[[Any], str] = lambda value: ""


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
    path: Optional[str] = None,
    names: Sequence[str] = (),
    use: Optional[Use] = None,
    common: bool = False,
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
      path: what becomes of it, where it is a path or several: READ, FOLDER or FILE of
        `egsc_tf.runtime.paths`.
      names: values of a path that are none.
      use: when it has an effect; None: always.
      common: whether --help describes it, in a class with GROUPS.
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
            "path": path,
            "names": tuple(names),
            "use": use,
            "common": common,
        },
    )


def like(settings: type[Any], name: str, **changes: Any) -> Any:
    """A field as another class has it: like(Config, "height", least=8)."""
    (field,) = (f for f in dataclasses.fields(settings) if f.name == name)
    return setting(**{"default": field.default, **field.metadata, **changes})


def define(settings: type[Any], values: flags.FlagValues = flags.FLAGS) -> None:
    """Defines an absl flag for each field of a dataclass that is a `setting`."""
    for field in settings_of(settings):
        rule, default = field.metadata, field.default
        kind, many = type_of(field)
        common: dict[str, Any] = {
            "name": field.name,
            "default": default,
            "help": rule["help"],
            "flag_values": values,
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
        **{f.name: _value(f, getattr(values, f.name)) for f in settings_of(settings)}
    )
    check(made)
    return made


def check(made: Any) -> None:
    """Raises UserError for a value of a dataclass that its field does not allow."""
    for field in settings_of(made):
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


class Given(typing.NamedTuple):
    """The names of flags, as they were written: --noflip is `noflip`.

    Attributes:
      typed: on the command line itself; all: also in flagfiles.
    """

    typed: frozenset[str] = frozenset()
    all: frozenset[str] = frozenset()

    @classmethod
    def of(cls, typed: Iterable[str], expanded: Iterable[str]) -> "Given":
        """Of the arguments of a command line, and those with the flagfiles' lines."""
        return cls(*(frozenset(map(_name_of, some)) for some in (typed, expanded)))


def require_used(
    made: Sequence[Any], given: Given, uses: Optional[Mapping[str, Use]] = None
) -> None:
    """Raises UserError for a flag that was given and has no effect.

    A flag of a flagfile may have none where the program is why, or another flag that
    was given as well: a preset serves several programs, and is followed by flags that
    overrule it.

    Args:
      made: the dataclasses of a program.
      given: which flags were given.
      uses: {flag: when it has an effect in this program}, beside what its field says.
    """
    values = {f.name: getattr(m, f.name) for m in made for f in settings_of(m)}
    for field in (f for m in made for f in settings_of(m)):
        value = values[field.name]
        if value == field.default or not _among(field.name, given.all):
            continue
        for use in (field.metadata["use"], (uses or {}).get(field.name)):
            if use is None or use.holds(*(values[name] for name in use.of)):
                continue
            overruled = not use.of or any(_among(n, given.all) for n in use.of)
            if _among(field.name, given.typed) or not overruled:
                raise without_effect(field.name, value, use, values)


def idle(made: Any) -> Iterator[tuple[str, UserError]]:
    """Yields (flag, error) of each value that is not the default and has no effect.

    For a dataclass made in Python, of which nobody knows what was given.
    """
    values = {f.name: getattr(made, f.name) for f in settings_of(made)}
    for field in settings_of(made):
        use, value = field.metadata["use"], values[field.name]
        if use is None or value == field.default:
            continue
        if not use.holds(*(values[name] for name in use.of)):
            yield field.name, without_effect(field.name, value, use, values)


def without_effect(
    name: str, value: Any, use: Use, values: Mapping[str, Any]
) -> UserError:
    """The error of a flag without effect; values: of the flags that decide."""
    found = ", ".join(shown(one, values[one]) for one in use.of)
    return UserError(
        f"{shown(name, value)}: expected {use.expected}, as it has no effect otherwise"
        + (f"; found {found}" if found else "")
        + use.hint(value)
    )


def require_given(made: Sequence[Any]) -> None:
    """Raises UserError where a required flag of a program is missing, or empty."""
    missing = [
        f"--{field.name}"
        for one in made
        for field in settings_of(one)
        if field.metadata["required"] and getattr(one, field.name) in (None, "", ())
    ]
    if missing:
        raise UserError(
            f"expected {', '.join(missing)}, found no value; --help describes "
            + ("them" if missing[1:] else "it")
        )


def require_writable(made: Any) -> None:
    """Raises UserError where a path that a program is to write to cannot be."""
    for field in settings_of(made):
        kind, value = field.metadata["path"], getattr(made, field.name)
        if kind in (paths.FOLDER, paths.FILE) and value:
            paths.require_writable(f"--{field.name}={value}", value, kind)


def shown(name: str, value: Any) -> str:
    """A flag as a command line has it."""
    if isinstance(value, bool):
        return f"--{name}" if value else f"--no{name}"
    text = ",".join(map(str, value)) if isinstance(value, tuple) else value
    return f"--{name}={text}"


def _name_of(argument: str) -> str:
    return argument.lstrip("-").partition("=")[0] if argument[:1] == "-" else ""


def _among(name: str, given: frozenset[str]) -> bool:
    return bool({name, f"no{name}"} & given)


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


def settings_of(settings: Any) -> list[Field]:
    """The fields of a dataclass that are flags."""
    return [f for f in dataclasses.fields(settings) if "help" in f.metadata]


def type_of(field: Field) -> tuple[Any, bool]:
    """(type, whether there are many of it): tuple[int, ...] -> (int, True)."""
    inner = typing.get_args(field.type)
    if typing.get_origin(field.type) is tuple:
        return inner[0], True
    return (inner[0] if inner else field.type), False  # Optional[int] -> int


def _value(field: Field, value: Any) -> Any:
    """What absl gives for a flag, as its field has it."""
    kind, many = type_of(field)
    if value is None:
        return None
    if field.metadata["path"]:
        what = shown(field.name, tuple(value) if many else value)
        some = [paths.expand(each, what) for each in (value if many else [value])]
        return tuple(some) if many else some[0]
    if not many:
        return value
    try:
        return tuple(kind(each) for each in value)
    except ValueError as error:
        raise UserError(
            f"--{field.name}: expected integers, found {','.join(value)}"
        ) from error
