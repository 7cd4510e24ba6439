"""What a step of a turn has found, and whether that is what a later step depends on.

A finding is what a tool has answered, or what the robot has said where no tool was called. Where it
does not say what is to be known, nothing is concluded from it: the person is asked.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from sensebind.agent.grounding.names import things

STATES: Mapping[str, tuple[str, str]] = {
    "on": (
        r"on|running|playing|burning|shining|lit|spinning|turned on|switched on",
        r"开着|亮着|亮|响着|转着|运行",
    ),
    "off": (
        r"off|stopped|turned off|switched off",
        r"灭着|灭|停着|熄",
    ),
    "open": (r"open|opened|unlocked|ajar", r"敞开|敞着|打开|开"),
    "closed": (r"closed|shut|locked", r"关着|关上|关闭|关|锁着|锁上"),
}
"""Words for how a device stands, in English and Chinese; 开 and 关 are said of all of them."""
_DEVICE_STATES = {"door": ("open", "closed")}
_SWITCH_STATES = ("on", "off")
_SAME = {"on": "open", "open": "on", "off": "closed", "closed": "off"}
_OPERATORS: Mapping[str, Callable[[float, float], bool]] = {
    "<": operator.lt,
    ">": operator.gt,
    "<=": operator.le,
    ">=": operator.ge,
    "==": operator.eq,
}
_COUNT = re.compile(r"\s*(\d+)\b")
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?")
_NOTHING = re.compile(r"\bnothing\b|\bdo not (?:see|hear|scan)\b|没|什么都不", re.I)


class Way(StrEnum):
    """What a condition is about."""

    STATE = "state"  # how a device stands
    NUMBER = "number"  # how many there are, how warm it is set
    THERE = "there"  # whether there is one
    ANSWER = "answer"  # whether the question is answered with yes
    DONE = "done"  # whether an order could be carried out


@dataclass(frozen=True, slots=True)
class Expected:
    """What must have been found.

    Attributes:
        way: What it is about.
        state: `on`, `off`, `open` or `closed`, for a state.
        number: To be compared with, for a number.
        op: How: `<`, `<=`, `==`, `>=` or `>`.
        negated: Whether it must not be so.
        about: The device or the kind of thing; "" until the question is known.
    """

    way: Way
    state: str = ""
    number: float = 0.0
    op: str = ""
    negated: bool = False
    about: str = ""

    def opposite(self) -> Expected:
        """What must have been found for "otherwise"."""
        return replace(self, negated=not self.negated)


@dataclass(frozen=True, slots=True)
class Finding:
    """What came of a step.

    Attributes:
        tool: The tool that answered last; "" where none was called.
        result: What it answered.
        failed: Whether the step was not done, or in part.
        said: What was said at the end of the step.
    """

    tool: str = ""
    result: str = ""
    failed: bool = False
    said: str = ""

    def as_json(self) -> dict[str, Any]:
        """For a message of the dialog."""
        return {
            "tool": self.tool,
            "result": self.result,
            "failed": self.failed,
            "said": self.said,
        }

    @classmethod
    def of_json(cls, kept: Any) -> Finding:
        """Reads what `as_json` gave.

        Args:
            kept: A mapping; anything else is a finding that says nothing.
        """
        if not isinstance(kept, Mapping):
            return cls()
        texts = (str(kept.get(name, "")) for name in ("tool", "result", "said"))
        tool, result, said = texts
        return cls(tool, result, bool(kept.get("failed")), said)


def stands(device: str, state: str) -> str:
    """Returns a state in the word that a device's tool has for it; "" where it has none.

    Args:
        device: Such as `lamp` or `door`.
        state: `on`, `off`, `open` or `closed`.
    """
    known = _DEVICE_STATES.get(device, _SWITCH_STATES)
    return state if state in known else _SAME.get(state, "") if _SAME.get(state) in known else ""


def states_in(text: str, language: int) -> list[str]:
    """Returns the states that words name, each once.

    Args:
        text: A question: "is the lamp on", 灯开着吗.
        language: 0 for English, 1 for Chinese.
    """
    found = []
    for name, words in STATES.items():
        pattern = rf"\b(?:{words[0]})\b" if language == 0 else words[1]
        if re.search(pattern, text, re.I):
            found.append(name)
    return found


def satisfied(test: Expected, finding: Finding) -> bool | None:
    """Returns whether a finding is what a step depends on; None where it does not say.

    Args:
        test: What must have been found; `about` names the device or the kind.
        finding: Of the step that was to find it.
    """
    found = _found(test, finding)
    return None if found is None else found is not test.negated


def _found(test: Expected, finding: Finding) -> bool | None:
    if test.way is Way.DONE:  # what only asked back was neither done nor tried
        return not finding.failed if finding.tool else None
    if finding.failed:
        return None
    match test.way:
        case Way.STATE:
            return _state_found(test, finding)
        case Way.NUMBER:
            number = _number_of(finding)
            return None if number is None else _OPERATORS[test.op](number, test.number)
        case Way.THERE:
            return _there(test, finding)
    return None


def _state_found(test: Expected, finding: Finding) -> bool | None:
    read = re.search(rf"\b{re.escape(test.about)}\b\W+(\w+)", finding.result)
    known = _DEVICE_STATES.get(test.about, _SWITCH_STATES)
    if read is None or read[1] not in known:
        return None
    return read[1] == test.state


def _number_of(finding: Finding) -> float | None:
    if finding.tool == "detect":
        count = _COUNT.match(finding.result)
        return float(count[1]) if count else None
    numbers = _NUMBER.findall(finding.result)
    return float(numbers[0]) if len(numbers) == 1 else None


def _there(test: Expected, finding: Finding) -> bool | None:
    if finding.tool == "detect":
        count = _COUNT.match(finding.result)
        return int(count[1]) > 0 if count else None
    if finding.tool:
        return None
    named = things(finding.said)
    if test.about in named:
        return None if _NOTHING.search(finding.said) else True
    return False if named or _NOTHING.search(finding.said) else None
