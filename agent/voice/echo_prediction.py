"""What of a sound follows from another, linearly: the echo of a loudspeaker in a microphone.

A canceller such as AEC3 also suppresses what it is not sure of, and with it a person who speaks at
the same time. This one suppresses nothing: what it leaves is the person, and the part of the echo
that it has not learned yet. In each band of a short-time Fourier transform, a Kalman filter whose
state are the few taps of that band (S. Haykin, Adaptive Filter Theory) learns the room within a
third of a second of speech, long before a filter of thousands of samples is known.
"""

from __future__ import annotations

import numpy as np

from sensebind.agent.voice.parts import BLOCK

TAPS = 10
"""Frames of a block that an echo may reach back, 0.32 s: 0.2 s of delay, and the room."""
_PRIOR = 1.0  # variance of a tap before anything is heard; a larger one overshoots at first
_DRIFT = 1e-5  # variance by which a tap may change from frame to frame, as people and robots move
_AUDIBLE = 1e-3  # magnitude in a band from which on it is learned from


class EchoPrediction:
    """Learns how a loudspeaker is heard; used by one thread."""

    def __init__(self) -> None:
        """Begin with a room of which nothing is known."""
        bands = BLOCK + 1
        self._window = np.sqrt(np.hanning(2 * BLOCK + 1)[:-1]).astype(np.float32)
        self._last = np.zeros((2, BLOCK), np.float32)  # heard and played, the block before
        self._begun = np.zeros(BLOCK, np.float32)  # first half of what comes out next
        self._played = np.zeros((bands, TAPS), np.complex64)  # newest frame first
        self._weights = np.zeros((bands, TAPS), np.complex64)
        self._variance = np.tile(_PRIOR * np.eye(TAPS, dtype=np.complex64), (bands, 1, 1))

    def left_of(self, heard: np.ndarray, played: np.ndarray) -> np.ndarray:
        """Take the next block of both sounds.

        Args:
            heard: float32 [BLOCK].
            played: float32 [BLOCK], in the same time.

        Returns:
            float32 [BLOCK], what does not follow from what was played; of the block before.
        """
        now = np.stack([heard, played])
        frames = np.fft.rfft(np.concatenate([self._last, now], axis=1) * self._window, axis=1)
        self._last = now
        error = self._learn(*frames.astype(np.complex64))
        sound = np.fft.irfft(error).astype(np.float32) * self._window
        left = self._begun + sound[:BLOCK]
        self._begun = sound[BLOCK:]
        return left

    def _learn(self, heard: np.ndarray, played: np.ndarray) -> np.ndarray:
        """Predict a frame from those played before, and correct the weights; [bands] complex."""
        self._played = np.concatenate([played[:, None], self._played[:, :-1]], axis=1)
        past = self._played
        error = heard - np.einsum("bk,bk->b", self._weights.conj(), past)
        if np.abs(past).max() < _AUDIBLE:
            return error
        spread = np.einsum("bij,bj->bi", self._variance, past)
        seen = 1.0 + np.einsum("bi,bi->b", past.conj(), spread).real
        self._weights += spread * (error.conj() / seen)[:, None]
        # The product of one factor with itself stays Hermitian to the last bit.
        factor = spread / np.sqrt(seen)[:, None]
        self._variance -= factor[:, :, None] * factor.conj()[:, None, :]
        taps = np.einsum("bii->bi", self._variance)  # a view
        taps += _DRIFT * (taps.real.mean(axis=1, keepdims=True) < _PRIOR)
        return error
