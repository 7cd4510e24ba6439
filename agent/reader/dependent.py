"""What the parts of a conditional order mean: each condition joined to the question it is about."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sensebind.agent.corpus import chinese
from sensebind.agent.corpus.phrasing import plural
from sensebind.agent.grounding.names import things
from sensebind.agent.reader.actions import ORDERS
from sensebind.agent.reader.conditional import Part
from sensebind.agent.reader.findings import Expected, Way, stands, states_in
from sensebind.agent.reader.segments import Segment, segments_of
from sensebind.agent.reader.steps import goes_on, resolved

_CLEAR = 0.5  # probability from which an action counts
_SURE = 0.85  # the same, for a clause that needs no word in addition
_COUNTED = ("count", "where")
_PERCEIVED = ("see", "hear", "scan")
_STATE = "_state"
_NEGATED_QUESTION = re.compile(r"没有?(?:[开关亮响转])|\b(?:is|are)(?:n't| not)\b", re.I)
"""A question for what is not so: a yes to it may mean either."""
_SEARCHED = re.compile(
    r"^(?:please |now )*(?:look|search|check|scan|watch) (?:around )?"
    r"(?:for|(?:whether|if) there is) (?P<en>.+)"
    r"|^(?:please |now )*(?:find|locate|seek|spot) (?!out\b)(?P<en2>.+)"
    r"|^(?:请|你|先|帮我)*(?:找一找|找一下|找找看?|寻找|查找|搜索|找)(?P<zh>.+)",
    re.I,
)
"""To look for a thing is to find out where it is."""
_LOOKED_AT = re.compile(
    r"^(?:please |now |first )*(?:check|inspect|(?:have|take) a look at|look at)(?: on)? (?P<en>.+)"
    r"|^(?:请|你|先|帮我)*(?:看一看|看一下|看看|检查一下|检查|看)(?P<zh>[^，。；！？]{1,6})",
    re.I,
)
"""To look at a device is to find out how it stands."""
_IS_THERE = re.compile(
    r"^(?:is|are) there (?P<en>.+)|^(?:do|can) you see (?P<en2>.+)"
    r"|^(?:(?:see|check|look) (?:whether|if) (?:there (?:is|are)|you (?:can )?see)) (?P<en3>.+)"
    r"|^(?:你|看看|请|帮我)*(?:有没有|看得?到|看见|看得?见)(?:了)?(?P<zh>[^，。；！？吗没]{1,6})",
    re.I,
)
"""Whether there is one is how many there are, or where."""
_DEVICES = {
    "lamp": ("the lamp", "灯"),
    "radio": ("the radio", "收音机"),
    "fan": ("the fan", "风扇"),
    "door": ("the door", "门"),
    "thermostat": ("the thermostat", "温度"),
}
_IT = re.compile(r"\b(?:it|that one|one|them)\b|它", re.I)
_THERE = re.compile(r"\b(?:over )?there\b|(?:走|开)?过去|去?(?:那里|那儿)去?", re.I)


@dataclass(frozen=True, slots=True)
class Linked:
    """A clause, and what it depends on.

    Attributes:
        segment: The clause, with "it" said in full.
        test: What must have been found for it; None for a clause without a condition.
        of: Index of the clause that finds it; -1 for none.
    """

    segment: Segment
    test: Expected | None = None
    of: int = -1


def linked(
    parts: Sequence[Part], speech: str, read: Callable[[Sequence[str]], Sequence[Any]]
) -> list[Linked]:
    """Returns the clauses of parts with their conditions; [] where one is about nothing before it.

    Args:
        parts: As `conditional_parts` cuts them.
        speech: `en` or `zh`.
        read: Reads several texts at once.
    """
    segments: list[Segment] = []
    conditions: list[Part | None] = []
    for part, following in zip(parts, [*parts[1:], None], strict=True):
        text = part.text
        if part.test is None and following is not None and following.test is not None:
            text = _as_question(text, following.test, speech, read)
        found = segments_of(text, read) or [Segment(text, read([text])[0])]
        segments += found
        conditions += [part if part.test is not None else None] * len(found)
    full = resolved(segments, speech, read)
    clauses: list[Linked] = []
    for segment, condition in zip(full, conditions, strict=True):
        if condition is None:
            clauses.append(Linked(segment))
            continue
        if (about := _about(condition, clauses, speech, read)) is None:
            return []
        test, of = about
        segment = _in_full(segment, test, clauses[of].segment, speech, read)
        clauses.append(Linked(segment, test, of))
    return clauses


def _as_question(
    text: str, test: Expected, speech: str, read: Callable[[Sequence[str]], Sequence[Any]]
) -> str:
    """What finds something out as the question for it: "look for the ball", "check the lamp"."""
    zh, bare = speech == "zh", text.strip(" .!?。！？")
    if _clear(read([text])[0].act):
        return text
    if test.way is Way.STATE and (looked := _LOOKED_AT.fullmatch(bare)):
        thing = looked["en"] or looked["zh"]
        asked = f"{thing}开着吗？" if zh else f"is {thing} {test.state}?"
        return asked if _device(read([asked])[0].act) else text
    if len(things(bare)) != 1:
        return text
    if plain := searched(bare):
        return plain
    if _IS_THERE.match(bare):
        [kind] = things(bare)
        thing = chinese.NOUNS[kind][0]
        return f"{thing}在哪里？" if zh else f"how many {plural(kind)} are there?"
    return text


def searched(text: str) -> str:
    """Returns "look for the ball" as the question where it is; "" for other words.

    Args:
        text: A clause, without a mark at its end.
    """
    found = _SEARCHED.fullmatch(text)
    if found is None or len(things(text)) != 1:
        return ""
    if found["zh"]:
        return f"{found['zh']}在哪里？"
    return f"where is {found['en'] or found['en2']}?"


def _in_full(
    segment: Segment,
    test: Expected,
    question: Segment,
    speech: str,
    read: Callable[[Sequence[str]], Sequence[Any]],
) -> Segment:
    """A clause with what its condition is about said in full: "close it", "go there", 就关上."""
    text = segment.text
    if any(score >= _SURE for score in segment.read.act.values()) and not goes_on(segment.read.act):
        return segment
    zh = speech == "zh"
    ways: list[str] = []
    if test.about in _DEVICES or test.way is Way.NUMBER:
        device = test.about or "thermostat"
        named = _DEVICES[device][zh]
        ways += [_IT.sub(named, text, count=1)] if _IT.search(text) else []
        ways += [f"把{named}{text}"] if zh else []
    kinds = things(question.text)
    kind = test.about if test.about not in _DEVICES else ""
    kind = kind or (kinds[0] if len(kinds) == 1 else "")
    if kind:
        named = chinese.NOUNS[kind][0] if zh else f"the {kind}"
        place = f"到{named}那里去" if zh else f"to {named}"
        ways += [_IT.sub(named, text, count=1)] if _IT.search(text) else []
        ways += [_THERE.sub(place, text, count=1)] if _THERE.search(text) else []
    best = segment
    for one, again in zip(ways, read(ways) if ways else (), strict=True):
        if goes_on(again.act):
            continue
        if max(again.act.values()) > max(best.read.act.values(), default=0.0):
            best = replace(segment, text=one, read=again)
    return best


def _about(
    condition: Part,
    before: Sequence[Linked],
    speech: str,
    read: Callable[[Sequence[str]], Sequence[Any]],
) -> tuple[Expected, int] | None:
    """A condition's test, and the clause that answers it: the nearest that can."""
    test = condition.test
    assert test is not None
    device = _device_named(condition, test, speech, read) if condition.named else ""
    for at in range(len(before) - 1, -1, -1):
        if before[at].test is not None:
            continue
        whole = _answered_by(before[at].segment, test, condition.named, device, speech)
        if whole is not None:
            return whole, at
    return None


