"""From the tokens of a reply to LangChain chunks: text as it comes, calls once they are whole."""

import json
from collections.abc import Iterator, Sequence
from typing import Any
from uuid import uuid4

from langchain_core.messages import AIMessageChunk
from langchain_core.messages.tool import tool_call_chunk
from langchain_core.outputs import ChatGenerationChunk

from sensebind.agent.llm.constrained_decoding import CallFormat, parse_calls
from sensebind.agent.llm.text_pieces import Decode, TextPieces


class ReplyReader:
    """Separates text from calls while tokens come.

    Attributes:
        tokens: All tokens so far.
        is_call: Whether the reply is a call; None while that is not known (a marker may be
            spelled out in several tokens).
        ended_by: "stop" or "length" once the text has ended before the model did.
    """

    def __init__(
        self,
        decode: Decode,
        style: CallFormat,
        *,
        tools: Sequence[dict[str, Any]],
        stops: Sequence[str],
        max_tokens: int,
    ) -> None:
        """Begin a reply.

        Args:
            decode: Turns token ids into text, without special tokens.
            style: The checkpoint's call format.
            tools: Tools in OpenAI form; without any a reply is always text.
            stops: Texts that end an answer.
            max_tokens: Most tokens of a text; a call ends by its grammar.
        """
        self.tokens: list[int] = []
        self.is_call: bool | None = None if tools else False
        self.ended_by = ""
        self._decode = decode
        self._style = style
        self._tools = tools
        self._max_tokens = max_tokens
        self._text = TextPieces(decode, tuple(stops))

    def push(self, token: int) -> str:
        """Takes a token and returns the text that is now certain."""
        self.tokens.append(token)
        pieces = ""
        if self.is_call is None:
            self.is_call = self._opens_call()
            if self.is_call is False:
                pieces = "".join(self._text.push(earlier) for earlier in self.tokens[:-1])
        if self.is_call is False:
            pieces += self._text.push(token)
            if self._text.stopped:
                self.ended_by = "stop"
            elif len(self.tokens) >= self._max_tokens:
                self.ended_by = "length"
        return pieces

    def _opens_call(self) -> bool | None:
        if self._style.start_id is not None:
            return self.tokens[0] == self._style.start_id
        marker, so_far = self._style.start or "{", self._decode(self.tokens).lstrip()
        if so_far.startswith(marker):
            return True
        return None if marker.startswith(so_far) else False

    def rest(self) -> str:
        """Returns the text that was held back, when no more tokens come."""
        return "" if self.is_call or self._text.stopped else self._text.push(None)

    def calls(self) -> Iterator[ChatGenerationChunk]:
        """Yields the calls of a reply that is whole, each as one chunk."""
        if not self.is_call:
            return
        found = parse_calls(self._decode(self.tokens), self._style, self._tools)
        for index, call in enumerate(found):
            # A JSON string in place of the arguments makes LangChain list the call as invalid;
            # broken JSON would be repaired by it, and a call that the model never made would run.
            args = json.dumps(call.text if call.error else call.arguments, ensure_ascii=False)
            chunk = tool_call_chunk(
                name=call.name, args=args, id=f"call_{uuid4().hex[:16]}", index=index
            )
            yield ChatGenerationChunk(message=AIMessageChunk(content="", tool_call_chunks=[chunk]))


def text_chunk(text: str) -> ChatGenerationChunk:
    """Returns a chunk of text."""
    return ChatGenerationChunk(message=AIMessageChunk(content=text))
