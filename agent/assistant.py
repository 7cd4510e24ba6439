"""One dialog: perceive, read, answer, call tools, remember.

A turn takes the newest condition, puts its reference (never its embeddings) into the message, and
lets a LangChain agent answer. Whatever goes wrong in a tool is told to the model.
"""

import sqlite3
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self
from uuid import uuid4

from langchain.agents import create_agent
from langchain.agents.middleware import ModelCallLimitMiddleware, ToolErrorMiddleware
from langchain_core.messages import (
    AIMessage,
    AIMessageChunk,
    BaseMessage,
    HumanMessage,
    RemoveMessage,
    ToolMessage,
)
from langchain_core.tools import BaseTool
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.sqlite import SqliteSaver

from sensebind.agent.chat_model import ChatSenseBind
from sensebind.agent.conditions import Condition, SenseState
from sensebind.agent.gaps import Gap
from sensebind.errors import SenseBindError, StorageError

MAX_CALLS = 6  # model calls in one turn: a model that calls tools for ever is stopped


class Senses(Protocol):
    """Where conditions come from; `Awareness` is one."""

    def condition(self, senses: Sequence[str], dim: int) -> Condition:
        """Returns what is perceived now, laid out for a model."""
        ...


class Gaps(Protocol):
    """Where gaps are reported; `GapWatch` is one."""

    def take(self) -> list[Gap]:
        """Returns the gaps since the last call."""
        ...


@dataclass(frozen=True, slots=True)
class TextPiece:
    """Some more of the answer."""

    text: str


@dataclass(frozen=True, slots=True)
class CallStarted:
    """The model calls a tool."""

    name: str
    arguments: dict[str, Any]


@dataclass(slots=True)
class CallRecord:
    """A tool call and what came of it.

    Attributes:
        name: Tool.
        arguments: As called.
        result: Text that the model was told.
        failed: Whether the tool reported an error.
    """

    name: str
    arguments: dict[str, Any]
    result: str = ""
    failed: bool = False


@dataclass(frozen=True, slots=True)
class PerceptRecord:
    """A sense's part in a turn: `present`, `nothing`, `stale` or `missing`, and how old."""

    sense: str
    stream: str
    state: str
    age_ms: float | None
    reference: str


