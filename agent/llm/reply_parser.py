"""From the tokens of a reply to LangChain chunks: text as it comes, calls once they are whole."""

import json
import re
from collections.abc import Iterator, Sequence
from typing import Any
from uuid import uuid4

from langchain_core.messages import AIMessageChunk
from langchain_core.messages.tool import tool_call_chunk
from langchain_core.outputs import ChatGenerationChunk

from sensebind.agent.llm.call_format import CallFormat
from sensebind.agent.llm.constrained_decoding import parse_calls
from sensebind.agent.llm.text_pieces import Decode, TextPieces

ACT_SCORES = "act_scores"
"""Of a message's `additional_kwargs`: by id of the call, how sure the model was to make it."""
_NAME = re.compile(r'"name"\s*:\s*"[^"]*"')


class ReplyReader:
    """Separates text from calls while tokens come.

    Attributes:
        tokens: All tokens so far.
        is_call: Whether the reply is a call; None while that is not known (a marker may be
            spelled out in several tokens).
        ended_by: "stop" or "length" once the text has ended before the model did.
        certainties: Of each token, the probability that the model gave it under its grammar.
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
        self.certainties: list[float] = []
        self._decode = decode
        self._style = style
        self._tools = tools
        self._max_tokens = max_tokens
        self._text = TextPieces(decode, tuple(stops))

    def push(self, token: int, certainty: float = 1.0) -> str:
        """Takes a token and returns the text that is now certain.

        Args:
            token: Its id.
            certainty: The probability that the model gave it, among what its grammar allows.
        """
        self.tokens.append(token)
        self.certainties.append(certainty)
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
        scores = self._scores(len(found))
        for index, call in enumerate(found):
            # A JSON string in place of the arguments makes LangChain list the call as invalid;
            # broken JSON would be repaired by it, and a call that the model never made would run.
            args = json.dumps(call.text if call.error else call.arguments, ensure_ascii=False)
            name = f"call_{uuid4().hex[:16]}"
            chunk = tool_call_chunk(name=call.name, args=args, id=name, index=index)
            made = AIMessageChunk(
                content="",
                tool_call_chunks=[chunk],
                additional_kwargs={ACT_SCORES: {name: scores[index]}},
            )
            yield ChatGenerationChunk(message=made)

    def _scores(self, calls: int) -> list[float]:
        """Of each call, the probability of "a call, and of this tool" against all other replies.

        That is the product over its tokens from the marker to the end of the tool's name; the
        arguments do not count.
        """
        ends = [len(self._decode(self.tokens[: at + 1])) for at in range(len(self.tokens))]
        scores, begin = [], 0
        for found in list(_NAME.finditer(self._decode(self.tokens)))[:calls]:
            score = 1.0
            at = begin
            while at < len(ends) and (at == begin or ends[at - 1] < found.end()):
                score *= self.certainties[at]
                at += 1
            scores.append(round(score, 6))
            begin = at
            # The next call begins with its marker, behind the arguments, which do not count.
            following = self._style.start_id
            if following is not None:
                while begin < len(self.tokens) and self.tokens[begin] != following:
                    begin += 1
        return scores + [min(scores, default=1.0)] * (calls - len(scores))


def text_chunk(text: str) -> ChatGenerationChunk:
    """Returns a chunk of text."""
    return ChatGenerationChunk(message=AIMessageChunk(content=text))
