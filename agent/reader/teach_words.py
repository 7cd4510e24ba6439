"""Sentences that give what is shown a name: "this is my mug", 这是我的杯子.

A model that was not trained to teach is made to: for such a sentence the call of `teach` with that
name is the only one that its grammar admits. Whether it is made, a person decides, as for any tool
that changes something.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from typing import Any

from langchain.agents.middleware import AgentMiddleware, ModelRequest, ModelResponse
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage

from sensebind.errors import InputError
from sensebind.memory.taught import checked_name
from sensebind.tools.teaching import NAME

_SENTENCES = (
    re.compile(r"(?:look,?\s+)?(?:this|that) is (?P<name>(?:my|our) .+)", re.I),
    re.compile(r"(?:this|that|it) is (?:called|named) (?P<name>.+)", re.I),
    re.compile(r"(?:这|那)(?:是|就是)(?P<name>(?:我|我们)的.+)"),
    re.compile(r"(?:这|那|它)(?:叫|叫做|名叫)(?P<name>.+)"),
)


def named_in(text: str) -> str:
    """Return the name that a sentence gives to what is shown; "" if it gives none.

    Example:
        >>> named_in("This is my mug.")
        'my mug'
        >>> named_in("is this my mug?")
        ''
    """
    said = " ".join(text.split())
    if said.endswith(("?", "？", "吗", "吗。")):
        return ""
    said = said.rstrip(".!。！ ")
    for sentence in _SENTENCES:
        if (found := sentence.fullmatch(said)) is not None:
            try:
                return checked_name(found["name"])
            except InputError:
                return ""
    return ""


class TeachWords(AgentMiddleware):
    """Around the language model: such a sentence becomes a call of `teach`, and nothing else."""

    def wrap_model_call(
        self, request: ModelRequest, handler: Callable[[ModelRequest], ModelResponse]
    ) -> ModelResponse | AIMessage:
        """Call the model, or say what became of the teaching."""
        if (said := _outcome(request)) is not None:
            return said
        return handler(_changed(request))

    async def awrap_model_call(
        self, request: ModelRequest, handler: Callable[[ModelRequest], Awaitable[ModelResponse]]
    ) -> ModelResponse | AIMessage:
        """As `wrap_model_call`, for asynchronous agents."""
        if (said := _outcome(request)) is not None:
            return said
        return await handler(_changed(request))


def _outcome(request: ModelRequest) -> AIMessage | None:
    """What a call of `teach` came to, as the answer: the model has nothing to add to it."""
    last = request.messages[-1] if request.messages else None
    if not isinstance(last, ToolMessage) or last.name != NAME or last.status == "error":
        return None
    return AIMessage(f"{str(last.text)[:1].upper()}{str(last.text)[1:]}.")


def _changed(request: ModelRequest) -> ModelRequest:
    last = request.messages[-1] if request.messages else None
    if not isinstance(last, HumanMessage) or not (name := named_in(str(last.text))):
        return request
    if NAME not in {getattr(tool, "name", "") for tool in request.tools}:
        return request
    schema: dict[str, Any] = {
        "type": "object",
        "properties": {"name": {"type": "string", "enum": [name]}},
        "required": ["name"],
        "additionalProperties": False,
    }
    only = {"name": NAME, "description": "Remembers what is perceived.", "parameters": schema}
    return request.override(tools=[{"type": "function", "function": only}], tool_choice=NAME)
