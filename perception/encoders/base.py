"""What an encoder is: the contract of the entry point group `sensebind.encoders`.

A package adds an encoder by an entry point in its pyproject.toml, and tests it with
`sensebind.perception.encoders.conformance.EncoderConformance`:

    [project.entry-points."sensebind.encoders"]
    eva = "my_package.eva:EvaEncoder"

For a stream with `encoder: eva:TARGET` it is called as `EvaEncoder(target, modality, options)`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sensebind.errors import ConfigurationError, InputError
from sensebind.perception.encoders.names import EncoderOptions as EncoderOptions
from sensebind.perception.modality import Modality
from sensebind.perception.percept import Observation, Thing


@dataclass(frozen=True, slots=True)
class Embedding:
    """What an observation was encoded to.

    Attributes:
        vector: float32 [D], unit norm.
        known: False where the observation is of no kind that the weights were trained with.
        confidence: That it is known, 0..1; 1 where the encoder has no guard.
    """

    vector: np.ndarray
    known: bool = True
    confidence: float = 1.0


@dataclass(frozen=True, slots=True)
class Nothing:
    """The sense perceived nothing: silence, or a sweep without a thing nearby."""


@dataclass(frozen=True, slots=True)
class Refused:
    """An observation that cannot be encoded.

    Attributes:
        error: Why: it is malformed or not finite.
    """

    error: InputError


Encoding = Embedding | Nothing | Refused


class StreamEncoder(ABC):
    """Encodes the observations of a stream. For one thread at a time.

    Embeddings can be compared where their `space_id` is the same, and nowhere else: it travels in
    percept headers (as `model`), and so into episodes, watches, recordings and taught names, which
    refuse those of another space.
    """

    @property
    @abstractmethod
    def modalities(self) -> frozenset[Modality]:
        """What it can encode; that of its stream among them."""

    @property
    @abstractmethod
    def dim(self) -> int:
        """Length D of its embeddings."""

    @property
    @abstractmethod
    def space_id(self) -> str:
        """Names the space of its embeddings, in 1 to 64 printable characters without spaces.

        It is the same whenever the same weights are loaded, and another for others.
        """

    @abstractmethod
    def encode(self, batch: Sequence[Observation]) -> list[Encoding]:
        """Encode observations as sources give them: preprocessing is the encoder's own.

        What is malformed is `Refused`, and the others of the batch are encoded all the same.

        Returns:
            What came of each, in their order.
        """

    def text(self, texts: Sequence[str]) -> np.ndarray:
        """Embed texts into the same space.

        Args:
            texts: One at least.

        Returns:
            float32 [T, D], unit norm each.

        Raises:
            ConfigurationError: The encoder has no texts.
        """
        raise ConfigurationError(f"{type(self).__name__} embeds no texts")

    def things(self, observation: Observation) -> tuple[Thing, ...]:
        """Return where the things of a sweep are, the nearest first; () for other senses.

        Raises:
            InputError: The sweep is malformed or not finite.
        """
        return ()

    @property
    def width(self) -> int:
        """`dim`, as percept headers are made of it."""
        return self.dim

    @property
    def digest(self) -> str:
        """`space_id`, as percept headers are made of it."""
        return self.space_id
