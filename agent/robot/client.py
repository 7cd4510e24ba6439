"""A robot that `sensebind run` started, for another process of this machine.

It imports neither PyTorch nor LangChain: what thinks and acts is the robot's own process.
"""

from __future__ import annotations

import contextlib
import getpass
import os
import secrets
import time
from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import msgspec

from sensebind.agent.approval.requests import Request
from sensebind.agent.events import Event, Finished, TurnRecord
from sensebind.agent.robot.control_events import decode_event
from sensebind.agent.robot.control_messages import (
    Act,
    Answer,
    Ask,
    Call,
    CancelTurn,
    Command,
    Cut,
    Decide,
    Follow,
    Forget,
    Look,
    Pending,
    Poses,
    Track,
)
from sensebind.agent.robot.running import STOP_SECONDS, RunningRobot
from sensebind.errors import BusError
from sensebind.perception.storage.spans import Span

if TYPE_CHECKING:
    from sensebind.agent.approval import Decision

Events = Generator[Event, None, None]


@dataclass(frozen=True, slots=True)
class AttachedRobot(RunningRobot):
    """One dialog with a running robot.

    Attributes:
        thread: Name of the dialog.

    Example:
        ```python
        robot = AttachedRobot(RobotAddress.read(Path("rover.yaml")))
        for event in robot.turn("what do you see?"):
            print(event)
        robot.stop()
        ```
    """

    thread: str = "default"

    def turn(
        self,
        text: str,
        media: Sequence[Mapping[str, Any]] = (),
        *,
        history: Sequence[Mapping[str, Any]] | None = None,
    ) -> Events:
        """Take one turn; yields what `Assistant.turn` yields.

        Args:
            text: What is said.
            media: Content blocks that come with it.
            history: What was said before, of a dialog that the caller keeps; see `Ask`.

        Raises:
            BusError: The robot does not run, or went away.
            InputError: The robot refused.
        """
        before = None if history is None else [dict(one) for one in history]
        return self._events(Ask(text, [dict(one) for one in media], self.thread, before))

    def decide(self, decisions: Sequence[Decision]) -> Events:
        """Go on with a turn that waits for approval; see `Assistant.decide`.

        Args:
            decisions: One for each request, which they name by `Decision.request`.

        Raises:
            BusError: The robot does not run, or went away.
            InputError: The robot refused.
        """
        given = [{"by": _user(), **_given(one)} for one in decisions]
        return self._events(Decide(given, self.thread))

    def pending(self) -> list[Request]:
        """Return the calls that wait for a decision.

        Raises:
            BusError: The robot does not run, or went away.
        """
        return msgspec.convert(self.result(Pending(self.thread)), list[Request])

    def cancel(self) -> None:
        """End the turn of this dialog that runs, whoever asked; what waits goes on waiting.

        Raises:
            BusError: The robot does not run, or did not answer.
        """
        self.result(CancelTurn(self.thread), STOP_SECONDS)

    def cut(self, turn: str, said: str) -> None:
        """Keep of an answer that was spoken only what was heard of it; see `Assistant.cut`.

        Args:
            turn: Id of the turn's record.
            said: What was heard.

        Raises:
            BusError: The robot does not run, or went away.
            InputError: The robot refused.
        """
        self.result(Cut(turn, said, self.thread))

    def forget(self, spans: Sequence[Span], *, dry: bool = False) -> dict[str, int]:
        """Forget what was perceived and said; see `sensebind.agent.robot.forgetting`.

        Args:
            spans: What goes.
            dry: Count alone, and change nothing.

        Returns:
            How many of what.

        Raises:
            BusError: The robot does not run, or went away.
            InputError: The robot refused, such as where a turn is running.
        """
        return dict(self.result(Forget(list(spans), dry)))

    def poses(self, since: float | None) -> Poses:
        """Return where the robot was of late.

        Args:
            since: `Poses.until` of the answer before; None returns no poses, and where to go on.

        Raises:
            BusError: The robot does not run, or went away.
            InputError: The robot does not know the question, as one of an earlier version.
        """
        return msgspec.convert(self.result(Track(since), STOP_SECONDS), Poses)

    def report(self) -> Mapping[str, Any]:
        """Return how the streams are doing, as `Awareness.report` does.

        Raises:
            BusError: The robot does not run, or went away.
        """
        return {
            name: SimpleNamespace(
                stream=name, counts=SimpleNamespace(restarts=one.pop("restarts")), **one
            )
            for name, one in self.result(Look())["streams"].items()
        }

    def tools(self) -> list[dict[str, Any]]:
        """Return name, description, risk class and schema of the robot's tools.

        Raises:
            BusError: The robot does not run, or went away.
        """
        return self.result(Look())["tools"]

    def call(self, tool: str, arguments: Mapping[str, Any]) -> Answer:
        """Call a tool that observes.

        Raises:
            BusError: The robot does not run, or went away.
            InputError: There is no such tool, or it refused.
        """
        return msgspec.convert(self.result(Call(tool, dict(arguments))), Answer)

    def act(self, tool: str, arguments: Mapping[str, Any], wait: float = 60.0) -> Answer:
        """Call a tool that acts, and wait for who decides about it: a person, or the policy.

        Args:
            tool: Its name.
            arguments: As its schema says.
            wait: Seconds for a person to decide; the call goes on waiting after that.

        Raises:
            BusError: The robot does not run, or went away.
            InputError: There is no such tool, or it does not take these arguments.
        """
        thread = f"program-{secrets.token_hex(8)}"
        with contextlib.closing(self.exchange(Follow(), wait)) as seen:
            next(seen)  # what happens from here on is seen
            record = None
            for event in self._events(Act(tool, dict(arguments), thread)):
                if isinstance(event, Finished):
                    record = event.record
            if record is not None and record.pending:
                record = _decided(seen, thread, time.monotonic() + wait)
        if record is None:
            return Answer(f"{tool} waits for a person's approval: it runs when they allow it")
        return Answer(record.error or record.assistant or "stopped")

    def _events(self, command: Command) -> Events:
        for kind, value in self.exchange(command, None):
            yield decode_event(kind, value)


def _decided(seen: Iterator[tuple[str, Any]], thread: str, until: float) -> TurnRecord | None:
    """Wait until a turn of a dialog is over; None where it still waits for a person."""
    decided = False
    with contextlib.suppress(BusError):  # nothing has happened for so long
        for _, event in seen:
            if time.monotonic() > until:
                return None
            if event["kind"] == "stopped":
                return TurnRecord("", assistant="the robot was stopped")
            if event["thread"] != thread:
                continue
            decided = decided or event["kind"] == "decided"
            if decided and event["kind"] == "finished":
                finished = decode_event(event["kind"], event["value"])
                assert isinstance(finished, Finished)
                return finished.record
    return None


def _given(decision: Decision) -> dict[str, Any]:
    """A decision as plain values; without who made it, where it does not say."""
    plain = msgspec.to_builtins(decision)
    return plain if plain["by"] else {k: v for k, v in plain.items() if k != "by"}


def _user() -> str:
    """Who uses this process, for the audit log."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user without a name
        return f"user {os.getuid()}"
