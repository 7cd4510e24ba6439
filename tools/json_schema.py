"""JSON schemas from outside, made finite and self-contained, and values checked against them."""

import json
from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from itertools import combinations
from typing import Any

import jsonschema
import regex
from jsonschema.validators import extend
from referencing import Registry
from referencing.exceptions import Unresolvable

from sensebind.errors import ConfigurationError

MAX_STRING = 200  # characters of a string whose schema sets no limit
MAX_ITEMS = 16  # elements of an array whose schema sets no limit
MAX_INTEGER = 10**9
MAX_NUMBER = 1e6
NUMBER_STEP = 1e-4  # a number has at most four decimals, or it could run to the token limit
MAX_DEPTH = 8  # levels of nesting kept of a recursive schema
MAX_NODES = 5000  # nodes of a schema with its references written out
MAX_CHOICES = 256  # combinations of an array of unique choices that are written out
PATTERN_SECONDS = 0.2
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
        ConfigurationError: Nothing finite can satisfy the schema, a reference is broken, or it is
            larger than `MAX_NODES` when its references are written out.
    """
    try:
        bounded = _Bounder(schema if root is None else root, patterns).bound(schema, MAX_DEPTH)
    except RecursionError as error:
        raise ConfigurationError("the schema refers to itself without an end") from error
    except (AttributeError, TypeError, ValueError, OverflowError) as error:
        raise ConfigurationError(f"the schema is malformed: {str(error)[:120]}") from error
    if bounded is None:
        raise ConfigurationError(f"the schema recurses without an end: {str(schema)[:120]}")
    return bounded


class _Bounder:
    """Bounds the nodes of one schema, and counts them."""

    def __init__(self, root: Mapping[str, Any], patterns: bool) -> None:
        self._root = root
        self._patterns = patterns
        self._nodes = 0

    def bound(self, node: Any, depth: int) -> dict[str, Any] | None:
        """Bounds one node; None if nothing within `depth` levels satisfies it."""
        self._nodes += 1
        if self._nodes > MAX_NODES:
            raise ConfigurationError(
                f"the schema has more than {MAX_NODES} parts when its references are written out"
            )
        if depth < 0 or node is False:
            return None
        node = {} if node is True else self._resolve(node)
        for union in ("anyOf", "oneOf"):
            if union in node:
                rest = {k: v for k, v in node.items() if k != union}
                return self._any_of(
                    [{**rest, **self._resolve(option)} for option in node[union]], depth
                )
        if "allOf" in node:
            return self.bound(self._merged(node), depth)
        if "const" in node:
            return {"const": node["const"]}
        if "enum" in node:
            return {"enum": list(node["enum"])}
        kind = node.get("type")
        if isinstance(kind, list):
            return self._any_of([{**node, "type": one} for one in kind], depth)
        if kind is None:
            if "properties" in node:
                kind = "object"
            elif "items" in node:
                kind = "array"
            else:  # anything goes: offer the scalars
                kinds = ("string", "number", "boolean", "null")
                return self._any_of([{**node, "type": one} for one in kinds], depth)
        match kind:
            case "string":
                return _string(node, self._patterns)
            case "integer":
                return _integer(node)
            case "number":
                return _number(node)
            case "boolean" | "null":
                return {"type": kind}
            case "array":
                return self._array(node, depth)
            case "object":
                return self._object(node, depth)
        raise ConfigurationError(f"the schema has an unknown type {kind!r}")

    def _resolve(self, node: Mapping[str, Any]) -> Mapping[str, Any]:
        for _ in range(MAX_DEPTH):
            if "$ref" not in node:
                return node
            path = str(node["$ref"])
            target: Any = self._root
            for part in path.removeprefix("#").strip("/").split("/") if path != "#" else []:
                part = part.replace("~1", "/").replace("~0", "~")
                if not isinstance(target, Mapping) or part not in target:
                    raise ConfigurationError(
                        f"the schema refers to {path[:120]}, which it does not hold"
                    )
                target = target[part]
            if not isinstance(target, Mapping):
                raise ConfigurationError(f"the schema refers to {path[:120]}, which is no schema")
            node = {**target, **{k: v for k, v in node.items() if k != "$ref"}}
        raise ConfigurationError(f"the schema's references go in a circle at {node.get('$ref')}")

    def _merged(self, node: Mapping[str, Any]) -> dict[str, Any]:
        merged: dict[str, Any] = {k: v for k, v in node.items() if k != "allOf"}
        for part in node["allOf"]:
            part = self._resolve(part)
            properties = {**merged.get("properties", {}), **part.get("properties", {})}
            required = [*merged.get("required", []), *part.get("required", [])]
            merged |= part
            if properties:
                merged |= {"properties": properties, "required": required}
        return merged

    def _any_of(self, options: Sequence[Any], depth: int) -> dict[str, Any] | None:
        kept = [b for option in options if (b := self.bound(option, depth)) is not None]
        return {"anyOf": kept} if kept else None

    def _array(self, node: Mapping[str, Any], depth: int) -> dict[str, Any] | None:
        fewest = int(node.get("minItems", 0))
        items = self.bound(node.get("items", True), depth - 1)
        if items is None:
            return {"type": "array", "items": False, "maxItems": 0} if fewest == 0 else None
        most = int(node.get("maxItems", max(MAX_ITEMS, fewest)))
        if node.get("uniqueItems"):
            if "enum" in items:
                return {"enum": list(_subsets(items["enum"], fewest, most))}
            most = min(most, max(fewest, 1))  # a grammar cannot compare elements
        return {"type": "array", "items": items, "minItems": fewest, "maxItems": most}

    def _object(self, node: Mapping[str, Any], depth: int) -> dict[str, Any] | None:
        required = list(node.get("required", []))
        properties: dict[str, Any] = {}
        for name, child in node.get("properties", {}).items():
            bounded = self.bound(child, depth - 1)
            if bounded is not None:
                properties[name] = bounded
            elif name in required:
                return None
        for name in required:  # required but not described: anything scalar
            if name not in properties:
                properties[name] = self.bound({}, depth)
        return {
            "type": "object",
            "properties": properties,
            "required": required,
            "additionalProperties": False,
        }


def _subsets(choices: Sequence[Any], fewest: int, most: int) -> Iterator[list[Any]]:
    """Arrays of different choices, short ones first; at most `MAX_CHOICES` of them."""
    given = 0
    for size in range(fewest, min(most, len(choices)) + 1):
        for subset in combinations(choices, size):
            if given >= MAX_CHOICES:
                return
            given += 1
            yield list(subset)


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
    for side in ("Minimum", "Maximum"):  # OpenAPI 3.0 writes a flag where JSON Schema has a number
        if node.get("exclusive" + side) is True:
            node = {**node, "exclusive" + side: node.get(side.lower())}
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


# --- how long a value is at least ----------------------------------------------------------------


def shortest(node: Mapping[str, Any]) -> str:
    """Returns about the shortest JSON text that satisfies a bounded schema."""
    if "anyOf" in node:
        return min((shortest(option) for option in node["anyOf"]), key=len)
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
            return "[" + ",".join([shortest(node["items"])] * count if count else []) + "]"
        case "object":
            fields = (f'"{name}":{shortest(node["properties"][name])}' for name in node["required"])
            return "{" + ",".join(fields) + "}"
    return "false"


def ending(node: Mapping[str, Any]) -> str:
    """Returns a text about as long as what is left to write when a value must end soon.

    That is what is required, and the rest of the longest part that may have been begun.
    """
    if "anyOf" in node:
        return max((ending(option) for option in node["anyOf"]), key=len)
    if "enum" in node:
        return max((_compact(value) for value in node["enum"]), key=len)
    if node.get("type") == "array" and node["items"]:
        return shortest(node) + ending(node["items"])
    if node.get("type") == "object":
        return shortest(node) + max((ending(p) for p in node["properties"].values()), key=len,
                                    default="")  # fmt: skip
    return shortest(node)


def _compact(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


# --- checking values -----------------------------------------------------------------------------


def problem(value: Any, schema: Mapping[str, Any]) -> str:
    """Says what is wrong with a value, in a few words; empty if it satisfies the schema."""
    try:
        _Validator.check_schema(schema)
        # An empty registry: a reference must never make the machine fetch something.
        error = next(_Validator(schema, registry=Registry()).iter_errors(value), None)
    except jsonschema.SchemaError as bad:
        return f"the schema itself is wrong: {bad.message[:160]}"
    except RecursionError:
        return "the schema refers to itself without an end"
    except Unresolvable as bad:
        return f"the schema refers to something that it does not hold: {str(bad)[:160]}"
    if error is None:
        return ""
    where = ".".join(str(part) for part in error.absolute_path)
    return f"{where + ': ' if where else ''}{error.message[:160]}"


def _multiple_of(_: Any, step: Any, value: Any, __: Any) -> Iterator[jsonschema.ValidationError]:
    """Exact on decimals: 0.3 is a multiple of 0.1, whatever their floats say."""
    if _is_number(value) and Fraction(str(value)) % Fraction(str(step)):
        yield jsonschema.ValidationError(f"{value} is not a multiple of {step}")


def _pattern(_: Any, pattern: str, value: Any, __: Any) -> Iterator[jsonschema.ValidationError]:
    """With a time limit: a hostile pattern can take for ever."""
    if not isinstance(value, str):
        return
    try:
        if not regex.search(pattern, value, timeout=PATTERN_SECONDS):
            yield jsonschema.ValidationError(f"{value!r} does not match {pattern!r}")
    except (TimeoutError, regex.error) as error:
        yield jsonschema.ValidationError(f"the pattern {pattern[:80]!r} cannot be used: {error}")


_Validator: Any = extend(
    jsonschema.Draft202012Validator, {"multipleOf": _multiple_of, "pattern": _pattern}
)
