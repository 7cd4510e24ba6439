"""The members of the family: what their configurations allow, how they start, what they see."""

# pyright: reportArgumentType=false

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from small_model import KINDS, SIZES, make_model
from transformers import AutoModelForCausalLM, LlamaConfig, LlamaForCausalLM

from sensebind.agent.gated_llama import GatedLlamaConfig, GatedLlamaForCausalLM
from sensebind.agent.gated_llama.image_conditions import picture_conditions
from sensebind.errors import ConfigurationError, InputError

V1, V2 = KINDS["v1"], KINDS["v2"]


@pytest.mark.parametrize("kind", ["v1", "v2"])
def test_a_plain_llama_becomes_a_member_that_computes_the_same(tmp_path: Path, kind: str) -> None:
    torch.manual_seed(0)
    plain = LlamaForCausalLM(LlamaConfig(**SIZES)).eval()
    plain.save_pretrained(tmp_path / "plain")
    model = GatedLlamaForCausalLM.from_pretrained(tmp_path / "plain", **KINDS[kind]).eval()
    assert all(parameter.isfinite().all() for parameter in model.parameters())
    assert not model.adapter.gates.any()
    tokens = torch.randint(3, 96, (1, 6))
    given = {"conditions": torch.rand(1, 1, 1, 3, 16, 16)} if kind == "v2" else {}
    torch.testing.assert_close(model(tokens, **given).logits, plain(tokens).logits)
    model.save_pretrained(tmp_path / "member")
    loaded = AutoModelForCausalLM.from_pretrained(tmp_path / "member").eval()
    assert torch.equal(loaded(tokens, **given).logits, model(tokens, **given).logits)


@pytest.mark.parametrize("kind", ["v1", "v2"])
def test_every_parameter_of_a_member_learns(kind: str) -> None:
    model = make_model(**KINDS[kind]).train()
    tokens = torch.randint(3, 96, (2, 6))
    given = {"conditions": torch.rand(2, 1, 1, 3, 16, 16)} if kind == "v2" else {}
    model(tokens, labels=tokens, use_cache=False, **given).loss.backward()
    without = [name for name, parameter in model.named_parameters() if parameter.grad is None]
    assert not without


def test_merging_lora_of_a_member_changes_nothing() -> None:
    model = make_model(**V2)
    model.add_lora(2)
    for name, parameter in model.named_parameters():
        if name.endswith("l2.weight"):
            torch.nn.init.normal_(parameter, std=0.2)
    tokens = torch.randint(3, 96, (1, 6))
    pictures = torch.rand(1, 1, 1, 3, 16, 16)
    before = model(tokens, conditions=pictures).logits
    model.merge_lora()
    assert model.adapter.key_lora is not None
    assert len(model.adapter.key_lora.l1) == model.config.injected_layers
    after = model(tokens, conditions=pictures).logits
    torch.testing.assert_close(after, before, atol=2e-5, rtol=1e-4)


@torch.inference_mode()
def test_v1_generates_under_its_prefix_with_beams_and_batches() -> None:
    model = make_model(**V1)
    tokens = torch.randint(3, 96, (2, 5))
    mask = torch.ones_like(tokens)
    options: dict[str, Any] = {"attention_mask": mask, "max_new_tokens": 4, "do_sample": False}
    greedy = model.generate(tokens, **options)
    assert torch.equal(greedy, model.generate(tokens, use_cache=False, **options))
    assert model.generate(tokens, num_beams=3, **options).shape == (2, 9)
    with torch.no_grad():
        model.adapter.gates.zero_()
    closed = model.generate(tokens, **options)
    assert not torch.equal(greedy, closed)
    with pytest.raises(InputError, match="no conditions"):
        model(tokens, conditions=torch.zeros(2, 1, 1, 12))


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"conditioner": "ears"}, "conditioner"),
        ({"conditioner": "vision"}, "vision_clip"),
        ({"conditioner": "none", "slots": 2}, "one slot"),
        ({"injected_layers": 4}, "injected_layers"),
    ],
)
def test_a_member_that_cannot_be_is_refused(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(Exception, match=message):
        GatedLlamaConfig(**SIZES | wrong)


def test_pictures_keep_the_colours_that_the_weights_know() -> None:
    picture = np.zeros((20, 30, 3), np.uint8)
    picture[..., 0] = 255  # red
    for bgr, strongest in ((False, 0), (True, 2)):
        config = GatedLlamaConfig(**SIZES | V2 | {"vision_bgr": bgr})
        out = picture_conditions([picture, picture], config)
        assert out.shape == (2, 1, 1, 3, 16, 16)
        assert out[0, 0, 0].mean(dim=(1, 2)).argmax() == strongest
    with pytest.raises(ConfigurationError, match="takes no pictures"):
        picture_conditions([picture], GatedLlamaConfig(**SIZES))
