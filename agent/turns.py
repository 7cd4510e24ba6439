"""One turn from the question to the answer: the agent runs, a person is asked, the turn is kept."""

import logging
import sqlite3
import threading
import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextvars import copy_context
from dataclasses import replace
from typing import Any, Protocol

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import (
    AIMessage,
    AIMessageChunk,
    BaseMessage,
    HumanMessage,
    ToolMessage,
)
from langchain_core.tools import BaseTool
from langgraph.types import Command

from sensebind.agent.approval import Approvals, Approver, Decision, Governor, Request
from sensebind.agent.approval.requests import matched
from sensebind.agent.conditioning.gaps import Gap
from sensebind.agent.events import (
    ApprovalNeeded,
    CallRecord,
    CallStarted,
    Event,
    Finished,
    PerceptRecord,
    TextPiece,
    TurnRecord,
)
from sensebind.agent.grounding.sources import ASKS
from sensebind.agent.history import History
from sensebind.agent.llm.chat_model import ChatSenseBind
from sensebind.agent.llm.deadline import Deadline, Interrupted
from sensebind.agent.llm.failures import explained
from sensebind.agent.llm.unicode import well_formed
from sensebind.agent.reader.work import KEY as STEPS
from sensebind.agent.turn_conditions import TurnSenses
from sensebind.errors import LanguageModelError, SenseBindError, UnusableModelError, one_line
from sensebind.tools.cancellation import cancellable

log = logging.getLogger(__name__)

Events = Generator[Event, None, None]


class Gaps(Protocol):
    """Where gaps are reported; `GapWatch` is one."""

    def take(self) -> list[Gap]:
        """Returns the gaps since the last call."""
        ...


