"""What a dialog keeps of an answer that was cut off while it was spoken; decisions said aloud."""

from pathlib import Path

import pytest
from fixtures.scripted_chat import ScriptedChat, calls_once, echo
from langchain_core.tools import StructuredTool

from sensebind.agent.approval import Decision, Policy
from sensebind.agent.assistant import Assistant, Finished
from sensebind.agent.history import CUT
from sensebind.agent.threads import Dialogs
from sensebind.errors import InputError
from sensebind.tools.risk import Risk, label

DONE: list[str] = []


def door_open() -> str:
    """Opens the door."""
    DONE.append("door_open")
    return "open"


def drive() -> str:
    """Drives."""
    DONE.append("drive")
    return "there"


DOOR = StructuredTool.from_function(door_open, metadata=label(Risk.CHANGE))
DRIVE = StructuredTool.from_function(drive, metadata=label(Risk.MOVE))


def shown(assistant: Assistant) -> list[str]:
    return [str(one.text) for one in assistant.history.messages()]


def test_an_answer_that_was_cut_is_kept_as_far_as_it_was_heard(tmp_path: Path) -> None:
    with Dialogs(tmp_path / "dialogs.sqlite") as dialogs:
        with Assistant(ScriptedChat(script=echo), dialogs=dialogs) as assistant:
            first = assistant.ask("one")
            second = assistant.ask("two")
            assistant.cut(second.id, "3:")
            assert shown(assistant) == ["one", first.assistant, "two", f"3: {CUT}"]
            assert assistant.history.messages()[-1].additional_kwargs["cut"] is True
            turns = list(dialogs.turns("default"))
            assert [(one["assistant"], one["cancelled"]) for one in turns] == [
                (first.assistant, False),
                (f"3: {CUT}", True),
            ]
            third = assistant.ask("three")  # the dialog goes on after it
            assert third.assistant == "6: three" and not third.error  # with the instructions
        with Assistant(ScriptedChat(script=echo), dialogs=dialogs) as assistant:
            assert f"3: {CUT}" in shown(assistant)


def test_an_earlier_answer_is_cut_too_and_nothing_else_changes() -> None:
    with Assistant(ScriptedChat(script=echo)) as assistant:
        first = assistant.ask("one")
        second = assistant.ask("two")
        assistant.cut(first.id, "")
        assert shown(assistant) == ["one", CUT, "two", second.assistant]
        assistant.cut("no such turn", "something")
        assert shown(assistant) == ["one", CUT, "two", second.assistant]


def test_a_call_that_waits_is_no_answer_to_be_cut() -> None:
    with Assistant(ScriptedChat(script=calls_once("door_open")), [DOOR]) as assistant:
        record = assistant.ask("open the door")
        before = [one.model_dump() for one in assistant.history.messages()]
        assistant.cut(record.id, "I")
        assert [one.model_dump() for one in assistant.history.messages()] == before
        assert assistant.pending()


def decided(tool: str, decision: Decision, spoken: frozenset[str]) -> str:
    """Ask for a tool, decide; return the answer."""
    chat = ScriptedChat(script=calls_once(tool))
    with Assistant(chat, [DOOR, DRIVE], policy=Policy(spoken=spoken)) as assistant:
        assert assistant.ask("go").pending
        [finished] = [one for one in assistant.decide([decision]) if isinstance(one, Finished)]
        return finished.record.assistant


@pytest.mark.parametrize(
    ("tool", "kind", "spoken"),
    [
        ("drive", "approve", frozenset({"drive"})),
        ("door_open", "approve", frozenset()),
        ("door_open", "approve", frozenset({"lamp_on"})),
        ("door_open", "edit", frozenset({"door_open"})),
    ],
)
def test_a_voice_does_not_approve_what_it_may_not(
    tool: str, kind: str, spoken: frozenset[str]
) -> None:
    DONE.clear()
    arguments = {} if kind == "edit" else None
    with pytest.raises(InputError, match="not approved by voice"):
        decided(tool, Decision(kind, arguments, spoken=True), spoken)
    assert DONE == []


def test_a_voice_approves_what_is_listed_and_refuses_anything() -> None:
    DONE.clear()
    assert decided("door_open", Decision("approve", spoken=True), frozenset({"door_open"}))
    assert DONE == ["door_open"]
    assert decided("drive", Decision("reject", spoken=True), frozenset())
    assert DONE == ["door_open"]


def test_what_is_typed_or_clicked_approves_as_before() -> None:
    DONE.clear()
    assert decided("drive", Decision("approve"), frozenset())
    assert DONE == ["drive"]
