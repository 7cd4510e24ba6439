"""Every family of language models with the gate: what it computes without a condition, and with.

The reference is transformers' own model of the family with hooks, and the vectors by the formulas
of `adapter.py`, in plain loops.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from fixtures.small_bases import FAMILIES, gated, make_base, open_gates
from torch import Tensor
from torch.nn import functional as F
from transformers import AutoModelForCausalLM, PreTrainedModel

from sensebind.agent.gated_llama.batch import generate_rows
from sensebind.agent.gated_llama.condition_vectors import condition_vectors
from sensebind.agent.gated_llama.config import GatedLlamaConfig
from sensebind.agent.gated_llama.model import ConditionedLM
from sensebind.agent.gated_llama.session import NO_CONDITION, DialogSession
from sensebind.errors import InputError

CASES = [(family, point) for family in FAMILIES for point in ("attention", "block")]
every_family = pytest.mark.parametrize(
    ("family", "point"), CASES, ids=[f"{f}-{p}" for f, p in CASES]
)
ONE_OF_EACH = ("llama 3.2", "mistral, window", "qwen2, windows", "qwen3", "smollm3")
every_class = pytest.mark.parametrize(
    ("family", "point"), [case for case in CASES if case[0] in ONE_OF_EACH]
)
PRESENT = torch.tensor([[True, True, True], [True, False, True]])


def reference_vectors(model: ConditionedLM, embeddings: Tensor, present: Tensor) -> Tensor:
    """What one condition adds to each layer, [layers, hidden], slot by slot and head by head."""
    adapter, config = model.adapter, model.config
    assert adapter.bind is not None
    vectors = torch.zeros(config.num_hidden_layers, config.hidden_size)
    layers = range(config.num_hidden_layers - config.injected_layers, config.num_hidden_layers)
    for index, layer in enumerate(layers):
        for slot in range(3):
            if not present[slot]:
                continue
            token = adapter.bind(embeddings[slot]) + adapter.prefix[index, slot]
            gate = adapter.gates[index, slot].tanh()
            if adapter.maps is not None:
                mapped = (
                    token + token @ adapter.maps.into[index, slot] @ adapter.maps.out[index, slot]
                )
                vectors[layer] += gate * mapped
                continue
            attention: Any = model.model.layers[layer].self_attn
            heads = (attention.v_proj.weight @ token).view(-1, attention.head_dim)
            groups = config.num_attention_heads // heads.shape[0]
            heads = torch.stack([gate[h] * heads[h // groups] for h in range(len(gate))])
            vectors[layer] += attention.o_proj.weight @ heads.flatten()
    return vectors


@contextmanager
def adding(base: PreTrainedModel, point: str, vectors: Tensor) -> Iterator[None]:
    """Adds vectors [B, T, layers, hidden] to a plain model where a condition enters."""

    def hook(layer: int):
        def add(module: object, given: object, output: Tensor) -> Tensor:
            return output + vectors[:, -output.shape[1] :, layer]

        return add

    handles = []
    for index, block in enumerate(base.model.layers):
        place = block.self_attn.o_proj if point == "attention" else block
        handles.append(place.register_forward_hook(hook(index)))
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


class Reference:
    """A plain model of transformers that is read under conditions, by hooks."""

    @torch.no_grad()
    def __init__(self, base: PreTrainedModel, model: ConditionedLM, conditions: Tensor) -> None:
        self._base, self._point = base, model.config.injection_point
        pairs = zip(conditions, PRESENT, strict=True)
        self.vectors = [reference_vectors(model, one, there) for one, there in pairs]
        self._all = torch.stack([*self.vectors, torch.zeros_like(self.vectors[0])])  # -1: none

    @torch.no_grad()
    def logits(self, ids: list[int], which: list[int]) -> Tensor:
        """Logits [T, V] of one row whose tokens are read under these conditions, -1 for none."""
        with adding(self._base, self._point, self._all[which][None]):
            return self._base(torch.tensor([ids])).logits[0]

    def continued(self, prompt: list[int], which: list[int], new: int) -> list[int]:
        """The greedy continuation, all read again for every token, without a cache."""
        tokens, which = list(prompt), list(which)
        for _ in range(new):
            tokens.append(int(self.logits(tokens, which)[-1].argmax()))
            which.append(which[-1])
        return tokens[len(prompt) :]


@every_family
@torch.no_grad()
def test_a_fresh_adapter_changes_no_bit(family: str, point: str) -> None:
    base = make_base(family)
    model = gated(base, point)
    ids = torch.randint(3, 300, (2, 11))
    mask = torch.ones_like(ids)
    mask[1, :4] = 0
    conditions = torch.randn(2, 2, 3, 12)
    which = torch.randint(-1, 2, (2, 11))
    expected = base(ids, attention_mask=mask).logits
    assert torch.equal(model(ids, attention_mask=mask).logits, expected)
    given = model(ids, attention_mask=mask, conditions=conditions, condition_ids=which).logits
    assert torch.equal(given, expected)
    last = model(ids, attention_mask=mask, logits_to_keep=1).logits
    assert torch.equal(last, base(ids, attention_mask=mask, logits_to_keep=1).logits)
    options: dict[str, Any] = {"max_new_tokens": 8, "do_sample": False, "attention_mask": mask}
    with warnings.catch_warnings(action="error", category=FutureWarning):
        made = model.generate(ids, conditions=conditions[:, :1], **options)
    plain: Any = base
    assert torch.equal(made, plain.generate(ids, **options))


@every_family
@torch.no_grad()
def test_an_open_gate_adds_what_the_formula_says(family: str, point: str) -> None:
    base = make_base(family)
    model = open_gates(gated(base, point))
    conditions = torch.randn(2, 3, 12)
    ids = torch.randint(3, 300, (11,))
    which = [-1, 0, 0, 0, 1, 1, 1, -1, 0, 1, 1]
    reference = Reference(base, model, conditions)
    expected = reference.logits(ids.tolist(), which)
    found = model(
        ids[None],
        conditions=conditions[None],
        present=PRESENT[None],
        condition_ids=torch.tensor([which]),
    ).logits[0]
    torch.testing.assert_close(found, expected, atol=2e-5, rtol=1e-4)
    assert (found - base(ids[None]).logits[0]).abs().max() > 0.05
    for condition, there, its in zip(conditions, PRESENT, reference.vectors, strict=True):
        vectors = condition_vectors(model, condition, there)
        assert vectors.dtype == np.float32
        np.testing.assert_allclose(vectors, its, atol=1e-5, rtol=1e-4)
        assert vectors[0].any() == (point == "attention")  # as in llama.cpp
    nothing = condition_vectors(model, conditions[0], torch.zeros(3))
    assert not nothing.any()
    with pytest.raises(InputError, match="NaN"):
        condition_vectors(model, torch.full((3, 12), float("nan")), PRESENT[0])


@every_family
@torch.no_grad()
def test_generation_with_left_padding_is_that_of_each_row_alone(family: str, point: str) -> None:
    base = make_base(family)
    model = open_gates(gated(base, point))
    conditions = torch.randn(2, 3, 12)
    rows = [[5, 6, 7, 8, 9, 10, 11], [12, 13, 14]]
    ids, mask = torch.zeros(2, 7, dtype=torch.long), torch.zeros(2, 7, dtype=torch.long)
    for index, row in enumerate(rows):
        ids[index, 7 - len(row) :], mask[index, 7 - len(row) :] = torch.tensor(row), 1
    reference = Reference(base, model, conditions)
    expected = [reference.continued(row, [index] * len(row), 8) for index, row in enumerate(rows)]
    model.generation_config.eos_token_id = None
    made = model.generate(
        ids,
        attention_mask=mask,
        conditions=conditions[:, None],
        present=PRESENT[:, None],
        max_new_tokens=8,
        do_sample=False,
    )
    assert made[:, 7:].tolist() == expected
    decoded = generate_rows(model, rows, conditions=conditions, present=PRESENT, max_new_tokens=8)
    assert decoded == expected


@every_family
def test_a_dialog_session_keeps_the_condition_of_each_turn(family: str, point: str) -> None:
    base = make_base(family)
    model = open_gates(gated(base, point))
    conditions = torch.randn(2, 3, 12)
    session, reference = DialogSession(model), Reference(base, model, conditions)
    known = [session.condition(c, p) for c, p in zip(conditions, PRESENT, strict=True)]
    named = {NO_CONDITION: NO_CONDITION, 0: known[0], 1: known[1]}
    tokens, which = [5, 6, 7, 8], [NO_CONDITION, 0, 0, 0]
    for turn, condition in enumerate((0, 1)):
        expected = reference.continued(tokens, which, 6)
        made = list(session.stream(tokens, [named[c] for c in which], max_new_tokens=6))
        assert made == expected
        if turn:
            assert session.stats.reused_tokens == 9  # all but the new turn's and the last token
        tokens, which = [*tokens, *made, 20, 21], [*which, *[condition] * 6, 1, 1]
    other = session.branch(4)
    tokens, which = [5, 6, 7, 8, 30, 31], [NO_CONDITION, 0, 0, 0, 1, 1]
    expected = reference.continued(tokens, which, 6)
    assert list(other.stream(tokens, [named[c] for c in which], max_new_tokens=6)) == expected
    assert other.stats.reused_tokens == 4


@every_class
@torch.no_grad()
def test_saved_and_loaded_it_is_the_same(family: str, point: str, tmp_path: Path) -> None:
    model = open_gates(gated(make_base(family), point))
    model.save_pretrained(tmp_path)
    loaded = AutoModelForCausalLM.from_pretrained(tmp_path)
    assert type(loaded) is type(model)
    assert loaded.config.injection_point == point
    ids, conditions = torch.randint(3, 300, (1, 7)), torch.randn(1, 1, 3, 12)
    assert torch.equal(
        loaded(ids, conditions=conditions).logits, model(ids, conditions=conditions).logits
    )


@pytest.mark.parametrize(
    ("family", "point"), [("llama 3.2", "attention"), ("qwen3", "attention"), ("qwen2", "block")]
)
def test_training_moves_the_adapter_alone(family: str, point: str) -> None:
    model = gated(make_base(family), point)
    model.requires_grad_(False)
    model.adapter.requires_grad_(True)
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    optimizer = torch.optim.AdamW(model.adapter.parameters(), lr=1e-2)
    torch.manual_seed(3)
    conditions = torch.randn(4, 1, 3, 12)
    ids = torch.randint(3, 300, (1, 6)).expand(4, -1).clone()
    ids[:, -1] = torch.tensor([10, 20, 30, 40])  # the condition alone decides which
    losses = []
    for _ in range(20):
        loss = F.cross_entropy(model(ids[:, :-1], conditions=conditions).logits[:, -1], ids[:, -1])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.7 * losses[0]
    for name, tensor in model.state_dict().items():
        if not name.startswith("adapter."):
            assert torch.equal(tensor, before[name]), name
    moved = [
        n for n, p in model.adapter.named_parameters() if not torch.equal(p, before[f"adapter.{n}"])
    ]
    assert point == "attention" or "maps.into" in moved


@every_class
def test_sizes_that_no_model_has_are_refused(family: str, point: str) -> None:
    base = make_base(family)
    most = 5 if point == "attention" else 4
    assert gated(base, point).config.injected_layers == most
    with pytest.raises(Exception, match=f"injected_layers {most + 1} of {most} layers"):
        gated(base, point, injected_layers=most + 1)
    with pytest.raises(Exception, match="injection_point must be one of"):
        gated(base, "middle")
    if base.config.model_type != "llama":
        with pytest.raises(Exception, match="only a LLaMA has the multi-token path"):
            gated(base, "attention", slots=1, senses=None, adapter_len=2)
    elif point == "block":
        with pytest.raises(Exception, match="goes with adapter_len 1"):
            GatedLlamaConfig(slots=1, adapter_len=2, injection_point="block")
