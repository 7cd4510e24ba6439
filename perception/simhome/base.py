"""The base of a running SimHome, commanded by velocities; see `sensebind.tools.motion.Base`."""

from __future__ import annotations

import time

import zmq

from sensebind.errors import MessageError, SourceError
from sensebind.perception.geometry.odometry import Odometry
from sensebind.perception.percept import pack, unpack_header

_KEPT = 8  # commands that may wait for a link; older ones are of no use


class SimHomeBase:
    """Commands SimHome's base and hears its odometry; never waits.

    Args:
        address: The robot address of a SimHome process, such as "ipc:///tmp/home/robot".

    Attributes:
        stops_itself: True: the base stops when its newest command is no longer valid.

    Raises:
        SourceError: The address cannot be used.
    """

    stops_itself = True

    def __init__(self, address: str) -> None:
        self._context = zmq.Context()
        self._socket = self._context.socket(zmq.DEALER)
        self._socket.setsockopt(zmq.LINGER, 0)
        self._socket.setsockopt(zmq.SNDHWM, _KEPT)
        self._newest: Odometry | None = None
        try:
            self._socket.connect(address)
        except zmq.ZMQError as error:
            self._context.destroy(linger=0)
            raise SourceError(f"cannot connect to the base at {address!r}: {error}") from error

    def velocity(self, speed: float, turn_rate: float, valid_for: float) -> None:
        """Commands a velocity (m/s, rad/s) that is given up after `valid_for` seconds.

        Raises:
            zmq.Again: The link is down; the command is lost.
        """
        request = {
            "command": "velocity",
            "speed": speed,
            "turn_rate": turn_rate,
            "until": time.monotonic() + valid_for,  # one machine, one clock: late is too late
        }
        self._socket.send_multipart([b"", pack(request)], zmq.DONTWAIT)

    def odometry(self) -> Odometry | None:
        """Returns the newest odometry that has come, and asks for the next.

        Raises:
            zmq.Again: The link is down.
        """
        while self._socket.poll(0):
            try:
                answer = unpack_header(self._socket.recv_multipart()[-1])
                found = answer.get("odometry")
                if isinstance(found, list) and len(found) == len(Odometry._fields):
                    self._newest = Odometry(*map(float, found))
            except (MessageError, TypeError, ValueError):
                continue  # silence follows if there is nothing else
        self._socket.send_multipart([b"", pack({"command": "odometry"})], zmq.DONTWAIT)
        return self._newest

    def close(self) -> None:
        """Closes the socket."""
        self._context.destroy(linger=0)
