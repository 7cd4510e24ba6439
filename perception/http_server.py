"""HTTP servers of this package: one way to serve an ASGI application, with one set of rules.

Whoever can reach a port of this machine can send to it: other users, and every web page that is
open in a browser here. So each server holds all callers to the same rules: which host they ask for,
which site they come from, a token where there is one, how much they send, how long they take, and
how many of them there are.
"""

from __future__ import annotations

import asyncio
import secrets
import socket as sockets
import threading
import time
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from dataclasses import dataclass, field
from typing import Any, Self

import h11
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from sensebind.errors import BusError, ConfigurationError

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]
Headers = dict[bytes, list[bytes]]

LOCAL_HOSTS = frozenset({"127.0.0.1", "localhost", "[::1]"})
"""What a caller of this machine asks for. A web page that lets its own name point to 127.0.0.1
asks for its name."""
_START_SECONDS = 10.0
_STOP_SECONDS = 1
_PING_SECONDS = 15.0  # from one ping of a WebSocket to the next, and for its answer
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


@dataclass(frozen=True, slots=True)
class HttpRules:
    """What callers are held to.

    Attributes:
        hosts: Names that the `Host` header may have; empty allows all, which needs a token.
        token: Asked for as `Authorization: Bearer TOKEN`; "" asks for none.
        roles: Tokens of several kinds of callers, by role, in place of `token`. The application
            finds the role in `scope["role"]`; "" where the path is open.
        open: Paths that need no token.
        origins: Other sites whose pages may call, such as "https://panel.example" (CORS); none by
            default.
        per_minute: Most requests of one role in a minute, and of open paths; 0 for any number.
        websockets: Whether WebSockets are served. Pages cannot give headers to them: theirs carry
            the token in `Sec-WebSocket-Protocol`, after "token." or OpenAI's
            "openai-insecure-api-key.".
        max_message: Most bytes of a WebSocket's message.
        max_body: Most bytes of a request's body.
        max_head: Most bytes of a request's line and headers.
        receive_seconds: Within which a request must have come whole, counted from the connection or
            the answer before it.
        answer_seconds: Within which its answer must have been taken.
        connections: Most connections at a time; more are closed at once.
    """

    hosts: frozenset[str] = LOCAL_HOSTS
    token: str = ""
    roles: Mapping[str, str] = field(default_factory=dict)
    open: frozenset[str] = frozenset()
    origins: frozenset[str] = frozenset()
    per_minute: int = 0
    websockets: bool = False
    max_message: int = 1 << 20
    max_body: int = 64 * 1024
    max_head: int = 16 * 1024
    receive_seconds: float = 5.0
    answer_seconds: float = 30.0
    connections: int = 32

    def __post_init__(self) -> None:
        if not self.hosts and not self.token and not self.roles:
            raise ConfigurationError("an HTTP server for any host name needs a token")


