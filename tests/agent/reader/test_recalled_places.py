"""Where something was seen is said from what `recall` gave, and only where it was asked for."""

from typing import Any

import pytest
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, ToolMessage

from sensebind.agent.reader.recalled_places import place_said

FOUND = [
    {"description": "I see a red dog.", "place": "(9.0, 9.0)"},
    {"description": "I see a blue ball.", "place": "(1.2, -0.4)"},
]


def asked(words: str, found: Any = FOUND, tool: str = "recall") -> list[BaseMessage]:
    call: Any = {"name": tool, "args": {}, "id": "1"}
    before = [{"description": "I see a chair.", "place": "(5.0, 5.0)"}]
    return [
        HumanMessage("where did you last see the chair?"),
        ToolMessage("2 minutes ago", artifact=before, name="recall", tool_call_id="0"),
        HumanMessage(words),
        AIMessage("", tool_calls=[call]),
        ToolMessage("3 minutes ago", artifact=found, name=tool, tool_call_id="1"),
    ]


LOST = [{"description": "I see a ball.", "place": ""}]
EARLIER = [{"description": "I see a ball.", "place": "a place of an earlier run"}]


@pytest.mark.parametrize(
    ("messages", "said"),
    [
        (asked("where did you last see the ball?"), "I was at (1.2, -0.4) then."),
        (asked("你最后在哪里看到球？"), "我当时在 (1.2, -0.4)。"),
        (asked("where did you last see something?"), "I was at (9.0, 9.0) then."),
        (asked("when did you last see the ball?"), ""),
        (asked("where did you last see the piano?"), ""),
        (asked("where is the ball?", tool="detect"), ""),
        (asked("where did you see the ball?", LOST), ""),
        (asked("where did you see the ball?", EARLIER), ""),
        (asked("where did you see the ball?", []), ""),
        (asked("where did you see the ball?", None), ""),
        ([], ""),
    ],
)
def test_where_it_was(messages: list[BaseMessage], said: str) -> None:
    assert place_said(messages) == said
