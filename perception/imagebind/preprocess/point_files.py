"""Readers of point cloud files: .npy .ply .pcd .bin .xyz .pts .txt .obj .pt."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from pickle import UnpicklingError  # the name alone: what torch raises; no pickle is run
from tokenize import TokenError

import numpy as np
import torch

from sensebind.errors import InputError, one_line
from sensebind.perception.imagebind.preprocess.files import checked

MAX_BYTES = 256 << 20  # some 20 million points; as text they grow tenfold in memory
_PLY_TYPES = {
    "char": "i1", "int8": "i1", "uchar": "u1", "uint8": "u1", "short": "i2", "int16": "i2",
    "ushort": "u2", "uint16": "u2", "int": "i4", "int32": "i4", "uint": "u4", "uint32": "u4",
    "float": "f4", "float32": "f4", "double": "f8", "float64": "f8",
}  # fmt: skip
_PLY_ORDERS = {"binary_little_endian": "<", "binary_big_endian": ">"}


def read_points(path: str | Path) -> np.ndarray:
    """Reads a cloud; the format follows from the ending.

    Returns:
        [N,3 or more] numbers in the file's own units. In .pcd files, points without a return (NaN)
        are left out, as is the custom there.

    Raises:
        InputError: Missing, empty, huge, damaged, or of another format.
    """
    file = checked(path, "point cloud", MAX_BYTES)
    reader = _READERS.get(file.suffix.lower())
    if reader is None:
        raise InputError(f"point cloud {file}: formats are {' '.join(_READERS)}")
    try:
        points = np.asarray(reader(file))
    except (
        ValueError, TypeError, KeyError, IndexError, OSError, EOFError, RuntimeError, MemoryError,
        SyntaxError, TokenError, UnpicklingError,
    ) as error:  # fmt: skip
        raise InputError(f"point cloud {file} cannot be read: {one_line(error)}") from error
    if points.ndim != 2 or points.shape[1] < 3:
        raise InputError(f"point cloud {file} holds {list(points.shape)}, not [N,3]")
    if len(points) == 0:
        raise InputError(f"point cloud {file} holds no point")
    return points


def _read_npy(file: Path) -> np.ndarray:
    return np.load(file, allow_pickle=False)


def _read_pt(file: Path) -> np.ndarray:
    saved = torch.load(file, map_location="cpu", weights_only=True)
    if not torch.is_tensor(saved):
        raise ValueError("not a single tensor")
    return saved.numpy()


def _read_kitti(file: Path) -> np.ndarray:
    """x, y, z, reflectance as little-endian float32."""
    values = np.fromfile(file, dtype="<f4")
    if file.stat().st_size % 16:
        raise ValueError("its size is not a multiple of 16 bytes (x, y, z, reflectance)")
    return values.reshape(-1, 4)


def _read_rows(file: Path) -> np.ndarray:
    """Numbers in rows; a first line with the number of points (.pts) is skipped."""
    lines = file.read_text(encoding="utf-8").replace(",", " ").splitlines()
    lines = [line for line in lines if line.strip() and not line.lstrip().startswith("#")]
    if lines and len(lines[0].split()) == 1:
        lines = lines[1:]
    return _table(lines)


def _read_obj(file: Path) -> np.ndarray:
    lines = file.read_text(encoding="utf-8").splitlines()
    return _table([line[2:] for line in lines if line.startswith("v ")])


def _table(lines: list[str]) -> np.ndarray:
    return np.loadtxt(lines, dtype=np.float64, ndmin=2) if lines else np.empty((0, 3))


def _read_ply(file: Path) -> np.ndarray:
    data = file.read_bytes()
    end = data.find(b"end_header")
    if not data.startswith(b"ply") or end < 0:
        raise ValueError("no PLY header")
    body = data[data.index(b"\n", end) + 1 :]
    encoding, count, fields, element = "", 0, [], ""
    for line in data[:end].decode("ascii").splitlines():
        words = line.split()
        if words[:1] == ["format"]:
            encoding = words[1]
        elif words[:1] == ["element"]:
            if words[1] != "vertex" and not count:
                raise ValueError(f"element {words[1]} comes before the vertices")
            element = words[1]
            count = int(words[2]) if element == "vertex" else count
        elif words[:1] == ["property"] and element == "vertex":
            fields.append((words[2], _PLY_TYPES[words[1]]))
    columns = _columns([name for name, _ in fields])
    if encoding == "ascii":
        return _table(body.decode("ascii").splitlines()[:count])[:, columns]
    order = _PLY_ORDERS[encoding]
    layout = np.dtype([(name, order + kind) for name, kind in fields])
    return _xyz(np.frombuffer(body, layout, count))


def _read_pcd(file: Path) -> np.ndarray:
    data = file.read_bytes()
    header: dict[str, list[str]] = {}
    position = 0
    while "DATA" not in header:
        end = data.index(b"\n", position)
        words = data[position:end].decode("ascii").split()
        position = end + 1
        if words and words[0] != "#":
            header[words[0].upper()] = words[1:]
    body, names = data[position:], [name.lower() for name in header["FIELDS"]]
    counts = [int(c) for c in header.get("COUNT", ["1"] * len(names))]
    points = int(header["POINTS"][0]) if "POINTS" in header else int(header["WIDTH"][0])
    kinds = [t.lower() + s for t, s in zip(header["TYPE"], header["SIZE"], strict=True)]
    encoding = header["DATA"][0].lower()
    if encoding == "ascii":
        starts = np.cumsum([0, *counts])
        rows = _table(body.decode("ascii").splitlines()[:points])
        xyz = rows[:, [starts[i] for i in _columns(names)]]
    else:
        # Padding fields share the name "_": number them, so that the layout is valid.
        unique = [
            name if name in ("x", "y", "z") else f"{name}#{i}" for i, name in enumerate(names)
        ]
        fields = [(n, "<" + k, (c,)) for n, k, c in zip(unique, kinds, counts, strict=True)]
        if encoding == "binary":
            xyz = _xyz(np.frombuffer(body, np.dtype(fields), points))
        elif encoding == "binary_compressed":
            xyz = _xyz_by_field(_lzf(body), fields, points)
        else:
            raise ValueError(f"unknown DATA {encoding}")
    return xyz[np.isfinite(xyz).all(axis=1)]


def _columns(names: list[str]) -> list[int]:
    missing = [name for name in ("x", "y", "z") if name not in names]
    if missing:
        raise ValueError(f"no field {', '.join(missing)}")
    return [names.index(name) for name in ("x", "y", "z")]


def _xyz(records: np.ndarray) -> np.ndarray:
    """Structured records to float64 [N,3]."""
    _columns(list(records.dtype.names or ()))
    return np.stack([records[name].reshape(-1).astype(np.float64) for name in "xyz"], axis=1)


def _xyz_by_field(data: bytes, fields: list[tuple[str, str, tuple[int]]], n: int) -> np.ndarray:
    """x, y and z [n,3] of data that is stored field after field."""
    found, offset = {}, 0
    for name, kind, (count,) in fields:
        found[name] = np.frombuffer(data, kind, n * count, offset)
        offset += n * count * np.dtype(kind).itemsize
    _columns(list(found))
    return np.stack([found[name].astype(np.float64) for name in "xyz"], axis=1)


def _lzf(body: bytes) -> bytes:
    """Unpacks LZF: two sizes, then runs of literals and references to what came before."""
    packed, size = (int(v) for v in np.frombuffer(body, "<u4", 2))
    if size > MAX_BYTES or packed > len(body) - 8:
        raise ValueError("compressed data is cut off")
    source, out, i = memoryview(body)[8 : 8 + packed], bytearray(), 0
    while i < packed and len(out) <= size:
        control = source[i]
        i += 1
        if control < 32:  # a run of literals
            out += source[i : i + control + 1]
            i += control + 1
            continue
        length = control >> 5
        if length == 7:
            length += source[i]
            i += 1
        start = len(out) - ((control & 31) << 8) - source[i] - 1
        i += 1
        if start < 0:
            raise ValueError("compressed data is damaged")
        length += 2
        chunk = out[start : start + length]
        while len(chunk) < length:  # the reference overlaps what it writes
            chunk += chunk[: length - len(chunk)]
        out += chunk
    if len(out) != size:
        raise ValueError("compressed data is damaged")
    return bytes(out)


_READERS: dict[str, Callable[[Path], np.ndarray]] = {
    ".npy": _read_npy,
    ".ply": _read_ply,
    ".pcd": _read_pcd,
    ".bin": _read_kitti,
    ".xyz": _read_rows,
    ".pts": _read_rows,
    ".txt": _read_rows,
    ".obj": _read_obj,
    ".pt": _read_pt,
}
