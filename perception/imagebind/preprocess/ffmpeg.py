"""What everything that reads by FFmpeg (PyAV) has in common."""

from __future__ import annotations

from collections.abc import Iterator

from av.container import InputContainer
from av.packet import Packet
from av.stream import Stream

LOCAL_ONLY = {"protocol_whitelist": "file"}
"""Options for `av.open`: a playlist from outside fetches nothing from the web."""


def packets(container: InputContainer, stream: Stream) -> Iterator[Packet]:
    """Packets of a stream from where the container stands, and one without data at the end.

    Raises:
        FFmpegError: The file cannot be read on.
    """
    found = container.demux(stream)
    while True:
        try:
            packet = next(found)
        except StopIteration:
            return
        except IndexError:  # PyAV 18.1 has no place for a stream that begins in mid-file (MPEG-TS)
            found = container.demux(stream)
            continue
        yield packet
