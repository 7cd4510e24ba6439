"""The reader's part of a checkpoint directory."""

import json
from pathlib import Path

import pytest
import torch

from sensebind.agent.reader import FOLDER, reader_of
from sensebind.agent.reader.features import Vocabulary
from sensebind.agent.reader.intent import LetThrough, Verdict
from sensebind.agent.reader.network import NetworkSize, ReaderNetwork
from sensebind.agent.reader.weights import Calibration, load_weights, save_weights
from sensebind.errors import CheckpointError


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    words = Vocabulary(["lamp", "灯"], 64)
    size = NetworkSize(len(words), 64, 16, 1, 2, 32)
    members = []
    for seed in (0, 1):
        torch.manual_seed(seed)
        members.append(ReaderNetwork(size).state_dict())
    save_weights(tmp_path / FOLDER, words, members, size, Calibration(temperature=1.5, act=0.8))
    return tmp_path


def test_what_was_saved_is_loaded(checkpoint: Path) -> None:
    loaded = load_weights(checkpoint / FOLDER)
    assert loaded.vocabulary.words == ("lamp", "灯")
    assert loaded.calibration == Calibration(temperature=1.5, act=0.8)
    torch.manual_seed(1)
    again = ReaderNetwork(NetworkSize(5, 64, 16, 1, 2, 32))
    assert len(loaded.members) == 2
    assert torch.allclose(loaded.members[1].queries, again.queries, atol=1e-3)


def test_a_checkpoint_without_a_reader_limits_nothing(tmp_path: Path) -> None:
    reader = reader_of(tmp_path)
    assert isinstance(reader, LetThrough)
    assert reader.read("open the door", []).of("door_open") is Verdict.CALL


def test_an_untrained_reader_lets_nothing_through(checkpoint: Path) -> None:
    assert reader_of(checkpoint).read("open the door", []).scores == {}


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("version", 2, "another version"),
        ("actions", ["lamp_on"], "another version"),
        ("categories", ["order"], "categories"),
        ("members", 99, "members is 99"),
        ("members", 3, "Missing key"),
        ("width", 32, "size mismatch"),
        ("calibration", {"act": "high"}, "calibration.act"),
        ("calibration", {"act": float("nan")}, "calibration.act"),
    ],
)
def test_a_damaged_configuration_is_refused(
    checkpoint: Path, name: str, value: object, message: str
) -> None:
    file = checkpoint / FOLDER / "config.json"
    config = json.loads(file.read_text("utf-8"))
    file.write_text(json.dumps(config | {name: value}), encoding="utf-8")
    with pytest.raises(CheckpointError, match=message):
        load_weights(checkpoint / FOLDER)


def test_damaged_weights_are_refused(checkpoint: Path) -> None:
    file = checkpoint / FOLDER / "model.safetensors"
    file.write_bytes(file.read_bytes()[:100])
    with pytest.raises(CheckpointError, match="cannot be read"):
        load_weights(checkpoint / FOLDER)
