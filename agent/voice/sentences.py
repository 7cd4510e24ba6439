"""Cuts an answer that comes piece by piece into sentences, spoken before it is whole."""

from __future__ import annotations

import re
from collections.abc import Iterator

_END = re.compile(r"[.!?:;](?=\s)|[。！？；]|\n")
_SHORTEST = 4  # characters; "1." begins a list, and is not spoken by itself
_ABBREVIATIONS = ("e.g.", "i.e.", "Dr.", "Mr.", "Mrs.", "Ms.", "approx.", "no.", "vs.")


class Sentences:
    """The sentences of one answer."""

    def __init__(self) -> None:
        """Begin."""
        self._text = ""

    def add(self, piece: str) -> Iterator[str]:
        """Take a piece; yield the sentences that are whole with it.

        Args:
            piece: Some more of the answer.
        """
        self._text += piece
        begin = 0
        for end in _END.finditer(self._text):
            sentence = self._text[begin : end.end()].strip()
            if len(sentence) < _SHORTEST or sentence.endswith(_ABBREVIATIONS):
                continue
            yield sentence
            begin = end.end()
        self._text = self._text[begin:]

    def rest(self) -> Iterator[str]:
        """Yield what is left when the answer is over."""
        if rest := self._text.strip():
            yield rest
        self._text = ""
