"""Which lidar points belong to the object in a box, and where its nearest surface is."""

import math

import numpy as np
import pytest

from sensebind.errors import ToolError
from sensebind.perception.geometry.lens import Intrinsics
from sensebind.perception.geometry.tree import Camera, Transform
from sensebind.perception.percept import Modality, Observation
from sensebind.tools.ranging import Position, Ranging

SIZE = 400
LENS = Intrinsics.pinhole(SIZE, SIZE, math.radians(80))
LIDAR = Transform.of((0.0, 0.0, 0.6))


def patch(x: float, y: tuple[float, float], z: tuple[float, float], count: int = 300) -> np.ndarray:
    """Points of a flat side that faces the robot."""
    rng = np.random.default_rng(7)
    return np.column_stack([np.full(count, x), rng.uniform(*y, count), rng.uniform(*z, count)])


WALL = np.concatenate([patch(4.5, (-4.0, 4.0), (0.05, 2.4), 6000), patch(4.5, (-4, 4), (0, 0.03))])


def located(camera: Camera, lidar: Transform, *parts: np.ndarray, of: int = 0) -> Position | None:
    """The place of one of some parts, whose box is drawn around it as the camera sees it."""
    points = lidar.inverse().apply(np.concatenate([*parts, WALL])).astype(np.float32)
    sweep = Observation(points, "lidar", Modality.POINT, 0, 0.0, 0, "lidar")
    seen = camera.project(parts[of], SIZE, SIZE)[:, :2] + 0.5
    box = (*seen.min(axis=0), *seen.max(axis=0))
    [found] = Ranging(lambda: sweep, camera, lidar).positions([box], SIZE, SIZE)  # type: ignore[list-item]
    return found


@pytest.mark.parametrize(
    ("camera", "lidar"),
    [
        (((0.1, 0.0, 0.7), (0.0, 0.15, 0.0)), ((0.0, 0.0, 0.6), (0.0, 0.0, 0.0))),
        (((0.1, -0.2, 0.9), (0.3, 0.2, 0.5)), ((0.1, 0.1, 0.5), (0.0, 0.0, 2.0))),
        (((0.0, 0.0, 1.2), (math.pi, 0.3, 0.2)), ((0.0, 0.1, 0.7), (math.pi, 0.1, 0.0))),
    ],
)
def test_a_place_does_not_depend_on_how_sensors_sit(
    camera: tuple[tuple[float, ...], ...], lidar: tuple[tuple[float, ...], ...]
) -> None:
    eye = Camera.mounted(LENS, Transform.of(*camera))
    box = np.concatenate([patch(2.0, (0.3, 0.7), (0.1, 0.6)), patch(2.2, (0.3, 0.7), (0.55, 0.6))])
    found = located(eye, Transform.of(*lidar), box)
    assert found is not None
    assert found.distance == pytest.approx(math.hypot(2.0, 0.3), abs=0.02)
    assert (found.ahead, found.left) == (
        pytest.approx(2.0, abs=0.02),
        pytest.approx(0.32, abs=0.05),
    )


EYE = Camera.mounted(LENS, Transform.of((0.1, 0.0, 0.8), (0.0, 0.2, 0.0)))


def test_thin_legs_before_an_object_belong_to_it() -> None:
    back = patch(2.0, (-0.2, 0.2), (0.4, 0.9))
    legs = np.concatenate([patch(1.6, (y - 0.02, y + 0.02), (0.08, 0.4), 10) for y in (-0.2, 0.2)])
    chair = np.concatenate([back, legs])
    found = located(EYE, LIDAR, chair)
    assert found is not None and found.distance == pytest.approx(math.hypot(1.6, 0.2), abs=0.03)


def test_what_stands_before_an_object_is_not_taken_for_it() -> None:
    big = patch(2.4, (-0.4, 0.4), (0.1, 1.0), 800)
    ball = patch(1.8, (-0.08, 0.08), (0.3, 0.5), 120)
    behind = located(EYE, LIDAR, big, ball)
    assert behind is not None and behind.ahead == pytest.approx(2.4, abs=0.03)
    before = located(EYE, LIDAR, big, ball, of=1)
    assert before is not None and before.ahead == pytest.approx(1.8, abs=0.03)


def test_images_that_do_not_fit_the_calibration_are_refused() -> None:
    sweep = Observation(WALL.astype(np.float32), "lidar", Modality.POINT, 0, 0.0, 0, "lidar")
    ranging = Ranging(lambda: sweep, EYE, LIDAR)
    with pytest.raises(ToolError, match="another aspect ratio"):
        ranging.positions([(0, 0, 9, 9)], 640, 480)
    assert ranging.positions([], 640, 480) == []


def test_an_empty_sweep_says_nothing() -> None:
    empty = Observation(np.zeros((0, 3), np.float32), "lidar", Modality.POINT, 0, 0.0, 0, "lidar")
    assert Ranging(lambda: empty, EYE, LIDAR).positions([(9, 9, 99, 99)], SIZE, SIZE) == [None]
