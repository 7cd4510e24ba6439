"""The check that every embedding passes before it is compared with others."""

import numpy as np

from sensebind.errors import InputError


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
