"""What all benchmarks share: their command line. Their rows are those of every evaluation.

A benchmark is a script whose `main` is `run(parser, measure)`. All of them take `--json`, and
`--quick`, which is what `make bench` runs: fewer repetitions, enough to see that all works.
"""

import argparse
import sys
from collections.abc import Callable, Sequence
from typing import Any

from sensebind.agent.evaluation.report import AtMost, Row, show
from sensebind.errors import SenseBindError

__all__ = ["AtMost", "Parser", "Row", "run"]


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
            name: Such as "--times".
            full: Its default.
            quick: That with `--quick`.
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
        rows = measure(options)
        return show(rows, title=parser.prog, json_form=options.json)
    except SenseBindError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
