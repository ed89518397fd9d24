"""The two domains and the two directions, by their names everywhere."""

DOMAINS = ("a", "b")
DIRECTIONS = ("a2b", "b2a")


def split(direction):
    """ "a2b" -> ("a", "b"), source and target. Raises ValueError for anything else."""
    if direction not in DIRECTIONS:
        raise ValueError(
            f"direction: expected one of {DIRECTIONS}, found {direction!r}"
        )
    return tuple(direction.split("2"))


def other(domain):
    """The other domain."""
    return {"a": "b", "b": "a"}[domain]
