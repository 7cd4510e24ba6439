"""Reads MCAP files in order of time, also those that were cut off or damaged.

Writers buffer by topic, so that a file may hold its messages, and its chunks, in another order than
that of their log times. Where each chunk and each message outside of chunks lies, and from when to
when it reaches, is seen by stepping from record to record, without an index and without reading
what is between. A file whose parts follow each other is then read straight through. Parts that
overlap are merged: only those that reach to the present time are held in memory.
"""

from __future__ import annotations

import contextlib
import struct
from array import array
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, field
from heapq import heappop, heappush
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO

import zstandard
from mcap.data_stream import ReadDataStream
from mcap.exceptions import EndOfFile, McapError
from mcap.opcode import Opcode
from mcap.records import Channel, Chunk, DataEnd, Header, McapRecord, Message, Schema
from mcap.stream_reader import StreamReader, breakup_chunk
from mcap.writer import MCAP0_MAGIC

from sensebind.errors import InputError, one_line
from sensebind.perception.imagebind.preprocess.files import checked

MAX_FILE = 1 << 42
_MAX_RECORD = 256 << 20
_MOST_HELD = 1 << 30  # bytes of messages that wait for older ones
_HEAD = struct.Struct("<BQ")  # of every record: opcode, length
_TIMES = {
    int(Opcode.CHUNK): struct.Struct("<QQ"),  # of its first and of its last message
    int(Opcode.MESSAGE): struct.Struct("<HIQQ"),  # channel, sequence, log time, publish time
}
_DAMAGE = (
    McapError,
    struct.error,
    ValueError,
    KeyError,
    OverflowError,
    RuntimeError,
    EOFError,
    zstandard.ZstdError,
)


@dataclass(frozen=True, slots=True)
class Stored:
    """A message, what it is written in, and where it belongs.

    Attributes:
        schema: Definition of the message's type; None where the channel has none.
        channel: Topic and encoding of the message.
        message: Its bytes, with log and publish times, ns.
    """

    schema: Schema | None
    channel: Channel
    message: Message


@dataclass(slots=True)
class _Parts:
    """Chunks, and messages outside of chunks, in the order of the file.

    Attributes:
        offsets: Where their records begin, bytes.
        begins: Their first log times, ns.
        in_order: Whether each begins when all before it have ended.
    """

    offsets: array[int] = field(default_factory=lambda: array("Q"))
    begins: array[int] = field(default_factory=lambda: array("Q"))
    in_order: bool = True


