"""Trains the reader, from seeds, on sentences of `generate.py`; goes on where it was cut off.

Sentences are made in shards, which are kept in the working folder. One processor thread gives the
same weights again.
"""

from __future__ import annotations

import hashlib
import json
import logging
import random
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional

from sensebind.agent.reader.actions import ACTIONS, CATEGORIES
from sensebind.agent.reader.features import UNKNOWN, Vocabulary, padded, tokens_of
from sensebind.agent.reader.network import NetworkSize, ReaderNetwork
from sensebind.agent.reader.weights import Weights
from sensebind.agent.training.reader.generate import example
from sensebind.agent.training.reader.phrases import Example

log = logging.getLogger(__name__)

FIRST_UNSEEN = 1_000_000
"""Number of the first shard of sentences that are measured on and never trained on."""
Row = tuple[list[int], list[list[int]], list[int], list[int], int]
"""Words, trigrams, shapes, levels, category."""


@dataclass(frozen=True, slots=True)
class ReaderRecipe:
    """How the reader is trained.

    Attributes:
        steps: Batches.
        batch: Sentences of a batch.
        shards: Shards of sentences.
        shard: Sentences of a shard.
        rate: Highest learning rate.
        warmup: Steps until it is reached.
        decay: Weight decay.
        dropout: Share of features that is dropped.
        forget: Share of known words that are taken to be unknown.
        average: Of the weights that are kept, over the last steps.
        english: Share of English sentences.
        width: Width of the network.
        layers: Its layers.
        seed: Of sentences and weights.
    """

    steps: int = 2600
    batch: int = 256
    shards: int = 30
    shard: int = 16384
    rate: float = 3e-3
    warmup: int = 200
    decay: float = 0.02
    dropout: float = 0.1
    forget: float = 0.06
    average: float = 0.998
    english: float = 0.58
    width: int = 96
    layers: int = 2
    seed: int = 0


GO_ON = ReaderRecipe(steps=500, shards=8, rate=1e-3, warmup=50, average=0.995, seed=1)
"""Going on from trained weights with sentences of other seeds, such as after new frames."""


def sentences(recipe: ReaderRecipe, shard: int) -> list[Example]:
    """The sentences of a shard; those from `FIRST_UNSEEN` on are never trained on."""
    rng = random.Random(f"reader {recipe.seed} {shard}")
    return [
        example("en" if rng.random() < recipe.english else "zh", rng) for _ in range(recipe.shard)
    ]


def vocabulary_of(examples: list[Example], buckets: int, least: int = 12) -> Vocabulary:
    """The words that sentences often have; open words are too many to be among them."""
    counts = Counter(token.text for one in examples for token in tokens_of(one.text))
    known = sorted(word for word, count in counts.items() if count >= least)
    return Vocabulary(known, buckets)


class Shards:
    """Shards of encoded sentences, made when they are first asked for.

    Attributes:
        vocabulary: Encodes the sentences; kept in the working folder.
    """

    def __init__(
        self, recipe: ReaderRecipe, run: Path, member: int = 0, known: Vocabulary | None = None
    ) -> None:
        """Makes or reads the vocabulary.

        Args:
            recipe: How the reader is trained.
            run: Working folder.
            member: Whose order the batches have.
            known: The words of weights that are gone on from; made of sentences by default.
        """
        self._recipe, self._run, self._member = recipe, run, member
        given = "" if known is None else f" {_digest(' '.join(known.words).encode())}"
        _forget_others(run, f"{recipe.seed} {recipe.shard} {recipe.english} {_sources()}{given}")
        self._last: tuple[int, list[Row]] = (-1, [])
        words = run / "words.json"
        if not words.is_file():
            made = known or vocabulary_of(sentences(recipe, 0), NetworkSize(0).buckets)
            _write(words, json.dumps(made.words, ensure_ascii=False).encode())
        self.vocabulary = Vocabulary(json.loads(words.read_text("utf-8")), NetworkSize(0).buckets)

    def shard(self, number: int) -> list[Row]:
        """The rows of a shard."""
        if self._last[0] == number:
            return self._last[1]
        file = self._run / f"shard-{number:03d}.json"
        if not file.is_file():
            rows = [self._row(one) for one in sentences(self._recipe, number)]
            _write(file, json.dumps(rows, separators=(",", ":")).encode())
        rows = json.loads(file.read_text("utf-8"))
        self._last = (number, rows)
        return rows

    def _row(self, one: Example) -> Row:
        levels = [one.levels.get(action, 0) for action in ACTIONS]
        return (*self.vocabulary.row(one.text), levels, CATEGORIES.index(one.category))

    def batches(self, first: int) -> Iterator[tuple[torch.Tensor, ...]]:
        """Endless batches from a step on, each of texts of about one length."""
        recipe = self._recipe
        each = recipe.shard // recipe.batch
        for step in range(first, recipe.steps):
            turn, place = divmod(step, each)
            rows = self.shard(turn % recipe.shards)
            rng = random.Random(f"batches {recipe.seed} {self._member} {turn}")
            noise = [rng.random() for _ in rows]
            order = sorted(range(len(rows)), key=lambda at: len(rows[at][0]) + 3 * noise[at])
            chunks = [order[i * recipe.batch : (i + 1) * recipe.batch] for i in range(each)]
            rng.shuffle(chunks)
            chosen = [rows[at] for at in chunks[place]]
            encoded = padded([(one[0], one[1], one[2]) for one in chosen])
            draw = np.random.default_rng([recipe.seed, self._member, step])
            lost = (draw.random(encoded.words.shape) < recipe.forget) & (encoded.words > 2)
            words = np.where(lost & (encoded.shapes != 5), UNKNOWN, encoded.words)
            yield (
                torch.from_numpy(words),
                torch.from_numpy(encoded.grams),
                torch.from_numpy(encoded.shapes),
                torch.tensor([one[3] for one in chosen]),
                torch.tensor([one[4] for one in chosen]),
            )


