"""What the embedded model does with a reading: it makes the calls that are proposed."""

from collections.abc import Sequence

import pytest
from langchain_core.tools import BaseTool, StructuredTool

from sensebind.agent.approval.rates import Rates
from sensebind.agent.assistant import Assistant, Policy, TurnRecord
from sensebind.agent.llm.chat_model import ChatSenseBind
from sensebind.agent.reader.intent import Kind, Proposal, Reading, Verdict
from sensebind.tools.risk import Risk, label


class Fixed:
    """A reader that reads all words in one way."""

    def __init__(self, reading: Reading) -> None:
        self.reading = reading

    def read(
        self, words: str, tools: Sequence[BaseTool], *, language: str = "", answers: str = ""
    ) -> Reading:
        return self.reading


def tool(
    name: str, risk: Risk = Risk.CHANGE, properties: dict[str, object] | None = None
) -> BaseTool:
    return StructuredTool.from_function(
        lambda **_: "done",
        name=name,
        description=f"Does {name}.",
        metadata=label(risk),
        args_schema={
            "type": "object",
            "properties": properties or {},
            "required": list(properties or {}),
        },
        infer_schema=False,
    )


TOOLS = [
    tool("lamp_on"),
    tool("door_open"),
    tool("pump", properties={"minutes": {"type": "integer"}, "note": {"type": "string"}}),
    tool("house_status", Risk.OBSERVE),
]


@pytest.fixture(scope="module")
def chat() -> ChatSenseBind:
    return ChatSenseBind()


def asked(chat: ChatSenseBind, reading: Reading, words: str = "hello there") -> TurnRecord:
    policy = Policy(approved=frozenset({"lamp_on", "door_open", "pump"}))
    with Assistant(chat, TOOLS, robot=Rates(), policy=policy, reader=Fixed(reading)) as assistant:
        return assistant.ask(words)


def calls(record: TurnRecord) -> list[tuple[str, dict[str, object]]]:
    return [(one.name, dict(one.arguments)) for one in record.tool_calls]


def test_what_is_proposed_is_called_and_nothing_else(chat: ChatSenseBind) -> None:
    reading = Reading(proposals=(Proposal("lamp_on"), Proposal("door_open")))
    assert calls(asked(chat, reading)) == [("lamp_on", {}), ("door_open", {})]


def test_a_whole_proposal_is_called_with_its_arguments(chat: ChatSenseBind) -> None:
    given = {"minutes": 10, "note": "Zürich, 7:30"}
    reading = Reading(proposals=(Proposal("pump", given, whole=True),))
    words = "run the pump for 10 minutes, and note Zürich, 7:30"
    record = asked(chat, reading, words)
    assert calls(record) == [("pump", given)]
    assert record.assistant == "done"  # as the tool says, of which the model knows nothing


def test_a_reply_takes_the_place_of_the_models(chat: ChatSenseBind) -> None:
    record = asked(chat, Reading(reply="I cannot do that."))
    assert record.assistant == "I cannot do that."
    assert calls(record) == []


def test_what_must_not_be_called_is_not(chat: ChatSenseBind) -> None:
    reading = Reading(Kind.FORBIDDEN, verdict=Verdict.ANSWER, looking=False)
    record = asked(chat, reading, "open the door")
    assert calls(record) == []
    assert record.assistant


def test_an_action_whose_words_take_something_back_is_asked_about(chat: ChatSenseBind) -> None:
    order = Reading(proposals=(Proposal("lamp_on"),))
    assert not asked(chat, order, "turn on the lamp").pending
    [request] = asked(chat, order, "turn on the radio, no, the lamp").pending
    assert request.tool == "lamp_on"
