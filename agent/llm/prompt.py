"""From LangChain messages to tokens, by the checkpoint's own chat template.

Every token belongs to a turn (it begins with a user message), and every turn has its condition. A
tool that perceived something begins a stretch with a condition of its own within the turn.
"""

import hashlib
import json
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from langchain_core.messages import (
    AIMessage,
    BaseMessage,
    ChatMessage,
    HumanMessage,
    SystemMessage,
    ToolMessage,
)
from transformers import PreTrainedTokenizerFast

from sensebind.agent.conditioning.media import text_of
from sensebind.agent.llm.chat_template import rendered
from sensebind.agent.llm.inert import Inert
from sensebind.errors import InputError


@dataclass(frozen=True, slots=True)
class Prompt:
    """A dialog as tokens.

    Attributes:
        token_ids: The whole prompt.
        references: Condition reference of each token; empty where the turn has none.
        dropped_turns: Oldest turns that were left out to fit the context.
    """

    token_ids: list[int]
    references: list[str]
    dropped_turns: int = 0


def template_message(message: BaseMessage) -> dict[str, Any]:
    """Returns a message in the form that chat templates expect; its media are perceived elsewhere.

    Raises:
        InputError: A message of an unknown kind, or with a block in it that cannot be read.
    """
    text = text_of(message)
    match message:
        case SystemMessage():
            return {"role": "system", "content": text}
        case HumanMessage():
            return {"role": "user", "content": text}
        case ToolMessage():
            return {
                "role": "tool",
                "content": text,
                "name": message.name or "",
                "tool_call_id": _call_id(message.tool_call_id),
            }
        case AIMessage():
            converted: dict[str, Any] = {"role": "assistant", "content": text}
            if message.tool_calls:
                converted["tool_calls"] = [
                    {
                        "type": "function",
                        "id": _call_id(call["id"]),
                        "function": {"name": call["name"], "arguments": call["args"]},
                    }
                    for call in message.tool_calls
                ]
            return converted
        case ChatMessage():
            return {"role": message.role, "content": text}
    raise InputError(f"a message of type {message.type!r} cannot be read")


def _call_id(named: str | None) -> str:
    """A call's id within a prompt: nine letters and digits, as Mistral's templates demand."""
    return hashlib.sha256(str(named).encode()).hexdigest()[:9]


class PromptBuilder:
    """Builds prompts for one tokenizer; remembers where earlier turns began."""

    def __init__(self, tokenizer: PreTrainedTokenizerFast) -> None:
        self._tokenizer = tokenizer
        self._rendered: OrderedDict[str, str] = OrderedDict()
        self._inert = Inert(tokenizer)

    def build(
        self,
        messages: Sequence[BaseMessage],
        *,
        tools: Sequence[dict[str, Any]] = (),
        limit: int,
    ) -> Prompt:
        """Renders, tokenises, and assigns each token its turn's condition.

        Args:
            messages: The dialog.
            tools: Tools in OpenAI form, for templates that list them.
            limit: Most tokens; oldest turns are left out until the rest fits.

        Raises:
            InputError: No messages, messages the template refuses, or one turn above the limit.
        """
        if not messages:
            raise InputError("a prompt needs at least one message")
        head, turns = _turns(messages)
        dropped = 0
        while True:
            prompt = self._tokens(head, turns[dropped:], list(tools), dropped)
            if len(prompt.token_ids) <= limit:
                return prompt
            if dropped >= len(turns) - 1:
                raise InputError(
                    f"this turn alone has {len(prompt.token_ids)} tokens, "
                    f"the model can take {limit}: ask in fewer words"
                )
            # Whole turns go, about as many tokens' worth as are too many, and at least one.
            surplus = 1 - limit / len(prompt.token_ids)
            dropped += min(max(1, int(surplus * (len(turns) - dropped))), len(turns) - 1 - dropped)

    def _tokens(
        self,
        head: list[BaseMessage],
        turns: list[list[BaseMessage]],
        tools: list[dict[str, Any]],
        dropped: int,
    ) -> Prompt:
        messages = [template_message(one) for one in head]
        starts: list[tuple[int, str]] = []  # (message index, condition reference) of each stretch
        for turn in turns:
            for index, message in enumerate(turn):
                reference = str(message.additional_kwargs.get("condition") or "")
                if index == 0 or (reference and isinstance(message, ToolMessage)):
                    starts.append((len(messages), reference))
                messages.append(template_message(message))
        # Whoever wrote it, a message or a tool is data to the template, and begins no turn.
        messages = [{"role": one["role"], **self._inert.value(_said(one))} for one in messages]
        tools = self._inert.value(tools)
        text = rendered(self._tokenizer, messages, tools, generate=True)
        begins = [
            (self._length_of(messages[:index], tools, text) if index else 0, reference)
            for index, reference in starts
        ]
        encoded = self._tokenizer(
            text, add_special_tokens=False, return_offsets_mapping=True, verbose=False
        )
        token_ids = list(encoded["input_ids"])
        references: list[str] = []
        turn = -1
        for begin, _ in encoded["offset_mapping"]:
            while turn + 1 < len(begins) and begin >= begins[turn + 1][0]:
                turn += 1
            references.append(begins[turn][1] if turn >= 0 else "")
        return Prompt(token_ids, references, dropped)

    def _length_of(
        self, messages: list[dict[str, Any]], tools: list[dict[str, Any]], text: str
    ) -> int:
        """How many characters of `text` the first messages take."""
        key = json.dumps([messages, len(tools)], ensure_ascii=False, default=str)
        prefix = self._rendered.get(key)
        if prefix is None:
            prefix = rendered(self._tokenizer, messages, tools, generate=False)
            self._rendered[key] = prefix
            while len(self._rendered) > 256:
                self._rendered.popitem(last=False)
        if text.startswith(prefix):
            return len(prefix)
        pairs = enumerate(zip(prefix, text, strict=False))  # a template that looks ahead
        return next((i for i, (ours, theirs) in pairs if ours != theirs), len(text))


def _said(message: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in message.items() if key != "role"}


def _turns(messages: Sequence[BaseMessage]) -> tuple[list[BaseMessage], list[list[BaseMessage]]]:
    """Splits a dialog into what precedes the first user message, and its turns."""
    head: list[BaseMessage] = []
    turns: list[list[BaseMessage]] = []
    for message in messages:
        if isinstance(message, HumanMessage):
            turns.append([message])
        elif turns:
            turns[-1].append(message)
        else:
            head.append(message)
    if not turns:  # an agent may ask without a user message
        return [], [head]
    return head, turns
