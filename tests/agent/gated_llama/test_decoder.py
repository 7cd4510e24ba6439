"""The lean decoder and batches compute what the model's own forward computes."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from naive_llama import naive_greedy, naive_logits
from small_model import KINDS, Batch, make_model
from torch._dynamo.testing import CompileCounter

from sensebind.agent.gated_llama import GatedLlamaForCausalLM, decoder
from sensebind.agent.gated_llama.batch import generate_rows
from sensebind.agent.gated_llama.decoder import Decoder
from sensebind.agent.gated_llama.session import NO_CONDITION, DialogSession
from sensebind.errors import ConfigurationError, InputError, MissingDependencyError

NEAR: dict[str, Any] = {"atol": 2e-5, "rtol": 1e-4}
NEW = 6


def conditions_of(model: GatedLlamaForCausalLM, count: int) -> torch.Tensor | None:
    shape = model.config.condition_shape
    return torch.randn(count, *shape) if shape else None


@pytest.mark.parametrize("kind", KINDS)
@torch.inference_mode()
def test_logits_are_those_of_the_model(kind: str) -> None:
    model = make_model(**KINDS[kind])
    torch.manual_seed(3)
    tokens = torch.randint(3, 96, (2, 9))
    conditions = conditions_of(model, 2)
    given: dict[str, Any] = {}
    ids = torch.tensor([[-1, 0, 0, 1, 1, 1, 0, 0, 0], [0, 0, 0, 0, 0, 1, 1, -1, 1]])
    if conditions is not None:
        given = {
            "injection": model.injection(conditions[None].expand(2, *[-1] * conditions.ndim)),
            "condition_ids": ids,
        }
    expected = model(tokens, **given).logits
    decoder = Decoder(model, rows=2)
    for start, end in ((0, 1), (1, 5), (5, 8), (8, 9)):  # prefill, continued, one token
        injected = model.standing()
        if given:
            part = ids[:, start:end]
            injected = model.inject(given["injection"], part, end - start)
        logits = decoder.read(tokens[:, start:end], injected)
        torch.testing.assert_close(logits, expected[:, end - 1], **NEAR)


@torch.inference_mode()
def test_large_matrices_give_few_rows_the_same(
    model: GatedLlamaForCausalLM, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(decoder, "LARGE_MATRIX", 1)  # all are large
    products: list[int] = []
    product = torch.mm

    def counted(left: torch.Tensor, right: torch.Tensor) -> torch.Tensor:
        products.append(right.shape[1])
        return product(left, right)

    monkeypatch.setattr(torch, "mm", counted)
    tokens = torch.randint(3, 96, (4, 3))
    expected = model(tokens).logits
    reader = Decoder(model, rows=4)
    for start, end in ((0, 2), (2, 3)):  # 8 rows for the matrices; then 4, too few
        logits = reader.read(tokens[:, start:end])
        torch.testing.assert_close(logits, expected[:, end - 1], **NEAR)
    assert set(products) == {8}


def test_lora_that_is_not_merged_counts(model: GatedLlamaForCausalLM) -> None:
    model.add_lora(2)
    for name, parameter in model.named_parameters():
        if name.endswith("l2.weight"):
            torch.nn.init.normal_(parameter, std=0.2)
    tokens = torch.randint(3, 96, (1, 7))
    torch.testing.assert_close(Decoder(model).read(tokens), model(tokens).logits[:, -1], **NEAR)


def test_padding_changes_nothing(model: GatedLlamaForCausalLM, batch: Batch) -> None:
    injection = model.injection(batch.conditions, batch.present)
    pads = (batch.mask == 0).sum(dim=1)
    decoder = Decoder(model, rows=2)
    decoder.read(batch.tokens[:, :7], model.inject(injection, batch.condition_ids[:, :7], 7), pads)
    logits = decoder.read(
        batch.tokens[:, 7:], model.inject(injection, batch.condition_ids[:, 7:], 2)
    )
    for row in range(2):
        torch.testing.assert_close(logits[row], naive_logits(model, *batch.row(row))[-1], **NEAR)


def test_buffers_grow_and_are_cropped(model: GatedLlamaForCausalLM, monkeypatch) -> None:
    monkeypatch.setattr("sensebind.agent.gated_llama.decoder.FIRST_CAPACITY", 4)
    tokens = torch.randint(3, 96, (1, 40))
    expected = model(tokens).logits[0]
    decoder = Decoder(model)
    for at in range(20):
        torch.testing.assert_close(decoder.read(tokens[:, at : at + 1])[0], expected[at], **NEAR)
    decoder.crop(7)
    assert decoder.length == 7
    torch.testing.assert_close(decoder.read(tokens[:, 7:])[0], expected[-1], **NEAR)
    with pytest.raises(InputError, match="64"):
        decoder.read(torch.full((1, 25), 5))
    assert decoder.length == 40


def test_a_branch_goes_its_own_way(model: GatedLlamaForCausalLM) -> None:
    tokens = torch.randint(3, 96, (1, 9))
    decoder = Decoder(model)
    decoder.read(tokens[:, :7])
    branch = decoder.branch(5)
    decoder.read(torch.full((1, 4), 7))
    expected = model(tokens).logits[:, -1]
    torch.testing.assert_close(branch.read(tokens[:, 5:]), expected, **NEAR)


def test_rope_that_depends_on_the_length_is_refused() -> None:
    rope = {"rope_type": "dynamic", "rope_theta": 10000.0, "factor": 2.0}
    with pytest.raises(ConfigurationError, match="dynamic"):
        Decoder(make_model(rope_parameters=rope))


def test_the_compiled_step_is_one_graph_that_draws_the_same_tokens(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Captured as a graph and run as it is: turning it into machine code is torch's affair."""
    model = make_model(num_hidden_layers=1)
    counter = CompileCounter()
    compile_ = torch.compile
    monkeypatch.setattr(
        torch,
        "compile",
        lambda step, *, fullgraph, mode: compile_(step, fullgraph=fullgraph, backend=counter),
    )

    def talk(compiled: bool) -> list[int]:
        session = DialogSession(model, compiled=compiled)
        known = session.condition(torch.ones(3, 12), torch.ones(3))
        return list(session.stream([5, 9, 42], [NO_CONDITION, known, known], max_new_tokens=NEW))

    assert talk(compiled=True) == talk(compiled=False)
    assert counter.frame_count == 1


