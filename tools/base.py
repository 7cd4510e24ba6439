"""What tools have in common: how one is made, how its failures are worded, and its newest image."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from langchain_core.tools import BaseTool, StructuredTool, ToolException
from pydantic import BaseModel

from sensebind.errors import SenseBindError, SourceError, ToolError, UnfamiliarError
from sensebind.perception.percept import Observation

MAX_AGE = 1.0
"""Seconds after which what was perceived is too old to speak of now."""


class NoArguments(BaseModel):
    """No arguments."""


def make_tool(
    function: Callable[..., Any],
    description: str,
    *,
    metadata: Mapping[str, Any],
    arguments: type[BaseModel] | Mapping[str, Any] = NoArguments,
    name: str = "",
    wrong_arguments: str = "",
) -> BaseTool:
    """Makes a tool of a function.

    A `SenseBindError` of the function becomes the tool's result, so that the model reads what went
    wrong: `error: no ball in view`. Any other exception is a bug and passes through.

    Args:
        function: Takes the arguments by name. It returns what the model reads, or that and the
            artifact of the tool's message.
        description: What it does, for the model.
        metadata: Its risk, and whose words it brings; see `sensebind.tools.risk.label`.
        arguments: Their pydantic model or JSON schema.
        name: The function's own by default.
        wrong_arguments: What the model reads when pydantic refuses the arguments; "" raises.

    Example:
        ```python
        def battery() -> str:
            return f"{robot.charge():.0%} charged"

        tool = make_tool(battery, "Says how full the battery is.", metadata=label(Risk.OBSERVE))
        ```
    """

    def call(**given: Any) -> tuple[Any, Any]:
        try:
            result = function(**given)
        except SenseBindError as error:
            raise ToolException(str(error)) from error
        return result if isinstance(result, tuple) else (result, None)

    return StructuredTool(
        name=name or function.__name__,
        description=description,
        args_schema=arguments if isinstance(arguments, type) else dict(arguments),
        func=call,
        response_format="content_and_artifact",
        metadata=dict(metadata),
        handle_tool_error=_in_words,
        handle_validation_error=f"error: {wrong_arguments}" if wrong_arguments else False,
    )


def _in_words(error: ToolException) -> str:
    return f"error: {error}"


def shortened(text: str, limit: int) -> str:
    """Returns a text of at most `limit` characters; what was cut ends in an ellipsis."""
    return text if len(text) <= limit else text[: limit - 1] + "…"


FrameProvider = Callable[[], Observation]
"""Gives the newest frame (uint8 [H, W, 3] RGB), or raises SourceError."""


@dataclass(frozen=True, slots=True)
class Frame:
    """An image that a tool answers from.

    Attributes:
        image: uint8 [H, W, 3] RGB.
        reference: Of the observation, as in percepts.
        age_ms: How old it is, milliseconds.
    """

    image: np.ndarray
    reference: str
    age_ms: float


def newest_frame(provider: FrameProvider, max_age: float = MAX_AGE) -> Frame:
    """Returns the newest frame.

    Args:
        provider: Where it comes from.
        max_age: Seconds after which a frame is too old to answer from.

    Raises:
        ToolError: There is none, or it is too old.
    """
    try:
        observation = provider()
    except UnfamiliarError as error:
        raise ToolError(str(error)) from error
    except SourceError as error:
        raise ToolError(f"there is no picture: {error}") from error
    age = time.monotonic() - observation.monotonic
    if age > max_age:
        raise ToolError(f"the newest picture is {age:.1f} s old")
    return Frame(observation.data, observation.reference, round(1000 * age, 1))
