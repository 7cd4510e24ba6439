"""Words for embeddings, from texts that were embedded before; needs no encoder, and no PyTorch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sensebind.errors import InputError
from sensebind.perception.vectors import unit

TAGS = 3
"""Words that describe one embedding."""
LEAST = 0.05
"""Probability below which a word is left out."""


@dataclass(frozen=True, slots=True)
class Tag:
    """A word for what a sense perceives.

    Attributes:
        word: From the vocabulary.
        score: Its share of the probability over the vocabulary, 0..1.
    """

    word: str
    score: float


class Words:
    """A vocabulary, embedded.

    Attributes:
        words: Words or short phrases.
        texts: Their embeddings, float64 [W, D]; their length is the scale of the softmax.
    """

    def __init__(self, words: Sequence[str], texts: np.ndarray) -> None:
        """Keep a vocabulary.

        Args:
            words: Words or short phrases.
            texts: Their embeddings as an encoder gives them, [W, D].

        Raises:
            InputError: There are not as many of one as of the other.
        """
        if texts.ndim != 2 or len(texts) != len(words):
            raise InputError(f"{len(words)} words with embeddings of shape {list(texts.shape)}")
        self.words = tuple(words)
        self.texts = texts.astype(np.float64)

    def tags(self, embedding: np.ndarray, count: int = TAGS) -> list[Tag]:
        """Return the words that fit best, best first.

        Args:
            embedding: [D].
            count: Maximum number of words.

        Raises:
            InputError: Another width than the vocabulary's, or zeros, NaN or infinity.
        """
        if embedding.shape != (self.texts.shape[1],):
            raise InputError(
                f"an embedding of {list(embedding.shape)} does not fit a vocabulary of width "
                f"{self.texts.shape[1]}"
            )
        scores = self.texts @ unit(embedding).astype(np.float64)
        shares = np.exp(scores - scores.max())
        shares /= shares.sum()
        best = np.argsort(-shares, kind="stable")[:count]
        return [Tag(self.words[i], float(shares[i])) for i in best if shares[i] >= LEAST]


def in_words(tags: Sequence[Tag]) -> str:
    """Return tags with their scores, such as "ball 0.71, table 0.12"."""
    return ", ".join(f"{tag.word} {tag.score:.2f}" for tag in tags) or "something unknown"
