"""A VLP-16 over loopback UDP, by packets built to its data sheet."""

import contextlib
import socket
import threading
import time
from collections.abc import Iterator

import numpy as np
import pytest
from fixtures.vlp16 import PACKET_SECONDS, packets, room
from hypothesis import given, settings
from hypothesis import strategies as st

from sensebind.errors import ConfigurationError, InputError, SourceError
from sensebind.perception.sources.base import Source
from sensebind.perception.sources.conformance import SourceConformance
from sensebind.perception.sources.velodyne import TurnDecoder, Velodyne

pytest.importorskip("velodyne_decoder", reason="pip install 'sensebind[lidar]'")
TURN = list(packets(room(), turns=4))
DECODER = TurnDecoder(0.4, 100.0)


class Sensor:
    """Sends packets of a VLP-16 in real time, again and again, until it is closed."""

    def __init__(self, port: int) -> None:
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._send, args=(port,), daemon=True)
        self._thread.start()

    def _send(self, port: int) -> None:
        begun = time.monotonic()
        sent = 0
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out:
            while not self._stop.wait(0.01):
                due = int((time.monotonic() - begun) / PACKET_SECONDS)
                for number in range(sent, due):
                    out.sendto(TURN[number % len(TURN)], ("127.0.0.1", port))
                sent = due

    def close(self) -> None:
        self._stop.set()
        self._thread.join()


def free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture
def lidar() -> Iterator[Velodyne]:
    with Velodyne("127.0.0.1:0", "lidar", timeout=0.2) as lidar:
        yield lidar


def send(lidar: Velodyne, *messages: bytes) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out:
        for number, message in enumerate(messages):
            out.sendto(message, ("127.0.0.1", lidar.port))
            if number % 20 == 19:
                time.sleep(0.002)  # loopback drops what does not fit in its buffer


class TestVelodyne(SourceConformance):
    @pytest.fixture(autouse=True)
    def _sensor(self) -> Iterator[None]:
        self.port = free_port()
        sensor = Sensor(self.port)
        yield
        sensor.close()

    def make_source(self) -> Source:
        return Velodyne(f"127.0.0.1:{self.port}", "lidar")


def test_a_turn_is_the_room() -> None:
    decoder = TurnDecoder(0.4, 100.0)
    _, (_, points), *_ = (turn for packet in TURN if (turn := decoder.add(packet)))
    assert points.dtype == np.float32 and 25_000 < len(points) < 30_000
    post = points[(np.abs(points[:, 0] - 2.0) < 0.02) & (np.abs(points[:, 1]) < 0.14)]
    assert len(post) > 50, "x does not point ahead"
    floor = points[points[:, 2] < -0.55]
    assert len(floor) > 1000 and np.median(np.abs(floor[:, 2] + 0.6)) < 0.02
    walls = points[np.abs(points[:, :2]).max(axis=1) > 3.9]
    assert np.median(np.abs(np.abs(walls[:, :2]).max(axis=1) - 4.0)) < 0.02


def test_packets_that_come_by_udp_become_turns(lidar: Velodyne) -> None:
    send(lidar, *TURN)
    assert len(lidar.read_latest(5.0, 5.0).data) > 1000 and not lidar.refused


def test_others_are_refused_and_counted(lidar: Velodyne) -> None:
    good = TURN[0]
    bad = [
        b"", b"hello", good[:-1], good + b"!", bytes(1206), good[:-1] + b"\x99",
        b"\x00\x00" + good[2:], good[:2] + b"\xff\xff" + good[4:],
    ]  # fmt: skip
    send(lidar, *bad, *TURN)
    lidar.read()
    assert lidar.refused == len(bad)


def test_another_model_is_named(lidar: Velodyne) -> None:
    send(lidar, TURN[0][:-1] + b"\xa1")
    time.sleep(0.5)
    with pytest.raises(SourceError, match=r"VLS-128; these can be decoded: .*VLP-16"):
        lidar.read(1.0)


def test_a_silent_sensor_is_reported_and_comes_back(lidar: Velodyne) -> None:
    with pytest.raises(SourceError, match="silent: check its cable"):
        lidar.read(2.0)
    send(lidar, *TURN)
    assert len(lidar.read().data) > 1000


def test_packets_of_others_are_not_believed() -> None:
    with Velodyne("127.0.0.1:0", "lidar", sender="192.168.1.201") as lidar:
        send(lidar, *TURN)
        with pytest.raises(SourceError):
            lidar.read(0.3)
        assert lidar.refused == len(TURN)


changes = st.lists(st.tuples(st.integers(0, 1205), st.integers(0, 255)), max_size=30)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.integers(0, len(TURN) - 1), changes, st.integers(0, 1300))))
def test_mutated_packets_harm_nothing(
    mutations: list[tuple[int, list[tuple[int, int]], int]],
) -> None:
    for number, changed, cut in mutations:
        packet = bytearray(TURN[number])
        for where, value in changed:
            packet[where] = value
        with contextlib.suppress(InputError):
            DECODER.add(bytes(packet[:cut]))


def test_after_mutated_packets_good_ones_are_decoded() -> None:
    turns = [turn for packet in TURN[:200] if (turn := DECODER.add(packet))]
    assert len(turns) >= 2 and all(np.isfinite(points).all() for _, points in turns)
    assert 25_000 < len(turns[-1][1]) < 30_000


def test_a_port_in_use_is_named(lidar: Velodyne) -> None:
    words = rf"port {lidar.port}: Address already in use"
    with pytest.raises(SourceError, match=words), Velodyne(f"127.0.0.1:{lidar.port}", "second"):
        raise AssertionError("two sources listen at one port")
    for target, sender in (("port", ""), ("1.2.3:5", ""), ("99999", ""), ("2368", "sensor")):
        with pytest.raises(ConfigurationError):
            Velodyne(target, "lidar", sender=sender)
