"""Calls of tools by programs, without a language model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from langchain_core.messages import ToolMessage
from langchain_core.tools import BaseTool
from langchain_core.utils.function_calling import convert_to_openai_tool

from sensebind.errors import ToolError


def schema_of(tool: BaseTool) -> dict[str, Any]:
    """Returns the JSON schema of a tool's arguments."""
    function = convert_to_openai_tool(tool)["function"]
    return function.get("parameters") or {"type": "object", "properties": {}}


def run_tool(tool: BaseTool, arguments: Mapping[str, Any]) -> tuple[str, bytes | None]:
    """Runs a tool; returns its answer, and the image that it looked at as JPEG, or None.

    Raises:
        ToolError: The tool failed.
    """
    request = {"type": "tool_call", "id": "1", "name": tool.name, "args": dict(arguments)}
    message = tool.invoke(request)
    if isinstance(message, ToolMessage) and message.status == "error":
        raise ToolError(str(message.text))
    artifact = getattr(message, "artifact", None)
    image = artifact.get("jpeg") if isinstance(artifact, Mapping) else None
    return str(message.text), image if isinstance(image, bytes) else None
