"""The page of a robot: its files, and the live connection behind it."""

from __future__ import annotations

import asyncio
import contextlib
import mimetypes
from collections.abc import Iterator
from importlib import resources
from typing import Annotated, Any, Literal

import msgspec
from fastapi import FastAPI, Response, WebSocket, WebSocketDisconnect

from sensebind.agent.robot.control_messages import (
    Ask,
    Decide,
    Explain,
    Recall,
    Stop,
    Unwatch,
    WatchFor,
)
from sensebind.agent.robot.pausing import SharedPauses
from sensebind.agent.server.content import decode
from sensebind.agent.server.errors import NotAllowed
from sensebind.agent.server.link import RobotLink
from sensebind.agent.server.tokens import Role
from sensebind.agent.server.viewers import Viewer, Viewers
from sensebind.errors import InputError, SenseBindError, one_line

MAX_WORDS = 4000
"""Characters of one question."""
MAX_EXAMPLE = 3_500_000
"""Characters of the base64 of what is looked for: 2.6 MB, within a WebSocket's message."""
MAX_WISHES = 64
"""Wishes of one viewer that are carried out at a time; a stop needs no place among them."""
_STATIC = "static"
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; "
    "media-src blob:; connect-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)


class Say(msgspec.Struct, tag="say", tag_field="type"):
    """A question to the robot.

    Attributes:
        text: What is said.
    """

    text: Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_WORDS)]


class Judged(msgspec.Struct):
    """What is decided about one call.

    Attributes:
        request: Its id.
        kind: What is decided.
    """

    request: Annotated[str, msgspec.Meta(min_length=1, max_length=500)]
    kind: Literal["approve", "reject"]


class Judge(msgspec.Struct, tag="decide", tag_field="type"):
    """Decides all calls of a dialog that wait.

    Attributes:
        thread: Name of the dialog.
        decisions: One for each.
    """

    thread: Annotated[str, msgspec.Meta(max_length=200)]
    decisions: Annotated[list[Judged], msgspec.Meta(min_length=1, max_length=64)]


class Halt(msgspec.Struct, tag="stop", tag_field="type"):
    """Stops the robot."""


class Pause(msgspec.Struct, tag="pause", tag_field="type"):
    """Closes or opens a sensor.

    Attributes:
        stream: Its name in the robot's file.
        paused: Whether it is closed.
    """

    stream: Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
    paused: bool


class Example(msgspec.Struct):
    """An image or a sound that is looked for.

    Attributes:
        kind: Which of both.
        mime: Its media type, as the browser says it.
        data: Base64 of the file.
    """

    kind: Literal["image", "audio"]
    mime: Annotated[str, msgspec.Meta(max_length=100)]
    data: Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_EXAMPLE)]


class Remember(msgspec.Struct, tag="remember", tag_field="type"):
    """Searches the memory; of what one viewer asks for, the newest is answered.

    Attributes:
        number: Comes back with what is found.
        text: What to look for; "" goes by time alone, where nothing is shown either.
        example: What to look for instead.
        sense: Sense slot that perceived it; "" takes all.
        since: Only what went on at or after this, seconds since 1970.
        until: Only what went on at or before this, likewise; None is no bound.
    """

    number: int = 0
    text: Annotated[str, msgspec.Meta(max_length=MAX_WORDS)] = ""
    example: Example | None = None
    sense: Annotated[str, msgspec.Meta(max_length=32)] = ""
    since: float = 0.0
    until: float | None = None


class Fetch(msgspec.Struct, tag="frame", tag_field="type"):
    """Shows a frame that is kept.

    Attributes:
        reference: `frame:<stream>@<ns>`.
    """

    reference: Annotated[str, msgspec.Meta(min_length=1, max_length=256)]


class Explained(msgspec.Struct, tag="explain", tag_field="type"):
    """Shows how something that was perceived came into an answer.

    Attributes:
        reference: `frame:<stream>@<ns>`.
    """

    reference: Annotated[str, msgspec.Meta(min_length=1, max_length=256)]


