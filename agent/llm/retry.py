"""A reply whose grammar could not enforce all of a schema: what was wrong, for a second try."""

import json
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import uuid4

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, ToolMessage
from langchain_core.messages.tool import ToolCall
from langchain_core.outputs import ChatGenerationChunk

from sensebind.agent.llm.call_format import CallFormat
from sensebind.agent.llm.constrained_decoding import parse_call
from sensebind.tools.json_schema import problem


def corrections(
    chunks: Sequence[ChatGenerationChunk],
    style: CallFormat,
    tools: Sequence[Mapping[str, Any]],
    schema: Mapping[str, Any] | None,
) -> list[BaseMessage]:
    """Returns the reply and what is wrong with it, as messages; empty if it is valid.

    Args:
        chunks: The whole reply.
        style: The checkpoint's call format.
        tools: Tools in OpenAI form.
        schema: That of the answer, where the answer is JSON and no tools are called.
    """
    if schema is not None:
        text = "".join(chunk.text for chunk in chunks)
        try:
            wrong = problem(json.loads(text), schema)
        except (ValueError, RecursionError) as error:
            wrong = f"not valid JSON: {error}"
        return [AIMessage(text), HumanMessage(f"error: {wrong}")] if wrong else []
    calls: list[ToolCall] = []
    errors: list[str] = []
    for chunk in chunks:
        for call in getattr(chunk.message, "tool_call_chunks", ()):
            name = call["id"] or f"call_{uuid4().hex[:16]}"
            given = json.loads(call["args"] or "{}")
            error = ""
            if isinstance(given, str):  # see `ReplyReader.calls`: the text of a call that is wrong
                parsed = parse_call(given, style, tools)
                given, error = parsed.arguments, parsed.error
            calls.append(ToolCall(name=call["name"] or "", args=given, id=name))
            errors.append(error)
    if not any(errors):
        return []
    told = [
        ToolMessage(f"error: {error or 'not made'}", tool_call_id=call["id"], status="error")
        for call, error in zip(calls, errors, strict=True)
    ]
    return [AIMessage("", tool_calls=calls), *told]
