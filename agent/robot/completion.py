"""Answers of the language model to a client that has tools of its own.

The client is the agent then: it keeps the conversation, and runs what the model calls. The robot
lends its language model and its senses. None of its own tools is offered, so that nothing of the
robot acts.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Mapping, Sequence
from contextvars import copy_context
from typing import Any
from uuid import uuid4

import msgspec
from langchain.agents import create_agent
from langchain.agents.middleware import AgentMiddleware
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import (
    AIMessage,
    AIMessageChunk,
    AnyMessage,
    BaseMessage,
    HumanMessage,
    convert_to_messages,
)
from langchain_core.tools import BaseTool, StructuredTool
from langgraph.checkpoint.memory import InMemorySaver

from sensebind.agent.llm.chat_model import ChatSenseBind
from sensebind.agent.llm.unicode import well_formed
from sensebind.agent.reader.middleware import GroundCalls
from sensebind.agent.turn_conditions import senses_around, senses_for_model
from sensebind.errors import InputError, SenseBindError
from sensebind.tools.cancellation import cancellable
from sensebind.tools.risk import Risk, label


class Said(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a model answered a client that has tools of its own.

    Attributes:
        text: All of it.
        calls: What the client is to run: `id`, `name` and `arguments` of each call.
        read: Tokens that the model was shown; 0 where it does not say.
        written: Tokens that it wrote.
    """

    text: str
    calls: list[dict[str, Any]] = []
    read: int = 0
    written: int = 0


def complete(
    chat: BaseChatModel,
    senses: Any,
    messages: Sequence[Mapping[str, Any]],
    tools: Sequence[Mapping[str, Any]],
    choice: Any,
    cancelled: threading.Event,
) -> Generator[str | Said, None, None]:
    """Answer a conversation, with tools that the caller will run.

    Args:
        chat: The language model.
        senses: What it perceives now.
        messages: In OpenAI form, the last one of a user or a tool.
        tools: In OpenAI form.
        choice: `"auto"`, `"none"`, `"required"`, or the name of the tool to call.
        cancelled: Ends the answer.

    Yields:
        Pieces of text, and at the end all that was said.

    Raises:
        SenseBindError: The conversation or a tool cannot be read, or the model failed.
    """
    offered = [_tool(one) for one in tools] if choice != "none" else []
    said = _messages(messages)
    perceiving = senses_for_model(chat, senses)
    if perceiving is not None and (last := _last_human(said)) is not None:
        carried, _ = perceiving.perceive()
        last.additional_kwargs.update(carried)
    ours = isinstance(chat, ChatSenseBind)
    around: list[Any] = [] if ours else [senses_around(chat, perceiving)]
    if offered and choice not in ("auto", "none"):
        around.append(_Choose("any" if choice == "required" else choice))
    around.append(GroundCalls(chat, offered))
    agent: Any = create_agent(
        chat, offered, middleware=around, checkpointer=InMemorySaver(), interrupt_before=["tools"]
    )
    with cancellable(cancelled):
        context = copy_context()
    config = {"configurable": {"thread_id": uuid4().hex}, "recursion_limit": 16}
    stream = context.run(
        agent.stream, {"messages": said}, config, stream_mode=["messages", "updates"]
    )
    answer, streamed = AIMessage(""), ""
    try:
        while (item := context.run(lambda: next(stream, None))) is not None:
            mode, payload = item
            if mode == "messages":
                if isinstance(payload[0], AIMessageChunk) and (text := str(payload[0].text)):
                    streamed += text
                    yield well_formed(text)
                continue
            for part in payload.values():
                for one in part.get("messages") or () if isinstance(part, Mapping) else ():
                    answer = one if isinstance(one, AIMessage) else answer
    finally:
        context.run(stream.close)
    if answer.invalid_tool_calls:
        raise SenseBindError("the model made a call that is not valid: ask again")
    text = well_formed(str(answer.text))
    if text and not streamed:  # a model that does not stream, or a question in place of a call
        yield text
    usage = answer.usage_metadata
    yield Said(
        text,
        [
            {
                "id": one["id"] or f"call_{uuid4().hex}",
                "name": one["name"],
                "arguments": one["args"],
            }
            for one in answer.tool_calls
        ],
        usage["input_tokens"] if usage else 0,
        usage["output_tokens"] if usage else 0,
    )


class _Choose(AgentMiddleware):
    """Has the model call a tool, as the client wants."""

    def __init__(self, choice: str) -> None:
        """Keep the choice.

        Args:
            choice: Name of a tool, or "any".
        """
        super().__init__()
        self._choice = choice

    def wrap_model_call(self, request: Any, handler: Callable[[Any], Any]) -> Any:
        """Ask the model for a call."""
        return handler(request.override(tool_choice=self._choice))


def _messages(given: Sequence[Mapping[str, Any]]) -> list[AnyMessage]:
    try:
        return convert_to_messages([dict(one) for one in given])  # type: ignore[return-value]
    except Exception as error:  # LangChain's errors for what it cannot read have no common class
        raise InputError(f"a message that cannot be read: {error}") from error


def _last_human(messages: Sequence[BaseMessage]) -> HumanMessage | None:
    return next((one for one in reversed(messages) if isinstance(one, HumanMessage)), None)


def _tool(given: Mapping[str, Any]) -> BaseTool:
    """A tool that is shown to the model, and never run here."""
    function = given.get("function")
    if given.get("type", "function") != "function" or not isinstance(function, Mapping):
        raise InputError(f"a tool of type {given.get('type')!r}: only functions can be called")
    name = str(function.get("name") or "")
    if not name:
        raise InputError("a tool without a name")

    def run(**_: Any) -> str:
        raise AssertionError(f"{name} is the client's")

    schema = function.get("parameters") or {"type": "object", "properties": {}}
    if not isinstance(schema, Mapping) or schema.get("type", "object") != "object":
        raise InputError(f"the parameters of {name} are not a JSON schema of an object")
    return StructuredTool(
        name=name,
        description=str(function.get("description") or name),
        args_schema={"properties": {}, **schema},
        func=run,
        metadata=label(Risk.CHANGE),
    )
