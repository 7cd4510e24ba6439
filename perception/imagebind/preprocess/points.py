"""Point clouds: normalisation and resampling. Reading them from files is `point_files`."""

from __future__ import annotations

from typing import Literal

import numpy as np

from sensebind.errors import InputError

Normalisation = Literal["none", "unit_sphere", "metric"]


def cloud(points: np.ndarray) -> np.ndarray:
    """Checks one cloud and brings it to float32 [N,3].

    Args:
        points: [N,3] or wider; further columns (intensity, colour) are dropped.

    Raises:
        InputError: Another shape, empty, not numbers, NaN or infinity.
    """
    array = np.asarray(points)
    if array.ndim != 2 or array.shape[1] < 3 or array.dtype.kind not in "fiu":
        raise InputError(f"a point cloud is numbers [N,3], not {array.dtype} {list(array.shape)}")
    if len(array) == 0:
        raise InputError("the point cloud is empty")
    array = np.ascontiguousarray(array[:, :3], dtype=np.float32)
    bad = int((~np.isfinite(array).all(axis=1)).sum())
    if bad:
        raise InputError(f"{bad} of {len(array)} points are NaN or infinite; remove them first")
    return array


def normalised(points: np.ndarray, mode: Normalisation, floor: float = 0.0) -> np.ndarray:
    """Moves and scales a cloud.

    Args:
        points: float32 [N,3].
        mode: "none" leaves it (ImageBind-LLM); "unit_sphere" centres it on its mean and divides by
            the largest radius (Point-Bind); "metric" keeps metres: x and y relative to the middle
            of the cloud's extent, z above the floor.
        floor: Height of the floor in the cloud's own frame, metres, for "metric".

    Returns:
        float32 [N,3].
    """
    if mode == "none":
        return points
    if mode == "metric":
        middle = (points.min(axis=0) + points.max(axis=0)) / 2
        return points - np.array([middle[0], middle[1], floor], dtype=np.float32)
    centred = points - points.mean(axis=0)
    radius = np.sqrt((centred**2).sum(axis=1)).max()
    return centred / max(radius, np.float32(1e-12))


def resampled(points: np.ndarray, count: int | None, seed: int = 0) -> np.ndarray:
    """Exactly `count` points: a seeded choice of too many, repetition of too few.

    The same cloud always gives the same points. None leaves the number alone.
    """
    n = len(points)
    if count is None or n == count:
        return points
    if n > count:
        keep = np.random.default_rng(seed).choice(n, count, replace=False)
        return points[np.sort(keep)]
    return points[np.arange(count) % n]
