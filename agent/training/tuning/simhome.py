"""SimHome's image-text pairs for an adapter: rendered and encoded once, and talked about.

As for the embedded model, images fill all slots: what is learned to be said of an image in the
hearing slot will be said of a sound there (`llama/condition_pool.py`).
"""

from __future__ import annotations

import json
import logging
import random
from collections.abc import Sequence
from dataclasses import replace
from itertools import takewhile
from pathlib import Path
from typing import Any, Self

from sensebind.agent.corpus.dialog import Turn, sample_dialog
from sensebind.agent.corpus.grammar import Split
from sensebind.agent.training import simhome_data
from sensebind.agent.training.bind.evaluate import embed_images
from sensebind.agent.training.bind.pipeline import write_embeddings
from sensebind.agent.training.bind.scenes import prepare
from sensebind.agent.training.llama.condition_pool import EmbeddingPool, load_pool
from sensebind.agent.training.tuning.conditions import Embeddings
from sensebind.agent.training.tuning.dialogs import Dialog, Message
from sensebind.agent.training.tuning.whole_files import write_whole
from sensebind.checkpoints.layout import cache_directory, imagebind_directory
from sensebind.errors import ConfigurationError
from sensebind.memory.visual_cache import VisualCache
from sensebind.perception.imagebind import Encoder, ImageBind, ImageBindProcessor

log = logging.getLogger(__name__)

SENSES = ("sight", "hearing", "scan")
SCENES = 2_400
FIRST_SEED = 60_000
"""Of the scenes: not those that the embedded encoder was trained on, which it knows too well."""
SHARD = 100
# How often each question about the senses is asked. What is kept out are SimHome's fixed answers
# to greetings and the like: there the base talks as it does.
ASKED: dict[str, float] = {
    "see": 9,
    "hear": 7,
    "scan": 7,
    "all": 4,
    "color": 4,
    "color_kind": 3,
    "see_is": 3,
    "see_color": 1,
    "hear_is": 3,
    "scan_is": 3,
}
_OTHER_TOOLS = 3  # at most, listed next to those that a dialog calls


def simhome_pool(adapter: Path, run: Path, scenes: int = SCENES) -> EmbeddingPool:
    """The embeddings of SimHome's images by an adapter's encoder, and what they show.

    Second objects are not named: what can only be guessed is guessed aloud (`llama/probe.py`).

    Args:
        adapter: Checkpoint that names the encoder.
        run: Working folder; what an earlier run rendered and encoded is taken from it.
        scenes: How many scenes.

    Raises:
        StorageError: The folder cannot be written.
        CheckpointError: The encoder cannot be read.
    """
    folder, directory = run / "simhome", imagebind_directory(adapter)
    label = folder / "made_of.json"
    made_of = [scenes, FIRST_SEED, Encoder(directory).digest]
    wanted = json.dumps(made_of) + "\n"
    if not label.is_file() or label.read_text("utf-8") != wanted:
        simhome_data.render(
            folder / "scenes", scenes=scenes, first_seed=FIRST_SEED, shard=SHARD, workers=1
        )
        processor = ImageBindProcessor.from_pretrained(directory)
        model = ImageBind.from_pretrained(directory, modalities=["vision"])
        raw = simhome_data.load(folder / "scenes")
        raw = replace(raw, scans=[], scans_of=raw.scans_of[:0])  # no scan is ever shown
        shown = prepare(raw, processor)
        images = embed_images(model, processor, shown.images)
        write_embeddings(folder, shown, {"image": images}, "embeddings")
        write_whole(label, lambda part: part.write_text(wanted, encoding="utf-8"))
    cache = cache_directory(adapter)
    pool = load_pool(folder, None if cache is None else VisualCache.load(cache))
    pool.captions = [replace(caption, second=None) for caption in pool.captions]
    log.info("%d images of SimHome", len(pool.captions))
    return pool


def embeddings_of(pool: EmbeddingPool, senses: Sequence[str]) -> Embeddings:
    """What conditions are made of, for the slots of an adapter.

    Args:
        pool: Of `simhome_pool`.
        senses: Of the adapter, by slot.
    """
    how = pool.augmentation
    reach = tuple(how.sight if sense == "sight" else how.others for sense in senses)
    return Embeddings(pool.images, reach, how.enhanced)


