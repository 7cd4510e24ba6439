"""The robot's tools for other agents: MCP over streamable HTTP, at /mcp.

Each request stands for itself and is answered in JSON, so there are no sessions to bound. What is
offered is asked of the robot each time: it may have been started again with other tools.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse

from sensebind.agent.robot.client import AttachedRobot
from sensebind.agent.robot.control_messages import Look
from sensebind.agent.robot.offering import running_tools
from sensebind.agent.server.errors import only
from sensebind.agent.server.link import RobotLink
from sensebind.agent.server.tokens import Role
from sensebind.perception.http_server import Receive, Scope, Send
from sensebind.tools.mcp_server import EXTRA, mcp_server

PATH = "/mcp"
_CALLS = 32  # at a time; those that act may wait a minute for a person


def add_mcp(app: FastAPI, link: RobotLink) -> None:
    """Offer the tools of a robot to MCP clients that have the API's token.

    Calls that act wait until page, terminal or policy decides, and `stop` waits for nothing.

    Args:
        app: The application.
        link: To the robot.
    """
    threads = ThreadPoolExecutor(_CALLS, "mcp")

    @app.post(PATH, include_in_schema=False)
    async def call(request: Request) -> Response:
        only(request.scope, Role.API, Role.OPERATOR)
        try:
            from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
        except ImportError:
            return JSONResponse({"error": EXTRA}, 501)
        tools = (await link.result(Look()))["tools"]
        offer = running_tools(AttachedRobot(link.config), tools)
        server = mcp_server(offer, name=link.config.run_name, threads=threads)
        return _Exchange(StreamableHTTPSessionManager(server, json_response=True, stateless=True))


class _Exchange(Response):
    """Lets the MCP library answer a request."""

    def __init__(self, manager: Any) -> None:
        super().__init__()
        self._manager = manager

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async with self._manager.run():
            await self._manager.handle_request(scope, receive, send)
