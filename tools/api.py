"""LangChain tools from an OpenAPI 3 document.

Requests go to the base URL and nowhere else: servers named by the document are ignored, proxies of
the environment are not used, a redirect is followed inside the same host only, and addresses of
the private network are refused unless their host was allowed by name. What a server answers is
bounded in time and size; the model is told a short form, the whole of it is the tool's artifact.
"""

import base64
import json
import time
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, Self
from urllib.parse import quote, urljoin, urlsplit

import httpx
from langchain_core.tools import BaseTool, StructuredTool, ToolException

from sensebind.errors import InputError
from sensebind.tools.json_schema import problem
from sensebind.tools.openapi import (
    MAX_DOCUMENT_BYTES,
    Operation,
    parse_document,
    read_document,
    read_operations,
)
from sensebind.tools.risk import Origin, label
from sensebind.tools.secrets import read_secret
from sensebind.tools.ssrf_guard import GuardedTransport

MAX_TOLD = 400  # characters of an answer told to the model
MAX_REDIRECTS = 3
_REDIRECTS = frozenset({301, 302, 303, 307, 308})


class ApiTools:
    """An API behind a base URL, as tools. Use as a context manager, or close it."""

    def __init__(
        self,
        document: Mapping[str, Any],
        base_url: str,
        *,
        allow: Sequence[str] | None = None,
        private: Collection[str] = (),
        auth: Mapping[str, str] | None = None,
        timeout: float = 3.0,
        max_bytes: int = 64 * 1024,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """Reads the document; sends nothing.

        Args:
            document: OpenAPI 3 document.
            base_url: `http(s)://host[:port][/prefix]`; the only place requests go to.
            allow: operationIds to offer; all by default.
            private: Hosts that may have a private, loopback or link-local address.
            auth: Security scheme of the document to where its secret is (`env:NAME` or
                `file:PATH`): a bearer token, an API key, or `user:password`.
            timeout: Seconds after which a call is given up, altogether.
            max_bytes: Largest answer that is read.
            headers: Sent with each request.

        Raises:
            InputError: The document is no OpenAPI 3 document, the URL is no URL, an allowed
                operation does not exist, or one needs a secret that `auth` does not name.
            ConfigurationError: A schema of the document cannot be made finite, or an environment
                variable is not set.
        """
        parts = urlsplit(base_url)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.query:
            raise InputError(f"not a base URL (http://host:port): {base_url!r}")
        if parts.username or parts.password:
            raise InputError("a base URL holds no password: name environment variables in `auth`")
        self.base_url = base_url.rstrip("/")
        self._credentials = _credentials(document, auth or {})
        self.operations = _chosen(list(read_operations(document)), allow, self._credentials)
        self._timeout = timeout
        self._max_bytes = max_bytes
        self._client = _client(private, timeout, headers or {})
        # A host of one's own, named as such, says what the robot's own devices say.
        own = urlsplit(base_url).hostname in set(private)
        self._words = Origin.ROBOT if own else Origin.OUTSIDE

    @classmethod
    def fetch(
        cls,
        base_url: str,
        *,
        path: str = "/openapi.json",
        private: Collection[str] = (),
        timeout: float = 3.0,
        **options: Any,
    ) -> "ApiTools":
        """Reads the document from the API itself, then as the constructor.

        Raises:
            InputError: No such server, or no document there.
        """
        url = base_url.rstrip("/") + path
        client = _client(private, timeout, {})
        try:
            answer = _send(client, "get", url, timeout=timeout, max_bytes=MAX_DOCUMENT_BYTES)
            if answer[0] != 200:
                raise InputError(f"no API document at {url}: the server answers {answer[0]}")
            document = parse_document(answer[1], url)
        except ToolException as error:
            raise InputError(f"no API document at {url}: {error}") from error
        finally:
            client.close()
        return cls(document, base_url, private=private, timeout=timeout, **options)

    @classmethod
    def from_source(cls, source: str | Path, base_url: str = "", **options: Any) -> "ApiTools":
        """Reads the document from a file or a URL, then as the constructor.

        Args:
            source: Path or http(s) URL of the document, JSON or YAML.
            base_url: Where requests go; for a URL, its own host by default.
            **options: As for the constructor.

        Raises:
            InputError: No document there, or a file without a base URL.
        """
        parts = urlsplit(str(source))
        if parts.scheme in ("http", "https"):
            origin = f"{parts.scheme}://{parts.netloc}"
            path = parts.path + (f"?{parts.query}" if parts.query else "")
            api = cls.fetch(origin, path=path, **options)
            api.base_url = (base_url or origin).rstrip("/")
            return api
        if not base_url:
            raise InputError(f"the API document {source} is a file: say where its server is")
        return cls(read_document(Path(source)), base_url, **options)

    def __enter__(self) -> Self:
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
            metadata=label(
                operation.risk, method=operation.method, path=operation.path, origin=self._words
            ),
        )

    def call(self, operation: Operation, arguments: Mapping[str, Any]) -> tuple[str, Any]:
        """Calls an operation.

        Returns:
            Text for the model, and the whole answer.

        Raises:
            ToolException: Wrong arguments, no answer in time, an answer too large, or an error
                status; the message is meant for the model.
        """
        if wrong := problem(dict(arguments), operation.schema):
            raise ToolException(f"wrong arguments: {wrong}")
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
        headers: dict[str, str] = {}
        for scheme in _needed(operation, self._credentials):
            where, key, secret = self._credentials[scheme]
            (query if where == "query" else headers)[key] = secret
        status, raw = _send(
            self._client,
            operation.method,
            self.base_url + path,
            query=query,
            payload=(whole if whole is not None else body) if takes_body else None,
            headers=headers,
            timeout=self._timeout,
            max_bytes=self._max_bytes,
        )
        value = _decode(raw)
        if status >= 400:
            raise ToolException(f"refused ({status}): {_detail(value)}")
        return told(value), value


