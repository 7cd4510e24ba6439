"""Ids of tool calls, made unique where a reply comes in.

Approval, audit log and results find a call by its id. Servers of other models send equal ids, empty
ones, or none: then an approved call would be taken for one that has been answered.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any
from uuid import uuid4

from langchain.agents.middleware import ModelResponse
from langchain_core.messages import AIMessage, BaseMessage

_BLOCKS = frozenset({"tool_use", "tool_call"})


def with_unique_ids(response: ModelResponse, earlier: Sequence[BaseMessage]) -> ModelResponse:
    """Returns a reply in which each call has an id that no other call of its dialog has.

    Args:
        response: A model's reply.
        earlier: The messages before it.
    """
    known: set[str] = set()
    for message in earlier:
        if isinstance(message, AIMessage):
            known |= {str(one["id"]) for one in _calls(message)}
    return replace(response, result=[_renamed(one, known) for one in response.result])


def _calls(message: AIMessage) -> list[Any]:
    return [*message.tool_calls, *message.invalid_tool_calls]


def _renamed(message: BaseMessage, known: set[str]) -> BaseMessage:
    """Gives a new id to each call whose id is known already; adds all to the known ones."""
    if not isinstance(message, AIMessage):
        return message
    ids: list[str] = []
    for call in _calls(message):
        kept = call["id"] and str(call["id"]) not in known
        ids.append(str(call["id"]) if kept else f"call_{uuid4().hex[:16]}")
        known.add(ids[-1])
    if ids == [call["id"] for call in _calls(message)]:
        return message
    valid = len(message.tool_calls)
    changed = {
        "tool_calls": [
            {**call, "id": name} for call, name in zip(message.tool_calls, ids, strict=False)
        ],
        "invalid_tool_calls": [
            {**call, "id": name}
            for call, name in zip(message.invalid_tool_calls, ids[valid:], strict=True)
        ],
        "content": _content(message.content, ids[:valid]),
    }
    return message.model_copy(update=changed)


def _content(content: Any, ids: Sequence[str]) -> Any:
    """Content whose blocks of calls, if there are any, carry the same ids."""
    if not isinstance(content, list):
        return content
    calls = [
        at
        for at, block in enumerate(content)
        if isinstance(block, dict) and block.get("type") in _BLOCKS
    ]
    if len(calls) != len(ids):
        return content
    blocks = list(content)
    for at, name in zip(calls, ids, strict=True):
        blocks[at] = {**blocks[at], "id": name}
    return blocks
