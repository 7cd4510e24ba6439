"""Point clouds as lines of numbers: .xyz .pts .txt, and the vertices of .obj."""

from __future__ import annotations

import codecs
import re
from collections.abc import Sequence

import numpy as np

_COMMENTS = ("#", "//", "%")
_DECIMAL_COMMA = re.compile(r"\d,\d")
_NAME = re.compile(r"[^\W\d]\w*$")  # of a column: no number, and not nan or inf
_BOMS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}


def text_of(data: bytes) -> str:
    """Text of any encoding that has ASCII's digits; what is in comments does not matter."""
    for mark, encoding in _BOMS.items():
        if data.startswith(mark):
            return data.decode(encoding, "replace")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return data.decode("latin-1")


def axes_of(names: Sequence[str]) -> list[int]:
    """Where x, y and z are among the names of columns, in any case.

    Raises:
        ValueError: One is missing.
    """
    lower = [name.lower() for name in names]
    missing = [axis for axis in "xyz" if axis not in lower]
    if missing:
        raise ValueError(f"no field {', '.join(missing)}")
    return [lower.index(axis) for axis in "xyz"]


def xyz_of(records: np.ndarray, names: Sequence[str]) -> np.ndarray:
    """Three fields of records as columns.

    Args:
        records: Structured array [N]; a field holds one number of each record.
        names: The fields of x, y and z.

    Returns:
        [N,3], float32 where all three are floats of at most 32 bits, else float64.
    """
    kinds = [records.dtype[name].base for name in names]
    single = all(kind.kind == "f" and kind.itemsize <= 4 for kind in kinds)
    xyz = np.empty((len(records), 3), np.float32 if single else np.float64)
    for column, name in enumerate(names):
        xyz[:, column] = records[name].reshape(-1)
    return xyz


def table(lines: list[str]) -> np.ndarray:
    """Numbers in rows of one length, float64 [N, columns].

    Raises:
        ValueError: Something is not a number, or rows differ in length.
    """
    try:
        return np.loadtxt(lines, dtype=np.float64, ndmin=2) if lines else np.empty((0, 3))
    except ValueError as error:
        raise ValueError(str(error).partition("; use `usecols`")[0]) from error


def parse_rows(data: bytes) -> np.ndarray:
    """Numbers separated by blanks, commas or semicolons, one point a line.

    Comments begin with #, // or %. Names of columns in a first line or in a comment before the
    numbers ("//X Y Z", "intensity,x,y,z") say where x, y and z are. A first line with the number of
    points (.pts) is skipped.

    Returns:
        float64 [N, columns], x y z first.

    Raises:
        ValueError: Decimal commas, or what `table` refuses.
    """
    text = text_of(data)
    lines: list[str] = []
    names: list[str] = []
    every = text.splitlines()
    plain = not any(mark in text for mark in (*_COMMENTS, ",", ";"))
    if plain and every and not _are_names(every[0].split()):
        lines, every = [line for line in every if line.strip()], []  # nothing to look for
    for line in every:
        content, note = _split(line)
        words = re.split(r"[\s,;]+", (content or note).strip(" \t,;"))
        if not lines and _are_names(words):
            names = words
        elif content:
            lines.append(content)
    if lines and lines[0].strip().isdecimal():
        lines = lines[1:]
    rows = table(lines if plain else [_with_blanks(line) for line in lines])
    if len(names) != rows.shape[1]:
        return rows
    axes = axes_of(names)
    return rows[:, axes + [i for i in range(rows.shape[1]) if i not in axes]]


def parse_obj(data: bytes) -> np.ndarray:
    """Vertices of a Wavefront file, float64 [N,3]; weights and colours behind x y z are left out.

    Raises:
        ValueError: A vertex has fewer than three numbers.
    """
    vertices = []
    for line in text_of(data).replace("\\\r\n", " ").replace("\\\n", " ").splitlines():
        words = line.split("#")[0].split()
        if words[:1] == ["v"]:
            if len(words) < 4:
                raise ValueError(f"a vertex of {len(words) - 1} numbers")
            vertices.append(" ".join(words[1:4]))
    return table(vertices)


def _split(line: str) -> tuple[str, str]:
    """What comes before a comment, and the comment."""
    first = min((line.find(c) for c in _COMMENTS if c in line), default=len(line))
    return line[:first].strip(), line[first:].lstrip("#/% \t")


def _are_names(words: list[str]) -> bool:
    lower = {word.lower() for word in words}
    return set("xyz") <= lower and all(_NAME.match(word) for word in words)


def _with_blanks(line: str) -> str:
    """A line with blanks as its only separators.

    Raises:
        ValueError: Commas stand within numbers that are separated otherwise.
    """
    if "," not in line:
        return line.replace(";", " ")
    otherwise = ";" in line or re.search(r"[^\s,]\s+[^\s,]", line) is not None
    if otherwise and _DECIMAL_COMMA.search(line):
        raise ValueError(f"decimal commas as in {line[:40]!r}; write decimal points")
    return line.replace(",", " ").replace(";", " ")
