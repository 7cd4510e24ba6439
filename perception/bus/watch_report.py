"""What a robot's supervisor says of its workers several times a second.

A worker that has ended has no heartbeat of its own: whether it is started again soon, rests after
many crashes, or cannot run at all is known to the supervisor alone. Its reports are the heartbeat
of the thread that watches the workers, too: without them nobody starts a worker again.
"""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from typing import Annotated, Literal, Self

import zmq
from msgspec import Meta, Struct
from msgspec.msgpack import Decoder

from sensebind.perception.bus import report_frames
from sensebind.perception.bus.bound_socket import BoundSocket
from sensebind.perception.bus.clock_sync import host_clock
from sensebind.perception.percept import Count, Finite, ShortText, StreamName

WATCH = "watch/"
REPORT_SECONDS = 0.25
REPORT_SOCKET = "_watch"
"""Name of the supervisor's socket file; no stream can be called so."""
MAX_DETAIL = 512


class WorkerReport(Struct, frozen=True, kw_only=True):
    """What the supervisor knows of the worker of one stream.

    Attributes:
        stream: Name of the stream.
        state: A word of `WorkerState`.
        detail: Why, in words, or "".
        pid: Process id of the worker; 0 when there is none.
        restarts: How many times it was started again.
    """

    stream: StreamName
    state: Annotated[str, Meta(max_length=32)]
    detail: Annotated[str, Meta(max_length=MAX_DETAIL)] = ""
    pid: Annotated[int, Meta(ge=0, le=2**31 - 1)] = 0
    restarts: Count = 0


class WatchReport(Struct, frozen=True, kw_only=True):
    """The state of all workers of one robot. Unknown fields of later writers are ignored.

    Attributes:
        version: Of this structure.
        robot: Names the supervisor: its first stream.
        monotonic: `time.monotonic()` when it was sent.
        clock: Names that clock.
        pid: Process id of the supervisor.
        errors: Errors in the watching thread after which watching went on.
        revived: Times that the watching thread had ended and was started again.
        workers: One for each stream.
        lost: Why the robot does not know where it is; "" where it does, or follows nothing.
    """

    version: Literal[1] = 1
    robot: StreamName
    monotonic: Finite
    clock: ShortText = ""
    pid: Annotated[int, Meta(ge=0, le=2**31 - 1)] = 0
    errors: Count = 0
    revived: Count = 0
    workers: Annotated[list[WorkerReport], Meta(max_length=256)] = []
    lost: Annotated[str, Meta(max_length=MAX_DETAIL)] = ""


_REPORT = Decoder(WatchReport)


def encode_report(report: WatchReport) -> list[bytes]:
    """Turn a report into bus frames `[topic, header]`."""
    return report_frames.encode(report, _topic)


def decode_report(frames: list[bytes]) -> WatchReport:
    """Turn bus frames `[topic, header]` into a report, trusting none of them.

    Raises:
        MessageError: Anything at all is wrong with the message.
    """
    return report_frames.decode(frames, _REPORT, _topic)


def _topic(report: WatchReport) -> str:
    return f"{WATCH}{report.robot}/"


class WatchReporter:
    """Publishes the reports of one supervisor. For one thread; a context manager.

    Args:
        endpoint: Where, on this machine.
        robot: Names the supervisor in topics.

    Raises:
        BusError: The endpoint is refused, malformed or in use.
    """

    def __init__(self, endpoint: str, robot: str) -> None:
        self._robot = robot
        self._due = 0.0
        self._bound = BoundSocket(zmq.PUB, endpoint)

    def report(
        self,
        workers: Sequence[WorkerReport],
        errors: int,
        revived: int,
        now: bool = False,
        lost: str = "",
    ) -> None:
        """Send a report if one is due.

        Args:
            workers: One for each stream.
            errors: See `WatchReport`.
            revived: See `WatchReport`.
            now: Send it in any case.
            lost: See `WatchReport`.
        """
        moment = time.monotonic()
        if moment < self._due and not now:
            return
        self._due = moment + REPORT_SECONDS
        report = WatchReport(
            robot=self._robot,
            monotonic=moment,
            clock=host_clock(),
            pid=os.getpid(),
            errors=errors,
            revived=revived,
            workers=list(workers),
            lost=lost[:MAX_DETAIL],
        )
        frames = encode_report(report)
        self._bound.socket.send_multipart(frames, zmq.NOBLOCK)  # a PUB never blocks

    def close(self) -> None:
        """Free the endpoint; may be called again."""
        self._bound.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
