"""How the simulated camera is built, and where it sits."""

from __future__ import annotations

import math
from dataclasses import dataclass

from sensebind.errors import ConfigurationError

SIZE = 224
FIELD_OF_VIEW = math.radians(62)
CAMERA_HEIGHT = 0.62
CAMERA_FORWARD = 0.12  # in front of the robot's middle, metres
CAMERA_TILT = math.radians(9)  # looking down
_LARGEST = 4096  # pixels of an image's side
_HIGHEST = 2.0  # metres: below the ceiling


@dataclass(frozen=True, slots=True)
class CameraSetup:
    """Where the camera really is, which the renderer alone knows.

    What is located with its images goes by the mount in the robot's file, and this file computes
    rays with functions of its own: if both are right, places agree.

    Attributes:
        xyz: Metres in the robot's frame: x ahead, y left, z up, on the floor below its middle.
        rpy: Roll, pitch and yaw about the robot's axes, radians; x is the way it looks.
        size: Width and height of its images, pixels.
    """

    xyz: tuple[float, float, float] = (CAMERA_FORWARD, 0.0, CAMERA_HEIGHT)
    rpy: tuple[float, float, float] = (0.0, CAMERA_TILT, 0.0)
    size: int = SIZE

    def check(self) -> None:
        """Refuse what cannot be rendered.

        Raises:
            ConfigurationError: A number is out of range.
        """
        if not 8 <= self.size <= _LARGEST:
            raise ConfigurationError(f"images of {self.size} pixels: give 8 to {_LARGEST}")
        x, y, z = self.xyz
        if not (math.hypot(x, y) <= 1.0 and 0.01 <= z <= _HIGHEST):
            raise ConfigurationError(
                f"a camera at {list(self.xyz)}: give at most 1 m to any side, and a height of 0.01 "
                f"to {_HIGHEST:g} m"
            )
        if not all(map(math.isfinite, self.rpy)):
            raise ConfigurationError(f"a camera turned by {list(self.rpy)} radians")
