"""A socket that others connect to, with what belongs to it: its context, and the gate before it."""

from __future__ import annotations

import errno
import socket as sockets
import time
from collections.abc import Mapping
from pathlib import Path

import zmq

from sensebind.errors import BusError, is_passing
from sensebind.perception.bus.curve_keys import Gate, KeyRing
from sensebind.perception.bus.endpoints import check_endpoint, new_socket, open_context

_RENEW_SECONDS, _RENEW_PAUSE = 30.0, 0.01  # for the system to give the address back


class BoundSocket:
    """A bound socket. To be used by one thread at a time.

    Attributes:
        socket: The socket; another one after `renew`.
        endpoint: Where it is bound, with the port that was taken for *.
    """

    def __init__(
        self,
        kind: int,
        endpoint: str,
        keys: KeyRing | None = None,
        options: Mapping[int, int] | None = None,
    ) -> None:
        """Bind.

        Args:
            kind: Of the socket, such as `zmq.XPUB`.
            endpoint: ipc://PATH or tcp://HOST:PORT; port * takes a free one.
            keys: Guard a TCP endpoint, which may then be open to other machines.
            options: Set on the socket.

        Raises:
            BusError: The endpoint is refused, malformed or in use.
        """
        self._kind, self._keys, self._options = kind, keys, dict(options or {})
        self._bind(endpoint)
        self.endpoint = self.socket.getsockopt_string(zmq.LAST_ENDPOINT).rstrip("\0")

    @property
    def turned_away(self) -> int:
        """Connection attempts so far without a key that is allowed."""
        return self._gate.turned_away if self._gate is not None else 0

    @property
    def guards(self) -> tuple[zmq.Socket, ...]:
        """What is to be polled with the socket, so that `serve` is called in time."""
        return self._gate.sockets if self._gate is not None else ()

    def poller(self, *others: zmq.Socket) -> zmq.Poller:
        """Return what waits for something to read from the socket, its guards and other sockets."""
        poller = zmq.Poller()
        for socket in (self.socket, *self.guards, *others):
            poller.register(socket, zmq.POLLIN)
        return poller

    def serve(self) -> bool:
        """Answer who asks to come in; to be called at least every second.

        Returns:
            Whether somebody whose key was removed may be connected: `renew` the socket then.
        """
        if self._gate is None:
            return False
        self._gate.serve()
        return self._gate.must_cut

    def renew(self) -> None:
        """End all connections, and bind another socket; who is still allowed comes back.

        Raises:
            BusError: The endpoint was taken by somebody else meanwhile.
        """
        turned_away = self.turned_away
        self.close()
        until = time.monotonic() + _RENEW_SECONDS
        while True:
            try:
                self._bind(self.endpoint)
                break
            except BusError as error:
                if not is_passing(error) or time.monotonic() > until:
                    raise
                time.sleep(_RENEW_PAUSE)
        if self._gate is not None:
            self._gate.turned_away = turned_away

    def close(self, linger: float = 0.0) -> None:
        """Free the endpoint; may be called again.

        Args:
            linger: Seconds for what is still to be sent.
        """
        if self._gate is not None:
            self._gate.close()
        self.socket.close(linger=int(1000 * linger))
        self._context.destroy(linger=0)

    def _bind(self, endpoint: str) -> None:
        """Bind a socket in a context of its own; a socket file is guarded by its directory."""
        endpoint = check_endpoint(endpoint, keyed=self._keys is not None)
        if endpoint.startswith("ipc://"):
            _refuse_taken_path(endpoint.removeprefix("ipc://"))
        keys = self._keys if endpoint.startswith("tcp://") else None
        context = open_context()
        gate = Gate(keys) if keys is not None else None
        try:
            socket = new_socket(context, self._kind, endpoint)
            for option, value in self._options.items():
                socket.setsockopt(option, value)
            if gate is not None:
                gate.open(context, socket)
            socket.bind(endpoint)
        except BaseException as error:  # whatever it was, nothing stays open
            if gate is not None:
                gate.close()
            context.destroy(linger=0)
            if not isinstance(error, zmq.ZMQError):
                raise
            hint = "choose another port, or * for a free one"
            if endpoint.startswith("ipc://"):
                hint = "the directory must exist and be writable"
            raise BusError(f"cannot listen at {endpoint}: {error}; {hint}") from error
        self._context, self._gate, self.socket = context, gate, socket


def _refuse_taken_path(path: str) -> None:
    """ZeroMQ would silently take a socket file over from a publisher that is alive.

    Raises:
        BusError: Somebody listens there, which may pass.
    """
    if path.startswith("@") or not Path(path).is_socket():
        return
    with sockets.socket(sockets.AF_UNIX, sockets.SOCK_STREAM) as probe:
        probe.settimeout(1.0)
        try:
            probe.connect(path)
        except OSError:
            return  # left behind by a process that is gone
    problem = f"ipc://{path} is in use by another publisher: choose another path"
    raise BusError(problem) from OSError(errno.EADDRINUSE, "Address already in use")
