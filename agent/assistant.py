"""One dialog: perceive, read, answer, call tools, remember.

A turn takes what is perceived now, lets a LangChain agent answer, and is kept when it is complete.
Whatever goes wrong in a tool is told to the model. Tools that act are approved, limited and logged
(`approval.py`), and die with the turn that called them.
"""

import asyncio
import contextlib
import sqlite3
import threading
import time
from collections.abc import AsyncIterator, Callable, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import copy_context
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, Self

from langchain.agents import create_agent
from langchain.agents.middleware import (
    ModelCallLimitMiddleware,
    ToolCallLimitMiddleware,
    ToolErrorMiddleware,
)
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import (
    AIMessage,
    AIMessageChunk,
    BaseMessage,
    HumanMessage,
    ToolMessage,
)
from langchain_core.tools import BaseTool
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.types import Command

from sensebind.agent.approval import (
    Approver,
    AskAgain,
    Decision,
    Governor,
    Influence,
    Policy,
    matched,
)
from sensebind.agent.approvals import Approvals, Request
from sensebind.agent.audit import AuditLog
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
from sensebind.agent.history import History
from sensebind.agent.llm.chat_model import ChatSenseBind
from sensebind.agent.llm.deadline import Deadline, Interrupted
from sensebind.agent.llm.factory import instructions
from sensebind.agent.llm.failures import explained
from sensebind.agent.llm.unicode import well_formed
from sensebind.agent.origins import MarkOrigins
from sensebind.agent.rates import Rates, default_state
from sensebind.agent.stop_words import is_stop, says_more
from sensebind.agent.threads import Dialogs
from sensebind.agent.turn_conditions import ConditionSenses, Senses, TurnSenses
from sensebind.errors import (
    InputError,
    LanguageModelError,
    SenseBindError,
    ToolError,
    UnusableModelError,
    one_line,
)
from sensebind.tools.cancellation import cancellable

if TYPE_CHECKING:
    from sensebind.agent.conditioning.shown_media import MediaForModel

__all__ = [
    "ApprovalNeeded",
    "Assistant",
    "CallRecord",
    "CallStarted",
    "Decision",
    "Event",
    "Finished",
    "PerceptRecord",
    "Policy",
    "Request",
    "Senses",
    "TextPiece",
    "TurnRecord",
]

MAX_CALLS = 6  # model calls in one turn: a model that calls tools for ever is stopped
MAX_TOOL_CALLS = 12  # tool calls in one turn
_HANDOVER = 5.0  # seconds that "stop and …" waits for the stopped turn to end

Events = Generator[Event, None, None]


class Gaps(Protocol):
    """Where gaps are reported; `GapWatch` is one."""

    def take(self) -> list[Gap]:
        """Returns the gaps since the last call."""
        ...


