"""`sensebind chaos robot.yaml`: everything that may go wrong, on purpose, and what came of it."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import asdict
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from sensebind.agent.cli.options import Json, RobotFile
from sensebind.console import console

if TYPE_CHECKING:
    from sensebind.agent.robot.chaos import Outcome

_WIDE = 130  # columns of the table where standard output is not a terminal


class Trouble(StrEnum):
    """Kinds of trouble, as `sensebind.agent.robot.chaos.KINDS`."""

    KILL = "kill"
    STOP = "stop"
    GONE = "gone"
    CLOCK = "clock"
    SLOW = "slow"
    FLOOD = "flood"
    CORRUPT = "corrupt"
    DISK = "disk"
    WATCH = "watch"
    DESCRIPTORS = "descriptors"
    STORE = "store"
    IDLE = "idle"


def chaos(
    robot: RobotFile,
    only: Annotated[
        list[Trouble] | None,
        typer.Option(help="Kinds of trouble; all by default."),
    ] = None,
    times: Annotated[int, typer.Option(min=1, help="How often each trial is made.")] = 1,
    seed: Annotated[int, typer.Option(help="Of their order.")] = 0,
    as_json: Json = False,
) -> int:
    """Start a robot, let everything fail that may fail, and report what came of it."""
    # Exit code 0, or 1 when something did not go as it must.
    from sensebind.agent.robot.config_file import read_config

    config = read_config(robot)
    from rich.markup import escape

    from sensebind.agent.robot.chaos import KINDS, PATIENCE, Subject, shuffled

    notes = console(stderr=True)
    outcomes: list[Outcome] = []
    with Subject(config) as subject:
        every = shuffled(subject, only or KINDS, times, seed)
        for number, (what, harm) in enumerate(every, 1):
            notes.print(f"[dim]{number} of {len(every)}: {escape(what)}[/]")
            outcomes.append(subject.trial(what, harm))
        _ = subject.pids  # those that were started last
    time.sleep(0.5)
    left = subject.left_over()
    ok = all(one.ok for one in outcomes) and not left
    if as_json:
        told = [
            asdict(one) | {"back": one.back if one.back < PATIENCE else None} for one in outcomes
        ]
        print(json.dumps({"outcomes": told, "processes_left": len(left), "ok": ok}))
    else:
        _show(outcomes, len(left))
    return 0 if ok else 1


def _show(outcomes: Sequence[Outcome], left: int) -> None:
    from rich.table import Table

    from sensebind.agent.robot.chaos import PATIENCE

    out = console()
    if not out.is_terminal:
        out.width = _WIDE
    table = Table()
    for column in ("what was done", "back after s", "lost", "unreported", "stale", "noted", ""):
        table.add_column(
            column, justify="left" if column in ("what was done", "noted") else "right"
        )
    for one in sorted(outcomes, key=lambda one: one.what):
        back = f"{one.back:.2f}" if one.back < PATIENCE else "never"
        numbers = [str(n) for n in (one.lost, one.unreported, one.stale)]
        table.add_row(one.what, back, *numbers, one.noted, "ok" if one.ok else "FAILED")
    out.print(table)
    out.print(f"processes left over: {left}")
