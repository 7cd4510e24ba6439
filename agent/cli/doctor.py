"""`sensebind doctor`: what works on this machine, what does not, and how to mend it."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sensebind.agent.cli.options import Json
from sensebind.agent.cli.output import progress
from sensebind.console import console

if TYPE_CHECKING:
    from sensebind.agent.robot.checks import Check

_MARKS = {"ok": "[green]ok[/]", "warning": "[yellow]warning[/]", "bad": "[red]bad[/]"}


def doctor(
    config: Annotated[Path | None, typer.Argument(help="A robot to look at, too.")] = None,
    llm: Annotated[
        bool,
        typer.Option(
            "--llm/--no-llm", help="Ask the language model for a token, which may cost money."
        ),
    ] = True,
    as_json: Json = False,
) -> int:
    """Look at this machine, open all that a robot's file names, and say how to mend each."""
    # Exit code 0, or 1 when something is bad.
    from rich.markup import escape

    # A camera that is not there is one of our findings; OpenCV need not warn of it, too.
    os.environ.setdefault("OPENCV_LOG_LEVEL", "ERROR")
    with progress("looking at the machine"):
        from sensebind.agent.robot.doctor import Verdict, examine

    checks: list[Check] = []
    out = console()
    for check in _watched(examine(config, llm=llm)):
        checks.append(check)
        if as_json:
            continue
        out.print(f"{_MARKS[check.verdict]:<18} {escape(check.name)}: {escape(check.found)}")
        if check.mend:
            out.print(f"        -> {escape(check.mend)}")
    well = all(check.verdict is not Verdict.BAD for check in checks)
    if as_json:
        print(json.dumps({"checks": [asdict(check) for check in checks], "ok": well}))
    return 0 if well else 1


def _watched(checks: Iterator[Check]) -> Iterator[Check]:
    """Yield each check when it is done, with a line where the next one takes its time."""
    while True:
        with progress("looking"):
            check = next(checks, None)
        if check is None:
            return
        yield check