class Assistant:
    """A dialog with the robot.

    Attributes:
        history: What the language model is shown of it.

    Example:
        ```python
        with Assistant(ChatSenseBind(), tools=[clock_tool()], senses=awareness) as assistant:
            print(assistant.ask("what do you see?").assistant)
        ```
    """

    def __init__(
        self,
        chat: BaseChatModel,
        tools: Sequence[BaseTool] = (),
        senses: Senses | TurnSenses | None = None,
        *,
        gaps: Gaps | None = None,
        thread: str = "default",
        dialogs: str | Path | Dialogs | None = None,
        policy: Policy | None = None,
        approve: Approver | None = None,
        audit: str | Path | AuditLog | None = None,
        stop: Callable[[], None] | None = None,
        settle: Callable[[threading.Event], None] | None = None,
        robot: str | Path | Rates | None = None,
        middleware: Sequence[Any] = (),
        system: str = "",
        media: "MediaForModel | None" = None,
    ) -> None:
        """Wires a LangChain agent.

        Args:
            chat: The language model; ours, or any of LangChain's.
            tools: What it may call.
            senses: Where each turn's condition comes from; None for a dialog without senses.
            gaps: Where gaps are reported.
            thread: Name of the dialog; one that is kept already goes on.
            dialogs: SQLite file that keeps dialogs; in memory by default.
            policy: What tools may do; by default, what acts must be approved.
            approve: Asks a person; without it, a turn that needs approval waits for `decide`.
            audit: File of the audit log; None keeps none.
            stop: Ends whatever moves; called by `stop` and `cancel`, from any thread.
            settle: Waits at the beginning of a turn, such as until the last one's changes are
                perceived; it is given an event that is set when the turn is cancelled.
            robot: State directory of the robot, whose rates hold for all dialogs and processes; by
                default that of the user's only robot (`rates.default_state`). A robot that nobody
                else moves may have `Rates()`.
            middleware: More of LangChain's, around the model and the tools.
            system: Instructions that precede every dialog; a language model of another kind gets
                `factory.instructions` by default.
            media: What a language model of another kind is shown of images, sounds and point
                clouds; by default, images if its profile says that it takes them, and words.

        Raises:
            InputError: Senses that this language model cannot take, two tools of one name, or a
                name of the dialog that cannot be printed.
            StorageError: The dialogs or the audit log cannot be opened.
        """
        names = [tool.name for tool in tools]
        if twice := {name for name in names if names.count(name) > 1}:
            raise InputError(f"two tools are called {', '.join(sorted(twice))}")
        if not thread or not thread.isprintable():
            raise InputError(f"{thread!r} names no dialog: use printable characters")
        self._chat = chat
        self._senses = _for_model(chat, senses)
        self._gaps = gaps
        self._thread = thread
        self._approve = approve
        self._stop = stop
        self._settle = settle
        self._tools = {tool.name: tool for tool in tools}
        self._owned: list[Dialogs | AuditLog | Approvals | Rates] = []
        self._dialogs = self._own(dialogs, Dialogs)
        self._audit = self._own(audit, AuditLog)
        self._policy = policy or Policy()
        self._approvals = Approvals(self._dialogs.path if self._dialogs else ":memory:")
        self._owned.append(self._approvals)
        self._governor = Governor(
            self._policy, tools, audit=self._audit, sight_age=_sight_age(senses),
            approvals=self._approvals, rates=self._own(robot or default_state(), Rates),
        )  # fmt: skip
        ours = isinstance(chat, ChatSenseBind)
        if not ours:
            system = system or instructions(_senses_of(self._senses), tools=bool(tools))
        around: list[Any] = [
            *middleware,
            *([] if ours else [_shows_media(chat, self._senses, media)]),
            *([] if ours else [MarkOrigins(Influence(tools))]),
            *filter(None, [self._policy.middleware(tools)]),
            ModelCallLimitMiddleware(run_limit=MAX_CALLS, exit_behavior="end"),
            ToolCallLimitMiddleware(run_limit=MAX_TOOL_CALLS),
            AskAgain(),
            ToolErrorMiddleware(_tell),
            self._governor,
        ]
        self._agent: Any = create_agent(
            chat,
            list(tools),
            checkpointer=self._dialogs.saver if self._dialogs else InMemorySaver(),
            system_prompt=system or None,
            middleware=around,
        )
        self._running = threading.Lock()
        self._beginning = threading.Lock()  # held while a turn becomes the one that is cancelled
        self._cancelled = threading.Event()
        self._paused: TurnRecord | None = None
        self._shown: tuple[str, ...] = ()  # ids of the requests that were shown last
        self._calls: dict[str, CallRecord] = {}
        self.history = History(self._agent, thread, self._dialogs)
        self.history.reconcile()

    def _own(self, given: Any, kind: type[Any]) -> Any:
        """Opens what was given as a path; what is opened here is closed here."""
        if given is None or isinstance(given, kind):
            return given
        opened = kind(given)
        self._owned.append(opened)
        return opened

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Closes the dialog file and the audit log, where they were opened here."""
        while self._owned:
            self._owned.pop().close()

    # --- stopping -------------------------------------------------------------------------------

    def stop(self, reason: str = "") -> None:
        """Stops: ends the turn that is running and what moves, and rejects what waits for approval.

        For every front end and from any thread. It waits neither for the language model nor for the
        turn, and is no error where nothing runs.

        Args:
            reason: Who or what asked for it, for the audit log.

        Raises:
            ToolError: What moves did not take the stop. The rest is done all the same.
            StorageError: What waits could not be rejected, or the log not be written.
        """
        trouble = ""
        try:
            self.cancel()
        except Exception as error:  # a robot's base may raise anything; what follows must happen
            trouble = one_line(error)
        try:
            rejected = self._approvals.reject(self._thread)
        finally:
            self._cancel_turn()  # one that went on, or was approved, in the meantime
        self._governor.record(
            "stopped", thread=self._thread, reason=reason, rejected=rejected, failure=trouble
        )
        if trouble:
            raise ToolError(f"the robot did not take the stop: {trouble}")

    def cancel(self) -> None:
        """Ends the turn that is running: its answer, its calls, and what they move.

        When this returns, none of the turn's tools will start any more. Other dialogs with the
        same language model go on. What waits for approval goes on waiting; see `stop`.
        """
        self._cancel_turn()
        if self._stop is not None:
            self._stop()

    def _cancel_turn(self) -> None:
        with self._beginning:
            cancelled = self._cancelled
        self._governor.cancel(cancelled)

    # --- turns ----------------------------------------------------------------------------------

    def ask(self, text: str) -> TurnRecord:
        """Asks and waits for the whole answer; see `turn`."""
        return _last(self.turn(text))

    def turn(self, text: str, media: Sequence[Mapping[str, Any]] = ()) -> Events:
        """Asks; yields pieces of text and tool calls as they come, `Finished` at the end.

        A turn that fails for a reason that SenseBind knows is taken out of the dialog, and its
        record says why. A turn that needs a person's approval yields `ApprovalNeeded` and then
        waits for `decide`; asking something else instead rejects what was to be approved.

        Args:
            text: What the user says. One that `is_stop` ends what is running, without asking the
                model; what else it says is asked after that.
            media: Content blocks that come with it, see `media.py`.

        Raises:
            InputError: Another turn of this dialog is running, and the text is not a stop.
            UnusableModelError: The language model cannot be used as it is: there is no server, its
                key is refused, or there is no such model. The turn is taken out of the dialog.
        """
        stops = is_stop(text)
        if stops:
            stopped = self._stopped(text)
            if stopped.error or not (says_more(text) or media):
                yield TextPiece(stopped.assistant)
                yield Finished(stopped)
                return
        record, shown = TurnRecord(well_formed(text)), well_formed(list(media))
        try:
            with self._exclusive(_HANDOVER if stops else 0.0) as cancelled:
                begin = lambda: self._begin(record, shown, cancelled)  # noqa: E731
                yield from self._steps(record, begin, cancelled)
        except _StillRunning as error:
            if not stops:
                raise InputError(str(error)) from None
            stopped.error = f"stopped, and nothing else was asked: {error}"
            yield TextPiece(stopped.assistant)
            yield Finished(stopped)

    def decide(self, decisions: Sequence[Decision]) -> Events:
        """Goes on with a turn that waits for approval.

        Either all decisions are carried out, or none is, and everything waits as before. A request
        is decided once, whatever process does it.

        Args:
            decisions: One for each of the requests, which they name by `Decision.request`. Those
                that name none answer, by position, what this object has shown last: by
                `ApprovalNeeded` or by `pending`.

        Raises:
            InputError: Nothing waits, another number of decisions is needed, one is for a call that
                does not wait any more, or one cannot be carried out.
        """
        try:
            with self._exclusive() as cancelled:
                pairs = matched(self._waiting(), decisions, self._shown, self._tools)
                record = self._record_of([one for one, _ in pairs])
                given = self._resume(pairs)
                yield from self._steps(record, lambda: given, cancelled)
        except _StillRunning as error:
            raise InputError(str(error)) from None

    def pending(self) -> list[Request]:
        """Returns the calls that wait for a person's decision, also of an earlier process."""
        waiting = self._waiting()
        self._shown = tuple(one.id for one in waiting)
        return waiting

    def _waiting(self) -> list[Request]:
        return self._approvals.waiting(self._thread, self.history.pending())

    async def aask(self, text: str) -> TurnRecord:
        """As `ask`, in a coroutine."""
        record = TurnRecord(text)
        async for event in self.aturn(text):
            if isinstance(event, Finished):
                record = event.record
        return record

    async def aturn(
        self, text: str, media: Sequence[Mapping[str, Any]] = ()
    ) -> AsyncIterator[Event]:
        """As `turn`, in a coroutine; cancelling the task cancels the turn."""
        loop = asyncio.get_running_loop()
        if is_stop(text):  # at once: the loop's executor may be full of turns that wait
            await _in_thread(lambda: self.stop("the user said so"))
        events = self.turn(text, media)
        step: asyncio.Future[Event | None] | None = None
        try:
            while True:
                step = loop.run_in_executor(None, next, events, None)
                if (event := await asyncio.shield(step)) is None:
                    return
                yield event
        except (asyncio.CancelledError, GeneratorExit):
            self.cancel()
            raise
        finally:
            if step is not None and not step.done():
                await asyncio.wait([step])
            await loop.run_in_executor(None, events.close)

    @contextmanager
    def _exclusive(self, patience: float = 0.0) -> Iterator[threading.Event]:
        """One turn of a dialog at a time; gives the event that cancels it."""
        if not self._running.acquire(timeout=patience):
            raise _StillRunning(
                f"a turn of the dialog {self._thread!r} is running: wait or cancel it"
            )
        try:
            with self._beginning:
                self._cancelled = cancelled = threading.Event()
            yield cancelled
        finally:
            self._running.release()

    def _stopped(self, text: str) -> TurnRecord:
        """Stops; returns what is answered to it."""
        record = TurnRecord(well_formed(text), assistant="Stopped.")
        try:
            self.stop("the user said so")
        except SenseBindError as error:
            record.error = str(error)
        return record

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
                paused = self.history.pending()
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
            self._governor.cancel(cancelled)
            failure, record.error = error, str(error)
        except (SenseBindError, sqlite3.Error) as error:
            record.error = str(error)
        except BaseException as error:  # closed, Ctrl-C, or a fault: the turn's tools end with it
            self._governor.cancel(cancelled)
            if not isinstance(error, Exception) or isinstance(self._chat, ChatSenseBind):
                self._approvals.reject(self._thread)
                self.history.forget_since(record.id)
                raise
            # Clients of remote models have no common error; whatever it is, the dialog goes on.
            if not isinstance(error, Interrupted):
                failure = explained(error, _name_of(self._chat))
                record.error = str(failure)
        record.cancelled = cancelled.is_set()
        record.total_ms += round((time.perf_counter() - started) * 1e3, 1)
        if not record.pending:
            self._end(record)
        if isinstance(failure, UnusableModelError):
            raise failure
        yield Finished(record)

    def _note_requests(self, record: TurnRecord, waiting: Sequence[Request]) -> None:
        for request in waiting:
            self._governor.record(
                "requested", thread=self._thread, turn=record.id, request=request.id,
                tool=request.tool, arguments=request.arguments,
            )  # fmt: skip
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
        waits = bool(self.history.pending())
        if waits:
            self._approvals.reject(self._thread)
        if record.error or (record.cancelled and (waits or not record.assistant)):
            self.history.forget_since(record.id)
        self.history.keep(record)

    def _begin(
        self, record: TurnRecord, media: Sequence[Mapping[str, Any]], cancelled: threading.Event
    ) -> Any:
        """Perceives, makes room in the dialog, and returns the agent's input."""
        if paused := self.history.pending():
            for request in self._approvals.waiting(self._thread, paused):
                self._governor.record(
                    "rejected", thread=self._thread, tool=request.tool, reason="not answered",
                    request=request.id,
                )  # fmt: skip
            self._approvals.reject(self._thread)
            self.history.drop_unfinished()
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
        return {"messages": [*self.history.surplus(limit), human]}

    def _record_of(self, waiting: Sequence[Request]) -> TurnRecord:
        """Returns the record of the turn that waits, perhaps since an earlier process."""
        record = self._paused
        if record is None or [one.id for one in record.pending] != [one.id for one in waiting]:
            record, self._calls = self.history.unfinished()
        record.pending, record.error = [], ""
        return record

    def _resume(self, decided: Sequence[tuple[Request, Decision]]) -> Command:
        """Decides requests that were checked, once, and returns the agent's input."""
        self._approvals.decide(
            self._thread, [(request, decision.allows(request)) for request, decision in decided]
        )
        for request, decision in decided:
            past = {"approve": "approved", "edit": "edited", "reject": "rejected"}[decision.kind]
            self._governor.record(
                past, thread=self._thread, tool=request.tool, reason=decision.reason,
                request=request.id, arguments=dict(decision.arguments or request.arguments),
            )  # fmt: skip
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
        config = self.history.config
        if not isinstance(self._chat, ChatSenseBind):  # which ends by itself, between two tokens
            config = config | {"callbacks": [Deadline(cancelled)]}
        stream = context.run(
            self._agent.stream, given, config, stream_mode=["messages", "updates"],
            durability="exit",
        )  # fmt: skip
        try:
            while (item := context.run(lambda: next(stream, None))) is not None:
                yield from self._events(*item, record, started)
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


