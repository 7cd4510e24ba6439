"""A VLP-16 over loopback UDP, by packets built to its data sheet."""

import contextlib
import re
import socket
import struct
import threading
import time
from collections.abc import Iterator

import numpy as np
import pytest
from fixtures.ports import free_port
from fixtures.vlp16 import PACKET_SECONDS, packets, room
from fixtures.waiting import PATIENCE, failure_of, observed, until
from hypothesis import given, settings
from hypothesis import strategies as st

from sensebind.errors import ConfigurationError, InputError, SourceError
from sensebind.perception.percept import Observation
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


def heard(lidar: Velodyne, *messages: bytes) -> Observation:
    """What comes of messages that are sent until something does: a busy machine loses some."""
    return observed(lidar, lambda: send(lidar, *messages))


class TestVelodyne(SourceConformance):
    @pytest.fixture(autouse=True)
    def _sensor(self) -> Iterator[None]:
        self.port = free_port(socket.SOCK_DGRAM)
        sensor = Sensor(self.port)
        yield
        sensor.close()

    def make_source(self) -> Source:
        return Velodyne(f"127.0.0.1:{self.port}", "lidar")


def test_a_turn_is_the_room() -> None:
    decoder = TurnDecoder(0.4, 100.0)
    points, *others = [turn[1] for packet in TURN if (turn := decoder.add(packet))]
    assert len(others) == 2
    assert all(abs(len(points) - len(other)) <= 24 * 16 for other in others)  # a packet
    assert points.dtype == np.float32 and 25_000 < len(points) < 30_000
    post = points[(np.abs(points[:, 0] - 2.0) < 0.02) & (np.abs(points[:, 1]) < 0.14)]
    assert len(post) > 50, "x does not point ahead"
    floor = points[points[:, 2] < -0.55]
    assert len(floor) > 1000 and np.median(np.abs(floor[:, 2] + 0.6)) < 0.02
    walls = points[np.abs(points[:, :2]).max(axis=1) > 3.9]
    assert np.median(np.abs(np.abs(walls[:, :2]).max(axis=1) - 4.0)) < 0.02


def scene(metres: float, begin: float, seconds: float) -> list[bytes]:
    """Packets from one moment of the sensor on, in a round room."""
    return list(packets(np.full((360, 16), metres), turns=10 * seconds, begin=begin))


def turns_of(decoder: TurnDecoder, sent: list[bytes]) -> list[np.ndarray]:
    return [np.linalg.norm(turn[1], axis=1) for packet in sent if (turn := decoder.add(packet))]


@pytest.mark.parametrize("silence", [0.006, 0.05, 0.2, 1.0, 30.0])
def test_a_turn_that_silence_broke_is_dropped_and_counted(silence: float) -> None:
    """Half a turn of 5 m, nothing for a while, then a scene that is 9 m away."""
    decoder = TurnDecoder(0.4, 100.0)
    before = turns_of(decoder, scene(5.0, 0.0, 0.25))
    assert len(before) == 1 and np.allclose(before[0], 5.0, atol=0.01)
    after = turns_of(decoder, scene(9.0, 0.25 + silence, 0.35))
    assert 2 <= len(after) <= 3
    assert all(np.allclose(turn, 9.0, atol=0.01) for turn in after)
    assert all(27_000 < len(turn) < 30_000 for turn in after)
    assert decoder.broken == 1


def test_the_first_turn_after_a_start_is_a_whole_one() -> None:
    decoder = TurnDecoder(0.4, 100.0)
    turns = turns_of(decoder, scene(5.0, 0.07, 0.4))
    assert all(28_400 < len(turn) < 29_600 for turn in turns) and len(turns) == 3
    assert decoder.broken == 0


@pytest.mark.parametrize("hertz", [5.0, 10.0, 20.0])
@pytest.mark.parametrize("view", [(270, 90), (90, 270), (45, 135), (20, 340)])
def test_a_turn_of_a_sensor_that_looks_to_one_side_only(
    view: tuple[int, int], hertz: float
) -> None:
    """FOV start and end (VLP-16 manual 63-9243, section 7): outside of them nothing is sent."""
    start, end = view
    wide = (end - start) % 360
    sent = [
        packet
        for packet in packets(np.full((360, 16), 5.0), turns=6, hertz=hertz)
        if (int.from_bytes(packet[2:4], "little") / 100 - start) % 360 < wide
    ]
    decoder = TurnDecoder(0.4, 100.0)
    turns = turns_of(decoder, sent)
    assert len(turns) in (3, 4, 5)
    whole = 16 / 55.296e-6 / hertz * wide / 360  # points
    assert all(len(turn) == pytest.approx(whole, abs=2 * 384) for turn in turns)
    assert decoder.broken <= 1


