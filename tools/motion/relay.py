"""Passes sweeps on from the driving process to whoever encodes them.

The process that drives owns the lidar, as most lidars can be read by one process only. It publishes
each sweep again, in the form of `perception.simhome.wire`; the source `sweeps:ENDPOINT` reads it.
"""

from __future__ import annotations

import uuid
from typing import Self

import numpy as np
import zmq

from sensebind.errors import BusError, ConfigurationError
from sensebind.perception.bus.endpoints import check_endpoint
from sensebind.perception.percept import Observation
from sensebind.perception.simhome.wire import encode_sample

_KEPT = 4  # sweeps that a slow reader may be behind


class SweepRelay:
    """Publishes sweeps; never waits for a reader. A context manager, for one thread.

    Args:
        endpoint: Where, such as "ipc:///run/user/1000/sensebind/sweeps"; "" passes nothing on.

    Raises:
        ConfigurationError: The endpoint cannot be used.
    """

    def __init__(self, endpoint: str) -> None:
        self._endpoint = endpoint
        self._epoch = uuid.uuid4().hex[:12]
        self._context: zmq.Context | None = None
        self._socket: zmq.Socket | None = None

    def __enter__(self) -> Self:
        if not self._endpoint:
            return self
        self._context = zmq.Context()
        publisher: zmq.Socket = self._context.socket(zmq.PUB)
        publisher.setsockopt(zmq.LINGER, 0)
        publisher.setsockopt(zmq.SNDHWM, _KEPT)
        self._socket = publisher
        try:
            publisher.bind(check_endpoint(self._endpoint))
        except (zmq.ZMQError, BusError) as error:
            self._context.destroy(linger=0)
            raise ConfigurationError(
                f"motion: sweeps cannot be passed on at {self._endpoint!r}: {error}"
            ) from error
        return self

    def __exit__(self, *_: object) -> None:
        if self._context is not None:
            self._context.destroy(linger=0)

    def pass_on(self, observation: Observation) -> None:
        """Publish a sweep."""
        if self._socket is None:
            return
        header = {
            "stream": "lidar",
            "sequence": observation.sequence,
            "captured_at": observation.captured_at,
            "monotonic": observation.monotonic,
            "frame_id": observation.frame_id,
            "rate": 0,
            "chunk": 0,
            "epoch": self._epoch,
        }
        points = np.ascontiguousarray(observation.data, np.float32)
        self._socket.send_multipart(encode_sample(header, points), zmq.DONTWAIT)
