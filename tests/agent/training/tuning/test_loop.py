"""Training an adapter: what moves, what stays, and that a stopped run goes on to the bit."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from fixtures.small_bases import gated, make_base, make_tokenizer
from safetensors.torch import load_file

from sensebind.agent.gated_llama.model import ConditionedLM
from sensebind.agent.training.llama.condition_pool import word_pool
from sensebind.agent.training.tuning import loop
from sensebind.agent.training.tuning.command import select
from sensebind.agent.training.tuning.dialogs import IGNORE, TemplateEncoder, collate
from sensebind.agent.training.tuning.loop import (
    STATE_NAME,
    Draw,
    Progress,
    batch_loss,
    checkpoint_layers,
    run_stage,
)
from sensebind.agent.training.tuning.recipe import Stage, TuneRecipe
from sensebind.agent.training.tuning.simhome import SENSES, SimHomeDialogs, embeddings_of
from sensebind.agent.training.tuning.sources import draw_pairs, draw_simhome
from sensebind.agent.training.tuning.talk import Talk, talked
from sensebind.errors import ConfigurationError, InputError

RECIPE = TuneRecipe(
    bind_steps=5, lora_steps=5, batch=2, warmup=2, bind_rate=1e-2, lora_rate=2e-2, rank=2
)
POOL = word_pool(12, 0, 400)
EMBEDDINGS = embeddings_of(POOL, SENSES)
# Short, as its tokens are bytes.
TEMPLATE = (
    "{% for m in messages %}{{ '<|im_start|>' if m['role'] == 'assistant' else '' }}"
    "{{ m['content'] + '<|im_end|>' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>' }}{% endif %}"
)


def drawn(stage: Stage, recipe: TuneRecipe = RECIPE) -> Draw:
    encoder = TemplateEncoder(make_tokenizer(TEMPLATE), [2], 4096)
    talk = Talk([("why is the sky blue?", "Because of the air.")], EMBEDDINGS)
    return draw_simhome(
        SimHomeDialogs(POOL, SENSES), talk, encoder, stage, replace(recipe, tools=0.0)
    )


def trained(
    model: ConditionedLM, folder: Path, stage: Stage, recipe: TuneRecipe = RECIPE, **more: Any
) -> Progress:
    select(model, stage, recipe)
    return run_stage(
        model,
        EMBEDDINGS,
        drawn(stage, recipe),
        stage,
        recipe,
        folder,
        pad=0,
        made_of="test",
        **more,
    )


@torch.no_grad()
def measured(model: ConditionedLM) -> float:
    """The loss a token of always the same dialogs."""
    batch = collate(drawn("stage1")(random.Random(5), 0, 10), 0, 3)
    tokens = int((batch.labels[:, 1:] != IGNORE).sum())
    generator = torch.Generator().manual_seed(0)
    return float(batch_loss(model, batch, EMBEDDINGS, generator)) / tokens


class Stopped(Exception):
    pass


def stop_after(step: int):
    def report(now: int, *_: object) -> None:
        if now == step:
            raise Stopped

    return report


@pytest.mark.parametrize(
    ("family", "point"),
    [("llama 3.2", "attention"), pytest.param("qwen2", "block", marks=pytest.mark.extended)],
)
def test_each_stage_moves_its_own_weights_and_the_base_stays(
    family: str, point: str, tmp_path: Path
) -> None:
    base = make_base(family)
    model = gated(base, point)
    ids, conditions = torch.randint(3, 300, (2, 9)), torch.randn(2, 1, 3, 12)
    with torch.no_grad():  # before training an adapter changes no bit
        assert torch.equal(model(ids, conditions=conditions).logits, base(ids).logits)
    at_first = measured(model)
    trained(model, tmp_path / "1", "stage1", replace(RECIPE, bind_steps=14))
    then = measured(model)
    assert then < 0.95 * at_first
    after_first = {name: value.clone() for name, value in model.state_dict().items()}
    for name, value in base.state_dict().items():
        assert torch.equal(after_first[name], value), name
    assert after_first["adapter.gates"].any()
    trained(model, tmp_path / "2", "stage2", replace(RECIPE, lora_steps=8))
    assert measured(model) < 0.99 * then
    moved = {
        name
        for name, value in model.state_dict().items()
        if name in after_first and not torch.equal(value, after_first[name])
    }
    assert "model.norm.weight" in moved
    assert all("norm" in name or name.endswith(".bias") for name in moved)
    assert ("model.layers.0.self_attn.q_proj.bias" in moved) == (family == "qwen2")
    assert model.state_dict()["model.layers.0.mlp.up_proj.l2.weight"].any()
    assert not any(name.startswith("adapter.") for name in moved)


@pytest.mark.parametrize(
    ("family", "point", "half"),
    [
        ("llama 3.2", "attention", False),
        pytest.param("qwen3", "block", True, marks=pytest.mark.extended),
    ],
)
def test_a_stopped_run_goes_on_to_the_bit(
    family: str, point: str, half: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = replace(RECIPE, bfloat16=half, accumulate=1 if half else 2, batch=1)
    dtype = torch.bfloat16 if half else torch.float32

    def fresh() -> ConditionedLM:
        model = gated(make_base(family), point)
        torch.nn.Module.to(model, dtype)
        return model

    monkeypatch.setattr(loop, "GROUP", 4)
    whole = fresh()
    expected = trained(whole, tmp_path / "whole", "stage1", recipe)
    monkeypatch.setattr(loop, "KEEP_EVERY", -1.0)
    for step in (2, 3):  # in the middle of a group of steps
        with pytest.raises(Stopped):
            trained(fresh(), tmp_path / "parts", "stage1", recipe, report=stop_after(step))
    last = fresh()
    found = trained(last, tmp_path / "parts", "stage1", recipe)
    assert found.losses == expected.losses and found.step == recipe.bind_steps
    for name, value in whole.state_dict().items():
        assert torch.equal(value, last.state_dict()[name]), name
    again = fresh()  # a finished stage is taken up as it is
    assert trained(again, tmp_path / "parts", "stage1", recipe).losses == expected.losses
    assert torch.equal(again.adapter.gates, whole.adapter.gates)
    for changed in (replace(recipe, seed=1), replace(recipe, bind_rate=1e-3)):
        with pytest.raises(ConfigurationError, match="another recipe"):
            trained(fresh(), tmp_path / "parts", "stage1", changed)


def test_time_that_is_up_keeps_the_state(tmp_path: Path) -> None:
    model = gated(make_base("llama"), "attention")
    assert trained(model, tmp_path, "stage1", minutes=0.0).step == 1
    assert (tmp_path / STATE_NAME).is_file()
    assert trained(gated(make_base("llama"), "attention"), tmp_path, "stage1").step == 5


def test_a_loss_that_is_not_finite_stops_with_the_batch(tmp_path: Path) -> None:
    model = gated(make_base("llama"), "attention")
    with torch.no_grad():
        model.model.norm.weight[3] = float("nan")
    with pytest.raises(
        ConfigurationError, match=r"step 1: the loss is nan.*not-finite-1"
    ) as raised:
        trained(model, tmp_path, "stage1")
    assert str(tmp_path / "not-finite-1.safetensors") in str(raised.value)
    kept = load_file(tmp_path / "not-finite-1.safetensors")
    assert kept["0.input_ids"].shape == kept["0.labels"].shape
    assert not torch.isnan(model.adapter.prefix).any()
    assert not (tmp_path / STATE_NAME).exists()


@pytest.mark.parametrize(("family", "point"), [("llama", "attention"), ("qwen3", "block")])
def test_checkpointing_gives_the_same_gradients(family: str, point: str) -> None:
    encoder = TemplateEncoder(make_tokenizer(TEMPLATE), [2], 4096)
    dialogs, rng = SimHomeDialogs(POOL, SENSES), random.Random(0)
    examples = [one for _ in range(3) for one in encoder.encode(dialogs.about_senses(rng))]
    batch = collate(examples, 0, 3)

    def gradients(checkpointing: bool) -> list[torch.Tensor]:
        model = gated(make_base(family), point).train()
        with torch.no_grad():
            model.adapter.gates.fill_(0.3)
        if checkpointing:
            checkpoint_layers(model)
        select(model, "stage1", RECIPE)
        batch_loss(model, batch, EMBEDDINGS, torch.Generator().manual_seed(0)).backward()
        found = [p.grad for p in model.adapter.parameters()]
        assert all(one is not None and one.any() for one in found)
        return [one for one in found if one is not None]

    for plain, again in zip(gradients(False), gradients(True), strict=True):
        torch.testing.assert_close(plain, again)


def test_own_samples_are_each_seen_once_before_any_a_second_time() -> None:
    encoder = TemplateEncoder(make_tokenizer(TEMPLATE), [2], 4096)
    samples = [encoder.encode(talked("hi", f"{number}.", (number, 0, 0))) for number in range(10)]
    draw = draw_pairs(samples, None, encoder, RECIPE)
    seen = [one.rows[0][0] for group in range(5) for one in draw(random.Random(), group, 4)]
    assert sorted(seen[:10]) == sorted(seen[10:]) == list(range(10))
    assert seen[:10] != seen[10:]
    talk = Talk([("a", "b")], EMBEDDINGS)
    mixed = draw_pairs(samples, talk, encoder, RECIPE)(random.Random(0), 0, 20)
    assert len(mixed) == 20
    with pytest.raises(InputError, match="nothing to train on"):
        draw_pairs([], None, encoder, RECIPE)