def test_a_view_to_one_side_is_broken_by_silence_like_any_other() -> None:
    def seen(metres: float, begin: float) -> list[bytes]:
        return [
            packet
            for packet in scene(metres, begin, 0.45)
            if (int.from_bytes(packet[2:4], "little") / 100 - 90) % 360 < 180
        ]

    decoder = TurnDecoder(0.4, 100.0)
    assert len(turns_of(decoder, seen(5.0, 0.0))) >= 2
    after = turns_of(decoder, seen(9.0, 1.05))  # it was silent for half a turn and more
    assert len(after) >= 2 and all(np.allclose(turn, 9.0, atol=0.01) for turn in after)


def test_an_hour_of_the_sensor_ends_no_turn() -> None:
    decoder = TurnDecoder(0.4, 100.0)
    turns = turns_of(decoder, scene(5.0, 3599.8, 0.45))
    assert len(turns) == 3 and decoder.broken == 0


def test_a_sensor_that_does_not_turn_is_told() -> None:
    decoder = TurnDecoder(0.4, 100.0)
    turns_of(decoder, scene(5.0, 0.0, 0.15))
    with pytest.raises(InputError, match="does not turn"):
        for number in range(5000):
            stamp = struct.pack("<I", 150_000 + 1327 * number)
            decoder.add(TURN[10][:1200] + stamp + TURN[10][1204:])


def test_packets_that_come_by_udp_become_turns(lidar: Velodyne) -> None:
    assert len(heard(lidar, *TURN).data) > 1000 and not lidar.refused


def test_others_are_refused_and_counted(lidar: Velodyne) -> None:
    good = TURN[0]
    bad = [
        b"",
        b"hello",
        good[:-1],
        good + b"!",
        bytes(1206),
        good[:-1] + b"\x99",
        b"\x00\x00" + good[2:],
        good[:2] + b"\xff\xff" + good[4:],
    ]
    send(lidar, *bad, *TURN)
    lidar.read()
    assert lidar.refused == len(bad)


def test_another_model_is_named(lidar: Velodyne) -> None:
    send(lidar, TURN[0][:-1] + b"\xa1")
    said = failure_of(lidar)
    assert re.search(r"VLS-128; these can be decoded: .*VLP-16", said)


def test_a_silent_sensor_is_reported_and_comes_back(lidar: Velodyne) -> None:
    assert "silent: check its cable" in failure_of(lidar)
    assert len(heard(lidar, *TURN).data) > 1000


def test_two_sensors_at_one_port_are_an_error_until_one_is_named() -> None:
    sent = {metres: scene(metres, 0.0, 4.0) for metres in (2.0, 5.0)}

    def talk(lidar: Velodyne, stop: threading.Event, address: str, metres: float) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out:
            out.bind((address, 0))
            for number, packet in enumerate(sent[metres]):
                out.sendto(packet, ("127.0.0.1", lidar.port))
                if number % 20 == 19 and stop.wait(0.02):  # about as fast as a sensor
                    return

    for sender in ("", "127.0.0.2"):
        with Velodyne("127.0.0.1:0", "lidar", sender=sender, timeout=0.3) as lidar:
            stop = threading.Event()
            threads = [
                threading.Thread(target=talk, args=(lidar, stop, address, metres))
                for address, metres in (("127.0.0.1", 2.0), ("127.0.0.2", 5.0))
            ]
            for thread in threads:
                thread.start()
            try:
                if sender:
                    turns = [np.linalg.norm(lidar.read(PATIENCE).data, axis=1) for _ in range(5)]
                    assert all(np.allclose(turn, 5.0, atol=0.01) for turn in turns)
                else:
                    assert "127.0.0.1 and 127.0.0.2: name one" in failure_of(lidar)
                assert lidar.refused
            finally:
                stop.set()
                for thread in threads:
                    thread.join()
            if not sender:  # the other is switched off
                time.sleep(0.4)
                turn = heard(lidar, *scene(2.0, 100.0, 0.4)).data
                assert np.allclose(np.linalg.norm(turn, axis=1), 2.0, atol=0.01)


def test_packets_of_others_are_not_believed() -> None:
    with Velodyne("127.0.0.1:0", "lidar", sender="192.168.1.201") as lidar:
        for begin in range(0, len(TURN), 20):
            due = min(begin + 20, len(TURN))
            send(lidar, *TURN[begin:due])
            until(lambda due=due: lidar.refused == due)
        with pytest.raises(SourceError):
            lidar.read(0.3)


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
    turns = [turn for packet in TURN[:240] if (turn := DECODER.add(packet))]
    assert len(turns) >= 2 and all(np.isfinite(points).all() for _, points in turns)
    assert 25_000 < len(turns[-1][1]) < 30_000


def test_a_port_in_use_is_named(lidar: Velodyne) -> None:
    words = rf"port {lidar.port}: Address already in use"
    with pytest.raises(SourceError, match=words), Velodyne(f"127.0.0.1:{lidar.port}", "second"):
        raise AssertionError("two sources listen at one port")
    for target, sender in (("port", ""), ("1.2.3:5", ""), ("99999", ""), ("2368", "sensor")):
        with pytest.raises(ConfigurationError):
            Velodyne(target, "lidar", sender=sender)
