"""What a publisher says of itself several times a second, percepts or not."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct
from msgspec.msgpack import Decoder

from sensebind.perception.bus import report_frames
from sensebind.perception.percept import Count, Finite, Positive, ShortText, StreamName, Text

BEAT = "beat/"


class Heartbeat(Struct, frozen=True, kw_only=True):
    """A sign of life. Unknown fields of later writers are ignored.

    Attributes:
        version: Schema of the heartbeat; another one is refused.
        stream: Name of the stream.
        epoch: Names the start of the publisher.
        sequence: Last number that was published.
        monotonic: `time.monotonic()` when it was sent, seconds.
        clock: Names that clock; "" is that of the reader's own machine.
        state: "starting", "running", "waiting" for its source, "ended" with it, "failed" for
            good, or "paused" by request.
        detail: What it waits for or what went wrong last, in words.
        progress: `time.monotonic()` at the last step of the worker's loop.
        pid: Process id of the worker.
        memory: Its resident bytes.
        restarts: How many times the worker was started again.
        rate: Percepts per second that the worker aims at, as far as its encoder keeps up.
        dropped: Observations that were skipped because newer ones had come.
        refused: Observations that were malformed.
        unchanged: Observations that were not encoded because they looked like the one before.
        clamped: Capture times that could not be true and were repaired.
        unkept: Frames that could not be stored.
        turned_away: Connection attempts without a key that is allowed.
    """

    version: Literal[1] = 1
    stream: StreamName
    epoch: Text
    sequence: Count
    monotonic: Finite
    clock: ShortText = ""
    state: Annotated[str, Meta(max_length=32)] = "running"
    detail: Annotated[str, Meta(max_length=512)] = ""
    progress: Finite = 0.0
    pid: Annotated[int, Meta(ge=0, le=2**31 - 1)] = 0
    memory: Count = 0
    restarts: Count = 0
    rate: Positive = 0.0
    dropped: Count = 0
    refused: Count = 0
    unchanged: Count = 0
    clamped: Count = 0
    unkept: Count = 0
    turned_away: Count = 0


_BEAT = Decoder(Heartbeat)


def encode_heartbeat(beat: Heartbeat) -> list[bytes]:
    """Turn a heartbeat into bus frames `[topic, header]`."""
    return report_frames.encode(beat, _topic)


def decode_heartbeat(frames: list[bytes]) -> Heartbeat:
    """Turn bus frames `[topic, header]` into a heartbeat, trusting none of them.

    Raises:
        MessageError: Anything at all is wrong with the message.
    """
    return report_frames.decode(frames, _BEAT, _topic)


def _topic(beat: Heartbeat) -> str:
    return f"{BEAT}{beat.stream}/"
