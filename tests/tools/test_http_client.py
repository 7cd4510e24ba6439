"""Requests of tools to servers that take their time, answer without end, or are sent too much."""

import logging
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import pytest
from langchain_core.tools import ToolException

from sensebind.tools.api import ApiTools
from sensebind.tools.cancellation import cancellable
from sensebind.tools.http_client import MAX_BODY, HttpClient

LOCAL = ["127.0.0.1"]
DEADLINE = 0.6
LATE = 3.0  # a server that is not given up goes on for longer than this


@contextmanager
def serving(answer: Callable[[socket.socket, threading.Event], None]) -> Iterator[str]:
    """A server that does with each connection what it likes."""
    stop = threading.Event()

    def serve(connection: socket.socket) -> None:
        with connection, suppress(OSError):
            answer(connection, stop)

    def accept() -> None:
        threads = []
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                break
            threads.append(threading.Thread(target=serve, args=(connection,), daemon=True))
            threads[-1].start()
        for one in threads:
            one.join()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            stop.set()
            listener.shutdown(socket.SHUT_RDWR)
    thread.join(10)
    assert not thread.is_alive()


def drip(what: bytes) -> Callable[[socket.socket, threading.Event], None]:
    """Read the request, then send something again and again."""

    def answer(connection: socket.socket, stop: threading.Event) -> None:
        connection.recv(65536)
        connection.sendall(b"HTTP/1.1 ")
        until = time.monotonic() + 2 * LATE
        connection.sendall(what.partition(b"|")[0])
        while not stop.wait(0.1) and time.monotonic() < until:
            connection.sendall(what.partition(b"|")[2])

    return answer


def slow_redirect(connection: socket.socket, stop: threading.Event) -> None:
    connection.recv(65536)
    stop.wait(DEADLINE * 0.6)  # in time each, and too late together
    connection.sendall(b"HTTP/1.1 302 Found\r\nlocation: /again\r\ncontent-length: 0\r\n\r\n")
    slow_redirect(connection, stop)


def silence(_connection: socket.socket, stop: threading.Event) -> None:
    stop.wait(2 * LATE)


SLOW = {
    "a header line at a time": drip(b"200 OK\r\n|x-a: b\r\n"),
    "a letter at a time": drip(b"200 OK\r\nx-long: |a"),
    "100-continue": drip(b"100 Continue\r\n\r\n|HTTP/1.1 100 Continue\r\n\r\n"),
    "a byte of the body at a time": drip(b"200 OK\r\ncontent-length: 60000\r\n\r\n|a"),
    "redirects": slow_redirect,
    "nothing": silence,
}


@pytest.fixture
def client() -> Iterator[HttpClient]:
    client = HttpClient(LOCAL)
    yield client
    client.close()
    client.close()


@pytest.mark.parametrize("kind", SLOW)
def test_one_deadline_holds_for_all_of_a_call(client: HttpClient, kind: str) -> None:
    with serving(SLOW[kind]) as url:
        begun = time.monotonic()
        with pytest.raises(ToolException, match=f"within {DEADLINE:g} s"):
            client.send("get", f"{url}/x", timeout=DEADLINE)
        assert time.monotonic() - begun < LATE


@pytest.mark.parametrize("kind", ["a letter at a time", "100-continue", "nothing"])
def test_a_cancelled_turn_ends_the_call(client: HttpClient, kind: str) -> None:
    turn = threading.Event()
    with serving(SLOW[kind]) as url, cancellable(turn):
        threading.Timer(0.2, turn.set).start()
        with pytest.raises(ToolException, match="cancelled"):
            client.send("get", f"{url}/x", timeout=60.0)
        assert turn.is_set()


def test_bodies_are_bounded_both_ways(client: HttpClient) -> None:
    def answer(connection: socket.socket, _stop: threading.Event) -> None:
        with connection.makefile("rb") as lines:
            line = lines.readline()
            headers = dict(one.lower().split(b": ", 1) for one in iter(lines.readline, b"\r\n"))
            lines.read(int(headers[b"content-length"]))
        body = b"x" * (MAX_BODY + (b"/more" in line))
        connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % len(body) + body)

    with serving(answer) as url:
        found = client.send("post", url, timeout=30.0, payload=b"x" * MAX_BODY)
        assert (found.status, len(found.body)) == (200, MAX_BODY)
        with pytest.raises(ToolException, match="the answer is larger than 65536"):
            client.send("post", f"{url}/more", timeout=30.0, payload=b"x")
        with pytest.raises(ToolException, match="the request is larger than 65536"):
            client.send("post", url, timeout=30.0, payload=b"x" * (MAX_BODY + 1))


def test_a_secret_in_the_query_is_sent_and_not_logged(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    seen: list[bytes] = []

    def answer(connection: socket.socket, _stop: threading.Event) -> None:
        seen.append(connection.recv(65536))
        connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}")

    scheme = {"type": "apiKey", "in": "query", "name": "appid"}
    document = {
        "openapi": "3.1.0",
        "components": {"securitySchemes": {"Q": scheme}},
        "paths": {"/w": {"get": {"operationId": "w", "security": [{"Q": []}]}}},
    }
    monkeypatch.setenv("WEATHER", "s3cr3t-value")
    with (
        caplog.at_level(logging.DEBUG),
        serving(answer) as url,
        ApiTools(document, url, private=LOCAL, auth={"Q": "env:WEATHER"}, timeout=30) as api,
    ):
        [tool] = api.tools()
        assert tool.invoke({}) == "done"
    assert b"GET /w?appid=s3cr3t-value " in seen[0]
    assert "s3cr3t-value" not in caplog.text


def test_a_closed_client_sends_nothing(client: HttpClient) -> None:
    client.close()
    with pytest.raises(ToolException, match="closed"):
        client.send("get", "http://127.0.0.1:1/", timeout=1.0)
