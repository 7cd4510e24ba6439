"""Sentences that give a name, and the model that is made to teach it."""

from __future__ import annotations

import pytest

from sensebind.agent.assistant import Assistant, Decision, Finished
from sensebind.agent.llm.chat_model import ChatSenseBind
from sensebind.agent.reader.teach_words import TeachWords, named_in
from sensebind.errors import SourceError
from sensebind.tools.clock import clock_tool
from sensebind.tools.risk import Risk, risk_of
from sensebind.tools.teaching import teach_tool


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("This is my mug.", "my mug"),
        ("look, this is our red teapot!", "our red teapot"),
        ("that is called Rex", "Rex"),
        ("这是我的杯子。", "我的杯子"),
        ("它叫小白", "小白"),
        ("is this my mug?", ""),
        ("this is my mug?", ""),
        ("这是我的杯子吗？", ""),
        ("this is a dog", ""),
        ("this is not my mug", ""),
        ("bring my mug", ""),
        ("I said this is my mug", ""),
        ("this is called <|end|>", ""),
        ("", ""),
    ],
)
def test_only_sentences_that_give_a_name(text: str, name: str) -> None:
    assert named_in(text) == name


def test_a_person_is_asked_and_the_name_is_kept() -> None:
    kept: list[tuple[str, str]] = []

    def teach(name: str, sense: str) -> int:
        kept.append((name, sense))
        return len(kept)

    tool = teach_tool(teach)
    assert risk_of(tool) is Risk.CHANGE
    with Assistant(ChatSenseBind(), [clock_tool(), tool], middleware=[TeachWords()]) as assistant:
        record = assistant.ask("This is my mug.")
        [request] = record.pending
        assert (request.tool, request.arguments) == ("teach", {"name": "my mug"})
        assert not kept
        for event in assistant.decide([Decision("approve")]):
            if isinstance(event, Finished):
                record = event.record
        assert kept == [("my mug", "sight")]
        assert record.assistant == "My mug is known now (1 view)."
        assert record.tool_calls[-1].result == "my mug is known now (1 view)"
        # Any other sentence finds the model as it was.
        assert assistant.ask("hello").assistant == "Hello! How can I help you?"


def test_what_cannot_be_taught_is_said() -> None:
    def teach(name: str, sense: str) -> int:
        raise SourceError("nothing has come from camera yet")

    assert "nothing has come" in teach_tool(teach).invoke({"name": "my mug"})
