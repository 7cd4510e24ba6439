"""Doubts about a call that a language model has made: a person is asked before it runs.

They stand in the message that holds the call, so that they last as long as the dialog does. A
doubt only ever adds a question: what the policy asks about is asked about without one, too.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from langchain_core.messages import AIMessage, BaseMessage

KEY = "doubts"
"""Of a message's `additional_kwargs`: by id of the call, `Doubt.as_json`."""


@dataclass(frozen=True, slots=True)
class Doubt:
    """What a person is to know of a call.

    Attributes:
        question: What is asked where the robot is not sure that the call was meant; "" where it
            is, and only `grounds` are shown.
        grounds: Where arguments come from that the person did not say: "x = 1.2, from recall".
        why: Why it is asked about, for the audit log: `score`, `reader`,
            `corrected`, `ungrounded`, `outside`.
    """

    question: str = ""
    grounds: str = ""
    why: str = ""

    def as_json(self) -> dict[str, str]:
        """Returns the form in which it is kept."""
        return {"question": self.question, "grounds": self.grounds, "why": self.why}


def doubt_of(message: BaseMessage, call: str) -> Doubt:
    """Returns the doubt about a call; an empty one where there is none.

    Args:
        message: The one that holds the call.
        call: The call's id.
    """
    kept = message.additional_kwargs.get(KEY)
    found = kept.get(call) if isinstance(kept, Mapping) else None
    if not isinstance(found, Mapping):
        return Doubt()
    return Doubt(*(str(found.get(name) or "") for name in ("question", "grounds", "why")))


def doubted(request: Any) -> bool:
    """Whether a person must be asked about a call (LangChain's `ToolCallRequest`)."""
    identity = str(request.tool_call.get("id") or "")
    for message in reversed(request.state["messages"]):
        if isinstance(message, AIMessage):
            return bool(doubt_of(message, identity).question)
    return False
