"""One dialog: perceive, read, answer, call tools, remember.

A turn takes what is perceived now, lets a LangChain agent answer, and is kept when it is complete.
Whatever goes wrong in a tool is reported to the model. Tools that act are approved, limited and
logged (`approval/`), and die with the turn that called them.
"""

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from langchain.agents import create_agent
from langchain.agents.middleware import (
    ModelCallLimitMiddleware,
    ToolCallLimitMiddleware,
    ToolErrorMiddleware,
)
from langchain_core.language_models import BaseChatModel
from langchain_core.tools import BaseTool
from langgraph.checkpoint.memory import InMemorySaver

from sensebind.agent.approval import Approvals, Approver, Decision, Governor, Policy, Request
from sensebind.agent.approval.audit import AuditLog
from sensebind.agent.approval.origins import Influence, MarkOrigins
from sensebind.agent.approval.rates import Rates, default_state
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
from sensebind.agent.llm.factory import instructions
from sensebind.agent.llm.malformed_calls import AskAgain
from sensebind.agent.llm.unicode import well_formed
from sensebind.agent.reader.intent import Reader
from sensebind.agent.reader.middleware import GroundCalls
from sensebind.agent.results.bound import BoundResults, FitTurn, Room
from sensebind.agent.results.kept import READ, KeptResults
from sensebind.agent.results.reading import OfferReading, reading_tool
from sensebind.agent.stop_words import is_stop, says_more
from sensebind.agent.threads import Dialogs
from sensebind.agent.turn_conditions import (
    Senses,
    TurnSenses,
    senses_around,
    senses_for_model,
    senses_of,
    sight_age,
)
from sensebind.agent.turn_lock import StillRunning, TurnLock
from sensebind.agent.turns import Events, Gaps, Turns
from sensebind.errors import InputError, SenseBindError, ToolError, one_line

if TYPE_CHECKING:
    from sensebind.agent.conditioning.shown_media import MediaForModel

