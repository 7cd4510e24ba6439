"""Operations of an OpenAPI 3 document, with schemas of their own. Nothing in it is trusted."""

import json
import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from sensebind.errors import ConfigurationError, InputError, SenseBindError, one_line
from sensebind.tools.json_schema.bounding import bounded
from sensebind.tools.openapi.bodies import Body, choose, files_of
from sensebind.tools.openapi.bounded_yaml import load_yaml
from sensebind.tools.openapi.parameters import Parameter, read_parameter
from sensebind.tools.openapi.schemas import Document, SchemaReader
from sensebind.tools.risk import Risk

METHODS = ("get", "post", "put", "patch", "delete")
MAX_DOCUMENT_BYTES = 2_000_000
_LONGEST_NAME = 1024  # characters of a path, an operationId, the name of a parameter
_IGNORED_HEADERS = frozenset({"accept", "content-type", "authorization"})  # as OpenAPI has it
# Keywords of a body whose properties may stand among the other arguments: nothing is lost.
_FLAT = frozenset(
    {"type", "properties", "required", "description", "additionalProperties", "default", "$schema"}
)


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation of an API.

    Attributes:
        name: The operationId, as a tool name.
        id: The operationId as it was written; method and path if there is none.
        method: HTTP method in lower case.
        path: Path template, `/rooms/{room}`.
        description: Summary or description.
        schema: JSON schema (2020-12) of all arguments together, as the document has them.
        parameters: Arguments that go into path, query, headers or cookies.
        body: What is sent as the body; None if nothing is.
        security: Alternatives of security schemes that it needs, by name; empty if it needs none.
    """

    name: str
    id: str
    method: str
    path: str
    description: str
    schema: dict[str, Any]
    parameters: tuple[Parameter, ...] = ()
    body: Body | None = None
    security: tuple[frozenset[str], ...] = ()

    @property
    def risk(self) -> Risk:
        """What it can do: HTTP's safe method only reads."""
        return Risk.OBSERVE if self.method == "get" else Risk.CHANGE

    @property
    def places(self) -> dict[str, str]:
        """Argument name to where it goes: a parameter's place, `body` or `whole_body`."""
        found = {one.argument: one.place for one in self.parameters}
        if self.body is not None:
            found |= dict.fromkeys(sorted(self.body.fields), "body")
            found |= {self.body.whole: "whole_body"} if self.body.whole else {}
        return found


@dataclass(frozen=True, slots=True)
class Unusable:
    """An operation that cannot be offered.

    Attributes:
        name: Its name, or its method and path.
        error: Why.
    """

    name: str
    error: SenseBindError


def parse_document(raw: bytes, where: str) -> Mapping[str, Any]:
    """Reads a document in JSON or YAML, in UTF-8, UTF-16 or UTF-32.

    Raises:
        InputError: It is larger than 2 MB, or neither.
    """
    if len(raw) > MAX_DOCUMENT_BYTES:
        raise InputError(f"the API document {where} is larger than 2 MB")
    try:
        # RFC 4627 and YAML 1.2.2 (5.2) know an encoding by the first bytes; Windows writes UTF-16.
        text = raw.decode(json.detect_encoding(raw)).removeprefix("\ufeff")
        document = json.loads(text) if text.lstrip()[:1] == "{" else load_yaml(text)
    except (ValueError, RecursionError, yaml.YAMLError) as error:
        raise InputError(f"no API document at {where}: {one_line(error)}") from error
    if not isinstance(document, Mapping):
        raise InputError(f"no API document at {where}: it is not an object")
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


def read_operations(
    document: Mapping[str, Any], fixed: Collection[str] = ()
) -> tuple[list[Operation], list[Unusable]]:
    """Reads the operations of an OpenAPI 3 document; one that is odd spoils no other.

    Args:
        document: The document.
        fixed: Names of headers that the user sets, so that they are no arguments.

    Returns:
        What can be called, in the document's order, and what cannot.

    Raises:
        InputError: Not an OpenAPI 3 document.
    """
    if not isinstance(document, Mapping) or not str(document.get("openapi", "")).startswith("3"):
        raise InputError('not an OpenAPI 3 document (its "openapi" field must begin with 3)')
    whole = Document(document)
    headers = _IGNORED_HEADERS | {name.lower() for name in fixed}
    found: list[Operation] = []
    odd: list[Unusable] = []
    for method, path, item in _nodes(whole, odd):
        name = f"{method} {path}"
        try:
            node = item[method]
            if not isinstance(node, Mapping):
                raise InputError(f"the API document's {name} is not an object")
            name = tool_name(node.get("operationId") or f"{method}_{path[:256]}")
            found.append(_operation(whole, path, method, item, headers))
        except SenseBindError as error:
            odd.append(Unusable(name, error))
        except (AttributeError, TypeError, KeyError, ValueError, RecursionError) as error:
            text = f"the API document's {method} {path} is malformed: {one_line(error)}"
            odd.append(Unusable(name, InputError(text)))
    return _named_apart(found, odd), odd


