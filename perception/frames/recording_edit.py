"""Takes entries out of recordings, and leaves the rest as it was."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Sequence
from pathlib import Path

from mcap.writer import Writer

from sensebind.errors import InputError, StorageError
from sensebind.perception.frames.mcap_reader import McapFile, Stored
from sensebind.perception.frames.recorded_poses import is_pose
from sensebind.perception.frames.recording import LIBRARY, Recording
from sensebind.perception.storage.private_files import private_opener, sync_folder
from sensebind.perception.storage.spans import Span, covered


def erase_entries(path: Path, spans: Sequence[Span], *, dry: bool = False) -> int:
    """Erase what was captured in some spans from a recording of ours.

    A new file is written and takes the place of the old one when it is whole. What of the old
    one could not be read is not in the new one.

    Args:
        path: Of the recording.
        spans: What goes.
        dry: Count alone, and change nothing.

    Returns:
        How many entries: observations, percepts and poses.

    Raises:
        InputError: The file is missing, or is not a recording of ours.
        StorageError: It is being recorded, or cannot be written; the old one is as it was.
    """
    recording = Recording(path)
    if not recording.empty and not any(recording.kinds()):
        recording.streams()  # says what it is instead
    unfinished = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with path.open("rb") as held:
            try:
                fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise StorageError(f"{path} is being recorded: end that first") from None
            if dry:
                return _copy(path, spans, None)
            try:
                with open(unfinished, "xb", opener=private_opener) as file:
                    unfinished.chmod(path.stat().st_mode & 0o777)
                    writer = Writer(file)
                    writer.start(profile="", library=LIBRARY)
                    gone = _copy(path, spans, writer)
                    writer.finish()
                    file.flush()
                    os.fsync(file.fileno())
                if gone:
                    unfinished.replace(path)
                    sync_folder(path.absolute().parent)
            finally:
                unfinished.unlink(missing_ok=True)
        return gone
    except FileNotFoundError as error:
        raise InputError(f"there is no recording at {path}") from error
    except OSError as error:
        raise StorageError(f"{path} cannot be written: {error.strerror}") from error


def _goes(spans: Sequence[Span], stored: Stored) -> bool:
    """Whether a message is of one of the spans; a pose is of all that was perceived there."""
    at = stored.message.publish_time
    if is_pose(stored):
        return any(one.since <= at <= one.until for one in spans)
    return covered(spans, stored.channel.metadata.get("stream", ""), at)


def _copy(path: Path, spans: Sequence[Span], writer: Writer | None) -> int:
    """Write what stays; return how many messages do not.

    Where everything is to go, what cannot be read counts, too: nobody knows what it holds.
    """
    gone, file = 0, McapFile(path)
    schemas: dict[int, int] = {0: 0}
    channels: dict[int, int] = {}
    for stored in file.messages():
        message, channel, schema = stored.message, stored.channel, stored.schema
        if _goes(spans, stored):
            gone += 1
            continue
        if writer is None:
            continue
        if schema is not None and schema.id not in schemas:
            schemas[schema.id] = writer.register_schema(schema.name, schema.encoding, schema.data)
        if channel.id not in channels:
            channels[channel.id] = writer.register_channel(
                channel.topic,
                channel.message_encoding,
                schemas[channel.schema_id],
                channel.metadata,
            )
        writer.add_message(
            channel_id=channels[channel.id],
            log_time=message.log_time,
            data=message.data,
            publish_time=message.publish_time,
            sequence=message.sequence,
        )
    if any(one.everything for one in spans):
        gone += file.damaged + file.cut
    return gone
