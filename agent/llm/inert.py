"""Text of others without power over a prompt: nothing in it begins a turn, ends one, or is a token.

A chat template marks who speaks by control tokens (`<|im_start|>`), or by plain words (`[INST]`,
`### Response:`). The same characters in a message, a tool's description or an argument would let
their writer speak as somebody else. A space after their first character makes them plain text.
"""

import re
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any

from jinja2 import TemplateError
from transformers import PreTrainedTokenizerFast

from sensebind.agent.llm.unicode import well_formed

_KEPT = 1024  # texts whose inert form is remembered
_ROUNDS = 8  # of splitting; what is left then is cut out
_SAID = ("qzqaqzq", "qzqbqzq", "qzqcqzq", "qzqdqzq")  # small letters: templates may change others
_PROBES = (
    ("user", "assistant", "user"),
    ("system", "user", "assistant", "user"),
    ("user", "assistant", "tool"),
)


class Inert:
    """Makes texts inert for one tokenizer and its chat template."""

    def __init__(self, tokenizer: PreTrainedTokenizerFast) -> None:
        """Reads the control tokens, and what the template writes between messages.

        Args:
            tokenizer: With its chat template.
        """
        self._tokenizer = tokenizer
        added = tokenizer.added_tokens_decoder
        control = {
            number: token.content
            for number, token in added.items()
            if token.special or not token.content.strip().isalnum()
        }
        self._ids = {number for number in control if added[number].content.strip()}
        self._ids.discard(tokenizer.unk_token_id)  # any character that the tokenizer does not know
        marks = sorted({*control.values(), *_written(tokenizer, control.values())}, key=len)
        found = [re.escape(mark) for mark in reversed(marks) if mark.strip()]
        self._marks = re.compile("|".join(found)) if found else None
        self._known: OrderedDict[str, str] = OrderedDict()

    def text(self, text: str) -> str:
        """Returns a text without control tokens or marks of the template in it.

        Args:
            text: Any; one that holds none stays as it is, but for lone surrogates.
        """
        known = self._known.get(text)
        if known is None:
            known = self._known[text] = self._made(text)
            while len(self._known) > _KEPT:
                self._known.popitem(last=False)
        return known

    def value(self, value: Any) -> Any:
        """Returns texts, lists and dicts of texts (keys, too), all inert; the rest as it is."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, Mapping):
            return {self.value(key): self.value(one) for key, one in value.items()}
        if isinstance(value, list | tuple):
            return [self.value(one) for one in value]
        return value

    def _made(self, text: str) -> str:
        text = well_formed(text)
        for _ in range(_ROUNDS):
            before = text
            if self._marks is not None:
                text = self._marks.sub(lambda found: _split(found[0]), text)
            # The tokenizer has the last word: it may normalise other characters to a token.
            for begin, end in reversed(self._tokens(text)):
                text = text[:begin] + _split(text[begin:end]) + text[end:]
            if text == before:
                return text
        for begin, end in reversed(self._tokens(text)):
            text = text[:begin] + text[end:]
        return text if self._marks is None else self._marks.sub("", text)

    def _tokens(self, text: str) -> list[tuple[int, int]]:
        """Where control tokens stand in a text."""
        encoded = self._tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)
        pairs = zip(encoded["input_ids"], encoded["offset_mapping"], strict=True)
        return [(begin, end) for token, (begin, end) in pairs if token in self._ids and begin < end]


def _split(mark: str) -> str:
    return f"{mark[0]} {mark[1:]}" if len(mark) > 1 else "\ufffd"


def _written(tokenizer: PreTrainedTokenizerFast, control: Any) -> set[str]:
    """Lines that a chat template writes between messages, besides control tokens."""
    cut = re.compile("|".join(map(re.escape, sorted(filter(None, control), key=len, reverse=True))))
    found: set[str] = set()
    for roles in _PROBES:
        messages = [
            {"role": role, "content": said, "name": _SAID[0], "tool_call_id": _SAID[0]}
            for role, said in zip(roles, _SAID, strict=False)
        ]
        try:
            rendered = str(
                tokenizer.apply_chat_template(messages, add_generation_prompt=True, tokenize=False)
            )
        except (TemplateError, ValueError, TypeError, KeyError):
            continue  # a template that knows no such role, or there is none
        for between in re.split("|".join(_SAID), rendered):
            for line in re.split(r"\n", cut.sub("\n", between) if cut.pattern else between):
                # A word alone ("user") marks nothing without the control token before it.
                if len(line.strip()) > 2 and not line.strip().replace(" ", "").isalnum():
                    found.add(line.strip())
    return found
