"""How every `python -m egsc_tf.NAME` starts and ends; imported before TensorFlow."""

import io
import os
import sys
from collections.abc import Callable, Mapping
from typing import Any, Optional

from egsc_tf.runtime import quiet

quiet.start()
# TensorFlow chooses oneDNN's convolutions by itself only on processors with AVX512_VNNI
# or newer; with AVX2 alone they are faster, too (docs/results/speed.md).
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")

from absl import app, flags, logging  # noqa: E402

from egsc_tf.errors import (  # noqa: E402
    DIVERGED,
    INTERRUPTED,
    REFUSED,
    STOPPED,
    Diverged,
    Interrupted,
    UserError,
    is_no_space,
    is_out_of_memory,
    telling_line,
)
from egsc_tf.runtime import flagfiles, help_text  # noqa: E402
from egsc_tf.runtime.flags import (  # noqa: E402
    Given,
    Use,
    define,
    parse,
    require_given,
    require_used,
    require_writable,
)

# A program's flags are its own, not this module's: --help lists them.
flags.disclaim_key_flags()
# {flag: what it is called now}.
RENAMED = {"style_strength": "strength"}


def run(
    main: Callable[..., Optional[int]],
    *settings: type[Any],
    with_rest: bool = False,
    uses: Optional[Mapping[str, Use]] = None,
) -> None:
    """Runs main() with what the command line says; user mistakes end in one line.

    Args:
      main: gets one of each of `settings`, and gives the exit code (None: 0).
      settings: dataclasses whose fields are the program's flags, see
        `egsc_tf.runtime.flags`.
      with_rest: main gets also the list of the arguments that are no flags of the
        program.
      uses: {flag: when it has an effect in this program}, beside what its field says.

    Before main() starts, missing flags, flags without effect and paths that cannot be
    written are refused. Exit codes: see `egsc_tf.errors.EXIT_CODES`.
    """
    given = Given()
    for each in settings:
        define(each)

    def parsed(argv: list[str]) -> list[str]:
        nonlocal given
        asked = help_text.asked(argv[1:])
        if asked:
            about = getattr(main, "__globals__", {}).get("__doc__") or ""
            print(help_text.text(about, settings, full=asked == "helpfull"), end="")
            sys.exit(0)
        try:
            arguments = flagfiles.expand(argv[1:])
            given = Given.of(argv[1:], arguments)
            for name in given.all & set(RENAMED):
                raise UserError(f"--{name}: expected --{RENAMED[name]}, its name now")
            return flags.FLAGS([argv[0], *arguments], known_only=with_rest)
        except (flags.Error, UserError) as error:
            sys.exit(_end(REFUSED, f"error: {error}"))

    def guarded(argv: list[str]) -> Optional[int]:
        if len(argv) > 1 and not with_rest:
            return _end(REFUSED, f"error: expected only flags, found {argv[1:]}")
        # Some terminals cannot show every name of a file.
        if isinstance(sys.stdout, io.TextIOWrapper):
            sys.stdout.reconfigure(errors="backslashreplace")
        logging.use_absl_handler()
        if flags.FLAGS["verbosity"].using_default_value:
            logging.set_verbosity(logging.INFO)
        try:
            made = [*map(parse, settings)]
            require_given(made)
            require_used(made, given, uses)
            for one in made:
                require_writable(one)
            return main(*made, *([argv[1:]] if with_rest else []))
        except Diverged as error:
            return _end(DIVERGED, f"error: {error}")
        except UserError as error:
            return _end(REFUSED, f"error: {error}")
        except Interrupted as error:
            return _end(STOPPED, f"stopped: {error}")
        except KeyboardInterrupt:
            return _end(INTERRUPTED, "stopped: interrupted")
        except Exception as error:
            line = _explained(error)
            if line is None:
                raise
            return _end(REFUSED, f"error: {line}")

    app.run(guarded, flags_parser=parsed)


def _explained(error: Exception) -> Optional[str]:
    """A line on an error of the operating system, or of a full disk or memory; None:
    another."""
    if isinstance(error, OSError) and error.filename is not None:
        return f"{error.filename}: {error.strerror}"
    if is_out_of_memory(error):
        return (
            "expected enough memory, found too little: smaller images or batches need "
            "less, and so does --tile where there is one. "
            + telling_line(error, is_out_of_memory)
        )
    if is_no_space(error):  # TensorFlow and its writers have kinds of their own
        reason = telling_line(error, is_no_space)
        return f"expected room on the disk, found none: {reason}"
    return None


def _end(code: int, message: str) -> int:
    # On a line of its own, where a progress bar stands.
    print(f"\n{message}" if sys.stderr.isatty() else message, file=sys.stderr)
    return code
