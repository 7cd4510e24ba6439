"""Dialogs as batches of tokens: bucketed by length, with the condition of every token."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from transformers import PreTrainedTokenizerFast

from sensebind.agent.corpus.answers import UNITS_ZH
from sensebind.agent.corpus.chinese import COLOR_NAMES
from sensebind.agent.corpus.conditions import ABSENT
from sensebind.agent.corpus.dialog import Turn
from sensebind.agent.training.llama.tokenizer import (
    ASSISTANT,
    BOS,
    CALL,
    END,
    EOS,
    PAD,
    TOOL,
    USER,
    heard_text,
)
from sensebind.perception.simhome.catalog import COLORS

IGNORE = -100
_COLOR_WORDS = [*(f" {color}" for color in (*COLORS, "an")), *(n[0] for n in COLOR_NAMES.values())]
_TIME_WORDS = [
    *"0123456789",
    *(f" {unit}{s}" for unit in UNITS_ZH for s in ("", "s")),
    *UNITS_ZH.values(),
]
SPLIT = 0.04  # share of a person's word pieces that training takes apart, as a slip does


@dataclass(frozen=True, slots=True)
class Span:
    """Where one step of the assistant (a call or an answer) stands in a batch.

    Attributes:
        row: Row of the dialog in the batch.
        begin: Position of the first token of the step.
        end: Position after its last token.
        intent: Intent of the turn.
        lang: Language of the turn.
        kind: `call` or `say`.
        number: Of the turn in its dialog, from 0.
    """

    row: int
    begin: int
    end: int
    intent: str
    lang: str
    kind: str
    number: int  # of the turn in its dialog


@dataclass(frozen=True, slots=True)
class Batch:
    """A batch of dialogs, padded on the right.

    Attributes:
        input_ids: [B, T] long.
        labels: [B, T] long, the token itself where the assistant speaks, `IGNORE` elsewhere.
        condition_ids: [B, T] long, the turn of each token.
        rows: [B, C, 3] long, rows of the pool for each turn's slots.
        spans: The assistant's steps.
    """

    input_ids: Tensor
    labels: Tensor
    condition_ids: Tensor
    rows: Tensor
    spans: list[Span]


class DialogEncoder:
    """Turns dialogs into batches, token by token what the chat template would give."""

    def __init__(self, tokenizer: PreTrainedTokenizerFast) -> None:
        self._backend = tokenizer.backend_tokenizer
        names = (PAD, BOS, EOS, USER, END, ASSISTANT, CALL, TOOL)
        self._tokenizer = tokenizer
        model = json.loads(self._backend.to_str())["model"]
        self._halves = {
            model["vocab"][left + right]: (model["vocab"][left], model["vocab"][right])
            for left, right in model["merges"]
        }
        self._ids = {name: int(tokenizer.convert_tokens_to_ids(name)) for name in names}  # pyright: ignore[reportArgumentType]

    @property
    def pad(self) -> int:
        """Id of the padding token."""
        return self._ids[PAD]

    def prompt(self, text: str) -> list[int]:
        """Tokens of a dialog that begins with this question, up to where the answer starts."""
        ids = self._ids
        heard = self._backend.encode(heard_text(text), add_special_tokens=False).ids
        return [ids[BOS], ids[USER], *heard, ids[END], ids[ASSISTANT]]

    def decode(self, tokens: Sequence[int]) -> str:
        """The text of one step: up to its end token; `<|call|>` stays in sight."""
        kept = list(tokens)
        if self._ids[EOS] in kept:
            kept = kept[: kept.index(self._ids[EOS])]
        return str(self._tokenizer.decode([one for one in kept if one != self._ids[PAD]]))

    def word_weights(self, *, colors: float = 1.0, times: float = 1.0) -> Tensor:
        """[vocabulary] 1, but more for the tokens that name colours, digits and units of time."""
        weights = torch.ones(len(self._tokenizer))
        for words, weight in ((_COLOR_WORDS, colors), (_TIME_WORDS, times)):
            for encoding in self._backend.encode_batch(words, add_special_tokens=False):
                weights[encoding.ids[0]] = weight
        return weights

    def encode(
        self, dialogs: Sequence[Sequence[Turn]], rng: random.Random | None = None
    ) -> list[_Encoded]:
        """Tokenises dialogs, all texts in one call.

        Args:
            dialogs: What is said.
            rng: Takes some pieces of what the person types apart, so that a word with a slip in it
                is no stranger (BPE dropout, arXiv 1910.13267); None leaves all as they are.
        """
        texts = [
            text
            for dialog in dialogs
            for turn in dialog
            for text in (heard_text(turn.user), *(text for _, text in turn.steps))
        ]
        encodings = self._backend.encode_batch_fast(texts, add_special_tokens=False)
        pieces = iter([encoding.ids for encoding in encodings])
        return [self._dialog(dialog, pieces, rng) for dialog in dialogs]

    def _split(self, pieces: Sequence[int], rng: random.Random | None) -> list[int]:
        waiting, split = list(reversed(pieces)), []
        while rng and waiting:
            piece = waiting.pop()
            if piece in self._halves and rng.random() < SPLIT:
                waiting += reversed(self._halves[piece])
            else:
                split.append(piece)
        return split or list(pieces)

    def _dialog(
        self,
        dialog: Sequence[Turn],
        pieces: Iterator[list[int]],
        rng: random.Random | None,
    ) -> _Encoded:
        ids = self._ids
        tokens, turn_of = [ids[BOS]], [0]
        spoken: list[tuple[int, int, int, str]] = []  # begin, end, turn, kind of step
        for number, turn in enumerate(dialog):
            tokens += [ids[USER], *self._split(next(pieces), rng), ids[END]]
            for kind, _ in turn.steps:
                piece = next(pieces)
                if kind == "tool":
                    tokens += [ids[TOOL], *piece, ids[END]]
                    continue
                tokens.append(ids[ASSISTANT])
                begin = len(tokens)
                tokens += [ids[CALL], *piece, ids[EOS]] if kind == "call" else [*piece, ids[EOS]]
                spoken.append((begin, len(tokens), number, kind))
            turn_of += [number] * (len(tokens) - len(turn_of))
        return _Encoded(dialog, tokens, turn_of, spoken)

    def collate(self, encoded: Sequence[_Encoded]) -> Batch:
        """Pads dialogs to one batch."""
        length = max(len(one.tokens) for one in encoded)
        turns = max(len(one.dialog) for one in encoded)
        input_ids = torch.full((len(encoded), length), self._ids[PAD])
        labels = torch.full_like(input_ids, IGNORE)
        condition_ids = torch.zeros_like(input_ids)
        rows = torch.full((len(encoded), turns, 3), ABSENT)
        spans: list[Span] = []
        for row, one in enumerate(encoded):
            tokens = torch.tensor(one.tokens)
            input_ids[row, : len(tokens)] = tokens
            condition_ids[row, : len(tokens)] = torch.tensor(one.turn_of)
            for begin, end, number, kind in one.spoken:
                labels[row, begin:end] = tokens[begin:end]
                turn = one.dialog[number]
                spans.append(Span(row, begin, end, turn.intent, turn.lang, kind, number))
            for number, turn in enumerate(one.dialog):
                rows[row, number] = torch.tensor(turn.condition.rows)
        return Batch(input_ids, labels, condition_ids, rows, spans)

    def stream(
        self,
        sample: Callable[[random.Random], list[Turn]],
        rng: random.Random,
        tokens: int,
        group: int = 600,
        alike: int = 1,
    ) -> Iterator[Batch]:
        """An endless stream of batches of about `tokens` tokens, padding included.

        Dialogs are drawn in groups and sorted by length, so little is padded.

        Args:
            sample: Draws one dialog.
            rng: Source of all choices.
            tokens: Most tokens in a batch.
            group: Dialogs that are sorted together.
            alike: How many batches in a row hold dialogs of about the same length, so that who
                computes them side by side is done at the same time.
        """
        while True:
            encoded = self.encode([sample(rng) for _ in range(group)], rng)
            encoded.sort(key=lambda one: len(one.tokens))
            batches: list[list[_Encoded]] = [[]]
            for one in encoded:
                if batches[-1] and (len(batches[-1]) + 1) * len(one.tokens) > tokens:
                    batches.append([])
                batches[-1].append(one)
            if len(batches) > 1 and len(batches[-1]) * len(batches[-1][0].tokens) < tokens // 2:
                batches.pop()  # a few long dialogs alone make a poor gradient
            while len(batches) > alike and len(batches) % alike:
                batches.pop(rng.randrange(len(batches)))
            rows = [batches[begin : begin + alike] for begin in range(0, len(batches), alike)]
            rng.shuffle(rows)
            for row in rows:
                yield from map(self.collate, row)


@dataclass(frozen=True, slots=True)
class _Encoded:
    dialog: Sequence[Turn]
    tokens: list[int]
    turn_of: list[int]
    spoken: list[tuple[int, int, int, str]]
