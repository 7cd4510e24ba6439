"""How a SimHome process puts its sensors on the wire: `[topic, header (msgpack), raw bytes]`."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from sensebind.errors import MessageError
from sensebind.perception.percept import pack, unpack_header

WIRE_VERSION = 1
CHUNK_SECONDS = 0.1  # of sound in one message, and under one sequence number
_MAX_BYTES = 16 * 1024 * 1024
_FIELDS: dict[str, type] = {
    "stream": str,
    "sequence": int,
    "captured_at": int,
    "monotonic": float,
    "frame_id": str,
    "rate": int,
    "chunk": int,
    "epoch": str,
    "dtype": str,
    "shape": list,
}


def topic(stream: str) -> bytes:
    """What to subscribe to for one stream."""
    return f"{stream}/".encode()


def encode_sample(header: dict[str, Any], data: np.ndarray) -> list[bytes]:
    """Packs one sample of a SimHome sensor as frames `[topic, header, raw bytes]`.

    Args:
        header: stream, sequence, captured_at (ns), monotonic (s), frame_id, rate, chunk (samples
            per sequence number, 0 if a sample is one message) and epoch.
        data: uint8 or float32 array.
    """
    full: dict[str, Any] = header | {
        "version": WIRE_VERSION,
        "dtype": str(data.dtype),
        "shape": list(data.shape),
    }
    return [topic(header["stream"]), pack(full), data.tobytes()]


def decode_sample(frames: list[bytes]) -> tuple[dict[str, Any], np.ndarray]:
    """Unpacks the frames of one sample, trusting none of them.

    Returns:
        The header, and the data as a read-only array.

    Raises:
        MessageError: Anything is wrong with the message.
    """
    if len(frames) != 3:
        raise MessageError(f"a SimHome sample has 3 frames, not {len(frames)}")
    header = unpack_header(frames[1])
    if header.get("version") != WIRE_VERSION:
        raise MessageError(f"SimHome wire version {header.get('version')!r}, not {WIRE_VERSION}")
    for name, kind in _FIELDS.items():
        if type(header.get(name)) is not kind:
            raise MessageError(f"SimHome header: {name} is {header.get(name)!r}")
    shape, dtype = header["shape"], header["dtype"]
    if dtype not in ("uint8", "float32") or not all(type(n) is int and n >= 0 for n in shape):
        raise MessageError(f"SimHome sample of {dtype!r} {shape!r} is not understood")
    if header["sequence"] < 0 or header["chunk"] < 0 or header["rate"] < 0:
        raise MessageError("SimHome header: a negative number")
    size = math.prod(shape) * np.dtype(dtype).itemsize
    if size != len(frames[2]) or size > _MAX_BYTES:
        raise MessageError(f"SimHome sample has {len(frames[2])} bytes, {size} were announced")
    data = np.frombuffer(frames[2], dtype) if size else np.zeros(0, dtype)
    if header["chunk"] and (len(shape) != 1 or shape[0] % header["chunk"]):
        raise MessageError(f"SimHome samples {shape} are not whole chunks of {header['chunk']}")
    return header, data.reshape(shape)
