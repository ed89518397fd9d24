"""A hook of MkDocs: makes the reference pages that the code itself knows best.

reference/flags.md from the fields of Config, reference/commands.md from each program's
--help, reference/exit_codes.md from EXIT_CODES. Nothing is written to docs/. In any
page a line `<!-- code: FILE NAME -->` becomes the source of a function or a
CLASS.METHOD.
"""

import ast
import dataclasses
import functools
import json
import re
import subprocess
import sys
import textwrap
from pathlib import Path

from mkdocs.structure.files import File

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]


def on_files(files, config):
    sys.path.insert(0, str(ROOT))
    for path, make in (
        ("reference/flags.md", flags_page),
        ("reference/commands.md", commands_page),
        ("reference/exit_codes.md", exit_codes_page),
    ):
        files.append(File.generated(config, path, content=make()))
    return files


def on_page_markdown(markdown, **_):
    def source(found):
        return f"```python\n{source_of(ROOT / found[1], found[2])}\n```"

    return re.sub(r"<!-- code: (\S+) (\S+) -->", source, markdown)


def on_page_content(html, **_):
    """No line ends between the hyphens of a flag in the text."""

    def kept(code):
        return re.sub(r"(?<![\w-])(--\w+)", r'<span class="flag">\1</span>', code[0])

    return re.sub(r"<code>[^<]*</code>", kept, html)


def source_of(path, name):
    """The lines of a function of a file; name: CLASS.METHOD or FUNCTION."""
    text = path.read_text(encoding="utf-8")
    node = ast.parse(text)
    for part in name.split("."):
        node = next(n for n in node.body if getattr(n, "name", None) == part)
    lines = text.splitlines()[node.lineno - 1 : node.end_lineno]
    return textwrap.dedent("\n".join(lines))


def flags_page():
    from egsc_tf.config import Config

    lines = [
        "# Flags of a run",
        "",
        "`egsc_tf.train` takes these flags, and a flagfile may hold any of them.",
        "A run keeps them in `WORKDIR/run.flags`.",
        "A flag on the command line wins over one in a `--flagfile` before it.",
        "",
        "A flag marked **yes** under *may change* can differ when a run is started "
        "again. Any other changed flag is refused, unless `--override_run` is given.",
        "The flags of all programs are listed in [Commands](commands.md).",
    ]
    for field in dataclasses.fields(Config):
        if field.name in Config.GROUPS:
            lines += [
                "",
                f"## {Config.GROUPS[field.name]}",
                "",
                "| flag | default | values | may change | meaning |",
                "|---|---|---|---|---|",
            ]
        rule = field.metadata
        cells = (
            f"`--{field.name}`",
            f"`{_shown(field.default)}`" if field.default != "" else "(empty)",
            _values(field.type, rule),
            "**yes**" if rule["may_change"] else "",
            rule["help"].replace("|", "\\|"),
        )
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _shown(value):
    return str(value).lower() if isinstance(value, bool) else f"{value}"


def _values(kind, rule):
    if rule["choices"]:
        return ", ".join(f"`{choice}`" for choice in rule["choices"])
    name = {bool: "yes or no", int: "integer", float: "number", str: "text"}[kind]
    low, high = rule["least"], rule["most"]
    if low is not None and high is not None:
        return f"{name}, {low} to {high}"
    if low is not None:
        return f"{name}, at least {low}"
    return name


def commands_page():
    lines = [
        "# Commands",
        "",
        "What `python -m PROGRAM --helpfull` prints. `--help` prints less: the common "
        "flags, and the names of the others.",
    ]
    for program, text in _help_texts().items():
        lines += ["", f"## {program}", "", "```text", text, "```"]
    return "\n".join(lines) + "\n"


@functools.lru_cache(maxsize=1)
def _help_texts():
    """Made once, however often `mkdocs serve` builds."""
    made = subprocess.run(
        [sys.executable, str(HERE / "help_texts.py")],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return json.loads(made.stdout)


def exit_codes_page():
    from egsc_tf.errors import EXIT_CODES

    lines = [
        "# Exit codes",
        "",
        "Every `python -m egsc_tf...` ends with one of these codes.",
        "",
        "| exit code | meaning |",
        "|---|---|",
        *(f"| {code} | {text} |" for code, text in EXIT_CODES.items()),
        "",
        "Code 75 is the one after which a scheduler should start the same command "
        "again. See [Stop and resume](../guides/resume.md) and "
        "[Several hosts](../guides/distributed.md).",
        "",
        "Some programs finish what they can and then report what they left out:",
        "",
        "| program | ends with 2 after |",
        "|---|---|",
        "| `egsc_tf.check_dataset` | a folder on which training would not start |",
        "| `egsc_tf.beam_translate` | inputs that it left out (dead letters) |",
        "| `egsc_tf.export.client` | files that the server refused, or that it could "
        "not read |",
    ]
    return "\n".join(lines) + "\n"
