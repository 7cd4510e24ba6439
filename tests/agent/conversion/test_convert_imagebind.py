"""ImageBind in small, under all published names, becomes a directory that loads per modality."""

# pyright: reportArgumentType=false

from __future__ import annotations

import gzip
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from torch import Tensor

from sensebind.agent.conversion import imagebind_part
from sensebind.agent.conversion.convert import ConvertOptions, convert
from sensebind.agent.conversion.imagebind_part import published_name
from sensebind.errors import CheckpointError, ConfigurationError, InputError
from sensebind.perception.imagebind import (
    AudioConfig,
    ImageBind,
    ImageBindConfig,
    ImageBindProcessor,
    PointConfig,
    TextConfig,
    VisionConfig,
)

CONFIG = ImageBindConfig(
    out_width=8,
    vision=VisionConfig(width=8, blocks=1, heads=2, image_size=28),
    text=TextConfig(width=8, blocks=1, heads=2, vocab_size=600),
    audio=AudioConfig(width=8, blocks=1, heads=2, mel_bins=32, mel_frames=44),
    point=PointConfig(
        width=8, blocks=1, heads=2, groups=4, group_size=3, encoder_width=8, encoder_hidden=(8, 8)
    ),
)


@pytest.fixture
def state() -> dict[str, Tensor]:
    torch.manual_seed(0)
    return ImageBind(CONFIG).state_dict()


@pytest.fixture
def options(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict:
    monkeypatch.setattr(imagebind_part, "CLIP_MERGES", 2)
    merges = tmp_path / "bpe_simple_vocab_16e6.txt.gz"
    merges.write_bytes(gzip.compress(b"#version\ni n\nt h\na n\n"))
    (tmp_path / "sizes.json").write_text(CONFIG.to_json())
    return {"imagebind_config": tmp_path / "sizes.json", "dtype": "float32"}


def test_a_published_file_becomes_one_shard_per_trunk(
    tmp_path: Path, state: dict[str, Tensor], options: dict
) -> None:
    torch.save(state, tmp_path / "imagebind_w3D.pth")
    out = tmp_path / "out"
    convert(ConvertOptions(out, imagebind=tmp_path / "imagebind_w3D.pth", **options))
    model = ImageBind.from_pretrained(out / "imagebind")
    assert all(torch.equal(model.state_dict()[name], tensor) for name, tensor in state.items())
    names = {path.name for path in (out / "imagebind").glob("*.safetensors")}
    assert names == {f"model-{m}.safetensors" for m in ("vision", "text", "audio", "point")}
    (out / "imagebind" / "model-text.safetensors").write_bytes(b"never read")
    audio = ImageBind.from_pretrained  # a trunk needs its own shard, and the headers of the others
    with pytest.raises(CheckpointError):
        audio(out / "imagebind", ["text"])
    processor = ImageBindProcessor.from_pretrained(out / "imagebind")
    assert (out / "imagebind" / processor.settings.text.merges).is_file()


def test_half_precision_and_some_modalities(
    tmp_path: Path, state: dict[str, Tensor], options: dict
) -> None:
    torch.save(state, tmp_path / "huge.pth")
    out = tmp_path / "out"
    settings = options | {"dtype": "float16"}
    chosen = ("vision", "point")
    convert(ConvertOptions(out, imagebind=tmp_path / "huge.pth", modalities=chosen, **settings))
    model = ImageBind.from_pretrained(out / "imagebind")
    assert model.config.trunks == chosen
    with safe_open(out / "imagebind" / "model-vision.safetensors", "pt") as file:
        assert {file.get_slice(name).get_dtype() for name in file.keys()} == {"F16"}  # noqa: SIM118
    assert not list((out / "imagebind").glob("*.gz"))


def point_bind(state: dict[str, Tensor]) -> dict[str, Tensor]:
    names = {}
    for name, tensor in state.items():
        if name.startswith("point_trunk."):
            names[name.removeprefix("point_trunk.")] = tensor
        elif ".point." in name:
            group, rest = name.split(".point.")
            names[f"bind.{group.removesuffix('s')}_point.{rest}"] = tensor
        else:
            names[f"bind.{name}"] = tensor
    return names | {"logit_scale": torch.ones(())}


def test_point_bind_names_whole_and_as_an_addition(
    tmp_path: Path, state: dict[str, Tensor], options: dict
) -> None:
    named = point_bind(state)
    assert {published_name(name) for name in named} == {*state, None}
    torch.save(named, tmp_path / "whole.pth")
    convert(ConvertOptions(tmp_path / "a", imagebind=tmp_path / "whole.pth", **options))
    torch.save({n: t for n, t in state.items() if "point" not in n}, tmp_path / "huge.pth")
    point = {n: t for n, t in named.items() if "point" in n or n.startswith("pc_")}
    torch.save({"state_dict": {f"module.{n}": t for n, t in point.items()}}, tmp_path / "point.pt")
    files = {"imagebind": tmp_path / "huge.pth", "point": tmp_path / "point.pt"}
    convert(ConvertOptions(tmp_path / "b", **files, **options))
    for out in (tmp_path / "a", tmp_path / "b"):
        model = ImageBind.from_pretrained(out / "imagebind")
        assert all(torch.equal(model.state_dict()[name], tensor) for name, tensor in state.items())


def test_parts_can_be_added_one_after_the_other(
    tmp_path: Path, state: dict[str, Tensor], options: dict
) -> None:
    torch.save(state, tmp_path / "huge.pth")
    out = tmp_path / "out"
    out.mkdir()
    (out / "note.txt").write_text("mine")
    convert(ConvertOptions(out, imagebind=tmp_path / "huge.pth", **options))
    assert (out / "note.txt").read_text() == "mine"
    with pytest.raises(ConfigurationError, match="exists"):
        convert(ConvertOptions(out, imagebind=tmp_path / "huge.pth", **options))


def test_what_is_no_imagebind_is_refused(
    tmp_path: Path, state: dict[str, Tensor], options: dict
) -> None:
    out = tmp_path / "out"
    torch.save({"layers.0.attention.wq.weight": torch.ones(2)}, tmp_path / "llama.pth")
    lacking = dict(state)
    lacking.pop("modality_heads.vision.0.bias")
    torch.save(lacking, tmp_path / "lacking.pth")
    wrong = state | {"modality_heads.vision.0.bias": torch.ones(3)}
    torch.save(wrong, tmp_path / "wrong.pth")
    torch.save(state, tmp_path / "huge.pth")
    for name, words in (
        ("llama.pth", "is no ImageBind"),
        ("lacking.pth", "1 missing: modality_heads.vision.0.bias"),
        ("wrong.pth", r"vision.0.bias \[3\] instead of \[8\]"),
        ("none.pth", "no file"),
    ):
        with pytest.raises(CheckpointError, match=words):
            convert(ConvertOptions(out, imagebind=tmp_path / name, **options))
    published = {"dtype": "float32"}
    with pytest.raises(CheckpointError, match="misshapen"):
        convert(ConvertOptions(out, imagebind=tmp_path / "huge.pth", **published))
    (tmp_path / "bpe_simple_vocab_16e6.txt.gz").unlink()
    with pytest.raises(InputError, match="merges file"):
        convert(ConvertOptions(out, imagebind=tmp_path / "huge.pth", **options))
    with pytest.raises(ConfigurationError, match="no 'depth' trunk"):
        convert(
            ConvertOptions(out, imagebind=tmp_path / "huge.pth", modalities=("depth",), **options)
        )
    assert not out.exists()
    assert not list(tmp_path.glob("*.partial"))
