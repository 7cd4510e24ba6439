"""The steps of one turn: one after the other, and said as they were."""

from typing import Any

import pytest
from langchain.agents.middleware import ModelResponse
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, ToolCall, ToolMessage

from sensebind.agent.approval.doubts import KEY as DOUBTS
from sensebind.agent.approval.requests import NOT_ALLOWED
from sensebind.agent.grounding.sources import ASKS
from sensebind.agent.reader.findings import Expected, Way
from sensebind.agent.reader.intent import Condition, Reading, Step, Verdict
from sensebind.agent.reader.work import KEY, Work

GO = Step("go to the ball", Reading(), depends=True, moves=True)
LAMP = Step("turn on the lamp", Reading())
LOOK = Step("count the chairs", Reading(), depends=True)


def said(text: str, **more: Any) -> ModelResponse:
    return ModelResponse([AIMessage(text, additional_kwargs=more)])


def made(tool: str) -> AIMessage:
    call = ToolCall(name=tool, args={}, id=tool, type="tool_call")
    return AIMessage("", tool_calls=[call])


def calls(tool: str) -> ModelResponse:
    return ModelResponse([made(tool)])


def result(tool: str, text: str, status: str = "success") -> ToolMessage:
    return ToolMessage(text, tool_call_id=tool, name=tool, status=status)


def asked(*more: BaseMessage) -> list[BaseMessage]:
    before = [HumanMessage("hello"), AIMessage("Hello!")]
    return [*before, HumanMessage("go to the ball and turn on the lamp", id="q"), *more]


def answer(work: Work) -> str:
    assert work.response is not None
    return str(work.response.result[0].text)


def test_each_step_is_asked_for_alone_and_all_is_said_at_the_end() -> None:
    work = Work([GO, LAMP], asked(), "en")
    assert [one.text for one in work.messages] == ["hello", "Hello!", "go to the ball"]
    called = work.take(calls("approach")).result[0]
    assert called.additional_kwargs[KEY]["at"] == 0

    # As after a restart: everything is read from the messages.
    messages = asked(called, result("approach", "at the ball"))
    work = Work([GO, LAMP], messages, "en")
    assert work.step is GO
    assert [one.type for one in work.messages][-2:] == ["ai", "tool"]
    work.take(said("I am at the ball."))
    assert work.step is LAMP
    assert [one.text for one in work.messages][-1] == "turn on the lamp"
    lamp = work.take(calls("lamp_on")).result[0]

    messages = [*messages, lamp, result("lamp_on", "lamp on")]
    work = Work([GO, LAMP], messages, "en")
    assert work.step is LAMP
    assert [one.name for one in work.messages if isinstance(one, ToolMessage)] == ["lamp_on"]
    work.take(said("I turned the lamp on."))
    assert answer(work) == "I am at the ball. I turned the lamp on."


def test_what_failed_is_said_to_be_not_done_whatever_the_model_says() -> None:
    call = AIMessage(
        "",
        tool_calls=made("approach").tool_calls,
        additional_kwargs={KEY: {"at": 0, "said": [], "asked": "", "lost": False}},
    )
    failed = result("approach", "error: there is no ball in view", "error")
    work = Work([GO, LOOK, LAMP], asked(call, failed), "en")
    work.take(said("I am at the ball."))
    assert work.step is LAMP  # counting depends on where the robot is
    work.take(said("I turned the lamp on."))
    assert answer(work) == (
        'I did not do "go to the ball", there is no ball in view. '
        'I did not do "count the chairs". I turned the lamp on.'
    )


def test_after_a_no_of_the_person_nothing_more_is_done() -> None:
    call = AIMessage(
        "",
        tool_calls=made("approach").tool_calls,
        additional_kwargs={KEY: {"at": 0, "said": [], "asked": "", "lost": False}},
    )
    refused = result("approach", f"error: {NOT_ALLOWED}", "error")
    work = Work([GO, LAMP], asked(call, refused), "en")
    work.take(said("All right."))
    assert 'not do "turn on the lamp"' in answer(work)


