"""Words for embeddings: zero-shot tags from a vocabulary, in ImageBind's joint space."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from sensebind.agent.conditioning.words import LEAST, TAGS, Tag, Words, in_words
from sensebind.checkpoints.layout import imagebind_directory
from sensebind.errors import InputError
from sensebind.perception.imagebind import Encoder, ImageBindProcessor
from sensebind.perception.simhome.catalog import KINDS

__all__ = ["LEAST", "TAGS", "Tag", "Tagger", "in_words", "read_vocabulary", "vocabulary"]

MAX_WORDS = 10_000


class Tagger(Words):
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
        encoded = Encoder(directory).encode("text", list(processor.text(list(words))))
        # [W, D]; their length is ImageBind's learned scale of the softmax
        super().__init__(words, np.stack([one.final for one in encoded]))


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
