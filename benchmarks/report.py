"""What all benchmarks print: rows with a value, a bar, and how many measurements they come from."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class Row:
    """One result.

    Attributes:
        name: What was measured, with its unit. `value`: how much.
        bar: The limit, or None.
        n: How many measurements it comes from.
        ok: Whether the bar is met.
    """

    name: str
    value: float
    bar: float | None
    n: int
    ok: bool = True


def at_most(name: str, value: float, bar: float, n: int) -> Row:
    """Return a row whose value must not be above the bar."""
    return Row(name, value, bar, n, bool(value <= bar))


def at_least(name: str, value: float, bar: float, n: int) -> Row:
    """Return a row whose value must not be below the bar."""
    return Row(name, value, bar, n, bool(value >= bar))


def show(rows: Sequence[Row], as_json: bool) -> int:
    """Print the rows; return the exit code, 1 when one is below its bar."""
    ok = all(row.ok for row in rows)
    if as_json:
        print(json.dumps({"rows": [asdict(row) for row in rows], "ok": ok}))
    else:
        width = max((len(row.name) for row in rows), default=0)
        for row in rows:
            bar = "" if row.bar is None else f"  (bar {row.bar:g}{'' if row.ok else ', MISSED'})"
            print(f"{row.name:{width}} {row.value:11.2f}{bar}  n={row.n}")
    return 0 if ok else 1
