"""Who may do what: tools that act are approved by a person, limited, logged, and never overtaken.

`Policy` says which tools ask first and how often they may act. `Governor` is the LangChain
middleware that holds every call to it; approval itself is LangChain's human-in-the-loop middleware.
What waits and what was said to it stands in `approvals.py`, how often the robot acts in `rates.py`.
"""

import asyncio
import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from langchain.agents.middleware import (
    AgentMiddleware,
    HumanInTheLoopMiddleware,
    ModelResponse,
    hook_config,
)
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, ToolMessage
from langchain_core.tools import BaseTool
from langgraph.errors import GraphBubbleUp

from sensebind.agent.approvals import Approvals, NotWaiting, Request, digest_of
from sensebind.agent.audit import AuditLog
from sensebind.agent.call_ids import with_unique_ids
from sensebind.agent.llm.unicode import well_formed_message
from sensebind.agent.order import CallOrder, Place
from sensebind.agent.rates import Rates
from sensebind.errors import ConfigurationError, InputError, SenseBindError, StorageError
from sensebind.tools.arguments import check_arguments
from sensebind.tools.cancellation import turn_event
from sensebind.tools.risk import (
    ACTING,
    ORIGIN,
    Origin,
    Risk,
    description_origin_of,
    origin_of,
    risk_of,
    unguarded,
)

DECISIONS = ("approve", "edit", "reject")
NOT_ALLOWED = "you did not allow it"
MAX_SAME = 2  # times that a turn may make the same call
_PATIENCE = 5.0  # seconds that a change waits for another action
_TICK = 0.02  # seconds between two looks of an asynchronous call whether it is its turn


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
        """Whether a person must approve each call of a tool.

        Raises:
            ConfigurationError: `approved` names a tool that moves an unguarded robot.
        """
        if tool.name in self.approved and (why := unguarded(tool)):
            raise ConfigurationError(
                f"policy: approved: {tool.name} moves a robot that does not guard itself ({why}): "
                "each of its movements must be approved"
            )
        if unguarded(tool) and tool.name not in self.forbidden:
            return True
        if tool.name in self.approved or tool.name in self.forbidden:
            return False
        return risk_of(tool) in self.ask

    def may_ask(self, tool: BaseTool) -> bool:
        """Whether a person must approve a tool's call once the model has read others' words."""
        return tool.name not in self.forbidden and risk_of(tool) in self.ask

    def middleware(self, tools: Sequence[BaseTool]) -> HumanInTheLoopMiddleware | None:
        """Returns LangChain's approval for the tools that ask; None if none does.

        Tools that are approved once and for all ask, too, after words of others have come into the
        dialog: then it may be those words that make the model call.
        """
        influence = Influence(tools)
        asking: dict[str, Any] = {}
        for tool in tools:
            decisions = {"allowed_decisions": ["approve", "edit", "respond"]}
            if self.asks(tool):
                asking[tool.name] = decisions
            elif self.may_ask(tool) and influence.possible:
                asking[tool.name] = {**decisions, "when": influence.before}
        if not asking:
            return None
        return _Approval(asking, edit_notice="(a person changed this call before it ran)")


