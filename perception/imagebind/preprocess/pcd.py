"""Point clouds of the Point Cloud Library: .pcd as text, binary and compressed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sensebind.perception.imagebind.preprocess.rows import axes_of, table, text_of, xyz_of

MAX_BYTES = 256 << 20
"""Of a body before it was compressed."""


@dataclass(frozen=True, slots=True)
class Pcd:
    """What a PCD file holds.

    Attributes:
        xyz: [N,3], float32 where a binary file has float32, else float64.
        organized: Whether the points are the pixels of an image (HEIGHT above 1). A beam without
            a return has to keep its place in it, and is written as three NaN.
    """

    xyz: np.ndarray
    organized: bool


def parse_pcd(data: bytes) -> Pcd:
    """x, y and z of a PCD file of version 0.5 to 0.7.

    Without POINTS, as before version 0.7, a cloud has WIDTH times HEIGHT of them. Names may be of
    any case, comments of any encoding.

    Raises:
        ValueError, KeyError: It is not one, is cut off, or has no x, y and z.
    """
    header: dict[str, list[str]] = {}
    position = 3 if data.startswith(b"\xef\xbb\xbf") else 0
    while "DATA" not in header:
        end = data.index(b"\n", position)
        words = text_of(data[position:end]).split()
        position = end + 1
        if words and not words[0].startswith("#"):
            header[words[0].upper()] = words[1:]
    listed = header.get("FIELDS") or header.get("COLUMNS")  # the word of versions before 0.5
    if not listed:
        raise ValueError("no FIELDS")
    names = [name.lower() for name in listed]
    counts = [int(c) for c in header.get("COUNT", ["1"] * len(names))]
    points, organized = _points(header), int(header.get("HEIGHT", ["1"])[0]) > 1
    kinds = [t.lower() + s for t, s in zip(header["TYPE"], header["SIZE"], strict=True)]
    encoding = header["DATA"][0].lower()
    if encoding == "ascii":
        starts = np.cumsum([0, *counts])
        rows = table(text_of(data[position:]).splitlines()[:points])
        if len(rows) < points:
            raise ValueError(f"cut off after {len(rows)} of {points} points")
        return Pcd(rows[:, [starts[i] for i in axes_of(names)]], organized)
    # Padding fields share the name "_": number them, so that the layout is valid.
    unique = [name if name in ("x", "y", "z") else f"{name}#{i}" for i, name in enumerate(names)]
    fields = [(n, "<" + k, (c,)) for n, k, c in zip(unique, kinds, counts, strict=True)]
    if encoding == "binary":
        axes_of(unique)
        records = np.frombuffer(data, np.dtype(fields), points, position)
        return Pcd(xyz_of(records, "xyz"), organized)
    if encoding == "binary_compressed":
        return Pcd(_xyz_by_field(_lzf(data[position:]), fields, points), organized)
    raise ValueError(f"unknown DATA {encoding}")


def _points(header: dict[str, list[str]]) -> int:
    """How many points a header announces."""
    given = int(header["POINTS"][0]) if "POINTS" in header else None
    if "WIDTH" not in header:
        if given is None:
            raise ValueError("neither POINTS nor WIDTH and HEIGHT")
        return given
    area = int(header["WIDTH"][0]) * int(header.get("HEIGHT", ["1"])[0])
    if given is not None and given != area:
        raise ValueError(f"POINTS is {given}, WIDTH times HEIGHT {area}")
    return area


def _xyz_by_field(data: bytes, fields: list[tuple[str, str, tuple[int]]], n: int) -> np.ndarray:
    """x, y and z [n,3] of data that is stored field after field."""
    found, offset = {}, 0
    for name, kind, (count,) in fields:
        found[name] = np.frombuffer(data, kind, n * count, offset)
        offset += n * count * np.dtype(kind).itemsize
    axes_of(list(found))
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
