"""Sentences that the reader learns from."""

import json
import random
import re
from collections import Counter
from pathlib import Path

import pytest

from sensebind.agent.reader.actions import ACTIONS, CATEGORIES, ORDERS
from sensebind.agent.training.reader import generate
from sensebind.agent.training.reader.clauses import clauses
from sensebind.agent.training.reader.generate import example
from sensebind.agent.training.reader.language import language
from sensebind.agent.training.reader.open_words import open_words
from sensebind.agent.training.reader.phrases import ASK, DO, Example, forms_of

DEVELOPMENT = Path(__file__).parents[3] / "data" / "reader" / "development.jsonl"


def some(lang: str, count: int = 600, seed: int = 3) -> list[Example]:
    rng = random.Random(seed)
    return [example(lang, rng) for _ in range(count)]


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_a_seed_gives_the_same_sentences_again(lang: str) -> None:
    assert some(lang, 50) == some(lang, 50)


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_every_kind_of_sentence_occurs_and_is_labelled_by_its_kind(lang: str) -> None:
    made = some(lang)
    counts = Counter(one.category for one in made)
    assert set(counts) == set(CATEGORIES)
    for one in made:
        assert "{" not in one.text.replace("{ ", "")
        assert set(one.levels) <= set(ACTIONS)
        if one.category == "order":
            assert DO in one.levels.values()
        else:
            acting = {level for name, level in one.levels.items() if name in ORDERS}
            assert acting <= {ASK}


@pytest.mark.parametrize("name", ["negation", "report", "condition", "hypothetical", "quotation"])
def test_a_frame_makes_an_order_none(name: str) -> None:
    rng = random.Random(1)
    for lang in ("en", "zh"):
        for _ in range(50):
            assert generate.lookalike(language(lang), rng, name).levels == {}


def test_two_clauses_have_the_order_of_one_of_them() -> None:
    rng, seen = random.Random(2), Counter[int]()
    for _ in range(300):
        one = clauses(language("en"), rng)
        seen[sum(level == DO for level in one.levels.values())] += 1
    assert seen[0] > 30
    assert seen[1] > 100
    assert seen[2] > 10


def test_forms_of_a_phrase() -> None:
    assert forms_of("shut the door") == {
        "vp": "shut the door",
        "vpast": "shut the door",
        "vpp": "shut the door",
        "ving": "shutting the door",
        "v3": "shuts the door",
    }
    assert forms_of("drive back")["vpp"] == "driven back"
    assert forms_of("switch it on")["v3"] == "switches it on"
    assert forms_of("unlock it")["vpast"] == "unlocked it"


@pytest.mark.parametrize(("lang", "least"), [("en", 5000), ("zh", 5000)])
def test_open_words_name_no_device(lang: str, least: int) -> None:
    words = open_words(lang)
    assert len(words.nouns) >= least
    assert not {"lamp", "door", "radio", "fan", "灯", "门", "风扇"} & set(words.nouns)
    assert all(verb.base and verb.gerund for verb in words.verbs)


def test_the_development_set_is_not_among_the_sentences() -> None:
    bare = re.compile(r"\W+")
    rows = [json.loads(line) for line in DEVELOPMENT.read_text("utf-8").splitlines()]
    known = {bare.sub(" ", row["text"].lower()).strip() for row in rows if len(row["text"]) > 24}
    made = {bare.sub(" ", one.text.lower()).strip() for one in some("en", 1500, 8)}
    assert not known & made
