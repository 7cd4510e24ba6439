"""Topics of a running ROS 2, where its Python client is installed."""

from __future__ import annotations

import time
from functools import cached_property
from typing import TYPE_CHECKING, Any

from sensebind.errors import ConfigurationError, InputError, MissingDependencyError, SourceError
from sensebind.perception.modality import Modality
from sensebind.perception.sources.base import Device
from sensebind.perception.sources.device_clock import DeviceClock
from sensebind.perception.sources.live_source import LiveSource
from sensebind.perception.sources.returns import checked_range
from sensebind.perception.sources.ros_kinds import Reading, modality_of, type_name

if TYPE_CHECKING:
    from sensebind.perception.pixels import Range

_PATIENCE = 0.1
_DISCOVERY_SECONDS = 1.0


class RosTopic(LiveSource):
    """A topic of PointCloud2, LaserScan, Image or CompressedImage, read as sensor data.

    Run it where ROS 2 is set up (`source /opt/ros/…/setup.bash`), as rclpy comes with ROS and not
    from PyPI.

    Args:
        target: The topic, such as "/camera/image_raw".
        stream: Name of the stream.
        type: Of its messages, such as "sensor_msgs/msg/Image".
        timeout: A topic silent for so many seconds is reported as gone.
        depth: Whether images are depth: 16UC1 in millimetres, 32FC1 in metres.
        range: How images of more than 8 bits become brightness: declared (by their encoding), or
            auto (each by what it holds).
        min_range: Points nearer than that are left out (the robot itself), metres.

    Raises:
        ConfigurationError: Messages of that type cannot be perceived, or are sound; or a range
            makes no sense.
    """

    def __init__(
        self,
        target: str,
        stream: str,
        type: str,
        timeout: float = 1.0,
        depth: bool = False,
        range: Range = "declared",
        min_range: float = 0.0,
    ) -> None:
        super().__init__(stream, f"ROS topic {target}")
        self._topic = target
        self._type = type_name(type)
        self._timeout = timeout
        self._clock = DeviceClock()
        self._node: Any = None
        if range not in ("declared", "auto"):
            raise ConfigurationError(f"{stream}: range {range!r}; give declared or auto")
        self._reading = Reading(depth, range, checked_range(stream, min_range))
        if self.modality is Modality.AUDIO:
            raise ConfigurationError(f"{stream}: sound of ROS is read from bags only")

    @cached_property
    def modality(self) -> Modality:  # type: ignore[override]
        """What kind of samples it gives."""
        found = modality_of(self._type, self._reading.depth)
        if found is None:
            raise ConfigurationError(f"{self._stream}: {self._type} cannot be perceived")
        return found

    @classmethod
    def find(cls) -> list[Device]:
        """List the topics of the running ROS 2 that can be perceived.

        Raises:
            MissingDependencyError: rclpy is not installed.
        """
        rclpy = _rclpy()
        context = rclpy.Context()
        rclpy.init(context=context)
        try:
            node = rclpy.create_node("sensebind_find", context=context)
            time.sleep(_DISCOVERY_SECONDS)
            topics = node.get_topic_names_and_types()
            node.destroy_node()
        finally:
            rclpy.shutdown(context=context)
        return [
            Device(f"ros:{topic}", topic, types[0])
            for topic, types in topics
            if modality_of(types[0]) is not None
        ]

    def _open(self) -> None:
        rclpy = _rclpy()
        from rclpy.executors import SingleThreadedExecutor  # type: ignore[import-not-found]
        from rclpy.qos import qos_profile_sensor_data  # type: ignore[import-not-found]
        from rosidl_runtime_py.utilities import get_message  # type: ignore[import-not-found]

        try:
            kind = get_message(self._type)
        except (AttributeError, ModuleNotFoundError, ValueError) as error:
            raise SourceError(f"ROS does not know {self._type}: {error}") from error
        self._context = rclpy.Context()
        rclpy.init(context=self._context)
        name = f"sensebind_{self._stream}".replace("-", "_").replace(".", "_")
        self._node = rclpy.create_node(name, context=self._context)
        self._node.create_subscription(kind, self._topic, self._hear, qos_profile_sensor_data)
        self._executor = SingleThreadedExecutor(context=self._context)
        self._executor.add_node(self._node)
        self._heard = time.monotonic()
        self._silent = f"the {self._device} is silent: is its node running?"
        self._complaint = self._silent

    def _receive(self) -> None:
        self._executor.spin_once(timeout_sec=_PATIENCE)
        if time.monotonic() - self._heard > self._timeout:
            self._mailbox.fail(SourceError(self._complaint))

    def _hear(self, message: Any) -> None:
        import numpy as np

        from sensebind.perception.sources.ros_messages import sample

        try:
            found = sample(message, self._type, self._reading)
        except InputError as error:
            self._refused += 1
            self._complaint = f"the {self._device} sends what cannot be read: {error}"
            return
        self._heard, self._complaint = time.monotonic(), self._silent
        self.frame_id = found.frame_id
        device = None if found.captured_at is None else found.captured_at / 1e9
        self._deliver(np.ascontiguousarray(found.data), self._clock.stamp(device))

    def _close(self) -> None:
        if self._node is not None:
            self._executor.shutdown()
            self._node.destroy_node()
            self._context.shutdown()
            self._node = None


def _rclpy() -> Any:
    try:
        import rclpy  # type: ignore[import-not-found]
    except ImportError as error:
        raise MissingDependencyError(
            "topics of ROS 2 need rclpy, which comes with ROS: source its setup.bash first; "
            "bags need no ROS (bag:FILE)"
        ) from error
    return rclpy
