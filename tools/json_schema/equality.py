"""Equality of JSON values, which is not that of Python.

JSON Schema (2020-12 core, 4.2.2; draft 7, 4.2.3): values are equal if they have one type and one
value. Numbers are one type, so that 1 is 1.0; in Python, 1 is also True.
"""

import math
from collections.abc import Hashable, Mapping
from fractions import Fraction
from typing import Any


def json_key(value: Any) -> Hashable:
    """Returns what equal JSON values have in common, and no others.

    Args:
        value: Of `json.loads`. What is not JSON is compared by its type and value.
    """
    if isinstance(value, bool) or value is None or isinstance(value, str):
        return type(value).__name__, value
    if isinstance(value, int | float):
        return "number", Fraction(str(value)) if math.isfinite(value) else str(value)
    if isinstance(value, list | tuple):
        return "array", tuple(map(json_key, value))
    if isinstance(value, Mapping):
        return "object", frozenset((name, json_key(one)) for name, one in value.items())
    return type(value).__name__, repr(value)


def json_equal(one: Any, other: Any) -> bool:
    """Whether two values are equal as JSON."""
    return json_key(one) == json_key(other)
