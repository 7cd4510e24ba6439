"""LangChain tools from an OpenAPI 3 document.

Every request goes to the base URL that the user gave and nowhere else: servers named by the
document are ignored, redirects are refused, proxies of the environment are not used.
"""

import json
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlsplit

import httpx
import jsonschema
from langchain_core.tools import BaseTool, StructuredTool, ToolException

from sensebind.errors import ConfigurationError, InputError
from sensebind.tools.schemas import bound_schema

METHODS = ("get", "post", "put", "patch", "delete")
MAX_DOCUMENT_BYTES = 2_000_000
MAX_OPERATIONS = 200
MAX_TOLD = 400  # characters of an answer told to the model


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
    """

    name: str
    method: str
    path: str
    description: str
    schema: dict[str, Any]
    places: dict[str, str]


class ApiTools:
    """An API behind a base URL, as tools. Use as a context manager, or close it."""

    def __init__(
        self,
        document: Mapping[str, Any],
        base_url: str,
        *,
        allow: Sequence[str] | None = None,
        timeout: float = 3.0,
        max_bytes: int = 64 * 1024,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """Reads the document; sends nothing.

        Args:
            document: OpenAPI 3 document.
            base_url: `http(s)://host[:port][/prefix]`; the only place requests go to.
            allow: operationIds to offer; all by default.
            timeout: Seconds after which a call is given up, altogether.
            max_bytes: Largest answer that is read.
            headers: Sent with each request (authentication).

        Raises:
            InputError: The document is no OpenAPI 3 document, the URL is no URL, or an allowed
                operation does not exist.
            ConfigurationError: A schema of the document cannot be made finite.
        """
        parts = urlsplit(base_url)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.query:
            raise InputError(f"not a base URL (http://host:port): {base_url!r}")
        self.base_url = base_url.rstrip("/")
        self.operations = list(read_operations(document))
        if allow is not None:
            known = {operation.name for operation in self.operations}
            if unknown := [name for name in allow if name not in known]:
                raise InputError(f"the API has no operation {', '.join(unknown)}")
            self.operations = [one for one in self.operations if one.name in allow]
        self._timeout = timeout
        self._max_bytes = max_bytes
        self._client = httpx.Client(
            timeout=timeout,
            follow_redirects=False,
            trust_env=False,
            headers=dict(headers or {}),
            verify=parts.scheme == "https",
        )

    @classmethod
    def fetch(cls, base_url: str, *, path: str = "/openapi.json", **options: Any) -> "ApiTools":
        """Reads the document from the API itself, then as the constructor.

        Raises:
            InputError: No such server, or no JSON document there.
        """
        url = base_url.rstrip("/") + path
        timeout = float(options.get("timeout", 3.0))
        try:
            answer = httpx.get(url, timeout=timeout, trust_env=False, follow_redirects=False)
            answer.raise_for_status()
            if len(answer.content) > MAX_DOCUMENT_BYTES:
                raise InputError(f"the API document at {url} is larger than 2 MB")
            document = answer.json()
        except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
            raise InputError(f"no API document at {url}: {error}") from error
        return cls(document, base_url, **options)

    def __enter__(self) -> "ApiTools":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Closes the connections."""
        self._client.close()

    def tools(self) -> list[BaseTool]:
        """Returns one tool per operation."""
        return [self._tool(operation) for operation in self.operations]

    def _tool(self, operation: Operation) -> BaseTool:
        def call(**arguments: Any) -> tuple[str, Any]:
            return self.call(operation, arguments)

        return StructuredTool(
            name=operation.name,
            description=operation.description,
            args_schema=operation.schema,
            func=call,
            response_format="content_and_artifact",
            handle_tool_error=lambda error: f"error: {error}",
            metadata={"method": operation.method, "path": operation.path},
        )

    def call(self, operation: Operation, arguments: Mapping[str, Any]) -> tuple[str, Any]:
        """Calls an operation.

        Returns:
            Text for the model, and the whole answer.

        Raises:
            ToolException: Wrong arguments, no answer in time, an answer too large, or an error
                status; the message is meant for the model.
        """
        try:
            jsonschema.validate(dict(arguments), operation.schema)
        except jsonschema.ValidationError as error:
            raise ToolException(f"wrong arguments: {error.message[:200]}") from error
        path, query, body = operation.path, {}, {}
        whole: Any = None
        for name, value in arguments.items():
            match operation.places[name]:
                case "path":
                    segment = str(value)
                    if segment in ("", ".", ".."):
                        raise ToolException(f"wrong arguments: {name} cannot be {segment!r}")
                    path = path.replace("{" + name + "}", quote(segment, safe=""))
                case "query":
                    query[name] = value
                case "whole_body":
                    whole = value
                case _:
                    body[name] = value
        takes_body = any(place in ("body", "whole_body") for place in operation.places.values())
        payload = (whole if whole is not None else body) if takes_body else None
        status, raw = self._send(operation.method, self.base_url + path, query, payload)
        value = _decode(raw)
        if status >= 400:
            raise ToolException(f"refused ({status}): {_detail(value)}")
        if status >= 300:
            raise ToolException(f"the server wants to redirect ({status}), which is not allowed")
        return told(value), value

    def _send(
        self, method: str, url: str, query: Mapping[str, Any], payload: Any
    ) -> tuple[int, bytes]:
        deadline = time.monotonic() + self._timeout
        chunks = bytearray()
        try:
            with self._client.stream(method, url, params=dict(query), json=payload) as answer:
                for chunk in answer.iter_bytes():
                    chunks += chunk
                    if len(chunks) > self._max_bytes:
                        raise ToolException(f"the answer is larger than {self._max_bytes} bytes")
                    if time.monotonic() > deadline:
                        raise ToolException(f"no whole answer within {self._timeout:g} s")
                return answer.status_code, bytes(chunks)
        except httpx.TimeoutException as error:
            raise ToolException(f"no answer within {self._timeout:g} s") from error
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise ToolException(f"cannot reach the server: {error}") from error


