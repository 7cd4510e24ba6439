"""What a publisher says of itself several times a second, percepts or not."""

from __future__ import annotations

from typing import Annotated, Literal

import msgpack
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from sensebind.errors import MessageError
from sensebind.perception.percept import STREAM_PATTERN, unpack_header

BEAT = "beat/"
_Count = Annotated[int, Field(ge=0, lt=2**63)]
_Seconds = Annotated[float, Field(allow_inf_nan=False)]


class Heartbeat(BaseModel):
    """A sign of life. Unknown fields of later writers are ignored.

    Attributes:
        sequence: Last number that was published. `epoch`: names the start of the publisher.
        monotonic: `time.monotonic()` when it was sent. `clock`: names that clock.
        state: "starting", "running", "waiting" for its source, or "failed" for good.
        detail: What it waits for or what went wrong last, in words.
        progress: `time.monotonic()` at the last step of the worker's loop.
        pid: Process id of the worker. `memory`: its resident bytes.
        restarts: How many times the worker was started again.
        rate: Percepts per second that the worker aims at, as far as its encoder keeps up.
        dropped: Observations that were skipped because newer ones had come.
        refused: Observations that were malformed.
        unchanged: Observations that were not encoded because they looked like the one before.
        clamped: Capture times that could not be true and were repaired.
        unkept: Frames that could not be stored.
        turned_away: Connection attempts without a key that is allowed.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    version: Literal[1] = 1
    stream: Annotated[str, Field(pattern=STREAM_PATTERN)]
    epoch: Annotated[str, Field(max_length=256)]
    sequence: _Count
    monotonic: _Seconds
    clock: Annotated[str, Field(max_length=64)] = ""
    state: Annotated[str, Field(max_length=32)] = "running"
    detail: Annotated[str, Field(max_length=512)] = ""
    progress: _Seconds = 0.0
    pid: Annotated[int, Field(ge=0, lt=2**31)] = 0
    memory: _Count = 0
    restarts: _Count = 0
    rate: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 0.0
    dropped: _Count = 0
    refused: _Count = 0
    unchanged: _Count = 0
    clamped: _Count = 0
    unkept: _Count = 0
    turned_away: _Count = 0


def encode_heartbeat(beat: Heartbeat) -> list[bytes]:
    """Turn a heartbeat into bus frames `[topic, header]`."""
    packed = msgpack.packb(beat.model_dump(mode="json"), use_bin_type=True)
    return [f"{BEAT}{beat.stream}/".encode(), bytes(packed or b"")]


def decode_heartbeat(frames: list[bytes]) -> Heartbeat:
    """Turn bus frames `[topic, header]` into a heartbeat, trusting none of them.

    Raises:
        MessageError: Anything at all is wrong with the message.
    """
    if len(frames) != 2:
        raise MessageError(f"a heartbeat has 2 frames, not {len(frames)}")
    try:
        beat = Heartbeat.model_validate(unpack_header(frames[1]))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise MessageError(f"heartbeat field {where}: {first['msg']}") from error
    if frames[0] != f"{BEAT}{beat.stream}/".encode():
        raise MessageError(f"topic {frames[0][:80]!r} does not belong to {beat.stream!r}")
    return beat
