"""The reader's part of a checkpoint directory: `reader/config.json` and `reader/model.safetensors`.

Weights are kept in half precision, those of several members of an ensemble in one file.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from sensebind.agent.reader.actions import ACTIONS, CATEGORIES
from sensebind.agent.reader.features import FIRST_WORD, Vocabulary
from sensebind.agent.reader.network import NetworkSize, ReaderNetwork
from sensebind.errors import CheckpointError, one_line
from sensebind.perception.checkpoint_json import check_depth, read_object, whole_number
from sensebind.perception.tensor_files import all_finite

_CONFIG, _WEIGHTS = "config.json", "model.safetensors"
_VERSION = 1
_MOST_WORDS, _MOST_MEMBERS = 50_000, 8


@dataclass(frozen=True, slots=True)
class Calibration:
    """How scores are read; see docs/training.md.

    Attributes:
        temperature: By which logits are divided.
        act: Least score of an order that is carried out without a question.
        act_moving: The same, of one that moves the robot.
        act_strange: The same, where the network does not know one of the words.
        ask: Least score of one that is asked about.
        order: Least score that words are an order or a question at all, for tools that the reader
            does not know.
        refuse: Least score of a condition, a negation and the like, for such tools to be left.
        surely: Least score of words that forbid, or are about later, to be answered so.
        fits: Least score of a user's own tool, which the person is asked about.
        fits_surely: Least score of one that is called without a question of the reader.
    """

    temperature: float = 1.0
    act: float = 0.85
    act_moving: float = 0.95
    act_strange: float = 0.95
    ask: float = 0.3
    order: float = 0.5
    refuse: float = 0.7
    surely: float = 0.95
    fits: float = 0.43
    fits_surely: float = 0.75


@dataclass(frozen=True, slots=True)
class Weights:
    """A loaded reader.

    Attributes:
        vocabulary: Its words.
        members: Networks whose probabilities are averaged.
        calibration: How scores are read.
    """

    vocabulary: Vocabulary
    members: tuple[ReaderNetwork, ...]
    calibration: Calibration


def save_weights(
    folder: Path,
    vocabulary: Vocabulary,
    members: Sequence[Mapping[str, torch.Tensor]],
    size: NetworkSize,
    calibration: Calibration,
) -> None:
    """Writes the reader's part of a checkpoint.

    Args:
        folder: Its folder; made if it is missing.
        vocabulary: Words of all members.
        members: State of each network.
        size: Of each.
        calibration: How scores are read.
    """
    folder.mkdir(parents=True, exist_ok=True)
    tensors = {
        f"{number}.{name}": tensor.to(torch.float16).contiguous()
        for number, state in enumerate(members)
        for name, tensor in state.items()
    }
    save_file(tensors, folder / _WEIGHTS)
    config = {
        "model_type": "sensebind_reader",
        "version": _VERSION,
        "members": len(members),
        "actions": list(ACTIONS),
        "categories": list(CATEGORIES),
        "calibration": asdict(calibration),
        **{name: value for name, value in asdict(size).items() if name != "vocabulary"},
        "words": " ".join(vocabulary.words),
    }
    text = json.dumps(config, ensure_ascii=False, indent=1)
    (folder / _CONFIG).write_text(text + "\n", encoding="utf-8")


def load_weights(folder: Path) -> Weights:
    """Loads the reader's part of a checkpoint.

    Args:
        folder: Its folder.

    Raises:
        CheckpointError: It is damaged, or of another version.
    """
    config = read_object(folder / _CONFIG)
    if config.get("version") != _VERSION or config.get("actions") != list(ACTIONS):
        raise CheckpointError(
            f"{folder}: a reader of another version; train it again with `sensebind train reader`"
        )
    if config.get("categories") != list(CATEGORIES):
        raise CheckpointError(f"{folder}: a reader with other categories")
    words = str(config.get("words", "")).split(" ")
    try:
        tensors = load_file(folder / _WEIGHTS)
    except (OSError, SafetensorError) as error:
        raise CheckpointError(f"{folder / _WEIGHTS} cannot be read: {error}") from error
    try:
        check_depth(config, len(tensors))
        members = whole_number(config, "members", default=1, most=_MOST_MEMBERS)
        sizes = {
            name: whole_number(config, name)
            for name in ("buckets", "width", "layers", "heads", "inner")
        }
        if len(words) > _MOST_WORDS:
            raise ValueError(f"it has {len(words)} words, at most {_MOST_WORDS} are read")
        if sizes["width"] % sizes["heads"]:
            raise ValueError(f"its {sizes['heads']} heads do not share a width of {sizes['width']}")
    except ValueError as error:
        raise CheckpointError(f"{folder} cannot be loaded: {error}") from error
    for name, tensor in tensors.items():
        if not all_finite(tensor):
            raise CheckpointError(f"{folder}: {name} holds NaN or infinity")
    size = NetworkSize(FIRST_WORD + len(words), **sizes)
    networks = []
    for number in range(members):
        with torch.device("meta"):  # its numbers may lie: memory is that of the tensors alone
            network = ReaderNetwork(size)
        mark = f"{number}."
        state = {
            name.removeprefix(mark): tensor.float()
            for name, tensor in tensors.items()
            if name.startswith(mark)
        }
        try:
            network.load_state_dict(state, assign=True)
        except RuntimeError as error:
            raise CheckpointError(f"{folder}: {one_line(error)}") from error
        networks.append(network.eval())
    return Weights(Vocabulary(words, size.buckets), tuple(networks), _calibration(config))


def _calibration(config: Mapping[str, Any]) -> Calibration:
    given = config.get("calibration")
    values = given if isinstance(given, Mapping) else {}
    known = asdict(Calibration())
    numbers = {}
    for name, default in known.items():
        value = values.get(name, default)
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= 100:
            raise CheckpointError(f"reader: calibration.{name} is {value!r}, not a number in range")
        numbers[name] = float(value)
    return Calibration(**numbers)
