"""How long a value of a bounded schema is at least, and what is left to write of one."""

import json
from collections.abc import Mapping
from typing import Any


def shortest(node: Mapping[str, Any] | bool) -> str:
    """Returns about the shortest JSON text that satisfies a bounded schema."""
    if not isinstance(node, Mapping):
        return "null"
    if "anyOf" in node:
        return min((shortest(option) for option in node["anyOf"]), key=len)
    if "allOf" in node:
        return max((shortest(one) for one in node["allOf"]), key=len)
    if "enum" in node:
        return min((_compact(value) for value in node["enum"]), key=len)
    if "const" in node:
        return _compact(node["const"])
    match node.get("type"):
        case "string":
            return (
                '"' + "a" * (int(node.get("minLength", 0)) + (32 if "format" in node else 0)) + '"'
            )
        case "integer" | "number":
            return max((_compact(v) for k, v in node.items() if "imum" in k), key=len, default="0")
        case "array":
            count = int(node.get("minItems", 0))
            prefix = node.get("prefixItems", [])
            items = [*prefix[:count], *[node["items"]] * max(count - len(prefix), 0)]
            return "[" + ",".join(shortest(one) for one in items) + "]"
        case "object":
            fields = [f'"{name}":{shortest(node["properties"][name])}' for name in node["required"]]
            missing = int(node.get("minProperties", 0)) - len(fields)
            fields += [f'"a":{shortest(_further(node))}'] * max(missing, 0)
            return "{" + ",".join(fields) + "}"
    return "false"


def ending(node: Mapping[str, Any] | bool) -> str:
    """Returns a text about as long as what is left to write when a value must end soon.

    That is what is required, and the rest of the longest part that may have been begun.
    """
    if not isinstance(node, Mapping):
        return ""
    if "anyOf" in node:
        return max((ending(option) for option in node["anyOf"]), key=len)
    if "enum" in node:
        return max((_compact(value) for value in node["enum"]), key=len)
    parts: list[Any] = []
    if node.get("type") == "array":
        parts = [*node.get("prefixItems", []), node.get("items")]
    elif node.get("type") == "object":
        parts = [*node["properties"].values(), _further(node)]
    return shortest(node) + max((ending(one) for one in parts), key=len, default="")


def _further(node: Mapping[str, Any]) -> Any:
    """The longest schema of properties without a name of their own."""
    schemas = [*node.get("patternProperties", {}).values(), node.get("additionalProperties")]
    return max(schemas, key=lambda one: len(shortest(one)) if one else 0, default=None)


def _compact(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
