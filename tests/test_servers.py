"""Every server is in the list, is started here, and is treated as strangers treat it."""

import ast
import importlib
import re
import socket
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from fixtures.waiting import PATIENCE, until

from sensebind.agent.robot.config import RobotConfig
from sensebind.agent.robot.control import ControlServer
from sensebind.agent.robot.foxglove import FoxgloveServer
from sensebind.agent.robot.metrics import MetricsServer
from sensebind.agent.robot.monitor import Monitor
from sensebind.agent.robot.sections import FoxgloveConfig
from sensebind.agent.server.app import ServeOptions, make_app
from sensebind.agent.server.link import RobotLink
from sensebind.agent.server.tokens import Role
from sensebind.errors import BusError, ConfigurationError
from sensebind.perception.bus.endpoints import check_endpoint, open_context
from sensebind.perception.bus.pubsub import Publisher
from sensebind.perception.http_server import HttpRules, HttpServer, Receive, Scope, Send, listen
from sensebind.perception.simhome import loopback
from sensebind.perception.simhome.devices import DeviceState
from sensebind.perception.simhome.house_api import HouseServer
from sensebind.servers import SERVERS, Reach, Wire
from sensebind.tools.motion.process import listen as listen_for_motion
from sensebind.tools.motion.relay import SweepRelay

ROOT = Path(__file__).parents[1]
_SOCKETS = {"socket", "zmq"}
_CALLS = {"bind", "listen"}  # of a socket
_SERVERS = {
    "HTTPServer",
    "ThreadingHTTPServer",
    "TCPServer",
    "UDPServer",
    "create_server",
    "create_datagram_endpoint",
    "start_http_server",
    "start_server",
    "start_unix_server",
    "create_unix_server",
    "bind_to_random_port",
    "serve_forever",
}
TOKEN = "t0ken-of-the-tests"


# --- the list is complete ---


def listens(source: str) -> bool:
    """Whether a module binds a socket or makes a server."""
    if not re.search(rf"\b({'|'.join(_CALLS | _SERVERS)})\(", source):
        return False
    tree = ast.parse(source)
    imported: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            imported |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            imported.add(node.module.partition(".")[0])
    called = {
        node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
    }
    return bool(called & _SERVERS) or bool(called & _CALLS and imported & _SOCKETS)


def dotted(file: Path) -> str:
    return ".".join(["sensebind", *file.relative_to(ROOT).with_suffix("").parts])


def test_whatever_listens_is_in_the_list() -> None:
    files = [
        f for top in ("agent", "memory", "perception", "tools") for f in (ROOT / top).rglob("*.py")
    ]
    found = {dotted(file) for file in files if listens(file.read_text(encoding="utf-8"))}
    calls_a_listener = {
        "sensebind.perception.simhome.house_api",
        "sensebind.perception.simhome.process",
    }
    assert found - calls_a_listener == {one.module for one in SERVERS if one.module}
    assert len({one.name for one in SERVERS}) == len(SERVERS)


_BINDERS = {
    "HttpServer": "sensebind.perception.http_server",
    "BoundSocket": "sensebind.perception.bus.bound_socket",
    "bind": "sensebind.perception.simhome.loopback",
    "bind_private": "sensebind.perception.simhome.loopback",
}
"""What binds for several servers, and where it is: who calls it has a server."""


def makers() -> set[str]:
    """Modules that have something bound for them."""
    found = set()
    for top in ("agent", "memory", "perception", "tools"):
        for file in (ROOT / top).rglob("*.py"):
            tree = ast.parse(file.read_text(encoding="utf-8"))
            imported = {
                (alias.asname or alias.name): node.module
                for node in ast.walk(tree)
                if isinstance(node, ast.ImportFrom)
                for alias in node.names
            }
            called = {getattr(n.func, "id", "") for n in ast.walk(tree) if isinstance(n, ast.Call)}
            if any(imported.get(name) == _BINDERS[name] for name in called & _BINDERS.keys()):
                found.add(dotted(file))
    return found


def test_whoever_has_something_bound_for_it_is_in_the_list() -> None:
    assert makers() == {one.maker for one in SERVERS if one.maker}


@pytest.mark.parametrize(
    "source",
    [
        "import socket\nsocket.socket().bind(('', 1))",
        "import asyncio\nasyncio.start_server(f, '', 1)",
        "from http.server import HTTPServer\nHTTPServer(a, b)",
        "import zmq\ns.bind('tcp://*:1')",
        "import socket as s\ns.create_server(('', 1))",
    ],
)
def test_a_server_outside_of_the_list_would_be_found(source: str) -> None:
    assert listens(source)
    assert not listens("import zmq\ns.connect('tcp://127.0.0.1:1')\nmodel.bind_tools([])")


