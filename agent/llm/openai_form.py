"""Any tool that LangChain takes, in OpenAI's form."""

from collections.abc import Mapping
from typing import Any

from langchain_core.tools import BaseTool
from langchain_core.utils.function_calling import convert_to_openai_tool
from pydantic import BaseModel


def openai_form(tool: Any) -> dict[str, Any]:
    """Returns a tool in OpenAI form, with the schema of its arguments whole.

    LangChain writes references out, and what a schema holds of itself becomes `{}`, that is,
    anything (see findings/langchain_recursive_schema.sh).

    Args:
        tool: Tool, function, pydantic class, or JSON schema.
    """
    formatted = convert_to_openai_tool(tool)
    schema: Any = None
    if isinstance(tool, BaseTool):
        schema = tool.tool_call_schema
    elif isinstance(tool, type) and issubclass(tool, BaseModel):
        schema = tool
    if isinstance(schema, type) and issubclass(schema, BaseModel):
        schema = schema.model_json_schema()
    if isinstance(schema, Mapping) and ("$defs" in schema or "$schema" in schema):
        whole = {key: one for key, one in schema.items() if key not in ("title", "description")}
        if isinstance(reference := whole.pop("$ref", None), str):  # pydantic, of a class in itself
            whole |= whole["$defs"][reference.removeprefix("#/$defs/")]
        formatted["function"]["parameters"] = whole
    return formatted
