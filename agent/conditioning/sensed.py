"""What each sense had to say when a turn began. Without numpy: clients of a robot read it, too."""

from dataclasses import dataclass
from enum import StrEnum


class SenseState(StrEnum):
    """What a sense had to say when the turn began."""

    PRESENT = "present"  # perceived something, fresh: its slot is filled
    UNKNOWN = "unknown"  # perceived something that the weights do not know: its slot is empty
    NAMED = "named"  # perceived what has a taught name: its slot is empty, the answer has the name
    NOTHING = "nothing"  # looked, and found nothing: its slot is empty
    STALE = "stale"  # the newest percept is too old to be shown as present
    MISSING = "missing"  # no percept has ever come from this stream


@dataclass(frozen=True, slots=True)
class Sensed:
    """One sense's part in a condition.

    Attributes:
        sense: Slot name, e.g. `"sight"`.
        stream: Stream name, e.g. `"camera"`.
        state: Whether the slot is filled, and if not, why.
        reference: Reference of the observation, `frame:<stream>@<ns>`; empty if missing.
        captured_at: Capture time, ns since the epoch; 0 if missing.
        age_ms: Age of the observation when the condition was taken, milliseconds.
        confidence: That the weights know what was perceived, 0..1; 1 where nothing judges it.
        name: The taught name of what was perceived; "" without one.
    """

    sense: str
    stream: str
    state: SenseState
    reference: str = ""
    captured_at: int = 0
    age_ms: float = 0.0
    confidence: float = 1.0
    name: str = ""