class Influence:
    """Says whether a model has read words that others may have written.

    Others' words (codes, signs, web services, MCP servers) count as long as the model is shown
    them, memories in their own turn. The descriptions of an MCP server that nobody trusts are shown
    in every turn. What a server says counts for all tools but its own.

    Attributes:
        possible: Whether there is any tool that brings such words.
    """

    def __init__(self, tools: Sequence[BaseTool]) -> None:
        """Reads the tools' metadata.

        Args:
            tools: The tools of the agent.
        """
        self._origins = {tool.name: origin_of(tool) for tool in tools}
        self._servers = {tool.name: str((tool.metadata or {}).get("server", "")) for tool in tools}
        self._describers = {
            self._servers[one.name] for one in tools if description_origin_of(one) is Origin.OUTSIDE
        }
        self.possible = bool(self._describers) or any(
            origin is not Origin.ROBOT for origin in self._origins.values()
        )

    def of_message(self, message: ToolMessage) -> Origin:
        """Returns whose words a result is: as it is marked, or as its tool is."""
        marked = message.additional_kwargs.get(ORIGIN)
        if isinstance(marked, Mapping) and marked.get("words") in set(Origin):
            return Origin(marked["words"])
        if message.status == "error" and message.name not in self._origins:
            return Origin.ROBOT  # there is no such tool, says the agent
        return self.of_tool(message.name or "")

    def of_tool(self, name: str) -> Origin:
        """Returns whose words a tool's results are; others', where there is no such tool."""
        return self._origins.get(name, Origin.OUTSIDE)

    def before(self, request: Any) -> bool:
        """Whether a call (LangChain's `ToolCallRequest`) was made after such words."""
        own = self._servers.get(request.tool_call["name"], "")
        if any(server != own for server in self._describers):
            return True
        messages: Sequence[BaseMessage] = request.state["messages"]
        made = max((i for i, one in enumerate(messages) if isinstance(one, AIMessage)), default=0)
        this_turn = True
        for message in reversed(messages[:made]):
            if isinstance(message, HumanMessage):
                this_turn = False
            elif isinstance(message, ToolMessage):
                if own and self._servers.get(message.name or "") == own:
                    continue
                origin = self.of_message(message)
                if origin is Origin.OUTSIDE or (origin is Origin.MEMORY and this_turn):
                    return True
        return False


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
    made over and over; the robot's rate must be kept; a movement needs fresh sight; tools that act
    exclude each other, and those of one message run in its order; a call that a person approved
    runs once, as it was approved; and what acts is written to the audit log before it acts.
    """

    def __init__(
        self,
        policy: Policy,
        tools: Sequence[BaseTool],
        *,
        audit: AuditLog | None = None,
        sight_age: Callable[[], float] | None = None,
        approvals: Approvals | None = None,
        rates: Rates | None = None,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        """Wires; opens nothing.

        Args:
            policy: What is allowed.
            tools: The tools of the agent.
            audit: Where everything is written down.
            sight_age: Seconds since the newest picture was taken; None if there is no sight, and
                then movements are not held to it.
            approvals: What was approved; without it, nothing is compared with an approval.
            rates: What the robot did in the last minute; by default, of this governor alone.
            now: Clock of rates that are its own, for tests.
        """
        super().__init__()
        self._policy = policy
        self._risks = {tool.name: risk_of(tool) for tool in tools}
        self._audit = audit
        self._sight_age = sight_age
        self._approvals = approvals
        self._rates = rates or Rates(now=now)
        self._influence = Influence(tools)
        self._asks = {tool.name for tool in tools if policy.asks(tool)}
        self._may_ask = {tool.name for tool in tools if policy.may_ask(tool)} - self._asks
        self._order = CallOrder(lambda name: self._risk(name) in ACTING)
        self._acting = threading.Lock()
        self._state = threading.Lock()
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
        self._order.wake()

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
        place = self._order.place(request)
        try:
            place.wait(turn_event())
            with self._governed(request, place, _PATIENCE) as refused:
                if refused is not None:
                    return refused
                return self._finished(request, place, handler(request))
        finally:
            place.leave()

    async def awrap_tool_call(self, request: Any, handler: Callable[[Any], Any]) -> Any:
        """As `wrap_tool_call`, for asynchronous agents, whose loop must not wait."""
        place, turn = self._order.place(request), turn_event()
        try:
            while not place.ready(turn):
                await asyncio.sleep(_TICK)
            with self._governed(request, place, 0.0) as refused:
                if refused is not None:
                    return refused
                return self._finished(request, place, await handler(request))
        finally:
            place.leave()

    @contextmanager
    def _governed(
        self, request: Any, place: Place, patience: float
    ) -> Iterator[ToolMessage | None]:
        """Gives None to a call that may run now, and otherwise the answer to the model.

        A change waits for `patience` seconds until another action has ended, a movement never.
        """
        call = request.tool_call
        risk = self._risk(call["name"])
        exclusive = risk in ACTING
        fields = {"tool": call["name"], "arguments": call["args"], "risk": risk.value}
        fields |= {"call": call["id"], "thread": _thread(request)}
        place.failed = risk is Risk.MOVE  # until it has ended well
        wait = patience if risk is Risk.CHANGE else 0.0
        if exclusive and not self._acting.acquire(timeout=wait):
            yield self._refused(call, fields, "another action is under way")
            return
        try:
            try:
                self._admit(request, risk, place)
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

    def _risk(self, name: str) -> Risk:
        return self._risks.get(name, Risk.CHANGE)

    def _admit(self, request: Any, risk: Risk, place: Place) -> None:
        """Raises Refusal if the call may not run now; counts it if it may."""
        call, turn = request.tool_call, turn_event()
        name = call["name"]
        if name in self._policy.forbidden:
            raise Refusal(f"{name} is forbidden here")
        if turn is not None and turn.is_set():
            raise Refusal("cancelled")
        if risk is Risk.STOP:
            return
        if reason := place.refusal(moves=risk is Risk.MOVE):
            raise Refusal(reason)
        if risk is Risk.MOVE and self._sight_age is not None:
            age = self._sight_age()
            if not age <= self._policy.max_sight_age:
                raise Refusal(
                    f"the newest picture is {age:.1f} s old: the robot does not move blind"
                )
        same = f"{name} {json.dumps(call['args'], sort_keys=True, default=str)}"
        if self._made[same] >= MAX_SAME:
            raise Refusal(f"{name} was called {MAX_SAME} times with these arguments already")
        self._count(risk)
        self._take_approval(request)
        with self._state:
            if turn is not None and turn.is_set():
                raise Refusal("cancelled")
            if self._made[same] >= MAX_SAME:
                raise Refusal(f"{name} was called {MAX_SAME} times with these arguments already")
            self._made[same] += 1

    def _count(self, risk: Risk) -> None:
        limit = self._policy.rates.get(risk)
        try:
            may = self._rates.take(risk.value, limit)
        except StorageError as error:
            if risk in ACTING:
                raise Refusal(f"the robot's calls cannot be counted: {error}") from error
            return
        if not may:
            raise Refusal(f"more than {limit} calls a minute of this kind are not allowed")

    def _take_approval(self, request: Any) -> None:
        """Compares a call with what a person approved, and uses the approval up."""
        call = request.tool_call
        name = call["name"]
        asked = name in self._asks or (name in self._may_ask and self._influence.before(request))
        if self._approvals is None or not asked:
            return
        thread, identity = _thread(request), str(call["id"] or "")
        try:
            if self._approvals.start(thread, identity, name, call["args"]):
                return
        except StorageError as error:
            raise Refusal(f"its approval cannot be looked up: {error}") from error
        raise Refusal("this call is not approved, or its approval was used or taken back")

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

    def _finished(self, request: Any, place: Place, result: Any) -> Any:
        call = request.tool_call
        if isinstance(result, ToolMessage):
            result = well_formed_message(result)
            origin = {"tool": call["name"], "words": self._influence.of_tool(call["name"]).value}
            result.additional_kwargs = {**result.additional_kwargs, ORIGIN: origin}
        failed = isinstance(result, ToolMessage) and result.status == "error"
        place.failed = place.failed and failed
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
class Decision:
    """What a person says to a request.

    Attributes:
        kind: `approve`, `edit` or `reject`.
        arguments: For `edit`: what to run instead.
        reason: For `reject`: what the model is told; that it was not allowed by default.
        request: The id of the request that it answers. Without one it answers what was shown last
            at its position, see `Assistant.decide`.
    """

    kind: str
    arguments: Mapping[str, Any] | None = None
    reason: str = ""
    request: str = ""

    def check(self, request: Request, tool: BaseTool | None) -> None:
        """Checks that it can be carried out; nothing has happened before.

        Args:
            request: What it answers.
            tool: The tool that would run; None if there is none of that name.

        Raises:
            InputError: An unknown kind, an edit without arguments, or with some that the tool's
                schema does not allow as they are.
        """
        if self.kind not in DECISIONS:
            raise InputError(f"a decision is one of {', '.join(DECISIONS)}, not {self.kind!r}")
        if self.kind != "edit":
            return
        if not isinstance(self.arguments, Mapping):
            raise InputError(f"an edit of {request.tool} needs the arguments to run it with")
        if tool is None:
            raise InputError(f"there is no tool {request.tool}")
        check_arguments(tool, self.arguments)

    def allows(self, request: Request) -> Mapping[str, Any] | None:
        """Returns the arguments that may run; None if nothing may."""
        if self.kind == "edit":
            return self.arguments
        return request.arguments if self.kind == "approve" else None

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


def matched(
    requests: Sequence[Request],
    decisions: Sequence[Decision],
    shown: Sequence[str],
    tools: Mapping[str, BaseTool],
) -> list[tuple[Request, Decision]]:
    """Pairs decisions with the requests that they answer, and checks all of them.

    Args:
        requests: What waits now.
        decisions: What a person said, in any order where they carry ids.
        shown: Ids of the requests that the person was shown, for decisions without one.
        tools: The agent's tools by name.

    Returns:
        A pair for each request, in their order.

    Raises:
        InputError: A decision that answers none of them, one too many or too few, or one that
            cannot be carried out.
    """
    if not requests:
        raise NotWaiting(f"{len(decisions)} decisions for 0 waiting calls: nothing waits any more")
    if len(decisions) != len(requests):
        raise InputError(f"{len(decisions)} decisions for {len(requests)} waiting calls")
    answered: dict[str, Decision] = {}
    for position, one in enumerate(decisions):
        identity = one.request or (shown[position] if position < len(shown) else "")
        if identity not in {request.id for request in requests} or identity in answered:
            raise NotWaiting(
                "a decision is for a call that does not wait any more, or was not shown: look at "
                "what is pending, and decide again"
            )
        answered[identity] = one
    pairs = [(request, answered[request.id]) for request in requests]
    for request, decision in pairs:
        decision.check(request, tools.get(request.tool))
    return pairs


def requests_of(
    messages: Sequence[BaseMessage], interrupts: Sequence[Any], checkpoint: str
) -> list[Request]:
    """Returns the requests of a paused agent, in the order in which decisions are expected.

    Args:
        messages: The dialog.
        interrupts: Of the agent's state.
        checkpoint: Id of that state.
    """
    asked: list[Mapping[str, Any]] = []
    for interrupt in interrupts:
        value = getattr(interrupt, "value", None)
        if isinstance(value, Mapping):
            asked += value.get("action_requests", ())
    newest = next((one for one in reversed(messages) if isinstance(one, AIMessage)), None)
    found: list[Request] = []
    calls = enumerate(newest.tool_calls if newest is not None else ())
    for one in asked:  # some calls of the message may not need a person
        for position, call in calls:
            if digest_of(call["name"], call["args"]) == digest_of(one["name"], one["args"]):
                found.append(Request.of(call, position, checkpoint))
                break
    return found
