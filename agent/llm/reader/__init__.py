"""The reader: a small network that reads a person's raw words before the language model does.

This module is light: what it needs is loaded when words are first read.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from sensebind.agent.llm.intent import LetThrough, Reader, Reading

if TYPE_CHECKING:
    from langchain_core.tools import BaseTool

FOLDER = "reader"
"""Of a checkpoint directory; those of older versions have none."""


def reader_of(checkpoint: Path) -> Reader:
    """Returns the reader of a checkpoint directory; one that limits nothing where it has none.

    Args:
        checkpoint: Its directory.
    """
    folder = checkpoint / FOLDER
    return _Later(folder) if (folder / "config.json").is_file() else LetThrough()


class _Later:
    """A reader that is loaded when it first reads."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._reader: Reader | None = None

    def read(
        self, words: str, tools: Sequence[BaseTool], *, language: str = "", answers: str = ""
    ) -> Reading:
        """Reads the words of one turn; see `intent.Reader`."""
        with self._lock:
            if self._reader is None:
                from sensebind.agent.llm.reader.reader import WordsReader

                self._reader = WordsReader(self._folder)
        return self._reader.read(words, tools, language=language, answers=answers)