def test_compiling_without_a_compiler_is_refused(
    model: GatedLlamaForCausalLM, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(MissingDependencyError, match=r"g\+\+"):
        Decoder(model, compiled=True)


# --- batches ------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_each_row_gets_the_answer_that_it_gets_alone(kind: str) -> None:
    model = make_model(**KINDS[kind])
    torch.manual_seed(4)
    prompts = [torch.randint(3, 96, (length,)).tolist() for length in (3, 7, 5, 7)]
    conditions = conditions_of(model, len(prompts))
    together = generate_rows(model, prompts, conditions=conditions, max_new_tokens=NEW)
    for row, prompt in enumerate(prompts):
        one = None if conditions is None else conditions[row : row + 1]
        alone = generate_rows(model, [prompt], conditions=one, max_new_tokens=NEW)
        assert together[row] == alone[0]
        assert len(alone[0]) == NEW


def test_rows_equal_the_reference_whatever_they_share(
    model: GatedLlamaForCausalLM, batch: Batch
) -> None:
    system = [11, 12, 13, 14]
    prompts, ids, expected = [], [], []
    for index in range(2):
        tokens, conditions, present, known = batch.row(index)
        prompts.append(system + tokens.tolist())
        unread = torch.full((len(system),), -1)
        ids.append([-1] * len(system) + [k if k < 0 else k + 2 * index for k in known.tolist()])
        whole = torch.cat([torch.tensor(system), tokens])
        expected.append(
            naive_greedy(model, whole, conditions, present, torch.cat([unread, known]), NEW)
        )
    out = generate_rows(
        model,
        prompts,
        ids,
        batch.conditions.flatten(0, 1),
        batch.present.flatten(0, 1),
        max_new_tokens=NEW,
    )
    assert out == expected


def test_a_row_ends_at_its_stop_id(model: GatedLlamaForCausalLM) -> None:
    prompts = [[5, 6, 7], [8, 9], [10], [11, 12]]
    free = generate_rows(model, prompts, max_new_tokens=NEW)
    stop = free[0][2]
    out = generate_rows(model, prompts, max_new_tokens=NEW, stop_ids={stop})
    assert out == [row[: row.index(stop)] if stop in row else row for row in free]


def test_the_context_ends_all_rows(model: GatedLlamaForCausalLM) -> None:
    long, short = [5] * 62, [6]
    assert [len(row) for row in generate_rows(model, [long, short])] == [2, 2]


@pytest.mark.parametrize(
    ("prompts", "ids", "message"),
    [
        ([], None, "every row"),
        ([[5], []], None, "every row"),
        ([[5] * 64], None, "reads 64"),
        ([[5], [6], [7]], None, "need condition_ids"),
        ([[5, 6]], [[0]], "every token"),
        ([[5, 6]], [[0, 2]], r"\[2\] of 2"),
    ],
)
def test_wrong_rows_are_refused(
    model: GatedLlamaForCausalLM, prompts: Any, ids: Any, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        generate_rows(model, prompts, ids, torch.randn(2, 3, 12))


def test_a_branched_session_reads_the_shared_prompt_once(model: GatedLlamaForCausalLM) -> None:
    first = DialogSession(model)
    known = first.condition(torch.ones(3, 12), torch.ones(3))
    prompt, ids = [5, 6, 7, 8, 9], [NO_CONDITION] * 3 + [known] * 2
    expected = list(first.stream(prompt, ids, max_new_tokens=NEW))
    second = first.branch(len(prompt))
    third = first.branch(3)
    list(first.stream([5, 6, 7, 20], [NO_CONDITION] * 4, max_new_tokens=2))
    assert list(second.stream(prompt, ids, max_new_tokens=NEW)) == expected
    assert second.stats.reused_tokens == len(prompt) - 1
    assert list(third.stream(prompt, ids, max_new_tokens=NEW)) == expected
    assert third.stats.reused_tokens == 3
