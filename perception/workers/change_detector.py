"""Whether an observation differs from the last one that was encoded, at a glance.

A digest is a small float32 array whose values lie in 0..1; the largest difference between two
digests is the change. It sees what an encoder could see: blocks of a picture, bands of a sound,
directions of a sweep.
"""

from __future__ import annotations

import cv2
import numpy as np

from sensebind.perception.percept import Modality, Observation

_BLOCKS = 24  # a picture's digest is so many blocks wide and high
_BANDS, _SLICES = 24, 8  # of a sound's, in frequency and time
_SECTORS, _RINGS = 36, 4  # of a sweep's: directions around, and in elevation
_FLOOR_DB, _CEILING_DB = -70.0, 0.0
_ELEVATION = np.pi / 4  # a sweep's rings lie between minus and plus this


def digest(observation: Observation) -> np.ndarray | None:
    """Return the digest of an observation, or None for what has none."""
    data = observation.data
    if not data.size:
        return np.zeros(1, np.float32)
    if not np.isfinite(data).all():
        return None
    match observation.modality:
        case Modality.VISION if data.dtype == np.uint8 and data.ndim == 3:
            return _picture(data)
        case Modality.AUDIO if data.ndim == 1 and len(data) >= _SLICES * 2 * _BANDS:
            return _sound(data)
        case Modality.POINT if data.ndim == 2 and data.shape[1] == 3:
            return _sweep(data)
    return None


def change(before: np.ndarray | None, after: np.ndarray | None) -> float:
    """Return how much two digests differ, 0 to 1; 1 where they cannot be compared."""
    if before is None or after is None or before.shape != after.shape:
        return 1.0
    difference = float(np.abs(after - before).max())
    return difference if np.isfinite(difference) else 1.0


def _picture(image: np.ndarray) -> np.ndarray:
    """Mean colours of the blocks, [24, 24, 3]: noise of single pixels cancels out."""
    small = cv2.resize(image, (_BLOCKS, _BLOCKS), interpolation=cv2.INTER_AREA)
    return small.astype(np.float32) / 255


def _sound(samples: np.ndarray) -> np.ndarray:
    """Loudness in bands of doubling width over slices of time, [8, 24], -70 dB as 0, 0 dB as 1."""
    length = len(samples) // _SLICES
    slices = samples[: length * _SLICES].reshape(_SLICES, length)
    power = np.abs(np.fft.rfft(slices * np.hanning(length), axis=1)) ** 2  # [8, F]
    edges = np.unique(np.geomspace(1, power.shape[1], _BANDS + 1).astype(int))
    bands = np.add.reduceat(power, edges[:-1], axis=1) * (8 / 3 / length**2)
    decibel = 10 * np.log10(bands + 1e-12)
    scaled = (decibel - _FLOOR_DB) / (_CEILING_DB - _FLOOR_DB)
    return np.clip(scaled, 0, 1).astype(np.float32)


def _sweep(points: np.ndarray) -> np.ndarray:
    """Mean nearness 1/(1+r) in every direction, [36·4]; small where little is.

    A point counts in the four bins around its direction by how close they are, so that one that
    trembles at the edge of a bin changes nothing.
    """
    x, y, z = points.astype(np.float64).T
    flat = np.hypot(x, y)
    turn = (np.arctan2(y, x) / (2 * np.pi) + 0.5) * _SECTORS
    tilt = np.clip(np.arctan2(z, flat) / _ELEVATION, -1, 1)
    ring = (tilt + 1) / 2 * (_RINGS - 1)
    near = 1 / (1 + np.hypot(flat, z))
    sums, count = np.zeros(_SECTORS * _RINGS), np.zeros(_SECTORS * _RINGS)
    for right in (0, 1):
        for up in (0, 1):
            column, row = np.floor(turn) + right, np.minimum(np.floor(ring) + up, _RINGS - 1)
            weight = (1 - np.abs(turn - column)) * (1 - np.abs(ring - (np.floor(ring) + up)))
            bins = (column.astype(int) % _SECTORS) * _RINGS + row.astype(int)
            sums += np.bincount(bins, weights=weight * near, minlength=len(sums))
            count += np.bincount(bins, weights=weight, minlength=len(sums))
    return (sums / (count + len(points) / len(sums))).astype(np.float32)
