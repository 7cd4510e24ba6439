"""Frames, their poses in each other, and cameras in them."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from sensebind.errors import ConfigurationError
from sensebind.perception.geometry.lens import Intrinsics
from sensebind.perception.geometry.tree import OPTICAL, Camera, FrameTree, Transform

ANGLES = st.tuples(*[st.floats(-math.pi, math.pi)] * 3)
PLACES = st.tuples(*[st.floats(-5, 5)] * 3)
LENS = Intrinsics.pinhole(640, 480, math.pi / 2)


@given(rpy=ANGLES, xyz=PLACES)
def test_a_pose_is_that_of_urdf_and_of_tf(
    rpy: tuple[float, float, float], xyz: tuple[float, float, float]
) -> None:
    one = Transform.of(xyz, rpy)
    turn = Rotation.from_euler("xyz", rpy)  # about fixed axes, as URDF has them
    np.testing.assert_allclose(one.rotation, turn.as_matrix(), atol=1e-12)
    other = Transform.of_quaternion(xyz, turn.as_quat())
    np.testing.assert_allclose(other.rotation, one.rotation, atol=1e-9)
    again = Transform.of(xyz, one.rpy)
    np.testing.assert_allclose(again.rotation, one.rotation, atol=1e-6)
    there = one.apply([[1.0, 2.0, 3.0]])
    np.testing.assert_allclose(one.inverse().apply(there), [[1.0, 2.0, 3.0]], atol=1e-9)


def test_positive_pitch_looks_down_and_positive_yaw_to_the_left() -> None:
    down = Transform.of(rpy=(0, math.radians(30), 0)).apply([1.0, 0.0, 0.0])
    assert down == pytest.approx([math.cos(math.pi / 6), 0, -0.5])
    left = Transform.of(rpy=(0, 0, math.radians(30))).apply([1.0, 0.0, 0.0])
    assert left == pytest.approx([math.cos(math.pi / 6), 0.5, 0])


def test_the_optical_frame_looks_along_z() -> None:
    assert OPTICAL.apply([0.0, 0.0, 1.0]) == pytest.approx([1, 0, 0])  # ahead
    assert OPTICAL.apply([1.0, 0.0, 0.0]) == pytest.approx([0, -1, 0])  # to the right
    assert OPTICAL.apply([0.0, 1.0, 0.0]) == pytest.approx([0, 0, -1])  # down
    by_angles = Transform.of(rpy=(-math.pi / 2, 0, -math.pi / 2))  # as URDFs write that joint
    np.testing.assert_allclose(by_angles.rotation, OPTICAL.rotation, atol=1e-12)


def test_a_quaternion_that_is_none_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="unit length"):
        Transform.of_quaternion((0, 0, 0), (0, 0, 0, 0))
    with pytest.raises(ConfigurationError):
        Transform.of_quaternion((math.nan, 0, 0), (0, 0, 0, 1))


# --- trees ---------------------------------------------------------------------------------------


def test_poses_follow_the_chain_of_parents() -> None:
    tree = FrameTree(
        {
            "mast": ("base_link", Transform.of((0.1, 0, 0.5), (0, 0, math.pi / 2))),
            "head": ("mast", Transform.of((0.2, 0, 0.1))),
            "camera": ("head", Transform.of()),
            "depth": ("head", Transform.of()),  # two sensors at one place
        }
    )
    assert tree.pose("camera").translation == pytest.approx([0.1, 0.2, 0.6])
    assert tree.pose("base_link", "camera").translation == pytest.approx([-0.2, 0.1, -0.6])
    np.testing.assert_allclose(tree.pose("depth", "camera").rotation, np.eye(3), atol=1e-12)
    assert tree.floor == "base_link"


def test_places_are_given_on_the_floor_where_that_is_described() -> None:
    tree = FrameTree(
        {
            "base_link": ("base_footprint", Transform.of((0, 0, 0.2))),
            "lidar": ("base_link", Transform.of((0, 0, 0.3))),
        }
    )
    assert tree.floor == "base_footprint"
    assert tree.pose("lidar").translation == pytest.approx([0, 0, 0.5])
    below = FrameTree(  # some robots have it the other way round
        {
            "base_footprint": ("base_link", Transform.of((0, 0, -0.2))),
            "lidar": ("base_link", Transform.of((0, 0, 0.3))),
        }
    )
    assert below.pose("lidar").translation == pytest.approx([0, 0, 0.5])


def test_circles_and_unknown_parents_are_named() -> None:
    one = Transform.of()
    with pytest.raises(ConfigurationError, match=r"circle \(a -> b -> c -> a\)"):
        FrameTree({"a": ("b", one), "b": ("c", one), "c": ("a", one)})
    with pytest.raises(ConfigurationError, match="circle"):
        FrameTree({"camera": ("camera", one)})
    tree = FrameTree({"camera": ("mast", one)})
    with pytest.raises(ConfigurationError, match="'camera' hangs on 'mast', which nothing"):
        tree.pose("camera")
    with pytest.raises(ConfigurationError, match="'nowhere' hangs on 'nowhere'"):
        tree.pose("nowhere")
    with pytest.raises(ConfigurationError, match="give metres"):
        FrameTree({"camera": ("base_link", Transform.of((0, 0, 1200)))})


def test_optical_frames_are_known_by_their_names() -> None:
    body = Transform.of((0, 0, 1))
    tree = FrameTree({"eye": ("base_link", body), "eye_optical": ("eye", OPTICAL)})
    np.testing.assert_allclose(tree.optical("eye").rotation, OPTICAL.rotation)
    np.testing.assert_allclose(tree.optical("eye_optical").rotation, OPTICAL.rotation)
    # The header of an image names an optical frame, whatever that is called.
    np.testing.assert_allclose(tree.optical("eye", of_image=True).rotation, np.eye(3))


# --- cameras -------------------------------------------------------------------------------------


def test_a_tilted_camera_projects_as_it_looks() -> None:
    camera = Camera.mounted(LENS, Transform.of((0, 0, 0.5), (0, math.radians(45), 0)))
    pixels = camera.project(np.array([[0.5, 0, 0], [-0.5, 0, 1.0]]), 640, 480)
    assert pixels[0] == pytest.approx([319.5, 239.5, math.hypot(0.5, 0.5)])
    assert np.isnan(pixels[1]).all()


def test_an_upside_down_camera_swaps_the_sides() -> None:
    upright = Camera.mounted(LENS, Transform.of((0, 0, 1)))
    turned = Camera.mounted(LENS, Transform.of((0, 0, 1), (math.pi, 0, 0)))
    points = np.array([[2.0, 0.5, 1.3]])  # to the left and above: upper left
    column, row, _ = upright.project(points, 640, 480)[0]
    assert column < 319.5 and row < 239.5
    assert turned.project(points, 640, 480)[0] == pytest.approx([639 - column, 479 - row, 2.0])


def test_a_rolled_camera_turns_its_image() -> None:
    camera = Camera.mounted(LENS, Transform.of(rpy=(math.pi / 2, 0, 0)))  # its left side is up
    [[column, row, _]] = camera.project(np.array([[2.0, 0.0, 1.0]]), 640, 480)
    assert (column, row) == pytest.approx((319.5 - 160, 239.5))  # what is above appears to its left


@given(rpy=ANGLES, xyz=PLACES, pixel=st.tuples(st.floats(0, 639), st.floats(0, 479)))
def test_what_lies_along_a_pixels_ray_falls_on_it(
    rpy: tuple[float, float, float],
    xyz: tuple[float, float, float],
    pixel: tuple[float, float],
) -> None:
    camera = Camera.mounted(LENS, Transform.of(xyz, rpy))
    ray = camera.intrinsics.rays(np.array([pixel]))
    points = camera.pose.apply(3.0 * ray)
    assert camera.project(points, 640, 480)[0, :2] == pytest.approx(pixel, abs=1e-6)


@pytest.mark.parametrize(
    ("rpy", "seen", "unseen"),
    [
        ((0, 0.2, 0), (0.0, 0.6, -0.6), (1.2, math.pi)),
        ((0, 0.2, math.pi), (math.pi, -math.pi, 2.6), (0.0,)),
        ((math.pi, 0.2, 0.5), (0.5, 0.0), (math.pi, -1.0)),  # upside down, to the left
    ],
)
def test_a_camera_sees_the_way_that_it_looks(
    rpy: tuple[float, ...], seen: tuple[float, ...], unseen: tuple[float, ...]
) -> None:
    camera = Camera.mounted(LENS, Transform.of((0.1, 0, 0.6), rpy))
    assert all(camera.sees(direction) for direction in seen)
    assert not any(camera.sees(direction) for direction in unseen)


def test_a_camera_that_looks_at_the_ceiling_sees_no_way() -> None:
    camera = Camera.mounted(LENS, Transform.of((0, 0, 0.6), (0, -math.pi / 2, 0)))
    assert not any(camera.sees(angle) for angle in np.linspace(-math.pi, math.pi, 13))
