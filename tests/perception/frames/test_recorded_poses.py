"""Where a robot was, in a recording: what Foxglove reads, what comes back, what is forgotten."""

import math
from pathlib import Path

import numpy as np
import pytest
from foxglove_schemas_protobuf.PoseInFrame_pb2 import PoseInFrame
from hypothesis import given, settings
from hypothesis import strategies as st
from mcap.reader import make_reader
from mcap.writer import Writer
from mcap_protobuf.decoder import DecoderFactory
from mcap_protobuf.schema import build_file_descriptor_set

from sensebind.errors import InputError
from sensebind.perception.frames.recorded_poses import poses_in
from sensebind.perception.frames.recording import Recorder, Recording
from sensebind.perception.frames.recording_edit import erase_entries
from sensebind.perception.geometry.pose import Pose
from sensebind.perception.percept import Modality, Observation, Percept, PerceptHeader
from sensebind.perception.storage.spans import Span

BEGIN = 1_700_000_000_123_456_789
SECOND = 10**9
RUN = "odom:5f0c9a1e"


def observation(at: int, stream: str = "camera") -> Observation:
    return Observation(np.zeros((4, 4, 3), np.uint8), stream, Modality.VISION, at, 1.0, 1, "eye")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A camera, and a robot that drives 1 m/s along x, both once a second for five seconds."""
    with Recorder(tmp_path / "walk.mcap") as recorder:
        for number in range(5):
            at = BEGIN + number * SECOND
            recorder.observe(observation(at))
            recorder.place(Pose(float(number), -1.0, 0.5, RUN), at)
        assert recorder.counts == {"/camera": 5, "/robot/pose": 5}
    return tmp_path / "walk.mcap"


def places(path: Path) -> list[tuple[int, Pose]]:
    found = list(poses_in(path))
    return [one for one in found if not isinstance(one, InputError)]


def test_poses_come_back_with_their_times_and_frames(path: Path) -> None:
    found = places(path)
    assert [at for at, _ in found] == [BEGIN + n * SECOND for n in range(5)]
    assert [(p.x, p.y, p.frame) for _, p in found] == [(float(n), -1.0, RUN) for n in range(5)]
    assert found[0][1].yaw == pytest.approx(0.5)


@settings(max_examples=60)
@given(*[st.floats(-1e6, 1e6)] * 2, st.floats(-math.pi, math.pi), st.integers(0, 2**62))
def test_any_pose_comes_back(
    tmp_path_factory: pytest.TempPathFactory, x: float, y: float, yaw: float, at: int
) -> None:
    path = tmp_path_factory.mktemp("pose") / "one.mcap"
    with Recorder(path) as recorder:
        recorder.place(Pose(x, y, yaw), at)
    [(when, pose)] = places(path)
    assert (when, pose.x, pose.y) == (at, x, y)
    assert math.remainder(pose.yaw - yaw, math.tau) == pytest.approx(0.0, abs=1e-9)


def test_foxglove_reads_them(path: Path) -> None:
    with path.open("rb") as file:
        reader = make_reader(file, decoder_factories=[DecoderFactory()])
        [(schema, _, message, decoded), *_] = reader.iter_decoded_messages(topics=["/robot/pose"])
    assert schema is not None and schema.name == "foxglove.PoseInFrame"
    assert decoded.frame_id == RUN and decoded.pose.position.y == -1.0
    assert decoded.timestamp.seconds * SECOND + decoded.timestamp.nanos == message.publish_time


def test_streams_are_as_without_them(path: Path) -> None:
    recording = Recording(path)
    assert recording.streams() == {"camera": Modality.VISION}
    assert len(list(recording)) == 5 and recording.refused == 0


def test_forgetting_reaches_poses_whatever_stream_perceived_it(path: Path) -> None:
    second = Span(BEGIN + SECOND, BEGIN + 2 * SECOND, "camera")
    assert erase_entries(path, [second], dry=True) == 4
    assert erase_entries(path, [second]) == 4
    assert [pose.x for _, pose in places(path)] == [0.0, 3.0, 4.0]
    assert erase_entries(path, [Span(BEGIN + 3 * SECOND, BEGIN + 3 * SECOND, "lidar")]) == 1
    assert [pose.x for _, pose in places(path)] == [0.0, 4.0]
    assert erase_entries(path, [Span()]) == 3 + 2
    assert places(path) == [] and Recording(path).empty
    assert RUN.encode() not in path.read_bytes()


def test_a_file_of_poses_alone_can_be_forgotten(path: Path) -> None:
    with Recorder(path.with_name("lost.mcap")) as recorder:
        recorder.place(Pose(1.0, 2.0, 0.0), BEGIN)
    lost = path.with_name("lost.mcap")
    with pytest.raises(InputError, match="holds no observations"):
        Recording(lost).streams()
    assert erase_entries(lost, [Span(BEGIN, BEGIN)]) == 1
    assert places(lost) == []


def test_percepts_without_observations_can_be_forgotten(tmp_path: Path) -> None:
    """A robot that keeps no frames is recorded so."""
    with Recorder(tmp_path / "blind.mcap") as recorder:
        header = PerceptHeader(
            stream="camera",
            modality=Modality.VISION,
            sequence=1,
            captured_at=BEGIN,
            published_at=1,
            monotonic=1.0,
            shape=(2,),
            model="m",
            observation=f"frame:camera@{BEGIN}",
        )
        recorder.perceive(Percept(header, np.array([1.0, 0.0], np.float32)))
    assert erase_entries(tmp_path / "blind.mcap", [Span(BEGIN, BEGIN)]) == 1


def written(path: Path, version: str, message: PoseInFrame | bytes) -> Path:
    """A recording whose only pose is this."""
    with path.open("wb") as file:
        writer = Writer(file)
        writer.start(library="sensebind")
        schema = build_file_descriptor_set(PoseInFrame).SerializeToString()
        kind = writer.register_schema("foxglove.PoseInFrame", "protobuf", schema)
        about = {"sensebind_pose": version}
        channel = writer.register_channel("/robot/pose", "protobuf", kind, about)
        data = message if isinstance(message, bytes) else message.SerializeToString()
        writer.add_message(channel, BEGIN, data, BEGIN)
        writer.finish()
    return path


def spoilt(**numbers: float) -> PoseInFrame:
    message = PoseInFrame(frame_id="map")
    message.pose.orientation.w = 1.0
    for name, value in numbers.items():
        part = message.pose.position if name in "xy" else message.pose.orientation
        setattr(part, name, value)
    return message


def test_what_is_no_pose_is_refused(tmp_path: Path) -> None:
    nameless = spoilt()
    nameless.frame_id = ""
    long = spoilt()
    long.frame_id = "m" * 300
    bad = [spoilt(x=math.nan), spoilt(y=math.inf), spoilt(w=0.0), spoilt(w=math.nan)]
    for message in (*bad, nameless, long, b"\x0a\xff\xff"):
        [found] = poses_in(written(tmp_path / "bad.mcap", "1", message))
        assert isinstance(found, InputError)


@settings(max_examples=60)
@given(st.binary(max_size=120))
def test_bytes_of_any_kind_are_a_pose_or_refused(
    tmp_path_factory: pytest.TempPathFactory, data: bytes
) -> None:
    [found] = poses_in(written(tmp_path_factory.mktemp("any") / "any.mcap", "1", data))
    if not isinstance(found, InputError):
        assert math.isfinite(found[1].x + found[1].y + found[1].yaw) and found[1].frame


@settings(max_examples=10)
@given(st.text(max_size=40).filter(lambda text: text != "1"))
def test_another_version_is_never_read(
    tmp_path_factory: pytest.TempPathFactory, version: str
) -> None:
    path = written(tmp_path_factory.mktemp("any") / "any.mcap", version, spoilt())
    with pytest.raises(InputError, match="newer version of SenseBind"):
        list(poses_in(path))


def test_a_newer_version_is_refused_and_the_rest_of_the_file_is_read(tmp_path: Path) -> None:
    path = written(tmp_path / "new.mcap", "2", spoilt())
    with pytest.raises(InputError, match="newer version of SenseBind"):
        list(poses_in(path))
    assert list(Recording(path)) == []