class Watch(msgspec.Struct, tag="watch", tag_field="type"):
    """Adds a watch, which speaks when it fires.

    Attributes:
        what: What to watch for, in words.
        sense: Sense slot that is watched; "" watches all.
    """

    what: Annotated[str, msgspec.Meta(min_length=1, max_length=100)]
    sense: Annotated[str, msgspec.Meta(max_length=32)] = ""


class EndWatch(msgspec.Struct, tag="unwatch", tag_field="type"):
    """Removes a watch.

    Attributes:
        name: Of the watch.
    """

    name: Annotated[str, msgspec.Meta(min_length=1, max_length=100)]


Wish = Say | Judge | Halt | Pause | Remember | Fetch | Explained | Watch | EndWatch
_OF_VIEWERS = (Halt, Remember, Fetch, Explained)
"""What those who may only look may wish for."""
_wishes = msgspec.json.Decoder(Wish)


def static_files() -> dict[str, tuple[str, bytes]]:
    """Return the files of the page: media type and content, by path."""
    found = {}
    for file in (resources.files("sensebind.agent.server") / _STATIC).iterdir():
        kind = mimetypes.guess_type(file.name)[0] or "application/octet-stream"
        if file.name.endswith(".js"):
            kind = "text/javascript"
        if kind.startswith("text/"):
            kind += "; charset=utf-8"
        path = "/" if file.name == "index.html" else f"/ui/{file.name}"
        found[path] = kind, file.read_bytes()
    return found


def add_page(app: FastAPI, link: RobotLink, viewers: Viewers, operator: str) -> None:
    """Serve the page of a robot.

    Args:
        app: The application.
        link: To the robot.
        viewers: Who looks at it.
        operator: Name of who holds the operator's token.
    """
    for path, (kind, content) in static_files().items():
        app.add_api_route(path, _file(kind, content), include_in_schema=False)

    @app.websocket("/ui/live")
    async def live(socket: WebSocket) -> None:
        role = socket.scope["role"]
        await socket.accept("sensebind" if "sensebind" in socket.scope["subprotocols"] else None)
        if role not in (Role.VIEWER, Role.OPERATOR):
            await socket.close(4003, "this token is for the API: the page has others")
            return
        if viewers.full:
            await socket.close(4008, "there are too many viewers already")
            return
        viewer = viewers.join()
        session = _Session(link, viewers, viewer, role, operator)
        try:
            greeting = {
                "type": "hello",
                "robot": link.config.run_name,
                "role": role,
                "operator": operator if role == Role.OPERATOR else "",
            }
            viewer.greet(_text(greeting | await viewers.greeting()))
            sending = asyncio.create_task(_send(socket, viewer))
            receiving = asyncio.create_task(session.receive(socket))
            both = [sending, receiving]
            await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
            for one in both:
                one.cancel()
            await asyncio.gather(*both, return_exceptions=True)
        finally:
            await viewers.leave(viewer)


