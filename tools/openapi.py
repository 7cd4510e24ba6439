"""Operations of an OpenAPI 3 document, with finite schemas. Nothing in a document is trusted."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from sensebind.errors import ConfigurationError, InputError, one_line
from sensebind.tools.json_schema import bound_schema
from sensebind.tools.risk import Risk

METHODS = ("get", "post", "put", "patch", "delete")
MAX_DOCUMENT_BYTES = 2_000_000
MAX_OPERATIONS = 200
_STEPS = 8  # references that lead to references


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation of an API.

    Attributes:
        name: The operationId, as a tool name.
        method: HTTP method in lower case.
        path: Path template, `/rooms/{room}`.
        description: Summary or description.
        schema: Bounded JSON schema of all arguments together.
        places: Argument name to where it goes: `path`, `query`, `body` (a field of the JSON body)
            or `whole_body`.
        security: Alternatives of security schemes that it needs, by name; empty if it needs none.
    """

    name: str
    method: str
    path: str
    description: str
    schema: dict[str, Any]
    places: dict[str, str]
    security: tuple[frozenset[str], ...] = ()

    @property
    def risk(self) -> Risk:
        """What it can do: HTTP's safe method only reads."""
        return Risk.OBSERVE if self.method == "get" else Risk.CHANGE


def parse_document(raw: bytes, where: str) -> Mapping[str, Any]:
    """Reads a document in JSON or YAML.

    Raises:
        InputError: It is larger than 2 MB, or neither.
    """
    if len(raw) > MAX_DOCUMENT_BYTES:
        raise InputError(f"the API document {where} is larger than 2 MB")
    try:
        text = raw.decode("utf-8")
        document = json.loads(text) if text.lstrip()[:1] == "{" else yaml.safe_load(text)
    except (ValueError, RecursionError, yaml.YAMLError) as error:
        raise InputError(f"no API document at {where}: {one_line(error)}") from error
    if not isinstance(document, Mapping):
        raise InputError(f"no API document at {where}: it is no object")
    return document


def read_document(file: Path) -> Mapping[str, Any]:
    """Reads a document from a file.

    Raises:
        InputError: It cannot be read, or see `parse_document`.
    """
    try:
        if file.stat().st_size > MAX_DOCUMENT_BYTES:
            raise InputError(f"the API document {file} is larger than 2 MB")
        return parse_document(file.read_bytes(), str(file))
    except OSError as error:
        raise InputError(f"the API document {file} cannot be read: {error.strerror}") from error


def read_operations(document: Mapping[str, Any]) -> Iterator[Operation]:
    """Reads the operations of an OpenAPI 3 document.

    Raises:
        InputError: Not an OpenAPI 3 document, or larger than the limits.
        ConfigurationError: A schema cannot be made finite.
    """
    if not isinstance(document, Mapping) or not str(document.get("openapi", "")).startswith("3"):
        raise InputError('not an OpenAPI 3 document (its "openapi" field must begin with 3)')
    names: set[str] = set()
    paths = document.get("paths")
    for path, item in (paths if isinstance(paths, Mapping) else {}).items():
        item = pointed(document, item, f"path {path}")
        for method in METHODS:
            if method not in item:
                continue
            try:
                operation = _operation(document, str(path), method, item)
            except (AttributeError, TypeError, KeyError) as error:
                raise InputError(
                    f"the API document's {method} {path} is malformed: {error}"
                ) from error
            if operation.name in names:
                raise InputError(f"the API document has two operations called {operation.name}")
            names.add(operation.name)
            if len(names) > MAX_OPERATIONS:
                raise InputError(f"the API document has more than {MAX_OPERATIONS} operations")
            yield operation


def _operation(
    document: Mapping[str, Any], path: str, method: str, item: Mapping[str, Any]
) -> Operation:
    node = item[method]
    raw_name = node.get("operationId") or f"{method}_{path}"
    name = re.sub(r"[^A-Za-z0-9_-]+", "_", str(raw_name)).strip("_")[:64]
    properties: dict[str, Any] = {}
    required: list[str] = []
    places: dict[str, str] = {}
    for parameter in [*item.get("parameters", []), *node.get("parameters", [])]:
        parameter = pointed(document, parameter, name)
        place = parameter.get("in")
        if place not in ("path", "query"):
            continue  # headers and cookies are the user's to set, not the model's
        key = str(parameter.get("name"))
        properties[key] = parameter.get("schema", {})
        places[key] = place
        if place == "path" or parameter.get("required"):
            required.append(key)
    content = pointed(document, node.get("requestBody", {}), name).get("content", {})
    if "application/json" in content:
        body = pointed(document, content["application/json"].get("schema", {}), name)
        fields = body.get("properties", {})
        if fields and not set(fields) & set(properties):
            properties |= fields
            places |= dict.fromkeys(fields, "body")
            required += [key for key in body.get("required", []) if key in fields]
        else:
            properties["body"] = body
            places["body"] = "whole_body"
            required.append("body")
    schema = {
        "type": "object",
        "properties": properties,
        "required": sorted(set(required), key=required.index),
    }
    description = node.get("description") or node.get("summary") or name.replace("_", " ")
    description = " ".join(str(description).split())[:500]
    try:
        bounded = bound_schema(schema, root=document)
    except ConfigurationError as error:
        raise ConfigurationError(f"operation {name}: {error}") from error
    bounded |= {"title": name, "description": description}
    security = _security(node.get("security", document.get("security", ())))
    return Operation(name, method, path, description, bounded, places, security)


def _security(alternatives: Sequence[Mapping[str, Any]]) -> tuple[frozenset[str], ...]:
    found = tuple(frozenset(map(str, one)) for one in alternatives)
    return () if frozenset() in found else found  # an empty one: it works without


def pointed(document: Mapping[str, Any], node: Any, what: str) -> Mapping[str, Any]:
    """Follows `$ref` to a component, a few steps at most.

    Raises:
        InputError: Something is not an object, or references go in a circle.
    """
    for _ in range(_STEPS):
        if not isinstance(node, Mapping):
            raise InputError(f"the API document's {what} is or refers to what is not an object")
        if "$ref" not in node:
            return node
        target: Any = document
        for part in str(node["$ref"]).removeprefix("#/").split("/"):
            part = part.replace("~1", "/").replace("~0", "~")
            target = target.get(part) if isinstance(target, Mapping) else None
        node = target
    raise InputError(f"the API document's references go in a circle at {what}")
