"""The guard: what the weights know, in numbers of our own and with those that ship."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from sensebind.agent.conditioning.media_encoder import MediaEncoder
from sensebind.agent.training.guard import outliers
from sensebind.checkpoints import default_checkpoint
from sensebind.errors import CheckpointError
from sensebind.perception.imagebind import ImageBind
from sensebind.perception.imagebind.guard import (
    SETTINGS_NAME,
    TENSORS_NAME,
    Critic,
    Gaussian,
    Guard,
    GuardSettings,
    examples,
    novelty,
    pooled,
    purpose,
)
from sensebind.perception.simhome.home import SimHome

WEIGHTS = default_checkpoint() / "imagebind"


def test_a_gaussian_measures_the_distance_of_mahalanobis() -> None:
    variances = torch.tensor([4.0, 0.25])
    one = Gaussian(torch.tensor([1.0, 2.0]), torch.diag(1 / variances.sqrt()))
    rows = torch.tensor([[3.0, 2.0], [1.0, 3.0], [1.0, 2.0]])
    wanted = [math.log(1 / math.sqrt(2)), math.log(2 / math.sqrt(2)), math.log(1e-6)]
    assert one.distances(rows).tolist() == pytest.approx(wanted, abs=1e-5)


def test_the_stricter_score_counts_in_its_own_spreads() -> None:
    near = Gaussian(torch.zeros(2), torch.eye(2))
    silent = Critic(
        torch.zeros(2), torch.zeros(2), torch.zeros(2, 3), torch.zeros(3), torch.zeros(3)
    )
    settings = GuardSettings(("a",), (0.0, -1.0), (0.5, 0.25), (0, 1), 1.0, 2.0)
    rows = [torch.tensor([[1.0, 1.0], [math.e**3, math.e**3]])]
    # The critic says 0, which is (0 + 1) / 0.25 = 4; the distance says 0 / 0.5 and 3 / 0.5.
    assert novelty(settings, [near], silent, rows).tolist() == pytest.approx([4.0, 6.0], abs=1e-4)


def test_the_confidence_is_half_at_the_threshold() -> None:
    settings = GuardSettings(("a",), (0.0, 0.0), (1.0, 1.0), (0,), threshold=3.0, slope=2.0)
    assert settings.confidence(3.0) == pytest.approx(0.5)
    assert settings.confidence(2.0) == pytest.approx(1 / (1 + math.exp(-2)))
    assert settings.confidence(1e9) >= 0 and settings.confidence(-1e9) <= 1


def test_tokens_are_pooled_to_mean_and_spread() -> None:
    tokens = torch.tensor([[[1.0, 5.0], [3.0, 5.0]]])
    assert pooled(tokens).tolist() == [[2.0, 5.0, pytest.approx(math.sqrt(2)), 0.0]]
    assert pooled(tokens[:, :1]).tolist() == [[1.0, 5.0]]


def test_a_checkpoint_without_a_guard_knows_everything(tmp_path: Path) -> None:
    model = ImageBind.from_pretrained(WEIGHTS, ["point"])
    assert Guard.load(tmp_path, model, "point") is None
    assert Guard.load(WEIGHTS, model, "depth") is None
    assert purpose(tmp_path) == ""


def test_what_ships_says_what_it_knows() -> None:
    assert "SimHome" in purpose(default_checkpoint())
    found = examples(WEIGHTS)
    assert found.shape == (3, 128)
    assert np.allclose(np.linalg.norm(found, axis=1), 1, atol=1e-3)
    assert (found @ found.T - np.eye(3) < 0.9).all()  # they are unlike each other


def _edit(key: str, value: object) -> Callable[[Path], None]:
    def edit(folder: Path) -> None:
        fields = json.loads((folder / SETTINGS_NAME).read_text("utf-8"))
        fields["modalities"]["vision"][key] = value
        (folder / SETTINGS_NAME).write_text(json.dumps(fields), "utf-8")

    return edit


def _tensor(name: str, value: torch.Tensor | None) -> Callable[[Path], None]:
    def edit(folder: Path) -> None:
        tensors = load_file(folder / TENSORS_NAME)
        del tensors[name]
        save_file(tensors | ({} if value is None else {name: value}), folder / TENSORS_NAME)

    return edit


@pytest.mark.parametrize(
    "damage",
    [
        lambda folder: (folder / SETTINGS_NAME).write_text("{", "utf-8"),
        lambda folder: (folder / SETTINGS_NAME).write_text('{"version": 9}', "utf-8"),
        lambda folder: (folder / TENSORS_NAME).write_bytes(b"no tensors"),
        lambda folder: (folder / TENSORS_NAME).unlink(),
        _edit("layers", ["no.such.layer"]),
        _edit("layers", []),
        _edit("spreads", [0.0, 1.0, 1.0, 1.0, 1.0, 1.0]),
        _edit("threshold", float("nan")),
        _edit("used", [77]),
        _edit("slope", -1),
        _tensor("vision.0.mean", None),
        _tensor("vision.0.whiten", torch.zeros(3, 3)),
        _tensor("vision.0.mean", torch.full((256,), math.nan)),
        _tensor("vision.critic.first", torch.zeros(2, 2)),
    ],
)
def test_damaged_guards_are_refused(tmp_path: Path, damage: Callable[[Path], object]) -> None:
    for name in (SETTINGS_NAME, TENSORS_NAME):
        (tmp_path / name).write_bytes((WEIGHTS / name).read_bytes())
    damage(tmp_path)
    model = ImageBind.from_pretrained(WEIGHTS, ["vision"])
    with pytest.raises(CheckpointError):
        Guard.load(tmp_path, model, "vision")


def test_rooms_of_simhome_are_known_and_textures_are_not() -> None:
    senses = MediaEncoder(default_checkpoint(), ["vision", "audio", "point"])
    known: dict[str, list[bool]] = {"vision": [], "audio": [], "point": []}
    for seed in range(5_000_000, 5_000_010):
        with SimHome(seed) as home:
            home.step(2.5)
            given = {
                "vision": senses.perceived("vision", home.camera().copy()),
                "audio": senses.perceived("audio", home.microphone(), 16_000),
                "point": senses.perceived("point", home.lidar()),
            }
        for modality, one in given.items():
            if one is not None:
                known[modality].append(one.known)
    for found in known.values():
        assert sum(found) >= len(found) - 1
    made = [np.random.default_rng([9, number]) for number in range(10)]
    strange = {
        "vision": [senses.perceived("vision", outliers.image(rng)) for rng in made],
        "audio": [senses.perceived("audio", outliers.sound(rng), 16_000) for rng in made],
        "point": [senses.perceived("point", outliers.cloud(rng)) for rng in made],
    }
    for found in strange.values():
        judged = [one.known for one in found if one is not None]
        assert sum(judged) <= 2, strange


def test_watching_leaves_the_embedding_as_it_is() -> None:
    model = ImageBind.from_pretrained(WEIGHTS, ["vision"])
    guard = Guard.load(WEIGHTS, model, "vision")
    assert guard is not None
    x = torch.randn(2, 3, 96, 96, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        bare = model.encode("vision", x)
        with guard.watching():
            watched = model.encode("vision", x)
        assert torch.equal(bare, watched)
        scores = guard.judge()
    assert scores.shape == (2,) and (scores > guard.settings.threshold).all()  # noise
    assert not any(module._forward_hooks for module in model.modules())
