"""What is said after a call that acts: made of its result, never of the model's words.

A language model may say that it did what it never called, or what failed. So the sentences of our
own model that claim an act are known here, and said only where the result of a call bears them out.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, ToolMessage

from sensebind.agent.corpus import answers
from sensebind.agent.corpus.answers import FIXED
from sensebind.agent.reader.actions import TOOLS_OF
from sensebind.agent.reader.said import states_said
from sensebind.perception.simhome.catalog import KINDS
from sensebind.tools.risk import INCOMPLETE

ACTED = frozenset(name for names in TOOLS_OF.values() for name in names)
"""Tools whose outcome is said in words of our own model."""
_STATES = {"on": "on", "off": "off", "open": "open", "close": "closed"}
_HALF_TURN = 179.5  # degrees from which a turn has no side
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?")
_CLAIMS = re.compile(r"\bI (?:turned|opened|closed|set|drove|am at)\b|我(?:把|向|往|到|转过)")
"""How the sentences of `corpus/answers.py` begin that say that something was done."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """A call that acts, and what came of it.

    Attributes:
        tool: Name of the tool.
        arguments: Of the call.
        result: What the tool answered.
        failed: Whether it did nothing of what was asked.
        incomplete: Whether it did a part of it.
    """

    tool: str
    arguments: Mapping[str, Any]
    result: str
    failed: bool = False
    incomplete: bool = False


def outcomes_of(messages: Sequence[BaseMessage]) -> list[Outcome]:
    """Returns what came of the acting calls since a person has spoken last.

    Args:
        messages: Of the dialog.
    """
    start = max((i for i, one in enumerate(messages) if isinstance(one, HumanMessage)), default=0)
    turn = messages[start:]
    results = {one.tool_call_id: one for one in turn if isinstance(one, ToolMessage)}
    return [
        _outcome(call["name"], call["args"], results[str(call["id"])])
        for message in turn
        if isinstance(message, AIMessage)
        for call in message.tool_calls
        if call["name"] in ACTED and str(call["id"]) in results
    ]


def _outcome(tool: str, arguments: Mapping[str, Any], result: ToolMessage) -> Outcome:
    artifact = result.artifact
    part = isinstance(artifact, Mapping) and artifact.get(INCOMPLETE) is True
    text = str(result.text)
    failed = result.status == "error" or text.startswith("error:")
    return Outcome(tool, arguments, text, failed, part)


def sentence_of(outcome: Outcome, language: str) -> str:
    """Returns what is said of a call: "I turned the lamp on.", if the result says no other.

    Args:
        outcome: Of the call.
        language: `zh`, or anything else for English.
    """
    speech = "zh" if language == "zh" else "en"
    tool, result = outcome.tool, outcome.result
    if outcome.failed:
        return answers.failed(result.removeprefix("error:").strip().rstrip(".。"), speech)
    if outcome.incomplete:
        return FIXED["blocked"][speech]
    if tool == "approach":
        return _arrived(str(outcome.arguments.get("kind", "")), speech)
    if tool in ("thermostat_set", "turn", "drive"):
        number = _number(outcome)
        if number is None:
            return result
        if tool == "thermostat_set":
            return answers.thermostat_set(round(number), speech)
        return FIXED[_way(tool, number)][speech]
    device, _, way = tool.partition("_")
    stands = states_said([device], result, speech)
    if stands == result or stands == states_said([device], f"{device} {_STATES[way]}", speech):
        return answers.switched(tool, speech)
    return stands


def _number(outcome: Outcome) -> float | None:
    """The number of a result: the one that was called for, or the only one; None if it has others.

    A tool that answers without numbers ("done") has done what it was called with.
    """
    read = [float(one) for one in _NUMBER.findall(outcome.result)]
    called = [
        float(one)
        for one in outcome.arguments.values()
        if isinstance(one, int | float) and not isinstance(one, bool)
    ]
    if len(called) == 1 and (not read or called[0] in read):
        return called[0]
    return read[0] if len(read) == 1 else None


def _arrived(kind: str, speech: str) -> str:
    if kind in KINDS:
        return answers.approached(kind, speech)
    return f"我到{kind}那里了。" if speech == "zh" else f"I am at {kind}."  # a taught name


def _way(tool: str, moved: float) -> str:
    if tool == "drive":
        return "drive_ahead" if moved >= 0 else "drive_back"
    if abs(moved) >= _HALF_TURN:
        return "turn_around"
    return "turn_left" if moved >= 0 else "turn_right"


def claims(text: str) -> bool:
    """Whether an answer of our own model says that it did something in the home.

    Args:
        text: The answer.
    """
    return _CLAIMS.search(text) is not None
