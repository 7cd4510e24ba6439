"""Where clips are cut from a longer recording."""

from __future__ import annotations

from fractions import Fraction


def clip_times(
    duration: float | Fraction, length: float | Fraction, count: int
) -> list[tuple[Fraction, Fraction]]:
    """Start and end of clips spread evenly over a recording, the last one ending with it.

    Exact fractions keep the sample indices free of rounding. A recording shorter than one clip
    gives the same clip again and again.

    Args:
        duration: Seconds of the recording.
        length: Seconds of a clip.
        count: Number of clips.

    Returns:
        `count` pairs (start, end) in seconds.
    """
    spare = Fraction(max(duration - length, 0))
    step = spare / max(count - 1, 1)
    return [(i * step, i * step + Fraction(length)) for i in range(count)]
