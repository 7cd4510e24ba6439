"""Byte-level BPE merges learned from captions, written in the format of CLIP's merges file.

The file is gzipped text: one header line, then one merge ("left right") per line, most frequent
first. The vocabulary that follows from it is 256 byte symbols, the same with an end-of-word mark,
one per merge, then the start and end tokens.
"""

import gzip
import itertools
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

END_OF_WORD = "</w>"
HEADER = "#version: sensebind captions"


def byte_symbols() -> dict[int, str]:
    """A printable symbol for each of the 256 byte values, as byte-level BPE files write them.

    Printable Latin-1 bytes stand for themselves; the others take code points from 256 upward.
    """
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    symbols = {value: chr(value) for value in printable}
    hidden = (value for value in range(256) if value not in symbols)
    symbols.update({value: chr(256 + order) for order, value in enumerate(hidden)})
    return symbols


def train_bpe(texts: Iterable[str], merges: int = 512) -> list[tuple[str, str]]:
    """Learns merges from lower-case texts whose words are parted by spaces.

    Args:
        texts: The corpus.
        merges: The most merges to learn; fewer when every word has become one symbol.

    Returns:
        The merges in order. Ties go to the alphabetically first pair, so that the same corpus
        always gives the same file.
    """
    symbols = byte_symbols()
    counts = Counter(word for text in texts for word in text.split())
    words: dict[tuple[str, ...], int] = {}
    for word, count in counts.items():
        parts = [symbols[value] for value in word.encode()]
        parts[-1] += END_OF_WORD
        words[tuple(parts)] = count
    learned: list[tuple[str, str]] = []
    while len(learned) < merges:
        pairs: Counter[tuple[str, str]] = Counter()
        for parts, count in words.items():
            for pair in itertools.pairwise(parts):
                pairs[pair] += count
        if not pairs:
            break
        best = min(pairs, key=lambda pair: (-pairs[pair], pair))
        learned.append(best)
        words = {_merge(parts, best): count for parts, count in words.items()}
    return learned


def save_merges(merges: list[tuple[str, str]], path: Path) -> None:
    """Writes a gzipped merges file, byte for byte the same for the same merges."""
    lines = [HEADER, *(f"{left} {right}" for left, right in merges), ""]
    path.write_bytes(gzip.compress("\n".join(lines).encode(), mtime=0))


def vocabulary_size(merges: list[tuple[str, str]]) -> int:
    """How many token ids a tokenizer with these merges has, start and end included."""
    return 2 * 256 + len(merges) + 2


def _merge(parts: tuple[str, ...], pair: tuple[str, str]) -> tuple[str, ...]:
    merged: list[str] = []
    index = 0
    while index < len(parts):
        if parts[index : index + 2] == pair:
            merged.append(parts[index] + parts[index + 1])
            index += 2
        else:
            merged.append(parts[index])
            index += 1
    return tuple(merged)
