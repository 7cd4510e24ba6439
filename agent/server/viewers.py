"""Who looks at a robot's page: one live connection for each of them.

Each viewer has a place for the newest message of each kind. What is not sent before a newer one
comes is dropped and counted, so that a slow viewer sees less, and slows nobody.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections import deque
from collections.abc import Callable, Coroutine
from contextlib import ExitStack
from typing import Any

import msgspec
import numpy as np

from sensebind.agent.conditioning.words import Words
from sensebind.agent.robot.control_messages import (
    Detect,
    Devices,
    Embedding,
    Vocabulary,
    Waiting,
    Watching,
    Where,
)
from sensebind.agent.server.following import Follower, Happened
from sensebind.agent.server.kept_frames import KeptFrames
from sensebind.agent.server.link import RobotLink
from sensebind.agent.server.scene import Scene
from sensebind.agent.threads import Dialogs
from sensebind.errors import SenseBindError
from sensebind.perception.modality import modality_info

log = logging.getLogger(__name__)

MAX_VIEWERS = 16
_FRAMES = 8  # that one viewer asked for and has not been sent
_RECENT = 20  # turns of the dialog that a new viewer is shown
_PATH = 600  # places where the robot was that are drawn
_NEAR = 0.03  # metres that the robot goes before a place is added
_DETECT_SECONDS = 1.0  # from the end of one detection to the next
_POSE_SECONDS = 0.5
_DEVICE_SECONDS = 1.0
_WATCH_SECONDS = 1.0  # between two looks at what is watched for, and what fired
_AGAIN_SECONDS = 2.0  # after something could not be shown
_CHANGES = frozenset({"approval", "decided", "stopped", "finished", "connected"})
"""What may change which calls wait."""


class Viewer:
    """What one viewer is still to be sent.

    Attributes:
        dropped: Messages that a newer one replaced before they were sent.
    """

    def __init__(self) -> None:
        self._newest: dict[str, str | bytes] = {}
        self._events: deque[str] = deque()
        self._frames: deque[bytes] = deque()
        self._gone = False
        self._room = asyncio.Event()
        self._changed = asyncio.Event()
        self.dropped = 0

    def show(self, key: str, message: str | bytes) -> None:
        """Queue the newest message of a kind; the one before it is dropped."""
        if key in self._newest:
            self.dropped += 1
        self._newest[key] = message
        self._changed.set()

    def queue(self, message: str) -> None:
        """Queue a message that is not replaced, in order; the oldest go where there are many."""
        if len(self._events) >= 2048:
            self._events.popleft()
            self.dropped += 1
        self._events.append(message)
        self._changed.set()

    def greet(self, message: str) -> None:
        """Queue the message that comes before all others."""
        self._events.appendleft(message)
        self._changed.set()

    async def give(self, frame: bytes) -> None:
        """Queue a frame that the viewer asked for, when there is room; nothing once it is gone."""
        while len(self._frames) >= _FRAMES and not self._gone:
            self._room.clear()
            await self._room.wait()
        if not self._gone:
            self._frames.append(frame)
            self._changed.set()

    def close(self) -> None:
        """End the wait of frames that nobody takes any more."""
        self._gone = True
        self._room.set()

    async def take(self) -> str | bytes:
        """Wait for the next message to send: events, then frames, then the newest of each kind."""
        while True:
            if self._events:
                return self._events.popleft()
            if self._frames:
                self._room.set()
                return self._frames.popleft()
            if self._newest:
                key = next(iter(self._newest))
                return self._newest.pop(key)
            self._changed.clear()
            await self._changed.wait()


class Viewers:
    """All viewers of a robot. What they see is made while there are any.

    Attributes:
        frames: Gives them what the robot keeps.
    """

    def __init__(self, link: RobotLink, follower: Follower) -> None:
        """Prepare.

        Args:
            link: To the robot.
            follower: Sees what happens in all turns.
        """
        self._link = link
        self._follower = follower
        self._all: set[Viewer] = set()
        self._work: asyncio.Task[None] | None = None
        self._seeing = asyncio.Event()
        self._turns: set[asyncio.Task[None]] = set()
        self._path: deque[list[float]] = deque(maxlen=_PATH)
        self._watching: dict[str, Any] = {}
        self._states: dict[str, str] = {}
        self.frames = KeptFrames(link.config)

    @property
    def full(self) -> bool:
        """Whether nobody more is let in."""
        return len(self._all) >= MAX_VIEWERS

    def join(self) -> Viewer:
        """Return a new viewer, who is shown what comes from now on."""
        viewer = Viewer()
        self._all.add(viewer)
        if self._work is None or self._work.done():
            self._seeing = asyncio.Event()
            self._work = asyncio.create_task(self._run(self._seeing))
        return viewer

    async def leave(self, viewer: Viewer) -> None:
        """Forget a viewer; the last one ends what is made for them."""
        self._all.discard(viewer)
        viewer.close()
        if not self._all and self._work is not None:
            work, self._work = self._work, None
            # What is forgotten while nobody looks is not heard of here: nothing of it is kept.
            self._watching, self._states = {}, {}
            self._path.clear()
            work.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await work

    def begin(self, work: Coroutine[Any, Any, None]) -> None:
        """Do something for a viewer, which goes on when they leave: the others see it, too."""
        task = asyncio.create_task(work)
        self._turns.add(task)
        task.add_done_callback(self._turns.discard)

    async def greeting(self) -> dict[str, Any]:
        """Return what a new viewer is shown at once."""
        config = self._link.config
        modalities = config.modalities
        await self._seeing.wait()  # so that nothing is missed that happens from here on
        pending: Any = {}
        with contextlib.suppress(SenseBindError):
            pending = await self._link.result(Waiting())
        return {
            "streams": [
                {"name": own, "stream": name, "modality": modalities[name]}
                for own, name in config.stream_names.items()
            ],
            "fence": config.policy.fence,
            "memory": config.memory is not None,
            "senses": sorted({modality_info(one).sense for one in modalities.values()} - {""}),
            "watching": self._watching or None,
            "devices": self._states,
            "path": list(self._path),
            "pending": pending,
            "turns": await asyncio.to_thread(self._recent),
        }

    def _recent(self) -> list[dict[str, Any]]:
        file = self._link.config.state_directory / "dialogs.sqlite"
        try:
            with Dialogs(file, create=False) as dialogs:
                return list(dialogs.turns("default"))[-_RECENT:]
        except SenseBindError:  # nothing was said yet
            return []

    # --- what is made for them ------------------------------------------------------------------

    async def _run(self, seeing: asyncio.Event) -> None:
        loop, stack = asyncio.get_running_loop(), ExitStack()

        def show(key: str, message: str | bytes) -> None:
            with contextlib.suppress(RuntimeError):  # the loop is closed
                loop.call_soon_threadsafe(self._show, key, message)

        scene = Scene(self._link.config, show)

        async def name() -> None:  # pictures come before their words
            scene.words = await self._words()

        tasks = [
            asyncio.create_task(name()),
            *(
                asyncio.create_task(self._again(work))
                for work in (
                    lambda: self._events(seeing),
                    self._detections,
                    self._poses,
                    self._watches,
                    self._devices,
                )
            ),
        ]
        try:
            await asyncio.to_thread(stack.enter_context, scene)
            await asyncio.gather(*tasks)
        except SenseBindError as error:
            log.error("viewers are shown nothing any more: %s", error)
        finally:
            for one in tasks:
                one.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await asyncio.to_thread(stack.close)

    async def _again(self, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Do something again and again, whatever goes wrong in it."""
        while True:
            try:
                await work()
                continue
            except SenseBindError as error:
                log.debug("viewers are not shown something: %s", error)
            except Exception:  # a fault in one of them must not end the others
                log.exception("viewers are not shown something")
            await asyncio.sleep(_AGAIN_SECONDS)

    async def _words(self) -> Words | None:
        try:
            found = msgspec.convert(await self._link.result(Vocabulary()), list[Embedding])
            texts = np.stack([np.frombuffer(one.text, "<f4") for one in found])
            return Words([one.word for one in found], texts)
        except (SenseBindError, msgspec.ValidationError, ValueError) as error:
            log.warning("what is perceived is not named at the page: %s", error)
            return None

    async def _events(self, seeing: asyncio.Event) -> None:
        with self._follower.subscribed() as seen:
            await self._follower.ready()
            seeing.set()
            await self._waiting()
            async for event in seen:
                self._publish(event)
                if event["kind"] == "forgotten":
                    await self._forgotten()
                if event["kind"] in _CHANGES:
                    await self._waiting()

    async def _waiting(self) -> None:
        """Show which calls wait for a person."""
        with contextlib.suppress(SenseBindError):
            pending = await self._link.result(Waiting())
            self._show("pending", _text({"type": "pending", "pending": pending}))

    async def _detections(self) -> None:
        found = await self._link.result(Detect())
        self._show("detections", _text({"type": "detections"} | found))
        await asyncio.sleep(_DETECT_SECONDS)

    async def _poses(self) -> None:
        pose = await self._link.result(Where())
        if pose is None:
            await asyncio.sleep(10 * _POSE_SECONDS)
            return
        x, y = pose[:2]
        if not self._path or abs(x - self._path[-1][0]) + abs(y - self._path[-1][1]) > _NEAR:
            self._path.append([round(x, 3), round(y, 3)])
        self._show("pose", _text({"type": "pose", "pose": pose, "at": time.time()}))
        await asyncio.sleep(_POSE_SECONDS)

    async def _watches(self) -> None:
        if self._link.config.memory is None:
            await asyncio.Event().wait()  # this robot watches for nothing, whatever comes
        self.watched(await self._link.result(Watching()))
        await asyncio.sleep(_WATCH_SECONDS)

    async def _devices(self) -> None:
        if self._link.config.simhome is None:
            await asyncio.Event().wait()  # only those of a simulated home say how they are
        states = await self._link.result(Devices())
        if states and states != self._states:
            self._states = states
            self._show("devices", _text({"type": "devices", "states": states}))
        await asyncio.sleep(_DEVICE_SECONDS)

    def watched(self, watching: dict[str, Any]) -> None:
        """Show what is watched for, and what fired, where that has changed."""
        if watching != self._watching:
            self._watching = watching
            self._show("watching", _text({"type": "watching"} | watching))

    async def _forgotten(self) -> None:
        """Take from the pages what the robot has forgotten: they show no more than there is."""
        self._path.clear()
        turns = await asyncio.to_thread(self._recent)
        for one in self._all:
            one.queue(_text({"type": "forgotten", "turns": turns}))
        with contextlib.suppress(SenseBindError):
            self.watched(await self._link.result(Watching()))

    def _show(self, key: str, message: str | bytes) -> None:
        for one in self._all:
            one.show(key, message)

    def _publish(self, event: Happened) -> None:
        text = _text({"type": "event"} | event)
        for one in self._all:
            one.queue(text)


def _text(value: Any) -> str:
    return msgspec.json.encode(value).decode()
