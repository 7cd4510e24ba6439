"""ImageBind and its point trunk against embeddings of the official models."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from golden_files import Golden, assert_near

from sensebind.perception.imagebind import ImageBind
from sensebind.perception.imagebind.point import farthest_points, take

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