@dataclass(slots=True)
class TurnRecord:
    """Everything about a turn.

    Attributes:
        user: What was asked.
        assistant: What was answered.
        tool_calls: In order.
        percepts: What each sense had to say, with stream and age.
        gaps: Stretches that streams did not cover since the last turn.
        first_token_ms: From the question to the first token, milliseconds.
        total_ms: From the question to the end of the answer.
        condition: Reference of the condition; empty without senses.
        error: Why there is no answer; empty if there is one.
    """

    user: str
    assistant: str = ""
    tool_calls: list[CallRecord] = field(default_factory=list)
    percepts: list[PerceptRecord] = field(default_factory=list)
    gaps: list[Gap] = field(default_factory=list)
    first_token_ms: float = 0.0
    total_ms: float = 0.0
    condition: str = ""
    error: str = ""

    def as_json(self) -> dict[str, Any]:
        """Returns plain values."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Finished:
    """The turn is over."""

    record: TurnRecord


Event = TextPiece | CallStarted | CallRecord | Finished


class Assistant:
    """A dialog with the robot.

    Example:
        ```python
        with Assistant(ChatSenseBind(), tools=[clock_tool()], senses=awareness) as assistant:
            print(assistant.ask("what do you see?").assistant)
        ```
    """

    def __init__(
        self,
        chat: ChatSenseBind,
        tools: Sequence[BaseTool] = (),
        senses: Senses | None = None,
        *,
        gaps: Gaps | None = None,
        thread: str = "default",
        dialogs: str | Path | None = None,
    ) -> None:
        """Wires a LangChain agent.

        Args:
            chat: The language model.
            tools: What it may call.
            senses: Where each turn's condition comes from; None for a dialog without senses.
            gaps: Where gaps are reported.
            thread: Name of the dialog.
            dialogs: SQLite file that keeps dialogs; in memory by default.

        Raises:
            StorageError: The file cannot be opened.
        """
        self._chat = chat
        self._senses = senses
        self._gaps = gaps
        self._config: Any = {"configurable": {"thread_id": thread}, "recursion_limit": 40}
        self._database = _open(dialogs) if dialogs else None
        saver: BaseCheckpointSaver = (
            SqliteSaver(self._database) if self._database else (InMemorySaver())
        )
        middleware: list[Any] = [
            ModelCallLimitMiddleware(run_limit=MAX_CALLS, exit_behavior="end"),
            ToolErrorMiddleware(_tell),
        ]
        self._agent: Any = create_agent(
            chat, list(tools), checkpointer=saver, middleware=middleware
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Closes the dialog file."""
        if self._database is not None:
            self._database.close()
            self._database = None

    def cancel(self) -> None:
        """Ends the answer that is being given; a call that was not whole is never made."""
        self._chat.cancel()

    def ask(self, text: str) -> TurnRecord:
        """Asks and waits for the whole answer; see `turn`."""
        record = TurnRecord(text)
        for event in self.turn(text):
            if isinstance(event, Finished):
                record = event.record
        return record

    def turn(self, text: str) -> Iterator[Event]:
        """Asks; yields pieces of text and tool calls as they come, `Finished` at the end.

        A turn that fails for a reason that SenseBind knows is taken out of the dialog, and its
        record says why.
        """
        started = time.perf_counter()
        record = TurnRecord(text)
        identity = uuid4().hex
        try:
            human = self._perceive(text, identity, record)
            yield from self._run(human, record, started)
        except (SenseBindError, sqlite3.Error) as error:
            record.error = str(error)
            self._forget_since(identity)
        record.total_ms = round((time.perf_counter() - started) * 1e3, 1)
        yield Finished(record)

    def _perceive(self, text: str, identity: str, record: TurnRecord) -> HumanMessage:
        """Takes the newest condition, and notes what it was made of."""
        if self._gaps is not None:
            record.gaps = self._gaps.take()
        carried: dict[str, Any] = {}
        if self._senses is not None:
            brain = self._chat.brain
            condition = self._senses.condition(brain.senses, brain.bind_dim)
            record.condition = self._chat.conditions.put(condition)
            record.percepts = [
                PerceptRecord(
                    one.sense,
                    one.stream,
                    str(one.state),
                    None if one.state is SenseState.MISSING else round(one.age_ms, 1),
                    one.reference,
                )
                for one in condition.sensed
            ]
            carried["condition"] = record.condition
        return HumanMessage(text, id=identity, additional_kwargs=carried)

    def _run(self, human: HumanMessage, record: TurnRecord, started: float) -> Iterator[Event]:
        calls: dict[str, CallRecord] = {}
        stream = self._agent.stream(
            {"messages": [human]}, self._config, stream_mode=["messages", "updates"]
        )
        for mode, payload in stream:
            if mode == "messages":
                chunk = payload[0]
                if not isinstance(chunk, AIMessageChunk):
                    continue
                if not record.first_token_ms and (chunk.text or chunk.tool_call_chunks):
                    record.first_token_ms = round((time.perf_counter() - started) * 1e3, 1)
                if chunk.text:
                    yield TextPiece(str(chunk.text))
                continue
            for message in _messages(payload):
                if isinstance(message, AIMessage):
                    record.assistant = str(message.text)
                    for call in message.tool_calls:
                        one = CallRecord(call["name"], dict(call["args"]))
                        calls[call["id"] or ""] = one
                        record.tool_calls.append(one)
                        yield CallStarted(one.name, one.arguments)
                    if message.invalid_tool_calls:
                        record.error = "the model made a call that is not valid"
                elif isinstance(message, ToolMessage) and message.tool_call_id in calls:
                    one = calls[message.tool_call_id]
                    one.result, one.failed = str(message.text), message.status == "error"
                    yield one

    def _forget_since(self, identity: str) -> None:
        """Takes a failed turn out of the dialog, so that the next one begins clean."""
        messages = self._agent.get_state(self._config).values.get("messages", [])
        ids = [message.id for message in messages]
        if identity in ids:
            removed = [RemoveMessage(id=one) for one in ids[ids.index(identity) :]]
            self._agent.update_state(self._config, {"messages": removed})


def _messages(update: dict[str, Any]) -> Iterator[BaseMessage]:
    """Yields the messages that a step of the agent has added."""
    for part in update.values():
        if isinstance(part, dict):
            yield from part.get("messages") or []


def _tell(error: Exception, _request: object) -> str:
    """An error that a tool did not expect, for the model."""
    return f"error: {' '.join(str(error).split())[:200] or type(error).__name__}"


def _open(path: str | Path) -> sqlite3.Connection:
    try:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        return sqlite3.connect(path, check_same_thread=False)
    except (OSError, sqlite3.Error) as error:
        raise StorageError(f"the dialog file {path} cannot be opened: {error}") from error
