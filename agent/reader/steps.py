"""What the parts of words ask for: acting tools, tools that observe, or something unknown."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from langchain_core.tools import BaseTool

from sensebind.agent.corpus import chinese
from sensebind.agent.corpus.answers import FIXED
from sensebind.agent.grounding.names import choices, holds, things
from sensebind.agent.llm.openai_form import openai_form
from sensebind.agent.llm.tool_forms import parameters_of
from sensebind.agent.reader.actions import ORDERS, READS
from sensebind.agent.reader.coordination import spread
from sensebind.agent.reader.intent import Proposal, Reading, Step, Verdict
from sensebind.agent.reader.segments import Read, Segment

MAX_STEPS = 5
"""Things that words may ask for at once; each costs a call of the language model or two."""
_CLEAR = 0.5  # probability from which what observes is meant
_PERCEIVED = ("see", "hear", "scan", "color", "all")
_LOOKING = ("count", "where", "count_any", *_PERCEIVED)
ELSEWHERE = frozenset(name for name in ORDERS if name.startswith("it_")) - {"it_set"}
"""Actions on what other words name; "set it to 21 degrees" can mean the thermostat alone."""
MOVING = frozenset({"approach", "drive", "turn"})
"""Tools that move the robot."""
_PLAIN: dict[str, tuple[str, str]] = {
    "lamp_on": ("turn on the lamp", "打开灯"),
    "lamp_off": ("turn off the lamp", "关掉灯"),
    "radio_on": ("turn on the radio", "打开收音机"),
    "radio_off": ("turn off the radio", "关掉收音机"),
    "fan_on": ("turn on the fan", "打开风扇"),
    "fan_off": ("turn off the fan", "关掉风扇"),
    "door_open": ("open the door", "打开门"),
    "door_close": ("close the door", "关上门"),
    "lamp_state": ("is the lamp on?", "灯开着吗？"),
    "radio_state": ("is the radio on?", "收音机开着吗？"),
    "fan_state": ("is the fan on?", "风扇开着吗？"),
    "door_state": ("is the door open?", "门开着吗？"),
}
"""The plainest words for what needs no argument: for each of several that one clause names."""
_IT = re.compile(r"\b(?:it|that one|that thing|there)\b|它|那里|那儿|那边", re.I)
_THE = {
    "lamp": ("the lamp", "灯"),
    "radio": ("the radio", "收音机"),
    "fan": ("the fan", "风扇"),
    "door": ("the door", "门"),
}
_AND_THAT = re.compile(
    r"^(?:(?:and|what about|how about)\s+)*(?P<en>(?:the |my )?[a-z]+)\?$"
    r"|^(?:那|还有|那么)?(?P<zh>[一-鿿]{1,4}?)呢?[？?]$",
    re.I,
)
_WHICH = {
    "en": "Which kind of thing should I count?",
    "zh": "要我数哪一种东西？",
}


def observing(
    words: str, tools: Sequence[BaseTool], act: Mapping[str, float], speech: str
) -> dict[str, Any] | None:
    """What answers a question: fields of its `Reading`; None where words ask for nothing.

    Args:
        words: The question.
        tools: What can be called.
        act: Probability of each action.
        speech: `en` or `zh`.
    """
    asked = {name: act[name] for name in act if name not in ORDERS and act[name] >= _CLEAR}
    if not asked:
        return None
    first = max(asked, key=lambda name: asked[name])
    names = {tool.name: tool for tool in tools}
    if first == "count_any":
        return {"reply": _WHICH[speech], "looking": False}
    if first in _PERCEIVED:
        return {"looking": False, "perceived": True}
    tool = READS[first]
    if tool not in names:
        return None
    if tool == "house_status":
        about = [name.split("_")[0] for name in asked if READS.get(name) == tool]
        calls = [Proposal(tool, {}, whole=True, about=one) for one in about[:1]]
        return {"proposals": tuple(calls), "looking": True}
    if tool == "detect":
        kinds = _choices(names[tool], "kind")
        if kinds and not any(holds(words, one) for one in kinds):
            return {"reply": FIXED["which"][speech], "looking": False}
    return {"proposals": (Proposal(tool),)}


def unknown_place(
    words: str, ordered: Sequence[str], tools: Sequence[BaseTool], speech: str
) -> str:
    """What is said to an order to go to something that the robot does not know; "" otherwise.

    Args:
        words: The order.
        ordered: Tools that it names.
        tools: What can be called.
        speech: `en` or `zh`.
    """
    if list(ordered) != ["approach"]:
        return ""
    kinds = _choices(next(tool for tool in tools if tool.name == "approach"), "kind")
    if not kinds or things(words) or any(holds(words, one) for one in kinds):
        return ""
    return FIXED["which"][speech]


def goes_on(act: Mapping[str, float]) -> bool:
    """Whether a clause calls by "it" what another one has named; a temperature needs no name.

    Args:
        act: Probability of each action.
    """
    return any(act.get(name, 0.0) >= _CLEAR for name in ELSEWHERE)


def resolved(
    segments: Sequence[Segment], speech: str, read: Callable[[Sequence[str]], Sequence[Any]]
) -> list[Segment]:
    """Returns clauses with what an earlier one explains said in full.

    "Where is the ball? Drive to it." drives to the ball, and "is the fan on? And the lamp?" asks
    for the lamp, too. What is not clear even so stays as it was said.

    Args:
        segments: In order.
        speech: `en` or `zh`.
        read: Reads several texts at once.
    """
    found: list[Segment] = []
    for one in segments:
        ways = _in_full(one, found, speech) if found else []
        for text, again in zip(ways, read(ways) if ways else (), strict=True):
            if max(again.act.values(), default=0.0) >= _CLEAR and not goes_on(again.act):
                one = replace(one, text=text, read=again)
                break
        found.append(one)
    return found


def _in_full(one: Segment, before: Sequence[Segment], speech: str) -> list[str]:
    """Texts that a clause may stand for after those before it; [] where it needs none."""
    zh = speech == "zh"
    if goes_on(one.read.act):
        if one.read.act.get("it_approach", 0.0) >= _CLEAR:
            kinds = [kind for other in before for kind in things(other.text)]
            named = chinese.NOUNS[kinds[-1]][0] if kinds and zh else ""
            named = named or (f"the {kinds[-1]}" if kinds else "")
        else:
            clear = [
                _THE[name.split("_")[0]][zh]
                for other in before
                for name, score in other.read.act.items()
                if score >= _CLEAR and name.split("_")[0] in _THE
            ]
            named = clear[-1] if len(set(clear)) == 1 else ""
        return [_IT.sub(named, one.text, count=1)] if named and _IT.search(one.text) else []
    asks = [name for name, score in before[-1].read.act.items() if score >= _CLEAR]
    found = _AND_THAT.match(one.text)
    clear_now = max(one.read.act.values(), default=0.0) >= _CLEAR
    if clear_now or found is None or not any(name.endswith("_state") for name in asks):
        return []
    if zh:
        return [f"{found['zh']}开着吗？"] if found["zh"] else []
    return [f"is {found['en']} {state}?" for state in ("on", "open")] if found["en"] else []


def repeats(step: Step, proposals: Sequence[Proposal]) -> bool:
    """Whether a clause orders what the one before it has ordered: it may only say how much.

    Args:
        step: The one before.
        proposals: Of the clause.
    """
    before = [(one.tool, one.about) for one in step.reading.proposals]
    return before == [(one.tool, one.about) for one in proposals]


def meant(reading: Reading, act: Mapping[str, float]) -> bool:
    """Whether a clause is anything that the robot may do or answer.

    Args:
        reading: Of the clause.
        act: Probability of each action.
    """
    asks = any(one is not Verdict.ANSWER for one in reading.verdicts.values())
    clear = any(score >= _CLEAR for score in act.values())
    return bool(reading.proposals or reading.reply) or asks or clear


def _choices(tool: BaseTool, name: str) -> tuple[str, ...]:
    schema = parameters_of(openai_form(tool))
    properties = schema.get("properties")
    one = properties.get(name) if isinstance(properties, Mapping) else None
    if isinstance(one, Mapping) and "$ref" in one:
        definitions = schema.get("$defs")
        key = str(one["$ref"]).rpartition("/")[2]
        one = definitions.get(key) if isinstance(definitions, Mapping) else None
    return choices(one) if isinstance(one, Mapping) else ()


def parts_of(
    one: Segment, speech: str, read: Callable[[Sequence[str]], Sequence[Any]]
) -> Iterator[tuple[str, Any]]:
    """Yields what one clause asks for, with what the network says: several switches are several.

    Args:
        one: The clause.
        speech: `en` or `zh`.
        read: Reads several texts at once.
    """
    if apart := _apart(one, read):
        yield from apart
        return
    clear = [name for name, score in one.read.act.items() if score >= _CLEAR]
    if len(clear) < 2 or not all(name in _PLAIN for name in clear):
        yield one.text, one.read
        return
    for name in sorted(clear, key=lambda each: _place(one.read, each)):
        text = _PLAIN[name][speech == "zh"]
        yield text, replace(read([text])[0], act={**_none(one.read), name: one.read.act[name]})


def _apart(one: Segment, read: Callable[[Sequence[str]], Sequence[Any]]) -> list[tuple[str, Any]]:
    """The objects of one verb, each with it, where the robot knows some of them and others not."""
    said = spread(one.text)
    if not said or not any(one.read.act.get(name, 0.0) >= _CLEAR for name in ORDERS):
        return []
    found = list(zip(said, read(said), strict=True))
    clear = [{name for name in ORDERS if each.act.get(name, 0.0) >= _CLEAR} for _, each in found]
    ordered = {name for name in ORDERS if one.read.act.get(name, 0.0) >= _CLEAR}
    others = [
        names or each.category.get("request", 0.0) >= _CLEAR
        for names, (_, each) in zip(clear, found, strict=True)
    ]
    return found if all(others) and not all(clear) and set().union(*clear) == ordered else []


def _place(read: Read, name: str) -> float:
    places: Mapping[str, float] = getattr(read, "places", {})
    return places.get(name, 0.0)


def _none(read: Read) -> dict[str, float]:
    return dict.fromkeys(read.act, 0.0)


def within(part: Reading, whole: Reading, least: float) -> Reading:
    """A clause's reading, asked about where the words as a whole do not order what it orders.

    Args:
        part: Of the clause.
        whole: Of all the words.
        least: Score from which the words as a whole order a tool.
    """
    changed = {
        name: Verdict.ASK
        for name, verdict in part.verdicts.items()
        if verdict is Verdict.CALL
        and whole.of(name) is not Verdict.CALL
        and whole.scores.get(name, 0.0) < least
    }
    return replace(part, verdicts={**part.verdicts, **changed}) if changed else part


def step_of(
    text: str, reading: Reading, act: Mapping[str, float], tools: Sequence[str] | set[str]
) -> Step:
    """A clause as a step.

    Args:
        text: The clause.
        reading: Of it.
        act: Probability of each action.
        tools: Names of what can be called.
    """
    called = {one.tool for one in reading.proposals}
    moves = bool(called & MOVING)
    looks = any(act.get(name, 0.0) >= _CLEAR for name in _LOOKING)
    return Step(text, reading, depends=moves or looks, moves=moves)
