"""What a turn leaves behind, and the events that a caller sees while it runs."""

import time
from dataclasses import asdict, dataclass, field
from typing import Any
from uuid import uuid4

from sensebind.agent.approval.requests import Request
from sensebind.agent.conditioning.gaps import Gap
from sensebind.agent.conditioning.sensed import Sensed, SenseState


@dataclass(slots=True)
class CallRecord:
    """A tool call and what came of it.

    Attributes:
        name: Tool.
        arguments: As called; as a person changed them, where one did.
        result: Text that the model received.
        failed: Whether the tool reported an error, or did not run.
        decision: What a person said of it, if one was asked: `approve`, `edit` or `reject`.
    """

    name: str
    arguments: dict[str, Any]
    result: str = ""
    failed: bool = False
    decision: str = ""


@dataclass(frozen=True, slots=True)
class PerceptRecord:
    """A sense's part in a turn: what it had to say, and how old that is.

    Attributes:
        sense: Name of the slot, such as "sight".
        stream: Name of the stream, such as "camera".
        state: `present`, `unknown` (the weights do not know it), `named` (it has a taught name),
            `nothing`, `stale` or `missing`.
        age_ms: Age of the observation when the condition was taken, ms; None if missing.
        reference: Reference of the observation, `frame:<stream>@<ns>`; "" if missing.
        known: Whether what was perceived is of a kind that the weights were trained with; True
            where nothing was perceived.
        confidence: That it is, 0..1.
        name: Its taught name, or "".
    """

    sense: str
    stream: str
    state: str
    age_ms: float | None
    reference: str
    known: bool = True
    confidence: float = 1.0
    name: str = ""

    @classmethod
    def of(cls, sensed: Sensed) -> "PerceptRecord":
        """Notes a sense."""
        missing = sensed.state is SenseState.MISSING
        age = None if missing else round(sensed.age_ms, 1)
        known, sure = sensed.state is not SenseState.UNKNOWN, round(sensed.confidence, 3)
        return cls(
            sensed.sense,
            sensed.stream,
            str(sensed.state),
            age,
            sensed.reference,
            known,
            sure,
            sensed.name,
        )


@dataclass(slots=True)
class TurnRecord:
    """Everything about a turn.

    Attributes:
        user: What was asked.
        assistant: What was answered.
        tool_calls: In order.
        percepts: What each sense had to say, with stream and age.
        gaps: Stretches that streams did not cover since the last turn.
        first_token_ms: From the question to the first token, milliseconds.
        total_ms: From the question to the end of the answer.
        condition: Reference of the condition; empty without senses.
        error: Why there is no answer; empty if there is one.
        pending: Calls that wait for a person's decision; the turn goes on with `decide`.
        cancelled: Whether the turn was cancelled.
        id: Name of the turn.
        at: When it began, seconds since 1970.
    """

    user: str
    assistant: str = ""
    tool_calls: list[CallRecord] = field(default_factory=list)
    percepts: list[PerceptRecord] = field(default_factory=list)
    gaps: list[Gap] = field(default_factory=list)
    first_token_ms: float = 0.0
    total_ms: float = 0.0
    condition: str = ""
    error: str = ""
    pending: list[Request] = field(default_factory=list)
    cancelled: bool = False
    id: str = field(default_factory=lambda: uuid4().hex)
    at: float = field(default_factory=time.time)

    @property
    def confidence(self) -> float:
        """That the weights know all that was perceived, 0..1: of the sense that is least known."""
        return min((one.confidence for one in self.percepts), default=1.0)

    @property
    def known(self) -> bool:
        """Whether the weights know all that was perceived."""
        return all(one.known for one in self.percepts)

    def as_json(self) -> dict[str, Any]:
        """Returns plain values."""
        return asdict(self) | {"confidence": self.confidence, "known": self.known}


@dataclass(frozen=True, slots=True)
class TextPiece:
    """Some more of the answer.

    Attributes:
        text: The piece, to be appended to those before it.
    """

    text: str


@dataclass(frozen=True, slots=True)
class CallStarted:
    """The model calls a tool.

    Attributes:
        name: Name of the tool.
        arguments: What it is called with, by name.
    """

    name: str
    arguments: dict[str, Any]


@dataclass(frozen=True, slots=True)
class ApprovalNeeded:
    """The turn waits for a person; go on with `Assistant.decide`.

    Attributes:
        requests: The calls that wait for a decision.
    """

    requests: tuple[Request, ...]


@dataclass(frozen=True, slots=True)
class Finished:
    """The turn is over, or waits for a person.

    Attributes:
        record: The turn as it is kept.
    """

    record: TurnRecord


Event = TextPiece | CallStarted | CallRecord | ApprovalNeeded | Finished
