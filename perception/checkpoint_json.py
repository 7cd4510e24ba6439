"""JSON files of a checkpoint, which anybody may have written: bounded, typed and in range.

A configuration is read before the weights that it describes. A number in it that is out of any
range would otherwise build a billion layers, or end in a traceback deep within a library.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from sensebind.errors import CheckpointError, one_line

MOST_BYTES = 16 * 2**20
"""Largest configuration that is read; those of published models have some kilobytes."""
LARGEST = 2**24
"""Largest width, vocabulary or context: 128 times those of published models."""
DEEPEST = 4096
"""Most layers or blocks: thirty times those of published models."""
LONGEST_SIDE = 4096
"""Most pixels of a side that images are brought to: ten times those of published models."""

_BEYOND = 2**31  # no number of a configuration is larger
_MOST_VALUES = 200_000  # a detector names some thousand classes


def read_object(path: Path, most_bytes: int = MOST_BYTES) -> dict[str, Any]:
    """Reads a JSON object.

    Args:
        path: The file.
        most_bytes: Larger files are refused unread.

    Raises:
        FileNotFoundError: There is no such file.
        CheckpointError: It cannot be read, is too large, not UTF-8, not JSON, nested too deep, or
            not an object.
    """
    try:
        size = path.stat().st_size
        if size > most_bytes:
            raise ValueError(f"{size} bytes, more than the {most_bytes} that it may have")
        value = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise
    except RecursionError:
        raise CheckpointError(f"{path} is damaged: it is nested too deep") from None
    except (OSError, ValueError) as error:
        raise CheckpointError(f"{path} is damaged: {one_line(error)}") from error
    if not isinstance(value, dict):
        raise CheckpointError(f"{path} is damaged: it is not a JSON object")
    return value


def whole_number(
    fields: Mapping[str, Any],
    key: str,
    *,
    least: int = 1,
    most: int = LARGEST,
    default: int | None = None,
) -> int:
    """One whole number of a configuration.

    Args:
        fields: The configuration.
        key: Which field.
        least: Smallest value that is allowed.
        most: Largest.
        default: What an absent or null field means; None if it must be there.

    Raises:
        ValueError: It is missing, not a whole number, or out of range; names the field.
    """
    value = fields.get(key)
    if value is None:
        if default is None:
            raise ValueError(f"{key} is missing")
        return default
    if type(value) is not int:
        raise ValueError(f"{key} is {_shown(value)}, not a whole number")
    if not least <= value <= most:
        raise ValueError(f"{key} is {_shown(value)}, not within {least} and {most}")
    return value


def number(
    fields: Mapping[str, Any],
    key: str,
    *,
    above: float = 0.0,
    most: float = 1e12,
    default: float | None = None,
) -> float:
    """One finite number of a configuration, more than `above`.

    Args:
        fields: The configuration.
        key: Which field.
        above: What it must exceed.
        most: Largest value that is allowed.
        default: What an absent or null field means; None if it must be there.

    Raises:
        ValueError: It is missing, not a finite number, or out of range; names the field.
    """
    value = fields.get(key)
    if value is None:
        if default is None:
            raise ValueError(f"{key} is missing")
        return default
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError(f"{key} is {_shown(value)}, not a finite number")
    if not above < value <= most:
        raise ValueError(f"{key} is {_shown(value)}, not above {above:g} and at most {most:g}")
    return float(value)


def truth(fields: Mapping[str, Any], key: str, *, default: bool = False) -> bool:
    """One true or false of a configuration.

    Raises:
        ValueError: It is neither; names the field.
    """
    value = fields.get(key)
    if value is None:
        return default
    if not isinstance(value, bool):
        raise ValueError(f"{key} is {_shown(value)}, not true or false")
    return value


def check_bounds(fields: Mapping[str, Any]) -> None:
    """Checks the numbers of any configuration, of fields that have no check of their own, too.

    Raises:
        ValueError: A number that is not finite or beyond any size, a depth that no model has, or
            too many values; names the field.
    """
    pending: list[tuple[str, Any]] = [("", fields)]
    for _ in range(_MOST_VALUES):
        if not pending:
            return
        key, value = pending.pop()
        if isinstance(value, Mapping):
            pending += [(str(name), one) for name, one in value.items()]
        elif isinstance(value, list):
            pending += [(key, one) for one in value]
        elif isinstance(value, float) and not math.isfinite(value):
            raise ValueError(f"{key} is {value}, not a finite number")
        elif isinstance(value, int) and not isinstance(value, bool):
            most = DEEPEST if _is_depth(key) else _BEYOND
            if not -most <= value <= most:
                raise ValueError(f"{key} is {_shown(value)}, which is out of any range")
    raise ValueError(f"it holds more than {_MOST_VALUES} values")


def check_depth(fields: Mapping[str, Any], tensors: int) -> None:
    """Checks that no part of a model claims more layers than its files have tensors.

    Each layer has tensors of its own. A library would build them all before it looks for one.

    Args:
        fields: The configuration, with those of its parts.
        tensors: How many the files hold.

    Raises:
        ValueError: A part claims more; names the field.
    """
    for key, value in fields.items():
        if isinstance(value, Mapping):
            check_depth(value, tensors)
        elif _is_depth(key):
            for one in value if isinstance(value, list) else [value]:
                if type(one) is int and one > tensors:
                    raise ValueError(
                        f"{key} is {_shown(one)}, and its files have {tensors} tensors"
                    )


def check_sides(file: Path) -> None:
    """Checks the sizes that a `preprocessor_config.json` brings images to; none is fine, too.

    Raises:
        CheckpointError: The file cannot be read.
        ValueError: A size that no model takes; names the field.
    """
    with suppress(FileNotFoundError):
        fields = read_object(file)
        check_bounds(fields)
        _check_sides({key: fields.get(key) for key in ("size", "crop_size", "pad_size")})


def _check_sides(sides: Mapping[str, Any]) -> None:
    for key, value in sides.items():
        if isinstance(value, Mapping):
            _check_sides({str(name): one for name, one in value.items()})
        elif isinstance(value, int) and not 1 <= value <= LONGEST_SIDE:
            raise ValueError(f"{key} is {_shown(value)}, not within 1 and {LONGEST_SIDE} pixels")


def _is_depth(key: str) -> bool:
    return any(word in key for word in ("layers", "blocks", "depth"))


def _shown(value: object) -> str:
    """A value for a message, short whatever it is (an integer may have a million digits)."""
    if isinstance(value, int) and value.bit_length() > 256:
        return f"a number of {value.bit_length()} bits"
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:60]}…"
