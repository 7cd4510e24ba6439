"""Shapes, keys, clips, refusals and training of the model."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from sensebind.errors import ConfigurationError, InputError
from sensebind.perception.imagebind import (
    AudioConfig,
    DepthConfig,
    ImageBind,
    ImageBindConfig,
    ImuConfig,
    PointConfig,
    TextConfig,
    ThermalConfig,
    VisionConfig,
)
from sensebind.perception.imagebind.point import farthest_points, neighbours, random_starts, take

KEYS = Path(__file__).parents[2] / "golden" / "keys_imagebind_huge.json"
INPUTS = {
    "vision": (2, 3, 28, 28),
    "audio": (2, 1, 32, 44),
    "depth": (2, 1, 32, 32),
    "thermal": (2, 1, 32, 32),
    "imu": (2, 6, 40),
    "point": (2, 50, 3),
}


def small(**changes: object) -> ImageBindConfig:
    sections = {
        "vision": VisionConfig(width=16, blocks=2, heads=2, image_size=28),
        "text": TextConfig(width=16, blocks=2, heads=2, vocab_size=40, context_length=12),
        "audio": AudioConfig(width=16, blocks=2, heads=2, mel_bins=32, mel_frames=44, stride=14),
        "depth": DepthConfig(width=16, blocks=2, heads=2, image_size=32),
        "thermal": ThermalConfig(width=16, blocks=2, heads=2, image_size=32),
        "imu": ImuConfig(width=16, blocks=2, heads=2, length=40),
        "point": PointConfig(
            width=16,
            blocks=2,
            heads=2,
            groups=6,
            group_size=5,
            encoder_width=8,
            encoder_hidden=(8, 16),
            feature_width=12,
        ),
    }
    return ImageBindConfig.model_validate({"out_width": 10, **sections, **changes})


@pytest.fixture(scope="module")
def model() -> ImageBind:
    torch.manual_seed(0)
    return ImageBind(small()).eval()


def draw(modality: str) -> torch.Tensor:
    generator = torch.Generator().manual_seed(1)
    if modality == "text":
        return torch.randint(1, 40, (2, 12), generator=generator)
    return torch.randn(INPUTS[modality], generator=generator)


def test_published_sizes_have_the_official_keys_and_shapes() -> None:
    with torch.device("meta"):
        huge = ImageBind(ImageBindConfig.huge())
    mine = {k: [list(v.shape), str(v.dtype)[6:]] for k, v in huge.state_dict().items()}
    assert mine == json.loads(KEYS.read_text())
    point = sum(p.numel() for name, p in huge.named_parameters() if "point" in name)
    assert point == 22_777_344
    assert sum(p.numel() for p in huge.parameters()) - point == 1_200_781_057


@pytest.mark.parametrize("modality", [*INPUTS, "text"])
def test_every_trunk_gives_vectors_of_its_scale_and_batches_do_not_matter(
    model: ImageBind, modality: str
) -> None:
    x = draw(modality)
    with torch.inference_mode():
        out = model.encode(modality, x)
        alone = torch.cat([model.encode(modality, row[None]) for row in x])
    scale = model.config.trunk(modality).logit_scale or 1.0
    assert out.shape == (2, 10)
    torch.testing.assert_close(out.norm(dim=-1), torch.full((2,), scale))
    torch.testing.assert_close(out, alone, rtol=1e-4, atol=1e-4)


def test_clips_are_averaged_after_the_postprocessor(model: ImageBind) -> None:
    clips = torch.randn(2, 3, 1, 32, 44)
    with torch.inference_mode():
        out, prenorm = model.encode_with_prenorm("audio", clips)
        each = [model.encode_with_prenorm("audio", clips[:, i]) for i in range(3)]
    torch.testing.assert_close(out, torch.stack([final for final, _ in each]).mean(0))
    torch.testing.assert_close(prenorm, torch.stack([pre for _, pre in each]).mean(0))
    assert (out.norm(dim=-1) < 20).all()


def test_a_still_equals_the_clip_that_repeats_it(model: ImageBind) -> None:
    image = draw("vision")
    clip = image.unsqueeze(2).repeat(1, 1, 2, 1, 1).unsqueeze(1)  # [B,1,3,2,H,W]
    with torch.inference_mode():
        torch.testing.assert_close(
            model.encode("vision", image), model.encode("vision", clip), rtol=1e-5, atol=1e-5
        )


def test_larger_squares_get_resized_positions(model: ImageBind) -> None:
    with torch.inference_mode():
        assert model.encode("vision", torch.randn(1, 3, 56, 56)).shape == (1, 10)
        with pytest.raises(InputError, match="square"):
            model.encode("vision", torch.randn(1, 3, 28, 42))


def test_what_follows_the_end_token_does_not_matter(model: ImageBind) -> None:
    ids = torch.tensor([[38, 5, 6, 39, 0, 0], [38, 7, 39, 0, 0, 0]])
    other = ids.clone()
    other[:, 4:] = 3
    with torch.inference_mode():
        torch.testing.assert_close(model.encode("text", ids), model.encode("text", other))


@pytest.mark.parametrize(
    ("modality", "shape"),
    [
        ("vision", (2, 1, 28, 28)),
        ("vision", (1, 2, 3, 5, 28, 28)),
        ("vision", (0, 3, 28, 28)),
        ("vision", (1, 3, 8, 8)),
        ("audio", (1, 1, 32, 45)),
        ("depth", (1, 3, 32, 32)),
        ("imu", (1, 6, 41)),
        ("point", (1, 50, 4)),
        ("point", (1, 4, 3)),
    ],
)
def test_wrong_shapes_are_refused_in_one_line(
    model: ImageBind, modality: str, shape: tuple[int, ...]
) -> None:
    with pytest.raises(InputError) as caught:
        model.encode(modality, torch.randn(shape))
    assert "\n" not in str(caught.value)


def test_long_texts_and_absent_trunks_are_refused(model: ImageBind) -> None:
    with pytest.raises(InputError, match="up to 12"):
        model.encode("text", torch.ones(1, 13, dtype=torch.long))
    sighted = ImageBind(model.config.only(["vision"]))
    assert sighted.config.trunks == ("vision",)
    assert not hasattr(sighted, "point_trunk")
    with pytest.raises(ConfigurationError, match="no 'audio' trunk"):
        sighted.encode("audio", draw("audio"))


def test_forward_takes_several_modalities(model: ImageBind) -> None:
    with torch.inference_mode():
        out = model({name: draw(name) for name in ("vision", "text", "point")})
        torch.testing.assert_close(out["text"], model.encode("text", draw("text")))
    assert list(out) == ["vision", "text", "point"]


def test_all_parameters_learn() -> None:
    torch.manual_seed(0)
    model = ImageBind(small()).train()
    for name in model.config.trunks:
        target = torch.nn.functional.normalize(torch.randn(2, 10), dim=-1)
        (model.encode(name, draw(name)) * target).sum().backward()
    idle = [name for name, p in model.named_parameters() if p.grad is None]
    assert idle == []
    assert all(torch.isfinite(p.grad).all() for p in model.parameters() if p.grad is not None)


def test_farthest_points_are_deterministic_and_follow_the_start() -> None:
    points = torch.tensor([[[0.0, 0, 0], [1, 0, 0], [5, 0, 0], [5, 1, 0]]])
    assert farthest_points(points, 3).tolist() == [[0, 3, 1]]
    assert farthest_points(points, 2, torch.tensor([3])).tolist() == [[3, 0]]
    first = random_starts(points, torch.Generator().manual_seed(3))
    assert first.tolist() == random_starts(points, torch.Generator().manual_seed(3)).tolist()


def test_neighbours_include_the_centre() -> None:
    points = torch.tensor([[[0.0, 0, 0], [1, 0, 0], [5, 0, 0], [6, 0, 0]]])
    found = neighbours(points, take(points, torch.tensor([[3, 0]])), 2)
    assert [sorted(group) for group in found[0].tolist()] == [[2, 3], [0, 1]]
