"""What the supervisor and a launcher say to each other: lines of JSON on a socket pair."""

from __future__ import annotations

from typing import Generic, TypeVar

import msgspec

from sensebind.errors import MessageError

MAX_LINE = 1024 * 1024
"""Bytes of a message."""


class _Message(msgspec.Struct, frozen=True, tag=True, forbid_unknown_fields=True):
    """Both ends are of one program: what one does not know is an error."""


class Start(_Message, frozen=True):
    """Fork a worker; answered with `Started`, and with `Ended` when it has ended.

    Attributes:
        name: Of its process, which answers repeat.
        workers: A `WorkerSpec` for each of its streams, as Python's JSON, which has infinity.
        restarts: How many times it was started before.
    """

    name: str
    workers: list[str]
    restarts: int


class End(_Message, frozen=True):
    """Have a worker finish (SIGTERM).

    Attributes:
        pid: Its process id.
    """

    pid: int


class Kill(_Message, frozen=True):
    """End a worker at once (SIGKILL).

    Attributes:
        pid: Its process id.
    """

    pid: int


class Spare(_Message, frozen=True):
    """Fork a spare of the launcher; its control socket and its lifeline come with the message."""


class Ready(_Message, frozen=True):
    """The first word of a launcher: it can fork.

    Attributes:
        pid: Its process id.
    """

    pid: int


class Started(_Message, frozen=True):
    """A worker was forked.

    Attributes:
        name: Of its process.
        pid: Its process id.
    """

    name: str
    pid: int


class Ended(_Message, frozen=True):
    """A worker has ended, or could not be forked.

    Attributes:
        name: Of its process.
        code: Its exit code; negative for a signal.
        words: Its last ones, or "".
    """

    name: str
    code: int
    words: str


Command = Start | End | Kill | Spare
Answer = Ready | Started | Ended
COMMANDS = msgspec.json.Decoder(Command)
ANSWERS = msgspec.json.Decoder(Answer)

_M = TypeVar("_M")


def encode(message: Command | Answer) -> bytes:
    """Return a message as a line."""
    return msgspec.json.encode(message) + b"\n"


class Lines(Generic[_M]):
    """Cuts what comes from a stream socket into messages.

    Args:
        decoder: Of the messages that come: `COMMANDS` or `ANSWERS`.
    """

    def __init__(self, decoder: msgspec.json.Decoder[_M]) -> None:
        self._decoder = decoder
        self._rest = b""

    def take(self, data: bytes) -> list[_M]:
        """Return the messages that are whole now.

        Raises:
            MessageError: One is malformed or too long.
        """
        *lines, self._rest = (self._rest + data).split(b"\n")
        if len(self._rest) > MAX_LINE:
            raise MessageError(f"a message of the launcher has more than {MAX_LINE} bytes")
        try:
            return [self._decoder.decode(line) for line in lines]
        except msgspec.MsgspecError as error:
            raise MessageError(f"a message of the launcher is malformed: {error}") from error
