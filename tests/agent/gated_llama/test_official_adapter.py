"""LLaMA-Adapter tensors under Meta's names, with all that fine-tuning adds, against plain code."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import torch
from small_model import CLIP, make_model
from torch import Tensor
from torch.nn import functional as F

from sensebind.agent.conversion.llama_tensors import load_official, to_official

LAYERS, HEADS, WIDTH, INNER, VOCABULARY, QUERIES, RANK = 3, 4, 32, 48, 96, 5, 2
INJECTED = 2
EPS = 1e-5
LINEAR = {
    "attention.wq": (WIDTH, WIDTH),
    "attention.wk": (WIDTH, WIDTH),
    "attention.wv": (WIDTH, WIDTH),
    "attention.wo": (WIDTH, WIDTH),
    "feed_forward.w1": (INNER, WIDTH),
    "feed_forward.w2": (WIDTH, INNER),
    "feed_forward.w3": (INNER, WIDTH),
}
UNBIASED = ("attention.wk", "attention.wv")


def llama_tensors() -> Iterator[tuple[str, Tensor]]:
    """A fine-tuned LLaMA with LoRA, biases, gates and new gates."""
    yield "llama.tok_embeddings.weight", torch.randn(VOCABULARY, WIDTH)
    yield "llama.output.weight", torch.randn(VOCABULARY, WIDTH)
    yield "llama.norm.weight", torch.rand(WIDTH)
    for layer in range(LAYERS):
        start = f"llama.layers.{layer}."
        yield f"{start}attention_norm.weight", torch.rand(WIDTH)
        yield f"{start}ffn_norm.weight", torch.rand(WIDTH)
        yield f"{start}attention.gate", torch.randn(1, HEADS, 1, 1)
        yield f"{start}attention.new_gate", torch.randn(1, 1, 1, 1)
        for name, (outputs, inputs) in LINEAR.items():
            parent, short = name.split(".")
            yield f"{start}{name}.weight", 0.3 * torch.randn(outputs, inputs)
            yield f"{start}{parent}.lora_{short}_l1.weight", 0.3 * torch.randn(RANK, inputs)
            yield f"{start}{parent}.lora_{short}_l2.weight", 0.3 * torch.randn(outputs, RANK)
            if name not in UNBIASED:
                yield f"{start}{name}.bias", 0.3 * torch.randn(outputs)


def v2_tensors() -> dict[str, Tensor]:
    """All of V2, with a vision part taken from a model of ours."""
    torch.manual_seed(5)
    tensors = dict(llama_tensors())
    tensors["adapter_query.weight"] = torch.randn(INJECTED * QUERIES, WIDTH)
    vision: dict[str, Any] = {
        "conditioner": "vision",
        "vision_clip": CLIP,
        "vision_width": 16,
        "vision_blocks": 2,
        "vision_heads": 4,
    }
    model = make_model(slots=1, senses=None, adapter_len=QUERIES, query_len=QUERIES, **vision)
    for name, tensor in to_official(model).items():
        if name.startswith(("clip", "visual_")):
            tensors[name] = tensor
    return tensors


def rms_norm(x: Tensor, weight: Tensor) -> Tensor:
    return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + EPS) * weight


def rotate(x: Tensor) -> Tensor:
    """Rotary embedding of [T, H, d] as Meta has it: neighbours are a complex number."""
    length, _, width = x.shape
    angles = torch.arange(length)[:, None] * 10000.0 ** (-torch.arange(0, width, 2) / width)
    turns = torch.polar(torch.ones_like(angles), angles)[:, None]
    return torch.view_as_real(torch.view_as_complex(x.unflatten(-1, (-1, 2))) * turns).flatten(-2)


def naive_logits(w: dict[str, Tensor], tokens: Tensor, visual_query: Tensor) -> Tensor:
    """Logits [T, V] of one row, its adapter concatenated before the text as the paper draws it."""
    length, width = len(tokens), WIDTH // HEADS
    queries = w["adapter_query.weight"].view(INJECTED, QUERIES, WIDTH)
    causal = torch.full((length, length), -torch.inf).triu(1)
    x = w["llama.tok_embeddings.weight"][tokens]
    for layer in range(LAYERS):
        start = f"llama.layers.{layer}."

        def linear(name: str, value: Tensor, start: str = start) -> Tensor:
            parent, short = name.split(".")
            bias = w.get(f"{start}{name}.bias")
            low = F.linear(value, w[f"{start}{parent}.lora_{short}_l1.weight"])
            high = F.linear(low, w[f"{start}{parent}.lora_{short}_l2.weight"])
            return F.linear(value, w[f"{start}{name}.weight"], bias) + high

        n = rms_norm(x, w[f"{start}attention_norm.weight"])
        q = rotate(linear("attention.wq", n).view(length, HEADS, width))
        k = rotate(linear("attention.wk", n).view(length, HEADS, width))
        v = linear("attention.wv", n).view(length, HEADS, width)
        scores = torch.einsum("thd,shd->hts", q, k) / width**0.5 + causal
        out = torch.einsum("hts,shd->thd", scores.softmax(-1), v)
        if layer >= LAYERS - INJECTED:
            adapter = queries[layer - LAYERS + INJECTED] + visual_query
            ka = F.linear(adapter, w[f"{start}attention.wk.weight"]).view(QUERIES, HEADS, width)
            va = F.linear(adapter, w[f"{start}attention.wv.weight"]).view(QUERIES, HEADS, width)
            shares = (torch.einsum("thd,shd->hts", q, ka) / width**0.5).softmax(-1)
            gate = w[f"{start}attention.gate"][0].tanh() * w[f"{start}attention.new_gate"][0]
            out = out + torch.einsum("hts,shd->thd", gate * shares, va)
        x = x + linear("attention.wo", out.flatten(1))
        n = rms_norm(x, w[f"{start}ffn_norm.weight"])
        inner = F.silu(linear("feed_forward.w1", n)) * linear("feed_forward.w3", n)
        x = x + linear("feed_forward.w2", inner)
    return F.linear(rms_norm(x, w["llama.norm.weight"]), w["llama.output.weight"])


@pytest.mark.parametrize("merge", [True, False], ids=["merged", "unmerged"])
@torch.inference_mode()
def test_v2_with_lora_biases_and_new_gates(merge: bool) -> None:
    tensors = v2_tensors()
    model = load_official(tensors, merge=merge, norm_eps=EPS, clip_heads=2, vision_heads=4)
    assert model.config.layer_gates
    assert model.config.injected_layers == INJECTED
    images, tokens = torch.rand(2, 1, 1, 3, 16, 16), torch.randint(3, VOCABULARY, (2, 7))
    logits = model(tokens, conditions=images).logits
    features = model.adapter.features(images)[:, 0]
    for row in range(2):
        expected = naive_logits(tensors, tokens[row], features[row])
        torch.testing.assert_close(logits[row], expected, atol=1e-4, rtol=1e-4)


@torch.inference_mode()
def test_the_legacy_bridge_goes_there_and_back() -> None:
    model = make_model(slots=1, senses=None, bind_legacy=True)
    official = to_official(model)
    assert "image_bind_f3_2.bias" in official
    again = load_official(official, norm_eps=model.config.rms_norm_eps)
    assert again.config.bind_legacy
    tokens, conditions = torch.randint(3, 96, (1, 6)), torch.randn(1, 1, 1, 12)
    expected = model(tokens, conditions=conditions).logits
    torch.testing.assert_close(again(tokens, conditions=conditions).logits, expected)
