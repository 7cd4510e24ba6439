"""SimHomeSource against a real publisher that this test controls message by message."""

import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import zmq

from sensebind.errors import ConfigurationError, MessageError, SourceError
from sensebind.perception.percept import Modality, pack, unpack_header
from sensebind.perception.simhome.wire import decode_sample, encode_sample
from sensebind.perception.sources.base import Source
from sensebind.perception.sources.simhome import SimHomeSource

CHUNK = 1600


class Publisher:
    """A stand-in for the SimHome process that publishes what it is told."""

    def __init__(self) -> None:
        self._context = zmq.Context()
        self._socket = self._context.socket(zmq.XPUB)
        self._socket.bind("tcp://127.0.0.1:*")
        self.address = str(self._socket.getsockopt_string(zmq.LAST_ENDPOINT))

    def await_listener(self) -> None:
        assert self._socket.poll(5000)
        self._socket.recv()

    def send(self, frames: list[bytes]) -> None:
        self._socket.send_multipart(frames)

    def image(self, sequence: int, **changes: Any) -> None:
        self.send(encode_sample(_header("camera", sequence) | changes, _image(sequence)))

    def points(self, sequence: int, points: np.ndarray) -> None:
        self.send(encode_sample(_header("lidar", sequence), points))

    def sound(self, first: int, count: int, **changes: Any) -> None:
        header = _header("microphone", first) | {"rate": 16000, "chunk": CHUNK} | changes
        numbers = np.arange(first, first + count, dtype=np.float32)
        self.send(encode_sample(header, np.repeat(numbers, CHUNK)))

    def close(self) -> None:
        self._context.destroy(linger=0)


def _header(stream: str, sequence: int) -> dict[str, Any]:
    return {
        "stream": stream,
        "sequence": sequence,
        "captured_at": time.time_ns(),
        "monotonic": time.monotonic(),
        "frame_id": stream,
        "rate": 0,
        "chunk": 0,
        "epoch": "first",
    }


def _image(value: int) -> np.ndarray:
    return np.full((4, 6, 3), value, np.uint8)


@pytest.fixture
def publisher() -> Iterator[Publisher]:
    publisher = Publisher()
    yield publisher
    publisher.close()


@pytest.fixture
def camera(publisher: Publisher) -> Iterator[SimHomeSource]:
    with SimHomeSource(publisher.address, "camera") as source:
        publisher.await_listener()
        yield source


@pytest.fixture
def microphone(publisher: Publisher) -> Iterator[SimHomeSource]:
    with SimHomeSource(publisher.address, "microphone") as source:
        publisher.await_listener()
        yield source


def test_it_is_a_source(camera: SimHomeSource) -> None:
    assert isinstance(camera, Source)
    assert (camera.stream, camera.modality) == ("camera", Modality.VISION)


def test_an_observation_arrives_whole_and_once(publisher: Publisher, camera: SimHomeSource) -> None:
    publisher.image(3, captured_at=123, monotonic=4.5)
    seen = camera.read()
    np.testing.assert_array_equal(seen.data, _image(3))
    assert (seen.sequence, seen.captured_at, seen.monotonic) == (3, 123, 4.5)
    assert (seen.stream, seen.frame_id, seen.rate) == ("camera", "camera", 0)
    publisher.image(3)  # the same one again is no news
    publisher.image(2)
    publisher.image(4)
    assert camera.read().sequence == 4


def test_gaps_are_counted_and_a_restart_is_none(
    publisher: Publisher, camera: SimHomeSource
) -> None:
    publisher.image(0)
    publisher.image(5)
    publisher.image(0, epoch="second")
    assert [camera.read().sequence for _ in range(3)] == [0, 5, 0]
    assert camera.dropped == 4


def test_malformed_messages_are_counted_and_the_source_lives_on(
    publisher: Publisher, camera: SimHomeSource
) -> None:
    publisher.send([b"camera/", b"\xc1", b""])
    publisher.send([b"camera/"])
    publisher.send(encode_sample(_header("camera", 2), np.zeros(5, np.float32)))
    publisher.send(encode_sample(_header("camera", 2) | {"chunk": 1}, np.zeros(5, np.uint8)))
    publisher.image(7)
    assert camera.read().sequence == 7
    assert camera.malformed == 4


