"""JSON schemas from outside: made finite for a grammar, and values checked against them.

| module | what it does |
|---|---|
| `bounding` | writes a schema so that a grammar ends each value and never goes beyond the schema |
| `normal_form`, `negation` | a schema as alternatives of plain facts |
| `scalars`, `formats`, `arrays`, `objects` | facts as a schema of one type |
| `length` | how long a value is at least, and what is left to write of one |
| `equality` | which values are equal |
| `references` | what `$ref` leads to |
| `validation` | dialects, and values checked against a schema as it was given |

Names are imported when they are first used: most questions have no schema.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sensebind.tools.json_schema.bounding import Bounded, bound_schema, bounded
    from sensebind.tools.json_schema.equality import json_equal
    from sensebind.tools.json_schema.length import ending, shortest
    from sensebind.tools.json_schema.validation import problem, wrong_arguments

_HOMES = {
    "Bounded": "bounding",
    "bound_schema": "bounding",
    "bounded": "bounding",
    "ending": "length",
    "json_equal": "equality",
    "problem": "validation",
    "shortest": "length",
    "wrong_arguments": "validation",
}

__all__ = [
    "Bounded",
    "bound_schema",
    "bounded",
    "ending",
    "json_equal",
    "problem",
    "shortest",
    "wrong_arguments",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
