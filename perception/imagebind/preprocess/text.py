"""CLIP's byte-level BPE tokenizer, from a merges file of any size."""

from __future__ import annotations

import gzip
import html
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import torch
from torch import Tensor

from sensebind.errors import InputError, one_line
from sensebind.perception.imagebind.preprocess.files import checked

if TYPE_CHECKING:
    import regex

START, END = "<|startoftext|>", "<|endoftext|>"
_WORD_END = "</w>"
Overflow = Literal["keep_end", "cut"]


@lru_cache(maxsize=1)
def _pieces() -> regex.Pattern[str]:
    """The pieces of a text, by Unicode's classes, which `re` does not know."""
    import regex  # takes as long as all of this module, and pictures need none of it

    return regex.compile(
        r"<\|startoftext\|>|<\|endoftext\|>|'s|'t|'re|'ve|'m|'ll|'d|\p{L}+|\p{N}|[^\s\p{L}\p{N}]+",
        regex.IGNORECASE,
    )


@lru_cache(maxsize=1)
def byte_symbols() -> dict[int, str]:
    """A printable character for each byte, in vocabulary order.

    Printable bytes stand for themselves, the others follow as the characters from 256 on.
    """
    printable = [*range(ord("!"), ord("~") + 1), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(256) if byte not in printable]
    symbols = {byte: chr(byte) for byte in printable}
    return symbols | {byte: chr(256 + i) for i, byte in enumerate(others)}


_MOST_BYTES = 64 << 20  # CLIP's merges file has 3 MB


def read_merges(path: str | Path, limit: int | None = None) -> list[tuple[str, str]]:
    """Reads a merges file, plain or gzipped; its first line is a header.

    Args:
        path: One merge, two symbols, per line.
        limit: Use so many; None uses all.

    Raises:
        InputError: Missing, empty, or no merges file.
    """
    file = checked(path, "merges file", _MOST_BYTES)
    try:
        raw = file.read_bytes()
        if raw[:2] == b"\x1f\x8b":
            with gzip.open(file) as packed:
                raw = packed.read(_MOST_BYTES + 1)
            if len(raw) > _MOST_BYTES:
                raise InputError(f"merges file {file} unpacks to more than {_MOST_BYTES} bytes")
        text = raw.decode("utf-8")
    except (OSError, EOFError, UnicodeDecodeError) as error:
        raise InputError(f"merges file {file} cannot be read: {one_line(error)}") from error
    merges = []
    for line in text.split("\n")[1:]:
        pair = line.split()
        if len(merges) == limit:
            break
        if not pair:
            continue
        if len(pair) != 2:
            raise InputError(f"merges file {file}: {line!r} is not a pair of symbols")
        merges.append((pair[0], pair[1]))
    return merges


def clean(text: str) -> str:
    """Repairs mojibake, unescapes HTML twice, collapses white space, lowers the case."""
    import ftfy  # most inputs are not texts

    text = html.unescape(html.unescape(ftfy.fix_text(text)))
    return " ".join(text.split()).lower()


class Tokenizer:
    """Text to token ids.

    The vocabulary is 256 byte symbols, the same with an end-of-word mark, the merges, start, end.

    Args:
        merges: Pairs of symbols, most important first.
        context_length: Ids per text.
        overflow: Of a text that is too long, "keep_end" keeps the end token (ImageBind today);
            "cut" loses it (the copy in ImageBind-LLM), and the embedding is that of the start.
    """

    def __init__(
        self,
        merges: list[tuple[str, str]],
        context_length: int = 77,
        overflow: Overflow = "keep_end",
    ) -> None:
        self.context_length, self.overflow = context_length, overflow
        symbols = list(byte_symbols().values())
        vocabulary = [*symbols, *(s + _WORD_END for s in symbols), *(a + b for a, b in merges)]
        self.start, self.end = len(vocabulary), len(vocabulary) + 1
        self._ids = {token: i for i, token in enumerate(vocabulary)}
        self._ids |= {START: self.start, END: self.end}
        self._ranks = {pair: i for i, pair in enumerate(merges)}
        self._word = lru_cache(maxsize=1 << 16)(self._encode_word)

    @property
    def vocab_size(self) -> int:
        """Number of ids."""
        return self.end + 1

    def encode(self, text: str) -> list[int]:
        """Ids of a text without start and end."""
        return [i for piece in _pieces().findall(clean(text)) for i in self._word(piece)]

    def __call__(self, texts: list[str]) -> Tensor:
        """Ids of texts with start and end, filled with 0.

        Returns:
            int64 [B,context_length].

        Raises:
            InputError: No text, or something that is none.
        """
        if not texts or not all(isinstance(text, str) for text in texts):
            raise InputError("texts are a list of at least one string")
        out = torch.zeros(len(texts), self.context_length, dtype=torch.long)
        for row, text in zip(out, texts, strict=True):
            ids = [self.start, *self.encode(text), self.end][: self.context_length]
            if self.overflow == "keep_end" and len(ids) == self.context_length:
                ids[-1] = self.end
            row[: len(ids)] = torch.tensor(ids)
        return out

    def _encode_word(self, piece: str) -> tuple[int, ...]:
        """Ids of one piece: the merge of lowest rank is applied everywhere until none is left."""
        if piece in (START, END):
            return (self._ids[piece],)
        symbols = byte_symbols()
        word = [symbols[byte] for byte in piece.encode("utf-8")]
        word[-1] += _WORD_END
        while len(word) > 1:
            pairs = list(pairwise(word))
            best = min(pairs, key=lambda pair: self._ranks.get(pair, len(self._ranks)))
            if best not in self._ranks:
                break
            merged, i = [], 0
            while i < len(word):
                joined = tuple(word[i : i + 2]) == best
                merged.append(best[0] + best[1] if joined else word[i])
                i += 2 if joined else 1
            word = merged
        return tuple(self._ids[symbol] for symbol in word)
