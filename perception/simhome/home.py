"""SimHome: one scene, a robot in it, and what the robot's sensors make of it."""

# MuJoCo's compiled names come without type stubs.
# pyright: reportAttributeAccessIssue=false

from __future__ import annotations

import mujoco
import numpy as np

from sensebind.errors import ConfigurationError, InputError, MissingDependencyError
from sensebind.perception.simhome.camera import Camera, View
from sensebind.perception.simhome.camera_setup import CameraSetup
from sensebind.perception.simhome.devices import DeviceState, device_thing
from sensebind.perception.simhome.gl_camera import GLCamera
from sensebind.perception.simhome.lidar import COLUMNS, Lidar
from sensebind.perception.simhome.microphone import Microphone
from sensebind.perception.simhome.robot import Robot
from sensebind.perception.simhome.sampling import sample_scene
from sensebind.perception.simhome.scene import Scene
from sensebind.perception.simhome.world import World


class SimHome:
    """A simulated home that can be seen, scanned, heard, driven through and switched.

    Time stands still until `step`. The same scene and the same calls give the same bytes: the
    camera's images are made of rays, which need no graphics driver and no display.

    Args:
        scene: What stands where, or the seed to sample it from.
        lidar_columns: Directions per turn of the lidar; fewer are faster.
        lamp: Whether the people's lamp is on at the beginning.
        camera: Where its camera is, and how large its images are; the robot's own by default.
        renderer: ``"rays"`` (what the shipped weights were trained on), ``"gl"`` for OpenGL or
            ``"auto"`` for OpenGL where this machine has it.

    Attributes:
        scene: What stands where.
        robot: Drives and turns.
        devices: The people's lamp, radio, fan, door and thermostat.
    """

    def __init__(
        self,
        scene: Scene | int,
        *,
        lidar_columns: int = COLUMNS,
        lamp: bool = False,
        camera: CameraSetup | None = None,
        renderer: str = "rays",
    ) -> None:
        self.scene = sample_scene(scene) if isinstance(scene, int) else scene
        if lidar_columns < 8:
            raise ConfigurationError(f"lidar_columns is {lidar_columns}: at least 8 are needed")
        if renderer not in ("rays", "gl", "auto"):
            raise ConfigurationError(f"unknown renderer {renderer!r}: rays, gl or auto")
        try:
            self._world = World(self.scene)
        except (ValueError, mujoco.FatalError) as error:
            raise InputError(f"scene {self.scene.seed} cannot be built: {error}") from error
        self._time = 0.0
        self.robot = Robot(self._world)
        self.devices = DeviceState.for_scene(self.scene, clock=lambda: self._time, lamp=lamp)
        self._camera = Camera(self._world, camera)
        if renderer == "gl" and camera is not None:
            raise ConfigurationError("a camera that was moved is rendered by rays: renderer='rays'")
        if camera is not None:
            renderer = "rays"
        self._gl = None if renderer == "rays" else _gl_camera(self._world, renderer == "gl")
        self._lidar = Lidar(self._world, lidar_columns)
        self._microphone = Microphone(self.scene, self.devices)
        self._device_at = {name: device_thing(self.scene, name) for name in ("lamp", "fan")}
        self._seen: tuple[tuple[object, ...], View] | None = None

    @property
    def time(self) -> float:
        """Seconds since the home began."""
        return self._time

    def step(self, seconds: float) -> None:
        """Let time pass.

        Raises:
            InputError: If `seconds` is negative.
        """
        if not seconds >= 0:
            raise InputError(f"time cannot step by {seconds} seconds: give 0 or more")
        self._time += seconds

    def close(self) -> None:
        """Give back what the home holds; it cannot be used afterwards."""
        self._seen = None
        if self._gl is not None:
            self._gl.close()
            self._gl = None

    def __enter__(self) -> SimHome:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def camera(self) -> np.ndarray:
        """What the robot sees: uint8 [224, 224, 3] RGB, or as the camera was set up."""
        if self._gl is not None:
            self._arrange()
            return self._gl.look(self.robot.pose, lamp=self.devices.lamp)
        return self.view().image

    def view(self) -> View:
        """What each pixel of the camera belongs to, by rays (for tests and training)."""
        self._arrange()
        lamp = self.devices.lamp
        key = (
            self.robot.pose,
            lamp,
            self.devices.door_open,
            self.devices.thermostat,
            (self._spinning(), self._time) if self._spinning() else None,
        )
        if self._seen is None or self._seen[0] != key:
            lamp_thing = self._device_at["lamp"]
            self._seen = (key, self._camera.look(self.robot.pose, lamp=lamp, lamp_thing=lamp_thing))
        return self._seen[1]

    def lidar(self) -> np.ndarray:
        """One turn of the lidar: float32 [N, 3] metres in the sensor's frame, z up."""
        self._arrange()
        return self._lidar.scan(self.robot.pose, self._time)

    def microphone(self, seconds: float = 2.0) -> np.ndarray:
        """The last `seconds` that the robot heard: float32 [16000 * seconds] within ±1."""
        return self._microphone.listen(self.robot.pose, self._time, seconds)

    def sound_levels(self, seconds: float = 2.0) -> list[tuple[str, float]]:
        """What sounded lately, for tests and training: (kind, dBFS), loudest first."""
        return self._microphone.levels(self.robot.pose, self._time, seconds)

    def _spinning(self) -> frozenset[int]:
        """The fans that turn now."""
        device = self._device_at["fan"]
        return frozenset(
            index
            for index, thing in enumerate(self.scene.things)
            if thing.kind == "fan" and (self.devices.fan if index == device else thing.sounding)
        )

    def _arrange(self) -> None:
        self._world.place(
            self.robot.pose,
            door_open=self.devices.door_open,
            spinning=self._spinning(),
            thermostat=float(self.devices.thermostat),
            time=self._time,
        )


def _gl_camera(world: World, required: bool) -> GLCamera | None:
    try:
        return GLCamera(world)
    except MissingDependencyError:
        if required:
            raise
        return None
