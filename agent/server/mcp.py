"""The robot's tools for other agents: MCP over streamable HTTP, at /mcp.

Each request stands for itself and is answered in JSON, so there are no sessions to bound. What is
offered is asked of the robot each time: it may have been started again with other tools.
"""

from __future__ import annotations

import asyncio
import json
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse

from sensebind.agent.robot.control_messages import Look
from sensebind.agent.server.errors import only
from sensebind.agent.server.link import RobotLink
from sensebind.agent.server.offering import RunningTools
from sensebind.agent.server.tokens import Role
from sensebind.agent.server.turns import Turns
from sensebind.perception.http_server import Message, Receive, Scope, Send
from sensebind.tools.mcp_server import EXTRA, mcp_server

PATH = "/mcp"
ENDED = "the server ended before the call did: what waits for a person goes on waiting for one"
_INTERNAL_ERROR = -32603  # JSON-RPC 2.0, section 5.1


def add_mcp(app: FastAPI, link: RobotLink, turns: Turns) -> None:
    """Offer the tools of a robot to MCP clients that have the API's token.

    Calls that act wait until page, terminal or policy decides, and `stop` waits for nothing.

    Args:
        app: The application.
        link: To the robot.
        turns: Takes turns with it.
    """
    running = RunningTools(link, turns)

    @app.post(PATH, include_in_schema=False)
    async def call(request: Request) -> Response:
        only(request.scope, Role.API, Role.OPERATOR)
        try:
            from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
        except ImportError:
            return JSONResponse({"error": EXTRA}, 501)
        tools = running.offered((await link.result(Look()))["tools"])
        server = mcp_server(tools, name=link.config.run_name)
        return _Exchange(StreamableHTTPSessionManager(server, json_response=True, stateless=True))


class _Exchange(Response):
    """Lets the MCP library answer a request, and answers itself where the server ends first."""

    def __init__(self, manager: Any) -> None:
        super().__init__()
        self._manager = manager

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        body, begun = b"", False

        async def read() -> Message:
            nonlocal body
            message = await receive()
            body += message.get("body", b"")
            return message

        async def write(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            async with self._manager.run():
                await self._manager.handle_request(scope, read, write)
        except asyncio.CancelledError:
            if not begun:  # MCP's own clients tell nobody what comes with another status than 200
                error = {"code": _INTERNAL_ERROR, "message": ENDED}
                answer = {"jsonrpc": "2.0", "id": _id_of(body), "error": error}
                await JSONResponse(answer)(scope, receive, send)
            raise


def _id_of(body: bytes) -> str | int | None:
    """Return the id of a JSON-RPC request; None where it cannot be read."""
    try:
        found = json.loads(body)["id"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    return found if isinstance(found, str | int) else None
