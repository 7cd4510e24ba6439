"""What all benchmarks share: their command line, and rows with a value and a bar.

A benchmark is a script whose `main` is `run(parser, measure)`. All of them take `--json`, and
`--quick`, which is what `make bench` runs: fewer repetitions, enough to see that all works.
"""

import argparse
import json
import math
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from sensebind.errors import SenseBindError


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


def at_most(name: str, value: float, bar: float | None, n: int) -> Row:
    """Return a row whose value must not be above the bar, if there is one."""
    return Row(name, value, bar, n, bar is None or bool(value <= bar))


def at_least(name: str, value: float, bar: float | None, n: int) -> Row:
    """Return a row whose value must not be below the bar, if there is one."""
    return Row(name, value, bar, n, bar is None or bool(value >= bar))


class Parser(argparse.ArgumentParser):
    """The command line of a benchmark.

    Args:
        doc: Of its module; `--help` shows all of it.
    """

    def __init__(self, doc: str | None) -> None:
        super().__init__(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
        self._amounts: dict[str, tuple[Any, Any]] = {}
        self.add_argument("--json", action="store_true", help="print one JSON object")
        self.add_argument("--quick", action="store_true", help="fewer repetitions")

    def amount(self, name: str, full: float, quick: float, what: str) -> None:
        """Add an option whose default depends on `--quick`.

        Args:
            name: Such as "--times". `full`: its default; `quick`: that with `--quick`.
            what: It is, in words.
        """
        text = f"{what}; {full:g}, or {quick:g} with --quick"
        action = self.add_argument(name, type=type(full), help=text, metavar="N")
        self._amounts[action.dest] = full, quick

    def options(self) -> argparse.Namespace:
        """Parse the command line; amounts must be more than 0."""
        options = self.parse_args()
        for name, (full, quick) in self._amounts.items():
            if getattr(options, name) is None:
                setattr(options, name, quick if options.quick else full)
            elif getattr(options, name) <= 0:
                self.error(f"--{name.replace('_', '-')} must be more than 0")
        return options


def run(parser: Parser, measure: Callable[[argparse.Namespace], Sequence[Row]]) -> int:
    """Parse, measure, print; return 0, 1 when a bar is missed, or 2 when nothing was measured."""
    options = parser.options()
    try:
        return show(measure(options), options.json)
    except SenseBindError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2


def show(rows: Sequence[Row], as_json: bool) -> int:
    """Print the rows; return the exit code, 1 when a bar is missed. JSON knows no infinity."""
    ok = all(row.ok for row in rows)
    if as_json:
        plain = [
            asdict(row) | {"value": row.value if math.isfinite(row.value) else None} for row in rows
        ]
        print(json.dumps({"rows": plain, "ok": ok}))
    else:
        width = max((len(row.name) for row in rows), default=0)
        for row in rows:
            bar = "" if row.bar is None else f"  (bar {row.bar:g}{'' if row.ok else ', MISSED'})"
            print(f"{row.name:{width}} {row.value:12.3f}{bar}  n={row.n}")
    return 0 if ok else 1