def test_what_faces_a_network_is_not_in_the_robots_main_process() -> None:
    facing = [one for one in SERVERS if one.reach is Reach.NETWORK]
    assert len(facing) >= 4 and all("robot" not in one.process for one in facing)
    for one in SERVERS:
        for module in filter(None, (one.module, one.maker)):
            importlib.import_module(module)


# --- HTTP ---

Served = tuple[str, int, str, str]


@pytest.fixture(
    scope="module",
    params=[
        "metrics",
        "metrics with a token",
        "SimHome's house",
        "API and page with tokens",
        "Foxglove",
    ],
)
def http(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Served]:
    """An HTTP server of ours: its name, port, a path that is there, and its token."""
    with ExitStack() as stack:
        if request.param == "SimHome's house":
            house = stack.enter_context(HouseServer(DeviceState()))
            yield request.param, int(house.address.rpartition(":")[2]), "/status", ""
            return
        if request.param == "Foxglove":
            config = RobotConfig.model_validate({"streams": {"camera": {"source": "camera:0"}}})
            shown = stack.enter_context(
                FoxgloveServer(config, FoxgloveConfig(port=0), words=pytest.fail)
            )
            yield request.param, int(shown.address.rpartition(":")[2]), "/", ""
            return
        if request.param == "API and page with tokens":
            config = RobotConfig.model_validate({"streams": {"camera": {"source": "camera:0"}}})
            options = ServeOptions(max_body=64 * 1024)
            rules = options.rules({Role.API: TOKEN, Role.VIEWER: "v" * 24})
            app = make_app(RobotLink(config), options)
            listener = listen("127.0.0.1", 0)
            server = stack.enter_context(HttpServer(app, listener, rules, "server"))
            yield request.param, server.port, "/v1/models", TOKEN
            return
        token = TOKEN if "token" in request.param else ""
        folder = tmp_path_factory.mktemp("m")
        publisher = stack.enter_context(Publisher(f"ipc://{folder}/camera", "camera"))
        monitor = stack.enter_context(Monitor([publisher.endpoint], expected=["camera"]))
        server = stack.enter_context(MetricsServer(monitor, 0, token=token))
        yield request.param, int(server.address.split(":")[2].partition("/")[0]), "/metrics", token


_SWITCHED = b"HTTP/1.1 101 "
"""After this a WebSocket stays open until this end closes it."""


def ask(served: Served, method: str = "GET", body: bytes = b"", /, **headers: str | None) -> int:
    """Send a request, and return the status of the answer; 0 for none."""
    _, port, path, token = served
    every: dict[str, str | None] = {"Host": f"127.0.0.1:{port}", "Connection": "close"}
    every |= {"Authorization": f"Bearer {token}"} if token else {}
    every |= {"Content-Length": str(len(body))} if body else {}
    every |= {name.replace("_", "-"): value for name, value in headers.items()}
    lines = [f"{method} {path} HTTP/1.1"]
    lines += [f"{name}: {value}" for name, value in every.items() if value is not None]
    with socket.create_connection(("127.0.0.1", port), 20) as connection:
        answer = b""
        with suppress(ConnectionError):
            connection.sendall("\r\n".join([*lines, "", ""]).encode() + body)
            while not answer.startswith(_SWITCHED) and (data := connection.recv(65536)):
                answer += data
    return int(answer.split(b" ")[1]) if answer.startswith(b"HTTP/1.1 ") else 0


def test_all_http_servers_are_tried(http: Served) -> None:
    names = {one.name for one in SERVERS if one.wire is Wire.HTTP}
    assert (
        names == {"metrics", "SimHome's house", "API and page", "Foxglove"}
        and http[0].partition(" with")[0] in names
    )
    assert ask(http) == 200


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example", "127.0.0.1:1@evil", "", "[::2]", None]
)
def test_another_host_name_is_refused(http: Served, host: str | None) -> None:
    assert ask(http, Host=host) == 400


def test_this_machines_names_are_taken(http: Served) -> None:
    for host in ("localhost", "127.0.0.1", f"localhost:{http[1]}", "LOCALHOST", "[::1]"):
        assert ask(http, Host=host) == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Sec_Fetch_Site": "cross-site"},
        {"Sec_Fetch_Site": "same-site"},
        {"Origin": "http://127.0.0.1:1"},
        {"Origin": "http://localhost", "Sec_Fetch_Site": "same-origin"},
    ],
)
def test_pages_of_other_sites_are_refused(http: Served, headers: dict[str, str]) -> None:
    assert ask(http, **headers) == 403
    assert ask(http, "POST", **headers) == 403


