"""`sensebind train reader`: trains, calibrates, and writes the reader into a checkpoint."""

from __future__ import annotations

import logging
import math
import time
from dataclasses import replace
from pathlib import Path

import torch
from torch.nn import functional

from sensebind.agent.reader import FOLDER
from sensebind.agent.reader.actions import ACTIONS
from sensebind.agent.reader.features import Vocabulary
from sensebind.agent.reader.network import ReaderNetwork
from sensebind.agent.reader.weights import Calibration, load_weights, save_weights
from sensebind.agent.training.reader.train import (
    FIRST_UNSEEN,
    GO_ON,
    ReaderRecipe,
    sentences,
    size_of,
    train,
)
from sensebind.errors import StorageError

log = logging.getLogger(__name__)

MEMBERS = 2
_UNSEEN = 4096  # sentences that the temperature is fitted to
_TEMPERATURES = tuple(0.6 + 0.1 * step for step in range(25))


def run(
    output: Path,
    *,
    run: Path,
    recipe: ReaderRecipe | None = None,
    members: int = MEMBERS,
    minutes: float | None = None,
    start: Path | None = None,
) -> int:
    """Trains the reader of a checkpoint, from nothing or from where an earlier run was cut off.

    Args:
        output: Checkpoint directory; `reader/` is written in it.
        run: Working folder.
        recipe: How; by default `ReaderRecipe()`, and `GO_ON` from the weights of `start`.
        members: Networks of the ensemble.
        minutes: Ends each member after this time, to be gone on with by the same command.
        start: Checkpoint directory whose reader is gone on from: as many members, the same words,
            the same calibration. What is written is the mean of its weights and of those that they
            have become, which keeps more of what they knew (Wortsman et al., 2109.01903).

    Returns:
        Exit code.

    Raises:
        StorageError: A folder cannot be written.
        CheckpointError: The weights to go on from are damaged.
    """
    given = load_weights(start / FOLDER) if start is not None else None
    recipe = recipe or (GO_ON if given else ReaderRecipe())
    members = len(given.members) if given else members
    begun = time.monotonic()
    try:
        trained = [
            train(recipe, run, member, minutes=minutes, start=given) for member in range(members)
        ]
        networks, vocabulary = [network for network, _ in trained], trained[0][1]
        if given:
            calibration = given.calibration
            for network, before in zip(networks, given.members, strict=True):
                _mean(network, before)
        else:
            heat = _temperature(networks, vocabulary, recipe)
            calibration = replace(Calibration(), temperature=heat)
        save_weights(
            output / FOLDER,
            vocabulary,
            [network.state_dict() for network in networks],
            size_of(recipe, vocabulary),
            calibration,
        )
    except OSError as error:
        raise StorageError(f"cannot keep the reader in {output}: {error}") from error
    log.info("reader: %.1f minutes, %s", (time.monotonic() - begun) / 60, calibration)
    return 0


def _mean(network: ReaderNetwork, before: ReaderNetwork) -> None:
    """Puts a network half way between what it is and what it was."""
    with torch.no_grad():
        for ours, theirs in zip(network.parameters(), before.parameters(), strict=True):
            ours.lerp_(theirs, 0.5)


def _temperature(
    networks: list[ReaderNetwork], vocabulary: Vocabulary, recipe: ReaderRecipe
) -> float:
    """The temperature of the least cross entropy on unseen sentences (Guo et al., 1706.04599)."""
    unseen = sentences(replace(recipe, shard=_UNSEEN), FIRST_UNSEEN)
    wanted = torch.tensor([[one.levels.get(action, 0) for action in ACTIONS] for one in unseen])
    encoded = vocabulary.encode([one.text for one in unseen])
    parts = [torch.from_numpy(one) for one in (encoded.words, encoded.grams, encoded.shapes)]
    with torch.inference_mode():
        logits = [network(*parts)[0] for network in networks]
    best, least = 1.0, math.inf
    for heat in _TEMPERATURES:
        mean = torch.stack([(one / heat).softmax(-1) for one in logits]).mean(0)
        loss = functional.nll_loss(mean.clamp(min=1e-9).log().flatten(0, 1), wanted.flatten())
        if loss < least:
            best, least = heat, float(loss)
    return round(best, 2)
