"""Velodyne lidars: their data packets over UDP, put together to turns."""

from __future__ import annotations

import ipaddress
import socket as sockets
import time
from typing import Any

import numpy as np

from sensebind.errors import ConfigurationError, InputError, MissingDependencyError, SourceError
from sensebind.perception.percept import Modality
from sensebind.perception.sources.device_clock import DeviceClock
from sensebind.perception.sources.live_source import LiveSource

PORT = 2368
PACKET_BYTES = 1206
_BLOCKS, _BLOCK_BYTES = 12, 100
_FLAG = b"\xff\xee"  # begins each block of the models with up to 32 beams
_TURN = 36_000  # hundredths of a degree
_MODELS = {0x21: "HDL-32E", 0x22: "VLP-16", 0x24: "Puck Hi-Res", 0x28: "VLP-32C", 0xA1: "VLS-128"}
_DECODED = ("HDL-32E", "VLP-16", "Puck Hi-Res", "VLP-32C")
_BUFFER_BYTES = 4 << 20  # of the kernel: more than one turn
_PATIENCE = 0.1
HOUR = 3600.0  # the sensor counts microseconds of the hour


class TurnDecoder:
    """Puts the packets of one sensor together to turns; whatever comes, it raises one error only.

    Args:
        min_range: Nearer points are left out, metres.
        max_range: Farther points are left out, metres.

    Raises:
        MissingDependencyError: velodyne-decoder is not installed.
    """

    def __init__(self, min_range: float, max_range: float) -> None:
        try:
            import velodyne_decoder
        except ImportError as error:
            raise MissingDependencyError(
                "a Velodyne lidar needs velodyne-decoder: pip install 'sensebind[lidar]'"
            ) from error
        self._library = velodyne_decoder
        self._ranges = {"min_range": min_range, "max_range": max_range}
        self._decoder: Any = None
        self._model = 0

    def add(self, packet: bytes) -> tuple[float, np.ndarray] | None:
        """Take a data packet.

        Returns:
            Once per turn its time by the sensor's clock, seconds of the hour, and its points
            float32 [N, 3] metres.

        Raises:
            InputError: It is no data packet, or one of a model that cannot be decoded.
        """
        _check(packet)
        if packet[-1] != self._model:  # the first packet, or another sensor was plugged in
            self._model = packet[-1]
            self._decoder = self._library.StreamDecoder(self._library.Config(**self._ranges))
        turn = self._decoder.decode(time.time(), packet, as_pcl_structs=False)
        if turn is None:
            return None
        times, points = turn
        return times.device % HOUR, np.ascontiguousarray(points[:, :3], np.float32)


class Velodyne(LiveSource):
    """A Velodyne lidar (VLP-16, Puck Hi-Res, HDL-32E, VLP-32C): points [N, 3] once per turn.

    Axes are those of robots: x forward (the sensor's y), y left, z up.

    Args:
        target: Port to listen at, or ADDRESS:PORT to listen on one interface only.
        stream: Name of the stream.
        sender: Address of the sensor; packets of others are refused. "" takes all.
        min_range: Nearer points are left out (the robot itself), metres.
        max_range: Farther points are left out, metres.
        timeout: A sensor silent for so many seconds is reported as gone.
        frame_id: Coordinate frame of the sensor.

    Raises:
        ConfigurationError: The target is no port, or the sender no address.
    """

    modality = Modality.POINT

    def __init__(
        self,
        target: str,
        stream: str,
        sender: str = "",
        min_range: float = 0.4,
        max_range: float = 100.0,
        timeout: float = 1.0,
        frame_id: str = "lidar",
    ) -> None:
        host, _, port = (target or str(PORT)).rpartition(":")
        try:
            self._address = str(ipaddress.ip_address(host or "0.0.0.0"))
            self._sender = str(ipaddress.ip_address(sender)) if sender else ""
        except ValueError as error:
            raise ConfigurationError(f"{stream}: {error}") from error
        if not port.isdecimal() or not int(port) < 65536:
            raise ConfigurationError(f"{stream}: {target!r} is no port: give velodyne:{PORT}")
        super().__init__(stream, f"lidar at UDP port {port}")
        self._port = int(port)
        self._ranges = (min_range, max_range)
        self._timeout = timeout
        self._socket: sockets.socket | None = None
        self._decoder: TurnDecoder | None = None
        self._clock = DeviceClock(HOUR)
        self.frame_id = frame_id

    @property
    def clock(self) -> DeviceClock:
        """Counts how often the sensor's time stamps could not be believed."""
        return self._clock

    @property
    def port(self) -> int:
        """Where it listens, once open: port 0 takes a free one."""
        return self._socket.getsockname()[1] if self._socket else self._port

    def _open(self) -> None:
        self._decoder = TurnDecoder(*self._ranges)
        self._complaint = f"the {self._device} is silent: check its cable and its address"
        self._heard = time.monotonic()
        family = sockets.AF_INET6 if ":" in self._address else sockets.AF_INET
        self._socket = sockets.socket(family, sockets.SOCK_DGRAM)
        self._socket.setsockopt(sockets.SOL_SOCKET, sockets.SO_RCVBUF, _BUFFER_BYTES)
        self._socket.settimeout(_PATIENCE)
        try:
            self._socket.bind((self._address, self._port))
        except OSError as error:
            raise SourceError(
                f"cannot listen for a lidar at {self._address} port {self._port}: "
                f"{error.strerror}; another program may have it"
            ) from error

    def _receive(self) -> None:
        assert self._socket is not None and self._decoder is not None
        try:
            packet, sender = self._socket.recvfrom(PACKET_BYTES + 1)
            if self._sender and sender[0] != self._sender:
                raise InputError(f"packets come from {sender[0]}, not from {self._sender}")
            turn = self._decoder.add(packet)
        except (TimeoutError, InputError) as error:
            if isinstance(error, InputError):
                self._refused += 1
                self._complaint = f"the {self._device}: {error}"
            if time.monotonic() - self._heard > self._timeout:
                self._mailbox.fail(SourceError(self._complaint))
            return
        self._heard = time.monotonic()
        if turn is not None:
            device, points = turn
            self._deliver(points, self._clock.stamp(device))

    def _close(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None


def _check(packet: bytes) -> None:
    """Refuse what is no packet of a model that can be decoded."""
    if len(packet) != PACKET_BYTES:
        raise InputError(f"packets of {len(packet)} bytes come, a lidar's have {PACKET_BYTES}")
    model = _MODELS.get(packet[-1], f"unknown model 0x{packet[-1]:02x}")
    if model not in _DECODED:
        raise InputError(f"it is a {model}; these can be decoded: {', '.join(_DECODED)}")
    blocks = np.frombuffer(packet, np.uint8, _BLOCKS * _BLOCK_BYTES).reshape(_BLOCKS, _BLOCK_BYTES)
    azimuths = blocks[:, 2:4].copy().view("<u2")
    if (blocks[:, :2] != np.frombuffer(_FLAG, np.uint8)).any() or (azimuths >= _TURN).any():
        raise InputError("packets come that are damaged, or not of a lidar")