def told(value: Any) -> str:
    """Returns an answer as the model is told it: `{"lamp": "on"}` becomes `lamp on`."""
    if isinstance(value, dict) and all(not isinstance(v, dict | list) for v in value.values()):
        text = ", ".join(f"{key} {_scalar(one)}" for key, one in value.items()) or "done"
    elif isinstance(value, str):
        text = value or "done"
    else:
        text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= MAX_TOLD else text[: MAX_TOLD - 1] + "…"


def _scalar(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:g}"
    return value if isinstance(value, str) else json.dumps(value)


def _decode(raw: bytes) -> Any:
    text = raw.decode("utf-8", "replace")
    try:
        return json.loads(text)
    except ValueError:
        return text


def _detail(value: Any) -> str:
    detail = value.get("detail", value) if isinstance(value, dict) else value
    if isinstance(detail, list) and detail and isinstance(detail[0], dict):
        detail = detail[0].get("msg", detail[0])
    return told(detail)


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
        if not isinstance(item, Mapping):
            raise InputError(f"the API document's path {path} is not an object")
        for method in METHODS:
            if method not in item:
                continue
            operation = _operation(document, str(path), method, item)
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
        parameter = _pointed(document, parameter)
        place = parameter.get("in")
        if place not in ("path", "query"):
            continue  # headers and cookies are the user's to set, not the model's
        key = str(parameter.get("name"))
        properties[key] = parameter.get("schema", {})
        places[key] = place
        if place == "path" or parameter.get("required"):
            required.append(key)
    content = _pointed(document, node.get("requestBody", {})).get("content", {})
    if "application/json" in content:
        body = _pointed(document, content["application/json"].get("schema", {}))
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
    description = str(description).strip()[:500]
    try:
        bounded = bound_schema(schema, root=document)
    except ConfigurationError as error:
        raise ConfigurationError(f"operation {name}: {error}") from error
    bounded |= {"title": name, "description": description}
    return Operation(name, method, path, description, bounded, places)


def _pointed(document: Mapping[str, Any], node: Any) -> Mapping[str, Any]:
    """Follows `$ref` to a component, a few steps at most."""
    for _ in range(8):
        if not isinstance(node, Mapping):
            raise InputError("the API document holds something that is not an object")
        if "$ref" not in node:
            return node
        target: Any = document
        for part in str(node["$ref"]).removeprefix("#/").split("/"):
            target = target.get(part) if isinstance(target, Mapping) else None
        node = target
    raise InputError("the API document's references go in a circle")
