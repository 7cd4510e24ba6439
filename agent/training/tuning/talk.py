"""Plain dialogs that keep an adapted model talking: the base's own replies to a list of prompts.

No data set is needed for it, and nothing is forgotten for one: what the base says without a
condition is what it is to say under any (self-distillation).
"""

from __future__ import annotations

import json
import logging
import random
import time
from collections.abc import Sequence
from pathlib import Path

from sensebind.agent.gated_llama.batch import generate_rows
from sensebind.agent.gated_llama.model import ConditionedLM
from sensebind.agent.training.tuning.conditions import Embeddings
from sensebind.agent.training.tuning.dialogs import Dialog, TemplateEncoder
from sensebind.agent.training.tuning.prompts import all_prompts
from sensebind.errors import StorageError

log = logging.getLogger(__name__)

LONGEST = 64  # new tokens of a reply: longer ones cost more than they keep
AT_ONCE = 32  # prompts that are answered side by side
HELD_OUT = 8  # one prompt in so many is kept for checks


def base_replies(
    model: ConditionedLM,
    encoder: TemplateEncoder,
    stop_ids: Sequence[int],
    file: Path,
    made_of: str,
    limit: int | None = None,
) -> list[tuple[str, str]]:
    """Prompts and what the base answers, most probable token by token.

    A reply that is cut off at the longest length is cut back to its last whole sentence; one
    without any is left out.

    Args:
        model: The base under an untrained adapter, in eval mode.
        encoder: Of its tokenizer.
        stop_ids: Tokens that end a reply.
        file: Where replies are kept, one JSON object a line; a run that was stopped goes on.
        made_of: Names the base; replies of another are not used.
        limit: Most prompts; all of them without it.

    Raises:
        StorageError: The file cannot be written.
    """
    prompts = all_prompts()[:limit]
    known = _read(file, made_of)
    missing = [prompt for prompt in prompts if prompt not in known]
    begun = time.monotonic()
    for begin in range(0, len(missing), AT_ONCE):
        some = missing[begin : begin + AT_ONCE]
        ids = [encoder.prompt([{"role": "user", "content": prompt}]) for prompt in some]
        made = generate_rows(model, ids, stop_ids=stop_ids, max_new_tokens=LONGEST)
        said = [_whole(encoder.text(row), len(row) >= LONGEST) for row in made]
        known |= dict(zip(some, said, strict=True))
        _append(file, made_of, list(zip(some, said, strict=True)))
        done = begin + len(some)
        spent = time.monotonic() - begun
        log.info(
            "replies of the base: %d of %d, %.0f s left",
            done,
            len(missing),
            spent / done * (len(missing) - done),
        )
    return [(prompt, known[prompt]) for prompt in prompts if known[prompt]]


def split_replies(
    replies: Sequence[tuple[str, str]],
) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
    """Those to train on, and those for checks."""
    held = list(replies[::HELD_OUT])
    return [one for one in replies if one not in held] or held, held


class Talk:
    """Draws plain dialogs, under whatever may be perceived meanwhile."""

    def __init__(self, replies: Sequence[tuple[str, str]], embeddings: Embeddings) -> None:
        """Prepare.

        Args:
            replies: Prompts and replies; at least one.
            embeddings: What is perceived.
        """
        self._replies = list(replies)
        self._embeddings = embeddings

    def __call__(self, rng: random.Random) -> Dialog:
        """One prompt and its reply."""
        prompt, reply = rng.choice(self._replies)
        return talked(prompt, reply, self._embeddings.any_rows(rng))


def talked(prompt: str, reply: str, rows: tuple[int, ...]) -> Dialog:
    """A prompt and its reply as a dialog."""
    messages = ({"role": "user", "content": prompt}, {"role": "assistant", "content": reply})
    return Dialog(messages, (rows,))


def _whole(text: str, cut: bool) -> str:
    text = text.strip()
    if not cut:
        return text
    end = max(text.rfind(mark) for mark in (". ", "! ", "? ", ".\n", "!\n", "?\n"))
    return text[: end + 1] if end > 0 else ""


def _read(file: Path, made_of: str) -> dict[str, str]:
    known: dict[str, str] = {}
    try:
        lines = file.read_text("utf-8").splitlines()
    except OSError:
        return known
    for line in lines:
        try:
            row = json.loads(line)
            if row["base"] == made_of:
                known[str(row["prompt"])] = str(row["reply"])
        except (ValueError, KeyError, TypeError):  # a line that was cut off is answered again
            continue
    return known


def _append(file: Path, made_of: str, replies: Sequence[tuple[str, str]]) -> None:
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("a", encoding="utf-8") as lines:
            for prompt, reply in replies:
                row = {"base": made_of, "prompt": prompt, "reply": reply}
                lines.write(json.dumps(row, ensure_ascii=False) + "\n")
    except OSError as error:
        raise StorageError(f"cannot keep the base's replies in {file}: {error}") from error