def test_a_page_of_its_own_is_served(http: Served) -> None:
    origin = f"http://127.0.0.1:{http[1]}"
    assert ask(http, Origin=origin, Sec_Fetch_Site="same-origin") == 200
    assert ask(http, Sec_Fetch_Site="none") == 200  # typed by a person


@pytest.mark.parametrize(
    "kind", ["text/plain", "multipart/form-data", "application/x-www-form-urlencoded", None]
)
def test_bodies_of_forms_are_refused(http: Served, kind: str | None) -> None:
    assert ask(http, "POST", b"{}", Content_Type=kind) == 415


def test_bodies_are_bounded(http: Served) -> None:
    json = "application/json"
    assert ask(http, "POST", b" " * (64 * 1024 + 1), Content_Type=json) == 413
    assert ask(http, "POST", Content_Type=json, Content_Length=str(300 << 20)) == 413
    chunk = b"10000\r\n" + b" " * 0x10000 + b"\r\n"
    chunked = chunk * 2 + b"0\r\n\r\n"
    headers = {"Content_Type": json, "Transfer_Encoding": "chunked", "Content_Length": None}
    assert ask(http, "POST", chunked, **headers) == 413


def test_heads_are_bounded(http: Served) -> None:
    assert ask(http, X_Long="x" * 20_000) == 431
    assert ask(http, X_Long="x" * 1_000_000) in (0, 400, 431)


def test_a_token_is_asked_for(http: Served) -> None:
    if not http[3]:
        pytest.skip("for this machine only, and without a token")
    for value in (None, f"Bearer {TOKEN}x", f"Basic {TOKEN}", "Bearer ", TOKEN):
        assert ask(http, Authorization=value) == 401


def test_what_can_be_reached_from_other_machines_needs_a_token() -> None:
    with pytest.raises(ConfigurationError, match="token"):
        MetricsServer(SimpleNamespace(), 0, "0.0.0.0")  # type: ignore[arg-type]
    with pytest.raises(ConfigurationError, match="token"):
        HttpRules(hosts=frozenset())


@contextmanager
def serving(rules: HttpRules) -> Iterator[Served]:
    """A server that always answers, behind rules."""

    async def app(_scope: Scope, _receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"ok"})

    with HttpServer(app, listen("127.0.0.1", 0), rules, "strict") as server:
        yield "strict", server.port, "/", ""


@pytest.fixture
def strict() -> Iterator[Served]:
    """A server with rules that are quick to reach."""
    with serving(HttpRules(receive_seconds=0.5, connections=4)) as served:
        yield served


def closed(connection: socket.socket, seconds: float = 20.0) -> bool:
    """Whether the other end closes a connection."""
    connection.settimeout(seconds)
    try:
        while connection.recv(65536):
            pass
    except TimeoutError:
        return False
    except ConnectionError:
        pass
    return True


@pytest.mark.parametrize("sent", [b"", b"GET / HTTP/1.1\r\n", b"GET / HTTP/1.1\r\nHost: a\r\nX: "])
def test_idle_connections_are_closed(strict: Served, sent: bytes) -> None:
    with socket.create_connection(("127.0.0.1", strict[1])) as connection:
        connection.sendall(sent)
        assert closed(connection)


def test_slow_requests_are_closed(strict: Served) -> None:
    with (
        socket.create_connection(("127.0.0.1", strict[1])) as connection,
        pytest.raises(ConnectionError),  # long before all is sent
    ):
        for letter in "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Long: " + "x" * 4000:
            connection.sendall(letter.encode())
            time.sleep(0.02)


def test_connections_are_bounded_and_free_again() -> None:
    rules = HttpRules(receive_seconds=2 * PATIENCE, connections=4)
    with serving(rules) as served:
        with ExitStack() as stack:
            many = [
                stack.enter_context(socket.create_connection(("127.0.0.1", served[1])))
                for _ in range(20)
            ]
            until(lambda: sum(closed(one, 0.01) for one in many) >= 16)
            assert sum(closed(one, 0.1) for one in many) == 16
        until(lambda: ask(served) == 200)  # once it has seen that the others have gone


# --- the API and the page ---


