"""What a running robot offers to other agents over MCP. Neither PyTorch nor LangChain is needed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from sensebind.agent.robot.client import AttachedRobot
from sensebind.tools.mcp_server import Offered


def stop_tool(stop: Callable[[str], None]) -> Offered:
    """The tool that stops a robot.

    Args:
        stop: Called with who asked for it.
    """

    def call(_arguments: Mapping[str, Any]) -> tuple[str, bytes | None]:
        stop("an MCP client")
        return "stopped", None

    described = "Stops the robot at once: what moves, and every answer."
    return Offered("stop", described, {"type": "object", "properties": {}}, call, stops=True)


def running_tools(robot: AttachedRobot, tools: Sequence[Mapping[str, Any]]) -> list[Offered]:
    """The tools of a running robot; calls of those that act wait for who decides.

    Args:
        robot: Takes the calls.
        tools: As `AttachedRobot.tools` describes them.
    """

    def call(tool: str, arguments: Mapping[str, Any]) -> tuple[str, bytes | None]:
        answer = robot.call(tool, arguments)
        return answer.text, answer.image

    def act(tool: str, arguments: Mapping[str, Any]) -> tuple[str, bytes | None]:
        return robot.act(tool, arguments).text, None

    found = [stop_tool(robot.stop)]
    for one in tools:
        name, described, schema = one["name"], one["description"], one["schema"]
        if one["risk"] == "observe":
            found.append(Offered(name, described, schema, partial(call, name)))
        elif one["risk"] != "stop":
            described = f"{described} It acts: a person may have to allow each call."
            found.append(Offered(name, described, schema, partial(act, name), acts=True))
    return found
