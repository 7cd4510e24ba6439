"""One bound for the result of every tool: the room that the language model has left.

What is longer is cut, visibly, and kept whole (`kept.py`). The bound goes by tokens: those
of the model's context, less what the turn has so far and what the answer needs. Our own model
counts them; of others they are estimated, as their tokenizers may have to be downloaded.
"""

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from langchain.agents.middleware import AgentMiddleware
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, ToolMessage
from langchain_core.tools import BaseTool
from langgraph.types import Command

from sensebind.agent.llm.chat_model import ChatSenseBind
from sensebind.agent.llm.openai_form import openai_form
from sensebind.agent.results.kept import READ, KeptResults
from sensebind.agent.results.reading import Part, mark_part, part_of, was_cut
from sensebind.errors import StorageError
from sensebind.tools.risk import INCOMPLETE

MAX_CHARACTERS = 100_000
"""Of a result in a dialog, whatever its model can read."""
MAX_MEDIA = 16 << 20
"""Characters of an image or a sound in base64; a larger one is left out."""
MAX_ARTIFACT = 1 << 20
"""Bytes, about, of what a tool hands to programs next to its text; more is left out."""
UNKNOWN_CONTEXT = 4096
"""Tokens of a model that does not say how many it reads; Ollama's default."""
_SHARE = 1 / 2  # of the room that the results of one message may take: more calls may follow
_ANSWER = 1 / 4  # of the context that an answer of another's model needs
_BYTES_PER_TOKEN = 3  # of UTF-8, fewer than most tokenizers need
_PER_MESSAGE = 8  # tokens of a role and its marks
_LEAST = 16  # tokens of a result that are worth showing

Count = Callable[[str], int]
"""Tokens of a text."""


class Room:
    """How much of a turn a language model can still read."""

    def __init__(self, chat: BaseChatModel, tools: Sequence[BaseTool]) -> None:
        """Describe the tools once.

        Args:
            chat: The language model.
            tools: What it may call; their descriptions are part of the prompt.
        """
        self._chat = chat
        every = [openai_form(tool) for tool in tools]
        fewer = [form for form, tool in zip(every, tools, strict=True) if tool.name != READ]
        self._tools = {True: every, False: fewer}  # with the tool that reads on, and without
        self._described = {
            reading: _estimate(json.dumps(forms, ensure_ascii=False, default=str))
            for reading, forms in self._tools.items()
        }

    def left(self, messages: Sequence[BaseMessage], *, reading: bool = False) -> int:
        """Returns the tokens that are left of the context; negative where it is overfull.

        Args:
            messages: The dialog; turns before the newest give way, and do not count.
            reading: Whether the tool that reads on will be offered, although no message is cut yet.
        """
        turn = newest_turn(messages)
        reading = reading or was_cut(messages)
        if isinstance(self._chat, ChatSenseBind):
            return self._chat.room(turn, self._tools[reading])
        context = (self._chat.profile or {}).get("max_input_tokens") or UNKNOWN_CONTEXT
        read = sum(_estimate(str(one.text)) + _PER_MESSAGE for one in turn)
        return int(context * (1 - _ANSWER)) - read - self._described[reading]

    def count(self, text: str) -> int:
        """Returns the tokens of a text."""
        if isinstance(self._chat, ChatSenseBind):
            return self._chat.get_num_tokens(text)
        return _estimate(text)


class BoundResults(AgentMiddleware):
    """Cuts what a tool answers to the model's room. Stands next to the tools themselves."""

    def __init__(self, room: Room, kept: KeptResults) -> None:
        """Use the room of the language model.

        Args:
            room: Of the language model.
            kept: Where long results are kept whole.
        """
        super().__init__()
        self._room = room
        self._kept = kept

    def wrap_tool_call(self, request: Any, handler: Callable[[Any], Any]) -> Any:
        """Runs a call and bounds its result."""
        return self._bounded(request, handler(request))

    async def awrap_tool_call(self, request: Any, handler: Callable[[Any], Any]) -> Any:
        """As `wrap_tool_call`, for asynchronous agents."""
        return self._bounded(request, await handler(request))

    def _bounded(self, request: Any, result: Any) -> Any:
        if isinstance(result, Command) and isinstance(result.update, Mapping):
            messages = result.update.get("messages")
            for one in messages if isinstance(messages, list) else ():
                self._bounded(request, one)
        elif isinstance(result, ToolMessage):
            self._bound(request, result)
        return result

    def _bound(self, request: Any, message: ToolMessage) -> None:
        if _weight(message.artifact, MAX_ARTIFACT) > MAX_ARTIFACT:
            ended = message.artifact
            early = isinstance(ended, Mapping) and ended.get(INCOMPLETE) is True
            message.artifact = {INCOMPLETE: True} if early else None
        if isinstance(message.content, list):
            message.content = [_small(one) for one in message.content]
        part = message.artifact if isinstance(message.artifact, Part) else None
        message.artifact = None if part is not None else message.artifact
        mark_part(message, part)
        text = str(message.text)
        state = request.state["messages"]
        tokens = self._share(state)
        if len(text) <= min(MAX_CHARACTERS, tokens) or (
            len(text) <= MAX_CHARACTERS and self._room.count(text) <= tokens
        ):
            return
        if part is None:
            try:
                part = self._keep(request, text)
            except StorageError as error:
                why = f" characters left out, and not kept: {error}"
                shown = fit(text, tokens - self._room.count("… " + why) - _LEAST, self._room.count)
                _say(message, f"{shown}… {len(text) - len(shown):,}{why}")
                return
        tokens = self._share(state, reading=True)
        shown = fit(text, tokens - self._room.count(part.note), self._room.count)
        part = replace(part, shown=len(shown))
        mark_part(message, part)
        _say(message, shown + part.note)

    def _share(self, state: Sequence[BaseMessage], *, reading: bool = False) -> int:
        """The tokens that the result of one call may take."""
        left = self._room.left(state, reading=reading)
        return max(0, int(_SHARE * left)) // _calls(state)

    def _keep(self, request: Any, text: str) -> Part:
        config = getattr(request.runtime, "config", None) or {}
        thread = str(config.get("configurable", {}).get("thread_id", ""))
        asked = newest_turn(request.state["messages"])[:1]
        turn = asked[0].id if asked else ""
        tool = request.tool_call["name"]
        identity = self._kept.keep(thread, turn or "", tool, text)
        return Part(identity, tool, 0, 0, len(text))


