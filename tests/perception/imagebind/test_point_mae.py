"""The I2P-MAE encoder as a point trunk of ImageBind; its numbers are checked in tests/parity."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from sensebind.errors import InputError
from sensebind.perception.imagebind import ImageBind, ImageBindConfig, PointConfig
from sensebind.perception.imagebind.config import I2P_MAE_LEVELS, PointLevel

LEVELS = (
    PointLevel(groups=16, group_size=6, width=12, blocks=1, radius=0.3),
    PointLevel(groups=8, group_size=4, width=24, blocks=2, radius=0.6),
)
POINT = PointConfig(width=24, heads=2, encoder_hidden=(8, 16), feature_width=20, levels=LEVELS)


def test_it_is_saved_loaded_and_encodes(tmp_path: Path) -> None:
    torch.manual_seed(0)
    model = ImageBind(ImageBindConfig(out_width=10, point=POINT)).eval()
    model.save_pretrained(tmp_path)
    loaded = ImageBind.from_pretrained(tmp_path)
    assert loaded.config.point == POINT
    clouds = torch.rand(2, 40, 3) * 2 - 1
    with torch.inference_mode():
        out = loaded.encode("point", clouds)
        assert torch.equal(out, model.encode("point", clouds))
    torch.testing.assert_close(out.norm(dim=-1), torch.ones(2))
    assert not torch.allclose(out[0], out[1])


def test_a_small_cloud_is_refused() -> None:
    model = ImageBind(ImageBindConfig(out_width=10, point=POINT)).eval()
    with pytest.raises(InputError, match="smaller than the 16"):
        model.encode("point", torch.rand(1, 15, 3))


def test_levels_that_do_not_fit_are_refused() -> None:
    assert PointConfig(levels=I2P_MAE_LEVELS).width == I2P_MAE_LEVELS[-1].width
    with pytest.raises(ValueError, match="last level"):
        PointConfig(width=12, heads=2, levels=LEVELS)
    with pytest.raises(ValueError, match="multiples of 8 heads"):
        PointConfig(width=24, heads=8, levels=LEVELS)
