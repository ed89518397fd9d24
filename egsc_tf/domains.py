"""The two domains and the two directions, by their names everywhere."""

from collections.abc import Sequence

from egsc_tf.errors import UserError

DOMAINS = ("a", "b")
DIRECTIONS = ("a2b", "b2a")


def split(direction: str) -> tuple[str, str]:
    """ "a2b" -> ("a", "b"), source and target. Raises ValueError for anything else."""
    if direction not in DIRECTIONS:
        raise ValueError(
            f"direction: expected one of {DIRECTIONS}, found {direction!r}"
        )
    source, target = direction.split("2")
    return source, target


def check_directions(directions: Sequence[str]) -> None:
    """Raises UserError where the flag --directions has anything but some of DIRECTIONS,
    each once."""
    wrong = [d for d in directions if d not in DIRECTIONS]
    if wrong or not 1 <= len(directions) == len({*directions}):
        raise UserError(
            f"--directions: expected some of {', '.join(DIRECTIONS)}, each once, "
            f"found {','.join(directions) or 'none'}"
        )


def other(domain: str) -> str:
    """The other domain."""
    return {"a": "b", "b": "a"}[domain]
