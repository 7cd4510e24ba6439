"""The one message of SenseBind: what a sense perceived, when, and with which model.

An `Observation` is a raw sample inside a worker, see `observation.py`. A `Percept` is its embedding
with a header; it is what travels over the bus, as the frames `[topic, header (msgpack), embedding,
payload?]`. Nothing is ever pickled.
"""

from __future__ import annotations

import math
import sys
from functools import lru_cache
from typing import Annotated, Any, Literal, Protocol, TypeVar

import numpy as np
from msgspec import Meta, Struct
from msgspec.msgpack import Decoder, Encoder

from sensebind.errors import MessageError
from sensebind.perception.modality import Modality as Modality
from sensebind.perception.observation import Observation as Observation
from sensebind.perception.observation import observation_reference as observation_reference
from sensebind.perception.observation import parse_reference as parse_reference
from sensebind.perception.stream_names import STREAM_NAME
from sensebind.perception.stream_names import STREAM_PATTERN as STREAM_PATTERN

HEADER_VERSION = 1
HEADER_REVISION = 2  # of the same version: fields were added, which older readers leave out
MAX_HEADER_BYTES = 16 * 1024
MAX_DIMENSION = 65_536
MAX_THINGS = 16
MAX_PAYLOAD_BYTES = 32 * 1024 * 1024
_ON_THE_WIRE = {"float32": np.dtype("<f4"), "float16": np.dtype("<f2")}
_UNIT_TOLERANCE = 1e-2  # wide enough for a float16 round trip, narrow enough to catch garbage

# Types of fields on the wire. A bound of a number refuses NaN, too.
StreamName = Annotated[str, Meta(pattern=rf"^{STREAM_NAME}\Z")]  # to Python, $ allows a line break
Count = Annotated[int, Meta(ge=0, le=2**63 - 1)]
Finite = Annotated[float, Meta(ge=-sys.float_info.max, le=sys.float_info.max)]
Positive = Annotated[float, Meta(ge=0, le=sys.float_info.max)]
Share = Annotated[float, Meta(ge=0, le=1)]
ShortText = Annotated[str, Meta(max_length=64)]
Text = Annotated[str, Meta(max_length=256)]


class Thing(Struct, frozen=True):
    """Something that a scan found, in the frame of the sensor, but z above the floor.

    Attributes:
        position: Middle of its bounding box, metres: x forward, y left, z up.
        size: Extent along x, y and z, metres.
    """

    position: tuple[Finite, Finite, Finite]
    size: tuple[Finite, Finite, Finite]


class PerceptHeader(Struct, frozen=True, kw_only=True):
    """What is known about an embedding. Unknown fields of later writers are ignored.

    Attributes:
        version: Schema of this header; another one is refused.
        revision: Which fields of that schema the writer knows: 1 knows neither `known` nor
            `confidence`, and what it sends counts as known.
        stream: Name of the stream, such as "camera".
        modality: What kind of sample was embedded.
        sequence: Counts up by one per percept of this stream and epoch; a jump is a gap.
        captured_at: Wall clock at capture, ns.
        published_at: When it was handed to the bus, ns.
        monotonic: `time.monotonic()` at capture, seconds, shared by all processes of one host. A
            `Subscriber` brings that of another host to its own clock.
        frame_id: Coordinate frame of the sensor, "" where it is not known.
        dtype: Of the embedding on the wire.
        shape: Its shape, one axis.
        model: Digest of the encoder weights.
        cache: The cache setting, "" when it is off.
        observation: Reference of the raw sample, `frame:<stream>@<ns>`.
        present: False when the sense observed and found nothing; its slot stays empty.
        encode_ms: Time from observation to embedding in the worker.
        dropped: Observations that this worker skipped so far because newer ones had come.
        epoch: Names the start of the publishing process, so that a restart is not taken for a gap.
        clock: Names the clock of `monotonic`; "" is that of the reader's own machine.
        unchanged: Whether the sample looked like one before, whose embedding this is.
        things: What a scan found, the nearest first; the embedding is that of the first.
        known: False when the sample is of no kind that the encoder's weights were trained with:
            the embedding then says nothing that can be named.
        confidence: That it is known, 0..1; 1 where the encoder has no guard.
    """

    version: Literal[1] = HEADER_VERSION
    revision: Count = 1
    stream: StreamName
    modality: Modality
    sequence: Count
    captured_at: Count
    published_at: Count
    monotonic: Finite
    frame_id: Text = ""
    dtype: Literal["float32", "float16"] = "float32"
    shape: tuple[Annotated[int, Meta(ge=1, le=MAX_DIMENSION)]]
    model: Text = ""
    cache: Text = ""
    observation: Text = ""
    present: bool = True
    encode_ms: Positive = 0.0
    dropped: Count = 0
    epoch: Text = ""
    clock: ShortText = ""
    unchanged: bool = False
    things: Annotated[tuple[Thing, ...], Meta(max_length=MAX_THINGS)] = ()
    known: bool = True
    confidence: Share = 1.0


class Digested(Protocol):
    """An encoder, as far as a percept names it."""

    @property
    def width(self) -> int:
        """Width of its embeddings."""
        ...

    @property
    def digest(self) -> str:
        """Digest of its weights."""
        ...


class Setting(Protocol):
    """What enhanced an embedding, as far as a percept names it."""

    @property
    def setting(self) -> str:
        """What percept headers say about it."""
        ...


