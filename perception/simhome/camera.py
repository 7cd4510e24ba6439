"""The robot's camera: an image from rays, the same wherever it runs.

No OpenGL and no display is needed. The light is simple: ambient and one direction, a little from
the camera's own side so that shapes stay readable, soft shadows under things, the lamp's glow.
Colours are those of the catalog times the light, without a gamma curve.
"""

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy.spatial.transform import Rotation

from sensebind.perception.simhome.camera_setup import FIELD_OF_VIEW, CameraSetup
from sensebind.perception.simhome.markers import MarkerPainter
from sensebind.perception.simhome.world import FLOOR, World

_BOARD_TONES = 97


@dataclass(frozen=True, slots=True)
class View:
    """One look of the camera.

    Attributes:
        image: uint8 [H, W, 3] RGB.
        owners: int16 [H, W], index of the thing seen in each pixel, -1 where there is none.
        hits: float32 [H, W, 3], where the ray of each pixel ends, metres in the room's frame.
    """

    image: np.ndarray
    owners: np.ndarray
    hits: np.ndarray


class Camera:
    """A pinhole camera on the robot, in front of its tower unless it is set up otherwise.

    Args:
        world: What to look at.
        setup: Where it is, and how large its images are.

    Raises:
        ConfigurationError: It cannot be rendered from there.
    """

    def __init__(self, world: World, setup: CameraSetup | None = None) -> None:
        self._world = world
        self._setup = setup or CameraSetup()
        self._setup.check()
        self._size = self._setup.size
        self._markers = [MarkerPainter(one) for one in world.scene.markers]
        rng = np.random.default_rng([world.scene.seed, 0xB0A2D])
        self._tones = rng.uniform(0.90, 1.06, _BOARD_TONES).astype(np.float32)

    def look(
        self, robot: tuple[float, float, float], *, lamp: bool, lamp_thing: int | None
    ) -> View:
        """Render what the camera sees.

        Args:
            robot: x, y in metres and heading in radians.
            lamp: Whether the people's lamp is on: everything is brighter.
            lamp_thing: Which thing is that lamp; it shines and lights what is near it.
        """
        world, scene = self._world, self._world.scene
        x, y, height = self._setup.xyz
        cos, sin = math.cos(robot[2]), math.sin(robot[2])
        origin = np.array([robot[0] + x * cos - y * sin, robot[1] + x * sin + y * cos, height])
        rays = _turned(_camera_rays(self._size, self._setup.rpy), robot[2])
        distance, geom, normal = world.cast(origin, rays, normals=True)
        assert normal is not None
        ray = rays.astype(np.float32)  # [N, 3]
        normal = normal.astype(np.float32)
        hit = origin.astype(np.float32) + distance.astype(np.float32)[:, None] * ray
        owners = world.owners[geom]
        color = world.colors[geom]  # a copy: [N, 3]; -1 takes the row for nothing
        self._paint_floor(color, geom, hit)

        light = scene.light
        facing = np.abs(np.einsum("ij,ij->i", normal, ray))
        lambert = np.maximum(normal @ np.array(light.direction, np.float32), 0)
        shade = light.ambient + (1 - light.ambient) * (0.72 * lambert + 0.28 * facing)
        shade *= light.level * (1.22 if lamp else 1.0)
        if lamp and lamp_thing is not None:
            thing = scene.things[lamp_thing]
            to_lamp = hit - np.array([thing.x, thing.y, 0.8 * thing.scale], np.float32)
            shade += 0.30 / (1.0 + 2.0 * np.einsum("ij,ij->i", to_lamp, to_lamp))
            shade[world.glowing[geom] & (owners == lamp_thing)] = 1.25
        color *= shade[:, None] * np.array(light.tint, np.float32)
        # A faint sheen along the edges of things: even black ones show their form.
        sheen = np.where(owners >= 0, 0.14 * (1 - facing) ** 2, 0).astype(np.float32)
        color += sheen[:, None]
        for marker in self._markers:
            marker.paint(color, origin, rays, distance, light.level, self._size)
        image = (np.clip(color, 0, 1) * 255 + 0.5).astype(np.uint8)
        shape = (self._size, self._size)
        return View(image.reshape(*shape, 3), owners.reshape(shape), hit.reshape(*shape, 3))

    def _paint_floor(self, color: np.ndarray, geom: np.ndarray, hit: np.ndarray) -> None:
        """Floor boards, and a soft shadow under every thing; changes `color` in place."""
        scene = self._world.scene
        index = np.flatnonzero(geom == FLOOR)
        if not index.size:
            return
        at = hit[index, :2]
        surfaces = scene.surfaces
        across, along = (1, 0) if surfaces.boards_along_x else (0, 1)
        board = np.floor(at[:, across] / surfaces.board_width).astype(np.int64)
        piece = np.floor(at[:, along] / 1.3 + 0.37 * board).astype(np.int64)
        tone = self._tones[(board * 31 + piece * 17) % _BOARD_TONES]
        for thing in scene.things:
            away = at - np.array([thing.x, thing.y], np.float32)
            spread = np.float32(0.8 * thing.radius)
            tone *= 1 - 0.42 * np.exp(-np.einsum("ij,ij->i", away, away) / (spread * spread))
        color[index] *= tone[:, None]


@lru_cache(maxsize=4)
def _camera_rays(size: int, rpy: tuple[float, float, float]) -> np.ndarray:
    """Unit vectors through the pixels' middles, row by row, in the robot's frame: [size², 3]."""
    edge = math.tan(FIELD_OF_VIEW / 2)
    step = (np.arange(size) + 0.5) * (2 * edge / size) - edge
    left, up = np.meshgrid(-step, -step)  # columns go to the right, rows down
    ahead = np.stack([np.ones_like(up), left, up], axis=-1).reshape(-1, 3)
    rays = Rotation.from_euler("xyz", rpy).apply(ahead)
    rays /= np.linalg.norm(rays, axis=1, keepdims=True)
    rays.setflags(write=False)
    return rays


def _turned(rays: np.ndarray, heading: float) -> np.ndarray:
    """Rays [N, 3] turned about the vertical axis."""
    cos, sin = math.cos(heading), math.sin(heading)
    return rays @ np.array([[cos, sin, 0], [-sin, cos, 0], [0, 0, 1]])
