"""Dialogs as a base's own chat template writes them, with labels where the assistant speaks.

What is trained on is token by token what the runtime hands to the model (`llm/prompt.py`): the same
template, the same inert texts, and a condition for each token by the turn that it belongs to.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor
from transformers import PreTrainedTokenizerFast

from sensebind.agent.corpus.conditions import ABSENT
from sensebind.agent.llm.chat_template import rendered
from sensebind.agent.llm.inert import Inert
from sensebind.errors import ConfigurationError

IGNORE = -100
NO_CONDITION = -1

Message = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Dialog:
    """What is said, and what is perceived meanwhile.

    Attributes:
        messages: In the form that chat templates expect.
        rows: For each message of the user, the row of the embeddings in each slot; `ABSENT` for an
            empty one.
        tools: In OpenAI form.
    """

    messages: tuple[Message, ...]
    rows: tuple[tuple[int, ...], ...]
    tools: tuple[dict[str, Any], ...] = ()


@dataclass(frozen=True, slots=True)
class Example:
    """A dialog as tokens.

    Attributes:
        tokens: Their ids.
        labels: The same where they count in the loss, `IGNORE` elsewhere.
        turn_of: Turn of each token, `NO_CONDITION` before the first.
        rows: As in `Dialog`.
    """

    tokens: list[int]
    labels: list[int]
    turn_of: list[int]
    rows: tuple[tuple[int, ...], ...]


class TemplateEncoder:
    """Turns dialogs into examples.

    Attributes:
        left_out: Dialogs that did not fit, not even their first turn.
    """

    def __init__(
        self, tokenizer: PreTrainedTokenizerFast, stop_ids: Sequence[int], longest: int
    ) -> None:
        """Wrap a tokenizer with its chat template.

        Args:
            tokenizer: Of the base.
            stop_ids: Tokens that end an answer.
            longest: Most tokens of an example.
        """
        self._tokenizer = tokenizer
        self._stops = frozenset(stop_ids)
        self._longest = longest
        self._inert = Inert(tokenizer)
        self.left_out = 0

    def encode(self, dialog: Dialog) -> list[Example]:
        """Tokenises a dialog.

        It is one example, with all answers labelled. Where the template writes an answer of the
        past in another way than a new one, as those of models do that think first, each answer is
        an example of its own. What is too long loses its last turns.

        Raises:
            ConfigurationError: A template in which no answer can be found.
        """
        messages = tuple(self._safe(one) for one in dialog.messages)
        safe = replace(dialog, messages=messages, tools=tuple(self._inert.value(dialog.tools)))
        while True:
            examples = self._examples(safe)
            if all(len(one.tokens) <= self._longest for one in examples):
                return examples
            shorter = _without_last_turn(safe)
            if shorter is None:
                self.left_out += 1
                return []
            safe = shorter

    def prompt(self, messages: Sequence[Message]) -> list[int]:
        """Tokens of a dialog up to where an answer begins."""
        text = rendered(self._tokenizer, [self._safe(one) for one in messages], generate=True)
        return list(self._tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"])

    def text(self, tokens: Sequence[int]) -> str:
        """The text of an answer's tokens."""
        return str(self._tokenizer.decode(list(tokens), skip_special_tokens=True))

    def _safe(self, message: Message) -> Message:
        said = {key: value for key, value in message.items() if key != "role"}
        return {"role": message["role"], **self._inert.value(said)}

    def _rendered(self, dialog: Dialog, count: int, *, generate: bool) -> str:
        return rendered(self._tokenizer, dialog.messages[:count], dialog.tools, generate=generate)

    def _examples(self, dialog: Dialog) -> list[Example]:
        answers = [i for i, one in enumerate(dialog.messages) if one["role"] == "assistant"]
        whole = self._rendered(dialog, len(dialog.messages), generate=False)
        spans = []
        for index in answers:
            head = self._rendered(dialog, index, generate=True)
            until = self._rendered(dialog, index + 1, generate=False)
            if not (until.startswith(head) and whole.startswith(until)):
                break
            spans.append((len(head), len(until)))
        else:
            return [self._example(dialog, whole, spans)]
        return [self._last_answer(dialog, index) for index in answers]

    def _last_answer(self, dialog: Dialog, index: int) -> Example:
        """The dialog up to an answer, and that alone labelled."""
        head = self._rendered(dialog, index, generate=True)
        text = self._rendered(dialog, index + 1, generate=False)
        if not text.startswith(head):
            raise ConfigurationError(
                "this chat template writes an answer in another place than where it asks for one: "
                "there is nothing to train on"
            )
        return self._example(dialog, text, [(len(head), len(text))])

    def _example(self, dialog: Dialog, text: str, spans: Sequence[tuple[int, int]]) -> Example:
        begins = [
            self._begin(dialog, index, text)
            for index, message in enumerate(dialog.messages)
            if message["role"] == "user"
        ]
        encoded = self._tokenizer(
            text, add_special_tokens=False, return_offsets_mapping=True, verbose=False
        )
        tokens = list(encoded["input_ids"])
        labels, turn_of = [IGNORE] * len(tokens), []
        turn, span, ended = -1, 0, False
        for place, (begin, _) in enumerate(encoded["offset_mapping"]):
            while turn + 1 < len(begins) and begin >= begins[turn + 1]:
                turn += 1
            turn_of.append(turn)
            while span < len(spans) and begin >= spans[span][1]:
                span, ended = span + 1, False
            if span < len(spans) and begin >= spans[span][0] and not ended:
                labels[place] = tokens[place]
                ended = tokens[place] in self._stops  # what stands behind it is the next prompt's
        return Example(tokens, labels, turn_of, dialog.rows)

    def _begin(self, dialog: Dialog, index: int, text: str) -> int:
        """Where a message begins in a text; the first one with all that stands before it."""
        if not index:
            return 0
        before = self._rendered(dialog, index, generate=False)
        if text.startswith(before):
            return len(before)
        pairs = enumerate(zip(before, text, strict=False))  # a template that looks ahead
        return next((i for i, (ours, theirs) in pairs if ours != theirs), len(text))


