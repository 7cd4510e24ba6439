"""`sensebind mcp`: a robot's senses and tools for other agents, over MCP.

Standard output belongs to the protocol; everything else is printed on standard error.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sensebind.agent.cli.options import Checkpoint, weights


def mcp(
    robot: Annotated[
        Path | None, typer.Argument(help="The robot's YAML file; a simulated home by default.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Which simulated home.")] = 7180,
    checkpoint: Checkpoint = None,
) -> int:
    """Offer the senses and tools of a robot over MCP (standard input and output)."""
    weights(checkpoint)
    from sensebind.agent.robot.config_file import read_config

    described = None if robot is None else read_config(robot)
    import asyncio
    import logging
    import sys

    from sensebind.agent.conditioning.tagging import Tagger, vocabulary
    from sensebind.agent.conditioning.text import SensesInWords
    from sensebind.agent.robot.robot import Robot
    from sensebind.agent.robot.sections import LlmConfig
    from sensebind.agent.robot.simhome import simhome_robot
    from sensebind.tools.mcp import mcp_server, serve_stdio
    from sensebind.tools.perceive import perceive_tool

    logging.basicConfig(stream=sys.stderr, level=logging.WARNING)
    config = described or simhome_robot(seed, checkpoint=checkpoint)
    if config.llm is None:
        config = config.model_copy(update={"llm": LlmConfig()})
    with Robot(config, transient=robot is None) as running:
        agent = running.agent
        agent.await_senses()
        tagger = Tagger(config.weights, vocabulary(config.weights))
        senses = SensesInWords(agent.awareness, tagger)
        asyncio.run(serve_stdio(mcp_server([perceive_tool(senses), *agent.tools])))
    return 0
