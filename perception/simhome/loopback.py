"""Ports that nobody but this machine can reach, and sockets that nobody but this user can."""

from __future__ import annotations

import socket
from contextlib import suppress
from pathlib import Path

import zmq

from sensebind.errors import ConfigurationError

LOOPBACK = "127.0.0.1"


def listen(port: int) -> socket.socket:
    """Opens a TCP port; who connects waits until somebody accepts.

    Args:
        port: Its number; 0 takes a free one.

    Raises:
        ConfigurationError: The port is in use or not allowed.
    """
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((LOOPBACK, port))
        listener.listen()
    except (OSError, OverflowError) as error:
        listener.close()
        raise ConfigurationError(
            f"cannot serve the house API on {LOOPBACK} port {port} ({error}); "
            "choose another port, or 0 for a free one"
        ) from error
    return listener


def bind(socket: zmq.Socket, port: int) -> str:
    """Binds a ZeroMQ socket and returns its address.

    Args:
        socket: To be bound.
        port: Its number; 0 takes a free one.

    Raises:
        ConfigurationError: The port is in use or not allowed.
    """
    socket.setsockopt(zmq.LINGER, 0)
    try:
        socket.bind(f"tcp://{LOOPBACK}:{port or '*'}")
    except zmq.ZMQError as error:
        raise ConfigurationError(
            f"cannot bind SimHome to {LOOPBACK} port {port} ({error}); "
            "choose another port, or 0 for a free one"
        ) from error
    address = socket.getsockopt(zmq.LAST_ENDPOINT)
    assert isinstance(address, bytes)
    return address.decode().rstrip("\0")


def bind_private(socket: zmq.Socket, path: Path) -> str:
    """Binds a ZeroMQ socket to a file that only this user can open, and returns its address.

    Args:
        socket: To be bound.
        path: Of the file, in a folder of its own that is made, of mode 0700, where there is none.

    Raises:
        ConfigurationError: The path cannot be used.
    """
    socket.setsockopt(zmq.LINGER, 0)
    try:
        path.parent.mkdir(mode=0o700, exist_ok=True)
        path.parent.chmod(0o700)
        socket.bind(f"ipc://{path}")
        path.chmod(0o600)
    except (OSError, zmq.ZMQError) as error:
        raise ConfigurationError(f"cannot bind SimHome's base to {path}: {error}") from error
    return f"ipc://{path}"


def remove_private(path: Path) -> None:
    """Removes a file that `bind_private` made, and its folder."""
    with suppress(OSError):
        path.unlink(missing_ok=True)
        path.parent.rmdir()
