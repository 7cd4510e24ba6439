"""The training of the reader, on a few sentences."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from sensebind.agent.reader import FOLDER
from sensebind.agent.reader.weights import load_weights
from sensebind.agent.training.reader import command
from sensebind.agent.training.reader.train import (
    ReaderRecipe,
    Shards,
    rate_at,
    train,
    vocabulary_of,
)

TINY = ReaderRecipe(steps=6, batch=16, shards=1, shard=96, warmup=2, width=16, layers=1)


def test_a_training_that_was_cut_off_goes_on_to_the_same_weights(tmp_path: Path) -> None:
    whole, _ = train(TINY, tmp_path / "whole")
    train(TINY, tmp_path / "cut", minutes=0)  # ends after its first step
    resumed, _ = train(TINY, tmp_path / "cut")
    for ours, theirs in zip(whole.parameters(), resumed.parameters(), strict=True):
        assert torch.equal(ours, theirs)


def test_members_differ_and_share_their_words(tmp_path: Path) -> None:
    first, words = train(TINY, tmp_path)
    second, again = train(TINY, tmp_path, 1)
    assert words.words == again.words
    assert not torch.equal(first.queries, second.queries)


def test_another_recipe_begins_again(tmp_path: Path) -> None:
    train(TINY, tmp_path)
    longer, _ = train(replace(TINY, steps=8), tmp_path)
    fresh, _ = train(replace(TINY, steps=8), tmp_path / "fresh")
    assert torch.equal(longer.queries, fresh.queries)


def test_it_is_written_into_a_checkpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "_UNSEEN", 64)
    assert command.run(tmp_path / "out", run=tmp_path / "run", recipe=TINY, members=1) == 0
    loaded = load_weights(tmp_path / "out" / FOLDER)
    assert len(loaded.members) == 1
    assert loaded.calibration.temperature > 0


def test_words_that_are_often_said_are_known(tmp_path: Path) -> None:
    shards = Shards(replace(TINY, shard=400), tmp_path)
    assert {"the", "turn", "?"} <= set(shards.vocabulary.words)
    assert vocabulary_of([], 64).words == ()


def test_the_rate_rises_and_falls() -> None:
    rates = [rate_at(ReaderRecipe(steps=1000, warmup=100), step) for step in (0, 99, 500, 999)]
    assert rates[0] < rates[2] < rates[1]
    assert rates[3] < rates[2]


def test_sentences_of_other_code_are_not_taken(tmp_path: Path) -> None:
    train(TINY, tmp_path)
    (tmp_path / "made_of").write_text("other words", encoding="utf-8")
    (tmp_path / "shard-000.json").write_text("[]", encoding="utf-8")
    again, _ = train(TINY, tmp_path)
    fresh, _ = train(TINY, tmp_path / "fresh")
    assert torch.equal(again.queries, fresh.queries)


def test_it_goes_on_from_trained_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "_UNSEEN", 64)
    recipe = replace(TINY, width=96, layers=2)
    command.run(tmp_path / "out", run=tmp_path / "run", recipe=recipe, members=2)
    trained = load_weights(tmp_path / "out" / FOLDER)
    still = replace(recipe, steps=1, rate=0.0, seed=7)
    more = tmp_path / "more"
    command.run(more, run=tmp_path / "run2", recipe=still, members=1, start=tmp_path / "out")
    after = load_weights(more / FOLDER)
    assert after.vocabulary.words == trained.vocabulary.words
    for ours, theirs in zip(trained.members, after.members, strict=True):
        assert torch.equal(ours.queries, theirs.queries)
    assert after.calibration == trained.calibration


def test_what_is_gone_on_to_is_half_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "_UNSEEN", 64)
    command.run(tmp_path / "out", run=tmp_path / "run", recipe=TINY, members=1)
    start = load_weights(tmp_path / "out" / FOLDER)
    further, _ = train(TINY, tmp_path / "far", start=start)
    command.run(tmp_path / "mean", run=tmp_path / "go", recipe=TINY, start=tmp_path / "out")
    half = load_weights(tmp_path / "mean" / FOLDER).members[0]
    before = start.members[0]
    assert not torch.equal(further.queries, before.queries)
    assert torch.allclose(half.queries, (further.queries + before.queries) / 2, atol=1e-3)
