"""Words in which one number takes another back, as if only the last had been said."""

from __future__ import annotations

import re
from itertools import pairwise

from sensebind.agent.grounding.numerals import normal, numerals
from sensebind.agent.grounding.repairs import TAKES_BACK

_FAR = 40  # characters between two numbers that belong to one correction
_SIGN = re.compile(r"(?:minus|negative|(?<![a-z] )-|负|零下)\s?$")
_NOT_THIS = re.compile(r"[，,]\s?(?:而|并)?不是$")


def corrected(words: str) -> str:
    """Returns words without a number that they take back; as they are where they take none back.

    Example:
        >>> corrected("Set it to 20, no, 22 degrees.")
        'Set it to 22 degrees.'

    Args:
        words: As they were said.
    """
    text = normal(words)
    if len(text) != len(words):
        return words
    for one, other in pairwise(numerals(text)):
        between = text[one.end : other.start]
        signed = _SIGN.search(text[: one.start]) or _SIGN.search(between)
        takes = TAKES_BACK.search(between) and not _NOT_THIS.search(between)
        if takes and not signed and len(between) < _FAR:
            return words[: one.start] + words[other.start :]
    return words
