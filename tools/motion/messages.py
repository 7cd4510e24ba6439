"""What the driving process and its clients say to each other: lines of JSON on a local socket."""

from __future__ import annotations

from typing import Literal, TypeVar

import msgspec

from sensebind.errors import MessageError

MAX_LINE = 4096
"""Bytes of a message."""

Outcome = Literal["done", "blocked", "stopped", "failed", "refused"]


class _Message(msgspec.Struct, frozen=True, tag=True, forbid_unknown_fields=True):
    """`id` is that of a movement: a client counts its movements from 1 on."""


class Move(_Message, frozen=True):
    """Asks for a movement: metres to drive straight on, or radians to turn on the spot.

    Movements with an id up to that of a stop that came before are refused.

    Attributes:
        id: Of the movement.
        kind: Whether it drives or turns.
        amount: Metres or radians.
        stops: `State.stops` when the ride began that the movement belongs to: after a stop of
            anybody since then it is refused. -1 for a movement by itself.
    """

    id: int
    kind: Literal["drive", "turn"]
    amount: float
    stops: int = -1


class Renew(_Message, frozen=True):
    """Renews the lease of a movement; answered with `State`.

    Attributes:
        id: Of the movement.
    """

    id: int


class Stop(_Message, frozen=True):
    """Ends every movement, of whatever client; answered with `Stopped`.

    Movements of this client up to an id that are still to come are refused. The answer comes when
    zero velocity has been sent.

    Attributes:
        id: Of the stop; movements of this client with an id up to it are ended or refused.
    """

    id: int


class Ask(_Message, frozen=True):
    """Asks where the robot is; answered with `State`.

    Attributes:
        id: Of the question, which the answer repeats.
    """

    id: int


class Hello(_Message, frozen=True):
    """The first word of the process.

    Attributes:
        pid: Its process id.
        unguarded: Why the robot is unguarded, or "".
    """

    pid: int
    unguarded: str


class State(_Message, frozen=True):
    """Where the robot is.

    Attributes:
        id: Of the message that is answered.
        trouble: Why the robot could not be driven now, or "".
        pose: x, y in metres and heading in radians; None before the first odometry, or when the
            base is silent.
        moving: Whether a movement is under way.
        stops: A number that changes with every stop, of whatever client, and with the process.
    """

    id: int
    trouble: str
    pose: tuple[float, float, float] | None
    moving: bool
    stops: int


class Stopped(_Message, frozen=True):
    """Zero velocity has been sent, in answer to a `Stop`.

    Attributes:
        id: Of the `Stop` that is answered.
    """

    id: int


class Done(_Message, frozen=True):
    """A movement has ended, and the robot stands.

    Attributes:
        id: Of the movement.
        outcome: `done`, `blocked` (something is in the way), `stopped` (a stop came), `failed` (the
            process ended it), `refused` (nothing was moved).
        moved: Metres or radians.
        detail: Why it ended, for all but `done`.
    """

    id: int
    outcome: Outcome
    moved: float
    detail: str


ToProcess = Move | Renew | Stop | Ask
ToClient = Hello | State | Stopped | Done

_T = TypeVar("_T")
_TO_PROCESS = msgspec.json.Decoder(ToProcess)
_TO_CLIENT = msgspec.json.Decoder(ToClient)


def encode(message: ToProcess | ToClient) -> bytes:
    """Writes a message as a line."""
    return msgspec.json.encode(message) + b"\n"


class Lines:
    """Cuts what comes from a stream socket into messages."""

    def __init__(self) -> None:
        self._rest = b""

    def to_process(self, data: bytes) -> list[ToProcess]:
        """Returns the messages to the process that are whole now.

        Raises:
            MessageError: One is malformed.
        """
        return [_decode(_TO_PROCESS, line) for line in self._cut(data)]

    def to_client(self, data: bytes) -> list[ToClient]:
        """Returns the messages to a client that are whole now.

        Raises:
            MessageError: One is malformed.
        """
        return [_decode(_TO_CLIENT, line) for line in self._cut(data)]

    def _cut(self, data: bytes) -> list[bytes]:
        *lines, self._rest = (self._rest + data).split(b"\n")
        if len(self._rest) > MAX_LINE:
            raise MessageError(f"a motion message of more than {MAX_LINE} bytes")
        return lines


def _decode(decoder: msgspec.json.Decoder[_T], line: bytes) -> _T:
    try:
        return decoder.decode(line)
    except (msgspec.MsgspecError, RecursionError) as error:
        raise MessageError(f"a motion message is refused: {error}") from error
