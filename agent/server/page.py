"""The page of a robot: its files, and the live connection behind it."""

from __future__ import annotations

import asyncio
import contextlib
import mimetypes
from importlib import resources
from typing import Annotated, Any, Literal

import msgspec
from fastapi import FastAPI, Response, WebSocket, WebSocketDisconnect

from sensebind.agent.robot.control_messages import Ask, Decide, Stop
from sensebind.agent.robot.pausing import SharedPauses
from sensebind.agent.server.errors import NotAllowed
from sensebind.agent.server.link import RobotLink
from sensebind.agent.server.tokens import Role
from sensebind.agent.server.viewers import Viewer, Viewers
from sensebind.errors import InputError, SenseBindError, one_line

MAX_WORDS = 4000
"""Characters of one question."""
_STATIC = "static"
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
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


Wish = Say | Judge | Halt | Pause
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

    async def receive(self, socket: WebSocket) -> None:
        """Take wishes until the viewer goes."""
        with contextlib.suppress(WebSocketDisconnect):
            while True:
                text = await socket.receive_text()
                self._viewers.begin(self._do(text))

    async def _do(self, text: str) -> None:
        try:
            wish = _wish(text)
            if not isinstance(wish, Halt) and self._role != Role.OPERATOR:
                raise NotAllowed("a viewer may look, and stop: the operator's address may do this")
            await self._wish(wish)
        except SenseBindError as error:
            self._viewer.queue(_text({"type": "error", "text": one_line(error)}))

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
