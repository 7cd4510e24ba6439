"""Embeddings of what people look for: texts and files, in the space of the percepts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from langchain_core.messages import HumanMessage

from sensebind.agent.conditioning.media import media_of
from sensebind.agent.conditioning.media_encoder import ENHANCED, MediaEncoder
from sensebind.checkpoints.layout import CacheSettings
from sensebind.errors import InputError

if TYPE_CHECKING:
    from sensebind.memory.visual_cache import VisualCache

MAX_TEXT = 300


@dataclass(frozen=True, slots=True)
class Blended:
    """An embedding as percepts have it, and what it was blended with.

    Attributes:
        embedding: float32 [D], unit norm.
        neighbours: Similarity, share and vector of each image of the visual cache.
    """

    embedding: np.ndarray
    neighbours: list[tuple[float, float, np.ndarray]] = field(default_factory=list)


class Embedder:
    """Embeds texts and files with one checkpoint. Thread-safe; trunks are loaded when needed."""

    def __init__(self, checkpoint: Path, cache: CacheSettings | None = None) -> None:
        """Prepare.

        Args:
            checkpoint: Directory with `imagebind/` and perhaps `visual_cache/`.
            cache: How sounds and clouds are enhanced; as the senses' workers do it by default.
        """
        self._checkpoint = checkpoint
        self._settings = cache or CacheSettings()

    @property
    def model(self) -> str:
        """Digest of the encoder, as in percept headers.

        Raises:
            CheckpointError: The encoder is missing or damaged.
        """
        return self._media.encoder.digest

    def text(self, text: str) -> np.ndarray:
        """Embed a text.

        Returns:
            float32 [D], unit norm.

        Raises:
            InputError: It is empty or too long.
            CheckpointError: The encoder is missing or damaged.
            ConfigurationError: The checkpoint knows no texts.
        """
        text = " ".join(text.split())
        if not 0 < len(text) <= MAX_TEXT:
            raise InputError(f"a text to look for has 1 to {MAX_TEXT} characters, not {len(text)}")
        return self._embedded("text", text)

    def file(self, modality: str, path: Path) -> np.ndarray:
        """Embed a picture ("vision"), a sound ("audio") or a point cloud ("point").

        Returns:
            float32 [D], unit norm.

        Raises:
            InputError: It cannot be read, or there is nothing to perceive in it.
        """
        return self._enhanced(modality, self._embedded(modality, path))

    def block(self, block: Mapping[str, Any]) -> np.ndarray:
        """Embed a content block of a message: a text, or one medium (`media.py`).

        Sounds and point clouds are enhanced as the senses' workers do it, so that the result can be
        compared with percepts.

        Returns:
            float32 [D], unit norm.

        Raises:
            InputError: It cannot be read, names a file, or there is nothing to perceive in it.
        """
        if block.get("type") == "text":
            return self.text(str(block.get("text") or ""))
        media = media_of(HumanMessage([dict(block)]), read_files=False)
        if len(media) != 1:
            raise InputError("embed one text, image, sound or point cloud at a time")
        modality, perceived = self._media.perceive(media[0])
        if perceived is None:
            raise InputError(f"there is nothing to perceive in this {modality}")
        return self._enhanced(modality, perceived.embedding)

    def blended(self, modality: str, data: np.ndarray, rate: int) -> Blended:
        """Embed a sample, and return what the visual cache blended it with, too.

        Args:
            modality: ImageBind's name.
            data: As `MediaEncoder.embed` takes it.
            rate: Samples a second of a sound; 0 for anything else.

        Raises:
            InputError: There is nothing to perceive in it.
        """
        vector = self._media.embed(modality, data, rate or None)
        if vector is None:
            raise InputError(f"there is nothing to perceive in this {modality}")
        if (cache := self._cache_of(modality)) is None:
            return Blended(vector)
        neighbours = cache.neighbours(vector, self._settings.k, self._settings.temperature)
        return Blended(self._enhanced(modality, vector), neighbours)

    def _enhanced(self, modality: str, vector: np.ndarray) -> np.ndarray:
        """Return what the worker of a stream of this modality would make of an embedding."""
        if (cache := self._cache_of(modality)) is None:
            return vector
        s = self._settings
        return cache.enhance(vector[None], s.k, s.temperature, s.weight)[0]

    def _cache_of(self, modality: str) -> VisualCache | None:
        """Return the cache that embeddings of a modality are blended with, if they are."""
        return self._media.cache if modality in ENHANCED else None

    def _embedded(self, modality: str, data: Path | str) -> np.ndarray:
        vector = self._media.embed(modality, data)
        if vector is None:
            raise InputError(f"{data}: there is nothing to perceive in it, and so to look for")
        return vector

    @cached_property
    def _media(self) -> MediaEncoder:
        return MediaEncoder(self._checkpoint)
