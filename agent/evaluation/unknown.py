"""`sensebind eval unknown`: what the weights take for known, of SimHome and of the world.

Files are split by the digest of their names: with one half a guard may be developed, the other half
is for looking at once.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

from sensebind.agent.conditioning.media_encoder import MediaEncoder, Perceived
from sensebind.agent.evaluation.report import Row, show
from sensebind.agent.evaluation.scenes import HELD_OUT_SEEDS, SENSES, perceive_scenes
from sensebind.agent.llm.checkpoint import load_llm
from sensebind.agent.llm.one_question import answer
from sensebind.agent.llm.unknown import WORDINGS
from sensebind.errors import InputError
from sensebind.perception.imagebind.guard import KNOWN
from sensebind.perception.modality import modality_info

KNOWN_BAR, UNKNOWN_BAR, SAID_BAR = 0.95, 0.90, 0.99
QUESTIONS = {
    "vision": ("what do you see?", "你看到什么？"),
    "audio": ("what do you hear?", "你听到什么？"),
    "point": ("what is near you?", "你附近有什么？"),
}
"""In English and Chinese."""


def run(
    folders: Mapping[str, Path],
    *,
    n: int,
    half: str,
    misses: Path | None,
    as_json: bool,
    checkpoint: Path,
) -> int:
    """For the command line.

    Args:
        folders: Files that SimHome does not have, by modality.
        n: Held-out scenes.
        half: "all", "development" or "held-out" of the files.
        misses: File to write the names of what was taken for known to.
        as_json: Print one JSON object instead of a table.
        checkpoint: Directory of the weights.

    Returns:
        0, or 1 when a row is below its bar.
    """
    scenes = perceive_scenes(checkpoint, range(HELD_OUT_SEEDS, HELD_OUT_SEEDS + n), quiet=as_json)
    rows = []
    for sense, modality in SENSES.items():
        sure = [one.confidences[sense] for one in scenes if sense in one.confidences]
        share = sum(one >= KNOWN for one in sure) / max(len(sure), 1)
        rows.append(Row(f"known: {modality.value} of SimHome", share, KNOWN_BAR, len(sure)))
    missed: list[str] = []
    encoders = MediaEncoder(checkpoint)
    for modality, folder in folders.items():
        found = perceived(encoders, modality, folder, half)
        missed += [f"{modality}\t{name}" for name, one in found.items() if one.known]
        share = sum(not one.known for one in found.values()) / max(len(found), 1)
        rows.append(Row(f"unknown: {modality} of the world", share, UNKNOWN_BAR, len(found)))
        rows.append(said(encoders, checkpoint, modality, found))
    if misses is not None:
        misses.write_text("".join(f"{one}\n" for one in missed), encoding="utf-8")
    return show(rows, title="what the weights know", json_form=as_json)


def perceived(
    encoders: MediaEncoder, modality: str, folder: Path, half: str = "all"
) -> dict[str, Perceived]:
    """What the encoder makes of the files of a folder; silence and empty floors are left out."""
    found: dict[str, Perceived] = {}
    for file in sorted(folder.iterdir()):
        if half != "all" and half != half_of(file.name):
            continue
        try:
            one = encoders.perceived(modality, file)
        except InputError as error:
            raise InputError(f"{file}: {error}") from error
        if one is not None:
            found[file.name] = one
    return found


def half_of(name: str) -> str:
    """Return the half that a file belongs to, by its name."""
    return "held-out" if hashlib.sha256(name.encode()).digest()[0] % 2 else "development"


def said(
    encoders: MediaEncoder, checkpoint: Path, modality: str, found: Mapping[str, Perceived]
) -> Row:
    """How often the model says that it does not know, where the encoder does not."""
    llm = load_llm(checkpoint)
    sense = modality_info(modality).sense
    right = asked = 0
    for name, one in found.items():
        if one.known:
            continue
        condition = encoders.laid_out({modality: (name, one)}, senses=llm.senses, dim=llm.bind_dim)
        for question, wording in zip(QUESTIONS[modality], WORDINGS[sense], strict=True):
            asked += 1
            right += "".join(answer(llm, question, condition)) == wording.whole()
    return Row(f"says so: {modality}", right / max(asked, 1), SAID_BAR, asked)
