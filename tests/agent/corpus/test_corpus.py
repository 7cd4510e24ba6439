"""The dialog grammar: its splits, its phrasings, its answers, its dialogs."""

import json
import random
import re
from collections import Counter

import pytest

from sensebind.agent.corpus import (
    INTENTS,
    LANGUAGES,
    acts,
    answers,
    normalise,
    split_of,
    utterance,
    utterances,
)
from sensebind.agent.corpus.answers import Facts
from sensebind.agent.corpus.conditions import NoPool
from sensebind.agent.corpus.dialog import sample_dialog
from sensebind.agent.corpus.grammar import Grammar
from sensebind.agent.corpus.noise import slips
from sensebind.agent.corpus.phrasing import grammar, number_zh, plural
from sensebind.errors import ConfigurationError
from sensebind.perception.simhome.catalog import KINDS


def test_choices_options_and_rules_expand():
    small = Grammar({"who": "you|we"}, {"see": ["what (do|can) <who> see[ now]"]})
    rng = random.Random(0)
    seen = {small.sample("see", rng) for _ in range(200)}
    assert seen == {
        f"what {verb} {who} see{now}"
        for verb in ("do", "can")
        for who in ("you", "we")
        for now in ("", " now")
    }
    assert small.variety("see") == len(seen)


@pytest.mark.parametrize("template", ["(open", "close)", "<never", "a]"])
def test_a_broken_template_is_named(template: str):
    with pytest.raises(ConfigurationError, match="grammar"):
        Grammar({}, {"see": [template]})


def test_an_unknown_rule_is_named():
    with pytest.raises(ConfigurationError, match="nobody"):
        Grammar({}, {"see": ["<nobody>"]})


@pytest.mark.parametrize("lang", LANGUAGES)
def test_hundreds_of_frames_and_every_intent(lang: str):
    source = grammar(lang)
    assert {name for names in INTENTS.values() for name in names} <= set(source.intents)
    assert sum(source.variety(intent) for intent in source.intents) > 1_000_000


@pytest.mark.parametrize("lang", LANGUAGES)
def test_no_phrasing_is_in_both_splits(lang: str):
    rng = random.Random(1)
    for intent in INTENTS:
        train = {utterance("train", intent, lang, rng).phrasing for _ in range(60)}
        heldout = {utterance("heldout", intent, lang, rng).phrasing for _ in range(20)}
        assert not train & heldout
        assert {split_of(one) for one in heldout} == {"heldout"}


@pytest.mark.parametrize("lang", LANGUAGES)
def test_every_slot_is_filled(lang: str):
    rng = random.Random(2)
    for intent in grammar(lang).intents:
        for _ in range(20):
            text = utterance("train", intent, lang, rng).text
            assert text
            assert not set("{}<>[]|") & set(text)


def test_sentences_are_the_same_for_the_same_seed():
    def some() -> list[str]:
        stream = utterances("heldout", "count", "en", random.Random(7))
        return [next(stream).text for _ in range(5)]

    assert some() == some()


def test_wishes_are_granted():
    asked = utterance("train", "count", "en", random.Random(0), wish={"kind": "kettle"})
    assert asked.slots["kind"] == "kettle"


def test_normalise_reads_what_people_type():
    assert normalise("  What's THAT?! (over–there) ") == "whats that over there"
    assert normalise("你好，你看到什么？") == "你好 你看到什么"
    assert normalise("<|call|>") == "call"


def test_slips_leave_most_texts_alone():
    rng = random.Random(3)
    same = sum(slips("what do you see", "en", rng) == "what do you see" for _ in range(1000))
    assert 750 < same < 950


def test_numbers_and_plurals():
    assert [number_zh(value) for value in (2, 10, 15, 29)] == ["二", "十", "十五", "二十九"]
    assert [plural(noun) for noun in ("ball", "puppy", "radio")] == ["balls", "puppies", "radios"]


def test_answers_are_those_of_the_contract():
    facts = Facts((("ball", "red"), ("chair", "blue")), "dog", "chair")
    nothing = Facts()
    assert answers.see(facts, "en") == "I see a red ball and a blue chair."
    assert answers.see(nothing, "zh") == "我什么也没看到。"
    assert answers.hear(facts, "zh") == "我听到一只狗。"
    assert answers.scan(facts, "zh") == "我附近有一把椅子。"
    assert answers.see(Facts((("ball", "orange"),)), "en") == "I see an orange ball."
    assert answers.everything(nothing, "en") == (
        "I see nothing, I hear nothing, and there is nothing near me."
    )
    assert answers.everything(facts, "en") == (
        "I see a red ball and a blue chair, I hear a dog, and there is a chair near me."
    )
    assert answers.color_of(facts, "chair", "en") == "The chair is blue."
    assert answers.color_of(facts, "dog", "en") == "I do not see a dog."
    assert answers.see_is(facts, "en", "chair", None) == "Yes, I see a blue chair."
    assert answers.hear_is(facts, "en", "cat") == "No, I hear a dog."
    assert answers.count("ball", 2, "en") == "There are two balls."
    assert answers.count("ball", 2, "zh") == "有两个球。"
    assert answers.where("ball", ["left"], "en") == "The ball is on the left."
    assert answers.where("ball", ["left", "right"], "en") == (
        "There are two balls: one on the left and one on the right."
    )


def test_dialogs_follow_their_conditions():
    rng = random.Random(4)
    tools: set[str] = set()
    for _ in range(300):
        for turn in sample_dialog(rng, NoPool()):
            kinds = [kind for kind, _ in turn.steps]
            assert kinds[-1] == "say"
            for kind, text in turn.steps:
                if kind == "call":
                    call = json.loads(text)
                    assert list(call) == ["name", "arguments"]
                    assert call["arguments"].get("kind", KINDS[0]) in KINDS
                    tools.add(call["name"])
            if turn.intent == "hear":
                said = turn.steps[0][1]
                assert said == answers.hear(turn.condition.facts, turn.lang)
    assert {"detect", "clock", "lamp_on", "radio_off", "door_open", "thermostat_set"} <= tools


def test_remembered_times_are_told_as_they_stand_in_long_and_short_results():
    rng = random.Random(4)
    units: Counter[str] = Counter()
    long = 0
    for _ in range(2_000):
        result, said = acts.recalled("hear", "dog", None, "en", rng)
        long += "similarity" in result
        ago = re.match(r"(\d+ (\w+?)s?) ago I heard a dog\.$", said)
        if ago:
            assert f"{ago[1]} ago: I hear a dog." in result
            units[ago[2]] += 1
    assert 700 < long < 1_100
    assert set(units) == {"second", "minute", "hour", "day"}
    assert min(units.values()) > 0.8 * max(units.values())