def _device_named(
    condition: Part, test: Expected, speech: str, read: Callable[[Sequence[str]], Sequence[Any]]
) -> str:
    """The device that a condition names, as the network reads a question for its state."""
    if test.way is not Way.STATE:
        return ""
    zh = speech == "zh"
    asked = f"{condition.named}开着吗？" if zh else f"is {condition.named} {test.state}?"
    return _device(read([asked])[0].act) or "?"


def _clear(act: Mapping[str, float]) -> list[str]:
    return [name for name, score in act.items() if score >= _CLEAR]


def _device(act: Mapping[str, float]) -> str:
    found = [name.removesuffix(_STATE) for name in _clear(act) if name.endswith(_STATE)]
    return found[0] if len(found) == 1 else ""


def _answered_by(
    segment: Segment, test: Expected, named: str, device: str, speech: str
) -> Expected | None:
    """The test with what it is about, where a clause finds it out; None where it does not."""
    clear = _clear(segment.read.act)
    asked = _device(segment.read.act)
    kinds = things(segment.text)
    counts = any(name in clear for name in _COUNTED)
    perceives = any(name in clear for name in _PERCEIVED)
    match test.way:
        case Way.STATE:
            state = stands(asked, test.state) if asked else ""
            fits = state and (not named or device == asked)
            return replace(test, state=state, about=asked) if fits else None
        case Way.NUMBER:
            return test if "thermostat_get" in clear or (counts and len(kinds) == 1) else None
        case Way.DONE:
            return test if any(name in ORDERS for name in clear) else None
        case Way.THERE | Way.ANSWER:
            if asked:
                plain = test.way is Way.ANSWER or named in ("有", "没有", "在", "不在")
                return _answer(segment.text, asked, test, speech) if plain else None
            wanted = things(named) or kinds
            if len(wanted) != 1 or not (counts or perceives) or (counts and kinds != wanted):
                return None
            if test.way is Way.ANSWER and not kinds:
                return None  # "what do you see? If so, …"
            return replace(test, way=Way.THERE, about=wanted[0])
    return None


def _answer(question: str, device: str, test: Expected, speech: str) -> Expected | None:
    """ "If so" after "is the lamp on?": the state that the question asks for."""
    found = states_in(question, int(speech == "zh"))
    asked = {state for one in found if (state := stands(device, one))}
    if len(asked) != 1 or _NEGATED_QUESTION.search(question):
        return None
    return replace(test, way=Way.STATE, state=asked.pop(), about=device)
