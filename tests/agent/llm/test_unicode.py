"""Half an emoji, from a person, a model or a web service, ends no dialog."""

import io
import sys
from pathlib import Path

import pytest
from fixtures.scripted_chat import ScriptedChat, calls
from langchain_core.messages import AIMessage, BaseMessage, ToolMessage
from langchain_core.tools import tool

from sensebind.agent.approval import Policy
from sensebind.agent.assistant import Assistant
from sensebind.agent.cli.terminal import Terminal
from sensebind.agent.llm.unicode import well_formed, well_formed_message
from sensebind.agent.threads import Dialogs
from sensebind.errors import InputError

HALF = "\ud83d"
GONE = "\ufffd"


@tool
def weather(place: str) -> str:
    """The weather."""
    if place == "nowhere":
        raise ValueError(f"no {HALF} there")
    return f"sunny {HALF} in {place}"


def test_halves_that_meet_are_whole_again() -> None:
    assert well_formed({"a": [f"{HALF}\ude00", HALF, 3]}) == {"a": ["😀", GONE, 3]}
    whole = AIMessage("all well", tool_calls=[{"name": "weather", "args": {}, "id": "1"}])
    assert well_formed_message(whole) is whole


@pytest.mark.parametrize("place", ["Ulm", f"Ulm{HALF}", "nowhere"])
def test_a_dialog_goes_on_and_is_kept(tmp_path: Path, place: str) -> None:
    def script(messages: list[BaseMessage]) -> AIMessage:
        last = messages[-1]
        if isinstance(last, ToolMessage):
            return AIMessage(f"{last.text} {HALF}")
        return calls(("weather", {"place": place}))

    policy = Policy(approved=frozenset({"weather"}))
    with Assistant(
        ScriptedChat(script=script), [weather], dialogs=tmp_path / "dialogs", policy=policy
    ) as assistant:
        record = assistant.ask(f"how is the weather in {place} {HALF}?")
        assert record.error == "" and record.user.endswith(f"{GONE}?")
        assert record.assistant.endswith(GONE) and HALF not in record.assistant
        [call] = record.tool_calls
        assert GONE in call.result and call.failed == (place == "nowhere")
    with Assistant(ScriptedChat(script=script), dialogs=tmp_path / "dialogs") as assistant:
        assert len(assistant.history.messages()) == 4
    with Dialogs(tmp_path / "dialogs") as kept:
        for look in (lambda: list(kept.turns(HALF)), lambda: kept.delete(HALF)):
            with pytest.raises(InputError, match="there is no dialog"):
                look()


@pytest.mark.parametrize("name", ["", "a\nb", f"a{HALF}"])
def test_a_dialog_has_a_printable_name(name: str) -> None:
    with pytest.raises(InputError, match="printable"):
        Assistant(ScriptedChat(script=None), thread=name)


def test_a_pipe_in_another_encoding_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    pipe = io.TextIOWrapper(io.BytesIO(b"h\xe9llo\nbye\n"), encoding="utf-8")
    monkeypatch.setattr(sys, "stdin", pipe)
    assert list(Terminal().questions()) == [f"h{GONE}llo", "bye"]
