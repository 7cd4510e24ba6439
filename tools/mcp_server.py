"""Our tools for other agents, over MCP; LangChain is imported only where its tools are offered."""

from __future__ import annotations

import asyncio
import base64
import json
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from sensebind.errors import MissingDependencyError, ToolError

if TYPE_CHECKING:
    from langchain_core.tools import BaseTool

EXTRA = "MCP needs `pip install 'sensebind[mcp]'`"
Reply = tuple[str, bytes | None]
"""What a tool answers, and an image as JPEG or None."""
P = ParamSpec("P")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Offered:
    """A tool for other agents.

    Attributes:
        name: Its name.
        description: What it does.
        schema: JSON schema of its arguments.
        call: Awaited with the arguments; it raises `SenseBindError` when the tool fails. One that
            stops the robot must wait for no other call.
        stops: Whether it stops the robot.
        acts: Whether it changes something, or moves the robot.
    """

    name: str
    description: str
    schema: Mapping[str, Any]
    call: Callable[[Mapping[str, Any]], Awaitable[Reply]]
    stops: bool = False
    acts: bool = False


def in_threads(
    function: Callable[P, T], threads: Executor | None = None
) -> Callable[P, Awaitable[T]]:
    """Returns a function to be awaited, which runs the given one in a thread.

    Args:
        function: What blocks.
        threads: Where it runs; those of the event loop by default.
    """

    async def run(*args: P.args, **kwargs: P.kwargs) -> T:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(threads, partial(function, *args, **kwargs))

    return run


def offered(tools: Sequence[BaseTool]) -> list[Offered]:
    """Returns the tools that observe, for other agents.

    Tools that act are left out: whoever calls over MCP cannot be asked for approval here.
    """
    from sensebind.tools.direct_calls import run_tool, schema_of
    from sensebind.tools.risk import ACTING, Risk, risk_of

    stopping = ThreadPoolExecutor(1, "mcp-stop")  # the others may be full of slow calls

    def one(tool: BaseTool) -> Offered:
        stops = risk_of(tool) is Risk.STOP
        call = in_threads(partial(run_tool, tool), stopping if stops else None)
        return Offered(tool.name, tool.description, schema_of(tool), call, stops=stops)

    return [one(tool) for tool in tools if risk_of(tool) not in ACTING]


def mcp_server(tools: Sequence[Offered], *, name: str = "sensebind") -> Any:
    """Returns an MCP server (mcp.server.lowlevel.Server) that offers tools.

    Args:
        tools: What it offers; `offered` makes them of LangChain's.
        name: What the server calls itself.

    Raises:
        MissingDependencyError: The extra is not installed.
    """
    try:
        from mcp import types
        from mcp.server.lowlevel import Server
    except ImportError as error:
        raise MissingDependencyError(EXTRA) from error
    by_name = {one.name: one for one in tools}
    server: Any = Server(name)

    @server.list_tools()
    async def list_tools() -> list[types.Tool]:
        return [
            types.Tool(
                name=one.name,
                description=one.description,
                inputSchema=dict(one.schema),
                annotations=types.ToolAnnotations(readOnlyHint=not (one.stops or one.acts)),
            )
            for one in by_name.values()
        ]

    @server.call_tool()
    async def call_tool(name: str, arguments: dict[str, Any]) -> Any:
        if name not in by_name:
            raise ToolError(f"there is no tool {name}")
        text, image = await by_name[name].call(arguments)
        content: list[Any] = [types.TextContent(type="text", text=text)]
        if image is not None:
            coded = base64.b64encode(image).decode()
            content.append(types.ImageContent(type="image", data=coded, mimeType="image/jpeg"))
        return content if (data := _object(text)) is None else (content, data)

    return server


def _object(text: str) -> dict[str, Any] | None:
    """An answer that is a JSON object, for programs; None for words."""
    if not text.startswith("{"):
        return None
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


async def serve_stdio(server: Any) -> None:
    """Serves over standard input and output until they are closed."""
    import anyio
    from mcp.server.stdio import stdio_server

    with (  # files of its own: those that it would make itself close standard output at their end
        open(sys.stdin.fileno(), encoding="utf-8", errors="replace", closefd=False) as given,
        open(sys.stdout.fileno(), "w", encoding="utf-8", closefd=False) as said,
    ):
        streams = stdio_server(anyio.wrap_file(given), anyio.wrap_file(said))
        async with streams as (read, write):
            await server.run(read, write, server.create_initialization_options())
