"""The extras of setup.py: packages that only some programs need."""

from egsc_tf.errors import UserError


def missing(extra: str, error: ImportError, what: str = "") -> UserError:
    """The error where a package of an extra is missing.

    pip finds the installed egsc_tf, of a wheel or a checkout, and adds what is missing.

    Args:
      extra: its name.
      error: what the import raised.
      what: what needs it, in front of the message.
    """
    return UserError(
        f"{what + ': ' if what else ''}expected the packages of "
        f"`{command(extra)}`, found no {error.name}"
    )


def command(extra: str) -> str:
    """The command that installs an extra."""
    return f'pip install "egsc_tf[{extra}]"'
