"""The calls that a reader proposes, over the steps of a turn."""

from langchain_core.messages import AIMessage, HumanMessage, ToolMessage

from sensebind.agent.reader.intent import Proposal
from sensebind.agent.reader.proposed import calls_of_turn, proposals_left, whole_schema
from sensebind.tools.json_schema import problem

LAMP, RADIO = Proposal("lamp_on"), Proposal("radio_on")


def called(name: str) -> list[AIMessage | ToolMessage]:
    call = {"name": name, "args": {}, "id": name}
    return [AIMessage("", tool_calls=[call]), ToolMessage("done", tool_call_id=name)]


def test_what_was_called_is_not_left() -> None:
    turn = [HumanMessage("turn on the lamp and the radio")]
    assert proposals_left([LAMP, RADIO], turn) == [LAMP, RADIO]
    assert proposals_left([LAMP, RADIO], [*turn, *called("radio_on")]) == [LAMP]
    assert proposals_left([LAMP], [*turn, *called("lamp_on")]) == []


def test_earlier_turns_do_not_count() -> None:
    dialog = [
        HumanMessage("lamp on"),
        *called("lamp_on"),
        AIMessage("Done."),
        HumanMessage("again"),
    ]
    assert calls_of_turn(dialog) == []
    assert proposals_left([LAMP], dialog) == [LAMP]


def test_no_proposals_hold_nobody_to_anything() -> None:
    assert proposals_left([], [HumanMessage("hello")]) is None


def test_a_whole_call_has_its_arguments_and_no_others() -> None:
    schema = whole_schema({"minutes": 10, "text": "a"})
    assert problem({"minutes": 10, "text": "a"}, schema) == ""
    assert problem({"minutes": 11, "text": "a"}, schema)
    assert problem({"minutes": 10, "text": "a", "more": 1}, schema)
    assert problem({"minutes": 10}, schema)
