"""The clauses of words that ask for several things, each of which can stand alone.

Where words may be cut, their marks and conjunctions say; where they are, the reader's network: a
clause must be an order or a question by itself, and what is none ("but not the fan", "when I am
gone") stays with its neighbour.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from sensebind.agent.grounding.repairs import repairs
from sensebind.agent.reader.actions import ORDERS

MAX_PIECES = 6
"""Pieces into which words are cut at most; what follows stays with the last."""
_CUT = re.compile(
    r"\s*[.!?;]+\s+(?:(?:and|then|next|after that|afterwards|also|finally|lastly)\b,?\s+)?"
    r"|\s*,?\s+(?:and|then|also|plus)\s+"
    r"(?:(?:then|also|finally|lastly|after that|afterwards)\b,?\s+)?"
    r"|\s*,\s*(?:(?:after that|afterwards|finally|next|lastly)\b,?\s+)?"
    r"|\s+(?:after that|afterwards)\s+"
    r"|[。！？；，、]\s*(?:然后再?|接着再?|随后|最后再?|再(?=[^见])|并且|同时|另外|顺便|还有|之后再?)?"
    r"|(?<=[^，。；！？、,\s])(?:然后再?|接着再?|最后再?|随后|顺便)",
    re.I,
)
_MARKS = re.compile(r"\s*[.!?;,，。！？；、]*")
_ENDED = re.compile(r"[.!;,，。！；、…]\s*$")
_LEAD = re.compile(
    r"^(?:(?:and|then|next|after that|afterwards|also|finally|lastly|first)\b,?\s+"
    r"|(?:然后|接着|随后|最后|再(?=[^见])|并且|同时|另外|顺便|首先|先(?=[^生])|还有))+",
    re.I,
)
_NUMBER_BEFORE, _NUMBER_AFTER = re.compile(r"\d$"), re.compile(r"^\d")
_ALONE = 0.3  # of a clause that is nothing by itself
_REQUEST, _UNHEARD = 0.7, 0.85  # of what the robot cannot do: more than of words joined to others
_REQUEST_JOINED = 0.4  # the same, of a clause that "and" or "then" joins and that is nothing else
_AFTERWARDS = 0.86  # of one that "then" says is done afterwards, if it is nothing that forbids
_THEN = re.compile(
    r"^[\s,.;]*(?:and |or )?(?:then|after that|afterwards|next|finally|lastly)\b"
    r"|^[\s，。；]*(?:然后|接着|随后|最后|再(?=[^见])|之后)",
    re.I,
)
_JOINS = re.compile(r"^[\s,.;]*(?:and|plus|also)\b|^[\s，。；]*(?:并且|同时|还有|另外|顺便)", re.I)
_LEFT = ("forbidden", "condition", "hypothetical", "report", "quotation", "hint")
_JOINED = 0.8  # for each piece that is left together with its neighbour
_CLEAR = 0.5  # probability from which an action counts


class Read(Protocol):
    """What a network says of a text."""

    @property
    def act(self) -> Mapping[str, float]:
        """Probability that it orders or asks for an action."""
        ...

    @property
    def ask(self) -> Mapping[str, float]:
        """Probability that an action may be meant."""
        ...

    @property
    def category(self) -> Mapping[str, float]:
        """Probability of each category."""
        ...


@dataclass(frozen=True, slots=True)
class Segment:
    """A clause that stands alone.

    Attributes:
        text: As it was said, without what joins it to the one before.
        read: What the network says of it.
        then: Whether "then", or a word like it, says that it is done after the one before.
        joined: Whether "and", or a word like it, joins it to the one before.
    """

    text: str
    read: Read
    then: bool = False
    joined: bool = False


def pieces_of(words: str) -> list[str]:
    """Cuts words wherever a clause may end; a mark belongs to the first, "and" to the second.

    Args:
        words: As they were said.
    """
    cuts = [0]
    for found in _CUT.finditer(words):
        before, after = words[: found.start()], words[found.end() :]
        number = _NUMBER_BEFORE.search(before) and _NUMBER_AFTER.match(after)
        if before.strip() and after.strip() and not number and not repairs(before, after):
            marks = _MARKS.match(found[0])
            cuts.append(found.start() + (marks.end() if marks else 0))
    cuts = cuts[:MAX_PIECES]
    ends = [*cuts[1:], len(words)]
    return [words[start:end] for start, end in zip(cuts, ends, strict=True)]


def stripped(text: str) -> str:
    """A clause without the marks and conjunctions at its ends, but for a question mark.

    Args:
        text: As it was cut.
    """
    asks = text.rstrip().endswith(("?", "？"))
    bare = text.strip(" ,.!?;，。！？；、\n\t")
    while (shorter := _LEAD.sub("", bare).strip(" ,，")) != bare and shorter:
        bare = shorter
    mark = "？" if re.search("[一-鿿]", bare) else "?"
    return bare + mark * asks


def segments_of(words: str, read: Callable[[Sequence[str]], Sequence[Read]]) -> list[Segment]:
    """Returns the clauses of words, in order; one where they ask for one thing.

    Args:
        words: As they were said.
        read: Reads several texts at once.
    """
    pieces = pieces_of(words)
    if len(pieces) < 2:
        return []
    spans = [
        (first, last) for first in range(len(pieces)) for last in range(first + 1, len(pieces) + 1)
    ]
    texts = [stripped("".join(pieces[first:last])) for first, last in spans]
    kept = [(span, text) for span, text in zip(spans, texts, strict=True) if text]
    known = {
        span: Segment(
            text,
            one,
            _THEN.search(pieces[span[0]]) is not None,
            span[0] > 0 and _JOINS.search(pieces[span[0]]) is not None,
        )
        for (span, text), one in zip(kept, read([text for _, text in kept]), strict=True)
    }
    best: dict[int, tuple[float, list[Segment]]] = {0: (1.0, [])}
    for last in range(1, len(pieces) + 1):
        ways = [
            (
                best[first][0] * _worth(known[first, last]) * _JOINED ** (last - first - 1),
                [*best[first][1], known[first, last]],
            )
            for first in range(last)
            if first in best and (first, last) in known
        ]
        if ways:
            best[last] = max(ways, key=lambda one: one[0])
    return best.get(len(pieces), (0.0, []))[1]


def reasons(
    words: str, act: Mapping[str, float], read: Callable[[Sequence[str]], Sequence[Read]]
) -> frozenset[str]:
    """Returns actions that words only seem to order: what hints at them is why another is ordered.

    "It's too windy, close the door" asks for the door: alone, the first clause is a remark that may
    mean the fan; in front of an order it says why.

    Args:
        words: As they were said.
        act: Probability of each action, in these words.
        read: Reads several texts at once.
    """
    ordered = [name for name in ORDERS if act.get(name, 0.0) >= _CLEAR]
    pieces = [one for one in pieces_of(words) if stripped(one)] if len(ordered) > 1 else []
    if len(pieces) < 2:
        return frozenset()
    clauses = read([stripped(one) for one in pieces])
    remarks = [
        clause.ask for piece, clause in zip(pieces, clauses, strict=True) if _ENDED.search(piece)
    ]
    if not remarks:  # "the lamp and the radio" are no clauses
        return frozenset()

    def highest(scores: Sequence[Mapping[str, float]], name: str) -> float:
        return max(one.get(name, 0.0) for one in scores)

    said = {name: highest([one.act for one in clauses], name) for name in ordered}
    hinted = {name for name in ordered if said[name] < _CLEAR <= highest(remarks, name)}
    others = [name for name in ordered if name not in hinted and said[name] >= _CLEAR]
    return frozenset(hinted) if others else frozenset()


def _worth(one: Segment) -> float:
    """How probable it is that a text is one order or question, and nothing but that."""
    read = one.read
    act = dict(read.act)
    if "it_set" in act:  # "make it 23" means the thermostat, as nothing else takes degrees
        act["thermostat_set"] = min(1.0, act.get("thermostat_set", 0.0) + act.pop("it_set"))
    clear = [score for score in act.values() if score >= _CLEAR]
    if clear:
        return max(clear) * _JOINED ** (len(clear) - 1)
    request = read.category.get("request", 0.0)
    if request >= _REQUEST:  # such as "dance", of which the whole says nothing
        return max(_UNHEARD, request * 0.9)
    left = sum(read.category.get(name, 0.0) for name in _LEFT)
    if (one.joined or one.then) and request >= _REQUEST_JOINED and left < 1 - _UNHEARD:
        return _UNHEARD  # and no action of the robot's: the whole says nothing of it, either
    request += read.category.get("question", 0.0)
    afterwards = (1 - left) * _AFTERWARDS if one.then else 0.0
    return max(_ALONE, request * 0.9, afterwards)
