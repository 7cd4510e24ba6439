"""`known` and `confidence` on the wire, between older and newer peers."""

from __future__ import annotations

from typing import Literal

import msgspec
import pytest
from fixtures.percepts import percept

from sensebind.errors import MessageError
from sensebind.perception.percept import HEADER_REVISION, Percept, decode_message, encode_message


class OldHeader(msgspec.Struct, kw_only=True):
    """The header as a reader of revision 1 has it, as far as it matters here."""

    version: Literal[1] = 1
    stream: str
    present: bool = True


def test_they_travel() -> None:
    one = percept(known=False, confidence=0.25)
    got = decode_message(encode_message(one))
    assert (got.header.known, got.header.confidence) == (False, 0.25)


def test_an_older_reader_reads_a_newer_header() -> None:
    one = percept(known=False, confidence=0.25, revision=HEADER_REVISION)
    old = msgspec.msgpack.decode(encode_message(one)[1], type=OldHeader)
    assert (old.version, old.stream, old.present) == (1, "camera", True)


def test_what_an_older_writer_sends_counts_as_known() -> None:
    frames = encode_message(percept())
    fields = msgspec.msgpack.decode(frames[1])
    for name in ("known", "confidence", "revision"):
        del fields[name]
    frames[1] = msgspec.msgpack.encode(fields)
    header = decode_message(frames).header
    assert (header.known, header.confidence, header.revision) == (True, 1.0, 1)


@pytest.mark.parametrize("wrong", [-0.1, 1.1, float("nan"), "sure"])
def test_a_confidence_out_of_range_is_refused(wrong: object) -> None:
    frames = encode_message(percept())
    fields = msgspec.msgpack.decode(frames[1]) | {"confidence": wrong}
    frames[1] = msgspec.msgpack.encode(fields)
    with pytest.raises(MessageError, match="header is refused"):
        decode_message(frames)


def test_an_unknown_percept_keeps_its_embedding() -> None:
    one = percept(known=False)
    assert isinstance(one, Percept)
    assert (decode_message(encode_message(one)).embedding == one.embedding).all()
