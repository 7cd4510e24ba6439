"""What a stage draws its examples from: SimHome or a user's pairs, mixed with plain talk."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from functools import lru_cache

from sensebind.agent.training.tuning.dialogs import Dialog, Example, TemplateEncoder
from sensebind.agent.training.tuning.loop import Draw
from sensebind.agent.training.tuning.recipe import Stage, TuneRecipe
from sensebind.agent.training.tuning.simhome import SimHomeDialogs
from sensebind.errors import InputError

Talking = Callable[[random.Random], Dialog]


def draw_simhome(
    dialogs: SimHomeDialogs,
    talk: Talking | None,
    encoder: TemplateEncoder,
    stage: Stage,
    recipe: TuneRecipe,
) -> Draw:
    """SimHome's dialogs about the senses; in stage 2 some with tools.

    Args:
        dialogs: Draws them.
        talk: Draws plain ones; None for none.
        encoder: Tokenises them.
        stage: Which one.
        recipe: Shares of plain dialogs and of those with tools.
    """
    plain = recipe.talk if talk is not None else 0.0
    tools = recipe.tools if stage == "stage2" else 0.0

    def draw(rng: random.Random, group: int, count: int) -> list[Example]:
        examples: list[Example] = []
        while len(examples) < count:
            pick = rng.random()
            if talk is not None and pick < plain:
                dialog = talk(rng)
            elif pick < plain + tools:
                dialog = dialogs.with_tools(rng)
            else:
                dialog = dialogs.about_senses(rng)
            examples += encoder.encode(dialog)
        return examples[:count]

    return draw


def draw_pairs(
    samples: Sequence[Sequence[Example]],
    talk: Talking | None,
    encoder: TemplateEncoder,
    recipe: TuneRecipe,
) -> Draw:
    """A user's samples, each once before any a second time, and plain dialogs.

    Args:
        samples: The examples of each sample; at least one.
        talk: Draws plain dialogs; None for none.
        encoder: Tokenises them.
        recipe: Share of plain dialogs.

    Raises:
        InputError: There are no samples.
    """
    if not samples:
        raise InputError("there is nothing to train on: no sample fits")

    @lru_cache(maxsize=2)
    def order(epoch: int) -> list[int]:
        places = list(range(len(samples)))
        random.Random(f"{recipe.seed} epoch {epoch}").shuffle(places)
        return places

    def draw(rng: random.Random, group: int, count: int) -> list[Example]:
        own = count if talk is None else max(1, round(count * (1 - recipe.talk)))
        examples: list[Example] = []
        for number in range(group * own, (group + 1) * own):
            epoch, place = divmod(number, len(samples))
            examples += samples[order(epoch)[place]]
        for _ in range(count - own):
            if talk is not None:
                examples += encoder.encode(talk(rng))
        return examples

    return draw
