"""Weights of 8 and 4 bits: close to the originals, and the same from memory and from disk."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from small_model import make_model
from test_gated_loading import save_tokenizer
from torch import nn

from sensebind.agent.conversion.quantize import quantize_directory
from sensebind.agent.gated_llama import GatedLlamaForCausalLM
from sensebind.agent.gated_llama.loading import load_gated_llama
from sensebind.agent.gated_llama.quantization import (
    LAYOUT_NAME,
    QuantizedLinear,
    dequantize_weight,
    quantize_model,
    quantize_weight,
)
from sensebind.errors import CheckpointError, ConfigurationError


@pytest.mark.parametrize(("bits", "most"), [(8, 0.012), (4, 0.13)])
def test_products_are_those_of_the_kept_weight(bits: int, most: float) -> None:
    torch.manual_seed(0)
    linear = nn.Linear(256, 64)
    made = QuantizedLinear.of(linear, bits)
    kept = dequantize_weight(made.codes, made.scales).float()
    assert (kept - linear.weight).norm() / linear.weight.norm() < most
    x = torch.randn(2, 3, 256, dtype=torch.bfloat16)
    got = made(x).float()
    expected = x.float() @ kept.T + linear.bias
    assert got.shape == (2, 3, 64)
    assert (got - expected).norm() / expected.norm() < 0.01


def test_extreme_rows_keep_their_place() -> None:
    weight = torch.zeros(16, 128)
    weight[0] = 5.0
    weight[1, 3] = -1e4
    weight[2] = torch.linspace(-1, 1, 128)
    for bits in (8, 4):
        kept = dequantize_weight(*quantize_weight(weight, bits)).float()
        assert kept.isfinite().all()
        torch.testing.assert_close(kept[:2], weight[:2], rtol=0.02, atol=1e-6)
        assert not kept[3:].any()


@pytest.mark.parametrize("inputs", [12, 16, 48, 100])
def test_sizes_that_the_kernel_cannot_take_are_computed_all_the_same(inputs: int) -> None:
    made = QuantizedLinear.of(nn.Linear(inputs, 20, bias=False), 8)
    x = torch.randn(5, inputs, dtype=torch.bfloat16)
    expected = x.float() @ made.dequantized().float().T
    assert (made(x).float() - expected).norm() / expected.norm() < 0.01


def wide_model() -> GatedLlamaForCausalLM:
    """With layers that fit into 4 bits, and others that do not."""
    model = make_model(hidden_size=128, intermediate_size=176)
    for parameter in model.parameters():  # not the rotary frequencies
        parameter.data = parameter.data.to(torch.bfloat16)
    return model


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    path = tmp_path / "full"
    wide_model().save_pretrained(path)
    save_tokenizer(path, 96)
    (path / "visual_cache").mkdir()
    (path / "visual_cache" / "cache.json").write_text("{}")
    return path


@pytest.mark.parametrize("bits", [8, 4])
def test_a_quantised_directory_is_the_model_quantised_in_memory(
    checkpoint: Path, tmp_path: Path, bits: int
) -> None:
    quantize_directory(checkpoint, tmp_path / "small", bits)
    loaded, tokenizer = load_gated_llama(tmp_path / "small")
    expected = quantize_model(wide_model(), bits)
    assert len(tokenizer) == 96
    assert (tmp_path / "small" / "visual_cache" / "cache.json").is_file()
    tokens = torch.arange(3, 12)[None]
    conditions = torch.randn(1, 1, 3, 12)
    with torch.inference_mode():
        got = loaded(tokens, conditions=conditions).logits
        torch.testing.assert_close(got, expected(tokens, conditions=conditions).logits)
        full = wide_model()(tokens, conditions=conditions).logits
    assert (got - full).float().norm() / full.float().norm() < (0.05 if bits == 8 else 0.4)
    assert sum(isinstance(module, QuantizedLinear) for module in loaded.modules()) >= 21
    out = loaded.generate(tokens, max_new_tokens=4, do_sample=False, pad_token_id=0)
    assert out.shape[1] <= 13


def test_what_cannot_be_quantised_or_loaded_is_named(checkpoint: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="8 or 4"):
        quantize_directory(checkpoint, tmp_path / "out", 3)
    small = tmp_path / "small"
    quantize_directory(checkpoint, small, 8)
    with pytest.raises(ConfigurationError, match="already"):
        quantize_directory(small, tmp_path / "out", 4)
    layout = json.loads((small / LAYOUT_NAME).read_text("utf-8"))
    for layers, words in (
        ({}, "cannot be used"),
        ({"model.layers.9.self_attn.q_proj": 8}, "names"),
        (dict(list(layout["layers"].items())[1:]), "missing"),
    ):
        (small / LAYOUT_NAME).write_text(json.dumps(layout | {"layers": layers}))
        with pytest.raises(CheckpointError, match=words):
            load_gated_llama(small)
