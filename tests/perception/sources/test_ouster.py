"""What can be said of an Ouster lidar without one; its frames where its library is installed."""

import numpy as np
import pytest

from sensebind.errors import ConfigurationError, MissingDependencyError, SourceError
from sensebind.perception.sources.ouster import Ouster, frame_points


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
