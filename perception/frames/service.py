"""Frames by reference over the bus: one asks with `frame:<stream>@<ns>`, and is sent the frame."""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass
from typing import Annotated, Any, Self

import zmq
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from sensebind.errors import (
    BusError,
    InputError,
    MessageError,
    SenseBindError,
    SourceError,
    StorageError,
    one_line,
)
from sensebind.perception.bus.bound_socket import BoundSocket
from sensebind.perception.bus.curve_keys import KeyRing
from sensebind.perception.bus.endpoints import connect_socket, open_context, open_socket
from sensebind.perception.frames.store import Frame, FrameStore
from sensebind.perception.percept import (
    MAX_PAYLOAD_BYTES,
    STREAM_PATTERN,
    Modality,
    pack,
    parse_reference,
    unpack_header,
)

log = logging.getLogger(__name__)

_TICK_MS = 200
_REQUEST_BYTES = 256


class _FrameHeader(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")

    stream: Annotated[str, Field(pattern=STREAM_PATTERN)]
    captured_at: Annotated[int, Field(ge=0, lt=2**63)]
    modality: Modality
    sequence: Annotated[int, Field(ge=0, lt=2**63)]
    frame_id: Annotated[str, Field(max_length=256)]
    rate: Annotated[int, Field(ge=0, lt=2**31)]
    media: Annotated[str, Field(max_length=64)]


@dataclass(frozen=True, slots=True)
class FrameCounts:
    """What a frame server did so far.

    Attributes:
        served: Frames that were given.
        refused: Requests that were malformed, or for frames that are not kept or cannot be sent.
        unanswered: Of both, answers that were lost, as who asked was gone or did not read them.
        turned_away: Connection attempts without a key that is allowed.
    """

    served: int
    refused: int
    unanswered: int
    turned_away: int


class FrameServer:
    """Answers requests for frames from a store, in a thread of its own. A context manager."""

    def __init__(self, store: FrameStore, endpoint: str, keys: KeyRing | None = None) -> None:
        """Bind; nothing is answered before `start`.

        Raises:
            BusError: The endpoint is refused, malformed or in use.
        """
        self._store = store
        self._served = self._refused = self._unanswered = 0
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        # Without it a lost answer would be silent.
        self._bound = BoundSocket(zmq.ROUTER, endpoint, keys, {zmq.ROUTER_MANDATORY: 1})

    @property
    def endpoint(self) -> str:
        """Where it answers, with the port that was taken for *."""
        return self._bound.endpoint

    @property
    def counts(self) -> FrameCounts:
        """What was done so far."""
        away = self._bound.turned_away
        return FrameCounts(self._served, self._refused, self._unanswered, away)

    def start(self) -> None:
        """Begin to answer."""
        self._thread = threading.Thread(target=self._run, name="frames", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop and free the endpoint; may be called again. The store stays open."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()
        self._bound.close()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _run(self) -> None:
        poller = self._bound.poller()
        while not self._stop.is_set():
            ready = dict(poller.poll(_TICK_MS))
            if self._bound.serve():
                log.warning("a key was removed, all connections are made again")
                self._bound.renew()
                poller = self._bound.poller()
                continue
            if self._bound.socket in ready:
                peer, *request = self._bound.socket.recv_multipart()
                self._send([peer, *self._answer(request)])

    def _send(self, answer: list[bytes]) -> None:
        """Who asks faster than it reads, or goes away, loses answers; it may ask again."""
        try:
            self._bound.socket.send_multipart(answer, zmq.NOBLOCK)
        except zmq.ZMQError as error:
            if error.errno not in (zmq.EAGAIN, zmq.EHOSTUNREACH):
                raise
            self._unanswered += 1

    def _answer(self, request: list[bytes]) -> list[bytes]:
        """Return `[reference, header, payload]`, or `[reference, header]` with an error."""
        reference = request[0] if len(request) == 1 else b""
        try:
            if not 0 < len(reference) <= _REQUEST_BYTES:
                raise InputError("a request for a frame is one reference")
            frame = self._store.get(reference.decode("ascii", "replace"))
            described = pack(_describe(frame))
        except SenseBindError as error:
            return self._refusal(reference, str(error))
        except Exception as error:  # a damaged row or a bug costs this answer, not all later ones
            log.exception("a request for a frame could not be answered")
            return self._refusal(reference, f"it cannot be sent: {one_line(error)}")
        self._served += 1
        return [reference, described, frame.payload]

    def _refusal(self, reference: bytes, why: str) -> list[bytes]:
        self._refused += 1
        return [reference[:_REQUEST_BYTES], pack({"error": why[:500]})]


class FrameClient:
    """Asks a `FrameServer` for frames. To be used by one thread at a time; a context manager."""

    def __init__(self, endpoint: str, keys: KeyRing | None = None, timeout: float = 5.0) -> None:
        """Connect; the server may come later.

        Raises:
            BusError: The endpoint is refused or malformed, or its key is not allowed.
        """
        self._endpoint = endpoint
        self._timeout = timeout
        self._context = open_context()
        self._socket = open_socket(self._context, zmq.DEALER)
        try:
            connect_socket(self._socket, endpoint, keys)
        except BusError:
            self._context.destroy(linger=0)
            raise

    def get(self, reference: str) -> Frame:
        """Return the frame that a reference names.

        Raises:
            InputError: It is not a reference, or the frame is not kept (any more).
            SourceError: No answer came in time.
            MessageError: The answer is malformed.
        """
        parse_reference(reference)
        asked = reference.encode()
        try:
            self._socket.send(asked, zmq.NOBLOCK)
        except zmq.Again as error:
            raise SourceError(f"nobody keeps frames at {self._endpoint}") from error
        while self._socket.poll(int(self._timeout * 1000)):
            answer = self._socket.recv_multipart()
            if answer[0] == asked:  # not a late answer to a request that was given up
                return _frame(answer)
        raise SourceError(
            f"no answer from {self._endpoint} within {self._timeout:g} s: is it running, and "
            "does it allow our key?"
        )

    def close(self) -> None:
        """Disconnect; may be called again."""
        self._context.destroy(linger=0)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _describe(frame: Frame) -> dict[str, Any]:
    try:
        header = _FrameHeader(
            stream=frame.stream,
            captured_at=frame.captured_at,
            modality=frame.modality,
            sequence=frame.sequence,
            frame_id=frame.frame_id,
            rate=frame.rate,
            media=frame.media,
        )
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise StorageError(
            f"{frame.reference} cannot be sent: {first['loc'][0]}: {first['msg']}"
        ) from error
    return header.model_dump(mode="json")


def _frame(answer: list[bytes]) -> Frame:
    fields = unpack_header(answer[1]) if len(answer) > 1 else {}
    if "error" in fields:
        raise InputError(str(fields["error"])[:500])
    try:
        header = _FrameHeader.model_validate(fields)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise MessageError(f"answer for a frame, field {first['loc']}: {first['msg']}") from error
    if len(answer) != 3 or len(answer[2]) > MAX_PAYLOAD_BYTES:
        raise MessageError(f"an answer with a frame has 3 parts, not {len(answer)}")
    return Frame(
        header.stream,
        header.captured_at,
        header.modality,
        header.sequence,
        header.frame_id,
        header.rate,
        header.media,
        answer[2],
    )
