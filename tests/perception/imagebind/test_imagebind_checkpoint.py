"""Checkpoints: whole or one trunk, accounted for tensor by tensor."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from sensebind.errors import CheckpointError, ConfigurationError, StorageError
from sensebind.perception.imagebind import (
    AudioConfig,
    ImageBind,
    ImageBindConfig,
    PointConfig,
    VisionConfig,
)
from sensebind.perception.imagebind import checkpoint as files

CONFIG = ImageBindConfig(
    out_width=8,
    vision=VisionConfig(width=8, blocks=1, heads=2, image_size=28),
    audio=AudioConfig(width=8, blocks=1, heads=2, mel_bins=32, mel_frames=44),
    point=PointConfig(
        width=8, blocks=1, heads=2, groups=4, group_size=3, encoder_width=8, encoder_hidden=(8, 8)
    ),
)


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    ImageBind(CONFIG).save_pretrained(tmp_path)
    return tmp_path


def rewrite(path: Path, change: dict[str, torch.Tensor | None]) -> None:
    state = load_file(path / "model.safetensors") | change
    kept = {k: v.clone() for k, v in state.items() if v is not None}
    save_file(kept, path / "model.safetensors")


def test_config_survives_json() -> None:
    assert ImageBindConfig.from_json(CONFIG.to_json()) == CONFIG
    assert ImageBindConfig.from_json(ImageBindConfig.huge().to_json()) == ImageBindConfig.huge()
    assert ImageBindConfig.huge(point=False).trunks[-1] == "imu"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"model_type": "llama"}',
        '{"model_type": "imagebind", "sight": {}}',
        '{"model_type": "imagebind", "vision": {"width": 10, "heads": 3}}',
    ],
)
def test_bad_configs_are_refused_in_one_line(text: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        ImageBindConfig.from_json(text)
    assert "\n" not in str(caught.value)


def test_round_trip_keeps_weights_and_digest(saved: Path) -> None:
    model = ImageBind.from_pretrained(saved)
    assert not model.training
    again = ImageBind.from_pretrained(saved, ["audio"])
    assert model.digest == again.digest
    for key, value in load_file(saved / "model.safetensors").items():
        assert torch.equal(model.state_dict()[key], value)
    x = torch.randn(1, 1, 32, 44)
    assert torch.equal(model.encode("audio", x), again.encode("audio", x))
    rewrite(saved, {"modality_heads.vision.0.bias": torch.ones(8)})
    assert ImageBind.from_pretrained(saved).digest != model.digest


def test_half_precision_on_disk_is_single_in_memory(saved: Path, tmp_path: Path) -> None:
    ImageBind.from_pretrained(saved).save_pretrained(tmp_path / "half", dtype=torch.float16)
    stored = load_file(tmp_path / "half" / "model.safetensors")
    assert {v.dtype for v in stored.values()} == {torch.float16, torch.int64}
    model = ImageBind.from_pretrained(tmp_path / "half")
    assert all(p.dtype == torch.float32 for p in model.parameters())
    half = ImageBind.from_pretrained(tmp_path / "half", dtype=torch.float16)
    assert all(p.dtype == torch.float16 for p in half.parameters())


def test_one_trunk_reads_only_its_tensors(saved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []
    real = files.open_weights

    @contextmanager
    def watched(path: Path) -> Iterator[tuple[dict, Callable[[str], torch.Tensor]]]:
        with real(path) as (shapes, get):
            yield shapes, lambda key: read.append(key) or get(key)

    monkeypatch.setattr(files, "open_weights", watched)
    model = ImageBind.from_pretrained(saved, ["point"])
    assert read == list(model.state_dict())
    assert {files.modality_of(key) for key in read} == {"point"}


def test_a_pth_file_loads_with_its_wrapper(saved: Path, tmp_path: Path) -> None:
    state = load_file(saved / "model.safetensors")
    torch.save({"model": state}, tmp_path / "bind.pth")
    model = ImageBind.from_pretrained(tmp_path / "bind.pth", ["vision"], config=CONFIG)
    assert torch.equal(
        model.state_dict()["modality_heads.vision.0.bias"], state["modality_heads.vision.0.bias"]
    )
    with pytest.raises(CheckpointError, match="misshapen"):  # alone it has the published sizes
        ImageBind.from_pretrained(tmp_path / "bind.pth", ["vision"])


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"modality_heads.audio.0.bias": None}, "1 missing (modality_heads.audio.0.bias)"),
        ({"modality_heads.audio.9.bias": torch.ones(1)}, "1 unexpected (modality_heads.audio.9"),
        ({"modality_heads.smell.0.bias": torch.ones(1)}, "1 unexpected (modality_heads.smell.0"),
        ({"modality_heads.audio.0.bias": torch.ones(3)}, "audio.0.bias [3] instead of [8]"),
    ],
)
def test_tensors_that_do_not_fit_are_named(
    saved: Path, change: dict[str, torch.Tensor | None], words: str
) -> None:
    rewrite(saved, change)
    with pytest.raises(CheckpointError) as caught:
        ImageBind.from_pretrained(saved)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)
    if "smell" not in words:
        ImageBind.from_pretrained(saved, ["vision"])  # which is whole


def test_damage_is_a_checkpoint_error(saved: Path, tmp_path: Path) -> None:
    weights = saved / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])
    with pytest.raises(CheckpointError, match="cannot read"):
        ImageBind.from_pretrained(saved)
    weights.unlink()
    with pytest.raises(CheckpointError, match=r"no model\.safetensors"):
        ImageBind.from_pretrained(saved)
    (saved / "config.json").unlink()
    with pytest.raises(CheckpointError, match=r"config\.json"):
        ImageBind.from_pretrained(saved)
    for name in ("junk.pth", "junk.safetensors", "junk.onnx"):
        (tmp_path / name).write_bytes(b"nothing of the kind")
        with pytest.raises(CheckpointError) as caught:
            ImageBind.from_pretrained(tmp_path / name)
        assert "\n" not in str(caught.value)


def test_a_pickle_is_not_executed(tmp_path: Path) -> None:
    torch.save({"a": pytest.approx}, tmp_path / "evil.pth")
    with pytest.raises(CheckpointError):
        ImageBind.from_pretrained(tmp_path / "evil.pth")


def test_unknown_modalities_are_refused(saved: Path) -> None:
    with pytest.raises(ConfigurationError, match="no 'text' trunk"):
        ImageBind.from_pretrained(saved, ["text"])


def test_saving_where_nothing_can_be_written_leaves_nothing(saved: Path, tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("in the way")
    with pytest.raises(StorageError):
        ImageBind(CONFIG).save_pretrained(blocked)
    assert blocked.read_text() == "in the way"
    assert not list(saved.glob(".model*"))


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("out_width", 10**9),
        ("vision/width", 10**9),
        ("vision/blocks", 10**9),
        ("vision/blocks", 4000),
        ("vision/heads", 0),
        ("audio/logit_scale", -1.0),
        ("audio/drop_path", float("nan")),
        ("point/groups", 10**9),
        ("point/encoder_hidden", [8, -8]),
    ],
)
def test_numbers_are_checked_before_anything_is_made(saved: Path, key: str, value: object) -> None:
    body = json.loads((saved / "config.json").read_text())
    *path, last = key.split("/")
    place = body
    for step in path:
        place = place[step]
    place[last] = value
    (saved / "config.json").write_text(json.dumps(body))
    with pytest.raises((CheckpointError, ConfigurationError), match=r"config\.json") as error:
        ImageBind.from_pretrained(saved)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weights_that_are_not_finite_are_refused(saved: Path, value: float) -> None:
    key = "modality_heads.vision.2.weight"
    weight = load_file(saved / "model.safetensors")[key]
    weight[0, 3] = value
    rewrite(saved, {key: weight})
    with pytest.raises(CheckpointError, match=rf"{key} holds NaN"):
        ImageBind.from_pretrained(saved)
    ImageBind.from_pretrained(saved, ["audio"])  # another trunk is not affected


def test_an_index_that_points_out_of_the_folder_is_refused(saved: Path, tmp_path: Path) -> None:
    other = tmp_path / "elsewhere"
    other.mkdir()
    (saved / "model.safetensors").rename(other / "model.safetensors")
    names = load_file(other / "model.safetensors")
    for file in ("elsewhere/model.safetensors", str(other / "model.safetensors"), ".."):
        index = {"weight_map": dict.fromkeys(names, file)}
        (saved / "model.safetensors.index.json").write_text(json.dumps(index))
        with pytest.raises(CheckpointError, match="not a file of its own folder"):
            ImageBind.from_pretrained(saved)
