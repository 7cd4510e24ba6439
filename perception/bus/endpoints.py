"""Addresses of the bus, and the sockets that are made for them."""

from __future__ import annotations

import os
import re

import zmq

from sensebind.errors import BusError
from sensebind.perception.bus.addresses import is_loopback
from sensebind.perception.bus.curve_keys import KEY_NAME, KeyRing

QUEUE = 8  # messages per pipe: a sense at 10 Hz is never more than a second behind
MAX_FRAME = 64 * 1024 * 1024
_KEEPALIVE = {"IDLE": 1, "INTVL": 1, "CNT": 3}
"""Seconds, seconds and tries after which the kernel gives up a peer whose machine vanished.

ZeroMQ's own heartbeats are off. They also end connections whose reader is merely busy: with a full
queue the engine stops reading, misses the answers, and is replaced; libzmq 4.3.5 then aborts the
whole process when the reader goes on (libzmq issue 3937)."""
_LONGEST_PATH = 107  # bytes of a socket's path, which ends with a zero in 108
_NEEDED = 16  # descriptors that a context and its first sockets may need
_HANDSHAKE_MS = 2000  # who was turned away is cut off after it, and tries again
_TCP = re.compile(rf"tcp://(?:({KEY_NAME})@)?(.*)")


def check_endpoint(endpoint: str, keyed: bool = False) -> str:
    """Return the endpoint, with a plain address, if it may be used.

    Args:
        endpoint: ipc://PATH, inproc://NAME or tcp://[NAME@]HOST:PORT, where NAME is that of the
            key which the other side must hold.
        keyed: Whether there are keys; without them an endpoint must stay on this machine.

    Raises:
        BusError: It is malformed, or could be reached from elsewhere without keys.
    """
    scheme, separator, rest = endpoint.partition("://")
    if not separator or scheme not in ("ipc", "inproc", "tcp") or not rest:
        raise BusError(
            f"{endpoint!r} is not a bus endpoint: use ipc://PATH or tcp://127.0.0.1:PORT"
        )
    if scheme == "ipc" and len(rest.encode()) > _LONGEST_PATH:
        raise BusError(f"{endpoint!r} is too long for a socket: use a shorter directory")
    if scheme != "tcp":
        return endpoint
    name, address = split_name(endpoint)
    host, _, port = address.removeprefix("tcp://").rpartition(":")
    if port != "*" and not (port.isascii() and port.isdigit() and int(port[:6]) < 65536):
        raise BusError(f"{endpoint!r} needs a port from 1 to 65535, or *")
    if host == "localhost":
        return f"tcp://{name}{'@' if name else ''}127.0.0.1:{port}"
    if not host or (not keyed and not is_loopback(host)):
        raise BusError(
            f"{endpoint!r} can be reached from other machines, and the bus has no keys: "
            "use tcp://127.0.0.1:PORT or ipc://PATH, or make keys with `sensebind keys new`"
        )
    return endpoint


def split_name(endpoint: str) -> tuple[str, str]:
    """Return the name of the key in an endpoint, or "", and the endpoint without it."""
    match = _TCP.fullmatch(endpoint)
    return (match[1] or "", f"tcp://{match[2]}") if match else ("", endpoint)


def open_context() -> zmq.Context:
    """Return a context of ZeroMQ with one thread.

    Where no descriptor is free libzmq does not report that but ends the whole process (an assertion
    about its epoll), so that is looked at before.

    Raises:
        BusError: Too few descriptors are free, which may pass.
    """
    spare: list[int] = []
    try:
        for _ in range(_NEEDED):
            spare.append(os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC))
    except OSError as error:
        raise BusError(f"the bus cannot be used: {error.strerror}") from error
    finally:
        for one in spare:
            os.close(one)
    return zmq.Context(io_threads=1)


def connect_socket(
    socket: zmq.Socket, endpoint: str, ring: KeyRing | None = None
) -> tuple[str, bytes]:
    """Connect a socket; the other side may come later, go, and come back.

    Returns:
        The plain address, for `disconnect`, and the key that the other side must hold, or "".

    Raises:
        BusError: The endpoint is refused or malformed, or its key is not allowed.
    """
    name, plain = split_name(check_endpoint(endpoint, keyed=ring is not None))
    tcp = plain.startswith("tcp://")
    key = b""
    try:
        socket.setsockopt(zmq.CURVE_SERVER, 0)  # forgets the key of the connection before this one
        if ring is not None and tcp:
            key = ring.guard_client(socket, name)
        socket.setsockopt(zmq.IPV6, int("[" in plain))
        socket.connect(plain)
    except zmq.ZMQError as error:
        raise BusError(f"cannot connect to the bus at {endpoint!r}: {error}") from error
    return plain, key


def open_socket(context: zmq.Context, kind: int) -> zmq.Socket:
    """Return a socket for `connect_socket`, with small queues and quick reconnection."""
    socket = new_socket(context, kind)
    socket.setsockopt(zmq.RECONNECT_IVL, 20)  # a killed worker is back soon
    socket.setsockopt(zmq.RECONNECT_IVL_MAX, 200)
    return socket


def new_socket(context: zmq.Context, kind: int, endpoint: str = "") -> zmq.Socket:
    """Return a socket with small queues, for `endpoint` where it is to be bound."""
    socket = context.socket(kind)
    socket.setsockopt(zmq.SNDHWM, QUEUE)
    socket.setsockopt(zmq.RCVHWM, QUEUE)
    socket.setsockopt(zmq.LINGER, 0)
    socket.setsockopt(zmq.MAXMSGSIZE, MAX_FRAME)
    socket.setsockopt(zmq.HANDSHAKE_IVL, _HANDSHAKE_MS)
    socket.setsockopt(zmq.TCP_KEEPALIVE, 1)
    for name, value in _KEEPALIVE.items():
        socket.setsockopt(getattr(zmq, f"TCP_KEEPALIVE_{name}"), value)
    socket.setsockopt(zmq.IPV6, int("[" in endpoint))  # else 127.0.0.1 would be shown as IPv6
    if kind == zmq.XPUB:
        socket.setsockopt(zmq.XPUB_VERBOSE, 1)  # every subscription is seen, also a repeated one
    return socket
