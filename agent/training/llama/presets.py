"""The whole small recipe of `sensebind train llama`, stage after stage in a working folder."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

from sensebind.agent.training.llama.train import (
    SMALL_STAGES,
    STEPS,
    LlamaRecipe,
    Report,
    Stage,
    train_llama,
)


def train_small_llama(
    checkpoint: Path,
    *,
    embeddings: Path,
    cache: Path | None = None,
    imagebind: Path | None = None,
    run: Path = Path("runs/llama"),
    recipe: LlamaRecipe | None = None,
    minutes: float | None = None,
    report: Report | None = None,
) -> dict[str, float]:
    """The whole small recipe: "words", "captions", "pictures", then "looks" into the checkpoint.

    What an earlier run of the same recipe has finished is taken from `run`.

    Args:
        checkpoint: Directory to write the language model's files into.
        embeddings: Directory of `embeddings.safetensors`.
        cache: Visual cache with which enhanced copies are made.
        imagebind: ImageBind checkpoint that embeds captions; `checkpoint/imagebind` by default.
        run: Working folder.
        recipe: Sizes and rates; those of the shipped weights by default.
        minutes: Longest time of the last stage.
        report: Called after every step.

    Returns:
        Shares of right answers to held-out phrasings; see `probe`.
    """
    recipe = recipe or LlamaRecipe()
    words, captions, pictures = (run / stage for stage in SMALL_STAGES[:3])
    train_words_once(run, recipe, report)
    if not _finished(captions, recipe, "captions"):
        train_llama(
            captions,
            embeddings=None,
            stage="captions",
            start=words,
            imagebind=imagebind or checkpoint / "imagebind",
            recipe=recipe,
            report=report,
        )
    if not _finished(pictures, recipe, "pictures"):
        train_llama(
            pictures,
            embeddings=embeddings,
            stage="pictures",
            start=captions,
            cache=cache,
            recipe=recipe,
            report=report,
        )
    return train_llama(
        checkpoint,
        embeddings=embeddings,
        stage="looks",
        start=pictures,
        cache=cache,
        recipe=recipe,
        minutes=minutes,
        report=report,
    )


def train_words_once(run: Path, recipe: LlamaRecipe, report: Report | None = None) -> None:
    """The first stage, "words", which needs no pictures; not if an earlier run has finished it.

    Args:
        run: Working folder.
        recipe: Sizes and rates.
        report: Called after every step.
    """
    words = run / "words"
    if not _finished(words, recipe, "words"):
        train_llama(words, embeddings=None, stage="words", recipe=recipe, report=report)


def _finished(directory: Path, recipe: LlamaRecipe, stage: Stage) -> bool:
    """Whether a directory holds what this recipe gives up to a stage, whatever comes after it."""
    try:
        known = json.loads((directory / "training.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    later = [STEPS[one] for one in SMALL_STAGES[SMALL_STAGES.index(stage) + 1 :]]
    later.append("look_rate")
    return known | dict.fromkeys(later) == asdict(recipe) | dict.fromkeys(later)
