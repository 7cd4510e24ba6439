"""Ouster lidars, by the maker's own library."""

from __future__ import annotations

import importlib
import time
from typing import TYPE_CHECKING, Any

from sensebind.errors import ConfigurationError, MissingDependencyError, SourceError, one_line
from sensebind.perception.modality import Modality
from sensebind.perception.sources.device_clock import DeviceClock
from sensebind.perception.sources.live_source import LiveSource

if TYPE_CHECKING:
    import numpy as np

_PATIENCE = 0.1


class Ouster(LiveSource):
    """An Ouster lidar: points [N, 3] once per turn, x away from its cable's connector, z up.

    Points are in the sensor frame of the maker's manual, whatever mounting pose (`sensor_to_body`)
    the metadata hold: the floor lies as far below as the sensor is mounted high.

    Args:
        target: Host name or address of the sensor, such as "os-122301001234.local".
        stream: Name of the stream.
        min_range: Nearer points are left out (the robot itself), metres.
        timeout: How long the sensor may take to answer, and may be silent, seconds.
        frame_id: Coordinate frame of the sensor.

    Raises:
        ConfigurationError: No host is given.
    """

    modality = Modality.POINT

    def __init__(
        self,
        target: str,
        stream: str,
        min_range: float = 0.4,
        timeout: float = 2.0,
        frame_id: str = "lidar",
    ) -> None:
        if not target:
            raise ConfigurationError(f"{stream}: name the lidar, such as ouster:os-1223….local")
        super().__init__(stream, f"lidar {target}")
        self._host = target
        self._min_range = min_range
        self._timeout = timeout
        self._sensor: Any = None
        self._clock = DeviceClock()
        self.frame_id = frame_id

    def _open(self) -> None:
        try:
            core = importlib.import_module("ouster.sdk.core")
            sensor = importlib.import_module("ouster.sdk.sensor")
        except ImportError as error:
            raise MissingDependencyError(
                "an Ouster lidar needs ouster-sdk: pip install 'sensebind[ouster]', best into an "
                "environment of its own, as it pins versions of others"
            ) from error
        try:
            self._sensor = sensor.SensorFrameSetSource(self._host, config_timeout=self._timeout)
            # Not where the metadata say that it is mounted: what is near is found in the sensor's
            # own frame, and so is `frame_id`. `XYZLutFloat` would apply the mounting by default.
            self._project = core.XYZLutFloat(self._sensor.sensor_info[0], use_extrinsics=False)
        except (RuntimeError, ValueError, OSError, IndexError) as error:
            raise SourceError(
                f"cannot open the {self._device}: {one_line(error)}; check its address and network"
            ) from error
        self._heard = time.monotonic()
        self._missed = 0

    def _receive(self) -> None:
        _, frame = self._sensor.get_frame(_PATIENCE)
        if frame is None:
            if time.monotonic() - self._heard > self._timeout:
                self._mailbox.fail(SourceError(f"the {self._device} is silent: check its cable"))
            return
        self._heard = time.monotonic()
        self._lost += self._sensor.dropped_frames - self._missed
        self._missed = self._sensor.dropped_frames
        points, device = frame_points(frame, self._project, self._min_range)
        self._deliver(points, self._clock.stamp(device))

    def _close(self) -> None:
        if self._sensor is not None:
            self._sensor.close()
            self._sensor = None


def frame_points(frame: Any, project: Any, min_range: float) -> tuple[np.ndarray, float | None]:
    """Points of a turn, float32 [N, 3] metres, and when it ended by the sensor's clock, seconds.

    Args:
        frame: A `LidarFrame` of ouster-sdk.
        project: Its `XYZLutFloat` without extrinsics, for points in the sensor frame.
        min_range: Nearer points are left out, metres.
    """
    import numpy as np

    echo = frame.field("RANGE") > 1000 * min_range  # [H,W], millimetres
    points = np.ascontiguousarray(project(frame), np.float32).reshape(*echo.shape, 3)[echo]
    stamps = np.asarray(frame.timestamp)
    newest = int(stamps.max(initial=0))
    return points, newest / 1e9 if newest else None
