"""The robot's camera through OpenGL, where a machine has it: the same view with other shading.

MuJoCo chooses its OpenGL when it is imported, by the environment variable ``MUJOCO_GL`` (``egl``
or ``osmesa`` without a display).
"""

# MuJoCo's compiled names come without type stubs.
# pyright: reportAttributeAccessIssue=false

import math

import mujoco
import numpy as np

from sensebind.errors import MissingDependencyError
from sensebind.perception.simhome.camera_setup import (
    CAMERA_FORWARD,
    CAMERA_HEIGHT,
    CAMERA_TILT,
    FIELD_OF_VIEW,
    SIZE,
)
from sensebind.perception.simhome.world import World


class GLCamera:
    """The camera of `camera.Camera`, drawn by OpenGL.

    Args:
        world: What to look at.
        size: Width and height of the image in pixels.

    Raises:
        MissingDependencyError: If this machine has no OpenGL without a display.
    """

    def __init__(self, world: World, size: int = SIZE) -> None:
        self._world = world
        model = world.model
        model.vis.global_.fovy = math.degrees(FIELD_OF_VIEW)
        model.vis.map.znear = 0.01
        model.geom_rgba[model.body_geomadr[world.robot_body] :, 3] = 0.0  # it does not see itself
        try:
            self._renderer = mujoco.Renderer(model, size, size)
        except (mujoco.FatalError, RuntimeError, ImportError, AttributeError) as error:
            raise MissingDependencyError(
                f"no OpenGL here ({error}): install libegl1 and set MUJOCO_GL=egl, "
                "or use renderer='rays'"
            ) from error

    def look(self, robot: tuple[float, float, float], *, lamp: bool) -> np.ndarray:
        """Render what is in front of the robot: uint8 [size, size, 3] RGB.

        Args:
            robot: x, y in metres and heading in radians.
            lamp: Whether the people's lamp is on.
        """
        world = self._world
        model, light = world.model, world.scene.light
        model.geom_rgba[:, :3] = world.colors[:-1]
        level = light.level * (1.22 if lamp else 1.0) * np.array(light.tint)
        model.vis.headlight.ambient = level * light.ambient
        model.vis.headlight.diffuse = level * (1 - light.ambient)
        model.vis.headlight.specular = 0.05
        camera = mujoco.MjvCamera()
        camera.distance = 1.0
        camera.azimuth, camera.elevation = math.degrees(robot[2]), -math.degrees(CAMERA_TILT)
        flat = CAMERA_FORWARD + math.cos(CAMERA_TILT)
        camera.lookat = (
            robot[0] + flat * math.cos(robot[2]),
            robot[1] + flat * math.sin(robot[2]),
            CAMERA_HEIGHT - math.sin(CAMERA_TILT),
        )
        self._renderer.update_scene(world.data, camera=camera)
        return self._renderer.render()

    def close(self) -> None:
        """Give the OpenGL context back."""
        self._renderer.close()
