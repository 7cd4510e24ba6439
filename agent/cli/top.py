"""`sensebind top`: a live table of all streams of the robots that run here, or elsewhere."""

from __future__ import annotations

import json
import math
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sensebind.agent.cli.options import Json, Keys
from sensebind.errors import BusError

if TYPE_CHECKING:
    from rich.console import Console, Group
    from rich.table import Table

    from sensebind.agent.robot.monitor import Monitor, StreamRow, WatchRow

_SETTLE = 1.5  # seconds that a snapshot listens: long enough for a rate
_REFRESH = 2.0  # tables per second
_COLUMNS = (
    "stream",
    "state",
    "rate",
    "aim",
    "age ms",
    "encode ms",
    "lost",
    "gaps",
    "dropped",
    "unchanged",
    "restarts",
    "MB",
    "notes",
)
_COLOURS = {
    "running": "green",
    "starting": "cyan",
    "waiting": "yellow",
    "ended": "blue",
    "restarting": "yellow",
    "paused": "blue",
}
STALE_MS = 2000.0
_OTHER_SOCKETS = frozenset({"frames", "control"})  # of a robot, not of its bus


def top(
    config: Annotated[Path | None, typer.Argument(help="A robot; else all that run here.")] = None,
    connect: Annotated[
        list[str] | None,
        typer.Option(help="Listen there instead, such as tcp://rover@10.0.0.5:7000."),
    ] = None,
    keys: Keys = None,
    once: Annotated[bool, typer.Option("--once", help="One snapshot as text.")] = False,
    as_json: Json = False,
) -> int:
    """Show rate, age, losses and memory of all streams. Piped: one snapshot."""
    # Exit code 0, or 1 when a stream of a snapshot is not running, stale, or has two publishers.
    from sensebind.agent.robot.config_file import read_config

    expected = read_config(config).stream_names.values() if config is not None else ()
    from rich.live import Live

    from sensebind.agent.robot.monitor import Monitor
    from sensebind.perception.bus.curve_keys import KeyRing, default_directory

    if keys is None and any(not one.startswith("ipc://") for one in connect or ()):
        own = default_directory()
        keys = own if (own / "own.key_secret").exists() else None
    endpoints = list(connect or ()) or local_endpoints(config)
    if not endpoints:
        raise BusError("no robot runs here: start one with `sensebind run`, or give --connect")
    ring = KeyRing.load(keys) if keys is not None else None
    with Monitor(endpoints, ring, expected=expected) as monitor:
        time.sleep(_SETTLE)
        if as_json or once or not sys.stdout.isatty():
            rows = monitor.rows()
            well = bool(rows) and all(_is_well(row) for row in rows)
            streams = [as_dict(row) for row in rows]
            watches = monitor.watches()
            if as_json:
                lost = {one.robot: one.lost for one in watches if one.lost}
                print(json.dumps({"streams": streams, "ok": well, "lost": lost}))
            else:
                print("\n".join([as_text(rows), *lost_lines(watches)]))
            return 0 if well else 1
        with Live(_shown(monitor), refresh_per_second=_REFRESH, screen=True) as live:
            try:
                while True:
                    time.sleep(1 / _REFRESH)
                    live.update(_shown(monitor))
            except KeyboardInterrupt:
                return 0


def local_endpoints(config: Path | None) -> list[str]:
    """Return where the robots that run on this machine publish.

    Raises:
        ConfigurationError: The file of the robot is wrong.
    """
    from sensebind.agent.robot.config_file import read_config
    from sensebind.agent.robot.run_directory import run_directories
    from sensebind.perception.bus.watch_report import REPORT_SOCKET

    if config is not None:
        robot = read_config(config)
        names = [*robot.stream_names.values(), REPORT_SOCKET]
        return [f"ipc://{robot.directory / name}" for name in names]
    sockets = [one for folder in run_directories() for one in sorted(folder.iterdir())]
    return [f"ipc://{s}" for s in sockets if s.is_socket() and s.name not in _OTHER_SOCKETS]


def lost_lines(watches: Sequence[WatchRow]) -> list[str]:
    """Return a line for each robot that does not know where it is."""
    many = len(watches) > 1
    return [
        f"{f'the robot of {one.robot}' if many else 'the robot'} does not know where it is: "
        f"{one.lost}"
        for one in watches
        if one.lost
    ]


def _shown(monitor: Monitor) -> Group:
    """Return what is shown in a terminal: the table, and what no row of it says."""
    from rich.console import Group
    from rich.text import Text

    lines = [Text(one, "yellow") for one in lost_lines(monitor.watches())]
    return Group(table(monitor.rows()), *lines)


def _is_well(row: StreamRow) -> bool:
    fresh = row.state == "running" and row.age_ms < STALE_MS
    return (fresh or row.state in ("ended", "paused")) and not row.publishers


def as_dict(row: StreamRow) -> dict[str, Any]:
    """Return a row for JSON, which has no infinity."""
    fields = asdict(row)
    return fields | {"age_ms": row.age_ms if math.isfinite(row.age_ms) else None}


def table(rows: Sequence[StreamRow]) -> Table:
    """Return the table that is shown in a terminal."""
    from rich.table import Table
    from rich.text import Text

    shown = Table(title=f"sensebind top  {time.strftime('%H:%M:%S')}", expand=True)
    for column in _COLUMNS:
        shown.add_column(column, justify="left" if column in ("stream", "notes") else "right")
    for row in rows:
        cells = _cells(row)
        colour = _COLOURS.get(row.state, "red")
        age = "red" if row.age_ms > STALE_MS else ""
        styles = {"state": colour, "age ms": age, "lost": "red" if row.lost else ""}
        pairs = zip(_COLUMNS, cells, strict=True)
        shown.add_row(*(Text(cell, styles.get(column, "")) for column, cell in pairs))
    return shown


def as_text(rows: Sequence[StreamRow]) -> str:
    """Return the table as plain text, for pipes."""
    lines = [_COLUMNS, *(_cells(row) for row in rows)]
    widths = [max(len(line[i]) for line in lines) for i in range(len(_COLUMNS))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )


def show(rows: Sequence[StreamRow], console: Console) -> None:
    """Print the table once."""
    console.print(as_text(rows), highlight=False, soft_wrap=True, markup=False)


def _cells(row: StreamRow) -> tuple[str, ...]:
    counts = {
        "refused": row.refused,
        "malformed": row.malformed,
        "clamped": row.clamped,
        "not kept": row.unkept,
        "turned away": row.turned_away,
    }
    notes = [f"{count} {name}" for name, count in counts.items() if count]
    if row.publishers:
        notes.insert(0, f"{len(row.publishers)} publishers: {', '.join(row.publishers)}")
    return (
        row.stream,
        row.state,
        f"{row.rate:.1f}",
        f"{row.aim:.1f}",
        f"{row.age_ms:.0f}" if math.isfinite(row.age_ms) else "-",
        f"{row.encode_ms:.1f}",
        str(row.lost),
        str(row.gaps),
        str(row.dropped),
        str(row.unchanged),
        str(row.restarts),
        f"{row.memory / 1e6:.0f}",
        "; ".join([*([row.detail] if row.detail else []), *notes]),
    )
