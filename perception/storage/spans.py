"""Stretches of time, of one stream or of all: what is to be forgotten."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Sequence
from typing import Annotated

import msgspec

from sensebind.errors import InputError

FOREVER = 2**63 - 1
_REFERENCE = re.compile(r"frame:([A-Za-z0-9._-]+)@([0-9]{1,19})")
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 7 * 86_400}
_DURATION = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*([smhdw])")


class Span(msgspec.Struct, frozen=True):
    """A stretch of time.

    Attributes:
        since: Its begin, wall clock, ns.
        until: Its end, which belongs to it.
        stream: Of this stream alone; "" is all that was perceived, said and done.
    """

    since: Annotated[int, msgspec.Meta(ge=0)] = 0
    until: Annotated[int, msgspec.Meta(le=FOREVER)] = FOREVER
    stream: str = ""

    @property
    def everything(self) -> bool:
        """Whether nothing is outside of it."""
        return not self.stream and self.since <= 0 and self.until >= FOREVER

    def overlaps(self, begin: int, end: int) -> bool:
        """Whether something that lasted from `begin` to `end` went on in it."""
        return begin <= self.until and end >= self.since


def last(duration: str, now: int | None = None) -> Span:
    """Return the span of the last `90s`, `30m`, `1h`, `2d` or `1w`.

    It ends never: what a clock that was ahead has stamped goes, too.

    Raises:
        InputError: It is not such a duration.
    """
    found = _DURATION.fullmatch(duration.strip().lower())
    if found is None or not float(found[1]):
        raise InputError(f"{duration!r} is not a duration: write such as 30m, 1h or 2d")
    seconds = float(found[1]) * _UNITS[found[2]]
    begin = (time.time_ns() if now is None else now) - int(seconds * 1e9)
    return Span(max(begin, 0), FOREVER)


def covered(spans: Sequence[Span], stream: str, at: int) -> bool:
    """Whether what a stream perceived at a time (ns) is in one of the spans.

    Args:
        spans: Of all streams or of one.
        stream: Name of the stream; "" asks of what belongs to none, such as a word that was said.
        at: Wall clock, ns.
    """
    return any(one.stream in ("", stream) and one.since <= at <= one.until for one in spans)


def cites(spans: Sequence[Span], text: str) -> bool:
    """Whether a text names a frame (`frame:<stream>@<ns>`) that is in one of the spans."""
    return any(covered(spans, stream, at) for stream, at in references_in(text))


def references_in(text: str) -> Iterator[tuple[str, int]]:
    """Yield stream and time of the frames that a text names."""
    for stream, at in _REFERENCE.findall(text):
        yield stream, int(at)