class Percept(Struct, frozen=True):
    """An embedding and its header.

    Attributes:
        header: Origin, times and shape.
        embedding: float32 [D], unit norm; zeros when `header.present` is False.
        payload: The sample behind it in a compressed form (JPEG for a camera), or None.
    """

    header: PerceptHeader
    embedding: np.ndarray
    payload: bytes | None = None

    @classmethod
    def of(
        cls,
        observation: Observation,
        embedding: np.ndarray | None,
        encoder: Digested,
        enhancer: Setting | None = None,
        *,
        payload: bytes | None = None,
        **fields: Any,
    ) -> Percept:
        """Build the percept of an observation.

        Args:
            observation: What was encoded.
            embedding: float32 [D], unit norm; None where the sense found nothing.
            encoder: What encoded it: its width and digest.
            enhancer: What enhanced it; None if nothing did.
            payload: The sample in a compressed form.
            **fields: More of the header, such as `sequence`, `encode_ms`, `things` or `known`;
                `stream` and `modality` where it is published under others than those it was
                captured under.

        Returns:
            A percept that the publisher numbers and stamps.
        """
        header = PerceptHeader(
            revision=HEADER_REVISION,
            stream=fields.pop("stream", observation.stream),
            modality=fields.pop("modality", observation.modality),
            sequence=fields.pop("sequence", 0),
            captured_at=observation.captured_at,
            published_at=fields.pop("published_at", 0),
            monotonic=observation.monotonic,
            frame_id=observation.frame_id,
            shape=(encoder.width,),
            model=encoder.digest,
            cache=enhancer.setting if enhancer is not None else "",
            observation=observation.reference,
            present=embedding is not None,
            **fields,
        )
        vector = np.zeros(encoder.width, np.float32) if embedding is None else embedding
        return cls(header, vector, payload)


@lru_cache(maxsize=256)
def percept_topic(stream: str) -> bytes:
    """Return the topic of a stream; it ends in a slash so that no topic is a prefix of another."""
    return f"percept/{stream}/".encode()


def encode_message(percept: Percept) -> list[bytes]:
    """Turn a percept into bus frames `[topic, header, embedding, payload?]`.

    Raises:
        MessageError: The embedding does not match its header, or that cannot be packed.
    """
    header = percept.header
    embedding = np.ascontiguousarray(percept.embedding, dtype=header.dtype)
    if embedding.shape != header.shape:
        raise MessageError(
            f"percept of {header.stream!r}: embedding is {embedding.shape}, "
            f"its header says {header.shape}"
        )
    frames = [percept_topic(header.stream), pack(header), embedding.tobytes()]
    if percept.payload is not None:
        frames.append(percept.payload)
    return frames


def decode_message(frames: list[bytes]) -> Percept:
    """Turn bus frames back into a percept, trusting none of them.

    Raises:
        MessageError: Anything at all is wrong with the message. No other exception is raised.
    """
    if not 3 <= len(frames) <= 4:
        raise MessageError(f"a percept has 3 or 4 frames, not {len(frames)}")
    header = unpack(frames[1], _HEADER)
    if frames[0] != percept_topic(header.stream):
        raise MessageError(f"topic {frames[0][:80]!r} does not belong to stream {header.stream!r}")
    dtype = _ON_THE_WIRE[header.dtype]
    if len(frames[2]) != header.shape[0] * dtype.itemsize:
        raise MessageError(
            f"embedding of {header.stream!r} has {len(frames[2])} bytes, "
            f"{header.shape[0]} x {header.dtype} was announced"
        )
    embedding = np.frombuffer(frames[2], dtype).astype(np.float32)
    square = float(np.vdot(embedding, embedding))  # which does not warn of what is refused below
    if not math.isfinite(square):
        raise MessageError(f"embedding of {header.stream!r} holds NaN, infinity or huge values")
    norm = math.sqrt(square)
    if abs(norm - (1.0 if header.present else 0.0)) > _UNIT_TOLERANCE:
        raise MessageError(
            f"embedding of {header.stream!r} has norm {norm:.4g}, present is {header.present}"
        )
    payload = frames[3] if len(frames) == 4 else None
    if payload is not None and len(payload) > MAX_PAYLOAD_BYTES:
        raise MessageError(f"payload of {header.stream!r} has {len(payload)} bytes, too many")
    return Percept(header, embedding, payload)


def pack(message: object) -> bytes:
    """Pack a message, or a map of plain values, as msgpack; `unpack` is the way back.

    Raises:
        MessageError: It holds something else than plain values.
    """
    try:
        return _ENCODER.encode(message)
    except (TypeError, ValueError, OverflowError) as error:
        raise MessageError(f"a header cannot be packed: {error}") from error


def unpack(frame: bytes, decoder: Decoder[_T]) -> _T:
    """Unpack and check a message from an untrusted frame.

    Raises:
        MessageError: It is too long, not msgpack, or not what the decoder is for.
    """
    if len(frame) > MAX_HEADER_BYTES:
        raise MessageError(f"header of {len(frame)} bytes, at most {MAX_HEADER_BYTES} are allowed")
    try:
        return decoder.decode(frame)
    except (ValueError, TypeError, RecursionError) as error:
        raise MessageError(f"header is refused: {error}") from error


def unpack_header(frame: bytes) -> dict[str, Any]:
    """Unpack a msgpack map of plain values from an untrusted frame.

    Raises:
        MessageError: It is too long, not msgpack, not a map, or holds extension types.
    """
    return unpack(frame, _MAP)


def _refuse_extension(code: int, _data: memoryview) -> Any:
    raise ValueError(f"extension type {code} is not allowed")


_T = TypeVar("_T")
_ENCODER = Encoder()
_HEADER = Decoder(PerceptHeader)
_MAP = Decoder(dict[str, Any], ext_hook=_refuse_extension)
