"""What a running robot offers to other agents over MCP. Neither PyTorch nor LangChain is needed."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import Any

import msgspec

from sensebind.agent.robot.control_messages import Act, Answer, Call, Stop
from sensebind.agent.server.link import RobotLink, TooBusy
from sensebind.agent.server.turns import Turns, new_thread
from sensebind.errors import BusError
from sensebind.tools.mcp_server import Offered, Reply

_STOP_SECONDS = 5.0  # longest wait for a robot to say that it has stopped
_MOST_ACTING = 32


def stop_tool(stop: Callable[[str], Awaitable[object]]) -> Offered:
    """The tool that stops a robot.

    Args:
        stop: Called with who asked for it.
    """

    async def call(_arguments: Mapping[str, Any]) -> Reply:
        await stop("an MCP client")
        return "stopped", None

    described = "Stops the robot at once: what moves, and every answer."
    return Offered("stop", described, {"type": "object", "properties": {}}, call, stops=True)


class RunningTools:
    """The tools of a running robot. No call holds a thread, however long it waits for a person."""

    def __init__(self, link: RobotLink, turns: Turns, most: int = _MOST_ACTING) -> None:
        """Prepare.

        Args:
            link: To the robot.
            turns: Takes turns with it.
            most: Calls at a time that act, or wait for a person; more are refused.
        """
        self._link = link
        self._turns = turns
        self._most = most
        self._acting = 0

    def offered(self, tools: Sequence[Mapping[str, Any]]) -> list[Offered]:
        """Return what is offered; calls of tools that act wait for who decides.

        Args:
            tools: As the robot's report describes them.
        """
        found = [stop_tool(self._stop)]
        for one in tools:
            name, described, schema = one["name"], one["description"], one["schema"]
            if one["risk"] == "observe":
                found.append(Offered(name, described, schema, partial(self._observe, name)))
            elif one["risk"] != "stop":
                described = f"{described} It acts: a person may have to allow each call."
                act = partial(self._act, name)
                found.append(Offered(name, described, schema, act, acts=True))
        return found

    async def _stop(self, reason: str) -> None:
        try:
            async with asyncio.timeout(_STOP_SECONDS):
                await self._link.result(Stop(reason))
        except TimeoutError:
            raise BusError("the robot does not say that it has stopped") from None

    async def _observe(self, tool: str, arguments: Mapping[str, Any]) -> Reply:
        given = await self._link.result(Call(tool, dict(arguments)))
        answer = msgspec.convert(given, Answer)
        return answer.text, answer.image

    async def _act(self, tool: str, arguments: Mapping[str, Any]) -> Reply:
        if self._acting >= self._most:
            raise TooBusy(f"{self._acting} calls act or wait for a person already: come again")
        self._acting += 1
        try:
            return await self._acted(tool, arguments), None
        finally:
            self._acting -= 1

    async def _acted(self, tool: str, arguments: Mapping[str, Any]) -> str:
        act = Act(tool, dict(arguments), new_thread("program"))
        async with contextlib.aclosing(self._turns.take(act)) as steps:
            async for kind, value in steps:
                if kind == "finished":
                    return value["error"] or value["assistant"] or "stopped"
                if kind == "waiting" and value:
                    return f"{tool} waits for a person's approval: it runs when they allow it"
                if kind == "waiting":
                    return "the robot was stopped"
        raise BusError("the robot went away without an answer")
