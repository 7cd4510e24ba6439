"""The face of `sensebind train llama --base`: a progress bar, and what came out."""

from __future__ import annotations

import json
from typing import Any

from rich.table import Table

from sensebind.agent.training.llama.command import progress_bar
from sensebind.agent.training.tuning.command import TuneOptions, tune
from sensebind.agent.training.tuning.processes import joined
from sensebind.agent.training.tuning.recipe import STAGES
from sensebind.console import console


def run(options: TuneOptions, as_json: bool) -> int:
    """Trains, and prints what came of it.

    Args:
        options: What on what.
        as_json: Print one JSON object instead of a table.

    Returns:
        Exit code.

    Raises:
        SenseBindError: See `tune`.
    """
    with joined() as processes, progress_bar(as_json or not processes.first) as report:
        done = tune(options, report, processes)
    if not processes.first:
        return 0
    if as_json:
        print(json.dumps(done))
    else:
        _print(done)
    return 0


def _print(done: dict[str, Any]) -> None:
    lines = console(soft_wrap=False)
    for stage in STAGES:
        if stage in done:
            one = done[stage]
            lines.print(
                f"{stage}: {one['steps']} steps, {one['seconds'] / 60:.1f} minutes, loss "
                f"{one['loss_first']} to {one['loss_last']}"
            )
    if not done["finished"]:
        lines.print("Not finished: the same command goes on.")
        return
    lines.print(f"{done['output']}: {done['bytes'] / 1e6:.1f} MB")
    if checks := done["checks"]:
        table = Table(title="held-out phrasings answered exactly right; loss of held-out talk")
        table.add_column("what")
        table.add_column("value", justify="right")
        for name, value in checks.items():
            table.add_row(name, f"{value:.3f}" if name.startswith("talk") else f"{value:.1%}")
        lines.print(table)