class _StillRunning(Exception):
    """Another turn of the dialog has not ended."""


async def _in_thread(work: Callable[[], object]) -> None:
    """Runs something in a thread of its own and waits for it; its errors are told by the turn."""
    loop, done = asyncio.get_running_loop(), asyncio.Event()

    def run() -> None:
        try:
            with contextlib.suppress(SenseBindError):
                work()
        finally:
            loop.call_soon_threadsafe(done.set)

    threading.Thread(target=run, name="stop", daemon=True).start()
    await done.wait()


def _for_model(chat: BaseChatModel, senses: Any) -> TurnSenses | None:
    if senses is None or hasattr(senses, "perceive"):
        return senses
    if isinstance(chat, ChatSenseBind):
        return ConditionSenses(chat, senses)
    raise InputError("a language model of another kind takes no embeddings: wrap its senses in "
                     "SensesInWords")  # fmt: skip


def _senses_of(senses: TurnSenses | None) -> Sequence[str]:
    """Names of the senses; those of senses that do not say it are taken to be all three."""
    return () if senses is None else getattr(senses, "senses", ("sight", "hearing", "scan"))


def _shows_media(chat: BaseChatModel, senses: TurnSenses | None, media: Any) -> Any:
    """What shows images and other media to a language model of another kind."""
    if (own := getattr(senses, "middleware", None)) is not None:
        return own
    # With all decoders, which our own model loads when it is shown something.
    from sensebind.agent.conditioning.shown_media import MediaForModel, takes_images
    from sensebind.agent.conditioning.text import ShowMedia

    return ShowMedia(media or MediaForModel(images=takes_images(chat.profile)))


def _name_of(chat: BaseChatModel) -> str:
    """What a language model is called, for messages."""
    return str(getattr(chat, "model_name", "") or getattr(chat, "model", "") or "")


def _sight_age(senses: Any) -> Callable[[], float] | None:
    """Returns what tells the age of sight in seconds, where the senses can tell."""
    report = getattr(senses, "report", None)
    if report is None:
        return None

    def age() -> float:
        seen = [one.age_ms for one in report().values() if one.modality == "vision"]
        return min(seen, default=float("inf")) / 1e3

    return age


def _messages(update: dict[str, Any]) -> Iterator[BaseMessage]:
    """Yields the messages that a step of the agent has added."""
    for part in update.values():
        if isinstance(part, dict):
            yield from part.get("messages") or []


def _tell(error: Exception, _request: object) -> str:
    """An error that a tool did not expect, for the model."""
    return well_formed(f"error: {one_line(error)}")


def _last(events: Iterator[Event]) -> TurnRecord:
    record = TurnRecord("")
    for event in events:
        if isinstance(event, Finished):
            record = event.record
    return record
