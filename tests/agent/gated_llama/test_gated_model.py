"""The gated LLaMA against a plain reference, through every way of running it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from naive_llama import naive_greedy, naive_logits
from small_model import SIZES, Batch, make_model
from torch import Tensor
from transformers import AutoConfig, AutoModelForCausalLM, LlamaConfig, LlamaForCausalLM
from transformers.generation.streamers import BaseStreamer

from sensebind.agent.gated_llama import GatedLlamaConfig, GatedLlamaForCausalLM
from sensebind.agent.gated_llama.lora import LoraLinear
from sensebind.errors import InputError

NEAR: dict[str, Any] = {"atol": 2e-5, "rtol": 1e-4}
NEW = 6


def greedy(model: GatedLlamaForCausalLM, batch: Batch, **options: Any) -> Tensor:
    out = model.generate(
        batch.tokens, max_new_tokens=NEW, do_sample=False, **batch.given, **options
    )
    return out[:, batch.tokens.shape[1] :]


def reference(model: GatedLlamaForCausalLM, batch: Batch) -> Tensor:
    return torch.tensor([naive_greedy(model, *batch.row(row), NEW) for row in range(2)])


# --- forward ------------------------------------------------------------------------------------


@pytest.mark.parametrize("backend", ["sdpa", "eager"])
def test_logits_equal_real_attention_to_the_condition(batch: Batch, backend: str) -> None:
    model = make_model(attention_bias=True, mlp_bias=True)
    model.set_attn_implementation(backend)
    logits = model(batch.tokens, **batch.given).logits
    for row in range(2):
        real = batch.mask[row].bool()
        torch.testing.assert_close(logits[row, real], naive_logits(model, *batch.row(row)), **NEAR)


def test_positions_of_a_padded_row_do_not_matter(
    model: GatedLlamaForCausalLM, batch: Batch
) -> None:
    tokens, conditions, present, ids = batch.row(1)
    alone = model(
        tokens[None], conditions=conditions[None], present=present[None], condition_ids=ids[None]
    ).logits[0]
    padded = model(batch.tokens, **batch.given).logits[1, batch.mask[1].bool()]
    torch.testing.assert_close(alone, padded, **NEAR)


def test_an_injection_computed_once_is_the_same(model: GatedLlamaForCausalLM, batch: Batch) -> None:
    injection = model.injection(batch.conditions, batch.present)
    assert injection.shape == (2, 2, SIZES["num_hidden_layers"], SIZES["hidden_size"])
    given = {k: v for k, v in batch.given.items() if k not in ("conditions", "present")}
    again = model(batch.tokens, injection=injection, **given).logits
    assert torch.equal(again, model(batch.tokens, **batch.given).logits)


def test_an_absent_slot_adds_nothing(model: GatedLlamaForCausalLM, batch: Batch) -> None:
    nothing = torch.zeros_like(batch.present)
    assert not model.injection(batch.conditions, nothing).any()
    plain = model(batch.tokens, attention_mask=batch.mask).logits
    absent = model(batch.tokens, **batch.given | {"present": nothing}).logits
    assert torch.equal(plain, absent)
    unread = model(
        batch.tokens, **batch.given | {"condition_ids": torch.full_like(batch.tokens, -1)}
    ).logits
    assert torch.equal(plain, unread)


def test_slots_are_summed(model: GatedLlamaForCausalLM, batch: Batch) -> None:
    one_by_one = [
        model.injection(batch.conditions, torch.eye(3).bool()[slot].expand_as(batch.present))
        for slot in range(3)
    ]
    torch.testing.assert_close(sum(one_by_one), model.injection(batch.conditions), **NEAR)


def test_one_condition_needs_no_ids(model: GatedLlamaForCausalLM, batch: Batch) -> None:
    one = batch.conditions[:, :1]
    implied = model(batch.tokens, conditions=one).logits
    zeros = torch.zeros_like(batch.tokens)
    named = model(batch.tokens, conditions=one, condition_ids=zeros).logits
    torch.testing.assert_close(implied, named, **NEAR)


@pytest.mark.parametrize(
    "wrong",
    [
        {"conditions": torch.zeros(2, 2, 2, 12)},
        {"conditions": torch.zeros(2, 2, 3, 7)},
        {"present": torch.ones(2, 3).bool()},
        {"condition_ids": torch.zeros(2, 4).long()},
        {"condition_ids": None},
    ],
)
def test_shapes_that_do_not_fit_are_refused(
    model: GatedLlamaForCausalLM, batch: Batch, wrong: dict[str, Any]
) -> None:
    with pytest.raises(InputError):
        model(batch.tokens, **batch.given | wrong)


# --- generation ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"cache_implementation": "static"},
        {"use_cache": False},
        {"prefill_chunk_size": 4},
        {"prompt_lookup_num_tokens": 3},
    ],
    ids=["dynamic", "static", "no cache", "chunked prefill", "prompt lookup"],
)
def test_generation_equals_the_reference(
    model: GatedLlamaForCausalLM, batch: Batch, options: dict[str, Any]
) -> None:
    expected = reference(model, batch)
    if "prompt_lookup_num_tokens" in options:  # takes one row at a time
        tokens, conditions, present, ids = batch.row(0)
        out = model.generate(
            tokens[None],
            attention_mask=torch.ones_like(tokens[None]),
            conditions=conditions[None],
            present=present[None],
            condition_ids=ids[None],
            max_new_tokens=NEW,
            do_sample=False,
            **options,
        )
        assert out[0, len(tokens) :].tolist() == expected[0].tolist()
        return
    assert greedy(model, batch, **options).tolist() == expected.tolist()


def test_beams_and_several_sequences_keep_their_rows_condition(
    model: GatedLlamaForCausalLM, batch: Batch
) -> None:
    out = model.generate(
        batch.tokens,
        max_new_tokens=NEW,
        num_beams=3,
        do_sample=False,
        return_dict_in_generate=True,
        output_scores=True,
        length_penalty=0.0,
        **batch.given,
    )
    for row in range(2):  # the score of the best beam, recomputed plainly
        tokens, conditions, present, ids = batch.row(row)
        new = out.sequences[row, batch.tokens.shape[1] :]
        whole = torch.cat([tokens, new])
        logits = naive_logits(
            model, whole, conditions, present, torch.cat([ids, ids[-1:].expand(NEW)])
        )
        log_p = logits.log_softmax(-1)[len(tokens) - 1 : -1]
        score = log_p.gather(1, new[:, None]).sum()
        torch.testing.assert_close(score, out.sequences_scores[row], **NEAR)
    several = greedy(model, batch, num_beams=2, num_return_sequences=2)
    assert several.shape[0] == 4


def test_a_streamer_gets_the_tokens(model: GatedLlamaForCausalLM, batch: Batch) -> None:
    class Collect(BaseStreamer):
        def __init__(self) -> None:
            self.tokens: list[int] = []
            self.ended = False

        def put(self, value: Tensor) -> None:
            self.tokens += value.flatten().tolist()

        def end(self) -> None:
            self.ended = True

    tokens, conditions, present, ids = batch.row(0)
    streamer = Collect()
    out = model.generate(
        tokens[None],
        conditions=conditions[None],
        present=present[None],
        condition_ids=ids[None],
        max_new_tokens=NEW,
        do_sample=False,
        streamer=streamer,
    )
    assert streamer.ended
    assert streamer.tokens == out[0].tolist()


def test_each_turn_keeps_its_condition(model: GatedLlamaForCausalLM, batch: Batch) -> None:
    """A second turn on the cache of the first equals reading both turns at once."""
    tokens, conditions, present, ids = (value[None] for value in batch.row(0))
    injection = model.injection(conditions, present)
    first = model(tokens[:, :5], injection=injection, condition_ids=ids[:, :5], use_cache=True)
    second = model(
        tokens[:, 5:],
        past_key_values=first.past_key_values,
        injection=injection,
        condition_ids=ids[:, 5:],
    )
    whole = model(tokens, injection=injection, condition_ids=ids).logits
    torch.testing.assert_close(second.logits, whole[:, 5:], **NEAR)


def test_multi_token_path_with_one_present_condition_per_token(batch: Batch) -> None:
    model = make_model(slots=1, senses=None, adapter_len=3)
    whole = batch.present.all(-1, keepdim=True).expand_as(batch.present)
    logits = model(batch.tokens, **batch.given | {"present": whole}).logits
    generated = model.generate(
        batch.tokens,
        max_new_tokens=NEW,
        do_sample=False,
        **batch.given | {"present": whole},
    )
    uncached = model.generate(
        batch.tokens,
        max_new_tokens=NEW,
        do_sample=False,
        use_cache=False,
        **batch.given | {"present": whole},
    )
    assert torch.equal(generated, uncached)
    plain = model(batch.tokens, attention_mask=batch.mask).logits
    # Row 0 is under its complete condition from token 1 to 4; row 1 has no complete condition.
    assert torch.equal(logits[0, 0], plain[0, 0])
    assert not torch.allclose(logits[0, 1], plain[0, 1])
    torch.testing.assert_close(logits[1], plain[1], **NEAR)


# --- checkpoints --------------------------------------------------------------------------------


def test_a_plain_llama_loads_with_gates_of_zero(tmp_path: Path, batch: Batch) -> None:
    torch.manual_seed(0)
    plain = LlamaForCausalLM(LlamaConfig(**SIZES)).eval()
    plain.save_pretrained(tmp_path)
    gated = GatedLlamaForCausalLM.from_pretrained(tmp_path, bind_dim=12, slots=3).eval()
    assert not gated.adapter.gates.any()
    assert 0 < gated.adapter.prefix.std() < 1
    expected = plain(batch.tokens, attention_mask=batch.mask).logits
    assert torch.equal(gated(batch.tokens, **batch.given).logits, expected)


def test_save_and_load(tmp_path: Path, model: GatedLlamaForCausalLM, batch: Batch) -> None:
    model.save_pretrained(tmp_path)
    loaded = AutoModelForCausalLM.from_pretrained(tmp_path).eval()
    assert isinstance(loaded, GatedLlamaForCausalLM)
    assert isinstance(AutoConfig.from_pretrained(tmp_path), GatedLlamaConfig)
    assert loaded.config.senses == model.config.senses
    expected = model(batch.tokens, **batch.given).logits
    assert torch.equal(loaded(batch.tokens, **batch.given).logits, expected)
    half = GatedLlamaForCausalLM.from_pretrained(tmp_path, dtype=torch.bfloat16).eval()
    rough = half(batch.tokens, **batch.given).logits.float()
    assert (rough - expected).abs().max() < 0.1 * expected.abs().max()


@pytest.mark.parametrize(
    "wrong",
    [
        {"slots": 0},
        {"senses": ["sight"]},
        {"adapter_len": 2},
        {"slots": 1, "senses": None, "adapter_len": 4, "query_len": 3},
    ],
)
def test_a_config_that_contradicts_itself_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(Exception, match=r"slots|senses|adapter_len|query_len"):
        GatedLlamaConfig(**SIZES | {"slots": 3, "senses": ["a", "b", "c"]} | wrong)


# --- training -----------------------------------------------------------------------------------


def test_gradient_checkpointing_gives_the_same_gradients(
    model: GatedLlamaForCausalLM, batch: Batch
) -> None:
    def gradients() -> list[Tensor]:
        model.zero_grad()
        model(batch.tokens, labels=batch.tokens, use_cache=False, **batch.given).loss.backward()
        return [p.grad.clone() for p in model.parameters() if p.grad is not None]

    model.train()
    direct = gradients()
    model.gradient_checkpointing_enable()
    for a, b in zip(direct, gradients(), strict=True):
        torch.testing.assert_close(a, b)
    assert len(direct) == len(list(model.parameters()))


@pytest.mark.parametrize("path", ["one token", "multi token"])
def test_merging_lora_changes_nothing(batch: Batch, path: str) -> None:
    changes = {"slots": 1, "senses": None, "adapter_len": 3} if path == "multi token" else {}
    model = make_model(**changes)
    before = model(batch.tokens, **batch.given).logits
    model.add_lora(4)
    torch.testing.assert_close(model(batch.tokens, **batch.given).logits, before)
    for module in model.modules():
        if isinstance(module, LoraLinear):
            torch.nn.init.normal_(module.l2.weight, std=0.2)
    tuned = model(batch.tokens, **batch.given).logits
    assert not torch.allclose(tuned, before, atol=1e-2)
    model.merge_lora()
    assert not any(isinstance(module, LoraLinear) for module in model.modules())
    torch.testing.assert_close(model(batch.tokens, **batch.given).logits, tuned, **NEAR)


def test_a_merged_and_an_unmerged_lora_are_saved_and_loaded(tmp_path: Path, batch: Batch) -> None:
    model = make_model()
    model.add_lora(4)
    for merge in (False, True):
        if merge:
            model.merge_lora()
        model.save_pretrained(tmp_path / str(merge))
        loaded = GatedLlamaForCausalLM.from_pretrained(tmp_path / str(merge)).eval()
        assert torch.equal(
            loaded(batch.tokens, **batch.given).logits, model(batch.tokens, **batch.given).logits
        )
