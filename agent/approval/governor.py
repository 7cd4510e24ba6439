"""Holds every call of a tool to the policy: what acts is approved, limited, and logged first."""

import asyncio
import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from langchain.agents.middleware import (
    AgentMiddleware,
    ModelResponse,
)
from langchain_core.messages import AIMessage, ToolMessage
from langchain_core.tools import BaseTool
from langgraph.errors import GraphBubbleUp

from sensebind.agent.approval.audit import AuditLog
from sensebind.agent.approval.order import CallOrder, Place
from sensebind.agent.approval.origins import Influence
from sensebind.agent.approval.policy import Policy, asked_when
from sensebind.agent.approval.rates import Rates
from sensebind.agent.approval.requests import Decision
from sensebind.agent.approval.store import Approvals
from sensebind.agent.llm.call_ids import with_unique_ids
from sensebind.agent.llm.unicode import well_formed_message
from sensebind.agent.results.reading import part_of
from sensebind.errors import InputError, StorageError
from sensebind.tools.cancellation import turn_event
from sensebind.tools.risk import ACTING, INCOMPLETE, ORIGIN, Risk, risk_of

MAX_SAME = 2  # times that a turn may make the same call
_PATIENCE = 5.0  # seconds that a change waits for another action
_TICK = 0.02  # seconds between two looks of an asynchronous call whether it is its turn

Finishes = Callable[[str, str, bool], None]
"""Takes the id of a call, its result, and whether it failed."""


class Refusal(Exception):
    """A call does not run; the message says why, and goes to the model."""


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
        hold: Callable[[], str] | None = None,
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
            hold: Says why the robot must not move now, or "".
            now: Clock of rates that are its own, for tests.
        """
        super().__init__()
        self._policy = policy
        self._risks = {tool.name: risk_of(tool) for tool in tools}
        self._audit = audit
        self._sight_age = sight_age
        self._approvals = approvals
        self._hold = hold or (lambda: "")
        self._rates = rates or Rates(now=now)
        self._influence = Influence(tools)
        self._asked_when = asked_when(self._influence)
        self._asks = {tool.name for tool in tools if policy.asks(tool)}
        self._may_ask = {tool.name for tool in tools if policy.may_ask(tool)} - self._asks
        self._order = CallOrder(lambda name: self._risk(name) in ACTING)
        self._acting = threading.Lock()
        self._state = threading.Lock()
        self._made: Counter[str] = Counter()
        self._finishes: Finishes = lambda _call, _result, _failed: None

    def check_spoken(self, decision: Decision, tool: BaseTool | None) -> None:
        """Refuse what was said aloud where a voice may not approve it.

        Args:
            decision: What a person said.
            tool: The tool that would run; None if there is none of that name.

        Raises:
            InputError: A voice may not approve the tool's calls, nor change any call.
        """
        if not decision.spoken or decision.kind == "reject":
            return
        if decision.kind != "approve" or tool is None or not self._policy.may_be_spoken(tool):
            name = "this call" if tool is None else f"a call of {tool.name}"
            raise InputError(
                f"{name} is not approved by voice: decide at the page or a terminal, or name the "
                "tool in policy: spoken: if it moves nothing"
            )

    # --- turns ----------------------------------------------------------------------------------

    def new_turn(self) -> None:
        """Begins to count the calls of a new turn."""
        with self._state:
            self._made.clear()

    def cancel(self, turn: threading.Event) -> None:
        """Cancels a turn. When this returns, none of its tools will start any more."""
        with self._state:
            turn.set()
        self._order.wake()

    def when_finished(self, finishes: Finishes) -> None:
        """Names who is informed of every call that has ended, in the thread in which it ran."""
        self._finishes = finishes

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
        """Runs a call, or answers the model why not."""
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
                self._check_running()  # the disk may have taken its time
            except Refusal as refusal:
                yield self._refused(call, fields, str(refusal))
                return
            try:
                yield None
            except GraphBubbleUp:  # an interrupt of the graph is no end of the call
                raise
            except BaseException as error:  # cancelled or Ctrl-C: the log records its end
                self.record("failed", **fields, result=f"{type(error).__name__}: {error}")
                raise
        finally:
            if exclusive:
                self._acting.release()

    def _risk(self, name: str) -> Risk:
        return self._risks.get(name, Risk.CHANGE)

    def _admit(self, request: Any, risk: Risk, place: Place) -> None:
        """Raises Refusal if the call may not run now; counts it if it may."""
        call = request.tool_call
        name = call["name"]
        if name in self._policy.forbidden:
            raise Refusal(f"{name} is forbidden here")
        self._check_running()
        if risk is Risk.STOP:
            return
        if reason := place.refusal(moves=risk is Risk.MOVE):
            raise Refusal(reason)
        if risk is Risk.MOVE and (reason := self._hold()):
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
        self._check_running()
        with self._state:
            if self._made[same] >= MAX_SAME:
                raise Refusal(f"{name} was called {MAX_SAME} times with these arguments already")
            self._made[same] += 1

    def _check_running(self) -> None:
        """Raises Refusal if the call's turn is cancelled."""
        turn = turn_event()
        with self._state:
            if turn is not None and turn.is_set():
                raise Refusal("cancelled")

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
        asked = name in self._asks or (name in self._may_ask and self._asked_when(request))
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
            # A further part of a result that was cut is the words of the tool that answered it.
            part = part_of(result)
            words = self._influence.of_tool(call["name"] if part is None else part.tool)
            origin = {"tool": call["name"], "words": words.value}
            result.additional_kwargs = {**result.additional_kwargs, ORIGIN: origin}
        failed = isinstance(result, ToolMessage) and result.status == "error"
        place.failed = place.failed and (failed or _incomplete(result))
        text = str(result.text) if isinstance(result, ToolMessage) else str(result)
        self._finishes(str(call["id"]), text, failed)
        self.record(
            "failed" if failed else "finished",
            tool=call["name"],
            call=call["id"],
            thread=_thread(request),
            result=text,
        )
        return result


def _incomplete(result: Any) -> bool:
    """Whether a movement ended early, which is no error: something was in the way."""
    artifact = getattr(result, "artifact", None)
    return isinstance(artifact, Mapping) and artifact.get(INCOMPLETE) is True


def _mended(response: ModelResponse) -> ModelResponse:
    """What a model said, as it can be kept."""
    said = [well_formed_message(message) for message in response.result]
    return replace(response, result=said)


def _thread(request: Any) -> str:
    config = getattr(request.runtime, "config", None) or {}
    return str(config.get("configurable", {}).get("thread_id", ""))
