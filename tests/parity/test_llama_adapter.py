"""LLaMA-Adapter V1 and V2 multimodal, members of the family, against the official models."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from golden_files import Golden, assert_near
from llama_checks import (
    FEATURES,
    RELOADED,
    answer,
    check_logits,
    end_ids,
    greedy,
    held_by_ours,
    padded_prompts,
)

from sensebind.agent.conversion.llama_tensors import load_official, normalise_names, to_official
from sensebind.agent.gated_llama import GatedLlamaForCausalLM
from sensebind.agent.gated_llama.session import NO_CONDITION, DialogSession
from sensebind.agent.gated_llama.vision import VisionConditioner


def build_v1(golden: Golden, **kwargs: Any) -> GatedLlamaForCausalLM:
    return load_official(
        normalise_names(golden.under("weights.")),
        norm_eps=golden.config["norm_eps"],
        adapter_len=golden.config["adapter_len"],
        **kwargs,
    )


def build_v2(golden: Golden, **kwargs: Any) -> GatedLlamaForCausalLM:
    return load_official(
        normalise_names(golden.under("weights.")),
        norm_eps=golden.config["norm_eps"],
        adapter_len=golden.config["query_len"],
        clip_heads=golden.config["clip"]["heads"],
        vision_heads=golden.config["v_num_heads"],
        **kwargs,
    )


# --- V1 -----------------------------------------------------------------------------------------


@pytest.mark.golden("llama_adapter_v1")
@pytest.mark.parametrize(
    ("name", "tanh"), [("finetune", True), ("release_inference", False)], ids=["tanh", "raw"]
)
@torch.inference_mode()
def test_v1(golden: Golden, name: str, tanh: bool) -> None:
    model = build_v1(golden, gate_tanh=tanh)
    assert model.config.injected_layers == golden.config["adapter_layer"]
    tokens = golden.tensors["input.tokens"]
    check_logits(golden, name, model(tokens).logits, golden.tensors["input.labels"])


@pytest.mark.golden("llama_adapter_v1")
@torch.inference_mode()
def test_v1_generates_alike_in_every_way(golden: Golden) -> None:
    model, tokens = build_v1(golden), golden.tensors["input.tokens"][:, :5]
    length = tokens.shape[1]
    expected = tokens
    for _ in range(6):
        expected = torch.cat([expected, model(expected).logits[:, -1:].argmax(-1)], dim=1)
    mask = torch.ones_like(tokens)
    generated = model.generate(tokens, attention_mask=mask, max_new_tokens=6, do_sample=False)
    assert torch.equal(generated, expected)
    for row, prompt in zip(expected.tolist(), tokens.tolist(), strict=True):
        stream = DialogSession(model).stream(prompt, [NO_CONDITION] * length, max_new_tokens=6)
        assert [*prompt, *stream] == row


# --- V2 -----------------------------------------------------------------------------------------


@pytest.mark.golden("llama_adapter_v2")
@torch.inference_mode()
def test_v2_condition_tokens(golden: Golden) -> None:
    vision = build_v2(golden).adapter.vision
    assert isinstance(vision, VisionConditioner)
    images = golden.tensors["input.image"]
    assert_near(vision.clip_tokens(images), golden.tensors["output.clip_tokens"], FEATURES)
    assert_near(vision(images), golden.tensors["output.visual_query"], FEATURES, FEATURES)


@pytest.mark.golden("llama_adapter_v2")
@pytest.mark.parametrize("merge", [True, False], ids=["merged", "unmerged"])
@torch.inference_mode()
def test_v2_logits_and_loss(golden: Golden, merge: bool) -> None:
    model = build_v2(golden, merge=merge)
    assert model.config.injected_layers == golden.config["query_layer"]
    images = golden.tensors["input.image"][:, None, None]  # one condition, one slot
    logits = model(golden.tensors["input.tokens"], conditions=images).logits
    check_logits(golden, "", logits, golden.tensors["input.labels"])


@pytest.mark.golden("llama_adapter_v2")
@torch.inference_mode()
def test_v2_greedy_tokens(golden: Golden) -> None:
    model = build_v2(golden)
    ids, mask, prompts = padded_prompts(golden)
    images, expected = golden.tensors["input.image"], golden.tensors["output.greedy_tokens"]
    out = greedy(model, golden, ids, mask, expected, conditions=images[:, None, None])
    assert torch.equal(out, expected)
    for row, prompt in enumerate(prompts):
        session = DialogSession(model)
        known = session.condition(images[row, None], torch.ones(1))
        stream = session.stream(
            prompt.tolist(),
            [known] * len(prompt),
            max_new_tokens=expected.shape[1],
            stop_ids=end_ids(golden),
        )
        assert list(stream) == answer(expected[row])


@pytest.mark.golden("llama_adapter_v2")
@torch.inference_mode()
def test_v2_is_saved_and_loaded(golden: Golden, tmp_path: Path) -> None:
    model, images = build_v2(golden), golden.tensors["input.image"][:, None, None]
    model.save_pretrained(tmp_path)
    loaded = GatedLlamaForCausalLM.from_pretrained(tmp_path).eval()
    tokens = golden.tensors["input.tokens"]
    expected = model(tokens, conditions=images).logits
    assert_near(loaded(tokens, conditions=images).logits, expected, RELOADED)


@pytest.mark.golden("llama_adapter_v1", "llama_adapter_v2")
def test_conversion_there_and_back(golden: Golden) -> None:
    """All but the gates of layers that take no condition."""
    build = build_v1 if golden.family == "llama_adapter_v1" else build_v2
    model = build(golden, merge=False)
    official = to_official(model)
    weights = normalise_names(golden.under("weights."))
    assert official.keys() == weights.keys()
    for name, value in held_by_ours(model, weights).items():
        assert torch.equal(official[name], value), name
