"""JSON schemas from outside, made finite and self-contained."""

from collections.abc import Mapping, Sequence
from typing import Any

from sensebind.errors import ConfigurationError

MAX_STRING = 200  # characters of a string whose schema sets no limit
MAX_ITEMS = 16  # elements of an array whose schema sets no limit
MAX_INTEGER = 10**9
MAX_NUMBER = 1e6
NUMBER_STEP = 1e-4  # a number has at most four decimals, or it could run to the token limit
MAX_DEPTH = 8  # levels of nesting kept of a recursive schema
_FORMATS = {"date-time", "date", "time", "uuid", "ipv4", "ipv6", "hostname", "email"}


def bound_schema(
    schema: Mapping[str, Any], *, root: Mapping[str, Any] | None = None, patterns: bool = True
) -> dict[str, Any]:
    """Returns an equal or narrower schema in which nothing can grow without end.

    References are written out, strings, numbers, arrays and nesting get limits where they have
    none, so that a call always ends within a foreseeable number of tokens.

    Args:
        schema: JSON schema of a tool's arguments.
        root: Document in which `#/…` references are looked up; the schema itself by default.
        patterns: Keep `pattern` and `format`; without them the result may be wider.

    Raises:
        ConfigurationError: Nothing finite can satisfy the schema, or a reference is broken.
    """
    bounded = _bound(schema, schema if root is None else root, MAX_DEPTH, patterns)
    if bounded is None:
        raise ConfigurationError(f"the schema recurses without an end: {str(schema)[:120]}")
    return bounded


def _resolve(node: Mapping[str, Any], root: Mapping[str, Any]) -> Mapping[str, Any]:
    for _ in range(MAX_DEPTH):
        if "$ref" not in node:
            return node
        path = str(node["$ref"])
        target: Any = root
        for part in path.removeprefix("#").strip("/").split("/") if path != "#" else []:
            part = part.replace("~1", "/").replace("~0", "~")
            if not isinstance(target, Mapping) or part not in target:
                raise ConfigurationError(f"the schema refers to {path}, which it does not hold")
            target = target[part]
        if not isinstance(target, Mapping):
            raise ConfigurationError(f"the schema refers to {path}, which is not a schema")
        node = {**target, **{k: v for k, v in node.items() if k != "$ref"}}
    raise ConfigurationError(f"the schema's references go in a circle at {node.get('$ref')}")


def _bound(node: Any, root: Mapping[str, Any], depth: int, patterns: bool) -> dict[str, Any] | None:
    """Bounds one node; None if nothing within `depth` levels satisfies it."""
    if depth < 0 or node is False:
        return None
    node = {} if node is True else _resolve(node, root)
    for union in ("anyOf", "oneOf"):
        if union in node:
            rest = {k: v for k, v in node.items() if k != union}
            return _any_of([{**rest, **_resolve(option, root)} for option in node[union]],
                           root, depth, patterns)  # fmt: skip
    if "allOf" in node:
        merged: dict[str, Any] = {k: v for k, v in node.items() if k != "allOf"}
        for part in node["allOf"]:
            part = _resolve(part, root)
            properties = {**merged.get("properties", {}), **part.get("properties", {})}
            required = [*merged.get("required", []), *part.get("required", [])]
            merged |= part
            if properties:
                merged |= {"properties": properties, "required": required}
        return _bound(merged, root, depth, patterns)
    if "const" in node:
        return {"const": node["const"]}
    if "enum" in node:
        return {"enum": list(node["enum"])}
    kind = node.get("type")
    if isinstance(kind, list):
        return _any_of([{**node, "type": one} for one in kind], root, depth, patterns)
    if kind is None:
        if "properties" in node:
            kind = "object"
        elif "items" in node:
            kind = "array"
        else:  # anything goes: offer the scalars
            kinds = ("string", "number", "boolean", "null")
            return _any_of([{**node, "type": one} for one in kinds], root, depth, patterns)
    match kind:
        case "string":
            return _string(node, patterns)
        case "integer":
            return _integer(node)
        case "number":
            return _number(node)
        case "boolean" | "null":
            return {"type": kind}
        case "array":
            return _array(node, root, depth, patterns)
        case "object":
            return _object(node, root, depth, patterns)
    raise ConfigurationError(f"the schema has an unknown type {kind!r}")


def _any_of(
    options: Sequence[Any], root: Mapping[str, Any], depth: int, patterns: bool
) -> dict[str, Any] | None:
    kept = [b for option in options if (b := _bound(option, root, depth, patterns)) is not None]
    return {"anyOf": kept} if kept else None


def _string(node: Mapping[str, Any], patterns: bool) -> dict[str, Any]:
    bounded: dict[str, Any] = {"type": "string"}
    shortest = int(node.get("minLength", 0))
    bounded["maxLength"] = int(node.get("maxLength", max(MAX_STRING, shortest)))
    if shortest:
        bounded["minLength"] = shortest
    if patterns and "pattern" in node:
        bounded["pattern"] = node["pattern"]
    if patterns and node.get("format") in _FORMATS:
        bounded["format"] = node["format"]
    return bounded


def _limits(node: Mapping[str, Any], limit: float) -> dict[str, Any]:
    bounds: dict[str, Any] = {}
    low = [node[k] for k in ("minimum", "exclusiveMinimum") if _is_number(node.get(k))]
    high = [node[k] for k in ("maximum", "exclusiveMaximum") if _is_number(node.get(k))]
    for key in ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"):
        if _is_number(node.get(key)):
            bounds[key] = node[key]
    if not low:
        bounds["minimum"] = min([-limit, *(h - limit for h in high)])
    if not high:
        bounds["maximum"] = max([limit, *(v + limit for v in low)])
    return bounds


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _integer(node: Mapping[str, Any]) -> dict[str, Any]:
    bounded = {"type": "integer", **_limits(node, MAX_INTEGER)}
    if "multipleOf" in node:
        bounded["multipleOf"] = node["multipleOf"]
    return bounded


def _number(node: Mapping[str, Any]) -> dict[str, Any]:
    step = node.get("multipleOf", NUMBER_STEP)
    return {"type": "number", **_limits(node, MAX_NUMBER), "multipleOf": step}


def _array(
    node: Mapping[str, Any], root: Mapping[str, Any], depth: int, patterns: bool
) -> dict[str, Any] | None:
    fewest = int(node.get("minItems", 0))
    items = _bound(node.get("items", True), root, depth - 1, patterns)
    if items is None:
        return {"type": "array", "items": False, "maxItems": 0} if fewest == 0 else None
    return {
        "type": "array",
        "items": items,
        "minItems": fewest,
        "maxItems": int(node.get("maxItems", max(MAX_ITEMS, fewest))),
    }


def _object(
    node: Mapping[str, Any], root: Mapping[str, Any], depth: int, patterns: bool
) -> dict[str, Any] | None:
    required = list(node.get("required", []))
    properties: dict[str, Any] = {}
    for name, child in node.get("properties", {}).items():
        bounded = _bound(child, root, depth - 1, patterns)
        if bounded is not None:
            properties[name] = bounded
        elif name in required:
            return None
    for name in required:  # required but not described: anything scalar
        properties.setdefault(name, _bound({}, root, depth, patterns))
    return {
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": False,
    }
