"""What a SimHome process is given when it starts."""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import TypeAdapter

from sensebind.perception.simhome.camera_setup import CameraSetup
from sensebind.perception.simhome.scene import Scene


@dataclass(frozen=True, slots=True)
class SimHomeOptions:
    """What a SimHome process serves, and where.

    Attributes:
        scene: The home, or the seed of one.
        camera_rate: Images per second.
        lidar_rate: Sweeps per second.
        lidar_columns: Directions per sweep, None for the sensor's own; fewer are faster.
        sensor_port: Port on 127.0.0.1 of the sensors; 0 takes a free one, here and below.
        robot_path: Socket file of the robot's commands, in a folder of its own, as who can open it
            moves the robot.
        house_port: Port of the house API.
        camera: Where its camera is; the robot's own place by default.
    """

    scene: Scene | int
    camera_rate: float = 10.0
    lidar_rate: float = 5.0
    lidar_columns: int | None = None
    sensor_port: int = 0
    robot_path: str = ""
    house_port: int = 0
    camera: CameraSetup | None = None


def dump_options(options: SimHomeOptions) -> bytes:
    """Writes options as one line of JSON."""
    return TypeAdapter(SimHomeOptions).dump_json(options) + b"\n"


def load_options(line: bytes) -> SimHomeOptions:
    """Reads what `dump_options` wrote.

    Raises:
        pydantic.ValidationError: It is something else.
    """
    return TypeAdapter(SimHomeOptions).validate_json(line)
