"""`sensebind ask`: one question about files, on any checkpoint directory."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from rich.console import Console
from rich.markup import escape

from sensebind.agent.assistant import Assistant, Finished, TextPiece, TurnRecord
from sensebind.agent.chat_model import ChatSenseBind
from sensebind.agent.conditions import Condition
from sensebind.agent.file_senses import FileSenses
from sensebind.checkpoints import default_checkpoint
from sensebind.errors import InputError, SenseBindError

ALIASES = {"image": "vision", "sight": "vision", "hearing": "audio", "points": "point"}
ALIASES |= {"scan": "point"}
MODALITIES = ("vision", "audio", "point")


def parse_weights(options: Sequence[str]) -> dict[str, float]:
    """Reads `audio=0.5` and the like.

    Raises:
        InputError: Not of that form, an unknown sense, or a weight that is no number ≥ 0.
    """
    weights: dict[str, float] = {}
    for option in options:
        name, equals, number = option.partition("=")
        modality = ALIASES.get(name.strip(), name.strip())
        try:
            weight = float(number)
        except ValueError:
            weight = -1.0
        if not equals or modality not in MODALITIES or not 0 <= weight < float("inf"):
            raise InputError(
                f"--weight {option!r}: write image=1, audio=0.5 or points=0.25 (a number ≥ 0)"
            )
        weights[modality] = weight
    return weights


class _Fixed:
    """Senses that stay what the files say."""

    def __init__(self, condition: Condition) -> None:
        self._condition = condition

    def condition(self, senses: Sequence[str], dim: int) -> Condition:
        return self._condition


def run(
    question: str,
    files: Mapping[str, Path],
    *,
    weights: Sequence[str] = (),
    checkpoint: Path | None = None,
    as_json: bool = False,
) -> int:
    """Answers one question.

    Args:
        question: What to ask.
        files: Modality to file.
        weights: `sense=number` options.
        checkpoint: Directory of the weights; the embedded ones by default.
        as_json: Print the turn as one JSON object.

    Raises:
        SenseBindError: Something given cannot be used.
    """
    if not question.strip():
        raise InputError("the question is empty")
    parsed = parse_weights(weights)
    directory = checkpoint or default_checkpoint()
    chat = ChatSenseBind(model=str(directory))
    senses = None
    if files:
        for file in files.values():
            if not file.is_file():
                raise InputError(f"{file}: there is no such file")
        brain = chat.brain
        condition = FileSenses(directory, list(files)).condition(
            files, senses=brain.senses, dim=brain.bind_dim, weights=parsed
        )
        senses = _Fixed(condition)
    out = Console(highlight=False, soft_wrap=True)
    record = TurnRecord(question)
    with Assistant(chat, senses=senses) as assistant:
        for event in assistant.turn(question):
            if isinstance(event, TextPiece) and not as_json:
                out.print(escape(event.text), end="")
            elif isinstance(event, Finished):
                record = event.record
    if record.error:
        raise SenseBindError(record.error)
    if as_json:
        print(json.dumps(record.as_json(), ensure_ascii=False))
    else:
        out.print()
    return 0
