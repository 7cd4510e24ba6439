"""Cuts sound that comes piece by piece into overlapping windows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

RATE = 16_000  # Hz; what the audio trunks take
WINDOW_SECONDS = 2.0
HOP_SECONDS = 0.5
_STEP = 32768  # 16-bit samples


class Windows:
    """A ring buffer that gives a window at every hop.

    Args:
        length: Samples of a window.
        hop: Samples from one window to the next.
    """

    def __init__(self, length: int, hop: int) -> None:
        import numpy as np

        self._ring = np.zeros(length, np.float32)
        self._hop = hop
        self.clear()

    def clear(self) -> None:
        """Forget everything: what comes next does not continue what came before."""
        self._due = len(self._ring)  # count of samples at which the next window is whole
        self._count = 0

    def add(self, samples: np.ndarray) -> Iterator[tuple[int, np.ndarray]]:
        """Take samples [n], yield every window that they complete.

        Yields:
            How many of `samples` came after the window's end, and the window, float32 [length].
        """
        import numpy as np

        size = len(self._ring)
        start = 0
        while start < len(samples):
            piece = samples[start : start + min(self._due - self._count, size)]
            self._ring = np.concatenate([self._ring[len(piece) :], piece])
            self._count += len(piece)
            start += len(piece)
            if self._count == self._due:
                self._due += self._hop
                yield len(samples) - start, self._ring.copy()


def on_grid(samples: np.ndarray) -> np.ndarray:
    """Sound in -1..1 rounded to what 16 bits can hold, float32: a recording keeps it exactly."""
    import numpy as np

    steps = np.clip(np.rint(samples * np.float32(_STEP)), -_STEP, _STEP - 1)
    return (steps / np.float32(_STEP)).astype(np.float32)
