"""What a SimHome process is told when it starts."""

from __future__ import annotations

from dataclasses import dataclass

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
        robot_port: Port of the robot's commands.
        house_port: Port of the house API.
    """

    scene: Scene | int
    camera_rate: float = 10.0
    lidar_rate: float = 5.0
    lidar_columns: int | None = None
    sensor_port: int = 0
    robot_port: int = 0
    house_port: int = 0
