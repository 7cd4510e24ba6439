"""`sensebind mcp`: a robot's senses, detector and clock for other agents, over MCP.

Standard output belongs to the protocol; everything else is said on standard error.
"""

import asyncio
import logging
import sys

from langchain_core.tools import BaseTool, StructuredTool, ToolException
from pydantic import BaseModel

from sensebind.agent.conditioning.text import Tagger, ToldSenses, read_vocabulary
from sensebind.agent.demo import DemoOptions, Robot
from sensebind.checkpoints import default_checkpoint
from sensebind.errors import SenseBindError
from sensebind.perception.simhome.catalog import KINDS
from sensebind.tools.mcp import mcp_server, serve_stdio
from sensebind.tools.risk import Risk, label


class _Nothing(BaseModel):
    """No arguments."""


def perceive_tool(senses: ToldSenses) -> BaseTool:
    """Returns the `perceive` tool: what every sense perceives now, with scores and ages."""

    def perceive() -> str:
        try:
            carried, _ = senses.perceive()
        except SenseBindError as error:
            raise ToolException(str(error)) from error
        return str(carried.get("senses", "there are no senses"))

    return StructuredTool.from_function(
        perceive,
        name="perceive",
        description="Tells what the robot sees, hears and scans now, with scores and ages.",
        args_schema=_Nothing,
        metadata=label(Risk.OBSERVE),
        handle_tool_error=lambda error: f"error: {error}",
    )


def run(options: DemoOptions) -> int:
    """Serves the robot of a simulated home until standard input is closed.

    Raises:
        SenseBindError: It cannot start.
    """
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING)
    checkpoint = options.checkpoint or default_checkpoint()
    words = checkpoint / "vocabulary.txt"
    vocabulary = read_vocabulary(words) if words.is_file() else list(KINDS)
    with Robot(options) as robot:
        senses = ToldSenses(robot.awareness, Tagger(checkpoint, vocabulary))
        tools = [perceive_tool(senses), *robot.tools]
        asyncio.run(serve_stdio(mcp_server(tools)))
    return 0
