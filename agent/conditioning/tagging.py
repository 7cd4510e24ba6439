"""Words for embeddings: zero-shot tags from a vocabulary, in ImageBind's joint space."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from sensebind.checkpoints.layout import imagebind_directory
from sensebind.errors import InputError
from sensebind.perception.imagebind import Encoder, ImageBindProcessor
from sensebind.perception.simhome.catalog import KINDS
from sensebind.perception.vectors import unit

MAX_WORDS = 10_000
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


class Tagger:
    """Names embeddings by the words of a vocabulary.

    Attributes:
        words: The vocabulary.
    """

    def __init__(self, checkpoint: Path, words: Sequence[str]) -> None:
        """Embed the vocabulary once.

        Args:
            checkpoint: Directory with `imagebind/`, which must have a text trunk.
            words: Words or short phrases.

        Raises:
            InputError: No words, or too many.
            CheckpointError: No encoder there.
            ConfigurationError: The encoder has no text trunk.
        """
        if not 0 < len(words) <= MAX_WORDS:
            raise InputError(f"a vocabulary has 1 to {MAX_WORDS} words, not {len(words)}")
        directory = imagebind_directory(checkpoint)
        processor = ImageBindProcessor.from_pretrained(directory)
        self.words = tuple(words)
        encoded = Encoder.shared(directory).encode("text", list(processor.text(list(words))))
        # [W, D]; their length is ImageBind's learned scale of the softmax
        self._texts = np.stack([one.final for one in encoded]).astype(np.float64)

    def tags(self, embedding: np.ndarray, count: int = TAGS) -> list[Tag]:
        """Return the words that fit best, best first.

        Args:
            embedding: [D].
            count: Maximum number of words.

        Raises:
            InputError: Another width than the vocabulary's, or zeros, NaN or infinity.
        """
        if embedding.shape != (self._texts.shape[1],):
            raise InputError(
                f"an embedding of {list(embedding.shape)} does not fit a vocabulary of width "
                f"{self._texts.shape[1]}"
            )
        scores = self._texts @ unit(embedding).astype(np.float64)
        shares = np.exp(scores - scores.max())
        shares /= shares.sum()
        best = np.argsort(-shares, kind="stable")[:count]
        return [Tag(self.words[i], float(shares[i])) for i in best if shares[i] >= LEAST]


def in_words(tags: Sequence[Tag]) -> str:
    """Return tags with their scores, such as "ball 0.71, table 0.12"."""
    return ", ".join(f"{tag.word} {tag.score:.2f}" for tag in tags) or "something unknown"


def vocabulary(checkpoint: Path) -> list[str]:
    """Return the words of a checkpoint: its vocabulary.txt, else those of the simulated home.

    Raises:
        InputError: The file cannot be read.
    """
    file = checkpoint / "vocabulary.txt"
    return read_vocabulary(file) if file.is_file() else list(KINDS)


def read_vocabulary(file: Path) -> list[str]:
    """Read a vocabulary file: a word or phrase per line; `#` begins a remark.

    Raises:
        InputError: It cannot be read.
    """
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"the vocabulary {file} cannot be read: {error}") from error
    words = (line.strip() for line in lines)
    return [word for word in words if word and not word.startswith("#")]
