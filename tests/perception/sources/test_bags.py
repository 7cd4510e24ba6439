"""Bags and MCAP files written by other libraries, and messages that do not fit themselves."""

import struct
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mcap.data_stream import RecordBuilder
from mcap.records import Chunk, DataEnd, Header
from mcap.writer import MCAP0_MAGIC

from sensebind.errors import ConfigurationError, InputError, SourceError, UnusableSourceError
from sensebind.perception.frames.mcap_reader import McapFile
from sensebind.perception.percept import Modality
from sensebind.perception.sources.base import Source
from sensebind.perception.sources.conformance import SourceConformance
from sensebind.perception.sources.registry import open_source
from sensebind.perception.sources.ros_kinds import Reading
from sensebind.perception.sources.ros_messages import sample
from sensebind.perception.sources.rosbag import Bag

rosbag2 = pytest.importorskip("rosbags.rosbag2", reason="pip install 'sensebind[ros]'")
mcap_ros2 = pytest.importorskip("mcap_ros2.writer", reason="pip install 'sensebind[ros]'")
from rosbags.typesys import Stores, get_types_from_msg, get_typestore  # noqa: E402

STAMP = 1_700_000_000_250_000_000
COUNT = 8
CLOUD = "sensor_msgs/msg/PointCloud2"

STORE = get_typestore(Stores.ROS2_HUMBLE)
STORE.register(get_types_from_msg("uint8[] data\n", "audio_common_msgs/msg/AudioData"))


