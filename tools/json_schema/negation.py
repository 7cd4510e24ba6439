"""The ways in which a value can fail a JSON schema, keyword by keyword, as schemas themselves.

What cannot be said, such as "not a multiple of 3", is the type alone with a mark that the rest is
checked after generation.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from sensebind.tools.json_schema.facts import (
    ALL_TYPES,
    CHECKED_LATER,
    EXCLUDED,
    OURS,
    TYPES,
    dependencies,
    types_of,
)
from sensebind.tools.json_schema.validation import is_number


def negations(node: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yields schemas; a value that satisfies one of them fails the keywords of `node`.

    Args:
        node: A schema; its references and unions are the caller's.
    """
    for one in (*_general_negations(node), *_array_negations(node), *_object_negations(node)):
        yield {**one, OURS: True}


def _general_negations(node: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    if "type" in node:
        yield {TYPES: ALL_TYPES - types_of(node["type"])}
    if "const" in node or "enum" in node:
        yield {EXCLUDED: [node["const"]] if "const" in node else list(node["enum"])}
    for plain, side, other in (
        ("minimum", "exclusiveMinimum", "Maximum"),
        ("maximum", "exclusiveMaximum", "Minimum"),
    ):
        if plain in node:
            beyond = other.lower() if node.get(side) is True else f"exclusive{other}"
            yield {"type": "number", beyond: node[plain]}
        if is_number(node.get(side)):
            yield {"type": "number", other.lower(): node[side]}
    if "multipleOf" in node:
        yield {"type": "number", CHECKED_LATER: ["not"]}
    if int(node.get("minLength", 0)) > 0:
        yield {"type": "string", "maxLength": int(node["minLength"]) - 1}
    if "maxLength" in node:
        yield {"type": "string", "minLength": int(node["maxLength"]) + 1}
    if "pattern" in node:
        yield {"type": "string", CHECKED_LATER: ["not"]}


def _array_negations(node: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    array = {"type": "array"}
    if int(node.get("minItems", 0)) > 0:
        yield {**array, "maxItems": int(node["minItems"]) - 1}
    if "maxItems" in node:
        yield {**array, "minItems": int(node["maxItems"]) + 1}
    if node.get("uniqueItems") is True:
        yield {**array, "minItems": 2, CHECKED_LATER: ["not"]}
    prefix, items = list(node.get("prefixItems", ())), node.get("items")
    if isinstance(items, list):
        prefix, items = items, node.get("additionalItems")
    for index, one in enumerate(prefix):
        before = [True] * index
        yield {**array, "minItems": index + 1, "prefixItems": [*before, {"not": one}]}
    if items is not None and prefix:
        yield {**array, "minItems": len(prefix) + 1, CHECKED_LATER: ["not"]}
    elif items is not None:
        yield {**array, "contains": {"not": items}}
    if "contains" in node:
        fewest = int(node.get("minContains", 1))
        if fewest == 1:
            yield {**array, "items": {"not": node["contains"]}}
        elif fewest:
            some = {"contains": node["contains"], "minContains": 0, "maxContains": fewest - 1}
            yield {**array, **some}
        if "maxContains" in node:
            more = {"contains": node["contains"], "minContains": int(node["maxContains"]) + 1}
            yield {**array, **more}
    if "unevaluatedItems" in node:
        yield {**array, "minItems": 1, CHECKED_LATER: ["not"]}


def _object_negations(node: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    thing = {"type": "object"}
    for name in node.get("required", ()):
        yield {**thing, "properties": {name: False}}
    for name, one in node.get("properties", {}).items():
        yield {**thing, "required": [name], "properties": {name: {"not": one}}}
    if int(node.get("minProperties", 0)) > 0:
        yield {**thing, "maxProperties": int(node["minProperties"]) - 1}
    if "maxProperties" in node:
        yield {**thing, "minProperties": int(node["maxProperties"]) + 1}
    for name, needed in dependencies(node):
        if isinstance(needed, list):
            for other in needed:
                yield {**thing, "required": [name], "properties": {other: False}}
        else:
            yield {**thing, "required": [name], "not": needed}
    if any(
        keyword in node
        for keyword in (
            "patternProperties",
            "additionalProperties",
            "propertyNames",
            "unevaluatedProperties",
        )
    ):
        yield {**thing, "minProperties": 1, CHECKED_LATER: ["not"]}
