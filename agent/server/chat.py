"""`/v1/chat/completions`: the robot's own agent, or its language model for a client's agent.

Without `tools` the robot answers, with its own tools, policy and approvals. With them the client is
the agent: the language model sees what the robot perceives, and its calls go back to the client.
"""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import AsyncGenerator
from typing import Annotated, Any, Literal
from uuid import uuid4

from pydantic import BaseModel, ConfigDict, Field

from sensebind.agent.robot.control_messages import Ask, Complete
from sensebind.agent.server.content import Content, read_content
from sensebind.agent.server.errors import NotAnswered, body_of
from sensebind.agent.server.link import RobotLink
from sensebind.agent.server.turns import Conversations, Turns, new_thread
from sensebind.errors import InputError, SenseBindError

Part = dict[str, Any]
_OF_THE_MODEL = ("stream", "stream_options", "model", "messages", "tools", "tool_choice", "n")


class Message(BaseModel):
    """A message of a conversation.

    Attributes:
        role: Who says it.
        content: A text, or parts.
        tool_calls: What an assistant called.
        tool_call_id: Which call a tool answers.
    """

    model_config = ConfigDict(extra="allow")

    role: Literal["system", "developer", "user", "assistant", "tool"]
    content: str | list[Part] | None = None
    tool_calls: list[Part] | None = None
    tool_call_id: str | None = None


class ChatRequest(BaseModel):
    """What is asked for. Other parameters of OpenAI's are accepted, and named as ignored.

    Attributes:
        model: Name of the robot.
        messages: The whole conversation, the last message last.
        stream: Send the answer in pieces.
        stream_options: `include_usage` sends the counts of tokens at the end, where they are known.
        tools: What the client can run.
        tool_choice: "auto", "none", "required", or the function to call.
        n: 1.
        response_format: Text.
    """

    model_config = ConfigDict(extra="allow")

    model: Annotated[str, Field(max_length=256)]
    messages: Annotated[list[Message], Field(min_length=1, max_length=1024)]
    stream: bool | None = None
    stream_options: Part | None = None
    tools: Annotated[list[Part], Field(max_length=128)] | None = None
    tool_choice: str | Part | None = None
    n: Literal[1] | None = None
    response_format: Part | None = None

    @property
    def of_client(self) -> bool:
        """Whether the client is the agent, with tools of its own."""
        return bool(self.tools) or any(
            one.role == "tool" or one.tool_calls for one in self.messages
        )

    def check(self) -> None:
        """Refuse what cannot be done.

        Raises:
            InputError: It asks for JSON.
        """
        kind = (self.response_format or {}).get("type", "text")
        if kind != "text":
            raise InputError(f"response_format {str(kind)[:40]!r}: the robot answers in words")

    def ignored(self) -> list[str]:
        """Return which parameters change nothing here."""
        given = [name for name, value in (self.model_extra or {}).items() if value is not None]
        if not self.of_client and any(o.role in ("system", "developer") for o in self.messages):
            given.append("messages: system")  # the robot's own instructions hold
        return sorted(name[:60] for name in given)


