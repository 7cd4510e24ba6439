"""`teach`: what is perceived now gets a name, once a person has confirmed it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Literal

from langchain_core.tools import BaseTool, StructuredTool, ToolException
from pydantic import BaseModel, Field

from sensebind.errors import SenseBindError
from sensebind.memory.taught import MAX_NAME
from sensebind.tools.risk import Origin, Risk, label

NAME = "teach"


class Teach(BaseModel):
    """Arguments of `teach`.

    Attributes:
        name: What it is called, in the person's words.
        sense: How it is perceived.
    """

    name: Annotated[
        str, Field(min_length=1, max_length=MAX_NAME, description="What it is called: my mug")
    ]
    sense: Annotated[
        Literal["sight", "hearing", "scan"], Field(description="How it is perceived")
    ] = "sight"


def teach_tool(teach: Callable[[str, str], int]) -> BaseTool:
    """Return the `teach` tool. It changes what the robot knows, so that a person is asked.

    Args:
        teach: Given a name and a sense, keeps what is perceived now, and returns how many views of
            that name there are.
    """

    def remember(name: str, sense: str = "sight") -> str:
        try:
            views = teach(name, sense)
        except SenseBindError as error:
            raise ToolException(str(error)) from error
        return f"{name} is known now ({views} view{'s' * (views != 1)})"

    return StructuredTool.from_function(
        remember,
        name=NAME,
        description="Remembers what is perceived now under a name that a person gives it.",
        args_schema=Teach,
        metadata=label(Risk.CHANGE, origin=Origin.ROBOT),
        handle_tool_error=lambda error: f"error: {error}",
        handle_validation_error="error: teach takes a name in a few words, and a sense",
    )
