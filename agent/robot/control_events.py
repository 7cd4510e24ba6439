"""Events of a turn as lines of the control socket; see `control_messages`."""

from __future__ import annotations

from typing import Any

import msgspec

from sensebind.agent.events import (
    ApprovalNeeded,
    CallRecord,
    CallStarted,
    Event,
    Finished,
    TextPiece,
)
from sensebind.agent.robot.control_messages import encode
from sensebind.errors import MessageError

_KINDS: dict[type, str] = {
    TextPiece: "text",
    CallStarted: "call",
    CallRecord: "called",
    ApprovalNeeded: "approval",
    Finished: "finished",
}


def encode_event(event: Event) -> bytes:
    """Return an event of a turn as a line."""
    kind, value = plain_event(event)
    return encode({"event": kind, "value": value})


def plain_event(event: Event) -> tuple[str, Any]:
    """Return the kind of an event of a turn, and its value as plain values."""
    return _KINDS[type(event)], msgspec.to_builtins(event, enc_hook=str)


def decode_event(kind: str, value: Any) -> Event:
    """Return an event of a turn from what a robot sent.

    Raises:
        MessageError: It is not one.
    """
    types = {name: one for one, name in _KINDS.items()}
    try:
        return msgspec.convert(value, types[kind])
    except (KeyError, msgspec.ValidationError) as error:
        raise MessageError(f"an event that cannot be read: {error}") from error
