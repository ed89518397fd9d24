"""Lists the programs: `python -m egsc_tf`."""

import ast
import importlib.util
import pkgutil
import sys
from collections.abc import Iterator
from pathlib import Path

PACKAGES = ("egsc_tf", "egsc_tf.export")
STARTED = '\nif __name__ == "__main__":'
HELP = ("--help", "--helpfull", "-h")


def programs() -> Iterator[tuple[str, str]]:
    """Yields (name, what it does in a line) of each; nothing is imported for it."""
    for package in PACKAGES:
        spec = importlib.util.find_spec(package)
        assert spec is not None
        for folder in spec.submodule_search_locations or ():
            for found in sorted(pkgutil.iter_modules([folder]), key=lambda m: m.name):
                path = Path(folder, f"{found.name}.py")
                if found.ispkg or found.name == "__main__":
                    continue
                text = path.read_text(encoding="utf-8")
                if STARTED in text:
                    yield f"{package}.{found.name}", _does(text)


def _does(text: str) -> str:
    """The first line of a module's docstring, without the command in it."""
    line = (ast.get_docstring(ast.parse(text)) or "").partition("\n")[0]
    return line.partition(": `")[0].rstrip(".:")


def text() -> str:
    """What the program prints."""
    lines = ["Programs of egsc_tf; python -m PROGRAM --help tells of each:", ""]
    for name, does in programs():
        lines += [f"  {name}", f"      {does}"]
    lines += [
        "",
        "With photos of your own, in this order: egsc_tf.check_dataset, egsc_tf.new,",
        "egsc_tf.train, egsc_tf.translate.",
    ]
    return "\n".join(lines)


def main(arguments: list[str]) -> int:
    if arguments and arguments[0] not in HELP:
        print(
            f"error: expected python -m egsc_tf.PROGRAM, found {arguments[0]!r} behind "
            "python -m egsc_tf, which lists the programs",
            file=sys.stderr,
        )
        return 2
    print(text())
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