def shake_hands(port: int, **headers: str) -> int:
    """Ask for a WebSocket, and return the status of the answer."""
    every = {
        "Upgrade": "websocket",
        "Connection": "Upgrade",
        "Sec_WebSocket_Version": "13",
        "Sec_WebSocket_Key": "dGhlIHNhbXBsZSBub25jZQ==",
    }
    served = ("", port, "/v1/realtime", "")
    return ask(served, **(every | headers))


@pytest.fixture(scope="module")
def guarded() -> Iterator[int]:
    """A server of WebSockets behind every rule; gives its port."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.accept"})
            await send({"type": "websocket.close", "code": 1000})
            return
        body = scope["role"].encode()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": body})

    rules = HttpRules(
        roles={"api": TOKEN, "viewer": "v" * 24},
        open=frozenset({"/open"}),
        origins=frozenset({"https://panel.example"}),
        websockets=True,
        per_minute=40,
    )
    with HttpServer(app, listen("127.0.0.1", 0), rules, "guarded") as server:
        yield server.port


def test_websockets_are_held_to_the_same_rules(guarded: int) -> None:
    bearer = {"Authorization": f"Bearer {TOKEN}"}
    assert shake_hands(guarded, **bearer) == 101
    assert shake_hands(guarded, Sec_WebSocket_Protocol=f"sensebind, token.{TOKEN}") == 101
    own = {"Origin": f"http://127.0.0.1:{guarded}"}
    assert shake_hands(guarded, **bearer, **own) == 101
    assert shake_hands(guarded) == 401
    assert shake_hands(guarded, Authorization="Bearer wrong") == 401
    assert shake_hands(guarded, Sec_WebSocket_Protocol="sensebind, token.wrong") == 401
    assert shake_hands(guarded, **bearer, Origin="https://evil.example") == 403
    assert shake_hands(guarded, **bearer, Sec_Fetch_Site="cross-site") == 403
    assert shake_hands(guarded, **bearer, Host="evil.example") == 400


def test_each_token_is_a_role_and_open_paths_need_none(guarded: int) -> None:
    assert ask(("", guarded, "/", TOKEN)) == 200
    assert ask(("", guarded, "/", "v" * 24)) == 200
    assert ask(("", guarded, "/", "")) == 401
    assert ask(("", guarded, "/open", "")) == 200
    assert ask(("", guarded, "/open/", "")) == 401


def test_pages_of_sites_that_are_named_may_call(guarded: int) -> None:
    panel = {"Origin": "https://panel.example", "Sec_Fetch_Site": "cross-site"}
    assert ask(("", guarded, "/", TOKEN), **panel) == 200
    assert ask(("", guarded, "/", ""), **panel) == 401
    assert ask(("", guarded, "/", ""), "OPTIONS", **panel) == 204  # a browser asks without a token
    other = panel | {"Origin": "https://panel.example.evil"}
    assert ask(("", guarded, "/", ""), "OPTIONS", **other) == 403


def test_requests_are_counted_by_role(guarded: int) -> None:
    answers = [ask(("", guarded, "/", "v" * 24)) for _ in range(45)]
    assert answers[0] == 200 and answers[-1] == 429
    assert ask(("", guarded, "/", TOKEN)) == 200  # another role


# --- sockets of this user ---


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_control_and_motion_are_this_users(tmp_path: Path) -> None:
    agent: Any = SimpleNamespace()
    path = tmp_path / "new" / "control"
    with ControlServer(agent, path):
        assert mode(path) == 0o600 and mode(path.parent) == 0o700
    with listen_for_motion(tmp_path / "motion"):
        assert mode(tmp_path / "motion") == 0o600


def test_the_base_of_simhome_is_this_users(tmp_path: Path) -> None:
    context = open_context()
    path = tmp_path / "b" / "robot"
    try:
        loopback.bind_private(context.socket(4), path)
        assert mode(path) == 0o600 and mode(path.parent) == 0o700
        with pytest.raises(ConfigurationError):
            loopback.bind_private(context.socket(4), tmp_path / "x" / "y" / "z")
    finally:
        context.destroy(linger=0)


# --- the bus ---


def relay(endpoint: str) -> None:
    with SweepRelay(endpoint):
        pass


@pytest.mark.parametrize("bind", [check_endpoint, relay])
@pytest.mark.parametrize("endpoint", ["tcp://0.0.0.0:5000", "tcp://[::]:5000", "tcp://*:5000"])
def test_without_keys_nothing_of_the_bus_is_open_to_others(
    bind: Callable[[str], object], endpoint: str
) -> None:
    with pytest.raises((BusError, ConfigurationError)):
        bind(endpoint)
