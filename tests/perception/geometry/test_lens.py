"""Lenses against OpenCV's, which ROS' calibration files are made with."""

import math
from dataclasses import replace

import cv2
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from sensebind.errors import ConfigurationError
from sensebind.perception.geometry.lens import Intrinsics

PLAIN = Intrinsics(520.0, 515.0, 318.0, 243.0, 640, 480)
BARREL = replace(PLAIN, distortion=(-0.32, 0.11, 0.0011, -0.0007, -0.018))
FOUR = replace(PLAIN, distortion=(-0.2, 0.0, 0.002, -0.001))
RATIONAL = replace(
    PLAIN, model="rational_polynomial", distortion=(0.9, 0.3, 1e-4, -2e-4, 0.01, 1.2, 0.5, 0.06)
)
FISHEYE = replace(
    PLAIN, fx=300.0, fy=300.0, model="equidistant", distortion=(0.05, -0.01, 3e-3, -1e-3)
)
LENSES = {"plain": PLAIN, "barrel": BARREL, "four": FOUR, "rational": RATIONAL, "fisheye": FISHEYE}


def matrix(lens: Intrinsics) -> np.ndarray:
    return np.array([[lens.fx, 0, lens.cx], [0, lens.fy, lens.cy], [0, 0, 1.0]])


def by_opencv(lens: Intrinsics, points: np.ndarray) -> np.ndarray:
    bent = np.array(lens.distortion or (0.0,) * 4)
    zero = np.zeros(3)
    if lens.model == "equidistant":
        pixels, _ = cv2.fisheye.projectPoints(points[:, None], zero, zero, matrix(lens), bent)
    else:
        pixels, _ = cv2.projectPoints(points, zero, zero, matrix(lens), bent)
    return pixels.reshape(-1, 2)


@pytest.mark.parametrize("name", LENSES)
def test_points_fall_where_opencv_projects_them(name: str) -> None:
    rng = np.random.default_rng(3)
    points = np.column_stack([rng.uniform(-0.6, 0.6, (200, 2)), rng.uniform(0.8, 3, 200)])
    points[0] = (0, 0, 1)
    lens = LENSES[name]
    np.testing.assert_allclose(lens.project(points), by_opencv(lens, points), atol=1e-6)


@pytest.mark.parametrize("name", LENSES)
def test_every_pixel_looks_where_it_is_projected_from(name: str) -> None:
    lens = LENSES[name]
    columns, rows = np.meshgrid(np.linspace(0, 639, 33), np.linspace(0, 479, 25))
    pixels = np.column_stack([columns.ravel(), rows.ravel()])
    rays = lens.rays(pixels)
    np.testing.assert_allclose(np.linalg.norm(rays, axis=1), 1.0)
    np.testing.assert_allclose(by_opencv(lens, rays), pixels, atol=1e-3)


def test_far_outside_of_its_validity_a_lens_gives_nothing() -> None:
    """A polynomial that turns around would bring what is far aside back into the image."""
    aside = np.array([[1.9, 0.0, 1.0], [0.3, 0.0, 1.0]])
    assert 0 < by_opencv(FOUR, aside)[0, 0] < 639
    pixels = FOUR.project(aside)
    assert np.isnan(pixels[0]).all() and np.isfinite(pixels[1]).all()
    assert np.isnan(FOUR.rays(np.array([[5000.0, 240.0]]))).all()
    # Along one row, what is farther aside falls farther aside, or nowhere.
    row = np.column_stack([np.linspace(0, 8, 400), np.zeros(400), np.ones(400)])
    columns = FOUR.project(row)[:, 0]
    assert (np.diff(columns[np.isfinite(columns)]) > 0).all()


def test_what_is_behind_a_camera_falls_nowhere_but_for_a_fisheye() -> None:
    behind = np.array([[0.1, 0.0, -1.0], [0.0, 0.0, -1.0], [0.0, 0.0, 0.0]])
    for lens in (PLAIN, BARREL, RATIONAL):
        assert np.isnan(lens.project(behind)).all()
    wide = np.array([[1.0, 0.0, -0.2]])  # at 101 degrees
    lens = replace(FISHEYE, distortion=())
    angle = math.atan2(1.0, -0.2)
    assert lens.project(wide)[0] == pytest.approx([lens.cx + 300 * angle, lens.cy])
    assert lens.rays(lens.project(wide)) == pytest.approx(wide / np.linalg.norm(wide))


@example(k=(0.0, 0.0, 2.2e-313), p=(0.0, 0.0), pixel=(0.0, 0.0))
@settings(max_examples=60, deadline=None)
@given(
    k=st.tuples(*[st.floats(-1, 1)] * 3),
    p=st.tuples(*[st.floats(-0.01, 0.01)] * 2),
    pixel=st.tuples(st.floats(-2000, 2000), st.floats(-2000, 2000)),
)
def test_whatever_the_coefficients_a_ray_leads_back_or_is_none(
    k: tuple[float, float, float], p: tuple[float, float], pixel: tuple[float, float]
) -> None:
    lens = replace(PLAIN, distortion=(k[0], k[1], *p, k[2]))
    ray = lens.rays(np.array([pixel]))
    if np.isfinite(ray).all():
        assert lens.project(ray)[0] == pytest.approx(pixel, abs=0.01)


def test_images_of_another_size_have_scaled_intrinsics() -> None:
    half = BARREL.resized(320, 240)
    points = np.array([[0.1, -0.2, 1.0], [-0.3, 0.1, 1.5]])
    # The middle of a pixel, (u + 0.5) / width of the image, stays where it is.
    np.testing.assert_allclose(
        (half.project(points) + 0.5) * 2, BARREL.project(points) + 0.5, atol=1e-9
    )
    assert BARREL.resized(640, 480) is BARREL
    with pytest.raises(ConfigurationError, match=r"640 x 480 .* 640 x 360, another aspect ratio"):
        BARREL.resized(640, 360)
    unsized = replace(PLAIN, width=0, height=0)
    assert unsized.resized(640, 480) == PLAIN
    with pytest.raises(ConfigurationError, match="outside of images of 320 x 240"):
        unsized.resized(320, 240)


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"fx": 0.0}, "never calibrated"),
        ({"cx": math.nan}, "not finite"),
        ({"cx": 900.0}, "outside of the image"),
        ({"distortion": (0.1, 0.2, 0.3)}, "plumb_bob has 0 or 4 or 5"),
        ({"height": 0}, "640 x 0"),
        ({"model": "thin_prism"}, "there are plumb_bob"),
    ],
)
def test_what_is_no_camera_is_refused(changed: dict[str, object], words: str) -> None:
    with pytest.raises(ConfigurationError, match=words):
        replace(PLAIN, **changed).check()  # type: ignore[arg-type]
    assert PLAIN.check() is PLAIN