def _sources() -> str:
    """A digest of the code and the words that sentences are made of."""
    content = b""
    for folder in (Path(__file__).parent, Path(__file__).parents[2] / "corpus"):
        for file in sorted([*folder.glob("*.py"), *folder.glob("words/*.txt")]):
            if file.name not in ("train.py", "command.py"):
                content += file.read_bytes()
    return _digest(content)


def _digest(content: bytes) -> str:
    return hashlib.blake2b(content, digest_size=16).hexdigest()


def _forget_others(run: Path, made_of: str) -> None:
    """Removes shards and states that were made of other sentences."""
    label = run / "made_of"
    if label.is_file() and label.read_text("utf-8") == made_of:
        return
    for file in (*run.glob("shard-*.json"), *run.glob("member-*.pt"), run / "words.json"):
        file.unlink(missing_ok=True)
    _write(label, made_of.encode())


def size_of(recipe: ReaderRecipe, vocabulary: Vocabulary) -> NetworkSize:
    """How large the network of a recipe is."""
    return NetworkSize(len(vocabulary), width=recipe.width, layers=recipe.layers)


def train(
    recipe: ReaderRecipe,
    run: Path,
    member: int = 0,
    *,
    minutes: float | None = None,
    start: Weights | None = None,
) -> tuple[ReaderNetwork, Vocabulary]:
    """Trains, or goes on; returns the averaged network and its words.

    Args:
        recipe: How.
        run: Working folder: shards and the state, which is written once a minute.
        member: Number of the network in an ensemble; all learn from the same sentences.
        minutes: Ends after this time, to be gone on with later; the learning rate follows `steps`.
        start: Weights that are gone on from; random ones by default.
    """
    run.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(1)
    torch.manual_seed(1000 * member + recipe.seed)
    shards = Shards(recipe, run, member, start.vocabulary if start else None)
    size = size_of(recipe, shards.vocabulary)
    network, average = ReaderNetwork(size, recipe.dropout), ReaderNetwork(size)
    if start is not None:
        network.load_state_dict(start.members[member].state_dict())
    average.load_state_dict(network.state_dict())
    optimizer = torch.optim.AdamW(
        network.parameters(), lr=recipe.rate, weight_decay=recipe.decay, betas=(0.9, 0.98)
    )
    step, state = 0, run / f"member-{member}.pt"
    if state.is_file():
        kept = torch.load(state, weights_only=True)
        if kept["recipe"] == asdict(recipe):
            network.load_state_dict(kept["network"])
            average.load_state_dict(kept["average"])
            optimizer.load_state_dict(kept["optimizer"])
            step = kept["step"]
            torch.set_rng_state(kept["random"])  # of dropout
            log.info("reader: goes on at step %d", step)

    def keep() -> None:
        parts = {
            "network": network.state_dict(),
            "average": average.state_dict(),
            "optimizer": optimizer.state_dict(),
            "step": step,
            "random": torch.get_rng_state(),
            "recipe": asdict(recipe),
        }
        torch.save(parts, state.with_suffix(".new"))
        state.with_suffix(".new").replace(state)

    begun = kept_at = time.monotonic()
    losses: list[float] = []
    for words, grams, shapes, levels, categories in shards.batches(step):
        network.train()
        for group in optimizer.param_groups:
            group["lr"] = rate_at(recipe, step)
        logits, kinds = network(words, grams, shapes)
        by_action = functional.cross_entropy(
            logits.flatten(0, 1), levels.flatten(), reduction="sum"
        )
        loss = by_action / len(words) + 0.5 * functional.cross_entropy(kinds, categories)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()
        step += 1
        weight = min(recipe.average, (step + 1) / (step + 10))
        with torch.no_grad():
            for ours, theirs in zip(average.parameters(), network.parameters(), strict=True):
                ours.lerp_(theirs, 1 - weight)
        losses.append(loss.item())
        now = time.monotonic()
        if now - kept_at > 60 or step == recipe.steps:
            keep()
            log.info(
                "reader: step %d of %d, loss %.4f", step, recipe.steps, sum(losses) / len(losses)
            )
            losses, kept_at = [], now
        if minutes is not None and now - begun > 60 * minutes:
            keep()
            break
    return average.eval(), shards.vocabulary


def rate_at(recipe: ReaderRecipe, step: int) -> float:
    """The learning rate of a step: up, then down to a twentieth in a straight line."""
    if step < recipe.warmup:
        return recipe.rate * (step + 1) / recipe.warmup
    left = 1 - (step - recipe.warmup) / max(1, recipe.steps - recipe.warmup)
    return recipe.rate * max(0.05, left)


def _write(file: Path, content: bytes) -> None:
    new = file.with_suffix(".new")
    new.write_bytes(content)
    new.replace(file)
