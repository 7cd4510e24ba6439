"""Training samples in the official format: prompts, tokens, labels, and the loss on them."""

import csv
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor
from torch.nn import functional as F

from sensebind.errors import InputError

CAPTION_INSTRUCTION = "Generate caption of this image"
IGNORED = 0  # label that the loss skips; the real token 0 is skipped with it

_START = "Below is an instruction that describes a task"
_ALONE = _START + (
    ". Write a response that appropriately completes the request.\n\n"
    "### Instruction:\n{instruction}\n\n### Response:"
)
_WITH_INPUT = _START + (
    ", paired with an input that provides further context. Write a response that appropriately "
    "completes the request.\n\n### Instruction:\n{instruction}\n\n### Input:\n{input}\n\n"
    "### Response:"
)


class Tokenizer(Protocol):
    """What is needed of a tokenizer; a `SentencePieceProcessor` has it."""

    def encode(self, input: str) -> list[int]:
        """Return the tokens of a text, without marks."""
        ...

    def bos_id(self) -> int:
        """Return the token that begins a text."""
        ...

    def eos_id(self) -> int:
        """Return the token that ends one."""
        ...


def format_prompt(instruction: Any, context: str | None = None) -> str:
    """Fills the Alpaca prompt; an empty context counts as none.

    The instruction is formatted as Python formats it: the official text-only samples hand over a
    tuple of one string, and the published weights were trained on what that prints.
    """
    if context:
        return _WITH_INPUT.format(instruction=instruction, input=context)
    return _ALONE.format(instruction=instruction)


@dataclass(frozen=True, slots=True)
class Sample:
    """One training sample.

    Attributes:
        tokens: [max_words] long; prompt, answer and end, zeros after it.
        labels: [max_words] long; the tokens where the answer and end are, `IGNORED` elsewhere.
        mask: [max_words] float; 1 where there is a token.
        image: Path of the picture; None stands for the official all-zero picture.
    """

    tokens: Tensor
    labels: Tensor
    mask: Tensor
    image: str | None


def encode_sample(
    tokenizer: Tokenizer, prompt: str, answer: str, max_words: int, image: str | None = None
) -> Sample:
    """Tokenizes prompt and answer as one text, padded or cut to `max_words`.

    The prompt is tokenized alone for its length; cutting may drop the end token.
    """
    prompt_ids = [tokenizer.bos_id(), *tokenizer.encode(prompt)]
    ids = [tokenizer.bos_id(), *tokenizer.encode(prompt + answer), tokenizer.eos_id()]
    tokens = torch.full((max_words,), -1, dtype=torch.long)
    kept = ids[:max_words]
    tokens[: len(kept)] = torch.tensor(kept)
    labels = tokens.clone()
    labels[: len(prompt_ids)] = -1
    return Sample(
        tokens=tokens.clamp(min=0),
        labels=torch.where(labels < 0, IGNORED, labels),
        mask=(tokens >= 0).float(),
        image=image,
    )


def finetune_sample(item: Mapping[str, Any], tokenizer: Tokenizer, max_words: int = 512) -> Sample:
    """A sample of the fine-tuning format.

    Args:
        item: `image` and `conversations` (the first two turns are used), or `instruction`,
            `input` and `output`.
        tokenizer: Of the model that is trained.
        max_words: Tokens that the sample is padded or cut to.

    Raises:
        InputError: An item with neither.
    """
    try:
        if item.get("image"):
            question, answer = (turn["value"] for turn in item["conversations"][:2])
            return encode_sample(
                tokenizer, format_prompt(question), answer, max_words, item["image"]
            )
        prompt = format_prompt((item["instruction"],), item.get("input"))
        return encode_sample(tokenizer, prompt, item["output"], max_words)
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(
            f"not a fine-tuning item, {error} is missing or wrong: {str(item)[:80]}"
        ) from error


def pretrain_sample(item: Mapping[str, str], tokenizer: Tokenizer, max_words: int = 96) -> Sample:
    """A sample of the pretraining format: `url` (path of a picture) and `caption`."""
    prompt = format_prompt(CAPTION_INSTRUCTION)
    return encode_sample(tokenizer, prompt, str(item["caption"]), max_words, item["url"])


def read_items(path: Path) -> list[dict[str, Any]]:
    """Reads a fine-tuning list (JSON) or a pretraining table (tab-separated `url`, `caption`).

    Raises:
        InputError: An unreadable file.
    """
    try:
        text = path.read_text("utf-8")
        if path.suffix == ".json":
            items = json.loads(text)
            if not isinstance(items, list):
                raise InputError(f"{path} holds no list of items")
            return items
        return list(csv.DictReader(text.splitlines(), delimiter="\t"))
    except (OSError, ValueError, RecursionError, csv.Error) as error:
        raise InputError(f"{path} cannot be read: {error}") from error


def official_loss(logits: Tensor, labels: Tensor) -> Tensor:
    """Cross entropy of logits[:, :-1] against labels[:, 1:], mean over labels that are not 0.

    Args:
        logits: [B, T, V].
        labels: [B, T].

    Returns:
        A scalar; zero, with a gradient of zero, if every label is 0.
    """
    logits, labels = logits[:, :-1].flatten(0, 1), labels[:, 1:].flatten()
    if not (labels != IGNORED).any():
        return logits.mean() * 0
    return F.cross_entropy(logits, labels, ignore_index=IGNORED)


def collate(samples: Sequence[Sample]) -> tuple[Tensor, Tensor, Tensor]:
    """Stacks samples to tokens, labels and mask, each [B, max_words]."""
    return (
        torch.stack([sample.tokens for sample in samples]),
        torch.stack([sample.labels for sample in samples]),
        torch.stack([sample.mask for sample in samples]),
    )
