"""Reads MCAP files from beginning to end, also those that were cut off or damaged."""

from __future__ import annotations

import contextlib
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import zstandard
from mcap.exceptions import EndOfFile, McapError
from mcap.records import Channel, Chunk, DataEnd, McapRecord, Message, Schema
from mcap.stream_reader import StreamReader, breakup_chunk

from sensebind.errors import InputError, one_line
from sensebind.perception.imagebind.preprocess.files import checked

MAX_FILE = 1 << 42
_MAX_RECORD = 256 << 20
_DAMAGE = (
    McapError, struct.error, ValueError, KeyError, OverflowError, RuntimeError, EOFError,
    zstandard.ZstdError,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Stored:
    """A message, what it is written in, and where it belongs."""

    schema: Schema | None
    channel: Channel
    message: Message


class McapFile:
    """An MCAP file as a stream of messages, in the order in which they were written.

    The index at the end is not needed, so a file whose writer was killed is read up to the cut.

    Args:
        path: The file.

    Attributes:
        cut: Whether the newest pass over the file ended before the file said so.
        damaged: Chunks and messages of the newest pass that could not be read.
    """

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)
        self.cut = False
        self.damaged = 0

    def channels(self, enough: Callable[[Channel], bool] = lambda _: False) -> list[Stored]:
        """The first message of every channel, up to the first channel that is `enough`.

        Raises:
            InputError: The file is missing, or is no MCAP.
        """
        first: dict[int, Stored] = {}
        with contextlib.closing(self.messages()) as messages:
            for stored in messages:
                if first.setdefault(stored.channel.id, stored) is stored and enough(stored.channel):
                    break
        return list(first.values())

    def messages(self) -> Iterator[Stored]:
        """Yield every message.

        Raises:
            InputError: The file is missing, or is no MCAP.
        """
        self.cut, self.damaged = True, 0
        schemas: dict[int, Schema] = {}
        channels: dict[int, Channel] = {}
        for record in self._records():
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

    def _records(self) -> Iterator[McapRecord]:
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
                        raise InputError(f"{path} is no MCAP file: {one_line(error)}") from error
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
            return breakup_chunk(chunk, validate_crc=True)
        except (*_DAMAGE, MemoryError):  # other codecs, too, believe what a damaged length says
            self.damaged += 1
            return []


class _Bounded:
    """A file of which no more is asked for than there is, whatever a damaged length says."""

    def __init__(self, file: BinaryIO, size: int) -> None:
        self._file = file
        self._left = size

    def read(self, length: int) -> bytes:
        data = self._file.read(min(length, self._left))
        self._left -= len(data)
        return data
