"""Velodyne lidars: their data packets over UDP, put together to turns."""

from __future__ import annotations

import ipaddress
import socket as sockets
import struct
import time
from typing import TYPE_CHECKING, Any

from sensebind.errors import (
    ConfigurationError,
    InputError,
    MissingDependencyError,
    SourceError,
    one_line,
)
from sensebind.perception.modality import Modality
from sensebind.perception.sources.device_clock import DeviceClock
from sensebind.perception.sources.live_source import LiveSource

if TYPE_CHECKING:
    import numpy as np

PORT = 2368
PACKET_BYTES = 1206
_BLOCKS, _BLOCK_BYTES = 12, 100
_DATA_BYTES = _BLOCKS * _BLOCK_BYTES
_FLAGS = b"\xff" * _BLOCKS + b"\xee" * _BLOCKS  # each block of models with up to 32 beams: ff ee
_AZIMUTH = struct.Struct("<2xH")
_AZIMUTHS = struct.Struct("<" + "2xH96x" * _BLOCKS)
_STAMP, _STAMP_AT = struct.Struct("<I"), _DATA_BYTES
_TURN = 36_000  # hundredths of a degree
_MODELS = {0x21: "HDL-32E", 0x22: "VLP-16", 0x24: "Puck Hi-Res", 0x28: "VLP-32C", 0xA1: "VLS-128"}
_DECODED = ("HDL-32E", "VLP-16", "Puck Hi-Res", "VLP-32C")
_HOUR_US = 3_600_000_000  # the sensor counts microseconds of the hour
_HOLE_US = 5000  # three packets of a VLP-16: 18 degrees at ten turns a second
_SLOWEST_US = 200_000  # a turn at 300 a minute, the fewest that these sensors can be set to
_EDGE = 1_000  # hundredths of a degree that a packet covers at 1200 turns a minute
_MOST_PACKETS = 4000  # of a turn; five times those of an HDL-32E at 5 turns a second
_BUFFER_BYTES = 4 << 20  # of the kernel: more than one turn
_PATIENCE = 0.1
HOUR = _HOUR_US / 1e6


class TurnDecoder:
    """Puts the packets of one sensor together to turns; whatever comes, it raises one error only.

    A turn is all packets from one passage of azimuth 0 to the next, without a hole by the packets'
    own time stamps: when they were received says nothing about the scene that they show. What came
    before the first passage, and what a hole broke, is not a turn; the latter is counted.

    Args:
        min_range: Nearer points are left out, metres.
        max_range: Farther points are left out, metres.

    Attributes:
        broken: Turns that a hole ended.

    Raises:
        MissingDependencyError: velodyne-decoder is not installed.
    """

    def __init__(self, min_range: float, max_range: float) -> None:
        try:
            from velodyne_decoder import velodyne_decoder_pylib
        except ImportError as error:
            raise MissingDependencyError(
                "a Velodyne lidar needs velodyne-decoder: pip install 'sensebind[lidar]'"
            ) from error
        self.broken = 0
        self._library: Any = velodyne_decoder_pylib
        self._config = self._library.Config(min_range=min_range, max_range=max_range)
        self._decoder: Any = None
        self._model = -1
        self._turn: list[bytes] | None = None  # None before the first passage of azimuth 0
        self._waited = 0  # packets since azimuth 0 passed
        self._azimuth = 0
        self._stamp = 0
        self._edges: tuple[int, int] | None = None  # azimuths before and after the newest hole
        self._hole_at = 0  # when that was

    def add(self, packet: bytes) -> tuple[float, np.ndarray] | None:
        """Take a data packet.

        Returns:
            Once per turn its time by the sensor's clock, seconds of the hour, and its points
            float32 [N, 3] metres.

        Raises:
            InputError: It is not a data packet, or one of a model that cannot be decoded, or the
                sensor does not turn.
        """
        check_packet(packet)
        azimuth, stamp = _AZIMUTH.unpack_from(packet)[0], _STAMP.unpack_from(packet, _STAMP_AT)[0]
        waited = (stamp - self._stamp) % _HOUR_US
        hole = waited > _HOLE_US and not self._unseen((self._azimuth, azimuth), waited, stamp)
        if packet[-1] != self._model:  # the first packet, or another sensor was plugged in
            self._model = packet[-1]
            self._decoder = self._library.ScanDecoder(self._config)
            self._edges, hole = None, True
        passed = azimuth < self._azimuth
        before, self._azimuth, self._stamp = self._stamp, azimuth, stamp
        if hole:
            self.broken += bool(self._turn)
            self._turn = None
        elif passed:
            self._waited = 0
            turn, self._turn = self._turn, [packet]
            return self._decoded(turn, before) if turn is not None else None
        elif self._turn is not None:
            self._turn.append(packet)
        self._waited += 1
        if self._waited > _MOST_PACKETS:
            self._turn = None
            raise InputError("packets come, but none of azimuth 0: the sensor does not turn")
        return None

    def _unseen(self, edges: tuple[int, int], waited: int, stamp: int) -> bool:
        """Whether a hole is where the sensor was set not to look: it was there a turn ago, too.

        Args:
            edges: Azimuths before and after it.
            waited: How long it took, microseconds.
            stamp: When it ended.
        """
        before, self._edges = self._edges, edges
        since, self._hole_at = (stamp - self._hole_at) % _HOUR_US, stamp
        if before is None or waited > _SLOWEST_US or since > _SLOWEST_US + _HOLE_US:
            return False
        apart = [(one - other) % _TURN for one, other in zip(before, edges, strict=True)]
        return all(min(angle, _TURN - angle) <= _EDGE for angle in apart)

    def _decoded(self, turn: list[bytes], stamp: int) -> tuple[float, np.ndarray]:
        """Time of a turn, seconds of the hour, and its points, float32 [N, 3] metres."""
        import numpy as np

        packets = self._library.PacketVector(
            [self._library.VelodynePacket(0.0, packet) for packet in turn]
        )
        try:
            _, points = self._decoder.decode(packets, as_pcl_structs=False)
        except (RuntimeError, ValueError) as error:
            raise InputError(f"a turn cannot be decoded: {one_line(error)}") from error
        return stamp / 1e6, np.ascontiguousarray(points[:, :3], np.float32)


