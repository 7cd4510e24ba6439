"""The face of `sensebind train llama`: a progress bar, and the result as a table or as JSON."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import cast, get_args

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from sensebind.agent.training.llama.presets import train_small_llama
from sensebind.agent.training.llama.train import (
    LlamaRecipe,
    Report,
    Stage,
    train_llama,
)
from sensebind.agent.training.progress import terminal
from sensebind.console import console
from sensebind.errors import ConfigurationError

UNFREEZE = ("language", "none")


def run(
    output: Path,
    *,
    embeddings: Path,
    cache: Path | None = None,
    run: Path = Path("runs/llama"),
    stage: str | None = None,
    start: Path | None = None,
    unfreeze: str = "language",
    seed: int = 0,
    steps: int | None = None,
    minutes: float | None = None,
    as_json: bool = False,
) -> int:
    """Trains and prints how well held-out phrasings are answered.

    Args:
        output: Checkpoint directory to write.
        embeddings: Directory of the image embeddings that `sensebind train bind` writes.
        cache: Visual cache; `output/visual_cache` if that exists.
        run: Working folder of the whole recipe.
        stage: One stage only: words, captions, pictures, looks, stage1 or stage2.
        start: Checkpoint that a single stage goes on from.
        unfreeze: "language": all weights together (the small recipe); "none": the two stages of
            the large models, which need `start`.
        seed: Of weights, dialogs and augmentation.
        steps: Steps of each stage, instead of the recipe's.
        minutes: Longest time of the last stage.
        as_json: Print one JSON object instead of a table.

    Returns:
        Exit code.

    Raises:
        ConfigurationError: An unknown stage, or no `start` where one is needed.
    """
    if stage is not None and stage not in get_args(Stage):
        raise ConfigurationError(f"--stage must be one of {', '.join(get_args(Stage))}")
    one = cast(Stage | None, stage)
    if unfreeze not in UNFREEZE:
        raise ConfigurationError(f"--unfreeze must be one of {', '.join(UNFREEZE)}")
    if unfreeze == "none" and stage is None and start is None:
        raise ConfigurationError("--unfreeze none trains a given model: name it with --start")
    if cache is None and (output / "visual_cache").is_dir():
        cache = output / "visual_cache"
    recipe = LlamaRecipe(seed=seed)
    if steps:
        recipe = replace(
            recipe, word_steps=steps, caption_steps=steps, picture_steps=steps, look_steps=steps
        )
    begun = time.monotonic()
    with progress_bar(as_json) as report:
        if one is not None:
            shares = train_llama(
                output,
                embeddings=embeddings,
                stage=one,
                start=start,
                cache=cache,
                imagebind=output / "imagebind",
                recipe=recipe,
                minutes=minutes,
                report=report,
            )
        elif unfreeze == "none":
            train_llama(
                run / "stage1",
                embeddings=embeddings,
                stage="stage1",
                start=start,
                cache=cache,
                recipe=recipe,
                report=report,
            )
            shares = train_llama(
                output,
                embeddings=embeddings,
                stage="stage2",
                start=run / "stage1",
                cache=cache,
                recipe=recipe,
                minutes=minutes,
                report=report,
            )
        else:
            shares = train_small_llama(
                output,
                embeddings=embeddings,
                cache=cache,
                run=run,
                recipe=recipe,
                minutes=minutes,
                report=report,
            )
    _print(shares, output, time.monotonic() - begun, as_json)
    return 0


@contextmanager
def progress_bar(as_json: bool) -> Iterator[Report | None]:
    """A progress bar on standard error; none where JSON is wanted or nobody watches."""
    if as_json or not sys.stderr.isatty():
        yield None
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("loss {task.fields[loss]:.4f}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=terminal()) as progress:
        task = progress.add_task("training", loss=0.0)

        def report(step: int, steps: int, loss: float, seconds: float) -> None:
            progress.update(task, completed=step, total=steps, loss=loss)

        yield report


def _print(shares: dict[str, float], output: Path, seconds: float, as_json: bool) -> None:
    if as_json:
        print(json.dumps({"output": str(output), "seconds": round(seconds, 1), "right": shares}))
        return
    table = Table(title=f"{output}: held-out phrasings answered exactly right")
    table.add_column("what")
    table.add_column("share", justify="right")
    for name, share in shares.items():
        table.add_row(name, f"{share:.1%}")
    console(soft_wrap=False).print(table)
