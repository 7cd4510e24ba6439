"""What happens in all turns of the robot, for everybody in this process who waits for it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import AsyncIterator, Iterator
from typing import Any

from sensebind.agent.robot.control_messages import Follow
from sensebind.agent.server.link import RobotLink
from sensebind.errors import SenseBindError

log = logging.getLogger(__name__)

_PAUSE = 1.0  # seconds before the robot is followed again, after it went away
_QUEUE = 2048  # events that one subscriber may be behind

Happened = dict[str, Any]
"""`thread`, `kind` and `value` of an event; `dropped` counts those that were lost before it."""


class Subscription:
    """Events from now on, for one reader; the oldest are dropped where it is too slow.

    Attributes:
        dropped: How many were.
    """

    def __init__(self) -> None:
        self._events: deque[Happened] = deque()
        self._changed = asyncio.Event()
        self.dropped = 0

    def put(self, event: Happened) -> None:
        """Queue an event."""
        if len(self._events) >= _QUEUE:
            self._events.popleft()
            self.dropped += 1
        self._events.append(event)
        self._changed.set()

    def take(self) -> list[Happened]:
        """Return what has come since the last call."""
        taken = list(self._events)
        self._events.clear()
        self._changed.clear()
        return taken

    async def wait(self) -> None:
        """Wait until there is something to take."""
        await self._changed.wait()

    async def __aiter__(self) -> AsyncIterator[Happened]:
        while True:
            await self.wait()
            for event in self.take():
                yield event


class Follower:
    """Follows a robot in a task of the server's loop, and again when it comes back.

    Attributes:
        connected: Whether it is followed now.
    """

    def __init__(self, link: RobotLink) -> None:
        """Prepare.

        Args:
            link: To the robot.
        """
        self._link = link
        self._subscribers: set[Subscription] = set()
        self._task: asyncio.Task[None] | None = None
        self._tried = asyncio.Event()
        self.connected = False

    @contextlib.contextmanager
    def subscribed(self) -> Iterator[Subscription]:
        """Give a subscription; its events begin now."""
        if self._task is None or self._task.done():  # in the loop that serves, whichever it is
            self._task = asyncio.get_running_loop().create_task(self._run())
        subscription = Subscription()
        self._subscribers.add(subscription)
        try:
            yield subscription
        finally:
            self._subscribers.discard(subscription)

    async def ready(self) -> bool:
        """Wait until the robot is followed, or cannot be; return whether it is."""
        await self._tried.wait()
        return self.connected

    async def close(self) -> None:
        """End the task; may be called again."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
            self._task = None

    async def _run(self) -> None:
        while True:
            try:
                async with contextlib.aclosing(self._link.events(Follow())) as events:
                    async for kind, value in events:
                        if kind == "following":
                            self.connected = True
                            self._tried.set()
                            self._hand_on({"thread": "", "kind": "connected", "value": None})
                        else:
                            self._hand_on(value)
            except SenseBindError as error:
                log.debug("the robot is not followed: %s", error)
            if self.connected:
                self.connected = False
                self._hand_on({"thread": "", "kind": "disconnected", "value": None})
            self._tried.set()
            await asyncio.sleep(_PAUSE)

    def _hand_on(self, event: Happened) -> None:
        for one in self._subscribers:
            one.put(event)
