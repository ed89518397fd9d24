"""How much memory this process holds, and held at most. Linux only: else None."""

import os
import re
from collections.abc import Callable
from typing import Optional, TypeVar

KIBIBYTE = 1024
PROCESS = "/proc/self"
T = TypeVar("T")


def resident_bytes(field: str = "VmRSS") -> Optional[int]:
    """VmRSS, the memory in use, or VmHWM, the most so far; None but on Linux."""
    if not os.path.exists(PROCESS):
        return None
    with open(f"{PROCESS}/status", encoding="ascii") as file:
        found = re.search(rf"{field}:\s+(\d+) kB", file.read())
    return int(found.group(1)) * KIBIBYTE if found else None


def peak_bytes(call: Callable[[], T]) -> tuple[T, Optional[int], Optional[int]]:
    """(result, before, most): what `call` returns, and the memory before and at most
    while it runs; Nones but on Linux, and where it does not let the peak be reset.

    The peak is reset first: that of importing TensorFlow is higher.
    """
    try:
        with open(f"{PROCESS}/clear_refs", "w", encoding="ascii") as file:
            file.write("5")
    except OSError:
        return call(), None, None
    before = resident_bytes()
    result = call()
    return result, before, resident_bytes("VmHWM")
