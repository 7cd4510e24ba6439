"""A process gives back what it freed."""

import platform

import psutil
import pytest

from sensebind.perception.process import give_memory_back


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc keeps what was freed")
def test_what_a_crowded_moment_took_goes_back() -> None:
    resident = psutil.Process().memory_info
    blocks = [bytearray(b"x" * 100_000) for _ in range(1000)]
    blocks = blocks[::50]  # what is kept here and there keeps the heap from shrinking by itself
    before = resident().rss
    assert give_memory_back()
    assert before - resident().rss > 50e6
    assert len(blocks) == 20
