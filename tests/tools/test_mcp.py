"""Tools of a real MCP server in a process of its own, and our tools as one."""

import sys
from pathlib import Path

import pytest
from langchain_core.tools import tool

from sensebind.errors import ConfigurationError
from sensebind.tools.risk import Risk, labelled, risk_of

pytest.importorskip("langchain_mcp_adapters")
from sensebind.tools.mcp import McpTools, mcp_server

SERVER = '''
import asyncio, sys
from langchain_core.tools import tool
from sensebind.tools.mcp import mcp_server, serve_stdio
from sensebind.tools.risk import Risk, labelled

@tool
def weigh(kind: str) -> str:
    """Weighs a thing."""
    if kind == "nothing":
        raise ValueError("there is nothing")
    return kind * 3000 if kind == "x" else f"{kind}: 3 kg"

@tool
def burn(kind: str) -> str:
    """Burns a thing."""
    return "burnt"

asyncio.run(serve_stdio(mcp_server([labelled(weigh, Risk.OBSERVE), burn])))
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
        text = call("x")[1]
        assert len(text) == 2000 and text.endswith("…")
        assert call("nothing")[0] == "error"
        assert call(7)[0] == "error"
    assert call("ball") == ("error", "error: the connection to the MCP server is closed")


def test_a_server_that_does_not_start_is_named() -> None:
    servers = {"no": {"transport": "stdio", "command": "/nonexistent", "args": []}}
    with pytest.raises(ConfigurationError, match="MCP server cannot be used"), McpTools(servers):
        pass


async def test_what_acts_is_not_offered() -> None:
    from mcp import types

    server = mcp_server([labelled(look, Risk.OBSERVE)])
    listed = await server.request_handlers[types.ListToolsRequest](
        types.ListToolsRequest(method="tools/list")
    )
    [offered] = listed.root.tools
    assert offered.name == "look" and offered.annotations.readOnlyHint
