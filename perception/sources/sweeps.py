"""Sweeps that the driving process passes on: it owns the lidar, and others read it here."""

from __future__ import annotations

from sensebind.errors import ConfigurationError
from sensebind.perception.sources.simhome import SimHomeSource


class Sweeps(SimHomeSource):
    """The lidar of a robot whose driving process owns it; see `sensebind.tools.motion.relay`.

    Args:
        target: Endpoint of the relay, such as "ipc:///run/user/1000/sensebind/sweeps".
        stream: Name of the stream.

    Raises:
        ConfigurationError: No endpoint.
    """

    def __init__(self, target: str, stream: str) -> None:
        if not target:
            raise ConfigurationError(f"{stream}: name the relay's endpoint, sweeps:ipc:///…")
        super().__init__(target, stream, sensor="lidar")
