"""Orders joined by time, of everything, and what only looks alike."""

import random

import pytest

from sensebind.agent.reader.actions import ACTIONS, CATEGORIES
from sensebind.agent.training.reader.language import language
from sensebind.agent.training.reader.ordering import everything, in_frame, in_time


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_their_labels(lang: str) -> None:
    rng, tongue = random.Random(5), language(lang)
    counts = {0: 0, 1: 0, 2: 0}
    for _ in range(200):
        one = in_time(tongue, rng)
        assert "{" not in one.text
        assert one.category in CATEGORIES
        assert set(one.levels) <= set(ACTIONS)
        assert (one.category == "order") == bool(one.levels)
        counts[len(one.levels)] += 1
    assert min(counts.values()) > 20
    assert all(not in_frame(tongue, rng).levels for _ in range(50))


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_everything_but_one(lang: str) -> None:
    rng, tongue = random.Random(6), language(lang)
    for _ in range(50):
        one = everything(tongue, rng)
        assert {name.split("_")[1] for name in one.levels} in ({"on"}, {"off"})
        assert len(one.levels) in (2, 3)
