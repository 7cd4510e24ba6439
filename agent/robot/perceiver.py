"""Makes percepts without a worker process: for recordings and their replays."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path

from sensebind.checkpoints.layout import CacheSettings, imagebind_directory
from sensebind.memory.visual_cache import Enhancer, load_enhancer
from sensebind.perception.encoders.base import Embedding
from sensebind.perception.encoders.imagebind import SenseEncoder
from sensebind.perception.percept import Modality, Observation, Percept


class Perceiver:
    """Makes percepts of observations, one at a time, as a worker does.

    Args:
        checkpoint: Directory with `imagebind/` and, for the cache, `visual_cache/`.
    """

    def __init__(self, checkpoint: Path) -> None:
        self._checkpoint = checkpoint
        self._encoders: dict[Modality, SenseEncoder] = {}
        self._enhancer: Enhancer | None = None
        cache = checkpoint / "visual_cache"
        if cache.is_dir():
            self._enhancer = load_enhancer(str(cache), **asdict(CacheSettings()))

    def load(self, modalities: Iterable[Modality]) -> None:
        """Read the encoders from disk now, and not when the first observation comes.

        Raises:
            CheckpointError: They are missing or damaged.
            ConfigurationError: Observations of a modality cannot be encoded.
        """
        for modality in modalities:
            self._encoder(modality)

    def perceive(self, observation: Observation, sequence: int = 0) -> Percept:
        """Encode an observation.

        Raises:
            InputError: It is malformed.
            ConfigurationError: Observations of this modality cannot be encoded.
        """
        encoder = self._encoder(observation.modality)
        enhancer = None if observation.modality is Modality.VISION else self._enhancer
        begun = time.perf_counter()
        judged = encoder.judged(observation)
        found = judged if isinstance(judged, Embedding) else None
        embedding = None if found is None else found.vector
        if embedding is not None and enhancer is not None:
            embedding = enhancer(embedding[None])[0]
        return Percept.of(
            observation,
            embedding,
            encoder,
            enhancer,
            sequence=sequence,
            encode_ms=1000 * (time.perf_counter() - begun),
            things=encoder.things(observation),
            known=found is None or found.known,
            confidence=1.0 if found is None else found.confidence,
        )

    def _encoder(self, modality: Modality) -> SenseEncoder:
        if modality not in self._encoders:
            directory = imagebind_directory(self._checkpoint)
            self._encoders[modality] = SenseEncoder.from_pretrained(directory, modality)
        return self._encoders[modality]
