"""What --help and --helpfull say: the flags of a program, by groups.

A class of settings with GROUPS, {first flag: title}, has many flags: --help describes
its `common` ones and lists the others by name. --helpfull describes all.
"""

import textwrap
from collections.abc import Sequence
from typing import Any

from egsc_tf.runtime.flags import Field, settings_of, type_of

WIDTH = 80
SHORT, FULL = ("help", "helpshort", "h", "?"), ("helpfull",)
EVERYWHERE = (
    ("--flagfile=FILE", "Flags from a file, a line each, or from egsc_tf:NAME."),
    ("--verbosity=N", "-1 warnings, 0 information, 1 debugging."),
    ("--help, --helpfull", "The common flags, all flags."),
)


def asked(arguments: Sequence[str]) -> str:
    """ "help", "helpfull" or "", where the arguments ask for none."""
    for argument in arguments:
        name = argument.lstrip("-")
        if argument == "--":
            break
        if argument != name and name in (*SHORT, *FULL):
            return "helpfull" if name in FULL else "help"
    return ""


def text(about: str, settings: Sequence[type[Any]], full: bool) -> str:
    """The help of a program.

    Args:
      about: the docstring of its module.
      settings: its dataclasses, see `egsc_tf.runtime.flags`.
      full: whether all flags are described.
    """
    first = "Flags" if full else "Common flags"
    groups: dict[str, list[Field]] = {first: []}
    for each in settings:
        titles, title = getattr(each, "GROUPS", {}), first
        for field in settings_of(each):
            title = titles.get(field.name, title)
            common = not titles or (field.metadata["common"] and not full)
            groups.setdefault(first if common else title, []).append(field)
    groups[first].sort(key=lambda field: not field.metadata["required"])
    parts = [about.strip()]
    for title, fields in groups.items():
        if full or title == first:
            described = [_described(_name(f), _sentence(f)) for f in fields]
            parts.append("\n".join([f"{title}:", *described]))
        else:
            names = ", ".join(map(_name, fields))
            parts.append(f"{title}:\n{_wrapped(names, 2)}")
    parts.append(
        "\n".join(["Of every program:", *(_described(*each) for each in EVERYWHERE)])
    )
    return "\n\n".join(parts) + "\n"


def _name(field: Field) -> str:
    return f"--[no]{field.name}" if type_of(field)[0] is bool else f"--{field.name}"


def _sentence(field: Field) -> str:
    rule, default = field.metadata, field.default
    notes = []
    if rule["required"]:
        notes.append("required")
    elif default not in (None, "", ()):
        notes.append(f"default: {_value(default)}")
    if rule["choices"]:
        notes.append(f"one of {', '.join(rule['choices'])}")
    notes += [f"at least {rule['least']}"] if rule["least"] is not None else []
    notes += [f"at most {rule['most']}"] if rule["most"] is not None else []
    return rule["help"] + (f" ({'; '.join(notes)})" if notes else "")


def _value(default: Any) -> str:
    if isinstance(default, bool):
        return "on" if default else "off"
    return ",".join(map(str, default)) if isinstance(default, tuple) else str(default)


def _described(name: str, sentence: str) -> str:
    return f"  {name}\n{_wrapped(sentence, 6)}"


def _wrapped(words: str, indent: int) -> str:
    space = " " * indent
    return textwrap.fill(
        words,
        WIDTH,
        initial_indent=space,
        subsequent_indent=space,
        break_long_words=False,
        break_on_hyphens=False,
    )
