"""Turns of the robot for clients of the OpenAI protocol and of MCP, who decide nothing.

A turn in which a call waits for a person waits with it: its client is answered when a person at the
page or at a terminal has decided, or that it still waits.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections import OrderedDict
from collections.abc import AsyncGenerator, Sequence
from typing import Any

from sensebind.agent.robot.control_messages import Act, Ask
from sensebind.agent.server.content import Content
from sensebind.agent.server.following import Follower, Subscription
from sensebind.agent.server.link import RobotLink

WAIT_SECONDS = 120.0
"""How long a request waits for a person's decision before it is answered without one."""
_KEPT = 4096  # conversations whose dialogs are remembered

Step = tuple[str, Any]
"""Kind and value: those of the robot's events (`finished` has the turn's record), `pending` when
calls begin to wait for a person, and `waiting` with those that still do at the end."""


class Conversations:
    """Which dialog of the robot goes on with which conversation of a client."""

    def __init__(self) -> None:
        self._threads: OrderedDict[str, str] = OrderedDict()

    def take(self, said: Sequence[tuple[str, Content]]) -> str:
        """Return the dialog that holds what was said before, and no more; "" where none does.

        It goes on from there, so that nobody else who has said the same can go on in it.

        Args:
            said: Role and content of the messages before the last one.
        """
        return self._threads.pop(_key(said), "") if said else ""

    def note(self, said: Sequence[tuple[str, Content]], thread: str) -> None:
        """Remember which dialog a conversation is in.

        Args:
            said: All of it, with the answer.
            thread: Name of the dialog.
        """
        self._threads[_key(said)] = thread
        while len(self._threads) > _KEPT:
            self._threads.popitem(last=False)


def new_thread(prefix: str) -> str:
    """Return a name that no dialog has."""
    return f"{prefix}-{secrets.token_hex(8)}"


def _key(said: Sequence[tuple[str, Content]]) -> str:
    return "|".join(f"{role}:{content.digest}" for role, content in said)


class Turns:
    """Takes turns with the robot."""

    def __init__(self, link: RobotLink, follower: Follower, wait: float = WAIT_SECONDS) -> None:
        """Prepare.

        Args:
            link: To the robot.
            follower: Sees what others decide.
            wait: Seconds for a person to decide.
        """
        self._link = link
        self._follower = follower
        self._wait = wait

    async def take(self, ask: Ask | Act) -> AsyncGenerator[Step, None]:
        """Take a turn; closing it ends the turn, but not what waits for a person.

        Args:
            ask: What is said, or the one call that is made.

        Raises:
            SenseBindError: The robot does not run, or refused.
        """
        said = False
        async with contextlib.aclosing(self._steps(ask)) as steps:
            async for kind, value in steps:
                if kind in ("text", "call"):
                    said = kind == "text"
                elif kind == "finished" and not said and value["assistant"]:
                    yield "text", {"text": value["assistant"]}  # of a model that does not stream
                yield kind, value

    async def _steps(self, ask: Ask | Act) -> AsyncGenerator[Step, None]:
        with self._follower.subscribed() as seen:
            await self._follower.ready()
            pending: list[Any] = []
            async with contextlib.aclosing(self._link.events(ask)) as events:
                async for kind, value in events:
                    if kind == "finished":
                        value = value["record"]
                        if pending := value["pending"]:
                            break
                    yield kind, value
            if not pending:
                return
            yield "pending", pending
            async with contextlib.aclosing(self._decided(seen, ask.thread, pending)) as steps:
                async for step in steps:
                    yield step

    async def _decided(
        self, seen: Subscription, thread: str, pending: list[Any]
    ) -> AsyncGenerator[Step, None]:
        """Yield how a turn goes on that others decide about."""
        loop = asyncio.get_running_loop()
        until, decided = loop.time() + self._wait, False
        while True:
            try:
                await asyncio.wait_for(seen.wait(), max(0.0, until - loop.time()))
            except TimeoutError:
                yield "waiting", pending
                return
            for event in seen.take():
                kind, value = event["kind"], event["value"]
                if kind in ("stopped", "disconnected") and not decided:
                    yield "waiting", []
                    return
                if event["thread"] != thread:
                    continue
                if kind == "decided":
                    decided = True
                    until = float("inf")
                    yield kind, value
                elif decided and kind == "finished" and value["record"]["pending"]:
                    decided, pending = False, value["record"]["pending"]
                    until = loop.time() + self._wait
                    yield "pending", pending
                elif decided and kind == "finished":
                    yield kind, value["record"]
                    return
                elif decided:
                    yield kind, value