def test_a_question_comes_last_and_a_limit_is_no_question() -> None:
    work = Work([LAMP, LAMP], asked(), "en")
    work.take(said("To how many degrees?", **{ASKS: True}))
    work.take(said("I turned the lamp on."))
    assert answer(work) == "I turned the lamp on. To how many degrees?"
    assert work.response is not None
    assert work.response.result[0].additional_kwargs[ASKS]

    work = Work([LAMP, LAMP], asked(), "en")
    work.take(said("The thermostat takes 10 to 30 degrees.", **{ASKS: True}))
    work.take(said("I turned the lamp on."))
    assert answer(work).startswith('I did not do "turn on the lamp", the thermostat takes 10')
    assert work.response is not None
    assert ASKS not in work.response.result[0].additional_kwargs


@pytest.mark.parametrize(
    ("speech", "text", "wanted"),
    [
        ("en", "I am sorry, I cannot do that.", 'I cannot do "turn on the lamp".'),
        ("zh", "对不起，我做不到。", "“turn on the lamp”我做不到。"),
    ],
)
def test_what_it_cannot_do_is_named(speech: str, text: str, wanted: str) -> None:
    work = Work([LAMP], asked(), speech)
    work.take(said(text))
    assert answer(work) == wanted


STATUS = Step("is the lamp on?", Reading())
OFF = Condition(0, Expected(Way.STATE, state="off", about="lamp"))
IF_OFF = Step("turn on the lamp", Reading(verdicts={"lamp_on": Verdict.CALL}), condition=OFF)


def after_status(text: str, status: str = "success") -> list[BaseMessage]:
    called = Work([STATUS, IF_OFF], asked(), "en").take(calls("house_status")).result[0]
    return asked(called, result("house_status", text, status))


def test_a_step_is_left_where_its_condition_is_not_met() -> None:
    work = Work([STATUS, IF_OFF], after_status("lamp: on"), "en")
    work.take(said("The lamp is on."))
    assert answer(work) == "The lamp is on."


def test_a_step_is_done_where_its_condition_is_met_also_after_a_restart() -> None:
    messages = after_status("lamp: off")
    work = Work([STATUS, IF_OFF], messages, "en")
    work.take(said("The lamp is off."))
    assert work.step.reading.of("lamp_on") is Verdict.CALL
    lamp = work.take(calls("lamp_on")).result[0]

    work = Work([STATUS, IF_OFF], [*messages, lamp, result("lamp_on", "lamp on")], "en")
    assert work.step.reading.of("lamp_on") is Verdict.CALL
    work.take(said("I turned the lamp on."))
    assert answer(work) == "The lamp is off. I turned the lamp on."


def test_where_a_finding_does_not_say_the_person_hears_it_and_is_asked() -> None:
    work = Work([STATUS, IF_OFF], after_status("error: no answer", "error"), "en")
    work.take(said("?"))
    assert work.step.reading.of("lamp_on") is Verdict.ASK
    call = made("lamp_on").tool_calls
    asks = {DOUBTS: {"lamp_on": {"question": "Should I turn on the lamp?"}}}
    response = ModelResponse([AIMessage("", tool_calls=call, additional_kwargs=asks)])
    kept = work.take(response).result[0].additional_kwargs[DOUBTS]["lamp_on"]["question"]
    assert kept == 'I did not do "is the lamp on", no answer. Should I turn on the lamp?'


def test_what_only_answers_is_left_where_a_finding_does_not_say() -> None:
    time = Step("what time is it?", Reading(verdict=Verdict.ANSWER), condition=OFF)
    work = Work([STATUS, time], after_status("error: no answer", "error"), "en")
    work.take(said("?"))
    assert answer(work).endswith('I did not do "what time is it".')
