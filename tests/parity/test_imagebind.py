"""ImageBind and its point trunk against embeddings of the official models."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from golden_files import Golden, assert_near

from sensebind.perception.imagebind import ImageBind
from sensebind.perception.imagebind.point import farthest_points, take
from sensebind.perception.imagebind.point_mae import PointMaeEncoder
from sensebind.perception.imagebind.point_trunk import PointTrunk

ATOL = 2e-5


@pytest.mark.golden("imagebind")
@torch.inference_mode()
def test_embeddings(golden: Golden, official_imagebind: Callable[[Golden], ImageBind]) -> None:
    model = official_imagebind(golden)
    inputs = golden.under("input.")
    assert inputs
    for name, x in inputs.items():
        final, prenorm = model.encode_with_prenorm(name.partition("_")[0], x)
        expected = golden.under(f"output.{name}.")
        assert_near(prenorm, expected["prenorm"], ATOL, ATOL, f"{name} prenorm")
        assert_near(final, expected["final"], ATOL, ATOL, f"{name} final")


@pytest.mark.golden("point")
@torch.inference_mode()
def test_point_trunk(golden: Golden, official_point: Callable[[Golden], ImageBind]) -> None:
    model = official_point(golden)
    points = golden.tensors["input.points"]
    starts = golden.under("input.fps_index.")
    assert starts
    for name, start in starts.items():
        expected = golden.under(f"output.{name}.")
        centres = take(points, farthest_points(points, golden.config["num_group"], start))
        assert torch.equal(centres, expected["centers"])
        assert_near(model.point_trunk(points, start), expected["trunk"], ATOL, ATOL, "trunk")
        final, prenorm = model.encode_with_prenorm("point", points, fps_start=start)
        assert_near(prenorm, expected["prenorm"], ATOL, ATOL, f"{name} prenorm")
        assert_near(final, expected["final"], ATOL, ATOL, f"{name} final")


@pytest.mark.golden("point")
@torch.inference_mode()
def test_point_trunk_starts_at_the_first_point(
    golden: Golden, official_point: Callable[[Golden], ImageBind]
) -> None:
    expected = golden.tensors.get("output.start0.final")
    if expected is None:
        pytest.skip("no outputs for the start at point 0")
    out = official_point(golden).encode("point", golden.tensors["input.points"])
    assert_near(out, expected, ATOL, ATOL)


@pytest.mark.golden("point_i2pmae")
@torch.inference_mode()
def test_point_mae(golden: Golden, official_point_mae: Callable[[Golden], PointTrunk]) -> None:
    trunk = official_point_mae(golden)
    encoder = trunk.point_encoder
    assert isinstance(encoder, PointMaeEncoder)
    points = golden.tensors["input.points"]
    start = torch.full((len(points),), golden.config.get("fps_start", 0))
    expected = golden.under("output.")
    _, centres = encoder.h_encoder(points, start)
    for level, centre in enumerate(centres, start=1):
        assert torch.equal(centre, expected[f"centers_{level}"])
    assert_near(encoder(points, start), expected["feature"], ATOL, ATOL, "feature")
    assert_near(trunk(points, start), expected["embedding"], ATOL, ATOL, "embedding")
