"""`sensebind ask`: one question about files, on any checkpoint directory."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from rich.console import Console
from rich.markup import escape

from sensebind.agent.assistant import Assistant, Finished, TextPiece, TurnRecord
from sensebind.agent.conditioning.condition import Condition, Mix
from sensebind.agent.conditioning.media_encoder import FileSenses
from sensebind.agent.inputs import check_files, parse_weights
from sensebind.agent.llm.chat_model import ChatSenseBind
from sensebind.checkpoints import default_checkpoint
from sensebind.errors import InputError, SenseBindError
from sensebind.printable import printable, printable_json


class _Fixed:
    """Senses that stay what the files say."""

    def __init__(self, condition: Condition) -> None:
        self._condition = condition

    def condition(self, senses: Sequence[str], dim: int) -> Condition:
        return self._condition


def run(
    question: str,
    files: Mapping[str, Path | str],
    *,
    weights: Sequence[str] = (),
    mix: Mix | None = None,
    checkpoint: Path | None = None,
    as_json: bool = False,
) -> int:
    """Answers one question.

    Args:
        question: What to ask.
        files: Modality to file, and `"text"` to a text.
        weights: `sense=number` options.
        mix: As `conditions.compose` takes it.
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
        check_files(files)
        brain = chat.brain
        condition = FileSenses(directory, list(files)).condition(
            files, senses=brain.senses, dim=brain.bind_dim, weights=parsed, mix=mix
        )
        senses = _Fixed(condition)
    out = Console(highlight=False, soft_wrap=True)
    record = TurnRecord(question)
    with Assistant(chat, senses=senses) as assistant:
        for event in assistant.turn(question):
            if isinstance(event, TextPiece) and not as_json:
                out.print(escape(printable(event.text, lines=True)), end="")
            elif isinstance(event, Finished):
                record = event.record
    if record.error:
        raise SenseBindError(record.error)
    if as_json:
        print(printable_json(record.as_json()))
    else:
        out.print()
    return 0
