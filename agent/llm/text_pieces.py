"""From tokens to pieces of text that are certain: whole characters, and no beginning of a stop."""

from collections.abc import Callable
from dataclasses import dataclass, field

Decode = Callable[[list[int]], str]
"""Token ids to text, without special tokens."""


@dataclass(slots=True)
class TextPieces:
    """Turns tokens into pieces of text; holds back half characters and what may become a stop.

    Attributes:
        decode: Turns token ids into text.
        stops: Texts that end an answer.
        tokens: All tokens so far.
        given: Characters that were returned.
        stopped: Whether a stop was found.
    """

    decode: Decode
    stops: tuple[str, ...] = ()
    tokens: list[int] = field(default_factory=list)
    given: int = 0
    stopped: bool = False

    def push(self, token: int | None) -> str:
        """Take a token (None: the end), and return the text that is now certain."""
        if token is not None:
            self.tokens.append(token)
        text = self.decode(self.tokens)
        if token is not None and text.endswith("\ufffd"):
            return ""
        cuts = [at for stop in self.stops if (at := text.find(stop)) >= 0]
        end = len(text)
        if cuts:
            end, self.stopped = min(cuts), True
        elif token is not None:
            end -= max((_overlap(text, stop) for stop in self.stops), default=0)
        piece = text[self.given : end]
        self.given = max(self.given, end)
        return piece


def _overlap(text: str, stop: str) -> int:
    """Length of the longest end of `text` that begins `stop`."""
    for size in range(min(len(stop) - 1, len(text)), 0, -1):
        if text.endswith(stop[:size]):
            return size
    return 0
