"""Who may do what: tools that act are approved by a person, limited, logged, and never overtaken.

`Policy` says which tools ask first and how often they may act. `Governor` is the LangChain
middleware that holds every call to it; approval itself is LangChain's human-in-the-loop middleware.
"""

import json
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from langchain.agents.middleware import (
    AgentMiddleware,
    HumanInTheLoopMiddleware,
    ModelResponse,
    hook_config,
)
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from langchain_core.tools import BaseTool
from langgraph.errors import GraphBubbleUp

from sensebind.agent.audit import AuditLog
from sensebind.agent.call_ids import with_unique_ids
from sensebind.agent.llm.unicode import well_formed_message
from sensebind.errors import SenseBindError, StorageError
from sensebind.tools.cancellation import turn_event
from sensebind.tools.risk import ACTING, Risk, risk_of

DECISIONS = ("approve", "edit", "reject")
NOT_ALLOWED = "you did not allow it"
MAX_SAME = 2  # times that a turn may make the same call
_PATIENCE = 5.0  # seconds that a change waits for another action


@dataclass(frozen=True, slots=True)
class Policy:
    """What tools may do.

    Attributes:
        ask: Risk classes whose calls a person approves first.
        approved: Names of tools that are approved once and for all.
        forbidden: Names of tools that never run, whatever anybody says.
        rates: Calls per minute that a risk class may make.
        max_sight_age: Seconds; the robot does not move on an older picture.
    """

    ask: frozenset[Risk] = ACTING
    approved: frozenset[str] = frozenset()
    forbidden: frozenset[str] = frozenset()
    rates: Mapping[Risk, int] = field(
        default_factory=lambda: {Risk.CHANGE: 30, Risk.MOVE: 20, Risk.OBSERVE: 120}
    )
    max_sight_age: float = 1.0

    def asks(self, tool: BaseTool) -> bool:
        """Whether a person must approve each call of a tool."""
        if tool.name in self.approved or tool.name in self.forbidden:
            return False
        return risk_of(tool) in self.ask

    def middleware(self, tools: Sequence[BaseTool]) -> HumanInTheLoopMiddleware | None:
        """Returns LangChain's approval for the tools that ask; None if none does."""
        names = [tool.name for tool in tools if self.asks(tool)]
        if not names:
            return None
        return _Approval(
            {name: {"allowed_decisions": ["approve", "edit", "respond"]} for name in names},
            edit_notice="(a person changed this call before it ran)",
        )


class _Approval(HumanInTheLoopMiddleware):
    """LangChain's approval, which tells a rejected call as every other that did not run."""

    def after_model(self, state: Any, runtime: Any) -> dict[str, Any] | None:
        """Asks a person about the calls that the model has made."""
        update = super().after_model(state, runtime)
        for message in (update or {}).get("messages", ()):
            if isinstance(message, ToolMessage):  # see `Decision.as_langchain`
                message.status = "error"
        return update


class Refusal(Exception):
    """A call does not run; the message says why, and the model is told."""


