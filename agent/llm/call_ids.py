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

# Blocks of content that repeat a call, and their key of its id: Anthropic's, LangChain's, and those
# of OpenAI's Responses, whose `id` names the block itself.
_BLOCKS = {
    "tool_use": "id",
    "tool_call": "id",
    "invalid_tool_call": "id",
    "function_call": "call_id",
    "custom_tool_call": "call_id",
}


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
    changed: dict[str, Any] = {
        "tool_calls": [
            {**call, "id": name} for call, name in zip(message.tool_calls, ids, strict=False)
        ],
        "invalid_tool_calls": [
            {**call, "id": name}
            for call, name in zip(message.invalid_tool_calls, ids[valid:], strict=True)
        ],
    }
    renamed = list(zip(_calls(message), ids, strict=True))
    if isinstance(message.content, list):
        changed["content"] = _repeated(message.content, renamed)
    raw = message.additional_kwargs.get("tool_calls")  # as OpenAI sends them
    if isinstance(raw, list):
        calls = _repeated([{**one, "type": "tool_call"} for one in raw], renamed)
        kept = [{**one, "id": call.get("id")} for one, call in zip(raw, calls, strict=True)]
        changed["additional_kwargs"] = {**message.additional_kwargs, "tool_calls": kept}
    return message.model_copy(update=changed)


def _repeated(blocks: Sequence[Any], renamed: Sequence[tuple[Any, str]]) -> list[Any]:
    """Blocks that repeat calls, with the calls' new ids.

    A block belongs to the first call of its name and old id that no block before it belongs to:
    calls that are valid and those that are not stand in lists of their own, out of order.

    Args:
        blocks: Content of a message; what repeats no call stays as it is.
        renamed: Each call as it came, and its new id.
    """
    left = list(renamed)
    found: list[Any] = []
    for block in blocks:
        key = _BLOCKS.get(str(block.get("type"))) if isinstance(block, dict) else None
        if key is not None:
            name = block.get("name") or (block.get("function") or {}).get("name")
            for at, (call, new) in enumerate(left):
                if (call["id"] or "", call["name"]) == (block.get(key) or "", name):
                    block = {**block, key: new}
                    del left[at]
                    break
        found.append(block)
    return found