def test_sound_comes_in_overlapping_windows(
    publisher: Publisher, microphone: SimHomeSource
) -> None:
    for number in range(30):
        publisher.sound(number, 1)
    windows = [microphone.read() for _ in range(3)]
    assert [window.sequence for window in windows] == [4, 5, 6]
    for window, first in zip(windows, (0, 5, 10), strict=True):
        assert window.rate == 16000 and window.modality is Modality.AUDIO
        expected = np.repeat(np.arange(first, first + 20, dtype=np.float32), CHUNK)
        np.testing.assert_array_equal(window.data, expected)


def test_a_backlog_gives_the_first_window_at_once(
    publisher: Publisher, microphone: SimHomeSource
) -> None:
    publisher.sound(25, 1)  # slipped in between subscribing and the backlog
    publisher.sound(2, 24, captured_at=10**9, monotonic=50.0)
    window = microphone.read()
    assert window.data[0] == 5 and window.data[-1] == 24
    assert window.captured_at == 10**9 - 10**8 and window.monotonic == pytest.approx(49.9)
    publisher.sound(2, 24)  # the backlog of another listener
    for number in range(26, 30):
        publisher.sound(number, 1)
    window = microphone.read()
    assert (window.sequence, window.data[0], window.data[-1]) == (6, 10, 29)
    assert microphone.dropped == 0


def test_sound_is_not_spliced_over_a_gap(publisher: Publisher, microphone: SimHomeSource) -> None:
    publisher.sound(0, 20)
    assert microphone.read().sequence == 4
    for number in range(22, 45):  # 20 and 21 were lost
        publisher.sound(number, 1)
    window = microphone.read()
    assert (window.data[0], window.data[-1], window.sequence) == (25, 44, 9)
    assert microphone.dropped == 4


def test_an_empty_sweep_is_an_observation(publisher: Publisher) -> None:
    with SimHomeSource(publisher.address, "lidar") as lidar:
        publisher.await_listener()
        publisher.send(encode_sample(_header("lidar", 0), np.zeros((0, 3), np.float32)))
        assert lidar.read().data.shape == (0, 3)


def test_silence_is_an_error_that_names_the_address(camera: SimHomeSource) -> None:
    with pytest.raises(SourceError, match=r"camera from tcp://127.0.0.1:\d+ within 0.01 s"):
        camera.read(timeout=0.01)
    with pytest.raises(SourceError, match="nothing new"):
        camera.read_latest(max_age=1.0)


def test_wrong_use_is_refused(publisher: Publisher) -> None:
    with pytest.raises(SourceError, match="no stream 'nose'"):
        SimHomeSource(publisher.address, "nose")
    with (
        SimHomeSource(publisher.address, "camera") as camera,
        pytest.raises(SourceError, match="open already"),
        camera,
    ):
        raise AssertionError("a source was opened twice")
    with pytest.raises(SourceError, match="closed"):
        SimHomeSource(publisher.address, "camera").read()
    with (
        pytest.raises(SourceError, match="cannot connect"),
        SimHomeSource("nonsense", "camera"),
    ):
        raise AssertionError("a source without a device was opened")


@pytest.mark.parametrize(
    "change",
    [
        {"version": 2},
        {"shape": [9]},
        {"shape": [-1]},
        {"shape": [2.0]},
        {"dtype": "object"},
        {"sequence": "1"},
        {"sequence": True},
        {"sequence": -1},
        {"monotonic": None},
        {"chunk": 4},
    ],
)
def test_decoding_trusts_nothing(change: dict[str, Any]) -> None:
    frames = encode_sample(_header("microphone", 0), np.zeros(10, np.float32))
    header = unpack_header(frames[1]) | change
    with pytest.raises(MessageError):
        decode_sample([frames[0], pack(header), frames[2]])


@pytest.mark.parametrize(("min_range", "kept"), [(0.0, [1, 2, 3]), (0.4, [2, 3]), (0.6, [2])])
def test_points_of_the_robot_itself_and_beams_without_a_return_are_left_out(
    publisher: Publisher, min_range: float, kept: list[int]
) -> None:
    cloud = np.array([[0, 0, 0], [0.1, 0, 0], [0, 3, 4], [0.3, 0.4, 0]], np.float32)
    with SimHomeSource(publisher.address, "lidar", min_range=min_range) as source:
        publisher.await_listener()
        publisher.points(1, cloud)
        np.testing.assert_array_equal(source.read(5).data, cloud[kept])


@pytest.mark.parametrize("wrong", [-1.0, float("nan"), float("inf")])
def test_a_range_that_is_none_is_refused(publisher: Publisher, wrong: float) -> None:
    with pytest.raises(ConfigurationError, match="min_range"):
        SimHomeSource(publisher.address, "lidar", min_range=wrong)
