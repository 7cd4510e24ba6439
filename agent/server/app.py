"""The ASGI application of a robot: the OpenAI protocol, MCP, and the page."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

from fastapi import FastAPI, Request, Response, WebSocket, WebSocketDisconnect
from fastapi.responses import JSONResponse

from sensebind.agent.robot.control_messages import Look
from sensebind.agent.server.chat import Chat, ChatRequest
from sensebind.agent.server.embeddings import MODEL, EmbeddingRequest, embed
from sensebind.agent.server.errors import UnknownModel, add_handlers, only
from sensebind.agent.server.following import Follower
from sensebind.agent.server.link import RobotLink
from sensebind.agent.server.mcp import add_mcp
from sensebind.agent.server.page import add_page, static_files
from sensebind.agent.server.realtime import RealtimeSession
from sensebind.agent.server.sse import EventStream, unless_gone
from sensebind.agent.server.tokens import Role
from sensebind.agent.server.turns import WAIT_SECONDS, Turns
from sensebind.agent.server.viewers import Viewers
from sensebind.errors import SenseBindError
from sensebind.perception.http_server import LOCAL_HOSTS, HttpRules

OPEN = frozenset({"/healthz"})
"""What needs no token: whether the server and its robot are there; and the files of the page, which
show nothing without one."""


@dataclass(frozen=True, slots=True)
class ServeOptions:
    """How a robot is served.

    Attributes:
        operator: Name of who holds the operator's token, for the audit log.
        hosts: Names that callers may ask for; empty allows all.
        origins: Other sites whose pages may call.
        wait: Seconds that a request waits for a person's decision.
        max_body: Most bytes of a request.
        per_minute: Most requests of one role in a minute.
        connections: Most connections at a time.
    """

    operator: str = "operator"
    hosts: frozenset[str] = LOCAL_HOSTS
    origins: frozenset[str] = field(default_factory=frozenset)
    wait: float = WAIT_SECONDS
    max_body: int = 24 << 20
    per_minute: int = 600
    connections: int = 128

    def rules(self, roles: dict[str, str]) -> HttpRules:
        """Return what callers are held to.

        Args:
            roles: Tokens by role.
        """
        return HttpRules(
            hosts=self.hosts,
            roles=roles,
            open=OPEN | frozenset(static_files()),
            origins=self.origins,
            per_minute=self.per_minute,
            websockets=True,
            max_message=4 << 20,
            max_body=self.max_body,
            receive_seconds=30.0,
            answer_seconds=900.0,
            connections=self.connections,
        )


def make_app(link: RobotLink, options: ServeOptions) -> FastAPI:
    """Return the application.

    Args:
        link: To the robot.
        options: How it is served.
    """
    model, began = link.config.run_name, int(time.time())
    follower = Follower(link)
    turns = Turns(link, follower, options.wait)
    chat = Chat(link, turns, model)

    app = FastAPI(title=f"SenseBind: {model}", docs_url=None, redoc_url=None)
    add_handlers(app)
    add_page(app, link, Viewers(link, follower), options.operator)
    add_mcp(app, link, turns)

    def known(name: str, wanted: str) -> None:
        if name != wanted:
            raise UnknownModel(f"the model {name[:80]!r} is not served here: use {wanted!r}")

    def models() -> list[dict[str, Any]]:
        made = {"object": "model", "created": began, "owned_by": "sensebind"}
        return [{"id": one} | made for one in (model, MODEL)]

    @app.get("/healthz")
    async def health() -> JSONResponse:
        """Whether the robot answers."""
        try:
            await asyncio.wait_for(link.result(Look()), 5.0)
        except (SenseBindError, TimeoutError):
            return JSONResponse({"status": "the robot does not answer"}, 503)
        return JSONResponse({"status": "ok"})

    @app.get("/v1/models")
    async def list_models(request: Request) -> dict[str, Any]:
        """The robot, and its encoder."""
        only(request.scope, Role.API, Role.OPERATOR)
        return {"object": "list", "data": models()}

    @app.get("/v1/models/{name}")
    async def one_model(name: str, request: Request) -> dict[str, Any]:
        """One of them."""
        only(request.scope, Role.API, Role.OPERATOR)
        for one in models():
            if one["id"] == name:
                return one
        raise UnknownModel(f"the model {name[:80]!r} is not served here")

    @app.post("/v1/chat/completions")
    async def completions(body: ChatRequest, request: Request) -> Response:
        """Talk with the robot, or with its language model where the client has tools."""
        only(request.scope, Role.API, Role.OPERATOR)
        known(body.model, model)
        chat.check(body)
        if body.stream:
            return EventStream(chat.stream(body))
        return JSONResponse(await unless_gone(request, chat.answer(body)))

    @app.post("/v1/embeddings")
    async def embeddings(body: EmbeddingRequest, request: Request) -> JSONResponse:
        """Embed texts, images, sounds and point clouds in one space."""
        only(request.scope, Role.API, Role.OPERATOR)
        known(body.model, MODEL)
        return JSONResponse(await unless_gone(request, embed(link, body)))

    @app.websocket("/v1/realtime")
    async def realtime(socket: WebSocket) -> None:
        offered = socket.scope.get("subprotocols") or []
        await socket.accept("realtime" if "realtime" in offered else None)
        session = RealtimeSession(link, turns, model, socket.send_text)
        name = socket.query_params.get("model", model)
        if socket.scope["role"] not in (Role.API, Role.OPERATOR) or name != model:
            await socket.close(4003, f"use the model {model!r}, with the API's token"[:120])
            return
        with contextlib.suppress(WebSocketDisconnect, RuntimeError):  # the client has gone
            try:
                await session.begin()
                async for message in _messages(socket):
                    await session.take(message)
            finally:
                await session.close()

    return app


async def _messages(socket: WebSocket) -> AsyncIterator[str | bytes]:
    while True:
        message = await socket.receive()
        if message["type"] != "websocket.receive":
            return
        text = message.get("text")
        yield text if text is not None else message.get("bytes") or b""