class HttpGuard:
    """ASGI middleware that refuses what the rules do not allow, before the application sees it.

    Args:
        app: The application.
        rules: What callers are held to.
    """

    def __init__(self, app: App, rules: HttpRules) -> None:
        self._app = app
        self._rules = rules
        self._used: dict[str, deque[float]] = {}  # monotonic times of requests, by role

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand a request on, or refuse it; nothing but HTTP and WebSockets is served."""
        if scope["type"] == "websocket" and self._rules.websockets:
            await self._socket(scope, receive, send)
        elif scope["type"] == "http":
            await self._request(scope, receive, send)

    async def _request(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = _headers(scope)
        allowed = self._allowed(headers)
        if allowed and scope["method"] == "OPTIONS":  # a browser asks before it sends the request
            await send({"type": "http.response.start", "status": 204, "headers": _cors(allowed)})
            await send({"type": "http.response.body"})
            return
        refusal = self._refusal(scope, headers)
        if refusal is not None:
            await _refuse(send, *refusal, *_cors(allowed))
            return
        body = bytearray()
        while True:  # bodies are small: whole before the application sees them
            message = await receive()
            if message["type"] != "http.request":
                return  # the caller has gone
            body += message.get("body", b"")
            if len(body) > self._rules.max_body:
                await _refuse(send, 413, "the body is too large", *_cors(allowed))
                return
            if not message.get("more_body", False):
                break
        begun = False
        whole: Message | None = {"type": "http.request", "body": bytes(body), "more_body": False}

        async def read() -> Message:
            nonlocal whole
            message, whole = whole, None
            return message if message is not None else await receive()

        async def write(message: Message) -> None:
            nonlocal begun
            if message["type"] == "http.response.start":
                begun = True
                message["headers"] = [*message.get("headers", ()), *_ALWAYS, *_cors(allowed)]
            await send(message)

        try:
            await self._app(scope, read, write)
        except asyncio.CancelledError:
            if not begun:
                await _refuse(send, 503, "the server ended before it had answered", *_cors(allowed))
            raise

    async def _socket(self, scope: Scope, receive: Receive, send: Send) -> None:
        refusal = self._refusal(scope, _headers(scope))
        if refusal is None:
            await self._app(scope, receive, send)
            return
        await receive()  # the wish to connect
        status, why = refusal
        kind = "websocket.http.response"
        headers = [(b"content-type", b"text/plain; charset=utf-8"), *_ALWAYS]
        await send({"type": f"{kind}.start", "status": status, "headers": headers})
        await send({"type": f"{kind}.body", "body": f"{why}\n".encode()})

    def _allowed(self, headers: Headers) -> str:
        """Return the other site whose page calls, where that is allowed; "" otherwise."""
        origins = headers.get(b"origin", [])
        origin = origins[0].decode("latin-1").lower() if len(origins) == 1 else ""
        return origin if origin in self._rules.origins else ""

    def _refusal(self, scope: Scope, headers: Headers) -> tuple[int, str] | None:
        """Return status and reason of a refusal, or None; notes the role of who may."""
        rules = self._rules
        method = scope.get("method", "GET")
        head = len(scope.get("raw_path") or b"") + len(scope["query_string"])
        head += sum(len(name) + len(value) for name, value in scope["headers"])
        if head > rules.max_head:
            return 431, "the headers are too large"
        hosts = headers.get(b"host", [])
        host = hosts[0].decode("latin-1").lower() if len(hosts) == 1 else ""
        if not host or (rules.hosts and _without_port(host) not in rules.hosts):
            return 400, "the server is not called so"
        if not self._allowed(headers):
            scheme = {"ws": "http", "wss": "https"}.get(scope["scheme"], scope["scheme"])
            own = f"{scheme}://{host}"
            origins = headers.get(b"origin", [])
            sites = headers.get(b"sec-fetch-site", [])
            if any(one.decode("latin-1").lower() != own for one in origins) or any(
                one not in (b"same-origin", b"none") for one in sites
            ):
                return 403, "a page of another site has no business here"
        role = self._role(scope, headers)
        if role is None:
            return 401, "the token is missing or wrong"
        scope["role"] = role
        if not self._in_rate(role):
            return 429, f"more than {rules.per_minute} requests a minute"
        lengths = headers.get(b"content-length", [])
        has_body = b"transfer-encoding" in headers or any(one != b"0" for one in lengths)
        if any(int(one) > rules.max_body for one in lengths):
            return 413, "the body is too large"
        if has_body and method not in _SAFE and not _is_json(headers.get(b"content-type", [])):
            return 415, "the body must be application/json"
        return None

    def _role(self, scope: Scope, headers: Headers) -> str | None:
        """Return the role of a caller, "" where none is needed; None where it has none."""
        rules = self._rules
        given = headers.get(b"authorization", [])
        if scope["type"] == "websocket" and not given:
            given = _in_protocols(headers.get(b"sec-websocket-protocol", []))
        if scope["path"] in rules.open:
            return ""
        if not rules.roles:
            return "" if not rules.token or _knows(rules.token, given) else None
        # All are compared, so that the time that it takes says nothing.
        found = [role for role, token in rules.roles.items() if _knows(token, given)]
        return found[0] if found else None

    def _in_rate(self, role: str) -> bool:
        most = self._rules.per_minute
        if not most:
            return True
        now, used = time.monotonic(), self._used.setdefault(role, deque())
        while used and used[0] < now - 60:
            used.popleft()
        if len(used) >= most:
            return False
        used.append(now)
        return True


_ALWAYS = (
    (b"x-content-type-options", b"nosniff"),
    (b"cross-origin-resource-policy", b"same-origin"),
)


def _headers(scope: Scope) -> Headers:
    found: Headers = {}
    for name, value in scope["headers"]:
        found.setdefault(name, []).append(value)
    return found


def _cors(origin: str) -> list[tuple[bytes, bytes]]:
    """Return the headers that let the page of another site read an answer; [] for none."""
    if not origin:
        return []
    return [
        (b"access-control-allow-origin", origin.encode("latin-1")),
        (b"access-control-allow-methods", b"GET, POST"),
        (b"access-control-allow-headers", b"authorization, content-type"),
        (b"access-control-max-age", b"600"),
        (b"vary", b"origin"),
    ]


def _in_protocols(given: list[bytes]) -> list[bytes]:
    """Return the tokens in `Sec-WebSocket-Protocol`, in the form of `Authorization`."""
    names = [one.strip() for line in given for one in line.split(b",")]
    return [
        b"Bearer " + name.removeprefix(prefix)
        for name in names
        for prefix in (b"token.", b"openai-insecure-api-key.")
        if name.startswith(prefix)
    ]


def _without_port(host: str) -> str:
    """Return the host of a `Host` header; what is malformed matches no allowed host."""
    name, separator, port = host.rpartition(":")
    return name if separator and port.isdecimal() and not name.endswith(":") else host


def _knows(token: str, given: list[bytes]) -> bool:
    wanted = f"Bearer {token}".encode()
    return len(given) == 1 and secrets.compare_digest(given[0], wanted)


def _is_json(kinds: list[bytes]) -> bool:
    return len(kinds) == 1 and kinds[0].partition(b";")[0].strip().lower() == b"application/json"


async def _refuse(send: Send, status: int, why: str, *more: tuple[bytes, bytes]) -> None:
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"connection", b"close")]
    headers += [*_ALWAYS, *more]
    if status == 401:
        headers.append((b"www-authenticate", b"Bearer"))
    if status == 429:
        headers.append((b"retry-after", b"5"))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": f"{why}\n".encode()})


class HttpServer:
    """Serves an application from a thread of its own. A context manager.

    Args:
        app: An ASGI application.
        listener: A socket that listens already; it is closed at the end.
        rules: What callers are held to.
        name: Of the thread, and of this in messages.
    """

    def __init__(self, app: App, listener: sockets.socket, rules: HttpRules, name: str) -> None:
        self._name = name
        self._listener = listener
        self._config = uvicorn.Config(
            HttpGuard(app, rules),
            http=_protocol(rules),
            # Since uvicorn 0.52.4 it waits for a client that does not read, and buffers no more.
            ws="websockets-sansio" if rules.websockets else "none",
            ws_max_size=rules.max_message,
            ws_ping_interval=_PING_SECONDS,
            ws_ping_timeout=_PING_SECONDS,
            ws_per_message_deflate=False,  # pictures are compressed, and bombs are not unpacked
            lifespan="off",
            log_level="critical",  # what callers do wrong is theirs to know
            access_log=False,
            server_header=False,
            date_header=False,
            h11_max_incomplete_event_size=rules.max_head,
            timeout_graceful_shutdown=_STOP_SECONDS,
        )
        self._server = uvicorn.Server(self._config)
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    @property
    def port(self) -> int:
        """Where it listens."""
        return self._listener.getsockname()[1]

    def start(self) -> None:
        """Begin to serve; returns when requests are answered.

        Raises:
            ConfigurationError: The server did not come up.
        """
        self._thread.start()
        deadline = time.monotonic() + _START_SECONDS
        while not self._server.started:
            if not self._thread.is_alive() or time.monotonic() > deadline:
                self.stop()
                raise ConfigurationError(f"{self._name} did not come up; see the log above")
            time.sleep(0.005)

    def stop(self) -> None:
        """End serving and join the thread; may be called again."""
        self._server.should_exit = True
        if self._thread.ident is not None:
            self._thread.join()
        self._listener.close()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _run(self) -> None:
        self._server.run([self._listener])


def _protocol(rules: HttpRules) -> type[asyncio.Protocol]:
    """Return uvicorn's HTTP protocol with limits on connections and on their time.

    uvicorn itself bounds neither how many connections there are nor how long one of them may take
    to send a request.
    """

    class Bounded(H11Protocol):
        _timer: asyncio.TimerHandle | None = None
        _let_in = False
        _upgraded = False

        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            assert isinstance(transport, asyncio.Transport)
            if len(self.connections) >= rules.connections:
                transport.abort()
                return
            self._let_in = True
            super().connection_made(transport)
            self._within(rules.receive_seconds)

        def connection_lost(self, exc: Exception | None) -> None:
            self._within(0)
            if self._let_in:
                super().connection_lost(exc)

        def handle_events(self) -> None:
            super().handle_events()
            if self.conn.their_state is h11.DONE and not self._upgraded:  # the request is whole
                self._within(rules.answer_seconds)

        def handle_websocket_upgrade(self, event: h11.Request) -> None:
            self._upgraded = True
            self._within(0)  # from here on pings say whether somebody is there
            super().handle_websocket_upgrade(event)

        def on_response_complete(self) -> None:
            if not self.transport.is_closing():
                self._within(rules.receive_seconds)
            super().on_response_complete()

        def _within(self, seconds: float) -> None:
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None
            if seconds:
                self._timer = self.loop.call_later(seconds, self.transport.abort)

    return Bounded


def listen(host: str, port: int) -> sockets.socket:
    """Open a TCP port on an interface.

    Args:
        host: Address of the interface, or a name that has one.
        port: Its number; 0 takes a free one.

    Raises:
        BusError: The port is in use or not allowed, or the host is not an address of this machine.
    """
    family = sockets.AF_INET6 if ":" in host else sockets.AF_INET
    listener = sockets.socket(family, sockets.SOCK_STREAM)
    listener.setsockopt(sockets.SOL_SOCKET, sockets.SO_REUSEADDR, 1)
    try:
        listener.bind((host.strip("[]"), port))
        listener.listen(64)
    except (OSError, OverflowError) as error:
        listener.close()
        why = getattr(error, "strerror", None) or error
        raise BusError(f"cannot serve at {host}:{port}: {why}") from error
    return listener