class _Session:
    """Does what one viewer wants, as far as their token allows."""

    def __init__(
        self, link: RobotLink, viewers: Viewers, viewer: Viewer, role: str, operator: str
    ) -> None:
        self._link = link
        self._viewers = viewers
        self._viewer = viewer
        self._role = role
        self._operator = operator
        self._doing = 0
        self._searching = False
        self._wanted: Remember | None = None

    async def receive(self, socket: WebSocket) -> None:
        """Take wishes until the viewer goes."""
        with contextlib.suppress(WebSocketDisconnect):
            while True:
                text = await socket.receive_text()
                self._viewers.begin(self._do(text))

    async def _do(self, text: str) -> None:
        try:
            wish = _wish(text)
            if not isinstance(wish, _OF_VIEWERS) and self._role != Role.OPERATOR:
                raise NotAllowed("a viewer may look, and stop: the operator's address may do this")
            with self._place(wish):
                await self._wish(wish)
        except SenseBindError as error:
            self._viewer.queue(_text({"type": "error", "text": one_line(error)}))

    @contextlib.contextmanager
    def _place(self, wish: Wish) -> Iterator[None]:
        """Hold one of a viewer's places while a wish is carried out.

        Raises:
            InputError: All are taken.
        """
        if isinstance(wish, Halt):
            yield
            return
        if self._doing >= MAX_WISHES:
            raise InputError(f"{MAX_WISHES} wishes of this viewer are not carried out yet")
        self._doing += 1
        try:
            yield
        finally:
            self._doing -= 1

    async def _wish(self, wish: Wish) -> None:
        who = f"{self._operator} (page)"
        match wish:
            case Halt():
                by = who if self._role == Role.OPERATOR else "a viewer (page)"
                await self._link.result(Stop(f"{by} said stop"))
            case Say():
                await self._drain(Ask(wish.text))
            case Judge():
                decisions = [
                    {"kind": one.kind, "request": one.request, "by": who} for one in wish.decisions
                ]
                await self._drain(Decide(decisions, wish.thread))
            case Pause():
                pauses = SharedPauses(self._link.config)
                change = pauses.pause if wish.paused else pauses.resume
                await asyncio.to_thread(change, wish.stream)
            case Remember():
                await self._remember(wish)
            case Fetch():
                frame = await self._viewers.frames.message(wish.reference)
                await self._viewer.give(frame)
            case Explained():
                await self._explain(wish.reference)
            case Watch():
                self._viewers.watched(await self._link.result(WatchFor(wish.what, wish.sense)))
            case EndWatch():
                self._viewers.watched(await self._link.result(Unwatch(wish.name)))

    async def _explain(self, reference: str) -> None:
        answer: dict[str, Any] = {"type": "explained", "reference": reference}
        try:
            answer |= await self._link.result(Explain(reference))
        except SenseBindError as error:
            answer["gone"] = one_line(error)
        self._viewer.queue(_text(answer))

    async def _remember(self, wish: Remember) -> None:
        """Search the memory; while that goes on, only the newest of further wishes is kept."""
        self._wanted = wish
        if self._searching:
            return
        self._searching = True
        try:
            while (wanted := self._wanted) is not None:
                self._wanted = None
                self._viewer.show("found", _text(await self._found(wanted)))
        finally:
            self._searching = False

    async def _found(self, wish: Remember) -> dict[str, Any]:
        answer: dict[str, Any] = {"type": "found", "number": wish.number, "episodes": []}
        try:
            example = {}
            if (shown := wish.example) is not None:
                decode(shown.data, shown.kind)
                example = {"type": shown.kind, "base64": shown.data, "mime_type": shown.mime}
            command = Recall(wish.text, example, wish.sense, wish.since, wish.until)
            answer["episodes"] = await self._link.result(command)
        except SenseBindError as error:
            answer["error"] = one_line(error)
        return answer

    async def _drain(self, command: Ask | Decide) -> None:
        """Take a turn; all viewers see what happens in it."""
        async with contextlib.aclosing(self._link.events(command)) as events:
            async for _ in events:
                pass


async def _send(socket: WebSocket, viewer: Viewer) -> None:
    reported = 0
    with contextlib.suppress(WebSocketDisconnect, RuntimeError):  # the viewer has gone
        while True:
            message = await viewer.take()
            if isinstance(message, bytes):
                await socket.send_bytes(message)
            else:
                await socket.send_text(message)
            if viewer.dropped != reported:
                reported = viewer.dropped
                viewer.show("dropped", _text({"type": "dropped", "count": reported}))


def _wish(text: str) -> Wish:
    try:
        return _wishes.decode(text)
    except (msgspec.DecodeError, RecursionError) as error:
        raise InputError(f"a wish that cannot be read: {error}") from error


def _file(kind: str, content: bytes) -> Any:
    async def give() -> Response:
        headers = {
            "content-security-policy": _POLICY,
            "referrer-policy": "no-referrer",
            "cache-control": "no-cache",
        }
        return Response(content, media_type=kind, headers=headers)

    return give


def _text(value: Any) -> str:
    return msgspec.json.encode(value).decode()
