"""Readers of point cloud files: .npy .ply .pcd .bin .xyz .pts .txt .obj .pt."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from pickle import UnpicklingError  # the name alone: what torch raises; no pickle is run
from tokenize import TokenError

import numpy as np
import torch

from sensebind.errors import ConfigurationError, InputError, one_line
from sensebind.perception.imagebind.preprocess.files import checked
from sensebind.perception.imagebind.preprocess.headerless import (
    Recognizer,
    parse_columns,
    recognized,
)
from sensebind.perception.imagebind.preprocess.pcd import parse_pcd
from sensebind.perception.imagebind.preprocess.ply import parse_ply
from sensebind.perception.imagebind.preprocess.rows import (
    axes_of,
    parse_obj,
    parse_rows,
    xyz_of,
)

log = logging.getLogger(__name__)

MAX_BYTES = 256 << 20  # some 20 million points; as text they grow tenfold in memory
MAX_COLUMNS = 128  # of a point; [3, N] and [4, N], as some toolkits have it, would be a few points


def read_points(
    path: str | Path,
    *,
    columns: str | Sequence[str] = "",
    recognizer: Recognizer | None = None,
    keep_nan: bool = False,
) -> np.ndarray:
    """Reads a cloud; the format follows from the ending.

    Scanners mark beams without a return as NaN, or as several points at exactly (0, 0, 0): these
    are left out. A single point there may be a vertex of a model, and stays.

    Args:
        path: The file.
        columns: What a row of a .bin holds, such as "x y z intensity ring", with "float64" where
            numbers are doubles; by default it is recognized where only one layout is possible.
        recognizer: What has seen the files of the same folder before; saves time with .bin.
        keep_nan: Whether the cloud is a model, in which NaN is damage, and stays. Only in an
            organized .pcd, where a beam without a return has to keep its place, points of three
            NaN are left out all the same. How many points are left out of a model is logged; a
            sweep of a lidar has such beams always.

    Returns:
        [N,3 or more] numbers in the file's own units, x y z first.

    Raises:
        InputError: Missing, empty, huge, damaged, of another format, or a .bin whose layout cannot
            be known.
        ConfigurationError: The columns have no x, y or z, or the file is not a .bin.
    """
    layout = parse_columns(columns) if columns else None
    organized = False
    file = checked(path, "point cloud", MAX_BYTES)
    ending = file.suffix.lower()
    if layout is not None and ending != ".bin":
        raise ConfigurationError(f"columns are for .bin, which has no header; {file} has one")
    try:
        if ending == ".bin":
            data = file.read_bytes()
            recognize = recognizer.recognized if recognizer else recognized
            points = (layout or recognize(data)).read(data)
        elif ending == ".pcd":
            pcd = parse_pcd(file.read_bytes())
            points, organized = pcd.xyz, pcd.organized
        elif ending in _READERS:
            points = np.asarray(_READERS[ending](file))
        else:
            raise InputError(f"point cloud {file}: formats are {' '.join(ENDINGS)}")
    except (
        ValueError,
        TypeError,
        KeyError,
        IndexError,
        OSError,
        EOFError,
        RuntimeError,
        MemoryError,
        OverflowError,
        SyntaxError,
        TokenError,
        UnpicklingError,
    ) as error:
        raise InputError(f"point cloud {file} cannot be read: {one_line(error)}") from error
    if points.ndim != 2 or points.shape[1] < 3:
        raise InputError(f"point cloud {file} holds {list(points.shape)}, not [N,3]")
    if points.shape[1] > MAX_COLUMNS:
        raise InputError(
            f"point cloud {file} holds {list(points.shape)}: a row is a point; transpose it"
        )
    if points.dtype.kind not in "fiu":
        raise InputError(f"point cloud {file} holds {points.dtype}, not numbers")
    count = len(points)
    if keep_nan and organized:
        points = points[~np.isnan(points[:, :3]).all(axis=1)]
    elif not keep_nan and not _finite(points):
        points = points[np.isfinite(points[:, :3]).all(axis=1)]
    points = _off_origin(points)
    if keep_nan and 0 < len(points) < count:
        log.warning(
            "point cloud %s: %d of %d points left out, as they are no returns: NaN or (0, 0, 0)",
            file,
            count - len(points),
            count,
        )
    if len(points) == 0:
        why = f": none of its {count} points is a return (NaN, or 0, 0, 0)" if count else ""
        raise InputError(f"point cloud {file} holds no point{why}")
    return points


def _off_origin(points: np.ndarray) -> np.ndarray:
    """Points without those at exactly (0, 0, 0), if there are several of them."""
    x = np.ascontiguousarray(points[:, 0])  # a column is slow to compare
    if np.count_nonzero(x == 0) < 2:  # of most clouds no more need be looked at
        return points
    origin = (points[:, :3] == 0).all(axis=1)
    return points[~origin] if np.count_nonzero(origin) > 1 else points


def _finite(points: np.ndarray) -> bool:
    """Whether all numbers certainly are: their squares' sum is the cheapest way to see it."""
    if points.dtype.kind != "f":
        return True
    every = points.reshape(-1)
    with np.errstate(over="ignore", invalid="ignore"):
        return bool(np.isfinite(np.dot(every, every)))


def _read_npy(file: Path) -> np.ndarray:
    with file.open("rb") as stream:
        array = np.lib.format.read_array(stream, allow_pickle=False)
    names = array.dtype.names
    if names is None:
        return array
    return xyz_of(array.reshape(-1), [names[axis] for axis in axes_of(names)])  # with fields


def _read_pt(file: Path) -> np.ndarray:
    saved = torch.load(file, map_location="cpu", weights_only=True)
    if not torch.is_tensor(saved):
        raise ValueError("not a single tensor")
    saved = saved.detach()
    return (saved.float() if saved.dtype is torch.bfloat16 else saved).numpy()


def _bytes(parse: Callable[[bytes], np.ndarray]) -> Callable[[Path], np.ndarray]:
    return lambda file: parse(file.read_bytes())


_READERS: dict[str, Callable[[Path], np.ndarray]] = {
    ".npy": _read_npy,
    ".ply": _bytes(parse_ply),
    ".xyz": _bytes(parse_rows),
    ".pts": _bytes(parse_rows),
    ".txt": _bytes(parse_rows),
    ".obj": _bytes(parse_obj),
    ".pt": _read_pt,
}
ENDINGS = (*_READERS, ".pcd", ".bin")
"""What can be read."""