class Chat:
    """Answers requests for completions."""

    def __init__(self, link: RobotLink, turns: Turns, model: str) -> None:
        """Prepare.

        Args:
            link: To the robot.
            turns: Takes turns with it.
            model: Name of the robot, as clients name it.
        """
        self._link = link
        self._turns = turns
        self._model = model
        self._conversations = Conversations()

    async def answer(self, request: ChatRequest) -> dict[str, Any]:
        """Return a whole answer.

        Raises:
            SenseBindError: The request cannot be read, or not be answered.
        """
        text, calls, last = "", [], _Last()
        async with contextlib.aclosing(self._steps(request)) as steps:
            async for step in steps:
                if isinstance(step, str):
                    text += step
                elif isinstance(step, list):
                    calls = step
                elif isinstance(step, _Last):
                    last = step
        message: dict[str, Any] = {"role": "assistant", "content": text or None, "refusal": None}
        if calls:
            message["tool_calls"] = calls
        else:
            message["content"] = text
        choice = {
            "index": 0,
            "message": message,
            "finish_reason": "tool_calls" if calls else "stop",
            "logprobs": None,
        }
        head = self._head("chat.completion") | {"choices": [choice]}
        head["sensebind"] = last.more | {"ignored": request.ignored()}
        return head | ({"usage": last.usage} if last.usage else {})

    async def stream(self, request: ChatRequest) -> AsyncGenerator[dict[str, Any], None]:
        """Yield an answer in pieces; what goes wrong in the middle is the last one."""
        head = self._head("chat.completion.chunk")

        def chunk(delta: dict[str, Any], reason: str | None = None, **more: Any) -> dict[str, Any]:
            choice = {"index": 0, "delta": delta, "finish_reason": reason, "logprobs": None}
            return head | {"choices": [choice]} | more

        yield chunk({"role": "assistant", "content": ""})
        reason, last = "stop", _Last()
        try:
            async with contextlib.aclosing(self._steps(request)) as steps:
                async for step in steps:
                    if isinstance(step, str):
                        yield chunk({"content": step})
                    elif isinstance(step, list):
                        reason = "tool_calls"
                        calls = [one | {"index": i} for i, one in enumerate(step)]
                        yield chunk({"tool_calls": calls})
                    elif isinstance(step, _Last):
                        last = step
                    else:
                        yield chunk({}, sensebind=step)
        except SenseBindError as error:
            yield body_of(error)
            return
        yield chunk({}, reason, sensebind=last.more | {"ignored": request.ignored()})
        if last.usage and (request.stream_options or {}).get("include_usage"):
            yield head | {"choices": [], "usage": last.usage}

    def check(self, request: ChatRequest) -> None:
        """Read a request, before anything is answered.

        Raises:
            InputError: It cannot be read.
        """
        request.check()
        if request.of_client:
            _complete(request)
        else:
            _said(request)

    def _head(self, kind: str) -> dict[str, Any]:
        made = int(time.time())
        return {
            "id": f"chatcmpl-{uuid4().hex}",
            "object": kind,
            "created": made,
            "model": self._model,
        }

    def _steps(self, request: ChatRequest) -> AsyncGenerator[str | list[Part] | Part | _Last, None]:
        request.check()
        return self._of_client(request) if request.of_client else self._of_robot(request)

    async def _of_robot(self, request: ChatRequest) -> AsyncGenerator[str | Part | _Last, None]:
        *before, (_, now) = said = _said(request)
        thread = self._conversations.take(before) or new_thread("api")
        history = [{"role": role, "content": content.blocks} for role, content in before]
        text, record, waiting = "", None, None
        ask = Ask(now.text, now.media, thread, history)
        async with contextlib.aclosing(self._turns.take(ask)) as steps:
            async for kind, value in steps:
                if kind == "text":
                    text += value["text"]
                    yield value["text"]
                elif kind == "finished":
                    record = value
                elif kind == "waiting":
                    waiting = value
                elif kind in ("call", "called", "pending", "decided"):
                    yield {kind: value}
        if waiting is not None:
            added = _waits(waiting)
            yield (added := f"\n{added}" if text else added)
            text += added
        more: Part = {"thread": thread, "pending": waiting or []}
        if record is not None:
            if record["error"] and not text:
                raise NotAnswered(f"the robot did not answer: {record['error']}")
            more |= {
                "calls": record["tool_calls"],
                "percepts": record["percepts"],
                "cancelled": record["cancelled"],
                "error": record["error"],
            }
        self._conversations.note([*said, ("assistant", Content(text))], thread)
        yield _Last(more)

    async def _of_client(
        self, request: ChatRequest
    ) -> AsyncGenerator[str | list[Part] | _Last, None]:
        async with contextlib.aclosing(self._link.events(_complete(request))) as events:
            async for kind, value in events:
                if kind == "text":
                    yield value
                elif kind == "completed":
                    if calls := value.get("calls"):
                        yield [_call(one) for one in calls]
                    yield _Last({}, _usage(value))


class _Last:
    """What is known at the end of an answer."""

    def __init__(self, more: Part | None = None, usage: Part | None = None) -> None:
        self.more = more or {}
        self.usage = usage


def _usage(said: Part) -> Part | None:
    read, written = said.get("read", 0), said.get("written", 0)
    if not read:
        return None
    return {"prompt_tokens": read, "completion_tokens": written, "total_tokens": read + written}


def _call(one: Part) -> Part:
    arguments = json.dumps(one["arguments"], ensure_ascii=False)
    function = {"name": one["name"], "arguments": arguments}
    return {"id": one["id"], "type": "function", "function": function}


def _said(request: ChatRequest) -> list[tuple[str, Content]]:
    """Return role and content of what was said, which ends with what the user says now."""
    said = [
        (one.role, read_content(one.content))
        for one in request.messages
        if one.role not in ("system", "developer")
    ]
    if not said or said[-1][0] != "user":
        raise InputError("messages: the last one must be the user's")
    if not said[-1][1].text.strip():
        raise InputError("messages: the last one says nothing: add words to what it shows")
    return said


def _complete(request: ChatRequest) -> Complete:
    messages: list[Part] = []
    for one in request.messages:
        message: Part = {"role": one.role, "content": read_content(one.content).blocks}
        if one.tool_calls:
            message["tool_calls"] = one.tool_calls
        if one.tool_call_id:
            message["tool_call_id"] = one.tool_call_id
        if one.role == "tool" and not one.tool_call_id:
            raise InputError("messages: a tool's message names no tool_call_id")
        messages.append(message)
    if messages[-1]["role"] not in ("user", "tool"):
        raise InputError("messages: the last one must be the user's or a tool's")
    return Complete(messages, request.tools or [], _choice(request.tool_choice))


def _choice(given: str | Part | None) -> str:
    if given is None:
        return "auto"
    if isinstance(given, str):
        if given in ("auto", "none", "required"):
            return given
        raise InputError(f"tool_choice {given[:40]!r}: use auto, none, required, or a function")
    function = given.get("function")
    name = function.get("name") if isinstance(function, dict) else given.get("name")
    if not isinstance(name, str) or not name:
        raise InputError("tool_choice: it names no function")
    return name


def _waits(pending: list[Part]) -> str:
    """Say that calls wait for a person, or that the robot was stopped while they did."""
    if not pending:
        return "The robot was stopped."
    calls = (f"{one['tool']}({_arguments(one['arguments'])})" for one in pending)
    return f"{', '.join(calls)} waits for a person's approval."


def _arguments(given: Part) -> str:
    return ", ".join(f"{name}={value!r}" for name, value in given.items())
