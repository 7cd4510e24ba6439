"""Embeddings as directions."""

import numpy as np
import pytest

from sensebind.errors import InputError
from sensebind.perception.vectors import unit


@pytest.mark.parametrize("scale", [1e-30, 1.0, 1e30])
def test_a_direction_has_unit_norm_whatever_the_scale(scale: float) -> None:
    found = unit(np.array([[3.0, -4.0]]) * scale)
    assert found.dtype == np.float32 and found.shape == (2,)
    np.testing.assert_allclose(found, [0.6, -0.8], rtol=1e-6)


@pytest.mark.parametrize("values", [[0.0, 0.0], [np.nan, 1.0], [np.inf, 1.0], []])
def test_what_has_no_direction_is_refused(values: list[float]) -> None:
    with pytest.raises(InputError, match="no direction"):
        unit(np.array(values))
