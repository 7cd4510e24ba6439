"""Clouds without a header: read right, or refused, and never with a wrong row length."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from sensebind.errors import ConfigurationError
from sensebind.perception.imagebind.preprocess.headerless import (
    LAYOUTS,
    Layout,
    Recognizer,
    parse_columns,
    recognized,
)

BENCHMARK = Path(__file__).parents[3] / "benchmarks" / "headerless.py"


@pytest.fixture(scope="module")
def clouds() -> ModuleType:
    """The benchmark, which makes the clouds."""
    spec = importlib.util.spec_from_file_location("headerless_benchmark", BENCHMARK)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.path.insert(0, str(BENCHMARK.parent))  # where its own imports are
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("layout", LAYOUTS, ids=str)
def test_clouds_are_read_right_or_refused(clouds: ModuleType, layout: Layout) -> None:
    found = list(clouds.outcomes(layout, 12))
    assert set(found) <= {layout, None}
    assert found.count(None) <= 2


@pytest.mark.extended
@pytest.mark.parametrize("layout", LAYOUTS, ids=str)
def test_a_hundred_clouds_are_read_right_or_refused(clouds: ModuleType, layout: Layout) -> None:
    found = list(clouds.outcomes(layout, 100))
    assert set(found) <= {layout, None}
    assert found.count(None) <= 20


def unusual(clouds: ModuleType, rng: np.random.Generator, kind: str) -> bytes:
    points, ring = (clouds.sweep, clouds.room, clouds.model)[int(rng.integers(3))](rng)
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
def test_rows_of_another_length_or_type_are_refused(clouds: ModuleType, kind: str) -> None:
    for seed in range(6):
        with pytest.raises(ValueError, match="fit no known layout"):
            recognized(unusual(clouds, np.random.default_rng(seed), kind))


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


@pytest.mark.parametrize("layout", LAYOUTS, ids=str)
def test_a_folder_of_files_is_recognized_as_each_file_is(
    clouds: ModuleType, layout: Layout
) -> None:
    """Also where files of another layout come in between."""
    recognizer = Recognizer()
    for seed in range(16):
        written = LAYOUTS[seed % len(LAYOUTS)] if seed % 4 == 3 else layout
        data = clouds.rows(written, np.random.default_rng(seed)).tobytes()
        try:
            found = recognizer.recognized(data)
        except ValueError:
            with pytest.raises(ValueError):
                recognized(data)
        else:
            assert found == written


@pytest.mark.parametrize("kind", ["normals and colours", "seven", "eight", "ten", "millimetres"])
def test_what_is_refused_alone_is_refused_in_a_folder(clouds: ModuleType, kind: str) -> None:
    for seed, layout in enumerate(LAYOUTS):
        recognizer = Recognizer()
        rng = np.random.default_rng(seed + 1)
        recognizer.recognized(clouds.rows(layout, rng).tobytes())
        with pytest.raises(ValueError, match="fit no known layout"):
            recognizer.recognized(unusual(clouds, rng, kind))
