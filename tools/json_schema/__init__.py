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
"""

from sensebind.tools.json_schema.bounding import Bounded, bound_schema, bounded
from sensebind.tools.json_schema.equality import json_equal
from sensebind.tools.json_schema.length import ending, shortest
from sensebind.tools.json_schema.validation import problem, wrong_arguments

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
