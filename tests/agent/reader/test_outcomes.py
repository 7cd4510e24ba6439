"""What is said of acting calls: what their results say, and nothing that was not done."""

from typing import Any

import pytest
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, ToolCall, ToolMessage

from sensebind.agent.corpus import answers
from sensebind.agent.corpus.answers import FIXED
from sensebind.agent.reader.intent import Proposal, Reading
from sensebind.agent.reader.outcomes import Outcome, claims, outcomes_of, sentence_of
from sensebind.agent.reader.proposed import spoken
from sensebind.tools.risk import INCOMPLETE


@pytest.mark.parametrize(
    ("tool", "arguments", "result", "english", "chinese"),
    [
        ("lamp_on", {}, '{"lamp":"on"}', "I turned the lamp on.", "我把灯打开了。"),
        ("lamp_on", {}, "done", "I turned the lamp on.", "我把灯打开了。"),
        ("lamp_on", {}, '{"lamp":"off"}', "The lamp is off.", "灯关着。"),
        ("door_close", {}, "door closed", "I closed the door.", "我把门关上了。"),
        ("door_close", {}, "door open", "The door is open.", "门开着。"),
        (
            "thermostat_set",
            {"temperature": 35},
            '{"thermostat":30}',
            "I set the thermostat to 30 degrees.",
            "我把温度设为30度。",
        ),
        ("turn", {"degrees": -90}, "turned -90.0 degrees", "I turned right.", "我向右转了。"),
        ("turn", {"degrees": -180}, "turned -180.0 degrees", "I turned around.", "我转过身了。"),
        ("turn", {"angle": "wide"}, "1 of 3", "1 of 3", "1 of 3"),
        ("drive", {"metres": -0.5}, "drove -0.5 m", "I drove back.", "我往后退了。"),
        ("approach", {"kind": "ball"}, "arrived at (1.2, -0.4)", "I am at the ball.", None),
        ("approach", {"kind": "my mug"}, "arrived at (1, 0)", "I am at my mug.", None),
    ],
)
def test_what_was_done_is_said_as_the_result_has_it(
    tool: str, arguments: dict[str, Any], result: str, english: str, chinese: str | None
) -> None:
    outcome = Outcome(tool, arguments, result)
    assert sentence_of(outcome, "en") == english
    assert chinese is None or sentence_of(outcome, "zh") == chinese


def test_what_failed_or_was_broken_off_is_not_said_to_be_done() -> None:
    failed = Outcome("lamp_on", {}, "error: the lamp is broken", failed=True)
    assert sentence_of(failed, "en") == "I could not do that: the lamp is broken."
    part = Outcome("drive", {"metres": 2.0}, "drove 0.4 m, blocked", incomplete=True)
    assert sentence_of(part, "en") == FIXED["blocked"]["en"]
    assert sentence_of(part, "zh") == FIXED["blocked"]["zh"]
    assert not any(claims(sentence_of(one, "en")) for one in (failed, part))


def turn(*made: tuple[str, ToolMessage]) -> list[BaseMessage]:
    messages: list[BaseMessage] = [HumanMessage("turn on the lamp and open the door")]
    for name, result in made:
        call = ToolCall(name=name, args={}, id=result.tool_call_id, type="tool_call")
        messages += [AIMessage("", tool_calls=[call]), result]
    return messages


def test_the_calls_of_the_turn_that_act_are_its_outcomes() -> None:
    before = [*turn(("radio_on", ToolMessage("radio on", tool_call_id="0"))), AIMessage("Done.")]
    blocked = ToolMessage("x", tool_call_id="2", artifact={INCOMPLETE: True})
    now = turn(
        ("lamp_on", ToolMessage("error: no power", tool_call_id="1", status="error")),
        ("drive", blocked),
        ("clock", ToolMessage("10:04", tool_call_id="3")),
    )
    found = outcomes_of([*before, *now])
    assert [(one.tool, one.failed, one.incomplete) for one in found] == [
        ("lamp_on", True, False),
        ("drive", False, True),
    ]


def test_after_all_acts_that_were_ordered_their_results_are_said() -> None:
    reading = Reading(proposals=(Proposal("lamp_on"), Proposal("door_open")))
    lamp = ("lamp_on", ToolMessage("lamp on", tool_call_id="1"))
    stuck = ToolMessage("error: the door is stuck", tool_call_id="2", status="error")
    assert spoken(reading, turn(lamp)) == ""  # the door is still to be opened
    assert spoken(reading, turn(lamp, ("door_open", stuck))) == (
        "I turned the lamp on. I could not do that: the door is stuck."
    )


def _acts() -> list[str]:
    said = [answers.switched(one, "en") for one in ("lamp_on", "fan_off", "door_open")]
    for speech in ("en", "zh"):
        said += [answers.switched("door_close", speech), answers.thermostat_set(21, speech)]
        said += [answers.approached("ball", speech), answers.switched("radio_off", speech)]
        said += [FIXED[name][speech] for name in FIXED if name.startswith(("turn_", "drive_"))]
    return said


def test_our_own_models_sentences_of_acts_are_claims_and_no_others_are() -> None:
    assert all(claims(one) for one in _acts())
    facts = answers.Facts((("ball", "red"),), "dog", "chair")
    for speech in ("en", "zh"):
        others = [answers.see(facts, speech), answers.everything(facts, speech)]
        others += [answers.recalled("see", "ball", None, 3, "minute", speech)]
        others += [answers.where("ball", ["left"], speech), answers.time("10:04", speech)]
        others += [answers.watched("hear", "dog", None, speech), answers.failed("no power", speech)]
        acts = ("turn_", "drive_")
        others += [FIXED[name][speech] for name in FIXED if not name.startswith(acts)]
        assert not any(claims(one) for one in others), speech
