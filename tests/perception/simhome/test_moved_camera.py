"""SimHome's camera where it is put, and what the robot's file makes of its images.

The renderer computes its rays by itself, so places agree only if both are right.
"""

import math
from dataclasses import replace

import numpy as np
import pytest

from sensebind.errors import ConfigurationError
from sensebind.perception.geometry.lens import Intrinsics
from sensebind.perception.geometry.tree import Camera, Transform
from sensebind.perception.percept import Modality, Observation
from sensebind.perception.simhome.camera_setup import FIELD_OF_VIEW, CameraSetup
from sensebind.perception.simhome.home import SimHome
from sensebind.perception.simhome.lidar import LIDAR_HEIGHT
from sensebind.perception.simhome.options import SimHomeOptions, dump_options, load_options
from sensebind.perception.simhome.scene import Marker, Scene, Thing
from sensebind.tools.markers import MarkerReader
from sensebind.tools.ranging import Ranging

MOVED = ((0.05, -0.15, 0.8), tuple(map(math.radians, (15.0, 12.0, 30.0))))
HANGING = ((0.0, 0.1, 1.5), (math.pi, 0.35, 0.4))
POSES = pytest.mark.parametrize(("xyz", "rpy"), [MOVED, HANGING, ((0.1, 0, 0.6), (0, 0.1, -2.0))])


def camera_at(xyz: tuple[float, ...], rpy: tuple[float, ...], size: int) -> Camera:
    lens = Intrinsics.pinhole(size, size, FIELD_OF_VIEW)
    return Camera.mounted(lens, Transform.of(xyz, rpy))


@POSES
def test_every_pixel_shows_what_projects_there(
    xyz: tuple[float, ...], rpy: tuple[float, ...]
) -> None:
    scene = Scene(3, (Thing("car", "red", 1.5, 0.8, 0.4),), robot=(0.3, -0.4, 0.7))
    with SimHome(scene, camera=CameraSetup(xyz, rpy, 64)) as home:  # type: ignore[arg-type]
        hits = home.view().hits.reshape(-1, 3).astype(np.float64)
    x, y, heading = scene.robot
    robot = Transform.of((x, y, 0), (0, 0, heading)).inverse().apply(hits)
    pixels = camera_at(xyz, rpy, 64).project(robot, 64, 64)[:, :2]
    columns, rows = np.meshgrid(np.arange(64), np.arange(64))
    np.testing.assert_allclose(pixels, np.column_stack([columns.ravel(), rows.ravel()]), atol=1e-3)


@POSES
def test_a_marker_is_located_where_it_hangs(xyz: tuple[float, ...], rpy: tuple[float, ...]) -> None:
    camera = camera_at(xyz, rpy, 448)
    axis = camera.pose.rotation[:, 2]
    place = np.array(xyz) + 1.2 * axis / np.linalg.norm(axis[:2]) + [0, 0, 0.3]
    facing = math.atan2(-axis[1], -axis[0]) + 0.3
    x, y, z = (float(value) for value in place)
    sign = Marker(7, x, y, z, facing, 0.2)
    with SimHome(Scene(1, markers=(sign,)), camera=CameraSetup(xyz, rpy, 448)) as home:  # type: ignore[arg-type]
        [found] = MarkerReader(sizes={"aruco": 0.2}, camera=camera).read(home.camera())
    assert found.text == "7" and found.position is not None
    at = (found.position.ahead, found.position.left, found.position.up)
    assert np.linalg.norm(np.array(at) - place) < 0.03


def test_an_objects_nearest_surface_is_located() -> None:
    """A few of the places of benchmarks/places.py, by the boxes of what is really there."""
    xyz, rpy = MOVED
    camera, lidar = camera_at(xyz, rpy, 224), Transform.of((0, 0, LIDAR_HEIGHT))
    for away, turn in ((0.9, 0.5), (1.6, 0.35), (2.4, 0.7)):
        ball = Thing("ball", "red", away * math.cos(turn), away * math.sin(turn), 0.0)
        with SimHome(Scene(5, (ball,)), camera=CameraSetup(xyz, rpy)) as home:  # type: ignore[arg-type]
            rows, columns = np.nonzero(home.view().owners == 0)
            sweep = Observation(home.lidar(), "lidar", Modality.POINT, 0, 0.0, 0, "lidar")
        box = (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)
        [found] = Ranging(lambda: sweep, camera, lidar).positions([box], 224, 224)  # noqa: B023
        assert found is not None
        assert found.distance == pytest.approx(away - 0.3, abs=0.03)
        assert math.atan2(found.left, found.ahead) == pytest.approx(turn, abs=0.05)


def test_a_wrong_mount_gives_wrong_places() -> None:
    """What is measured does not know where the camera really is."""
    xyz, rpy = MOVED
    place = (0.9, 1.1, 0.6)  # near the edge of the image
    sign = Marker(3, *place, math.atan2(-place[1], -place[0]), 0.2)
    with SimHome(Scene(1, markers=(sign,)), camera=CameraSetup(xyz, rpy, 448)) as home:  # type: ignore[arg-type]
        image = home.camera()
    straight = camera_at(xyz, (0.0, *rpy[1:]), 448)  # nobody noticed the roll
    [found] = MarkerReader(sizes={"aruco": 0.2}, camera=straight).read(image)
    assert found.position is not None
    off = np.array([found.position.ahead, found.position.left, found.position.up]) - place
    assert np.linalg.norm(off) > 0.1


def test_a_camera_that_cannot_be_there_is_refused() -> None:
    for setup, words in (
        (CameraSetup(size=4), "images of 4 pixels"),
        (CameraSetup(xyz=(0, 0, 5.0)), "a camera at"),
        (CameraSetup(rpy=(math.nan, 0, 0)), "turned by"),
    ):
        with pytest.raises(ConfigurationError, match=words):
            SimHome(Scene(1), camera=setup)
    with pytest.raises(ConfigurationError, match="rendered by rays"):
        SimHome(Scene(1), camera=CameraSetup(), renderer="gl")


def test_its_place_reaches_the_process() -> None:
    options = SimHomeOptions(7, camera=CameraSetup(*MOVED))  # type: ignore[arg-type]
    assert load_options(dump_options(options)) == options
    signs = replace(Scene(1), markers=(Marker(1, 1.0, 0.0, 0.5, 3.0),))
    assert load_options(dump_options(SimHomeOptions(signs))).scene == signs