def _client(private: Collection[str], timeout: float, headers: Mapping[str, str]) -> httpx.Client:
    return httpx.Client(
        transport=GuardedTransport(private),
        timeout=timeout,
        follow_redirects=False,
        trust_env=False,
        headers={**headers, "accept-encoding": "identity"},  # nothing that swells when unpacked
    )


def _chosen(
    operations: list[Operation],
    allow: Sequence[str] | None,
    credentials: Mapping[str, tuple[str, str, str]],
) -> list[Operation]:
    """The operations that are offered; each must have the secrets that it needs."""
    if allow is not None:
        known = {operation.name for operation in operations}
        if unknown := [name for name in allow if name not in known]:
            raise InputError(f"the API has no operation {', '.join(unknown)}")
        operations = [one for one in operations if one.name in allow]
    for one in operations:
        if one.security and _needed(one, credentials) is None:
            wanted = " or ".join(" and ".join(sorted(names)) for names in one.security)
            raise InputError(
                f"operation {one.name} needs {wanted}: name the environment variable in `auth`, or "
                "leave the operation out with `allow`"
            )
    return operations


def _needed(operation: Operation, credentials: Mapping[str, Any]) -> Any:
    """The first alternative of security schemes that is known; none needed: empty."""
    if not operation.security:
        return frozenset()
    return next((names for names in operation.security if names <= credentials.keys()), None)


def _credentials(
    document: Mapping[str, Any], auth: Mapping[str, str]
) -> dict[str, tuple[str, str, str]]:
    """Returns where each scheme's secret goes: (`header` or `query`, key, value)."""
    components = document.get("components") if isinstance(document, Mapping) else None
    schemes = components.get("securitySchemes", {}) if isinstance(components, Mapping) else {}
    found: dict[str, tuple[str, str, str]] = {}
    for name, reference in auth.items():
        scheme = schemes.get(name)
        if not isinstance(scheme, Mapping):
            known = ", ".join(map(str, schemes)) or "none"
            raise InputError(f"the API has no security scheme {name} (it has {known})")
        secret = read_secret(reference)
        kind, form = str(scheme.get("type")), str(scheme.get("scheme", "")).lower()
        if kind == "apiKey" and scheme.get("in") in ("header", "query"):
            found[name] = (str(scheme["in"]), str(scheme.get("name")), secret)
        elif kind == "http" and form == "basic":
            coded = base64.b64encode(secret.encode()).decode()
            found[name] = ("header", "Authorization", f"Basic {coded}")
        elif kind in ("http", "oauth2", "openIdConnect"):
            found[name] = ("header", "Authorization", f"Bearer {secret}")
        else:
            raise InputError(f"the security scheme {name} of type {kind} is not supported")
    return found


def _send(
    client: httpx.Client,
    method: str,
    url: str,
    *,
    timeout: float,
    max_bytes: int,
    query: Mapping[str, Any] | None = None,
    payload: Any = None,
    headers: Mapping[str, str] | None = None,
) -> tuple[int, bytes]:
    """Sends a request, follows redirects inside its host, and reads a bounded answer."""
    deadline = time.monotonic() + timeout
    for _ in range(MAX_REDIRECTS + 1):
        try:
            with client.stream(
                method, url, params=dict(query) if query else None, json=payload, headers=headers
            ) as answer:
                if answer.status_code not in _REDIRECTS:
                    return answer.status_code, _read(answer, deadline, timeout, max_bytes)
                target = urljoin(url, answer.headers.get("location", ""))
        except InputError as error:  # an address that is refused
            raise ToolException(str(error)) from error
        except httpx.TimeoutException as error:
            raise ToolException(f"no answer within {timeout:g} s") from error
        except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
            raise ToolException(f"cannot reach the server: {error}") from error
        if method != "get" or _origin(target) != _origin(url):
            raise ToolException(
                f"the server wants to redirect ({answer.status_code}), which is not allowed"
            )
        url, query = target, None
    raise ToolException("the server redirects for ever")


def _origin(url: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port


def _read(answer: httpx.Response, deadline: float, timeout: float, max_bytes: int) -> bytes:
    if answer.headers.get("content-encoding", "identity") != "identity":
        raise ToolException("the answer is packed, which was not asked for")
    chunks = bytearray()
    for chunk in answer.iter_raw():
        chunks += chunk
        if len(chunks) > max_bytes:
            raise ToolException(f"the answer is larger than {max_bytes} bytes")
        if time.monotonic() > deadline:
            raise ToolException(f"no whole answer within {timeout:g} s")
    return bytes(chunks)


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
    except (ValueError, RecursionError):
        return text


def _detail(value: Any) -> str:
    detail = value.get("detail", value) if isinstance(value, dict) else value
    if isinstance(detail, list) and detail and isinstance(detail[0], dict):
        detail = detail[0].get("msg", detail[0])
    return told(detail)
