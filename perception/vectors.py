"""Embeddings as directions."""

from __future__ import annotations

import numpy as np

from sensebind.errors import InputError


def unit(embedding: np.ndarray) -> np.ndarray:
    """Return an embedding as float32 [D] of unit norm.

    Raises:
        InputError: It is all zeros or not finite, and so has no direction.
    """
    vector = np.asarray(embedding, np.float64).reshape(-1)
    norm = float(np.linalg.norm(vector))
    if not np.isfinite(norm) or norm == 0:
        raise InputError("an embedding of zeros, NaN or infinity has no direction")
    return (vector / norm).astype(np.float32)
