"""The one kind of error that a user can put right."""


class UserError(ValueError):
    """Bad flags, paths or images. The message names the flag or path, says what was
    expected and what was found; programs print it without a traceback."""
