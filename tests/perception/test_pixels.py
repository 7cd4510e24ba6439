"""What holds for every picture: range, transparency, orientation."""

import logging

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from PIL import Image, ImageOps

from sensebind.errors import InputError
from sensebind.perception.pixels import on_ground, steady_range, to_uint8, upright

EIGHT = np.random.default_rng(0).integers(0, 256, (30, 40), np.uint8)


@pytest.mark.parametrize(
    ("deep", "declared"),
    [
        (EIGHT.astype(np.uint16) * 257, 65_535),  # the same brightness in 16 bits
        (EIGHT.astype(np.uint16) * 257, None),
        (np.rint(EIGHT * (4095 / 255)).astype(np.uint16), 4095),
        (EIGHT.astype(">u2") * 257, None),
        (EIGHT.astype(np.int32) * 257, None),
        (EIGHT.astype(np.uint32) * 257, None),
        (EIGHT.astype(np.uint32) * 16_843_009, 2**32 - 1),
        (np.rint(EIGHT * (32_767 / 255)).astype(np.int16), None),
        (EIGHT / 255, None),
        ((EIGHT / 255).astype(np.float16), None),
        (EIGHT.astype(np.float32), None),
        (EIGHT, None),
    ],
)
def test_a_picture_of_any_depth_equals_its_twin_of_8_bits(
    deep: np.ndarray, declared: float | None
) -> None:
    np.testing.assert_array_equal(to_uint8(deep, declared_max=declared), EIGHT)


def test_what_a_picture_holds_changes_nothing_unless_asked() -> None:
    dim = np.array([[100, 200], [300, 400]], np.uint16)
    assert to_uint8(dim).max() == 2
    assert to_uint8(dim, declared_max=400).tolist() == [[64, 128], [191, 255]]
    assert to_uint8(dim, range="auto").tolist() == [[0, 85], [170, 255]]
    assert to_uint8(np.array([True, False])).tolist() == [255, 0]
    assert to_uint8(np.array([300], np.uint16), declared_max=255).tolist() == [255]


def test_auto_ignores_what_is_not_finite() -> None:
    metres = np.array([[1.0, np.nan], [2.0, np.inf]])
    assert to_uint8(metres, range="auto").tolist() == [[0, 0], [255, 255]]


def test_one_warning_for_each_thing_of_unknown_range(caplog: pytest.LogCaptureFixture) -> None:
    for _ in range(3):
        to_uint8(EIGHT.astype(np.uint16), what="left camera")
    to_uint8(EIGHT.astype(np.uint16), declared_max=65_535, what="right camera")
    with caplog.at_level(logging.WARNING):
        to_uint8(EIGHT.astype(np.float32), what="third camera")
    assert [record.getMessage().split(" has ")[0] for record in caplog.records] == [
        "left camera",
        "third camera",
    ]
    assert "65,535" in caplog.records[0].getMessage()


@pytest.mark.parametrize(
    "samples",
    [
        np.array([[-1, 5]], np.int32),
        np.array([[70_000]], np.int32),
        np.array([[256.0]]),
        np.array([[np.nan]]),
        np.array([[1j]]),
        np.array([["x"]]),
    ],
)
def test_what_has_no_known_range_is_refused_in_one_line(samples: np.ndarray) -> None:
    with pytest.raises(InputError, match="the picture") as caught:
        to_uint8(samples)
    assert "\n" not in str(caught.value)


def test_dead_pixels_and_lines_do_not_count() -> None:
    scene = np.linspace(29_000, 31_000, 64 * 64).reshape(64, 64).astype(np.uint16)
    low, high = steady_range(scene)
    broken = scene.copy()
    broken[3, 3], broken[60, 60], broken[:, 20] = 0, 65_535, 0
    assert steady_range(broken) == pytest.approx((low, high), abs=70)
    scene[10:12, 10:13] = 40_000  # six pixels are a thing
    assert steady_range(scene)[1] == 40_000


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("shape", [(4, 6), (4, 6, 3)])
def test_orientations_are_those_of_exif(orientation: int, shape: tuple[int, ...]) -> None:
    stored = np.random.default_rng(1).integers(0, 256, shape, np.uint8)
    image = Image.fromarray(stored)
    exif = image.getexif()
    exif[0x0112] = orientation
    image.info["exif"] = exif.tobytes()
    np.testing.assert_array_equal(
        upright(stored, orientation), np.asarray(ImageOps.exif_transpose(image))
    )


def test_transparent_pixels_lie_on_white() -> None:
    rgba = np.array([[[10, 20, 30, 255], [10, 20, 30, 0], [0, 0, 0, 128]]], np.uint8)
    assert on_ground(rgba).tolist() == [[[10, 20, 30], [255, 255, 255], [127, 127, 127]]]
    assert on_ground(np.array([[[0, 0], [9, 255]]], np.uint8)).tolist() == [[[255] * 3, [9] * 3]]
    assert on_ground(EIGHT).shape == (30, 40, 3)
    with pytest.raises(InputError):
        on_ground(np.zeros((2, 2, 5), np.uint8))


@given(
    arrays.arrays(
        st.sampled_from([np.uint8, np.uint16, np.int16, np.int32, np.uint32, np.float32]),
        arrays.array_shapes(min_dims=2, max_dims=3, max_side=5),
    ),
    st.sampled_from(["declared", "auto"]),
    st.one_of(st.none(), st.floats(1, 2**32)),
)
def test_whatever_comes_is_scaled_or_refused(samples, range, declared) -> None:
    try:
        done = to_uint8(samples, range=range, declared_max=declared)
    except InputError:
        return
    assert done.dtype == np.uint8 and done.shape == samples.shape
