"""Tools in OpenAI's form, as a language model is given them, and which of them it may call."""

from collections.abc import Mapping, Sequence
from typing import Any

from sensebind.errors import InputError


def function_of(tool: Mapping[str, Any]) -> Mapping[str, Any]:
    """Returns name, description and parameters of a tool in OpenAI form.

    Raises:
        InputError: It is not in that form.
    """
    function = tool.get("function", tool)
    if not isinstance(function, Mapping) or not isinstance(function.get("name"), str):
        raise InputError(f"not a tool in OpenAI form (no function name): {str(tool)[:80]}")
    return function


def parameters_of(tool: Mapping[str, Any]) -> Mapping[str, Any]:
    """Returns the schema of a tool's arguments."""
    return function_of(tool).get("parameters") or {"type": "object", "properties": {}}


def chosen_tools(
    tools: Sequence[Mapping[str, Any]], tool_choice: Any
) -> tuple[list[Mapping[str, Any]], bool]:
    """Resolves LangChain's and OpenAI's forms of `tool_choice`.

    Args:
        tools: Tools in OpenAI form.
        tool_choice: None or `"auto"`; `"any"`, `"required"` or True; `"none"` or False; a tool's
            name, or `{"type": "function", "function": {"name": …}}`.

    Returns:
        The tools that may be called, and whether text is allowed.

    Raises:
        InputError: An unknown tool is named, or a call is demanded and there are no tools.
    """
    if isinstance(tool_choice, Mapping):
        tool_choice = (tool_choice.get("function") or tool_choice).get("name")
    if tool_choice in (None, "auto"):
        return list(tools), True
    if tool_choice in ("none", False):
        return [], True
    if tool_choice in ("any", "required", True):
        chosen = list(tools)
    else:
        chosen = [tool for tool in tools if function_of(tool)["name"] == tool_choice]
    if not chosen:
        names = ", ".join(function_of(tool)["name"] for tool in tools) or "none"
        raise InputError(f"tool_choice {tool_choice!r} fits no bound tool (bound: {names})")
    return chosen, False


def with_schemas(
    tools: Sequence[Mapping[str, Any]], schemas: Mapping[str, Mapping[str, Any]] | None
) -> list[Mapping[str, Any]]:
    """Returns the tools that schemas name, each with its schema of the arguments.

    Args:
        tools: Tools in OpenAI form.
        schemas: By name of the tool; None leaves all as they are.
    """
    if schemas is None:
        return list(tools)
    return [
        {"type": "function", "function": {**function_of(tool), "parameters": schemas[name]}}
        for tool in tools
        if (name := function_of(tool)["name"]) in schemas
    ]
