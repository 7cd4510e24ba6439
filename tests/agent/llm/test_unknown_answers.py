"""What our model answers about what its weights do not know, and about taught names."""

from __future__ import annotations

import numpy as np
import pytest

from sensebind.agent.conditioning.condition import Condition
from sensebind.agent.conditioning.sensed import Sensed, SenseState
from sensebind.agent.llm.checkpoint import LoadedModel, load_llm
from sensebind.agent.llm.one_question import answer
from sensebind.checkpoints.layout import imagebind_directory
from sensebind.perception.imagebind.guard import examples


@pytest.fixture(scope="module")
def llm() -> LoadedModel:
    return load_llm()


def condition(llm: LoadedModel, *sensed: Sensed) -> Condition:
    """What is known is something that the weights know, whatever it is."""
    embeddings = np.zeros((len(llm.senses), llm.bind_dim), np.float32)
    present = np.zeros(len(llm.senses), bool)
    for one in sensed:
        if one.state is SenseState.PRESENT:
            slot = llm.senses.index(one.sense)
            embeddings[slot], present[slot] = examples(imagebind_directory(llm.path))[0], True
    return Condition("condition:test", embeddings, present, sensed)


def said(llm: LoadedModel, question: str, *sensed: Sensed) -> str:
    return "".join(answer(llm, question, condition(llm, *sensed)))


@pytest.mark.parametrize(
    ("sense", "question", "wanted"),
    [
        ("sight", "what do you see?", "I see something I do not know."),
        ("sight", "is there a dog?", "I see something I do not know."),
        ("sight", "what color is it?", "I see something I do not know."),
        ("sight", "你看到什么？", "我看到了我不认识的东西。"),
        ("hearing", "what do you hear?", "I hear something I do not know."),
        ("hearing", "你听到什么？", "我听到了我不认识的声音。"),
        ("scan", "what is near you?", "There is something near me that I do not know."),
        ("scan", "你附近有什么？", "我附近有我不认识的东西。"),
    ],
)
def test_what_is_unknown_is_said_to_be(
    llm: LoadedModel, sense: str, question: str, wanted: str
) -> None:
    assert said(llm, question, Sensed(sense, "x", SenseState.UNKNOWN)) == wanted


def test_a_taught_name_is_said(llm: LoadedModel) -> None:
    mug = Sensed("sight", "camera", SenseState.NAMED, name="my mug")
    assert said(llm, "what do you see?", mug) == "I see my mug."
    assert said(llm, "你看到什么？", mug) == "我看到my mug。"
    dog = Sensed("hearing", "microphone", SenseState.NAMED, name="Rex")
    assert said(llm, "what do you hear?", dog) == "I hear Rex."


def test_other_answers_stay_as_they_are(llm: LoadedModel) -> None:
    unknown = Sensed("sight", "camera", SenseState.UNKNOWN)
    for question in ("hello", "who are you?", "what do you hear?", "thank you", "你是谁？"):
        assert said(llm, question, unknown) == said(llm, question)


def test_an_answer_of_several_senses_says_it_in_its_place(llm: LoadedModel) -> None:
    unknown = Sensed("sight", "camera", SenseState.UNKNOWN)
    heard = Sensed("hearing", "microphone", SenseState.PRESENT)
    alone = said(llm, "what do you hear?", heard)
    assert alone.startswith("I hear ") and "nothing" not in alone
    together = said(llm, "what do you perceive?", unknown, heard)
    assert together.startswith(f"I see something I do not know, {alone[:-1]}")


def test_what_another_stream_knows_goes_first() -> None:
    one = Sensed("sight", "front", SenseState.UNKNOWN)
    other = Sensed("sight", "rear", SenseState.PRESENT)
    named = Sensed("sight", "side", SenseState.NAMED, name="my mug")
    empty = (np.zeros((1, 4), np.float32), np.zeros(1, bool))
    assert Condition("c", *empty, (one,)).beyond_slots == {"sight": ""}
    assert Condition("c", *empty, (one, named)).beyond_slots == {"sight": "my mug"}
    assert Condition("c", *empty, (one, other)).beyond_slots == {}