def tool_name(name: object) -> str:
    """Returns a name that a tool may have: at most 64 of `A-Za-z0-9_-`."""
    return re.sub(r"[^A-Za-z0-9_-]+", "_", short(name, 256)).strip("_")[:64] or "operation"


def short(text: object, limit: int) -> str:
    """Returns the beginning of a text with single spaces; what is not a text has none.

    Documents name one text in many places, so that only its beginning is looked at.
    """
    if isinstance(text, bool | int | float):
        text = str(text)
    return " ".join(text[: 4 * limit].split())[:limit] if isinstance(text, str) else ""


def _nodes(document: Document, odd: list[Unusable]) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    """Yields method, path and Path Item Object."""
    paths = document.root.get("paths")
    for path, item in (paths if isinstance(paths, Mapping) else {}).items():
        if str(path).startswith("x-"):  # an extension
            continue
        try:
            item = document.pointed(item, f"path {path}")
        except InputError as error:
            odd.append(Unusable(str(path), error))
            continue
        for method in METHODS:
            if method in item:
                yield method, str(path), item
        odd += _of_other_methods(str(path), item)


def _of_other_methods(path: str, item: Mapping[str, Any]) -> Iterator[Unusable]:
    """Yields what OpenAPI 3.2 has in a Path Item besides: QUERY, and methods by their names."""
    others = item.get("additionalOperations")
    others = others if isinstance(others, Mapping) else {}
    for method, node in {**({"query": item["query"]} if "query" in item else {}), **others}.items():
        id_ = node.get("operationId") if isinstance(node, Mapping) else None
        text = f"the API document's {method} {path} is not one of {', '.join(METHODS)}"
        yield Unusable(tool_name(id_ or f"{method}_{path[:256]}"), InputError(text))


def _named_apart(found: Sequence[Operation], odd: list[Unusable]) -> list[Operation]:
    """Numbers operations whose tool names agree; those with one operationId are all unusable."""
    twice = {one for one, number in Counter(one.id for one in found).items() if number > 1}
    for one in sorted(twice):
        text = f"the API document has two operations called {one}"
        odd.append(Unusable(tool_name(one), InputError(text)))
    kept: list[Operation] = []
    names: set[str] = set()
    for one in found:
        if one.id in twice:
            continue
        name, number = one.name, 2
        while name in names:
            ending = f"_{number}"
            name, number = one.name[: 64 - len(ending)] + ending, number + 1
        names.add(name)
        kept.append(one if name == one.name else _renamed(one, name))
    return kept


def _renamed(one: Operation, name: str) -> Operation:
    schema = {**one.schema, "title": name}
    return Operation(
        name,
        one.id,
        one.method,
        one.path,
        one.description,
        schema,
        one.parameters,
        one.body,
        one.security,
    )


def _operation(
    document: Document,
    path: str,
    method: str,
    item: Mapping[str, Any],
    fixed: frozenset[str],
) -> Operation:
    node = item[method]
    if len(path) > _LONGEST_NAME:
        raise InputError(f"the path of operation {method} {path[:60]}… is too long")
    if not path.startswith("/") or "?" in path or "#" in path:
        raise InputError(
            f"operation {method} {path[:60]}: a path begins with / and has no query or fragment; "
            "declare a parameter in the query"
        )
    raw_name = short(node.get("operationId"), _LONGEST_NAME) or f"{method}_{path}"
    name = tool_name(raw_name)
    reader = SchemaReader(document, name)
    arguments = _Arguments()
    parameters = _parameters(document, path, (item, node), reader, arguments, fixed)
    body = _body(document, node, name, reader, arguments)
    schema: dict[str, Any] = {
        "type": "object",
        "properties": arguments.properties,
        "required": arguments.required,
        "additionalProperties": False,
    }
    if arguments.together:
        schema["dependentRequired"] = arguments.together
    if reader.definitions:
        schema["$defs"] = reader.definitions
    try:
        bounded(schema, arguments=True)  # whether any call can satisfy it
    except ConfigurationError as error:
        raise ConfigurationError(f"operation {name}: {error}") from error
    described = short(node.get("description"), 500) or short(node.get("summary"), 500)
    description = described or name.replace("_", " ")
    schema |= {"title": name, "description": description}
    security = _security(node.get("security", document.root.get("security")) or ())
    return Operation(
        name, raw_name, method, path, description, schema, tuple(parameters), body, security
    )


