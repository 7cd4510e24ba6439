"""The official MCP client over HTTP: what observes answers, what acts waits, others are refused."""

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from fixtures.served_robot import TOKENS, ServedAgent, running_agent, served_robot, server_of

from sensebind.agent.approval import Decision
from sensebind.agent.server.app import ServeOptions
from sensebind.agent.server.following import Follower
from sensebind.agent.server.link import RobotLink, TooBusy
from sensebind.agent.server.offering import RunningTools
from sensebind.agent.server.turns import Turns

pytest.importorskip("mcp")
from mcp import ClientSession, McpError
from mcp.client.streamable_http import streamable_http_client

FOREVER = 1e6
"""Seconds that no test waits."""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return tmp_path


@pytest.fixture
def served(folder: Path) -> Iterator[tuple[ServedAgent, str]]:
    with served_robot(folder) as robot:
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
        # The call is seen a moment before its turn has ended, which the decision waits for.
        decision = Decision("approve", request=request.id)
        await asyncio.to_thread(lambda: list(agent.decide([decision], thread=thread)))
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


def threads() -> set[threading.Thread]:
    """Those for which a process waits before it ends."""
    return {one for one in threading.enumerate() if not one.daemon}


async def test_a_server_ends_while_a_call_waits_and_says_so_to_its_client(folder: Path) -> None:
    own = ThreadPoolExecutor(thread_name_prefix="test")
    asyncio.get_running_loop().set_default_executor(own)
    with running_agent(folder) as agent:
        before = threads()
        with server_of(agent, ServeOptions(wait=FOREVER)) as server:
            async with client(f"http://127.0.0.1:{server.port}") as session:
                driving = asyncio.create_task(session.call_tool("drive", {"metres": 0.5}))
                while not agent.waiting():
                    assert not driving.done()
                    await asyncio.sleep(0.02)
                await asyncio.to_thread(server.stop)
                with pytest.raises(McpError, match="the server ended before the call did"):
                    await driving
        left = {one for one in threads() - before if not one.name.startswith("test")}
        assert not left  # nothing that the end of a process would wait for
        assert agent.waiting() and not agent.driven  # the call can still be decided


async def test_a_server_that_ends_says_so_to_other_clients(folder: Path) -> None:
    with running_agent(folder) as agent, server_of(agent, ServeOptions(wait=FOREVER)) as server:
        headers = {"authorization": f"Bearer {TOKENS['api']}"}
        question = {"model": "rover", "messages": [{"role": "user", "content": "go 0.5"}]}
        async with httpx.AsyncClient(headers=headers, timeout=FOREVER) as http:
            address = f"http://127.0.0.1:{server.port}/v1/chat/completions"
            asking = asyncio.create_task(http.post(address, json=question))
            while not agent.waiting():
                assert not asking.done()
                await asyncio.sleep(0.02)
            await asyncio.to_thread(server.stop)
            answer = await asking
        assert answer.status_code == 503 and "the server ended" in answer.text


async def test_calls_that_wait_are_bounded_and_hold_up_no_others(folder: Path) -> None:
    with running_agent(folder) as agent:
        link = RobotLink(agent._config)
        follower = Follower(link)
        running = RunningTools(link, Turns(link, follower, FOREVER), most=2)
        described = [{"name": "look", "risk": "observe"}, {"name": "drive", "risk": "move"}]
        offered = running.offered([{"description": "", "schema": {}} | one for one in described])
        tools = {one.name: one.call for one in offered}
        driving = []
        for number in (1, 2):
            driving.append(asyncio.ensure_future(tools["drive"]({"metres": 0.5})))
            while len(agent.waiting()) < number:
                assert not driving[-1].done()
                await asyncio.sleep(0.02)
        with pytest.raises(TooBusy, match="2 calls act or wait"):
            await tools["drive"]({"metres": 0.5})
        assert await tools["look"]({}) == ("a red ball", None)
        assert await tools["stop"]({}) == ("stopped", None)
        assert await asyncio.gather(*driving) == [("the robot was stopped", None)] * 2
        await follower.close()


@pytest.mark.parametrize("role", ["viewer", ""])
def test_others_are_refused(served: tuple[ServedAgent, str], role: str) -> None:
    _, address = served
    headers = {"authorization": f"Bearer {TOKENS[role]}"} if role else {}
    call = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
    answer = httpx.post(f"{address}/mcp", json=call, headers=headers)
    assert answer.status_code == (403 if role else 401)
