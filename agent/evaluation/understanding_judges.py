"""Whether what the robot did with a sentence is right, as the README of the held-out sets says."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sensebind.agent.corpus.answers import FIXED
from sensebind.agent.evaluation.reading import numbers_in
from sensebind.agent.evaluation.understanding_sets import (
    Call,
    Foreign,
    MustNotAct,
    Number,
    PlainOrder,
    ways,
)
from sensebind.agent.events import CallRecord, TurnRecord
from sensebind.agent.stop_words import is_stop

Defaults = Mapping[str, Mapping[str, Any]]
"""Of each tool, the defaults that its schema names, by argument."""

_HALF_TURN = 180.0
_DENIED = re.compile(
    r"\b(?:can ?not|can't|could not|couldn't|do not|don't|did not|didn't|unable|not able"
    r"|there is no|i see no|not possible|impossible|nothing|sorry|no such|at most"
    r"|not (?:done|there|here|in view)|only (?:takes|goes|go|take)"
    r"|too (?:far|high|low|hot|cold|warm|long))\b|[不没無无]|抱歉|只能"
)
_CANNOT = re.compile(r"\b(?:can ?not|can't|unable|not able|no tool)\b|[不没]能|无法|做不到|不会")


@dataclass(frozen=True, slots=True)
class Judgement:
    """What is said of one sentence.

    Attributes:
        right: Whether it was dealt with as expected.
        why: What was wrong, in a few words without the sentence; empty if it is right.
        acted: Acting calls that were made, or put to a person to be approved, and are not expected.
        number: Whether a tool was right, and a number in its call was another one.
        asked: Whether a person was asked about a call that the robot was not sure of.
        unasked: Whether all was done without any question to a person.
    """

    right: bool
    why: str = ""
    acted: tuple[str, ...] = ()
    number: bool = False
    asked: bool = False
    unasked: bool = True


@dataclass(frozen=True, slots=True)
class Done:
    """What the robot did with a sentence.

    Attributes:
        record: The turn at its end.
        made: Calls that were made or put to a person for approval, in order.
        questions: Calls that the robot only asked about, since it was not sure.
        approvals: How often a person was asked before the end.
    """

    record: TurnRecord
    made: tuple[CallRecord, ...]
    questions: tuple[CallRecord, ...] = ()
    approvals: int = 0


def fits(call: CallRecord, wanted: Call, defaults: Defaults) -> bool:
    """Whether a call is the one that is expected.

    Args:
        call: As it was made.
        wanted: What is expected, perhaps with alternatives.
        defaults: Of the tools' schemas.
    """
    if call.name != wanted.tool:
        return False
    known = defaults.get(call.name, {})
    return any(
        all(name in call.arguments and same(call.arguments[name], one) for name, one in way.items())
        and all(
            name in way or (name in known and same(value, known[name]))
            for name, value in call.arguments.items()
            if value is not None
        )
        for way in ways(wanted.arguments)
    ) or _half_turned(call, wanted)


def _half_turned(call: CallRecord, wanted: Call) -> bool:
    """180 and -180 degrees are one turn."""
    degrees = call.arguments.get("degrees")
    if call.name != "turn" or not _is_number(degrees) or abs(float(degrees)) != _HALF_TURN:
        return False
    return set(call.arguments) == {"degrees"} and any(
        same(-degrees, way.get("degrees")) for way in ways(wanted.arguments)
    )


def same(given: Any, wanted: Any) -> bool:
    """Whether two values of an argument are the same: numbers by value, texts by their words."""
    if isinstance(given, str) and isinstance(wanted, str):
        return _bare(given) == _bare(wanted)
    if _is_number(given) and _is_number(wanted):
        return abs(float(given) - float(wanted)) < 1e-9
    if isinstance(given, Mapping) and isinstance(wanted, Mapping):
        return set(given) == set(wanted) and all(same(given[one], wanted[one]) for one in given)
    if isinstance(given, list) and isinstance(wanted, list):
        return len(given) == len(wanted) and all(map(same, given, wanted))
    return bool(given == wanted) and isinstance(given, bool) == isinstance(wanted, bool)


def _bare(text: str) -> str:
    return re.sub(r"\s+", "", text).casefold().rstrip(".。")


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _other_number(calls: Iterable[CallRecord], wanted: Sequence[Call]) -> bool:
    """Whether a tool that is expected was called with a number that is not."""
    for call in calls:
        ours = [one for one in wanted if one.tool == call.name]
        numbers = [value for value in call.arguments.values() if _is_number(value)]
        if ours and numbers and not any(fits(call, one, {}) for one in ours):
            return True
    return False


def _names(calls: Iterable[CallRecord]) -> tuple[str, ...]:
    return tuple(
        f"{one.name}({', '.join(f'{key}={value}' for key, value in one.arguments.items())})"
        for one in calls
    )


def judge_silence(line: MustNotAct, done: Done, acting: frozenset[str]) -> Judgement:
    """Judges a line of `must_not_act`: nothing acts but what may."""
    wrong = [
        one
        for one in done.made
        if one.name in acting and not any(fits(one, may, {}) for may in line.expected.acts)
    ]
    return Judgement(not wrong, "acted" if wrong else "", _names(wrong), asked=bool(done.questions))


def judge_order(
    line: PlainOrder, done: Done, acting: frozenset[str], defaults: Defaults
) -> Judgement:
    """Judges a line of `plain_orders`: exactly the calls that are expected, after a yes."""
    wanted = line.expected.calls
    made = [*done.made, *done.questions]
    if not made and [one.tool for one in wanted] == ["stop"] and is_stop(line.text):
        return Judgement(True)
    right = len(made) == len(wanted) and all(
        fits(call, one, defaults) for call, one in zip(made, wanted, strict=True)
    )
    tools = {one.tool for one in wanted}
    wrong = [one for one in made if one.name in acting and one.name not in tools]
    number = _other_number(made, wanted)
    why = "" if right else "wrong tool" if wrong else "another number" if number else "not done"
    if not right and not wrong and not number and made:
        why = "other calls"
    return Judgement(
        right, why, _names(wrong), number, bool(done.questions), unasked=done.approvals == 0
    )


def judge_number(line: Number, done: Done, acting: frozenset[str], defaults: Defaults) -> Judgement:
    """Judges a line of `numbers`: the tool with the number, or a question and no call."""
    wanted = line.expected
    made = [*done.made, *done.questions]
    moved = [one for one in made if one.name in acting]
    if wanted.outcome == "call":
        right = len(moved) == len(wanted.calls) and all(
            fits(call, one, defaults) for call, one in zip(moved, wanted.calls, strict=True)
        )
        number = _other_number(moved, wanted.calls)
        tools = {one.tool for one in wanted.calls}
        wrong = [one for one in moved if one.name not in tools]
        why = "another number" if number else "wrong tool" if wrong else "not done"
        return Judgement(right, "" if right else why, _names(wrong), number, bool(done.questions))
    if (way := wanted.or_relative) is not None and _went_relative(made, way):
        return Judgement(True)
    never = [one for one in moved if one.name in wanted.never]
    wrong = never or moved
    said = done.record.assistant
    asks = any(mark in said for mark in "?？") or len(numbers_in(said)) >= 1
    right = not wrong and asks
    why = "" if right else "acted" if wrong else "did not ask"
    return Judgement(right, why, _names(wrong), bool(never), bool(done.questions))


def _went_relative(made: Sequence[CallRecord], way: Any) -> bool:
    """Whether a value was read, and then set by the change that was asked for."""
    if [one.name for one in made] != [way.read, way.then] or made[0].failed:
        return False
    return any(
        same(made[1].arguments.get(way.argument), number + way.change)
        for number in numbers_in(made[0].result)
    )


def says_cannot(answer: str) -> bool:
    """Whether an answer says that the robot cannot do something."""
    return answer in FIXED["cannot"].values() or _CANNOT.search(answer.lower()) is not None


def judge_foreign(line: Foreign, done: Done, defaults: Defaults) -> Judgement:
    """Judges a line of `foreign_tools`: the one tool that fits, or "I cannot do that."."""
    wanted = line.expected.calls
    made = [*done.made, *done.questions]
    tools = {one.tool for one in wanted}
    wrong = [one for one in done.made if one.name not in tools]
    if not wanted:
        right = not made and says_cannot(done.record.assistant)
        why = "" if right else "called" if made else "does not say that it cannot"
        return Judgement(right, why, _names(wrong), asked=bool(done.questions))
    right = len(made) == len(wanted) and all(
        fits(call, one, defaults) for call, one in zip(made, wanted, strict=True)
    )
    why = "not called" if not made else "wrong tool" if wrong else "other arguments"
    number = _other_number(made, wanted)
    return Judgement(
        right, "" if right else why, _names(wrong), number and not right, bool(done.questions)
    )


def denies(text: str) -> bool:
    """Whether an answer, or a clause of one, says that something is not, or was not done."""
    return _DENIED.search(text.lower()) is not None
