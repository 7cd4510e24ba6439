"""What a person's words ask for, before the language model answers them.

A `Reader` reads the words of each turn once. What it says limits what the language model may call:
its `Reading` lets an acting tool be called, has the person asked first, or rules it out, and then
the words are answered. It can only take away: what the policy asks about is asked about whatever a
reader says.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from langchain_core.tools import BaseTool

    from sensebind.agent.reader.findings import Expected


class Kind(StrEnum):
    """What words are."""

    ORDER = "order"  # something is to be done now
    QUESTION = "question"  # something is to be known
    REPORT = "report"  # something is, was, or was said by somebody
    CONDITION = "condition"  # something is to be done if or when something happens
    FORBIDDEN = "forbidden"  # something is not to be done
    OTHER = "other"  # nothing of these, or not understood


class Verdict(StrEnum):
    """What may become of an acting tool in a turn."""

    CALL = "call"  # the language model may call it
    ASK = "ask"  # it may, and a person is asked before it runs, also where it is in `approved`
    ANSWER = "answer"  # it must not be called: the words are answered


@dataclass(frozen=True, slots=True)
class Proposal:
    """A call that words order.

    Attributes:
        tool: Name of the tool.
        arguments: Those that the words give, word by word; others are the language model's.
        whole: Whether the call has these arguments and no others.
        about: The device whose state is said after the call; "" for all that the tool answers.
    """

    tool: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    whole: bool = False
    about: str = ""


@dataclass(frozen=True, slots=True)
class Condition:
    """What a step must have found for a later one to be done.

    Attributes:
        step: Index of the step that finds it out, in `Reading.steps`.
        test: What it must have found.
    """

    step: int
    test: Expected


@dataclass(frozen=True, slots=True)
class Step:
    """One of several things that words ask for.

    Attributes:
        words: The clause that asks for it.
        reading: Of the clause; nothing in it is allowed that the words as a whole do not allow.
        depends: Whether it depends on where a step before has brought the robot: it moves or looks.
        moves: Whether it moves the robot.
        condition: What a step before must have found for this one to be done; None for nothing.
    """

    words: str
    reading: Reading
    depends: bool = False
    moves: bool = False
    condition: Condition | None = None


@dataclass(frozen=True, slots=True)
class Reading:
    """How the words of one turn were read.

    Attributes:
        kind: What they are.
        scores: For each tool by name, the probability that the words order it, 0 to 1. A tool that
            is not named is judged by `verdict` alone.
        verdict: What may become of acting tools that `verdicts` does not name.
        verdicts: What may become of an acting tool, by its name.
        proposals: Calls that the words order, in their order. Our own model makes these and no
            others; another model is not held to them.
        reply: What is answered in place of our own model's words, where no call fits them: that
            the robot cannot do it; "" where the model answers.
        looking: Whether our own model may call tools that do not act.
        perceived: Whether the answer is what the robot sees, hears or scans: nothing in it is said
            to have been done.
        steps: What the words ask for, in order, where it is more than one thing. Our own model is
            given one step after the other; another model reads the words as a whole.
    """

    kind: Kind = Kind.ORDER
    scores: Mapping[str, float] = field(default_factory=dict)
    verdict: Verdict = Verdict.CALL
    verdicts: Mapping[str, Verdict] = field(default_factory=dict)
    proposals: tuple[Proposal, ...] = ()
    reply: str = ""
    looking: bool = True
    perceived: bool = False
    steps: tuple[Step, ...] = ()

    def of(self, tool: str) -> Verdict:
        """Returns what may become of an acting tool.

        Args:
            tool: Its name.
        """
        return self.verdicts.get(tool, self.verdict)


class Reader(Protocol):
    """Reads a person's words; the same words in the same dialog are always read the same way."""

    def read(
        self, words: str, tools: Sequence[BaseTool], *, language: str = "", answers: str = ""
    ) -> Reading:
        """Reads the words of one turn. Called once a turn, before the first token is generated.

        Args:
            words: What the person says, as it was said.
            tools: What the language model may call in this turn.
            language: `en` or `zh`; "" if it is not known.
            answers: The robot's own question that the words answer; "" if they answer none.
        """
        ...


class LetThrough:
    """A reader that limits nothing: every word may be an order, and every tool meant."""

    def read(
        self, words: str, tools: Sequence[BaseTool], *, language: str = "", answers: str = ""
    ) -> Reading:
        """Returns a reading that lets every call be made."""
        return Reading()
