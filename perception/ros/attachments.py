"""What rmw_zenoh attaches to every message: its number, when it was published, and by whom."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from sensebind.errors import InputError

GID_BYTES = 16
# Two numbers of 64 bits, lowest byte first, then the GID with its length before it. It is written
# here because zenoh's own serializer gives a plain Python int 4 bytes, which rmw_zenoh refuses.
_LAYOUT = struct.Struct(f"<qqB{GID_BYTES}s")


@dataclass(frozen=True, slots=True)
class Attachment:
    """Of one message.

    Attributes:
        sequence: Counts up by one per message of a publisher, from 1.
        stamp: Wall clock of the publisher, ns.
        gid: Names the publisher, 16 bytes.
    """

    sequence: int
    stamp: int
    gid: bytes

    def pack(self) -> bytes:
        """Return its 33 bytes.

        Raises:
            InputError: A number has more than 64 bits, or the GID another length.
        """
        if len(self.gid) != GID_BYTES:
            raise InputError(f"a GID of {len(self.gid)} bytes; it has {GID_BYTES}")
        try:
            return _LAYOUT.pack(self.sequence, self.stamp, GID_BYTES, self.gid)
        except struct.error as error:
            raise InputError(f"an attachment cannot be packed: {error}") from error

    @classmethod
    def parse(cls, data: bytes) -> Attachment:
        """Read what came with a message.

        Raises:
            InputError: It is not what rmw_zenoh attaches since April 2025.
        """
        if len(data) != _LAYOUT.size or data[16] != GID_BYTES:
            raise InputError(f"an attachment of {len(data)} bytes; rmw_zenoh's have {_LAYOUT.size}")
        sequence, stamp, _, gid = _LAYOUT.unpack(data)
        return cls(sequence, stamp, gid)