class Turns:
    """Takes the turns of one dialog. Its caller sees to it that only one runs at a time."""

    def __init__(
        self,
        agent: Any,
        chat: BaseChatModel,
        history: History,
        governor: Governor,
        approvals: Approvals,
        *,
        thread: str,
        tools: Sequence[BaseTool] = (),
        senses: TurnSenses | None = None,
        gaps: Gaps | None = None,
        approve: Approver | None = None,
        settle: Callable[[threading.Event], None] | None = None,
    ) -> None:
        """Wires; runs nothing.

        Args:
            agent: A LangGraph agent whose middleware holds `governor`.
            chat: Its language model.
            history: What the model is shown of the dialog.
            governor: Holds the calls of tools.
            approvals: What waits for a person.
            thread: Name of the dialog.
            tools: What the agent may call.
            senses: Where a turn's condition comes from.
            gaps: Where gaps are reported.
            approve: Asks a person.
            settle: Waits at the beginning of a turn; see `Assistant`.
        """
        self._agent = agent
        self._chat = chat
        self._history = history
        self._governor = governor
        self._approvals = approvals
        self._thread = thread
        self._tools = {tool.name: tool for tool in tools}
        self._senses = senses
        self._gaps = gaps
        self._approve = approve
        self._settle = settle
        self._paused: TurnRecord | None = None
        self._shown: tuple[str, ...] = ()  # ids of the requests that were shown last
        self._calls: dict[str, CallRecord] = {}
        governor.when_finished(self._note_result)

    def pending(self) -> list[Request]:
        """Returns the calls that wait for a person's decision, as shown from now on."""
        waiting = self.waiting()
        self._shown = tuple(one.id for one in waiting)
        return waiting

    def waiting(self) -> list[Request]:
        """Returns the calls that wait for a person's decision, to somebody who only looks."""
        return self._approvals.waiting(self._thread, self._history.pending())

    def ask(
        self, record: TurnRecord, media: Sequence[Mapping[str, Any]], cancelled: threading.Event
    ) -> Events:
        """Begins a turn and goes on until it has ended, or waits for a person.

        Args:
            record: What is asked; filled in.
            media: Content blocks that come with it.
            cancelled: Cancels the turn.
        """
        yield from self._steps(record, lambda: self._begin(record, media, cancelled), cancelled)

    def decide(self, decisions: Sequence[Decision], cancelled: threading.Event) -> Events:
        """Goes on with the turn that waits for a person; see `Assistant.decide`."""
        pairs = matched(self.waiting(), decisions, self._shown, self._tools)
        for request, decision in pairs:
            self._governor.check_spoken(decision, self._tools.get(request.tool))
        record = self._record_of([one for one, _ in pairs])
        given = self._resume(pairs)
        yield from self._steps(record, lambda: given, cancelled)

    def _steps(
        self, record: TurnRecord, begin: Callable[[], Any], cancelled: threading.Event
    ) -> Iterator[Event]:
        """Runs the agent until it has answered, has failed, or waits for a person."""
        started = time.perf_counter()
        self._paused = None
        failure: LanguageModelError | None = None
        try:
            given = begin()
            while True:
                yield from self._run(given, record, started, cancelled)
                paused = self._history.pending()
                if not paused:
                    break
                waiting = self._approvals.waiting(self._thread, paused)
                if len(waiting) < len(paused):  # another process has stopped
                    cancelled.set()
                if cancelled.is_set():
                    break
                self._note_requests(record, waiting)
                pairs = self._ask_person(record, waiting)
                if pairs is None:
                    record.pending, self._paused = waiting, record
                    yield ApprovalNeeded(tuple(waiting))
                    break
                if cancelled.is_set():
                    break
                given = self._resume(pairs)
        except LanguageModelError as error:
            record.cancelled = cancelled.is_set()  # by a stop, and not by what ends its tools
            self._governor.cancel(cancelled)
            failure, record.error = error, str(error)
        except (SenseBindError, sqlite3.Error) as error:
            record.cancelled, record.error = cancelled.is_set(), str(error)
        except BaseException as error:  # closed, Ctrl-C, or a fault: the turn's tools end with it
            record.cancelled = cancelled.is_set()
            self._governor.cancel(cancelled)
            if not isinstance(error, Exception) or isinstance(self._chat, ChatSenseBind):
                self._cut(record, error)
                raise
            # Clients of remote models have no common error; whatever it is, the dialog goes on.
            if not isinstance(error, Interrupted):
                failure = explained(error, _name_of(self._chat))
                record.error = str(failure)
        else:
            record.cancelled = cancelled.is_set()
        record.total_ms += round((time.perf_counter() - started) * 1e3, 1)
        if not record.pending:
            self._end(record)
        if isinstance(failure, UnusableModelError):
            raise failure
        yield Finished(record)

    def _cut(self, record: TurnRecord, error: BaseException) -> None:
        """Takes a turn out of the dialog that ends in the middle; what was done is kept.

        What goes wrong here must not hide why the turn ended.
        """
        try:
            self._approvals.reject(self._thread)
            self._history.forget_since(record.id)
            record.cancelled, record.error = True, f"cut off: {one_line(error)}"
            self._history.keep_cut(record)
        except (SenseBindError, sqlite3.Error) as trouble:
            log.error("the turn that was cut off is not tidied up: %s", trouble)

    def _note_result(self, call: str, result: str, failed: bool) -> None:
        """Notes a result as soon as it is there: its step may never end."""
        if (one := self._calls.get(call)) is not None:
            one.result, one.failed = result, failed

    def _note_requests(self, record: TurnRecord, waiting: Sequence[Request]) -> None:
        for request in waiting:
            self._governor.record(
                "requested",
                thread=self._thread,
                turn=record.id,
                request=request.id,
                tool=request.tool,
                arguments=request.arguments,
                question=request.question,
                grounds=request.grounds,
            )
        self._shown = tuple(one.id for one in waiting)

    def _ask_person(
        self, record: TurnRecord, waiting: Sequence[Request]
    ) -> list[tuple[Request, Decision]] | None:
        """What a person decided; None if nobody is asked here, or what was said is no decision."""
        if self._approve is None:
            return None
        try:
            said = [self._approve(one) for one in waiting]
            return matched(waiting, said, self._shown, self._tools)
        except Exception as error:  # whoever asks may fail in any way: everything waits
            record.error = f"not decided: {one_line(error)}"
            return None

    def _end(self, record: TurnRecord) -> None:
        """Keeps a turn that is over, or takes it out of the dialog."""
        waits = bool(self._history.pending())
        if waits:
            self._approvals.reject(self._thread)
        if record.error or (record.cancelled and (waits or not record.assistant)):
            self._history.forget_since(record.id)
            if record.error:
                self._history.keep_cut(record)
        self._history.keep(record)

    def _begin(
        self, record: TurnRecord, media: Sequence[Mapping[str, Any]], cancelled: threading.Event
    ) -> Any:
        """Perceives, makes room in the dialog, and returns the agent's input."""
        if paused := self._history.pending():
            for request in self._approvals.waiting(self._thread, paused):
                self._governor.record(
                    "rejected",
                    thread=self._thread,
                    tool=request.tool,
                    reason="not answered",
                    request=request.id,
                )
            self._approvals.reject(self._thread)
            self._history.drop_unfinished()
        if self._settle is not None:
            self._settle(cancelled)
        self._governor.new_turn()
        self._calls = {}
        if self._gaps is not None:
            record.gaps = self._gaps.take()
        carried: dict[str, Any] = {}
        if self._senses is not None:
            carried, sensed = self._senses.perceive()
            record.percepts = [PerceptRecord.of(one) for one in sensed]
            record.condition = str(carried.get("condition", ""))
        content: Any = [record.user, *media] if media else record.user
        human = HumanMessage(content, id=record.id, additional_kwargs=carried)
        limit = (self._chat.profile or {}).get("max_input_tokens")
        return {"messages": [*self._history.surplus(limit), human]}

    def _record_of(self, waiting: Sequence[Request]) -> TurnRecord:
        """Returns the record of the turn that waits, perhaps since an earlier process.

        It is a copy: whoever was given the record of the turn that asked may not have read yet
        which calls wait.
        """
        record = self._paused
        if record is None or [one.id for one in record.pending] != [one.id for one in waiting]:
            record, self._calls = self._history.unfinished()
        return replace(record, tool_calls=[*record.tool_calls], pending=[], error="")

    def _resume(self, decided: Sequence[tuple[Request, Decision]]) -> Command:
        """Decides requests that were checked, once, and returns the agent's input."""
        self._approvals.decide(
            self._thread, [(request, decision.allows(request)) for request, decision in decided]
        )
        for request, decision in decided:
            past = {"approve": "approved", "edit": "edited", "reject": "rejected"}[decision.kind]
            self._governor.record(
                past,
                thread=self._thread,
                tool=request.tool,
                reason=decision.reason,
                request=request.id,
                arguments=dict(decision.arguments or request.arguments),
                by=decision.by,
            )
            if (call := self._calls.get(request.call)) is not None:
                call.decision = decision.kind
                call.arguments = dict(decision.allows(request) or call.arguments)
        return Command(
            resume={"decisions": [one.as_langchain(request) for request, one in decided]}
        )

    def _run(
        self, given: Any, record: TurnRecord, started: float, cancelled: threading.Event
    ) -> Iterator[Event]:
        """Streams the agent in a context of its own, in which the turn can be cancelled."""
        with cancellable(cancelled):
            context = copy_context()
        config = self._history.config
        if not isinstance(self._chat, ChatSenseBind):  # which ends by itself, between two tokens
            config = config | {"callbacks": [Deadline(cancelled)]}
        stream = context.run(
            self._agent.stream,
            given,
            config,
            stream_mode=["messages", "updates"],
            durability="exit",
        )
        try:
            while (item := context.run(lambda: next(stream, None))) is not None:
                mode, payload = item
                yield from self._events(mode, payload, record, started)
        finally:
            context.run(stream.close)

    def _events(
        self, mode: str, payload: Any, record: TurnRecord, started: float
    ) -> Iterator[Event]:
        if mode == "messages":
            chunk = payload[0]
            if not isinstance(chunk, AIMessageChunk):
                return
            if not record.first_token_ms and (chunk.text or chunk.tool_call_chunks):
                record.first_token_ms = round((time.perf_counter() - started) * 1e3, 1)
            if chunk.text:
                yield TextPiece(well_formed(str(chunk.text)))
            return
        for message in _messages(payload):
            if isinstance(message, AIMessage):
                record.assistant = str(message.text)
                unstreamed = message.additional_kwargs.keys() & {ASKS, STEPS}
                if unstreamed and not message.tool_calls:
                    yield TextPiece(record.assistant)
                malformed = bool(message.invalid_tool_calls)
                record.error = "the model made a call that is not valid" if malformed else ""
                for call in message.tool_calls:
                    if call["id"] in self._calls:
                        continue
                    one = CallRecord(call["name"], dict(call["args"]))
                    self._calls[call["id"] or ""] = one
                    record.tool_calls.append(one)
                    yield CallStarted(one.name, one.arguments)
            elif isinstance(message, ToolMessage) and message.tool_call_id in self._calls:
                one = self._calls[message.tool_call_id]
                one.result, one.failed = str(message.text), message.status == "error"
                yield one


def _messages(update: dict[str, Any]) -> Iterator[BaseMessage]:
    """Yields the messages that a step of the agent has added."""
    for part in update.values():
        if isinstance(part, dict):
            yield from part.get("messages") or []


def _name_of(chat: BaseChatModel) -> str:
    """What a language model is called, for messages."""
    return str(getattr(chat, "model_name", "") or getattr(chat, "model", "") or "")
