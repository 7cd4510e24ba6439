"""Embeddings of what people look for: texts and files, in the space of the percepts."""

from __future__ import annotations

import threading
from functools import cached_property, lru_cache
from pathlib import Path

import numpy as np
import torch

from sensebind.agent.conditioning.media_encoder import ENHANCED, FileSenses
from sensebind.checkpoints.layout import CacheSettings, cache_directory, imagebind_directory
from sensebind.errors import InputError
from sensebind.memory.vectors import unit
from sensebind.memory.visual_cache import VisualCache
from sensebind.perception.imagebind import ImageBind, ImageBindProcessor

MAX_TEXT = 300
_KNOWN_TEXTS = 256


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
        self._lock = threading.Lock()
        self._remembered = lru_cache(_KNOWN_TEXTS)(self._embed_text)

    @property
    def model(self) -> str:
        """Digest of the encoder, as in percept headers.

        Raises:
            CheckpointError: The encoder is missing or damaged.
        """
        return self._text[0].digest

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
        with self._lock:
            return self._remembered(text)

    def file(self, modality: str, path: Path) -> np.ndarray:
        """Embed a picture ("vision"), a sound ("audio") or a point cloud ("point").

        Returns:
            float32 [D], unit norm.

        Raises:
            InputError: It cannot be read, or there is nothing to perceive in it.
        """
        vector = FileSenses(self._checkpoint, [modality]).embed(modality, path)
        if vector is None:
            raise InputError(f"{path}: there is nothing to perceive in it, and so to look for")
        if modality in ENHANCED and self._cache is not None:
            s = self._settings
            vector = self._cache.enhance(vector[None], s.k, s.temperature, s.weight)[0]
        return vector

    def _embed_text(self, text: str) -> np.ndarray:
        model, processor = self._text
        with torch.inference_mode():
            vector = unit(model.encode("text", processor.text([text]))[0].numpy())
        vector.flags.writeable = False
        return vector

    @cached_property
    def _text(self) -> tuple[ImageBind, ImageBindProcessor]:
        directory = imagebind_directory(self._checkpoint)
        model = ImageBind.from_pretrained(directory, ["text"])
        return model, ImageBindProcessor.from_pretrained(directory)

    @cached_property
    def _cache(self) -> VisualCache | None:
        directory = cache_directory(self._checkpoint)
        return None if directory is None else VisualCache.load(directory)
