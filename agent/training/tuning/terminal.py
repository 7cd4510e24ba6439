"""The face of `sensebind train llama --base`: a progress bar, and what came out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from rich.table import Table

from sensebind.agent.training.llama.command import progress_bar
from sensebind.agent.training.tuning.command import TuneOptions, tune
from sensebind.agent.training.tuning.recipe import STAGES, TuneRecipe
from sensebind.console import console


def run(
    base: Path,
    output: Path,
    folder: Path,
    recipe: TuneRecipe,
    *,
    pairs: Path | None,
    stage: str | None,
    official: bool,
    scenes: int,
    minutes: float | None,
    threads: int | None,
    as_json: bool,
) -> int:
    """Trains, and prints what came of it.

    Args:
        base: As in `TuneOptions`, like all that follows.
        output: Of the trained adapter.
        folder: Working folder.
        recipe: How.
        pairs: A user's pairs; SimHome's without.
        stage: Only this one.
        official: Quirks of the official code.
        scenes: Of SimHome.
        minutes: Longest time.
        threads: Of PyTorch.
        as_json: Print one JSON object instead of a table.

    Returns:
        Exit code.

    Raises:
        SenseBindError: See `tune`.
    """
    options = TuneOptions(
        base, output, folder, pairs, stage, recipe, official, scenes, minutes, threads
    )
    with progress_bar(as_json) as report:
        done = tune(options, report)
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
