"""SimHome's dialogs for an adapter: about what is perceived, and with tools at hand."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest
import torch
from fixtures.small_bases import CHATML, gated, make_base, make_tokenizer, save_base

from sensebind.agent.conversion.adapt import AdaptOptions, adapt
from sensebind.agent.conversion.tool_prelude import with_tools
from sensebind.agent.corpus.conditions import ABSENT
from sensebind.agent.training.llama.condition_pool import word_pool
from sensebind.agent.training.tuning.check import right_shares, talk_losses
from sensebind.agent.training.tuning.dialogs import TemplateEncoder
from sensebind.agent.training.tuning.recipe import TuneRecipe
from sensebind.agent.training.tuning.simhome import (
    ASKED,
    SENSES,
    SimHomeDialogs,
    embeddings_of,
    simhome_pool,
)
from sensebind.agent.training.tuning.sources import draw_simhome
from sensebind.errors import ConfigurationError

POOL = word_pool(12, 0, 400)


def tool(name: str) -> dict[str, Any]:
    parameters = {"type": "object", "properties": {}}
    function = {"name": name, "description": name, "parameters": parameters}
    return {"type": "function", "function": function}


NAMES = ("clock", "detect", "lamp_on", "lamp_off", "radio_on", "thermostat_get", "recall")
TOOLS = [tool(name) for name in NAMES]


def test_slots_are_filled_in_the_order_of_the_adapter() -> None:
    order = ("scan", "sight", "hearing")
    turned, plain = SimHomeDialogs(POOL, order), SimHomeDialogs(POOL, SENSES)
    for seed in range(40):
        ours = turned.about_senses(random.Random(seed))
        usual = plain.about_senses(random.Random(seed))
        assert ours.messages == usual.messages
        assert ours.rows == tuple((scan, sight, hearing) for sight, hearing, scan in usual.rows)
        assert all(one["role"] in ("user", "assistant") for one in ours.messages)
        assert len(ours.rows) == len(ours.messages) // 2 > 0
    for senses in ((), ("sight",), ("sight", "hearing", "heat")):
        with pytest.raises(ConfigurationError, match="SimHome's dialogs need the slots"):
            SimHomeDialogs(POOL, senses)


def test_what_is_called_is_listed_among_few_others() -> None:
    dialogs, called, idle = SimHomeDialogs(POOL, SENSES, TOOLS), 0, 0
    for seed in range(60):
        dialog = dialogs.with_tools(random.Random(seed))
        listed = [one["function"]["name"] for one in dialog.tools]
        assert 1 <= len(listed) <= 5 and len(set(listed)) == len(listed)
        calls = [one["tool_calls"][0] for one in dialog.messages if one.get("tool_calls")]
        assert {call["function"]["name"] for call in calls} <= set(listed)
        results = [one for one in dialog.messages if one["role"] == "tool"]
        assert [(one["name"], one["tool_call_id"]) for one in results] == [
            (call["function"]["name"], call["id"]) for call in calls
        ]
        called, idle = called + bool(calls), idle + (not calls)
    assert called > 10 and idle > 10


def test_stage_two_alone_draws_tools_and_the_share_of_talk_is_kept() -> None:
    template = with_tools(CHATML)
    assert template is not None
    encoder = TemplateEncoder(make_tokenizer(template), [2], 8192)
    dialogs = SimHomeDialogs(POOL, SENSES, TOOLS)
    recipe = TuneRecipe(talk=0.3, tools=0.5)
    spoken: list[int] = []

    def talk(rng: random.Random) -> Any:
        spoken.append(1)
        return dialogs.about_senses(rng)

    def listing(stage: Any) -> int:
        examples = draw_simhome(dialogs, talk, encoder, stage, recipe)(random.Random(0), 0, 60)
        assert len(examples) == 60
        texts = [make_tokenizer(template).decode(one.tokens) for one in examples]
        return sum("<tools>" in text for text in texts)

    assert listing("stage1") == 0 and 9 <= len(spoken) <= 27
    assert 18 <= listing("stage2") <= 42


def test_checks_ask_held_out_phrasings_and_find_what_is_right() -> None:
    base = make_base("llama")
    model = gated(base, "attention")
    encoder = TemplateEncoder(make_tokenizer(), [2], 4096)
    dialogs, embeddings = SimHomeDialogs(POOL, SENSES), embeddings_of(POOL, SENSES)
    held_out = dialogs.with_split("heldout")
    shares = right_shares(model, encoder, embeddings, held_out, 0, each=2)
    assert {*ASKED, "sight", "hearing", "scan"} <= {*shares, "scan"}
    assert set(shares.values()) == {0.0}  # of a random model
    losses = talk_losses(model, encoder, embeddings, [("hi", "Hello."), ("why?", "So.")], 0)
    # Untrained, it talks in the same way whatever it perceives.
    assert losses["talk_alone"] == losses["talk_perceiving"] > 1
    with torch.no_grad():
        model.adapter.gates.fill_(0.5)
    changed = talk_losses(model, encoder, embeddings, [("hi", "Hello."), ("why?", "So.")], 0)
    assert changed["talk_alone"] == losses["talk_alone"] != changed["talk_perceiving"]


@pytest.mark.extended
def test_images_are_rendered_and_encoded_once(tmp_path: Path, monkeypatch: Any) -> None:
    base = save_base(tmp_path / "base")
    adapt(AdaptOptions(str(base), tmp_path / "adapter", bind_blocks=1))
    pool = simhome_pool(tmp_path / "adapter", tmp_path / "run", 600)
    assert pool.width == 128 and len(pool.images) == 6
    assert all(caption.second is None for caption in pool.captions)
    monkeypatch.setattr("sensebind.agent.training.simhome_data.render", None)
    again = simhome_pool(tmp_path / "adapter", tmp_path / "run", 600)
    assert torch.equal(again.images, pool.images)
    label = tmp_path / "run" / "simhome" / "made_of.json"
    assert json.loads(label.read_text("utf-8"))[0] == 600
    with pytest.raises(TypeError):  # another number of scenes is rendered
        simhome_pool(tmp_path / "adapter", tmp_path / "run", 601)
    rng = random.Random(0)
    assert any(pool.sight(rng)[0] != ABSENT for _ in range(9))
