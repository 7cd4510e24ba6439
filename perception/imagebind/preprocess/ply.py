"""Point clouds in Stanford's polygon format: .ply as text and binary, of either byte order."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from sensebind.perception.imagebind.preprocess.rows import axes_of, table, text_of, xyz_of

_TYPES = {
    "char": "i1",
    "int8": "i1",
    "uchar": "u1",
    "uint8": "u1",
    "short": "i2",
    "int16": "i2",
    "ushort": "u2",
    "uint16": "u2",
    "int": "i4",
    "int32": "i4",
    "uint": "u4",
    "uint32": "u4",
    "float": "f4",
    "float32": "f4",
    "double": "f8",
    "float64": "f8",
}
_ORDERS = {"binary_little_endian": "<", "binary_big_endian": ">"}


@dataclass(frozen=True, slots=True)
class _Property:
    """A number of an element, or a list of them.

    Attributes:
        name: As in the header.
        kind: NumPy's code of the number, or of a list's numbers.
        length: NumPy's code of a list's length; "" for a lone number.
    """

    name: str
    kind: str
    length: str = ""


@dataclass(slots=True)
class _Element:
    name: str
    count: int
    properties: list[_Property] = field(default_factory=list)

    @property
    def has_lists(self) -> bool:
        return any(one.length for one in self.properties)


def parse_ply(data: bytes) -> np.ndarray:
    """x, y and z of the vertices of a PLY file of version 1.0.

    Elements before the vertices (`camera` of some scanners) are skipped, other properties, also
    lists, are left out. Names may be of any case, comments of any encoding.

    Returns:
        [N,3], float32 where the file has float32, else float64.

    Raises:
        ValueError, KeyError: It is not one, is cut off, or its vertices have no x, y and z.
    """
    encoding, elements, position = _header(data)
    order = _ORDERS.get(encoding)
    if order is None and encoding != "ascii":
        raise ValueError(f"unknown format {encoding}")
    lines = list[str]()
    if not order:  # positions are numbers of lines then
        lines = [line for line in text_of(data[position:]).splitlines() if line.strip()]
        position = 0
    for element in elements:
        wanted = element.name == "vertex"
        if order:
            found, position = _binary(data, position, element, order, wanted)
        else:
            end = position + element.count
            found = _ascii(lines[position:end], element) if wanted else None
            position = end
        if wanted:
            assert found is not None
            if len(found) < element.count:
                raise ValueError(f"cut off after {len(found)} of {element.count} points")
            return found
    raise ValueError("it has no vertices")


def _header(data: bytes) -> tuple[str, list[_Element], int]:
    """Encoding, elements in their order, and where the header ends."""
    if not data.startswith(b"ply"):
        raise ValueError("no PLY header")
    first = data[3 : data.index(b"\n") + 1] if b"\n" in data[:5] else data[3:4]
    ending = first.lstrip(b" \t")  # \n, \r\n, or \r of old Macs
    if ending not in (b"\n", b"\r\n", b"\r"):
        raise ValueError("no PLY header")
    encoding, elements, position = "", list[_Element](), 3 + len(first)
    while True:
        end = data.find(ending, position)
        if end < 0:
            raise ValueError("its header has no end")
        words = text_of(data[position:end]).split()
        position = end + len(ending)
        match words:
            case ["format", encoding, *_]:
                pass
            case ["element", name, count, *_]:
                elements.append(_Element(name.lower(), int(count)))
            case ["property", "list", length, kind, name, *_] if elements:
                known = _Property(name, _TYPES[kind], _TYPES[length])
                elements[-1].properties.append(known)
            case ["property", kind, name, *_] if elements:
                elements[-1].properties.append(_Property(name, _TYPES[kind]))
            case ["end_header", *_]:
                break
    if any(element.count < 0 for element in elements):
        raise ValueError("it has fewer than no points")
    return encoding, elements, position


def _scalars(element: _Element) -> list[int]:
    """Which properties are x, y and z."""
    axes = axes_of([one.name for one in element.properties])
    if any(element.properties[axis].length for axis in axes):
        raise ValueError("x, y and z are lists")
    return axes


def _ascii(lines: list[str], element: _Element) -> np.ndarray:
    axes = _scalars(element)
    if not element.has_lists:
        rows = table(lines)
        return rows[:, axes] if len(lines) else rows
    found = []
    for line in lines:
        words, at, starts = line.split(), 0, []
        for one in element.properties:
            starts.append(at)
            at += 1 + int(words[at]) if one.length else 1
        found.append([float(words[starts[axis]]) for axis in axes])
    return np.array(found, np.float64).reshape(-1, 3)


def _binary(
    data: bytes, position: int, element: _Element, order: str, wanted: bool
) -> tuple[np.ndarray | None, int]:
    """x, y and z of an element if it is wanted, and where the next one begins."""
    axes = _scalars(element) if wanted else []
    lengths = _lengths(data, position, element, order)
    layout = _layout(element, order, lengths)
    size = element.count * layout.itemsize
    if not size:
        return np.empty((0, 3)) if wanted else None, position
    if size <= len(data) - position:
        records = np.frombuffer(data, layout, element.count, position)
        counted = [i for i, length in enumerate(lengths) if length >= 0]
        if all((records[f"n{i}"] == lengths[i]).all() for i in counted):
            xyz = xyz_of(records, [f"p{axis}" for axis in axes]) if wanted else None
            return xyz, position + size
    elif not element.has_lists:
        raise ValueError(f"cut off: {len(data) - position} of the {size} bytes of {element.name}")
    found = []
    for _ in range(element.count):
        lengths = _lengths(data, position, element, order)
        layout = _layout(element, order, lengths)
        record = np.frombuffer(data, layout, 1, position)[0]
        found.append([float(record[f"p{axis}"]) for axis in axes])
        position += layout.itemsize
    return np.array(found, np.float64).reshape(-1, 3) if wanted else None, position


def _lengths(data: bytes, position: int, element: _Element, order: str) -> list[int]:
    """Lengths of the lists of the record at a position; -1 for lone numbers."""
    lengths = list[int]()
    for one in element.properties:
        if one.length and element.count:
            lengths.append(int(np.frombuffer(data, order + one.length, 1, position)[0]))
            if not 0 <= lengths[-1] <= len(data):
                raise ValueError("a list is longer than the file")
            position += np.dtype(one.length).itemsize
        else:
            lengths.append(0 if one.length else -1)
        position += np.dtype(one.kind).itemsize * abs(lengths[-1])
    return lengths


def _layout(element: _Element, order: str, lengths: list[int]) -> np.dtype:
    """A record whose lists have these lengths."""
    fields: list[tuple[str, str] | tuple[str, str, tuple[int]]] = []
    for i, (one, length) in enumerate(zip(element.properties, lengths, strict=True)):
        if length < 0:
            fields.append((f"p{i}", order + one.kind))
        else:
            fields.append((f"n{i}", order + one.length))
            fields.append((f"p{i}", order + one.kind, (length,)))
    return np.dtype(fields)
