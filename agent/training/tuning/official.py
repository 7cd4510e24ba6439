"""Samples as the official training code makes them, with its quirks (`--official`).

The Alpaca prompt instead of the base's chat template; the first two turns of a conversation and no
more; a text-only instruction printed as a Python tuple, with an all-zero image; the prompt
tokenised alone for its length; cut to the most words, the end token with it; and token 0 never
counts in the loss.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from transformers import PreTrainedTokenizerFast

from sensebind.agent.training.llama.official_data import (
    IGNORED,
    Sample,
    finetune_sample,
    pretrain_sample,
)
from sensebind.agent.training.tuning.dialogs import IGNORE, Example
from sensebind.errors import ConfigurationError


class _Words:
    """A tokenizer of transformers under the names of sentencepiece."""

    def __init__(self, tokenizer: PreTrainedTokenizerFast) -> None:
        self._tokenizer = tokenizer

    def encode(self, input: str) -> list[int]:
        """Tokens of a text, without marks."""
        return list(self._tokenizer(input, add_special_tokens=False, verbose=False)["input_ids"])

    def bos_id(self) -> int:
        """The token that begins a text; where there is none, the one that ends it."""
        begin = self._tokenizer.bos_token_id
        return begin if isinstance(begin, int) else self.eos_id()

    def eos_id(self) -> int:
        """The token that ends a text."""
        end = self._tokenizer.eos_token_id
        if not isinstance(end, int):
            raise ConfigurationError("--official needs a tokenizer with an end token")
        return end


def official_example(
    item: Mapping[str, Any], tokenizer: PreTrainedTokenizerFast, row: tuple[int, ...]
) -> Example:
    """An item as an example; captions are cut to 96 tokens, everything else to 512.

    Args:
        item: In an official form.
        tokenizer: Of the base.
        row: Row of the embeddings in each slot.

    Raises:
        InputError: An item of no official form.
        ConfigurationError: A tokenizer without an end token.
    """
    words = _Words(tokenizer)
    sample = (
        pretrain_sample({"caption": item["caption"], "url": str(item.get("url"))}, words)
        if "caption" in item
        else finetune_sample(item, words)
    )
    return _example(sample, row)


def _example(sample: Sample, row: tuple[int, ...]) -> Example:
    length = int(sample.mask.sum())
    tokens = sample.tokens[:length].tolist()
    labels = [IGNORE if one == IGNORED else one for one in sample.labels[:length].tolist()]
    return Example(tokens, labels, [0] * length, (row,))
