"""Point clouds without a header (.bin): rows of floats whose length nobody wrote down.

KITTI writes x y z reflectance as float32, nuScenes x y z intensity ring, others three, six, or
doubles. A row length that is wrong by one column still gives numbers, and they look like points.
So a file is read only where exactly one layout explains it; otherwise it is refused, and the
reader is asked for `columns`.

A layout is possible if

- the size is a multiple of its row, and every number is finite,
- x, y and z lie within 300 m, extend over at least 1 cm, and two of them vary,
- hardly any coordinate is far below the resolution of its axis, as happens when the halves of
  doubles are taken for floats, or pairs of floats for doubles,
- intensities, rings and colours are not negative, rings are whole numbers,
- rows are alike: had the row another length, row 1, 3, 5 … would hold other quantities than row
  2, 4, 6 …, and so for every other true length of up to 12 columns. Compared are the distributions
  of each column (two-sample Kolmogorov-Smirnov distance).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sensebind.errors import ConfigurationError

MAX_METRES = 300.0
_MIN_EXTENT = 0.01  # metres; less is not a cloud in metres
_MAX_INTENSITY = 65_535.0  # 16 bits, the widest that lidars send
_MAX_RING = 255
_LONGEST = 12  # columns of the longest row that a layout is defended against
_SAMPLE = 4096  # rows that are looked at closely
_BINS = 128  # by value, all as full, that distributions are compared over
_TOGETHER = 64  # rows whose extremes are taken at once
_FEWEST = 8  # rows; too few to be sure of anything
_TINY = 1e-5  # of an axis: a coordinate below it, yet not 0, is not a measurement
_TINY_SHARE = 0.02
# Distances of distributions. Interleaved rings of a spinning lidar make even and odd rows differ a
# little; rows of a wrong length differ by far more. The last is added for the size of the sample.
_UNLIKE_ODD, _UNLIKE_EVEN, _SAMPLING = 0.10, 0.30, 2.2
_TWINS = 0.06  # nearer than this, two columns hold the same quantity
_TYPES = {"float32": "<f4", "float64": "<f8"}


@dataclass(frozen=True, slots=True)
class Layout:
    """What a row of a headerless cloud holds.

    Attributes:
        columns: Names of the numbers of a row, with x, y and z among them.
        type: "float32" or "float64", little-endian.
    """

    columns: tuple[str, ...]
    type: str = "float32"

    @property
    def row_bytes(self) -> int:
        """Length of a row."""
        return len(self.columns) * np.dtype(_TYPES[self.type]).itemsize

    def __str__(self) -> str:
        """As the option `columns` takes it."""
        kind = "" if self.type == "float32" else f" {self.type}"
        return " ".join(self.columns) + kind

    def read(self, data: bytes) -> np.ndarray:
        """The rows [N, columns], x y z first.

        Raises:
            ValueError: The size is not a multiple of a row.
        """
        if len(data) % self.row_bytes:
            raise ValueError(
                f"its size of {len(data)} bytes is not a multiple of a row of {self.row_bytes} "
                f"bytes ({self})"
            )
        rows = np.frombuffer(data, _TYPES[self.type]).reshape(-1, len(self.columns))
        axes = [self.columns.index(axis) for axis in "xyz"]
        rest = [i for i in range(len(self.columns)) if i not in axes]
        return rows if axes == [0, 1, 2] else rows[:, axes + rest]


LAYOUTS = tuple(
    Layout(("x", "y", "z", *rest), kind)
    for kind in _TYPES
    for rest in ((), ("intensity",), ("intensity", "ring"), ("intensity", "ring", "time"))
)
"""What is recognized: rows of three to six float32 (KITTI, nuScenes, …) or float64."""


def parse_columns(text: str | Sequence[str]) -> Layout:
    """The layout that a user gives, such as "x y z intensity ring" or "x y z float64".

    Raises:
        ConfigurationError: There is no x, y or z, or a name stands twice.
    """
    words = text.replace(",", " ").split() if isinstance(text, str) else [str(w) for w in text]
    kinds = [word for word in words if word in _TYPES]
    names = tuple(word.lower() for word in words if word not in _TYPES)
    doubled = {name for name in names if names.count(name) > 1 and name != "_"}
    if not set("xyz") <= set(names) or doubled or len(kinds) > 1:
        raise ConfigurationError(
            f"columns {text!r}: give the names of all numbers of a row, with x, y and z, and the "
            "type unless it is float32: 'x y z intensity ring', 'x y z float64'"
        )
    return Layout(names, kinds[0] if kinds else "float32")


def recognized(data: bytes, likely: Layout | None = None) -> Layout:
    """The one layout that explains a file.

    Args:
        data: The whole file.
        likely: Layout of other files by the same writer. All others have to be impossible, as ever,
            but its own rows are compared over a quarter of the sample only.

    Raises:
        ValueError: None does, or more than one; the message says which, and what to do.
    """
    found = [layout for layout in LAYOUTS if _possible(data, layout, layout == likely)]
    if len(found) == 1 and len(data) >= _FEWEST * found[0].row_bytes:
        return found[0]
    way_out = (
        'give its columns (columns: "x y z intensity", with float64 if so), '
        "or save it as .pcd or .npy"
    )
    if not found:
        raise ValueError(
            f"{len(data)} bytes without a header fit no known layout of x y z and up to three "
            f"more; {way_out}"
        )
    if len(found) == 1:
        raise ValueError(
            f"{len(data) // found[0].row_bytes} points without a header are too few to be sure "
            f"that they are {found[0]}; {way_out}"
        )
    names = "; ".join(str(layout) for layout in found)
    raise ValueError(f"without a header it may be any of: {names}; {way_out}")


class Recognizer:
    """Recognizes file after file by the same writer, such as a folder of sweeps, in less time."""

    def __init__(self) -> None:
        self._last: Layout | None = None

    def recognized(self, data: bytes) -> Layout:
        """As the function of this name, with the layout of the last file as the likely one."""
        self._last = recognized(data, self._last)
        return self._last


def _possible(data: bytes, layout: Layout, likely: bool) -> bool:
    """Whether a layout explains a file. What is cheap comes first, and every number only last."""
    if not data or len(data) % layout.row_bytes:
        return False
    rows = layout.read(data)
    with np.errstate(over="ignore", invalid="ignore"):  # of numbers that are none
        if not _in_range(rows[:_TOGETHER].T):
            return False
        numbers = _stretches(len(rows))
        some = np.ascontiguousarray(rows[numbers].T)
        if not _in_range(some) or not _measured(some[:3]):
            return False
        compared = slice(_SAMPLE // 4 if likely else None)
        return _alike(some[:, compared], numbers[compared]) and _whole(rows)


def _in_range(columns: np.ndarray) -> bool:
    """Whether every number [columns, N] lies where its quantity can."""
    low, high = columns.min(axis=1), columns.max(axis=1)
    return _ranges(low, high, columns[3:])


def _ranges(low: np.ndarray, high: np.ndarray, rest: np.ndarray) -> bool:
    """The same of extremes [columns], and the columns after x, y and z."""
    if not np.isfinite(low).all() or not np.isfinite(high).all():
        return False
    if max(-low[:3].min(), high[:3].max()) > MAX_METRES:
        return False
    if not len(rest) or (len(rest) == 3 and _unit(rest)):  # normals
        return True
    if low[3] < 0 or high[3] > _MAX_INTENSITY:
        return False
    if len(rest) == 2:
        return bool(low[4] >= 0 and high[4] <= _MAX_RING and (rest[1] == np.rint(rest[1])).all())
    return len(rest) < 3 or bool(low[4] >= 0)


def _whole(rows: np.ndarray) -> bool:
    """Whether a whole cloud is in range, extends over something, and not along one axis only."""
    count = rows.shape[1]
    length = len(rows) // _TOGETHER * _TOGETHER
    wide = rows[:length].reshape(-1, _TOGETHER * count)  # short rows are slow to reduce
    ends = [one(axis=0).reshape(-1, count) for one in (wide.min, wide.max) if length]
    ends = np.concatenate([*ends, rows[length:]])
    low, high = ends.min(axis=0), ends.max(axis=0)
    if not _ranges(low, high, rows[:, 3:].T):
        return False
    extent = (high - low)[:3]
    return bool(extent.max() >= _MIN_EXTENT and np.count_nonzero(extent) >= 2)


def _unit(vectors: np.ndarray) -> bool:
    """Whether all vectors [3, N] have length 1."""
    for some in (vectors[:, :_FEWEST], vectors):
        squared = (some.astype(np.float64) ** 2).sum(axis=0)
        if not (np.abs(squared - 1) < 2e-3).all():
            return False
    return True


def _measured(axes: np.ndarray) -> bool:
    """Whether at least two axes [3, N] have hardly any values far below their own scale."""
    size = np.abs(axes)
    rank = int(0.9 * (size.shape[1] - 1))
    scale = np.partition(size, rank, axis=1)[:, rank]
    tiny = ((size > 0) & (size < _TINY * scale[:, None])).mean(axis=1)
    return int(((tiny < _TINY_SHARE) & (scale > 0)).sum()) >= 2


def _stretches(count: int) -> np.ndarray:
    """Numbers of the rows to look at: all, or four stretches in which neighbours are together."""
    if count <= _SAMPLE:
        return np.arange(count)
    stretch = _SAMPLE // 4
    starts = [(count - stretch) * part // 3 for part in range(4)]
    return np.concatenate([np.arange(start, start + stretch) for start in starts])


def _alike(columns: np.ndarray, numbers: np.ndarray) -> bool:
    """Whether all rows hold the same quantities, and no shorter row would do.

    Args:
        columns: [columns, N].
        numbers: Which row of the file each of the N is.
    """
    count = len(columns)
    if count == 6 and all(_distance(columns[i], columns[i + 3]) < _TWINS for i in range(3)):
        return False  # two points of three numbers
    cycles = {length // math.gcd(length, count) for length in range(3, _LONGEST + 1)} - {1}
    if 2 in cycles and sum(_unit(columns[:3, numbers % 2 == i]) for i in range(2)) == 1:
        return False  # rows of normals between rows of points
    kept = [i for i in range(count) if i != 4 or (columns[i] != np.rint(columns[i])).any()]
    bins = _binned(columns[kept])  # without a ring, which may be the same in every other row
    # Neighbours of an interleaved sweep look up and down by turns: z says nothing then.
    flat = bins[[i != 2 for i in kept]]
    return all(
        _varies_by(bins if cycle % 2 else flat, numbers % cycle, cycle) < 0
        for cycle in sorted(cycles)
    )


def _binned(columns: np.ndarray) -> np.ndarray:
    """The bin of each number, by value: [columns, N], 0 to `_BINS` - 1.

    Bins of a column are about as full as each other; equal numbers share one.
    """
    count = columns.shape[1]
    order = np.argsort(columns, axis=1)
    ordered = np.take_along_axis(columns, order, axis=1)
    first = np.zeros(columns.shape, np.int64)  # where a number stands first, in their order
    first[:, 1:] = np.where(ordered[:, 1:] > ordered[:, :-1], np.arange(1, count), 0)
    np.maximum.accumulate(first, axis=1, out=first)
    bins = np.empty_like(first)
    np.put_along_axis(bins, order, first * _BINS // count, axis=1)
    return bins


def _varies_by(bins: np.ndarray, phase: np.ndarray, cycle: int) -> float:
    """How far distributions in one phase of a cycle are from those in the others.

    Args:
        bins: Of columns, see `_binned`.
        phase: Of each row, 0 to cycle - 1.
        cycle: Number of phases.

    Returns:
        The largest Kolmogorov-Smirnov distance of a column, less what is usual.
    """
    sizes = np.bincount(phase, minlength=cycle)
    offset = (np.arange(len(bins))[:, None] * cycle + phase) * _BINS
    found = np.bincount((bins + offset).ravel(), minlength=len(bins) * cycle * _BINS)
    below = np.cumsum(found.reshape(len(bins), cycle, _BINS), axis=2)  # up to and with each bin
    above = below.sum(axis=1, keepdims=True) - below  # of the other phases
    one, other = np.maximum(sizes, 1), np.maximum(len(phase) - sizes, 1)
    gap = np.abs(below / one[:, None] - above / other[:, None]).max(axis=(0, 2))
    usual = _UNLIKE_EVEN if cycle % 2 == 0 else _UNLIKE_ODD
    margin = usual + _SAMPLING * np.sqrt(1 / one + 1 / other)
    return float((gap - margin)[sizes > 1].max(initial=-1.0))


def _distance(one: np.ndarray, other: np.ndarray) -> float:
    """The two-sample Kolmogorov-Smirnov distance: the largest gap between distributions."""
    bins = _binned(np.concatenate([one, other])[None])[0]
    below, above = (
        np.cumsum(np.bincount(some, minlength=_BINS)) / len(some)
        for some in (bins[: len(one)], bins[len(one) :])
    )
    return float(np.abs(below - above).max())
