"""`sensebind mcp`: a robot's senses and tools for other agents, over MCP.

Standard output belongs to the protocol; everything else is printed on standard error.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sensebind.agent.cli.options import Checkpoint, weights
from sensebind.errors import ConfigurationError

if TYPE_CHECKING:
    from sensebind.agent.robot.config import RobotConfig


def mcp(
    robot: Annotated[
        Path | None, typer.Argument(help="The robot's YAML file; a simulated home by default.")
    ] = None,
    attach: Annotated[
        bool, typer.Option("--attach", help="Join a robot that `sensebind run` started.")
    ] = False,
    seed: Annotated[int, typer.Option(min=0, help="Which simulated home.")] = 7180,
    checkpoint: Checkpoint = None,
) -> int:
    """Offer the senses and tools of a robot over MCP (standard input and output).

    With --attach, tools that act are offered, too: their calls wait until a person decides at the
    page or a terminal, or the policy does. Without it they are left out. `stop` is always there.
    """
    if attach and robot is None:
        raise ConfigurationError("--attach needs the robot's file: mcp rover.yaml --attach")
    weights(checkpoint)
    from sensebind.agent.robot.config_file import read_config

    described = None if robot is None else read_config(robot)
    if described is not None and attach:
        return _serve_running(described)
    import asyncio
    import logging
    import sys
    from concurrent.futures import ThreadPoolExecutor

    from sensebind.agent.robot.robot import Robot
    from sensebind.agent.robot.sections import LlmConfig
    from sensebind.agent.robot.simhome import simhome_robot
    from sensebind.agent.server.offering import stop_tool
    from sensebind.tools.mcp_server import in_threads, mcp_server, offered, serve_stdio

    logging.basicConfig(stream=sys.stderr, level=logging.WARNING)
    config = described or simhome_robot(seed, checkpoint=checkpoint)
    if config.llm is None:
        config = config.model_copy(update={"llm": LlmConfig()})
    with Robot(config, transient=robot is None) as running:
        agent = running.agent
        agent.await_senses()
        stop = in_threads(agent.stop, ThreadPoolExecutor(1, "mcp-stop"))  # waits for no other call
        asyncio.run(serve_stdio(mcp_server([*offered(agent.observing), stop_tool(stop)])))
    return 0


def _serve_running(config: RobotConfig) -> int:
    """Offer the tools of a running robot, as its client; no PyTorch is imported."""
    import asyncio

    from sensebind.agent.robot.client import AttachedRobot
    from sensebind.agent.server.following import Follower
    from sensebind.agent.server.link import RobotLink
    from sensebind.agent.server.offering import RunningTools
    from sensebind.agent.server.turns import Turns
    from sensebind.tools.mcp_server import mcp_server, serve_stdio

    described = AttachedRobot(config).tools()

    async def serve() -> None:
        link = RobotLink(config)
        follower = Follower(link)
        tools = RunningTools(link, Turns(link, follower))
        try:
            await serve_stdio(mcp_server(tools.offered(described)))
        finally:
            await follower.close()

    asyncio.run(serve())
    return 0