class Velodyne(LiveSource):
    """A Velodyne lidar (VLP-16, Puck Hi-Res, HDL-32E, VLP-32C): points [N, 3] once per turn.

    Axes are those of robots: x forward (the sensor's y), y left, z up.

    Args:
        target: Port to listen at, or ADDRESS:PORT to listen on one interface only.
        stream: Name of the stream.
        sender: Address of the sensor; packets of others are refused. "" takes those of any one
            sensor; two that send to the port at once are an error, as their scenes would be mixed.
        min_range: Nearer points are left out (the robot itself), metres.
        max_range: Farther points are left out, metres.
        timeout: A sensor silent for so many seconds is reported as gone.
        frame_id: Coordinate frame of the sensor.

    Raises:
        ConfigurationError: The target is not a port, or the sender not an address.
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
            raise ConfigurationError(f"{stream}: {target!r} is not a port: give velodyne:{PORT}")
        super().__init__(stream, f"lidar at UDP port {port}")
        self._port = int(port)
        self._ranges = (min_range, max_range)
        self._timeout = timeout
        self._socket: sockets.socket | None = None
        self._decoder: TurnDecoder | None = None
        self._clock = DeviceClock(HOUR)
        self._talkers: dict[str, float] = {}  # who sent within the timeout, where none is named
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
        self._broken = 0
        self._talkers.clear()
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
            self._check_sender(packet, sender[0])
            turn = self._decoder.add(packet)
        except (TimeoutError, InputError) as error:
            if isinstance(error, InputError):
                self._refused += 1
                self._complaint = f"the {self._device}: {error}"
            if len(self._talkers) > 1 or time.monotonic() - self._heard > self._timeout:
                self._mailbox.fail(SourceError(self._complaint))
            return
        self._heard = time.monotonic()
        self._lost += self._decoder.broken - self._broken
        self._broken = self._decoder.broken
        if turn is not None:
            device, points = turn
            self._deliver(points, self._clock.stamp(device))

    def _check_sender(self, packet: bytes, address: str) -> None:
        """Refuse packets of another sensor than the one that is meant.

        Raises:
            InputError: It is not `sender`, or two sensors send and none is named.
        """
        if self._sender:
            if address != self._sender:
                raise InputError(f"packets come from {address}, not from {self._sender}")
            return
        if address not in self._talkers:
            check_packet(packet)  # what is not of a lidar silences none
        now = self._talkers[address] = time.monotonic()
        if len(self._talkers) > 1:
            lately = now - self._timeout
            self._talkers = {one: at for one, at in self._talkers.items() if at >= lately}
        if len(self._talkers) > 1:
            first, second = sorted(self._talkers)[:2]
            raise InputError(
                f"two sensors send to it, {first} and {second}: name one as sender, such as "
                f"sender: {first}, or give each a port of its own"
            )

    def _close(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None


def check_packet(packet: bytes) -> None:
    """Refuse what is not a packet of a model that can be decoded.

    Raises:
        InputError: It is not.
    """
    if len(packet) != PACKET_BYTES:
        raise InputError(f"packets of {len(packet)} bytes come, a lidar's have {PACKET_BYTES}")
    model = _MODELS.get(packet[-1], f"unknown model 0x{packet[-1]:02x}")
    if model not in _DECODED:
        raise InputError(f"it is a {model}; these can be decoded: {', '.join(_DECODED)}")
    flags = packet[:_DATA_BYTES:_BLOCK_BYTES] + packet[1:_DATA_BYTES:_BLOCK_BYTES]
    if flags != _FLAGS or max(_AZIMUTHS.unpack_from(packet)) >= _TURN:
        raise InputError("packets come that are damaged, or not of a lidar")