def _without_last_turn(dialog: Dialog) -> Dialog | None:
    users = [i for i, one in enumerate(dialog.messages) if one["role"] == "user"]
    if len(users) < 2:
        return None
    return replace(dialog, messages=dialog.messages[: users[-1]], rows=dialog.rows[:-1])


@dataclass(frozen=True, slots=True)
class Batch:
    """Examples, padded on the right.

    Attributes:
        input_ids: [B, T] long.
        labels: [B, T] long, `IGNORE` where nothing is learned.
        condition_ids: [B, T] long, the turn of each token, `NO_CONDITION` for none.
        rows: [B, C, slots] long, rows of the embeddings for each turn.
    """

    input_ids: Tensor
    labels: Tensor
    condition_ids: Tensor
    rows: Tensor

    def tensors(self) -> dict[str, Tensor]:
        """All of them, by name."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__}


def collate(examples: Sequence[Example], pad: int, slots: int) -> Batch:
    """Pads examples to one batch.

    Args:
        examples: At least one.
        pad: Token that fills them up.
        slots: Of the model.
    """
    length = max(len(one.tokens) for one in examples)
    turns = max(1, *(len(one.rows) for one in examples))
    input_ids = torch.full((len(examples), length), pad)
    labels = torch.full_like(input_ids, IGNORE)
    condition_ids = torch.full_like(input_ids, NO_CONDITION)
    rows = torch.full((len(examples), turns, slots), ABSENT)
    for row, one in enumerate(examples):
        input_ids[row, : len(one.tokens)] = torch.tensor(one.tokens)
        labels[row, : len(one.tokens)] = torch.tensor(one.labels)
        condition_ids[row, : len(one.tokens)] = torch.tensor(one.turn_of)
        if one.rows:
            rows[row, : len(one.rows)] = torch.tensor(one.rows)
    return Batch(input_ids, labels, condition_ids, rows)