class _Arguments:
    """Arguments of a tool while they are collected."""

    def __init__(self) -> None:
        self.properties: dict[str, Any] = {}
        self.required: list[str] = []
        self.together: dict[str, list[str]] = {}

    def add(self, name: str, place: str, schema: Any, required: bool) -> str:
        """Adds an argument; returns its name, which is another if that one is taken."""
        argument = name if name not in self.properties else f"{name}_{place}"
        while argument in self.properties:
            argument += "_"
        self.properties[argument] = schema
        if required:
            self.required.append(argument)
        return argument


def _parameters(
    document: Document,
    path: str,
    nodes_above: tuple[Mapping[str, Any], Mapping[str, Any]],
    reader: SchemaReader,
    arguments: _Arguments,
    fixed: frozenset[str],
) -> Iterator[Parameter]:
    """The parameters of an operation; its own override those of its path."""
    nodes: dict[tuple[str, str], Mapping[str, Any]] = {}
    for one in [one for above in nodes_above for one in above.get("parameters") or ()]:
        parameter = document.pointed(one, f"parameter of {reader.what}")
        name, place = parameter.get("name"), parameter.get("in")
        if not isinstance(name, str) or not 0 < len(name) <= _LONGEST_NAME:
            raise InputError(f"operation {reader.what}: a parameter has no name, or one too long")
        nodes[name, str(place)[:16]] = parameter
    template = re.findall(r"\{([^{}]*)\}", path)
    for name in template:  # not declared: a text, as every part of a path is
        if (name, "path") not in nodes:
            nodes[name, "path"] = {"name": name, "in": "path", "schema": {"type": "string"}}
    found: list[Parameter] = []
    for (name, place), parameter in nodes.items():
        if place == "header" and name.lower() in fixed:
            continue
        if place == "path" and name not in template:
            raise InputError(f"operation {reader.what}: its path has no {{{name}}}")
        required = place == "path" or parameter.get("required") is True
        _, schema = read_parameter(parameter, name)
        read = reader.read(schema)
        if (about := short(parameter.get("description"), 200)) and isinstance(read, dict):
            read = {"description": about, **read}
        argument = arguments.add(name, place, read, required)
        found.append(read_parameter(parameter, argument)[0])
    return iter(found)


def _body(
    document: Document,
    node: Mapping[str, Any],
    name: str,
    reader: SchemaReader,
    arguments: _Arguments,
) -> Body | None:
    """The body; its properties are arguments, or all of it is one."""
    request = document.pointed(node.get("requestBody") or {}, f"body of {name}")
    content = request.get("content") or {}
    required = request.get("required") is True
    chosen = choose(content)
    if chosen is None:
        if content and required:
            kinds = ", ".join(map(str, content))
            raise InputError(f"operation {name}: a body of type {kinds} cannot be written")
        return None
    media, kind, of = chosen
    schema = reader.read_followed(of.get("schema", True))
    declared = schema.get("properties", {}) if isinstance(schema, dict) else {}
    fields = {name: one for name, one in declared.items() if one is not False}
    files = files_of(fields) if kind == "multipart" else {}
    flat = (
        isinstance(schema, dict)
        and fields
        and schema.keys() <= _FLAT
        and schema.get("type", "object") == "object"
        and schema.get("additionalProperties") in (None, False)
        and not fields.keys() & arguments.properties.keys()
    )
    encoding = of.get("encoding") or {}
    if not flat:
        whole = arguments.add("body", "whole", schema, required)
        return Body(media, kind, required, frozenset(), whole, encoding, files)
    needed = [one for one in schema.get("required", ()) if one in fields]
    for field, one in fields.items():
        arguments.add(field, "body", one, required and field in needed)
        others = [other for other in needed if other != field]
        if others and not required:  # a body may be left out, but not be half of one
            arguments.together[field] = others
    return Body(media, kind, required, frozenset(fields), "", encoding, files)


def _security(alternatives: Sequence[Mapping[str, Any]]) -> tuple[frozenset[str], ...]:
    found = tuple(frozenset(map(str, one)) for one in alternatives)
    return () if frozenset() in found else found  # an empty one: it works without