__all__ = [
    "ApprovalNeeded",
    "Assistant",
    "CallRecord",
    "CallStarted",
    "Decision",
    "Event",
    "Events",
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
_HANDOVER = 5.0  # seconds that "stop and …", or a decision, waits for the turn before it to end
_CANCELS_OF_A_STOP = 2  # before and after it rejects what waits for approval


class Assistant:
    """A dialog with the robot.

    Attributes:
        history: What the language model is shown of it.
        results: What tools answered at length, whole.

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
        hold: Callable[[], str] | None = None,
        middleware: Sequence[Any] = (),
        system: str = "",
        media: "MediaForModel | None" = None,
        reader: Reader | None = None,
        grounded: bool = True,
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
            hold: Says why the robot must not move now, or "".
            middleware: More of LangChain's, around the model and the tools.
            system: Instructions that precede every dialog; a language model of another kind gets
                `factory.instructions` by default.
            media: What a language model of another kind is shown of images, sounds and point
                clouds; by default, images if its profile says that it takes them, and words.
            reader: Reads a turn's words before the model does; by default that of the checkpoint.
            grounded: Hold acting calls to what was said; not where no model makes them.

        Raises:
            InputError: Senses that this language model cannot take, two tools of one name, or a
                name of the dialog that cannot be printed.
            StorageError: The dialogs or the audit log cannot be opened.
        """
        names = [READ, *(tool.name for tool in tools)]
        if twice := {name for name in names if names.count(name) > 1}:
            raise InputError(f"two tools are called {', '.join(sorted(twice))}")
        if not thread or not thread.isprintable():
            raise InputError(f"{thread!r} names no dialog: use printable characters")
        self._thread = thread
        self._stop = stop
        shown = senses_for_model(chat, senses)
        self._owned: list[Dialogs | AuditLog | Approvals | KeptResults | Rates] = []
        self._dialogs = self._own(dialogs, Dialogs)
        self._audit = self._own(audit, AuditLog)
        self._policy = policy or Policy()
        self._approvals = Approvals(self._dialogs.path if self._dialogs else ":memory:")
        self._owned.append(self._approvals)
        self.results = KeptResults(self._dialogs.path if self._dialogs else ":memory:")
        self._owned.append(self.results)
        if tools:  # whose results may have to be cut
            tools = [*tools, reading_tool(self.results, thread)]
        self._governor = Governor(
            self._policy,
            tools,
            audit=self._audit,
            sight_age=sight_age(senses),
            approvals=self._approvals,
            rates=self._own(robot or default_state(), Rates),
            hold=hold,
        )
        ours = isinstance(chat, ChatSenseBind)
        room = Room(chat, tools)
        if not ours:
            system = system or instructions(senses_of(shown), tools=bool(tools))
        around: list[Any] = [
            *middleware,
            OfferReading(),
            FitTurn(room),
            *([GroundCalls(chat, tools, reader)] if grounded else []),
            *([] if ours else [senses_around(chat, shown, media)]),
            *([] if ours else [MarkOrigins(Influence(tools))]),
            *filter(None, [self._policy.middleware(tools)]),
            ModelCallLimitMiddleware(run_limit=MAX_CALLS, exit_behavior="end"),
            ToolCallLimitMiddleware(run_limit=MAX_TOOL_CALLS),
            AskAgain(),
            ToolErrorMiddleware(_tell),
            self._governor,
            BoundResults(room, self.results),
        ]
        self._agent: Any = create_agent(
            chat,
            list(tools),
            checkpointer=self._dialogs.saver if self._dialogs else InMemorySaver(),
            system_prompt=system or None,
            middleware=around,
        )
        self.history = History(self._agent, thread, self._dialogs, self.results)
        self._lock = TurnLock(thread, self._dialogs.path if self._dialogs else None)
        self._turns = Turns(
            self._agent,
            chat,
            self.history,
            self._governor,
            self._approvals,
            thread=thread,
            tools=tools,
            senses=shown,
            gaps=gaps,
            approve=approve,
            settle=settle,
        )
        # What another process is about to answer is not half a turn.
        with contextlib.suppress(StillRunning), self._lock.turn():
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
            self.cancel_turn()  # one that went on, or was approved, in the meantime
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
        self.cancel_turn()
        if self._stop is not None:
            self._stop()

    def withdraw(self) -> None:
        """Rejects what waits for approval, and ends a turn that went on in the meantime.

        Raises:
            StorageError: It cannot be written.
        """
        try:
            self._approvals.reject(self._thread)
        finally:
            self.cancel_turn()

    def cancel_turn(self) -> None:
        """Ends the turn as `cancel` does, and leaves it to the turn's own tools to stop moving."""
        self._governor.cancel(self._lock.cancel())

    def cut(self, turn: str, said: str) -> None:
        """Keep of an answer that was spoken only what was heard of it before somebody interrupted.

        What is left is marked as cut. A turn that is not in the dialog any more is not missed.

        Args:
            turn: Id of the turn's record.
            said: What was heard of its answer; may be "".

        Raises:
            InputError: Another turn of this dialog is running.
            StorageError: It cannot be written.
        """
        try:
            with self._lock.turn(_HANDOVER):
                self.history.cut(turn, said)
        except StillRunning as error:
            raise InputError(str(error)) from None

    # --- turns ----------------------------------------------------------------------------------

    def ask(self, text: str) -> TurnRecord:
        """Asks and waits for the whole answer; see `turn`."""
        return _last(self.turn(text))

    def turn(self, text: str, media: Sequence[Mapping[str, Any]] = ()) -> Events:
        """Asks; yields pieces of text and tool calls as they come, `Finished` at the end.

        It is cancelled by every stop from this call on, also by one that comes before its first
        event is asked for. A turn that fails for a reason that SenseBind knows is taken out of the
        dialog, and its record says why. A turn that needs a person's approval yields
        `ApprovalNeeded` and then waits for `decide`; asking something else instead rejects what was
        to be approved.

        Args:
            text: What the user says. One that `is_stop` ends what is running, without asking the
                model; what else it says is asked after that.
            media: Content blocks that come with it, see `media.py`.

        Raises:
            InputError: Another turn of this dialog is running, here or in another process, and the
                text is not a stop.
            StorageError: The dialog cannot be locked.
            UnusableModelError: The language model cannot be used as it is: there is no server, its
                key is refused, or there is no such model. The turn is taken out of the dialog.
        """
        return self._turn(text, media, self._lock.cancels)

    def _turn(self, text: str, media: Sequence[Mapping[str, Any]], asked: int) -> Events:
        """Asks; see `turn`. `asked` is how often the dialog had been cancelled by then."""
        stops = is_stop(text)
        if stops:
            stopped, asked = self._stopped(text), asked + _CANCELS_OF_A_STOP
            if stopped.error or not (says_more(text) or media):
                yield TextPiece(stopped.assistant)
                yield Finished(stopped)
                return
        record, shown = TurnRecord(well_formed(text)), well_formed(list(media))
        try:
            with self._lock.turn(_HANDOVER if stops else 0.0, asked=asked) as cancelled:
                yield from self._turns.ask(record, shown, cancelled)
        except StillRunning as error:
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
                does not wait any more, one cannot be carried out, or a turn is running.
            StorageError: The dialog cannot be locked.
        """
        return self._decide(decisions, self._lock.cancels)

    def _decide(self, decisions: Sequence[Decision], asked: int) -> Events:
        try:
            with self._lock.turn(_HANDOVER, asked=asked) as cancelled:
                yield from self._turns.decide(decisions, cancelled)
        except StillRunning as error:
            raise InputError(str(error)) from None

    def pending(self) -> list[Request]:
        """Returns the calls that wait for a person's decision, also of an earlier process."""
        return self._turns.pending()

    def waiting(self) -> list[Request]:
        """As `pending`, for those who only look: decisions without an id do not refer to it."""
        return self._turns.waiting()

    @property
    def idle(self) -> bool:
        """Whether no turn of this dialog runs here, and no call waits for a person."""
        return not self._lock.held and not self.waiting()

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

    def _stopped(self, text: str) -> TurnRecord:
        """Stops; returns what is answered to it."""
        record = TurnRecord(well_formed(text), assistant="Stopped.")
        try:
            self.stop("the user said so")
        except SenseBindError as error:
            record.error = str(error)
        return record


async def _in_thread(work: Callable[[], object]) -> None:
    """Runs something in a thread of its own and waits for it; the turn reports its errors."""
    loop, done = asyncio.get_running_loop(), asyncio.Event()

    def run() -> None:
        try:
            with contextlib.suppress(SenseBindError):
                work()
        finally:
            loop.call_soon_threadsafe(done.set)

    try:
        threading.Thread(target=run, name="stop", daemon=True).start()
    except RuntimeError:  # no threads left: here, as a stop waits for nothing
        run()
    await done.wait()


def _tell(error: Exception, _request: object) -> str:
    """An error that a tool did not expect, for the model."""
    return well_formed(f"error: {one_line(error)}")


def _last(events: Iterator[Event]) -> TurnRecord:
    record = TurnRecord("")
    for event in events:
        if isinstance(event, Finished):
            record = event.record
    return record
