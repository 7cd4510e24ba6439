"""Heartbeats and reports on the bus: two frames, the topic and one msgpack structure."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from msgspec.msgpack import Decoder

from sensebind.errors import MessageError
from sensebind.perception.percept import pack, unpack

_M = TypeVar("_M")


def encode(message: _M, topic: Callable[[_M], str]) -> list[bytes]:
    """Return the frames `[topic, message]`.

    Args:
        message: A msgspec structure.
        topic: Names the topic of a message.
    """
    return [topic(message).encode(), pack(message)]


def decode(frames: list[bytes], decoder: Decoder[_M], topic: Callable[[_M], str]) -> _M:
    """Return the message of such frames, trusting none of them.

    Args:
        frames: What came.
        decoder: Of the structure.
        topic: Names the topic that a message must have come under.

    Raises:
        MessageError: Anything at all is wrong with the message.
    """
    if len(frames) != 2:
        raise MessageError(f"a heartbeat or report has 2 frames, not {len(frames)}")
    message = unpack(frames[1], decoder)
    if frames[0] != (expected := topic(message).encode()):
        raise MessageError(f"topic {frames[0][:80]!r} is not {expected[:80]!r}")
    return message
