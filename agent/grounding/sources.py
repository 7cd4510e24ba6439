"""Where the values of a call may come from: a person's words, and the results of this turn."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, ToolMessage

from sensebind.agent.approval.origins import Influence
from sensebind.agent.conditioning.media import text_of
from sensebind.agent.grounding.numerals import normal
from sensebind.agent.grounding.quantities import MAX_CHARACTERS, Clause, Quantity, quantities
from sensebind.tools.risk import Origin

_NUMBER = re.compile(r"(?<![\w.])-?\d+(?:\.\d+)?(?![\w.]*\d)")
_CHINESE = re.compile(r"[\u4e00-\u9fff]")
_MARKS = ("?", "？")
ASKS = "asks"
"""Of a message's `additional_kwargs`: the robot asks for what a call lacks, in its own words."""


@dataclass(frozen=True, slots=True)
class Result:
    """What a tool has answered in this turn.

    Attributes:
        tool: Its name.
        text: What it answered.
        numbers: The numbers in it, exact.
        trusted: Whether the robot's own code has made it. What others may have written, or what
            was remembered, is not.
    """

    tool: str
    text: str
    numbers: tuple[Fraction, ...]
    trusted: bool


@dataclass(frozen=True, slots=True)
class Sources:
    """What a turn has to ground a call with.

    Attributes:
        words: What the person says in this turn.
        said: That, and what was said before where these words answer a question of the robot.
        question: The question of the robot that they answer; "" where they answer none.
        quantities: Of `said`.
        clauses: Of `said`.
        results: Of this turn's tools, in order.
        earlier: What the robot's own tools answered in turns before, for names only.
        language: `zh` or `en`, of the words.
    """

    words: str
    said: str
    question: str
    quantities: tuple[Quantity, ...]
    clauses: tuple[Clause, ...]
    results: tuple[Result, ...]
    earlier: tuple[Result, ...]
    language: str

    @classmethod
    def of(cls, messages: Sequence[BaseMessage], influence: Influence) -> Sources:
        """Reads the newest turn of a dialog.

        Args:
            messages: The dialog.
            influence: Says whose words a result is.
        """
        at = max((i for i, one in enumerate(messages) if isinstance(one, HumanMessage)), default=0)
        words = text_of(messages[at]) if messages else ""
        said, question = [words], ""
        before = at
        while before and (asked := _question_before(messages, before)):
            question = question or asked
            earlier = [i for i in range(before) if isinstance(messages[i], HumanMessage)]
            if not earlier:
                break
            before = earlier[-1]
            said.insert(0, text_of(messages[before]))
        whole = "\n".join(said)
        # What answers a question counts first ("20 or 22 degrees?", "22"), then what was said
        # before it, then what the robot itself proposed ("Shall I drive 2 metres?", "yes").
        found, clauses = quantities(whole)
        begins = len(normal(whole.removesuffix(words)))
        found = [one for one in found if one.start >= begins] or found
        if question and not found:
            found, clauses = quantities(f"{whole}\n{question}")
        results = _results(messages[at:], influence)
        earlier = tuple(one for one in _results(messages[:at], influence) if one.trusted)
        language = language_of(whole)
        said_so_far = (tuple(found), tuple(clauses))
        return cls(words, whole, question, *said_so_far, results, earlier, language)

    def result_with(self, number: Fraction) -> Result | None:
        """Returns the result that holds a number, one of the robot's own first; None if none."""
        holding = [one for one in self.results if number in one.numbers]
        return next((one for one in holding if one.trusted), holding[0] if holding else None)


def _results(messages: Sequence[BaseMessage], influence: Influence) -> tuple[Result, ...]:
    return tuple(
        Result(
            one.name or "",
            text := str(one.text)[:MAX_CHARACTERS],
            tuple(Fraction(number) for number in _NUMBER.findall(text)),
            influence.of_message(one) is Origin.ROBOT,
        )
        for one in messages
        if isinstance(one, ToolMessage) and one.status != "error"
    )


def language_of(text: str) -> str:
    """Returns `zh` where there is a Chinese character in a text, `en` otherwise."""
    return "zh" if _CHINESE.search(text) else "en"


def _question_before(messages: Sequence[BaseMessage], at: int) -> str:
    """The question with which the robot ended the turn before a message; "" if it asked none."""
    last = messages[at - 1]
    if not isinstance(last, AIMessage) or last.tool_calls:
        return ""
    text = text_of(last).strip()
    asked = last.additional_kwargs.get(ASKS) or text.endswith(_MARKS)
    return text if asked else ""