class Governor(AgentMiddleware):
    """Holds every tool call to a policy.

    The call's turn must not be cancelled; the tool must not be forbidden; the same call must not be
    made over and over; its rate must be kept; a movement needs fresh sight; tools that act exclude
    each other; and what acts is written to the audit log before it acts.
    """

    def __init__(
        self,
        policy: Policy,
        tools: Sequence[BaseTool],
        *,
        audit: AuditLog | None = None,
        sight_age: Callable[[], float] | None = None,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        """Args:
        policy: What is allowed.
        tools: The tools of the agent.
        audit: Where everything is written down.
        sight_age: Seconds since the newest picture was taken; None if there is no sight, and then
            movements are not held to it.
        now: Clock, for tests.
        """
        super().__init__()
        self._policy = policy
        self._risks = {tool.name: risk_of(tool) for tool in tools}
        self._audit = audit
        self._sight_age = sight_age
        self._now = now
        self._acting = threading.Lock()
        self._state = threading.Lock()
        self._recent: dict[Risk, deque[float]] = {risk: deque() for risk in Risk}
        self._made: Counter[str] = Counter()

    # --- turns ----------------------------------------------------------------------------------

    def new_turn(self) -> None:
        """Begins to count a turn's calls anew."""
        with self._state:
            self._made.clear()

    def cancel(self, turn: threading.Event) -> None:
        """Cancels a turn. When this returns, none of its tools will start any more."""
        with self._state:
            turn.set()

    def record(self, event: str, **fields: Any) -> None:
        """Writes to the audit log, if there is one."""
        if self._audit is not None:
            self._audit.write(event, **fields)

    # --- the model ------------------------------------------------------------------------------

    def wrap_model_call(self, request: Any, handler: Callable[[Any], Any]) -> Any:
        """Asks the model, unless the turn is cancelled."""
        turn = turn_event()
        if turn is not None and turn.is_set():
            return AIMessage("")
        return _mended(with_unique_ids(handler(request), request.messages))

    async def awrap_model_call(self, request: Any, handler: Callable[[Any], Any]) -> Any:
        """As `wrap_model_call`, for asynchronous agents."""
        turn = turn_event()
        if turn is not None and turn.is_set():
            return AIMessage("")
        return _mended(with_unique_ids(await handler(request), request.messages))

    # --- calls ----------------------------------------------------------------------------------

    def wrap_tool_call(self, request: Any, handler: Callable[[Any], Any]) -> Any:
        """Runs a call, or tells the model why not."""
        with self._governed(request, _PATIENCE) as refused:
            if refused is not None:
                return refused
            return self._finished(request, handler(request))

    async def awrap_tool_call(self, request: Any, handler: Callable[[Any], Any]) -> Any:
        """As `wrap_tool_call`, for asynchronous agents, whose loop must not wait."""
        with self._governed(request, 0.0) as refused:
            if refused is not None:
                return refused
            return self._finished(request, await handler(request))

    @contextmanager
    def _governed(self, request: Any, patience: float) -> Iterator[ToolMessage | None]:
        """Gives None to a call that may run now, and otherwise the answer to the model.

        A change waits for `patience` seconds until another action has ended, a movement never.
        """
        call = request.tool_call
        risk = self._risks.get(call["name"], Risk.CHANGE)
        exclusive = risk in ACTING
        fields = {"tool": call["name"], "arguments": call["args"], "risk": risk.value}
        fields |= {"call": call["id"], "thread": _thread(request)}
        wait = patience if risk is Risk.CHANGE else 0.0
        if exclusive and not self._acting.acquire(timeout=wait):
            yield self._refused(call, fields, "another action is under way")
            return
        try:
            try:
                self._admit(call, risk)
                self._write_ahead(fields)
            except Refusal as refusal:
                yield self._refused(call, fields, str(refusal))
                return
            try:
                yield None
            except GraphBubbleUp:  # an interrupt of the graph is no end of the call
                raise
            except BaseException as error:  # cancelled or Ctrl-C: the log tells its end
                self.record("failed", **fields, result=f"{type(error).__name__}: {error}")
                raise
        finally:
            if exclusive:
                self._acting.release()

    def _admit(self, call: Mapping[str, Any], risk: Risk) -> None:
        """Raises Refusal if the call may not run now; counts it if it may."""
        name = call["name"]
        if name in self._policy.forbidden:
            raise Refusal(f"{name} is forbidden here")
        if risk is Risk.MOVE and self._sight_age is not None:
            age = self._sight_age()
            if age > self._policy.max_sight_age:
                raise Refusal(
                    f"the newest picture is {age:.1f} s old: the robot does not move blind"
                )
        same = f"{name} {json.dumps(call['args'], sort_keys=True, default=str)}"
        turn, now = turn_event(), self._now()
        with self._state:
            if turn is not None and turn.is_set():
                raise Refusal("cancelled")
            if risk is Risk.STOP:
                return
            if self._made[same] >= MAX_SAME:
                raise Refusal(f"{name} was called {MAX_SAME} times with these arguments already")
            recent = self._recent[risk]
            while recent and now - recent[0] > 60:
                recent.popleft()
            limit = self._policy.rates.get(risk)
            if limit is not None and len(recent) >= limit:
                raise Refusal(f"more than {limit} calls a minute of this kind are not allowed")
            self._made[same] += 1
            recent.append(now)

    def _write_ahead(self, fields: Mapping[str, Any]) -> None:
        """Writes that a call starts; what acts does not act unrecorded."""
        try:
            self.record("started", **fields)
        except StorageError as error:
            if fields["risk"] in ACTING:
                raise Refusal(f"it cannot be recorded: {error}") from error
            raise

    def _refused(
        self, call: Mapping[str, Any], fields: Mapping[str, Any], reason: str
    ) -> ToolMessage:
        self.record("cancelled" if reason == "cancelled" else "refused", **fields, reason=reason)
        return ToolMessage(
            f"error: {reason}", tool_call_id=call["id"], name=call["name"], status="error"
        )

    def _finished(self, request: Any, result: Any) -> Any:
        if isinstance(result, ToolMessage):
            result = well_formed_message(result)
        call = request.tool_call
        failed = isinstance(result, ToolMessage) and result.status == "error"
        text = str(result.text) if isinstance(result, ToolMessage) else str(result)
        self.record(
            "failed" if failed else "finished", tool=call["name"], call=call["id"],
            thread=_thread(request), result=text,
        )  # fmt: skip
        return result


def _mended(response: ModelResponse) -> ModelResponse:
    """What a model said, as it can be kept."""
    said = [well_formed_message(message) for message in response.result]
    return replace(response, result=said)


def _thread(request: Any) -> str:
    config = getattr(request.runtime, "config", None) or {}
    return str(config.get("configurable", {}).get("thread_id", ""))


class AskAgain(AgentMiddleware):
    """A model that makes a malformed call is told what is wrong with it, and asked once more."""

    @hook_config(can_jump_to=["model"])
    def after_model(self, state: Any, runtime: Any) -> dict[str, Any] | None:
        """Answers malformed calls with what is wrong, the first time in a turn."""
        messages = state["messages"]
        answer = messages[-1]
        if not isinstance(answer, AIMessage) or not answer.invalid_tool_calls or answer.tool_calls:
            return None
        for message in reversed(messages[:-1]):
            if isinstance(message, HumanMessage):
                break
            if isinstance(message, AIMessage) and message.invalid_tool_calls:
                return None
        told = [
            ToolMessage(
                f"error: malformed call: {call.get('error') or 'its arguments are no JSON'}",
                tool_call_id=call["id"] or "", name=call["name"] or "", status="error",
            )
            for call in answer.invalid_tool_calls
        ]  # fmt: skip
        return {"messages": told, "jump_to": "model"}


# --- decisions -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Request:
    """A call that waits for a person.

    Attributes:
        tool: Its name.
        arguments: As the model wants them.
    """

    tool: str
    arguments: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Decision:
    """What a person says to a request.

    Attributes:
        kind: `approve`, `edit` or `reject`.
        arguments: For `edit`: what to run instead.
        reason: For `reject`: what the model is told; that it was not allowed by default.
    """

    kind: str
    arguments: Mapping[str, Any] | None = None
    reason: str = ""

    def as_langchain(self, request: Request) -> dict[str, Any]:
        """Returns the form that LangChain's middleware takes.

        Raises:
            SenseBindError: An unknown kind, or an edit without arguments.
        """
        if self.kind == "approve":
            return {"type": "approve"}
        if self.kind == "reject":
            # LangChain's own rejection is a paragraph; our models know one line.
            return {"type": "respond", "message": f"error: {self.reason or NOT_ALLOWED}"}
        if self.kind == "edit" and self.arguments is not None:
            action = {"name": request.tool, "args": dict(self.arguments)}
            return {"type": "edit", "edited_action": action}
        raise SenseBindError(f"a decision is one of {', '.join(DECISIONS)}, not {self.kind!r}")


Approver = Callable[[Request], Decision]
"""Asks a person."""


def requests_of(interrupts: Collection[Any]) -> list[Request]:
    """Returns the requests of a paused agent, in the order in which decisions are expected."""
    found: list[Request] = []
    for interrupt in interrupts:
        value = getattr(interrupt, "value", None)
        if isinstance(value, Mapping):
            found += [
                Request(str(one["name"]), dict(one["args"]))
                for one in value.get("action_requests", ())
            ]
    return found
