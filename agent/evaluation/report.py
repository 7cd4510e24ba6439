"""The form that every evaluation and benchmark has: rows with a value and a bar."""

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from rich.table import Table

from sensebind.console import console


@dataclass(frozen=True, slots=True)
class Row:
    """One measured figure.

    Attributes:
        name: What was measured.
        value: The figure.
        bar: Least value that is good enough; None for a figure that informs only.
        n: How many trials it was taken from.
    """

    name: str
    value: float
    bar: float | None
    n: int

    @property
    def ok(self) -> bool:
        """Whether the bar is reached."""
        return self.bar is None or self.value >= self.bar


class AtMost(Row):
    """A figure that is to be small: its bar is the greatest value that is good enough."""

    __slots__ = ()

    @property
    def ok(self) -> bool:
        """Whether the bar is kept."""
        return self.bar is None or self.value <= self.bar


def as_json(rows: Sequence[Row]) -> dict[str, Any]:
    """Returns `{"rows": […], "ok": bool}` with plain values."""
    plain = [
        asdict(row) | {"value": round(row.value, 4) if math.isfinite(row.value) else None}
        for row in rows
    ]
    return {"rows": plain, "ok": all(row.ok for row in rows)}


def show(rows: Sequence[Row], *, title: str, json_form: bool) -> int:
    """Prints rows and returns the exit code: 0, or 1 when a row is below its bar."""
    if json_form:
        print(json.dumps(as_json(rows), ensure_ascii=False))
    else:
        table = Table(title=title, title_justify="left")
        table.add_column("row")
        for column in ("value", "bar", "n"):
            table.add_column(column, justify="right")
        for row in rows:
            style = None if row.bar is None else "green" if row.ok else "red"
            table.add_row(row.name, f"{row.value:.3f}", _bar(row), str(row.n), style=style)
        console(soft_wrap=False).print(table)
    return 0 if all(row.ok for row in rows) else 1


def _bar(row: Row) -> str:
    if row.bar is None:
        return ""
    side = "at most" if isinstance(row, AtMost) else "at least"
    return f"{'' if row.ok else 'missed: '}{side} {row.bar:g}"
