"""A person's words as the reader's network takes them: raw, with marks and case.

A token is a word, a number, a Chinese character or a mark. A word of the vocabulary has an
embedding of its own; any word also has those of its character trigrams, so that a slip of the
keyboard is near to what was meant, and a word that was never seen is known to be one.
"""

from __future__ import annotations

import re
import unicodedata
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

PAD, UNKNOWN, START = 0, 1, 2
FIRST_WORD = 3
MAX_TOKENS = 64
GRAMS = 14
SHAPES = 7  # none, lower case, capital, capitals, number, mark, Chinese

_TOKEN = re.compile(r"\d+(?:[.,:]\d+)?|[㐀-鿿]|[^\W\d_㐀-鿿]+(?:'[^\W\d_㐀-鿿]+)*|[^\w\s]|_")
_APOSTROPHES = str.maketrans(dict.fromkeys("’‘`´ʼ＇", "'"))


_OF_LETTERS = (1, 2, 3, 6)  # shapes of words, and of Chinese characters


@dataclass(frozen=True, slots=True)
class Token:
    """One token.

    Attributes:
        text: In small letters.
        shape: An index below `SHAPES`.
    """

    text: str
    shape: int


def tokens_of(text: str) -> list[Token]:
    """Splits what was said; what is invisible is left out."""
    text = unicodedata.normalize("NFKC", text).translate(_APOSTROPHES)
    text = "".join(one for one in text if one.isspace() or unicodedata.category(one) != "Cf")
    found = []
    for match in _TOKEN.finditer(text):
        piece = match[0]
        if piece[0].isdigit():
            found.append(Token("#." if not piece.isdigit() else f"#{min(len(piece), 4)}", 4))
        elif "㐀" <= piece[0] <= "鿿":
            found.append(Token(piece, 6))
        elif piece[0].isalpha():
            shape = 3 if piece.isupper() and len(piece) > 1 else 2 if piece[0].isupper() else 1
            found.append(Token(piece.lower(), shape))
        else:
            found.append(Token(piece, 5))
    return found


@dataclass(frozen=True, slots=True)
class Encoded:
    """Texts as arrays; rows are padded with `PAD`.

    Attributes:
        words: Vocabulary index of each token, int64 [N, T]; the first is `START`.
        grams: Buckets of its trigrams, int64 [N, T, GRAMS]; 0 is none.
        shapes: Shape of each token, int64 [N, T].
    """

    words: np.ndarray
    grams: np.ndarray
    shapes: np.ndarray


class Vocabulary:
    """Words with an embedding of their own, and the number of buckets of trigrams.

    Attributes:
        words: Words that are known, in the order of their indices from `FIRST_WORD`.
        buckets: Number of buckets of trigrams, with the one for none.
    """

    def __init__(self, words: Sequence[str], buckets: int) -> None:
        """Numbers the words.

        Args:
            words: Words that are known.
            buckets: Number of buckets of trigrams.
        """
        self.words = tuple(words)
        self.buckets = buckets
        self._index: Mapping[str, int] = {word: FIRST_WORD + i for i, word in enumerate(words)}

    def __len__(self) -> int:
        return FIRST_WORD + len(self.words)

    def row(self, text: str) -> tuple[list[int], list[list[int]], list[int]]:
        """One text as lists: words, trigrams, shapes; cut after `MAX_TOKENS`."""
        tokens = tokens_of(text)[: MAX_TOKENS - 1]
        words, grams, shapes = [START], [[]], [0]
        for at, token in enumerate(tokens):
            words.append(self._index.get(token.text, UNKNOWN))
            shapes.append(token.shape)
            if token.shape == 6:
                before = tokens[at - 1].text if at and tokens[at - 1].shape == 6 else "<"
                follows = at + 1 < len(tokens) and tokens[at + 1].shape == 6
                after = tokens[at + 1].text if follows else ">"
                pieces = [before + token.text, token.text + after, before + token.text + after]
            elif token.shape in (1, 2, 3):
                word = f"<{token.text}>"
                pieces = [word[i : i + 3] for i in range(len(word) - 2)][:GRAMS]
            else:
                pieces = []
            grams.append([self.bucket(piece) for piece in pieces])
        return words, grams, shapes

    def strange(self, text: str) -> tuple[str, ...]:
        """Words of a text, and Chinese characters, that have no embedding of their own."""
        texts = [token.text for token in tokens_of(text) if token.shape in _OF_LETTERS]
        return tuple(one for one in texts if one not in self._index)

    def bucket(self, piece: str) -> int:
        """The bucket of a trigram, from 1."""
        return 1 + zlib.crc32(piece.encode()) % (self.buckets - 1)

    def encode(self, texts: Iterable[str]) -> Encoded:
        """Several texts, padded to the longest."""
        return padded([self.row(text) for text in texts])


def padded(rows: Sequence[tuple[list[int], list[list[int]], list[int]]]) -> Encoded:
    """Rows of `Vocabulary.row` as arrays."""
    width = max(len(words) for words, _, _ in rows)
    words = np.zeros((len(rows), width), np.int64)
    grams = np.zeros((len(rows), width, GRAMS), np.int64)
    shapes = np.zeros((len(rows), width), np.int64)
    for at, (row_words, row_grams, row_shapes) in enumerate(rows):
        words[at, : len(row_words)] = row_words
        shapes[at, : len(row_shapes)] = row_shapes
        for place, pieces in enumerate(row_grams):
            grams[at, place, : len(pieces)] = pieces
    return Encoded(words, grams, shapes)
