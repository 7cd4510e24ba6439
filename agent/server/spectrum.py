"""The spectrogram of a stream of sound, column by column, as viewers are shown it."""

from __future__ import annotations

import numpy as np

BANDS = 48
"""Frequency bands of a column, the lowest first; each is as much wider than the one below it."""
HOP = 0.02
"""Seconds from one column to the next."""
LOWEST = 60.0
"""Hz at which the lowest band begins; the highest ends at half the sample rate."""
QUIET = -90.0
"""dBFS that stand for silence, and are 0 in a column; 0 dBFS are 255."""
_LONGEST = 2.0  # seconds of one message
_WINDOW = 0.064  # seconds that one column looks at


class Spectra:
    """Turns windows of sound, which overlap, into the columns that are new in each of them."""

    def __init__(self) -> None:
        self._seen: dict[str, int] = {}

    def columns(self, stream: str, at: int, samples: np.ndarray, rate: int) -> np.ndarray:
        """Return the columns since the last window of a stream.

        Args:
            stream: Its name.
            at: Capture time of the window, ns.
            samples: float32 [N] or [N, channels] in -1..1.
            rate: Samples a second.

        Returns:
            uint8 [columns, BANDS]; of a window that is not newer than the last one, none.
        """
        before, self._seen[stream] = self._seen.get(stream), at
        new = len(samples) / rate if before is None else (at - before) / 1e9
        mono = samples if samples.ndim == 1 else samples.mean(axis=-1)
        return spectrum(mono, rate, min(new, _LONGEST))


def spectrum(mono: np.ndarray, rate: int, seconds: float) -> np.ndarray:
    """Return the columns of the last seconds of a sound.

    A tone of full scale is at 0 dBFS in its band: the power of the window's spectrum is divided by
    that of such a tone, (sum(window) / 2)².

    Args:
        mono: float32 [N].
        rate: Samples a second.
        seconds: How much of its end is wanted.

    Returns:
        uint8 [columns, BANDS].
    """
    hop, width = max(1, round(HOP * rate)), max(16, round(_WINDOW * rate))
    count = max(0, min(round(seconds / HOP), (len(mono) - width) // hop + 1))
    if not count:
        return np.zeros((0, BANDS), np.uint8)
    ends = len(mono) - hop * np.arange(count)[::-1]
    pieces = np.stack([mono[end - width : end] for end in ends]).astype(np.float64)
    window = np.hanning(width)
    power = np.abs(np.fft.rfft(pieces * window)) ** 2 / (window.sum() / 2) ** 2
    edges = np.geomspace(LOWEST, rate / 2, BANDS + 1) * width / rate
    low = np.minimum(np.round(edges[:-1]).astype(int), power.shape[1] - 1)
    high = np.maximum(np.round(edges[1:]).astype(int), low + 1)
    bands = np.stack([power[:, a:b].max(axis=1) for a, b in zip(low, high, strict=True)], axis=1)
    level = 10 * np.log10(np.maximum(bands, 1e-12))
    return np.round(np.clip(1 - level / QUIET, 0, 1) * 255).astype(np.uint8)
