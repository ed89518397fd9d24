"""A number with what it counts, as English has it: no program says "1 images"."""


def counted(number: int, noun: str) -> str:
    """(1, "image") -> "1 image"; (1234, "image") -> "1,234 images"."""
    return f"{number:,} {noun}" + ("" if number == 1 else "s")
