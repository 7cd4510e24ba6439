"""Checks that every embedding passes before it is compared with others."""

import numpy as np

from sensebind.errors import InputError


def unit(embedding: np.ndarray) -> np.ndarray:
    """Return an embedding as float32 [D] of unit norm.

    Raises:
        InputError: It is all zeros or not finite.
    """
    vector = np.asarray(embedding, np.float64).reshape(-1)
    norm = float(np.linalg.norm(vector))
    if not np.isfinite(norm) or norm == 0:
        raise InputError("an embedding of zeros, NaN or infinity cannot be searched for")
    return (vector / norm).astype(np.float32)


def check_width(vector: np.ndarray, width: int) -> None:
    """Refuse an embedding [D] that another encoder made.

    Raises:
        InputError: It has another width.
    """
    if vector.shape != (width,):
        raise InputError(
            f"the embedding is {list(vector.shape)}, those in the memory are [{width}]: "
            "use the encoder that recorded them"
        )