class SimHomeDialogs:
    """Draws dialogs about what the senses perceive, and some in which tools are called."""

    def __init__(
        self,
        pool: EmbeddingPool,
        senses: Sequence[str],
        tools: Sequence[dict[str, Any]] = (),
        split: Split = "train",
    ) -> None:
        """Prepare.

        Args:
            pool: Where conditions come from.
            senses: Of the adapter, by slot.
            tools: All tools that may be listed, in OpenAI form.
            split: Which phrasings.

        Raises:
            ConfigurationError: Slots that SimHome's dialogs are not about.
        """
        if sorted(senses) != sorted(SENSES):
            raise ConfigurationError(
                f"SimHome's dialogs need the slots {', '.join(SENSES)}, the adapter has "
                f"{', '.join(senses) or 'one without a name'}: give --pairs, or adapt again"
            )
        self._pool, self._senses = pool, tuple(senses)
        self._split: Split = split
        self._places = [SENSES.index(sense) for sense in senses]
        self._tools = {str(tool["function"]["name"]): dict(tool) for tool in tools}

    def with_split(self, split: Split) -> Self:
        """The same with other phrasings."""
        return type(self)(self._pool, self._senses, tuple(self._tools.values()), split)

    def asked(self, rng: random.Random, intent: str) -> Dialog:
        """One question of an intent of `ASKED`, and its answer."""
        return self._dialog(self._sample(rng, turns=1, first=intent), ())

    def about_senses(self, rng: random.Random) -> Dialog:
        """A dialog without calls, mostly of one turn."""
        first = rng.choices(list(ASKED), list(ASKED.values()))[0]
        turns = rng.choices((1, 2, 3), (7, 2, 1))[0]
        said = self._sample(rng, turns=turns, first=first)
        return self._dialog(list(takewhile(_spoken, said)), ())

    def with_tools(self, rng: random.Random) -> Dialog:
        """A dialog in which one of a few listed tools is called, as far as the first call's turn.

        Every second one is about the senses with tools at hand that are of no use.
        """
        if rng.random() < 0.5:
            dialog = self.about_senses(rng)
            return replace(dialog, tools=self._listed(rng, ()))
        while True:
            said = self._sample(rng, turns=1, first=None)
            called = {
                str(json.loads(text)["name"])
                for turn in said
                for kind, text in turn.steps
                if kind == "call"
            }
            if called and called <= self._tools.keys():
                return self._dialog(said, self._listed(rng, sorted(called)))

    def _sample(self, rng: random.Random, *, turns: int, first: str | None) -> list[Turn]:
        return sample_dialog(
            rng,
            self._pool,
            split=self._split,
            lang="en",
            turns=turns,
            first=first,
            dressed=rng.random() < 0.7,
        )

    def _listed(self, rng: random.Random, called: Sequence[str]) -> tuple[dict[str, Any], ...]:
        others = [name for name in self._tools if name not in called]
        names = [*called, *rng.sample(others, min(len(others), rng.randint(1, _OTHER_TOOLS)))]
        rng.shuffle(names)
        return tuple(self._tools[name] for name in names)

    def _dialog(self, turns: Sequence[Turn], tools: tuple[dict[str, Any], ...]) -> Dialog:
        messages: list[Message] = []
        for turn in turns:
            messages.append({"role": "user", "content": turn.user})
            for kind, text in turn.steps:
                messages.append(_message(kind, text, messages))
        rows = [tuple(turn.condition.rows[place] for place in self._places) for turn in turns]
        return Dialog(tuple(messages), tuple(rows), tools)


def _spoken(turn: Turn) -> bool:
    return all(kind == "say" for kind, _ in turn.steps)


def _message(kind: str, text: str, before: Sequence[Message]) -> Message:
    if kind == "say":
        return {"role": "assistant", "content": text}
    if kind == "tool":
        [call] = before[-1]["tool_calls"]
        name = call["function"]["name"]
        return {"role": "tool", "content": text, "tool_call_id": call["id"], "name": name}
    call = json.loads(text)
    function = {"name": call["name"], "arguments": call["arguments"]}
    # An id of nine letters and digits, as Mistral's templates demand.
    made = {"type": "function", "id": f"call{len(before):05d}", "function": function}
    return {"role": "assistant", "content": "", "tool_calls": [made]}