def header(number: int, frame: str) -> dict[str, Any]:
    at = STAMP + number * 50_000_000
    return {"stamp": {"sec": at // 10**9, "nanosec": at % 10**9}, "frame_id": frame}


def picture(number: int) -> np.ndarray:
    return np.full((6, 8, 3), (10 + number, 100, 200), np.uint8)


def points(number: int) -> np.ndarray:
    return np.arange(12, dtype=np.float32).reshape(4, 3) + number


def image_fields(number: int) -> dict[str, Any]:
    padded = np.zeros((6, 30), np.uint8)  # rows have six bytes of padding
    padded[:, :24] = picture(number)[..., ::-1].reshape(6, 24)
    return {
        "header": header(number, "camera_optical"),
        "height": 6,
        "width": 8,
        "encoding": "bgr8",
        "is_bigendian": 0,
        "step": 30,
        "data": padded.reshape(-1),
    }


def cloud_fields(number: int) -> dict[str, Any]:
    rows = b"".join(struct.pack("<fff4xH2x", *point, 7) for point in points(number))
    rows += struct.pack("<fff4xH2x", np.nan, 0, 0, 7)  # no echo
    fields = [
        {"name": name, "offset": offset, "datatype": kind, "count": 1}
        for name, offset, kind in (("x", 0, 7), ("y", 4, 7), ("z", 8, 7), ("ring", 16, 4))
    ]
    return {
        "header": header(number, "lidar"),
        "height": 1,
        "width": 5,
        "fields": fields,
        "is_bigendian": False,
        "point_step": 20,
        "row_step": 100,
        "data": np.frombuffer(rows, np.uint8),
        "is_dense": False,
    }


def jpeg_fields(number: int) -> dict[str, Any]:
    body = cv2.imencode(".png", picture(number)[..., ::-1])[1]
    return {"header": header(number, "camera_optical"), "format": "png", "data": body.reshape(-1)}


def sound_fields(number: int) -> dict[str, Any]:
    steps = np.full(16_000, 100 * number, "<i2")
    return {"data": np.frombuffer(steps.tobytes(), np.uint8)}


TOPICS = {
    "/image": ("sensor_msgs/msg/Image", image_fields),
    "/jpeg": ("sensor_msgs/msg/CompressedImage", jpeg_fields),
    "/points": (CLOUD, cloud_fields),
    "/sound": ("audio_common_msgs/msg/AudioData", sound_fields),
}


def built(name: str, fields: dict[str, Any]) -> Any:
    """A message of rosbags."""
    kinds: dict[str, Any] = dict(STORE.types)

    def value(kind: str, given: Any) -> Any:
        return kinds[kind](**given)

    ready = dict(fields)
    if "header" in ready:
        stamp = value("builtin_interfaces/msg/Time", ready["header"]["stamp"])
        ready["header"] = value("std_msgs/msg/Header", ready["header"] | {"stamp": stamp})
    if "fields" in ready:
        ready["fields"] = [value("sensor_msgs/msg/PointField", one) for one in ready["fields"]]
    return value(name, ready)


@pytest.fixture(scope="session", params=["sqlite3", "rosbag2-mcap", "mcap"])
def bag(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same messages as written by rosbags in both its storages, and by mcap-ros2-support."""
    folder = tmp_path_factory.mktemp("bags")
    if request.param == "mcap":
        return _write_mcap(folder / "drive.mcap")
    storage = {
        "sqlite3": rosbag2.StoragePlugin.SQLITE3,
        "rosbag2-mcap": rosbag2.StoragePlugin.MCAP,
    }[request.param]
    path = folder / "drive"
    with rosbag2.Writer(path, version=9, storage_plugin=storage) as writer:
        for topic, (name, fields) in TOPICS.items():
            connection = writer.add_connection(topic, name, typestore=STORE)
            for number in range(COUNT):
                data = STORE.serialize_cdr(built(name, fields(number)), name)
                writer.write(connection, STAMP + number * 50_000_000, data)
    return path


def _write_mcap(path: Path) -> Path:
    definitions = {
        name: STORE.generate_msgdef(name, ros_version=2)[0] for name, _ in TOPICS.values()
    }
    with path.open("wb") as file:
        writer = mcap_ros2.Writer(file)
        for topic, (name, fields) in TOPICS.items():
            schema = writer.register_msgdef(name, definitions[name])
            for number in range(COUNT):
                plain = {
                    key: value.tobytes() if isinstance(value, np.ndarray) else value
                    for key, value in fields(number).items()
                }
                at = STAMP + number * 50_000_000
                writer.write_message(topic, schema, plain, log_time=at, publish_time=at)
        writer.finish()
    return path


class TestBag(SourceConformance):
    @pytest.fixture(autouse=True)
    def _bag(self, bag: Path) -> None:
        self.path = bag

    def make_source(self) -> Source:
        return open_source(
            {"source": f"bag:{self.path}", "topic": "/points", "loop": True}, stream="lidar"
        )


@pytest.mark.parametrize("topic", ["/image", "/jpeg"])
def test_pictures(bag: Path, topic: str) -> None:
    with Bag(str(bag), "camera", topic, speed=0) as source:
        assert source.modality is Modality.VISION
        seen = [source.read() for _ in range(COUNT)]
        with pytest.raises(SourceError, match="has ended"):
            source.read()
    for number, one in enumerate(seen):
        np.testing.assert_array_equal(one.data, picture(number))
        assert one.captured_at == STAMP + number * 50_000_000
        assert one.frame_id == "camera_optical"


def test_clouds_without_what_gave_no_echo(bag: Path) -> None:
    with Bag(str(bag), "lidar", "/points", speed=0) as source:
        for number in range(COUNT):
            np.testing.assert_array_equal(source.read().data, points(number))


def test_points_at_the_sensor_or_too_near_are_no_returns(bag: Path) -> None:
    fields = cloud_fields(0)
    rows = b"".join(
        struct.pack("<fff4xH2x", *point, 7) for point in ((0, 0, 0), (0.1, 0, 0), (3, 0, 4))
    )
    fields |= {"width": 3, "row_step": 60, "data": np.frombuffer(rows, np.uint8)}
    np.testing.assert_allclose(sample(namespace(fields), CLOUD).data[:, 0], [0.1, 3])
    near = sample(namespace(fields), CLOUD, Reading(min_range=0.4))
    np.testing.assert_allclose(near.data, [[3, 0, 4]])
    for field, name in zip(fields["fields"], "XYZ", strict=False):
        field["name"] = name
    assert len(sample(namespace(fields), CLOUD).data) == 2
    with Bag(str(bag), "lidar", "/points", speed=0, min_range=10.0) as source:
        expected = points(0)[np.linalg.norm(points(0), axis=1) >= 10]
        np.testing.assert_array_equal(source.read().data, expected)
    with pytest.raises(ConfigurationError, match="min_range of -1"):
        Bag("x", "lidar", min_range=-1)
    with pytest.raises(ConfigurationError, match="give declared or auto"):
        open_source({"source": "bag:x", "range": "wide"}, stream="camera")


def test_limits_of_a_laser_scan() -> None:
    scan: dict[str, Any] = {
        "header": header(0, "laser"),
        "angle_min": 0.0,
        "angle_increment": np.pi / 2,
        "range_min": 0.1,
        "range_max": 10.0,
        "ranges": [1.0, np.inf, 0.0, 20.0, 0.3],
    }

    def read(min_range: float = 0.0, **changes: float) -> np.ndarray:
        how = Reading(min_range=min_range)
        return sample(namespace(scan | changes), "sensor_msgs/msg/LaserScan", how).data

    np.testing.assert_allclose(read(), [[1, 0, 0], [0.3, 0, 0]], atol=1e-6)
    np.testing.assert_allclose(read(0.5), [[1, 0, 0]], atol=1e-6)
    assert len(read(range_max=0.0)) == len(read(range_max=np.inf)) == 3  # 0 was not filled in
    assert len(read(range_max=np.nan)) == len(read(range_max=-1.0)) == 3  # neither were these
    np.testing.assert_allclose(read(range_min=np.nan), read())
    with pytest.raises(InputError, match="angles are not finite"):
        read(angle_min=np.nan)


def test_sound_in_windows(bag: Path) -> None:
    with Bag(str(bag), "microphone", "/sound", speed=0) as source:
        first, second = source.read(), source.read()
    assert source.modality is Modality.AUDIO
    assert (first.rate, len(first.data)) == (16_000, 32_000)
    assert first.data[0] == 0 and first.data[-1] == pytest.approx(100 / 32768)
    np.testing.assert_array_equal(first.data[8_000:], second.data[:-8_000])


def test_the_topic_must_be_clear(bag: Path, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"4 topics .* /image, /jpeg, /points, /sound"):
        _ = Bag(str(bag), "camera").modality
    with pytest.raises(SourceError, match=r"no topic '/nose'; it has /image"):
        _ = Bag(str(bag), "camera", "/nose").modality
    for name in ("none.mcap", "none"):
        with pytest.raises(SourceError, match=name), Bag(str(tmp_path / name), "camera"):
            raise AssertionError("a bag that does not exist was opened")
    with pytest.raises(ConfigurationError, match="0 channels"):
        Bag("x", "microphone", sound_channels=0)


def namespace(value: Any) -> Any:
    """A message as attributes, from nested dicts."""
    if isinstance(value, dict):
        return SimpleNamespace(**{key: namespace(one) for key, one in value.items()})
    return [namespace(one) for one in value] if isinstance(value, list) else value


def test_a_big_endian_cloud_and_doubles() -> None:
    fields = cloud_fields(0)
    fields |= {"is_bigendian": True, "point_step": 24, "row_step": 0, "width": 2}
    fields["data"] = struct.pack(">6d", *range(6))
    for number, field in enumerate(fields["fields"][:3]):
        field |= {"offset": 8 * number, "datatype": 8}
    np.testing.assert_array_equal(sample(namespace(fields), CLOUD).data, [[0, 1, 2], [3, 4, 5]])


@pytest.mark.parametrize(
    ("name", "fields", "change"),
    [
        (CLOUD, cloud_fields, {"width": 6}),
        (CLOUD, cloud_fields, {"width": 10**9}),
        (CLOUD, cloud_fields, {"width": -1}),
        (CLOUD, cloud_fields, {"point_step": 8}),
        (CLOUD, cloud_fields, {"row_step": 10}),
        (CLOUD, cloud_fields, {"fields": []}),
        (CLOUD, cloud_fields, {"data": None}),
        (CLOUD, cloud_fields, {"header": "now"}),
        ("sensor_msgs/msg/Image", image_fields, {"encoding": "16UC1"}),
        ("sensor_msgs/msg/Image", image_fields, {"step": 5}),
        ("sensor_msgs/msg/Image", image_fields, {"height": 7}),
        ("sensor_msgs/msg/Image", image_fields, {"height": 0}),
        ("sensor_msgs/msg/CompressedImage", jpeg_fields, {"data": b"nonsense"}),
        ("sensor_msgs/msg/CompressedImage", jpeg_fields, {"data": b""}),
        ("audio_common_msgs/msg/AudioData", sound_fields, {"data": b"odd"}),
        ("std_msgs/msg/String", sound_fields, {}),
    ],
)
def test_messages_that_do_not_fit_themselves(name: str, fields: Any, change: Any) -> None:
    with pytest.raises(InputError):
        sample(namespace(fields(0) | change), name)


@settings(max_examples=200, deadline=None)
@given(
    st.sampled_from(["width", "height", "point_step", "row_step"]),
    st.integers(-(2**31), 2**32),
    st.integers(0, 3),
    st.sampled_from(["offset", "datatype", "name"]),
    st.integers(-5, 40),
)
def test_any_cloud_is_read_or_refused(
    key: str, value: int, which: int, field: str, number: int
) -> None:
    fields = cloud_fields(0)
    fields[key] = value
    fields["fields"][which][field] = str(number) if field == "name" else number
    try:
        data = sample(namespace(fields), CLOUD).data
    except InputError:
        return
    assert data.dtype == np.float32 and data.shape[1] == 3 and np.isfinite(data).all()


@settings(max_examples=60, deadline=None)
@given(changes=st.lists(st.tuples(st.floats(0, 1), st.integers(0, 255)), max_size=10))
def test_a_damaged_mcap_is_played_as_far_as_it_goes(
    tmp_path_factory: pytest.TempPathFactory, changes: list[tuple[float, int]]
) -> None:
    folder = tmp_path_factory.getbasetemp()
    if not (folder / "good.mcap").exists():
        _write_mcap(folder / "good.mcap")
    data = bytearray((folder / "good.mcap").read_bytes())
    for where, value in changes:
        data[min(int(where * len(data)), len(data) - 1)] = value
    (folder / "bad.mcap").write_bytes(data)
    try:
        with Bag(str(folder / "bad.mcap"), "lidar", "/points", speed=0) as source:
            for _ in range(COUNT + 1):
                assert np.isfinite(source.read().data).all()
    except SourceError:
        pass


@pytest.mark.parametrize("claimed", [2**31, 2**62])
def test_a_chunk_that_claims_to_be_huge_is_damage(tmp_path: Path, claimed: int) -> None:
    frame = b"\x28\xb5\x2f\xfd\xe0" + claimed.to_bytes(8, "little") + b"\x01\x00\x00"
    written = RecordBuilder()
    written.write(MCAP0_MAGIC)
    Header(profile="", library="").write(written)
    Chunk("zstd", frame, 0, 0, uncompressed_crc=0, uncompressed_size=10).write(written)
    DataEnd(data_section_crc=0).write(written)
    (tmp_path / "huge.mcap").write_bytes(written.end())
    file = McapFile(tmp_path / "huge.mcap")
    assert list(file.messages()) == [] and file.damaged == 1 and not file.cut


def test_one_topic_of_the_streams_modality_is_clear(bag: Path) -> None:
    for modality, topic in (("point", "/points"), ("audio", "/sound")):
        with Bag(str(bag), "s", modality=modality, speed=0) as source:
            assert source.modality == modality
            with Bag(str(bag), "s", topic, speed=0) as named:
                np.testing.assert_array_equal(source.read().data, named.read().data)
    assert Bag(str(bag), "s", modality="depth").modality is Modality.POINT  # a sweep, as an image
    with pytest.raises(UnusableSourceError, match=r"2 topics of vision.* /image, /jpeg$"):
        _ = Bag(str(bag), "camera", modality="vision").modality
    with pytest.raises(UnusableSourceError, match=r"2 topics of depth"):
        _ = Bag(str(bag), "camera", modality="depth", depth=True).modality
    with pytest.raises(ConfigurationError, match="modality 'smell'; give vision"):
        Bag(str(bag), "nose", modality="smell")
