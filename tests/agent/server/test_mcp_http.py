"""The official MCP client over HTTP: what observes answers, what acts waits, others are refused."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from fixtures.served_robot import TOKENS, ServedAgent, served_robot

from sensebind.agent.approval import Decision
from sensebind.errors import InputError

pytest.importorskip("mcp")
from mcp import ClientSession
from mcp.client.streamable_http import streamable_http_client


@pytest.fixture
def served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[ServedAgent, str]]:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    with served_robot(tmp_path) as robot:
        yield robot


@asynccontextmanager
async def client(address: str, role: str = "api") -> AsyncIterator[ClientSession]:
    headers = {"authorization": f"Bearer {TOKENS[role]}"}
    async with (
        httpx.AsyncClient(headers=headers, timeout=30) as http,
        streamable_http_client(f"{address}/mcp", http_client=http) as (read, write, *_),
        ClientSession(read, write) as session,
    ):
        await session.initialize()
        yield session


def text(result: Any) -> str:
    return result.content[0].text


async def test_tools_are_listed_and_what_observes_answers(served: tuple[ServedAgent, str]) -> None:
    _, address = served
    async with client(address) as session:
        tools: dict[str, Any] = {one.name: one for one in (await session.list_tools()).tools}
        assert {"stop", "look", "drive"} <= set(tools)
        assert tools["look"].annotations.readOnlyHint
        assert not tools["drive"].annotations.readOnlyHint
        assert "a person may have to allow" in tools["drive"].description
        assert text(await session.call_tool("look", {})) == "a red ball"


async def test_what_acts_waits_for_a_person(served: tuple[ServedAgent, str]) -> None:
    agent, address = served
    async with client(address) as session:
        driving = asyncio.create_task(session.call_tool("drive", {"metres": 0.5}))
        while not (waiting := agent.waiting()):
            assert not driving.done()
            await asyncio.sleep(0.02)
        assert not agent.driven
        [(thread, [request])] = waiting.items()
        while True:  # the call waits a moment before its turn has ended
            try:
                list(agent.decide([Decision("approve", request=request.id)], thread=thread))
                break
            except InputError as error:
                assert "is running" in str(error)
                await asyncio.sleep(0.02)
        assert "drove 0.5 m" in text(await driving)
    assert agent.driven == [0.5]


async def test_wrong_arguments_and_unknown_tools_are_errors(
    served: tuple[ServedAgent, str],
) -> None:
    agent, address = served
    async with client(address) as session:
        assert (await session.call_tool("drive", {"metres": "far"})).isError
        assert (await session.call_tool("fly", {})).isError
    assert not agent.waiting() and not agent.driven


async def test_a_stop_ends_what_runs(served: tuple[ServedAgent, str]) -> None:
    agent, address = served
    async with client(address) as session:
        lingering = asyncio.create_task(session.call_tool("drive", {"metres": 1.0}))
        while not agent.waiting():
            await asyncio.sleep(0.02)
        assert text(await session.call_tool("stop", {})) == "stopped"
        await lingering
    assert not agent.driven and not agent.waiting()


@pytest.mark.parametrize("role", ["viewer", ""])
def test_others_are_refused(served: tuple[ServedAgent, str], role: str) -> None:
    _, address = served
    headers = {"authorization": f"Bearer {TOKENS[role]}"} if role else {}
    call = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
    answer = httpx.post(f"{address}/mcp", json=call, headers=headers)
    assert answer.status_code == (403 if role else 401)
