"""LangChain tools from an OpenAPI 3 document.

Requests go to the base URL and nowhere else: servers named by the document are ignored, proxies of
the environment are not used, a redirect is followed inside the same host only, and addresses of
the private network are refused unless their host was allowed by name. What a server answers is
bounded in time and size, and given over whole: what a model reads of it is decided in one place for
all tools (`agent/results/bound.py`). The answer as a value is the tool's artifact.
"""

import base64
import logging
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, Self
from urllib.parse import quote, urlsplit

from langchain_core.tools import BaseTool, ToolException

from sensebind.errors import InputError
from sensebind.tools.base import make_tool
from sensebind.tools.http_client import MAX_BODY, HttpClient
from sensebind.tools.json_schema import wrong_arguments
from sensebind.tools.openapi import (
    MAX_DOCUMENT_BYTES,
    Operation,
    Unusable,
    parse_document,
    read_document,
    read_operations,
)
from sensebind.tools.openapi.answers import content_of, read_answer, reason
from sensebind.tools.risk import Origin, label
from sensebind.tools.secrets import read_secret

log = logging.getLogger(__name__)

MAX_OPERATIONS = 200


class ApiTools:
    """An API behind a base URL, as tools. Use as a context manager, or close it.

    Attributes:
        base_url: Where requests go.
        operations: What is offered.
        unusable: Name of an operation that cannot be read or written, and why.
    """

    def __init__(
        self,
        document: Mapping[str, Any],
        base_url: str,
        *,
        allow: Sequence[str] | None = None,
        private: Collection[str] = (),
        auth: Mapping[str, str] | None = None,
        timeout: float = 3.0,
        max_bytes: int = MAX_BODY,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """Reads the document; sends nothing.

        Args:
            document: OpenAPI 3 document.
            base_url: `http(s)://host[:port][/prefix]`; the only place requests go to.
            allow: operationIds to offer; by default all that can be read (`unusable` names the
                rest).
            private: Hosts that may have a private, loopback or link-local address.
            auth: Security scheme of the document to where its secret is (`env:NAME` or
                `file:PATH`): a bearer token, an API key, or `user:password`.
            timeout: Seconds after which a call is given up, altogether.
            max_bytes: Largest answer that is read.
            headers: Sent with each request.

        Raises:
            InputError: Not an OpenAPI 3 document or not a URL; an allowed operation does not exist
                or cannot be used; or one needs a secret that `auth` does not name.
            ConfigurationError: A schema of an allowed operation cannot be made finite, or an
                environment variable is not set.
        """
        parts = urlsplit(base_url)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.query:
            raise InputError(f"not a base URL (http://host:port): {base_url!r}")
        if parts.username or parts.password:
            raise InputError("a base URL holds no password: name environment variables in `auth`")
        self.base_url = base_url.rstrip("/")
        self._credentials = _credentials(document, auth or {})
        secret = [key for where, key, _ in self._credentials.values() if where == "header"]
        found, odd = read_operations(document, [*(headers or ()), *secret])
        self.unusable = {one.name: str(one.error) for one in odd}
        self.operations = _chosen(found, odd, allow, self._credentials)
        self._timeout = timeout
        self._max_bytes = max_bytes
        self._client = HttpClient(private, headers)
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
        client = HttpClient(private)
        try:
            answer = client.send("get", url, timeout=timeout, max_bytes=MAX_DOCUMENT_BYTES)
            if answer.status != 200:
                raise InputError(f"no API document at {url}: the server answers {answer.status}")
            document = parse_document(answer.body, url)
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
        def call(**arguments: Any) -> tuple[str | list[dict[str, Any]], Any]:
            return self.call(operation, arguments)

        return make_tool(
            call,
            operation.description,
            name=operation.name,
            arguments=operation.schema,
            metadata=label(
                operation.risk, method=operation.method, path=operation.path, origin=self._words
            ),
        )

    def call(
        self, operation: Operation, arguments: Mapping[str, Any]
    ) -> tuple[str | list[dict[str, Any]], Any]:
        """Calls an operation.

        Returns:
            Text for the model, with an image or a sound as a block; and the whole answer.

        Raises:
            ToolException: Wrong arguments, no answer in time, an answer too large, or an error
                status; the message is meant for the model.
        """
        if wrong := wrong_arguments(dict(arguments), operation.schema):
            raise ToolException(f"wrong arguments: {wrong}")
        try:
            path, query, headers = self._written(operation, arguments)
            payload = self._payload(operation, arguments, headers)
        except (InputError, UnicodeError) as error:  # half of a surrogate pair is no text
            raise ToolException(f"wrong arguments: {error}") from error
        answer = self._client.send(
            operation.method,
            self.base_url + path,
            query="&".join(query),
            payload=payload,
            headers=headers,
            timeout=self._timeout,
            max_bytes=self._max_bytes,
        )
        value = read_answer(answer.body, answer.media)
        if answer.status >= 400:
            raise ToolException(f"refused ({answer.status}): {reason(value)}")
        return content_of(value)

    def _written(
        self, operation: Operation, arguments: Mapping[str, Any]
    ) -> tuple[str, list[str], dict[str, str]]:
        """The path, the parts of the query, and the headers of a call."""
        path, query, cookies = operation.path, [], []
        headers: dict[str, str] = {}
        for one in operation.parameters:
            if one.argument not in arguments:
                continue
            value = arguments[one.argument]
            match one.place:
                case "path":
                    path = path.replace("{" + one.name + "}", one.segment(value))
                case "query":
                    query += [f"{key}={text}" for key, text in one.pairs(value)]
                case "cookie":
                    cookies += [f"{key}={text}" for key, text in one.pairs(value)]
                case _ if value is not None:
                    headers[one.name] = one.header(value)
        for scheme in _needed(operation, self._credentials):
            where, key, secret = self._credentials[scheme]
            if where == "query":
                query.append(f"{quote(key, safe='')}={quote(secret, safe='')}")
            elif where == "cookie":
                cookies.append(f"{quote(key, safe='')}={quote(secret, safe='')}")
            else:
                headers[key] = secret
        if cookies:
            headers["Cookie"] = "; ".join(cookies)
        return path, query, headers

    @staticmethod
    def _payload(
        operation: Operation, arguments: Mapping[str, Any], headers: dict[str, str]
    ) -> bytes | None:
        """The body of a call; adds its type to the headers. None if there is no body."""
        body = operation.body
        if body is None:
            return None
        given = {name: arguments[name] for name in arguments if name in body.fields}
        if body.whole:
            if body.whole not in arguments:
                return None
            given = arguments[body.whole]
        elif not given and not body.required:
            return None
        payload, headers["Content-Type"] = body.encode(given)
        return payload


def _chosen(
    operations: Sequence[Operation],
    odd: Sequence[Unusable],
    allow: Sequence[str] | None,
    credentials: Mapping[str, tuple[str, str, str]],
) -> list[Operation]:
    """The operations that are offered; each must have the secrets that it needs."""
    wanted = list(operations)
    if allow is not None:
        reasons = {one.name: one.error for one in odd}
        known = {name for one in operations for name in (one.name, one.id)}
        for name in allow:
            if name not in known and name in reasons:
                raise reasons[name]
        if unknown := [name for name in allow if name not in known]:
            raise InputError(f"the API has no operation {', '.join(unknown)}")
        wanted = [one for one in operations if one.name in allow or one.id in allow]
    elif odd and not operations:
        raise odd[0].error
    for one in odd if allow is None else ():
        log.warning("the API's %s cannot be used: %s", one.name, one.error)
    if len(wanted) > MAX_OPERATIONS:
        raise InputError(
            f"the API document has more than {MAX_OPERATIONS} operations: choose with `allow`"
        )
    for one in wanted:
        if one.security and _needed(one, credentials) is None:
            names = " or ".join(" and ".join(sorted(names)) for names in one.security)
            raise InputError(
                f"operation {one.name} needs {names}: name the environment variable in `auth`, or "
                "leave the operation out with `allow`"
            )
    return wanted


def _needed(operation: Operation, credentials: Mapping[str, Any]) -> Any:
    """The first alternative of security schemes that is known; none needed: empty."""
    if not operation.security:
        return frozenset()
    return next((names for names in operation.security if names <= credentials.keys()), None)


def _credentials(
    document: Mapping[str, Any], auth: Mapping[str, str]
) -> dict[str, tuple[str, str, str]]:
    """Returns where each scheme's secret goes: (`header`, `query` or `cookie`, key, value)."""
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
        if kind == "apiKey" and scheme.get("in") in ("header", "query", "cookie"):
            found[name] = (str(scheme["in"]), str(scheme.get("name")), secret)
        elif kind == "http" and form == "basic":
            coded = base64.b64encode(secret.encode()).decode()
            found[name] = ("header", "Authorization", f"Basic {coded}")
        elif kind in ("http", "oauth2", "openIdConnect"):
            found[name] = ("header", "Authorization", f"Bearer {secret}")
        else:
            raise InputError(f"the security scheme {name} of type {kind} is not supported")
    return found
