"""Words that ask for several things, with the shipped weights and the house's own API."""

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pytest
from langchain_core.tools import BaseTool, StructuredTool

from sensebind.agent.approval import Decision, Policy
from sensebind.agent.approval.rates import Rates
from sensebind.agent.assistant import Assistant, Finished
from sensebind.agent.events import TextPiece, TurnRecord
from sensebind.agent.llm.chat_model import ChatSenseBind
from sensebind.perception.simhome.devices import DeviceState
from sensebind.perception.simhome.house_api import LOOPBACK, HouseServer
from sensebind.tools.api import ApiTools
from sensebind.tools.risk import Risk, label


@pytest.fixture(scope="module")
def chat() -> ChatSenseBind:
    return ChatSenseBind()


@pytest.fixture
def house() -> DeviceState:
    return DeviceState()


@pytest.fixture
def tools(house: DeviceState) -> Iterator[list[BaseTool]]:
    with (
        HouseServer(house) as server,
        ApiTools.fetch(server.address, private=[LOOPBACK]) as api,
    ):
        yield api.tools()


def agreed(tools: list[BaseTool]) -> Policy:
    return Policy(approved=frozenset(tool.name for tool in tools))


def test_one_after_the_other_each_by_its_own_call(
    chat: ChatSenseBind, tools: list[BaseTool], house: DeviceState
) -> None:
    with Assistant(chat, tools, policy=agreed(tools), robot=Rates()) as assistant:
        events = list(assistant.turn("Turn on the lamp and tell me whether the door is open."))
        record = next(one.record for one in events if isinstance(one, Finished))
        assert [one.name for one in record.tool_calls] == ["lamp_on", "house_status"]
        assert record.assistant == "I turned the lamp on. The door is closed."
        shown = "".join(one.text for one in events if isinstance(one, TextPiece))
        assert shown == record.assistant
    assert house.get("lamp") == 1


def test_what_it_cannot_do_is_said_and_the_rest_is_done(
    chat: ChatSenseBind, tools: list[BaseTool], house: DeviceState
) -> None:
    with Assistant(chat, tools, policy=agreed(tools), robot=Rates()) as assistant:
        record = assistant.ask("Turn on the dishwasher and open the door.")
    assert [one.name for one in record.tool_calls] == ["door_open"]
    assert "I do not know any dishwasher here." in record.assistant
    assert house.get("door") == 1


def test_it_goes_on_after_a_restart_where_it_was(
    chat: ChatSenseBind, tools: list[BaseTool], house: DeviceState, tmp_path: Path
) -> None:
    file = tmp_path / "dialogs.sqlite"
    with Assistant(chat, tools, dialogs=file, robot=Rates()) as assistant:
        record = assistant.ask("Turn on the lamp and open the door.")
        assert [one.tool for one in record.pending] == ["lamp_on"]
    with Assistant(chat, tools, dialogs=file, robot=Rates()) as assistant:
        record = last(assistant, "approve")
        assert [one.tool for one in record.pending] == ["door_open"]
    with Assistant(chat, tools, dialogs=file, robot=Rates()) as assistant:
        record = last(assistant, "approve")
    assert record.assistant == "I turned the lamp on. I opened the door."
    assert (house.get("lamp"), house.get("door")) == (1, 1)


def test_after_a_no_the_rest_is_left(
    chat: ChatSenseBind, tools: list[BaseTool], house: DeviceState
) -> None:
    with Assistant(chat, tools, robot=Rates()) as assistant:
        assistant.ask("Turn on the lamp and open the door.")
        record = last(assistant, "reject")
    assert "not do" in record.assistant
    assert "open the door" in record.assistant
    assert (house.get("lamp"), house.get("door")) == (0, 0)


def test_a_device_that_is_not_there_is_not_looked_for(
    chat: ChatSenseBind, tools: list[BaseTool]
) -> None:
    with Assistant(chat, tools, policy=agreed(tools), robot=Rates()) as assistant:
        record = assistant.ask("Turn on the dishwasher.")
    assert record.tool_calls == []
    assert record.assistant == "I do not know any dishwasher here."


def last(assistant: Assistant, kind: Literal["approve", "reject"]) -> TurnRecord:
    events = assistant.decide([Decision(kind) for _ in assistant.pending()])
    return next(one.record for one in events if isinstance(one, Finished))


def test_a_number_after_a_comma_is_no_second_order(
    chat: ChatSenseBind, tools: list[BaseTool]
) -> None:
    with Assistant(chat, tools, policy=agreed(tools), robot=Rates()) as assistant:
        record = assistant.ask("Set the thermostat, to 23 degrees.")
    assert [one.arguments for one in record.tool_calls] == [{"temperature": 23}]


@pytest.mark.parametrize(
    ("words", "lamp", "called", "said"),
    [
        (
            "Check whether the lamp is on; if it is not, turn it on.",
            0,
            ["house_status", "lamp_on"],
            "The lamp is off. I turned the lamp on.",
        ),
        (
            "Check whether the lamp is on; if it is not, turn it on.",
            1,
            ["house_status"],
            "The lamp is on.",
        ),
        (
            "Is the lamp on? If it is, open the door, otherwise turn on the fan.",
            0,
            ["house_status", "fan_on"],
            "The lamp is off. I turned the fan on.",
        ),
        ("看看灯开着没有，没开就打开。", 0, ["house_status", "lamp_on"], "灯关着。我把灯打开了。"),
    ],
)
def test_what_depends_on_a_finding_is_done_for_it_alone(
    chat: ChatSenseBind,
    tools: list[BaseTool],
    house: DeviceState,
    words: str,
    lamp: int,
    called: list[str],
    said: str,
) -> None:
    house.set("lamp", bool(lamp))
    with Assistant(chat, tools, policy=agreed(tools), robot=Rates()) as assistant:
        record = assistant.ask(words)
    assert [one.name for one in record.tool_calls] == called
    assert record.assistant == said
    assert not record.pending


def test_where_the_finding_does_not_say_the_person_is_asked(
    chat: ChatSenseBind, tools: list[BaseTool], house: DeviceState
) -> None:
    def unreadable() -> str:
        return "error: the bridge does not answer"

    status = StructuredTool.from_function(
        unreadable,
        name="house_status",
        description="Read the state of every device.",
        metadata=label(Risk.OBSERVE),
    )
    mixed = [status if one.name == "house_status" else one for one in tools]
    with Assistant(chat, mixed, policy=agreed(mixed), robot=Rates()) as assistant:
        record = assistant.ask("Check whether the lamp is on; if it is not, turn it on.")
        assert [one.tool for one in record.pending] == ["lamp_on"]
        assert "the bridge does not answer" in record.pending[0].question
        assert record.pending[0].question.endswith("?")
        assert house.get("lamp") == 0
        record = last(assistant, "reject")
    assert house.get("lamp") == 0
    assert "not do" in record.assistant


def test_a_condition_that_nothing_can_tell_orders_nothing(
    chat: ChatSenseBind, tools: list[BaseTool], house: DeviceState
) -> None:
    with Assistant(chat, tools, policy=agreed(tools), robot=Rates()) as assistant:
        record = assistant.ask("Is it raining? If it is, close the door.")
        assert not record.pending
        record = assistant.ask("If it rains, open the door.")
    assert not record.pending
    assert house.get("door") == 0