class FitTurn(AgentMiddleware):
    """Shows the model shorter results where those of a whole turn do not fit together.

    What is stored stays as it is.
    """

    def __init__(self, room: Room) -> None:
        """Use the room of the language model.

        Args:
            room: Of the language model.
        """
        super().__init__()
        self._room = room

    def wrap_model_call(self, request: Any, handler: Callable[[Any], Any]) -> Any:
        """Calls the model with what fits."""
        return handler(request.override(messages=self.fitted(request.messages)))

    async def awrap_model_call(self, request: Any, handler: Callable[[Any], Any]) -> Any:
        """As `wrap_model_call`, for asynchronous agents."""
        return await handler(request.override(messages=self.fitted(request.messages)))

    def fitted(self, messages: Sequence[BaseMessage]) -> list[BaseMessage]:
        """Returns the dialog with the longest results of its newest turn shortened until it fits.

        Args:
            messages: The dialog; not changed.
        """
        fitted = list(messages)
        begin = len(fitted) - len(newest_turn(fitted))
        results = [i for i in range(begin, len(fitted)) if isinstance(fitted[i], ToolMessage)]
        if not results:
            return fitted
        while (missing := -self._room.left(fitted)) > 0:
            sizes = {i: self._room.count(str(fitted[i].text)) for i in results}
            longest = max(sizes, key=sizes.__getitem__)
            if sizes[longest] <= _LEAST:  # the rest is what the model is asked, not answered
                break
            keep = max(_LEAST, sizes[longest] - max(missing, sizes[longest] // 4))
            changed = fitted[longest].model_copy(deep=True)
            _say(changed, self._shorter(fitted[longest], keep))
            if self._room.count(str(changed.text)) >= sizes[longest]:
                _say(changed, "…")
            fitted[longest] = changed
        return fitted

    def _shorter(self, message: BaseMessage, tokens: int) -> str:
        """The text of a result in so many tokens, about, and what is left out of it."""
        text, part = str(message.text), part_of(message)
        if part is None:
            shown = fit(text, tokens - _LEAST, self._room.count)
            return f"{shown}… {len(text) - len(shown):,} characters left out"
        own = text[: part.shown] if text.endswith(part.note) else text
        shown = fit(own, tokens - self._room.count(part.note), self._room.count)
        return shown + replace(part, shown=len(shown)).note


def newest_turn(messages: Sequence[BaseMessage]) -> list[BaseMessage]:
    """Returns the last question and all that follows it."""
    begins = (i for i in range(len(messages) - 1, -1, -1) if isinstance(messages[i], HumanMessage))
    return list(messages[next(begins, 0) :])


def fit(text: str, tokens: int, count: Count) -> str:
    """Returns the longest beginning of a text, about, that takes no more than so many tokens."""
    length = min(len(text), MAX_CHARACTERS, 16 * max(tokens, 0))
    while length > 0 and (taken := count(text[:length])) > tokens:
        length = min(length - 1, length * tokens // taken) if tokens > 0 else 0
    return text[:length]


def _say(message: BaseMessage, text: str) -> None:
    """Replaces the text of a message; its images and sounds stay."""
    if isinstance(message.content, str):
        message.content = text
        return
    media = [one for one in message.content if isinstance(one, dict) and one.get("type") != "text"]
    message.content = [{"type": "text", "text": text}, *media]


def _small(block: Any) -> Any:
    """A block of content, or what is said instead of one that no dialog can keep."""
    if not isinstance(block, dict) or block.get("type") == "text":
        return block
    size = _weight(block, MAX_MEDIA)
    if size <= MAX_MEDIA:
        return block
    return {"type": "text", "text": f"({block.get('type')}, too large: left out)"}


def _calls(messages: Sequence[BaseMessage]) -> int:
    """How many results the newest message of the model is waiting for."""
    newest = next((one for one in reversed(messages) if isinstance(one, AIMessage)), None)
    return max(1, len(newest.tool_calls) if newest is not None else 1)


def _weight(value: Any, most: int) -> int:
    """About how many bytes a value takes, counted no further than a limit."""
    found, waiting = 0, [value]
    while waiting and found <= most:
        match waiting.pop():
            case str() | bytes() | bytearray() as one:
                found += len(one)
            case Mapping() as one:
                waiting += one.keys()
                waiting += one.values()
            case list() | tuple() | set() | frozenset() as one:
                waiting += one
            case one:
                found += getattr(one, "nbytes", 8)
    return found


def _estimate(text: str) -> int:
    return math.ceil(len(text.encode("utf-8", "replace")) / _BYTES_PER_TOKEN)
