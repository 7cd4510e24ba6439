"""Greedy answers to many dialogs at once, by the same prompt, grammar and model as the runtime."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import numpy as np
import torch
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, ToolMessage
from transformers import LogitsProcessorList

from sensebind.agent.llm.checkpoint import LoadedModel
from sensebind.agent.llm.constrained_decoding import GrammarLogitsProcessor, ParsedCall, parse_call
from sensebind.agent.llm.prompt import PromptBuilder

REFERENCE = "condition:evaluated"
MAX_NEW_TOKENS = 96


@dataclass(frozen=True, slots=True)
class Asked:
    """One dialog to be answered.

    Attributes:
        messages: The dialog so far.
        embeddings: [slots, D] float32.
        present: [slots] bool.
    """

    messages: tuple[BaseMessage, ...]
    embeddings: np.ndarray
    present: np.ndarray

    @classmethod
    def once(cls, text: str, embeddings: np.ndarray, present: np.ndarray) -> "Asked":
        """A first question."""
        carried = {"condition": REFERENCE}
        return cls((HumanMessage(text, additional_kwargs=carried),), embeddings, present)

    def after(self, call: ParsedCall, result: str) -> "Asked":
        """The same dialog after a tool call."""
        identity = uuid4().hex
        made = {"name": call.name, "args": call.arguments, "id": identity}
        reply = AIMessage("", tool_calls=[made])  # type: ignore[list-item]
        told = ToolMessage(result, tool_call_id=identity, name=call.name)
        return Asked((*self.messages, reply, told), self.embeddings, self.present)


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer: text, or a call.

    Attributes:
        text: The answer; "" where it is a call.
        call: The call; None for an answer, or a call that cannot be parsed.
    """

    text: str
    call: ParsedCall | None = None


class Answerer:
    """Answers in batches, greedily."""

    def __init__(
        self, llm: LoadedModel, tools: Sequence[dict[str, Any]], *, batch: int = 32
    ) -> None:
        """Wrap a language model.

        Args:
            llm: The language model.
            tools: In OpenAI form; all of them may be called in every answer.
            batch: Dialogs per batch.
        """
        self._llm = llm
        self._tools = list(tools)
        self._batch = batch
        self._prompts = PromptBuilder(llm.tokenizer)
        self._grammar = llm.grammars.compile(self._tools)

    def answer(
        self, asked: Sequence[Asked], tick: Callable[[int], None] | None = None
    ) -> list[Reply]:
        """Answers dialogs; the order is kept.

        Args:
            asked: The dialogs.
            tick: Called after each batch with how many were answered.
        """
        limit = self._llm.context - MAX_NEW_TOKENS
        prompts = [
            self._prompts.build(one.messages, tools=self._tools, limit=limit) for one in asked
        ]
        order = sorted(range(len(asked)), key=lambda i: len(prompts[i].token_ids))
        replies: dict[int, Reply] = {}
        for start in range(0, len(order), self._batch):
            rows = order[start : start + self._batch]
            generated = self._generate(
                [prompts[i].token_ids for i in rows], [asked[i] for i in rows]
            )
            for row, tokens in zip(rows, generated, strict=True):
                replies[row] = self._read(tokens)
            if tick:
                tick(len(rows))
        return [replies[i] for i in range(len(asked))]

    @torch.inference_mode()
    def _generate(self, prompts: list[list[int]], asked: list[Asked]) -> list[list[int]]:
        model = self._llm.model
        device = model.device
        longest = max(map(len, prompts))
        pad = self._llm.tokenizer.pad_token_id
        pad = pad if isinstance(pad, int) else self._llm.stop_ids[0]
        ids = torch.full((len(prompts), longest), pad)
        mask = torch.zeros_like(ids)
        for row, tokens in enumerate(prompts):
            ids[row, longest - len(tokens) :] = torch.tensor(tokens)
            mask[row, longest - len(tokens) :] = 1
        embeddings = torch.from_numpy(np.stack([one.embeddings for one in asked]))[:, None]
        present = torch.from_numpy(np.stack([one.present for one in asked]))[:, None]
        condition_ids = torch.where(mask.bool(), 0, -1)
        generate: Any = model.generate
        out = generate(
            ids.to(device),
            attention_mask=mask.to(device),
            conditions=embeddings.to(device),
            present=present.to(device),
            condition_ids=condition_ids.to(device),
            max_new_tokens=MAX_NEW_TOKENS,
            do_sample=False,
            eos_token_id=list(self._llm.stop_ids),
            pad_token_id=pad,
            logits_processor=LogitsProcessorList(
                [GrammarLogitsProcessor([self._grammar] * len(prompts), longest)]
            ),
        )
        return [self._until_end(row[longest:].tolist()) for row in out]

    def _until_end(self, tokens: list[int]) -> list[int]:
        for position, token in enumerate(tokens):
            if token in self._llm.stop_ids:
                return tokens[:position]
        return tokens

    def _read(self, tokens: list[int]) -> Reply:
        style = self._llm.grammars.style
        text = str(self._llm.tokenizer.decode(tokens, skip_special_tokens=True))
        begins = (
            tokens[:1] == [style.start_id]
            if style.start_id is not None
            else (style.opens_call(text))
        )
        return Reply("", parse_call(text, style, self._tools)) if begins else Reply(text.strip())
