"""Hands a microphone's sound on as it comes, so that one device serves the encoder and the voice.

The source that holds the device publishes; whoever wants the sound itself subscribes. A paused
stream has closed its device, so nothing comes.
"""

from __future__ import annotations

import struct
import threading
import time
from collections.abc import Iterator
from typing import Self

import numpy as np
import zmq

from sensebind.errors import BusError

HEADER = struct.Struct("<Qd")
"""Samples that came before this block, and when it ended on the monotonic clock, seconds."""
_WAITING = 100  # blocks that wait for a slow subscriber; beyond that they are lost, and counted
_TICK = 100  # milliseconds between looks whether to end


class SoundPublisher:
    """Publishes blocks of sound; used by one thread."""

    def __init__(self, endpoint: str) -> None:
        """Bind.

        Args:
            endpoint: Such as ipc:///run/user/1000/sensebind/microphone.sound.

        Raises:
            BusError: It cannot be bound.
        """
        self._samples = 0
        self._socket = zmq.Context.instance().socket(zmq.PUB)
        self._socket.setsockopt(zmq.SNDHWM, _WAITING)
        self._socket.setsockopt(zmq.LINGER, 0)
        try:
            self._socket.bind(endpoint)
        except zmq.ZMQError as error:
            self._socket.close()
            raise BusError(f"sound cannot be handed on at {endpoint}: {error}") from error

    def publish(self, block: np.ndarray, monotonic: float) -> None:
        """Hand a block on.

        Args:
            block: float32 [n], 16 kHz.
            monotonic: When it ended, seconds.
        """
        self._socket.send_multipart(
            [HEADER.pack(self._samples, monotonic), np.ascontiguousarray(block, "<f4").tobytes()]
        )
        self._samples += len(block)

    def close(self) -> None:
        """Let go of the endpoint."""
        self._socket.close()


class SharedSound:
    """The sound of a microphone that another process, or thread, holds. A context manager.

    Attributes:
        lost: Samples that this reader was too slow for.
    """

    def __init__(self, endpoint: str) -> None:
        """Connect to nothing yet.

        Args:
            endpoint: Where it is published.
        """
        self._endpoint = endpoint
        self._ending = threading.Event()
        self._socket: zmq.Socket[bytes] | None = None
        self.lost = 0

    def __enter__(self) -> Self:
        socket = zmq.Context.instance().socket(zmq.SUB)
        socket.setsockopt(zmq.RCVHWM, _WAITING)
        socket.setsockopt(zmq.LINGER, 0)
        socket.setsockopt(zmq.RECONNECT_IVL, _TICK)
        socket.subscribe(b"")
        socket.connect(self._endpoint)
        self._socket = socket
        return self

    def __exit__(self, *_: object) -> None:
        self._ending.set()
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def end(self) -> None:
        """End `blocks`, from any thread."""
        self._ending.set()

    def blocks(self) -> Iterator[tuple[np.ndarray, float]]:
        """Yield sound as it comes, and when it ended; nothing for a tick without any.

        Yields:
            float32 [n] and a monotonic time; [0] and now where nothing came.
        """
        assert self._socket is not None, "use a with statement"
        due: int | None = None
        while not self._ending.is_set():
            if not self._socket.poll(_TICK):
                yield np.zeros(0, np.float32), time.monotonic()
                continue
            header, data = self._socket.recv_multipart()
            first, monotonic = HEADER.unpack(header)
            block = np.frombuffer(data, "<f4")
            if due is not None and first > due:
                self.lost += first - due
            due = first + len(block)
            yield block, monotonic
