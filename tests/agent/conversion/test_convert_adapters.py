"""LLaMA-Adapter V1 and V2 files with a LLaMA become models of the golden outputs."""

# pyright: reportArgumentType=false

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from official_files import golden, golden_weights, is_adapter, padded, write_llama
from safetensors.torch import save_file
from torch import Tensor

from sensebind.agent.conversion.clip_tower import ClipTower
from sensebind.agent.conversion.convert import ConvertOptions, convert
from sensebind.agent.conversion.llama_tensors import load_official, normalise_names
from sensebind.agent.gated_llama.loading import load_gated_llama
from sensebind.errors import CheckpointError


def same(directory: Path, expected: dict[str, Tensor]) -> None:
    state = load_gated_llama(directory)[0].state_dict()
    assert state.keys() == expected.keys()
    for name, tensor in state.items():
        torch.testing.assert_close(tensor, expected[name], atol=1e-6, rtol=0, msg=name)


@pytest.mark.parametrize("tanh", [False, True])
def test_v1(tmp_path: Path, tanh: bool) -> None:
    weights = padded(golden_weights("llama_adapter_v1"))
    base = write_llama(tmp_path / "7B", weights)
    adapter = {n: t for n, t in weights.items() if "gate" in n or n == "adapter_query.weight"}
    torch.save(adapter, tmp_path / "v1.pth")
    fields = {"adapter_len": golden("llama_adapter_v1")[0]["adapter_len"]}
    options = ConvertOptions(
        tmp_path / "out",
        llama=base,
        adapter=tmp_path / "v1.pth",
        dtype="float32",
        tanh_gates=tanh,
        fields=fields,
    )
    (record,) = convert(options)
    assert record["adapter"] == "LLaMA-Adapter V1"
    assert record["base_check"]["norms"] == 0  # this file carries nothing to compare
    model, _ = load_gated_llama(tmp_path / "out")
    assert model.config.gate_tanh == tanh
    named = normalise_names(weights)
    same(tmp_path / "out", load_official(named, norm_eps=1e-5, **fields).state_dict())


def huggingface_clip(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """The golden tower as transformers' `CLIPVisionModelWithProjection` names it."""
    fields = {"clip_heads": 4, "vision_heads": 4}
    state = load_official(normalise_names(weights), norm_eps=1e-5, **fields).state_dict()
    start = "adapter.vision.clip."
    return {n.removeprefix(start): t.contiguous() for n, t in state.items() if n.startswith(start)}


@pytest.mark.parametrize("naming", ["openai", "huggingface"])
def test_v2_with_clip_from_either_naming(tmp_path: Path, naming: str) -> None:
    weights = padded(golden_weights("llama_adapter_v2"))
    base = write_llama(tmp_path / "7B", weights)
    adapter = {n: t for n, t in weights.items() if is_adapter(n)}
    torch.save({"model": adapter, "config": {"w_bias": True}}, tmp_path / "BIAS-7B.pth")
    clip = {n.removeprefix("clip."): t for n, t in weights.items() if n.startswith("clip.")}
    if naming == "huggingface":
        clip = huggingface_clip(weights)
    save_file(clip, tmp_path / "clip.safetensors")
    fields = {"clip_heads": 4, "vision_heads": 4}
    options = ConvertOptions(
        tmp_path / "out",
        llama=base,
        adapter=tmp_path / "BIAS-7B.pth",
        clip=tmp_path / "clip.safetensors",
        dtype="float32",
        fields=fields,
    )
    (record,) = convert(options)
    assert record["adapter"] == "LLaMA-Adapter V2"
    assert record["base_check"]["fits"]
    named = normalise_names(weights)
    same(tmp_path / "out", load_official(named, norm_eps=1e-5, **fields).state_dict())


def test_v2_without_clip_and_a_clip_that_is_none(tmp_path: Path) -> None:
    weights = padded(golden_weights("llama_adapter_v2"))
    base = write_llama(tmp_path / "7B", weights)
    torch.save({n: t for n, t in weights.items() if is_adapter(n)}, tmp_path / "v2.pth")
    options = {"llama": base, "adapter": tmp_path / "v2.pth", "dtype": "float32"}
    with pytest.raises(CheckpointError, match="CLIP"):
        convert(ConvertOptions(tmp_path / "out", **options))
    save_file({"a": torch.ones(1)}, tmp_path / "clip.safetensors")
    with pytest.raises(CheckpointError, match="no visual tower"):
        ClipTower(tmp_path / "clip.safetensors")