class McapFile:
    """An MCAP file as a stream of messages, in order of their log times.

    The index at the end is not needed, so a file whose writer was killed is read up to the cut.

    Args:
        path: The file.

    Attributes:
        path: The file.
        cut: Whether the newest pass over the file ended before the file said so.
        damaged: Chunks and messages of the newest pass that could not be read.
    """

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)
        self.cut = False
        self.damaged = 0

    def library(self) -> str:
        """Who wrote the file, as its header says.

        Raises:
            InputError: The file is missing, or is not MCAP.
        """
        with contextlib.closing(self._records()) as records:
            header = next(records, None)
        return header.library if isinstance(header, Header) else ""

    def channels(self, enough: Callable[[Channel], bool] = lambda _: False) -> list[Stored]:
        """The first message of every channel, up to the first channel that is `enough`.

        Raises:
            InputError: The file is missing, or is not MCAP.
        """
        first: dict[int, Stored] = {}
        with contextlib.closing(self.messages()) as messages:
            for stored in messages:
                if first.setdefault(stored.channel.id, stored) is stored and enough(stored.channel):
                    break
        return list(first.values())

    def messages(self) -> Generator[Stored, None, None]:
        """Yield every message, the oldest first.

        Raises:
            InputError: The file is missing, is not an MCAP, or is so far out of order that it
                cannot be held in memory.
        """
        self.cut, self.damaged = True, 0
        schemas: dict[int, Schema] = {}
        channels: dict[int, Channel] = {}
        parts = self._parts()
        for record in self._records() if parts.in_order else self._merged(parts):
            match record:
                case Schema():
                    schemas[record.id] = record
                case Channel():
                    channels[record.id] = record
                case Message() if record.channel_id in channels:
                    channel = channels[record.channel_id]
                    yield Stored(schemas.get(channel.schema_id), channel, record)
                case Message():
                    self.damaged += 1
                case DataEnd():
                    self.cut = False
                    return

    def _parts(self) -> _Parts:
        """Step through the file; ends where a record does not end within it."""
        path = checked(self.path, "recording", MAX_FILE)
        parts, latest = _Parts(), 0
        size = path.stat().st_size
        with path.open("rb") as file:
            at = len(MCAP0_MAGIC)
            while at + _HEAD.size <= size:
                file.seek(at)
                opcode, length = _HEAD.unpack(file.read(_HEAD.size))
                after = at + _HEAD.size + length
                if after > size or opcode == Opcode.DATA_END:
                    break
                times = _TIMES.get(opcode)
                if times is not None and length >= times.size:
                    begin, end = times.unpack(file.read(times.size))[-2:]
                    # The log time of a message is both.
                    begin, end = (begin, begin) if opcode == Opcode.MESSAGE else (begin, end)
                    parts.offsets.append(at)
                    parts.begins.append(begin)
                    parts.in_order &= begin >= latest
                    latest = max(latest, end)
                at = after
        return parts

    def _merged(self, parts: _Parts) -> Iterator[McapRecord]:
        """All definitions, then all messages in order of time, from parts that overlap.

        Raises:
            InputError: Too much would have to be held in memory.
        """
        end = None
        for record in self._records():  # a channel may be defined in another chunk than its use
            if isinstance(record, Schema | Channel):
                yield record
            elif isinstance(record, DataEnd):
                end = record
        damaged = self.damaged
        waiting: list[tuple[int, int, int, Message]] = []  # equal times in the order of the file
        held = 0
        with self.path.open("rb") as file:
            for index in sorted(range(len(parts.begins)), key=parts.begins.__getitem__):
                while waiting and waiting[0][0] < parts.begins[index]:
                    message = heappop(waiting)[3]
                    held -= len(message.data)
                    yield message
                offset = parts.offsets[index]
                for number, message in enumerate(self._loaded(file, offset)):
                    held += len(message.data)
                    heappush(waiting, (message.log_time, offset, number, message))
                if held > _MOST_HELD:
                    raise InputError(
                        f"{self.path} is out of order by more than {_MOST_HELD >> 20} MB; "
                        f"sort it first: mcap sort {self.path.name} -o sorted.mcap"
                    )
        while waiting:
            yield heappop(waiting)[3]
        self.damaged = damaged  # what is damaged was counted in the first pass
        if end is not None:
            yield end

    def _loaded(self, file: BinaryIO, offset: int) -> list[Message]:
        """The messages of one part."""
        file.seek(offset)
        opcode, length = _HEAD.unpack(file.read(_HEAD.size))
        if length > _MAX_RECORD:
            return []
        body = ReadDataStream(BytesIO(file.read(length)))
        try:
            if opcode == Opcode.MESSAGE:
                return [Message.read(body, length)]
            return [one for one in self._chunk(Chunk.read(body)) if isinstance(one, Message)]
        except (EndOfFile, *_DAMAGE):
            return []

    def _records(self) -> Generator[McapRecord, None, None]:
        path = checked(self.path, "recording", MAX_FILE)
        with path.open("rb") as file:
            bounded: Any = _Bounded(file, path.stat().st_size)
            reader = StreamReader(bounded, emit_chunks=True, record_size_limit=_MAX_RECORD)
            records = reader.records
            begun = False
            while True:
                try:
                    record = next(records, None)
                except EndOfFile:
                    return
                except _DAMAGE as error:  # where the next record begins cannot be known any more
                    if not begun:
                        raise InputError(f"{path} is not an MCAP: {one_line(error)}") from error
                    self.damaged += 1
                    return
                begun = True
                if record is None:
                    return
                if isinstance(record, Chunk):
                    yield from self._chunk(record)
                else:
                    yield record

    def _chunk(self, chunk: Chunk) -> list[McapRecord]:
        try:
            sizes = [chunk.uncompressed_size]
            if chunk.compression == "zstd":
                sizes.append(zstandard.frame_content_size(chunk.data))
            if any(_MAX_RECORD < size != zstandard.CONTENTSIZE_UNKNOWN for size in sizes):
                raise ValueError("a chunk that is too large")
            return sorted(breakup_chunk(chunk, validate_crc=True), key=_when)
        except (*_DAMAGE, MemoryError):  # other codecs, too, believe what a damaged length says
            self.damaged += 1
            return []


def _when(record: McapRecord) -> int:
    """Sorts what a chunk holds: definitions first, as they are, then messages by their time."""
    return record.log_time if isinstance(record, Message) else -1


class _Bounded:
    """A file of which no more is asked for than there is, whatever a damaged length says."""

    def __init__(self, file: BinaryIO, size: int) -> None:
        self._file = file
        self._left = size

    def read(self, length: int) -> bytes:
        data = self._file.read(min(length, self._left))
        self._left -= len(data)
        return data
