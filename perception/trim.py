"""Memory that was freed goes back to the system."""

import ctypes
from functools import cache


def give_memory_back() -> bool:
    """Hand freed memory back to the kernel, as far as the C library can.

    glibc keeps what a crowded moment took: whatever lies on top of it in the heap holds it there,
    so that a process that runs for days is as large as it ever was.

    Returns:
        Whether the C library knows how; only glibc does.
    """
    trim = _malloc_trim()
    if trim is None:
        return False
    trim(0)
    return True


@cache
def _malloc_trim() -> "ctypes._NamedFuncPointer | None":
    return getattr(ctypes.CDLL(None), "malloc_trim", None)
