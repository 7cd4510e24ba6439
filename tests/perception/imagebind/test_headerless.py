"""Clouds without a header: read right, or refused, and never with a wrong row length."""

from collections.abc import Iterator

import numpy as np
import pytest

from sensebind.errors import ConfigurationError
from sensebind.perception.imagebind.preprocess.headerless import (
    LAYOUTS,
    Layout,
    parse_columns,
    recognized,
)

SEVEN = [layout for layout in LAYOUTS if str(layout) != "x y z intensity ring time float64"]


def sweep(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """A turn of a lidar in a street: points ring by ring, or firing by firing."""
    rings, steps = int(rng.choice([16, 32])), int(rng.integers(60, 120))
    up = np.radians(np.linspace(-25, 10, rings))
    if rng.random() < 0.3:
        up = np.radians(np.ravel([np.arange(-15, 1, 2), np.arange(1, 17, 2)], "F"))  # VLP-16
    around = np.linspace(-np.pi, np.pi, steps, endpoint=False)
    height, angle = np.meshgrid(up, around, indexing="ij")
    walls = 5 + 30 * rng.random() + 10 * np.abs(np.sin(around * rng.integers(1, 5)))
    floor = np.where(height < -0.01, 1.7 / np.sin(np.maximum(-height, 0.01)), 120)
    far = np.minimum(floor, walls / np.cos(height)) + rng.normal(0, 0.02, height.shape)
    points = np.stack(
        [np.cos(height) * np.cos(angle), np.cos(height) * np.sin(angle), np.sin(height)], -1
    )
    points = points * far[..., None]
    ring = np.broadcast_to(np.arange(len(up))[:, None], far.shape)
    if rng.random() < 0.5:
        points, ring = points.transpose(1, 0, 2), ring.T
    keep = rng.random(far.size) >= rng.choice([0, 0.05])
    return points.reshape(-1, 3)[keep], ring.reshape(-1)[keep]


def room(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """A box on a floor that is exactly flat, points in no order."""
    count = 12 * int(rng.integers(60, 300))
    floor = np.c_[rng.uniform(-5, 5, (count, 2)), np.full(count, -0.6)]
    box = rng.uniform([1.9, -0.2, -0.55], [2.1, 0.2, 0.1], (count // 12, 3))
    return np.r_[floor, box], np.arange(count + count // 12) % 32


def model(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """An object of half a metre or a few."""
    count = int(rng.integers(200, 3000))
    return rng.normal(size=(count, 3)) * rng.uniform(0.2, 1.5, 3), rng.integers(0, 16, count)


def rows(layout: Layout, rng: np.random.Generator) -> np.ndarray:
    """A cloud as the layout has it."""
    points, ring = (sweep, room, model)[int(rng.integers(3))](rng)
    intensity = [
        rng.random(len(points)), rng.uniform(0, 255, len(points)),
        rng.integers(0, 256, len(points)), np.zeros(len(points)),
    ][int(rng.integers(4))]  # fmt: skip
    extra = [intensity, ring, np.sort(rng.uniform(0, 0.1, len(points)))]
    found = np.column_stack([points, *extra[: len(layout.columns) - 3]])
    return found.astype("<f4" if layout.type == "float32" else "<f8")


def outcomes(layout: Layout, count: int) -> Iterator[Layout | None]:
    """What each of `count` clouds is taken for; None where it is refused."""
    for seed in range(count):
        data = rows(layout, np.random.default_rng(seed)).tobytes()
        try:
            yield recognized(data)
        except ValueError as error:
            assert "columns: " in str(error)
            yield None


@pytest.mark.parametrize("layout", SEVEN, ids=str)
def test_clouds_are_read_right_or_refused(layout: Layout) -> None:
    found = list(outcomes(layout, 12))
    assert set(found) <= {layout, None}
    assert found.count(None) <= 2


@pytest.mark.extended
@pytest.mark.parametrize("layout", SEVEN, ids=str)
def test_a_hundred_clouds_are_read_right_or_refused(layout: Layout) -> None:
    found = list(outcomes(layout, 100))
    assert set(found) <= {layout, None}
    assert found.count(None) <= 20


def unusual(rng: np.random.Generator, kind: str) -> bytes:
    points, ring = (sweep, room, model)[int(rng.integers(3))](rng)
    count = len(points)
    match kind:
        case "normals and colours":
            more = [rng.normal(size=(count, 3)), rng.integers(0, 256, (count, 3))]
        case "seven":
            more = [rng.random((count, 2)), ring, np.zeros(count)]
        case "eight":
            more = [rng.random(count), ring, rng.random(count), rng.integers(0, 999, (count, 2))]
        case "ten":
            more = [rng.random(count), ring, rng.random((count, 5))]
        case "millimetres":
            return (1000 * points).astype("<i4").tobytes()
        case "shorts":
            return (100 * points).astype("<i2").tobytes()
        case "big-endian":
            return points.astype(">f4").tobytes()
        case _:
            return "\n".join(" ".join(map(str, point)) for point in points.round(2)).encode()
    return np.column_stack([points, *more]).astype("<f4").tobytes()


@pytest.mark.parametrize(
    "kind",
    ["normals and colours", "seven", "eight", "ten", "millimetres", "shorts", "big-endian", "text"],
)
def test_rows_of_another_length_or_type_are_refused(kind: str) -> None:
    for seed in range(6):
        with pytest.raises(ValueError, match="fit no known layout"):
            recognized(unusual(np.random.default_rng(seed), kind))


def test_normals_are_six_numbers() -> None:
    rng = np.random.default_rng(0)
    normals = rng.normal(size=(600, 3))
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    both = np.column_stack([rng.normal(size=(600, 3)), normals]).astype("<f4")
    assert len(recognized(both.tobytes()).columns) == 6


def test_where_two_layouts_fit_both_are_named() -> None:
    cube = np.random.default_rng(0).uniform(0, 5, (1200, 3)).astype("<f4")
    with pytest.raises(ValueError, match=r"any of: x y z; x y z intensity;.*columns: "):
        recognized(cube.tobytes())


def test_columns_as_given() -> None:
    layout = parse_columns("ring, Z y x float64")
    assert layout == Layout(("ring", "z", "y", "x"), "float64") and layout.row_bytes == 32
    assert layout.read(np.arange(4, dtype="<f8").tobytes()).tolist() == [[3, 2, 1, 0]]
    assert parse_columns(["x", "y", "z", "_", "_"]).row_bytes == 20
    assert parse_columns(str(layout)) == layout
    with pytest.raises(ValueError, match="not a multiple of a row of 32 bytes"):
        layout.read(bytes(33))
    with pytest.raises(ConfigurationError, match="with x, y and z"):
        parse_columns("x y intensity")
