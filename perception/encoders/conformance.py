"""Tests that every encoder has to pass; subclass `EncoderConformance` in your own test suite.

    class TestEva(EncoderConformance):
        def make_encoder(self) -> StreamEncoder:
            return EvaEncoder("weights", Modality.VISION, EncoderOptions())

pytest finds the inherited tests. Weights may be tiny and random.
"""

from __future__ import annotations

import re
from abc import abstractmethod
from dataclasses import replace

import numpy as np
import pytest

from sensebind.errors import ConfigurationError, InputError
from sensebind.perception.encoders.base import Embedding, Refused, StreamEncoder
from sensebind.perception.modality import Modality
from sensebind.perception.percept import Observation

_RATE = 16_000
_SPACE = r"[!-~]{1,64}"  # printable and without spaces, as percept headers and files take it


class EncoderConformance:
    """What an encoder promises, as tests.

    Attributes:
        modality: What is encoded.
        texts: Whether texts can be embedded.
        tolerance: Most that a value may differ when it is computed in another batch.
    """

    modality: Modality = Modality.VISION
    texts: bool = True
    tolerance: float = 1e-4

    @abstractmethod
    def make_encoder(self) -> StreamEncoder:
        """Return an encoder of `modality`, always with the same weights."""

    def make_sample(self, seed: int) -> Observation:
        """Return an observation in which something is perceived, another for each seed."""
        rng = np.random.default_rng(seed)
        match self.modality:
            case Modality.VISION:
                data = rng.integers(0, 255, (96, 128, 3), dtype=np.uint8)
            case Modality.AUDIO:
                wave = np.sin(np.arange(_RATE // 2) * (0.05 + 0.02 * seed))
                data = (0.5 * wave + 0.1 * rng.standard_normal(len(wave))).clip(-1, 1)
                data = data.astype(np.float32)
            case Modality.DEPTH:
                data = rng.uniform(0.5, 5.0, (96, 128)).astype(np.float32)
            case _:
                data = rng.uniform([1.4, -0.2, -0.5], [1.8, 0.2, 0.0], (2000, 3))
                data = data.astype(np.float32)
        rate = _RATE if self.modality is Modality.AUDIO else 0
        return Observation(data, "sense", self.modality, 10**18 + seed, 1.0 + seed, seed, "", rate)

    def test_it_says_what_it_is(self) -> None:
        """Modalities, width and space are there, and fit what travels in headers."""
        encoder = self.make_encoder()
        assert self.modality in encoder.modalities
        assert isinstance(encoder.dim, int) and encoder.dim > 0
        assert re.fullmatch(_SPACE, encoder.space_id), encoder.space_id

    def test_the_same_weights_are_the_same_space(self) -> None:
        """A second one names the same space and gives the same embeddings."""
        first, second = self.make_encoder(), self.make_encoder()
        assert first.space_id == second.space_id
        sample = self.make_sample(0)
        np.testing.assert_array_equal(_vector(first, sample), _vector(second, sample))

    def test_embeddings_are_of_unit_norm(self) -> None:
        """float32 [D]; what differs is embedded differently."""
        encoder = self.make_encoder()
        one, other = (_vector(encoder, self.make_sample(seed)) for seed in (1, 2))
        for vector in (one, other):
            assert vector.dtype == np.float32 and vector.shape == (encoder.dim,)
            assert abs(float(np.linalg.norm(vector)) - 1) < 1e-4
        assert not np.array_equal(one, other)

    def test_a_batch_is_as_one_by_one_and_in_order(self) -> None:
        """What else is in a batch changes nothing but the last bits."""
        encoder = self.make_encoder()
        samples = [self.make_sample(seed) for seed in range(3)]
        for found, sample in zip(encoder.encode(samples), samples, strict=True):
            assert isinstance(found, Embedding)
            alone = _vector(encoder, sample)
            np.testing.assert_allclose(found.vector, alone, atol=self.tolerance)
        assert encoder.encode([]) == []

    def test_what_is_malformed_is_refused_and_the_others_are_not(self) -> None:
        """An array of a wrong shape is an `InputError` in its own place."""
        encoder = self.make_encoder()
        good = self.make_sample(1)
        wrong = replace(good, data=np.full((2, 2, 2, 2), 0.5, np.float32))
        first, second = encoder.encode([wrong, good])
        assert isinstance(first, Refused) and isinstance(first.error, InputError), first
        assert isinstance(second, Embedding), second

    def test_texts_lie_in_the_same_space(self) -> None:
        """One row of unit norm each, whatever else is in the batch; or a `ConfigurationError`."""
        encoder = self.make_encoder()
        if not self.texts:
            with pytest.raises(ConfigurationError):
                encoder.text(["a dog"])
            return
        rows = encoder.text(["a dog", "the red cup on the kitchen table"])
        assert rows.dtype == np.float32 and rows.shape == (2, encoder.dim)
        np.testing.assert_allclose(np.linalg.norm(rows, axis=1), 1, atol=1e-4)
        np.testing.assert_allclose(encoder.text(["a dog"])[0], rows[0], atol=self.tolerance)
        assert not np.array_equal(rows[0], rows[1])


def _vector(encoder: StreamEncoder, sample: Observation) -> np.ndarray:
    [found] = encoder.encode([sample])
    assert isinstance(found, Embedding), found
    return found.vector
