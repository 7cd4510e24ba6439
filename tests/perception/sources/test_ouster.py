"""What can be said of an Ouster lidar without one; its frames where its library is installed."""

import sys
import time
from collections.abc import Callable
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest

from sensebind.errors import ConfigurationError, MissingDependencyError, SourceError
from sensebind.perception.sources.base import Source
from sensebind.perception.sources.conformance import SourceConformance
from sensebind.perception.sources.ouster import Ouster, frame_points

ROWS, COLUMNS, PERIOD = 4, 16, 0.1


class Sensor:
    """Stands for the library's `SensorFrameSetSource`: a frame whenever a turn is over."""

    def __init__(self, host: str, config_timeout: float) -> None:
        assert host == "os-1.local" and config_timeout > 0
        self.sensor_info = ["the only sensor"]
        self.dropped_frames = 0
        self._turn = 0
        self._begun = time.monotonic()

    def get_frame(self, timeout: float) -> tuple[int, SimpleNamespace | None]:
        over = int((time.monotonic() - self._begun) / PERIOD)
        if over <= self._turn:
            time.sleep(min(timeout, self._begun + (over + 1) * PERIOD - time.monotonic()))
            return 0, None
        self.dropped_frames += over - self._turn - 1
        self._turn = over
        ends = int((7.0 + over * PERIOD) * 1e9) + np.arange(COLUMNS) - COLUMNS
        ranges = {"RANGE": np.full((ROWS, COLUMNS), 2000, np.uint32)}
        return 0, SimpleNamespace(field=ranges.__getitem__, timestamp=ends)

    def close(self) -> None:
        self.get_frame = None  # pyright: ignore[reportAttributeAccessIssue]: no read after this


def look_up(info: str, *, use_extrinsics: bool = True) -> Callable[[object], np.ndarray]:
    """Stands for `XYZLutFloat`: by default it moves points to where the sensor is mounted."""
    assert info == "the only sensor"
    height = 1.2 if use_extrinsics else 0.0
    return lambda _frame: np.ones((ROWS * COLUMNS, 3)) + np.array([0.0, 0.0, height])


class TestOuster(SourceConformance):
    """Ours with a stand-in for the library: there is no lidar here."""

    @pytest.fixture(autouse=True)
    def _library(self, monkeypatch: pytest.MonkeyPatch) -> None:
        core, sensor = ModuleType("ouster.sdk.core"), ModuleType("ouster.sdk.sensor")
        vars(core)["XYZLutFloat"] = look_up
        vars(sensor)["SensorFrameSetSource"] = Sensor
        for module in (ModuleType("ouster"), ModuleType("ouster.sdk"), core, sensor):
            monkeypatch.setitem(sys.modules, module.__name__, module)

    def make_source(self) -> Source:
        return Ouster("os-1.local", "lidar")

    def test_points_are_in_the_frame_of_the_sensor(self) -> None:
        with self.make_source() as source:
            assert np.allclose(source.read().data, 1.0)


def test_a_mounting_pose_moves_no_point() -> None:
    core = pytest.importorskip("ouster.sdk.core", reason="pip install 'sensebind[ouster]'")
    info = core.SensorInfo.from_default(core.LidarMode(512, 10))
    pose = np.eye(4)
    pose[:3, 3] = 0.5, 0.0, 1.2
    frame = core.LidarFrame(info)
    frame.field("RANGE")[:] = 3000
    before, _ = frame_points(frame, core.XYZLutFloat(info, use_extrinsics=False), 0.4)
    info.sensor_to_body = pose
    after, _ = frame_points(frame, core.XYZLutFloat(info, use_extrinsics=False), 0.4)
    moved, _ = frame_points(frame, core.XYZLutFloat(info), 0.4)
    assert np.array_equal(before, after)
    assert np.allclose(moved - before, pose[:3, 3], atol=1e-5)


def test_frames_become_points() -> None:
    core = pytest.importorskip("ouster.sdk.core", reason="pip install 'sensebind[ouster]'")
    info = core.SensorInfo.from_default(core.LidarMode(512, 10))
    frame = core.LidarFrame(info)
    frame.field("RANGE")[:] = 3000
    frame.field("RANGE")[:, :100] = 0  # no echo
    frame.field("RANGE")[:, 100:110] = 200  # the robot
    frame.timestamp[:] = 5_000_000_000 + np.arange(512)
    points, device = frame_points(frame, core.XYZLutFloat(info), 0.4)
    assert points.dtype == np.float32 and points.shape == (64 * 402, 3)
    assert np.linalg.norm(points, axis=1) == pytest.approx(np.full(len(points), 3.0), abs=0.1)
    assert device == pytest.approx(5.0)


def test_without_sensor_or_library_the_way_out_is_told() -> None:
    words = r"sensebind\[ouster\]|cannot open the lidar 127\.0\.0\.1"
    with (
        pytest.raises((MissingDependencyError, SourceError), match=words),
        Ouster("127.0.0.1", "lidar", timeout=1.0),
    ):
        raise AssertionError("there is no lidar")
    with pytest.raises(ConfigurationError, match="name the lidar"):
        Ouster("", "lidar")
