"""From several channels of sound to one: the one rule for files, microphones and bags.

The encoders take one channel. The first one alone misses what is on the others; a plain mean
silences a signal whose second channel is inverted (a balanced line, a swapped cable) and makes one
that is on a single channel of six 16 dB quieter. So each channel is turned to the polarity of the
louder ones that it resembles, and the sum is divided by as many channels as there is sound on:

    mono = sum(sign_c * x_c) * max(rms_c) / sum(rms_c)

Equal channels give what each of them holds, a channel alone gives itself, silent ones change
nothing. Polarity and loudness are those of the whole file, or of the last seconds of a stream.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

ALIKE = 0.5
"""Correlation from which on two channels count as the same signal.

Between unlike channels the sign does not matter: at a correlation of -0.5 the sum of two equally
loud channels is as loud as either.
"""
_BLOCK, _FEW, _MANY = 1 << 16, 4, 256  # samples
_OFFSET = 0.01  # least share of a channel's power that is not its offset, for single precision
MEMORY_SECONDS = 2.0
"""Time constant of a stream's statistics: the length of a window."""


def downmix(samples: np.ndarray) -> np.ndarray:
    """Bring a whole recording to one channel.

    Args:
        samples: Floats [channels,samples] or [samples].

    Returns:
        float32 [samples]; a single channel as it is.
    """
    array = np.atleast_2d(np.asarray(samples, np.float32)).T
    if array.shape[1] == 1:
        return array[:, 0]
    mix, one = weights(_moments(array)), np.empty(len(array), np.float32)
    for block, out in zip(_blocks(array), _blocks(one), strict=True):
        np.matmul(block, mix, out=out)
    return one


def weights(moments: np.ndarray) -> np.ndarray:
    """What each channel is multiplied with before they are summed.

    Args:
        moments: Covariance of the channels, [channels,channels].

    Returns:
        float32 [channels].
    """
    loudness = np.sqrt(np.diag(moments).clip(min=0))
    count = len(loudness)
    if not loudness.sum() > 0:
        return np.full(count, 1 / count, np.float32)
    scale = np.outer(loudness, loudness)
    likeness = np.divide(moments, scale, out=np.zeros_like(scale), where=scale > 0)
    signs = np.ones(count)
    order = np.argsort(-loudness, kind="stable")
    for position, channel in enumerate(order[1:], start=1):
        louder = order[:position]
        nearest = louder[np.argmax(np.abs(likeness[channel, louder]))]
        if abs(likeness[channel, nearest]) > ALIKE:
            signs[channel] = signs[nearest] * np.sign(likeness[channel, nearest])
    return (signs * (loudness.max() / loudness.sum())).astype(np.float32)


class Downmixer:
    """Brings a stream to one channel, block by block.

    The weights follow the last `MEMORY_SECONDS` and change gradually within a block, so that
    there are no clicks.

    Args:
        rate: Samples per second of each channel.
    """

    def __init__(self, rate: float) -> None:
        self._rate = rate
        self.clear()

    def clear(self) -> None:
        """Forget what was heard: what comes next does not continue it."""
        self._moments: np.ndarray | None = None
        self._weights: np.ndarray | None = None

    def add(self, block: np.ndarray) -> np.ndarray:
        """Mix the next block.

        Args:
            block: Floats [samples,channels], as sound cards give them; always as many channels.

        Returns:
            float32 [samples].
        """
        block = np.asarray(block, np.float32)
        if block.shape[1] == 1 or not len(block):
            return block[:, 0] if len(block) else np.zeros(0, np.float32)
        new = _moments(block)
        if not np.isfinite(new).all():  # the reader refuses such a block; nothing is learnt of it
            return block.mean(axis=1)
        kept = np.exp(-len(block) / (MEMORY_SECONDS * self._rate))
        total = new if self._moments is None else kept * self._moments + new
        self._moments = total
        target = weights(total)
        before = target if self._weights is None else self._weights
        if float((before * target) @ np.diag(total)) < 0:  # the whole may be turned over: it stays
            target = -target
        self._weights = target
        share = np.linspace(0, 1, len(block), dtype=np.float32)[:, None]
        return ((before + share * (target - before)) * block).sum(axis=1)


def _moments(samples: np.ndarray) -> np.ndarray:
    """Covariance of channels [samples,channels], not divided by their length.

    Products are summed in single precision over a block, and the sums of blocks in double: one
    pass, and no copy. Where a channel is hardly more than an offset, little would be left of that,
    and the offsets are taken off first.
    """
    count, channels = samples.shape
    products, sums = np.zeros((channels, channels)), np.zeros(channels)
    for block in _blocks(samples):
        products += _products(block)
        sums += _sums(block)
    found = products - np.outer(sums, sums) / max(count, 1)
    if (np.diag(found) >= _OFFSET * np.diag(products)).all():
        return found
    centred = samples - samples.mean(axis=0, dtype=np.float64)
    return centred.T @ centred


def _products(block: np.ndarray) -> np.ndarray:
    """Products of channels [samples,channels], summed. Rows of a few samples are faster."""
    wide, rest = _rows(block, _FEW)
    channels = block.shape[1]
    found = (wide.T @ wide).reshape(_FEW, channels, _FEW, channels)
    return np.einsum("iaib->ab", found) + rest.T @ rest


def _sums(block: np.ndarray) -> np.ndarray:
    """Sum of each channel [samples,channels]."""
    wide, rest = _rows(block, _MANY)
    return wide.sum(axis=0).reshape(_MANY, -1).sum(axis=0) + rest.sum(axis=0)


def _rows(block: np.ndarray, length: int) -> tuple[np.ndarray, np.ndarray]:
    """Samples [samples,channels] as rows of some samples each, and those that are left over."""
    whole = len(block) // length * length
    return block[:whole].reshape(-1, length * block.shape[1]), block[whole:]


def _blocks(samples: np.ndarray) -> Iterator[np.ndarray]:
    """Samples [samples,…], some after the other."""
    return (samples[start : start + _BLOCK] for start in range(0, len(samples), _BLOCK))
