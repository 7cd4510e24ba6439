"""Tools of a real MCP server in a process of its own, and our tools as one."""

import asyncio
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from fixtures.waiting import PATIENCE
from langchain_core.tools import tool

from sensebind.errors import ConfigurationError
from sensebind.tools.risk import Risk, labelled, risk_of

pytest.importorskip("langchain_mcp_adapters")
from sensebind.tools.mcp import McpTools
from sensebind.tools.mcp_server import mcp_server, offered

SERVER = '''
import asyncio, sys
from langchain_core.tools import tool
from sensebind.tools.mcp_server import mcp_server, offered, serve_stdio
from sensebind.tools.risk import Risk, labelled

@tool
def weigh(kind: str) -> str:
    """Weighs a thing."""
    if kind == "nothing":
        raise ValueError("there is nothing")
    return {"x": "x" * 3000, "xx": "x" * 1_048_577}.get(kind, f"{kind}: 3 kg")

@tool
def burn(kind: str) -> str:
    """Burns a thing."""
    return "burnt"

asyncio.run(serve_stdio(mcp_server(offered([labelled(weigh, Risk.OBSERVE), burn]))))
'''


@tool
def look() -> str:
    """Looks."""
    return "a ball"


def test_tools_of_a_server_are_called_and_bounded(tmp_path: Path) -> None:
    script = tmp_path / "server.py"
    script.write_text(SERVER)
    servers = {
        "shop": {"transport": "stdio", "command": sys.executable, "args": [str(script)]},
    }
    with McpTools(servers, trusted=["shop"], timeout=120) as remote:
        [weigh] = remote.tools()  # what acts is not offered
        assert weigh.name == "shop_weigh" and risk_of(weigh) is Risk.OBSERVE
        remote._trusted = frozenset()
        assert risk_of(remote.tools()[0]) is Risk.CHANGE  # an untrusted server is not believed

        def call(kind: object) -> tuple[str, str]:
            message = weigh.invoke(
                {"type": "tool_call", "id": "1", "name": weigh.name, "args": {"kind": kind}}
            )
            return message.status, str(message.text)

        assert call("ball") == ("success", "ball: 3 kg")
        assert call("x") == ("success", "x" * 3000)  # whole: it is cut where every result is
        status, text = call("xx")
        assert status == "error" and "1,048,577 characters, 1,048,576 are read" in text
        assert call("nothing")[0] == "error"
        assert call(7)[0] == "error"
    assert call("ball") == ("error", "error: the connection to the MCP server is closed")


def test_standard_output_stays_open_when_a_client_has_gone(tmp_path: Path) -> None:
    script = tmp_path / "server.py"
    script.write_text(SERVER + "import gc\ngc.collect()\nprint('left', flush=True)\n")
    done = subprocess.run(
        [sys.executable, str(script)], input="", capture_output=True, text=True, timeout=PATIENCE
    )
    assert (done.returncode, done.stdout) == (0, "left\n"), done.stderr


def test_a_server_that_does_not_start_is_named() -> None:
    servers = {"no": {"transport": "stdio", "command": "/nonexistent", "args": []}}
    with pytest.raises(ConfigurationError, match="MCP server cannot be used"), McpTools(servers):
        pass


async def test_what_acts_is_not_offered() -> None:
    from mcp import types

    server = mcp_server(offered([labelled(look, Risk.OBSERVE)]))
    listed = await server.request_handlers[types.ListToolsRequest](
        types.ListToolsRequest(method="tools/list")
    )
    [found] = listed.root.tools
    assert found.name == "look" and found.annotations.readOnlyHint


async def test_a_stop_waits_for_no_other_call() -> None:
    from mcp import types

    begun, ended = threading.Semaphore(0), threading.Event()

    @tool
    def stare() -> str:
        """Looks for long."""
        begun.release()
        ended.wait(PATIENCE)
        return "a ball"

    @tool
    def stop() -> str:
        """Stops."""
        return "stopped"

    server = mcp_server(offered([labelled(stare, Risk.OBSERVE), labelled(stop, Risk.STOP)]))

    async def call(name: str) -> str:
        parameters = types.CallToolRequestParams(name=name, arguments={})
        request = types.CallToolRequest(method="tools/call", params=parameters)
        result = await server.request_handlers[types.CallToolRequest](request)
        return result.root.content[0].text

    staring = [asyncio.create_task(call("stare")) for _ in range(40)]  # more than threads
    while not begun.acquire(blocking=False):
        await asyncio.sleep(0.01)
    try:
        assert await asyncio.wait_for(call("stop"), PATIENCE / 2) == "stopped"
    finally:
        ended.set()
    assert await asyncio.gather(*staring) == ["a ball"] * 40


STRICT = """
import asyncio
from mcp import types
from mcp.server.lowlevel import Server
from mcp.server.stdio import stdio_server
server = Server("strict")
schema = {"type": "object", "properties": {"m": {"type": "number", "maximum": 1}},
          "required": ["m"], "additionalProperties": False}

@server.list_tools()
async def listed():
    bad = {"type": "object", "properties": {"x": {"$ref": "other.json"}}}
    return [types.Tool(name="move", description="d", inputSchema=schema),
            types.Tool(name="bad", description="d", inputSchema=bad)]

@server.call_tool(validate_input=False)
async def called(name, arguments):
    return [types.TextContent(type="text", text="reached")]

async def main():
    async with stdio_server() as (read, write):
        await server.run(read, write, server.create_initialization_options())

asyncio.run(main())
"""


def test_forbidden_arguments_never_reach_a_server(tmp_path: Path) -> None:
    script = tmp_path / "strict.py"
    script.write_text(STRICT)
    servers = {"s": {"transport": "stdio", "command": sys.executable, "args": [str(script)]}}
    with McpTools(servers, timeout=120) as remote:
        [move] = remote.tools()  # the other's input cannot be written: it alone is left out
        assert "other.json" in remote.unusable["s_bad"]
        assert move.invoke({"m": 0.5}) == "reached"
        for arguments in ({"m": 1000}, {"m": "much"}, {}, {"m": 0.5, "o": 1}, {"m": "x" * 70_000}):
            assert "wrong arguments" in move.invoke(arguments)
