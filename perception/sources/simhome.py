"""The sensors of a running SimHome as sources, read over its loopback ZeroMQ publisher."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any

from sensebind.errors import MessageError, SourceError
from sensebind.perception.modality import Modality
from sensebind.perception.sources.live_source import LiveSource
from sensebind.perception.sources.returns import checked_range, returns

if TYPE_CHECKING:
    import numpy as np
    import zmq

STREAMS = {
    "camera": Modality.VISION,
    "microphone": Modality.AUDIO,
    "lidar": Modality.POINT,
}
WINDOW_CHUNKS, HOP_CHUNKS = 20, 5  # of `CHUNK_SECONDS`: windows of 2 s, one every 0.5 s
_AXES = {Modality.VISION: 3, Modality.AUDIO: 1, Modality.POINT: 2}
_CAPACITY = 4
_POLL_MS = 100


class SimHomeSource(LiveSource):
    """One sensor of a SimHome process; see `sensebind.perception.sources.base.Source`.

    The camera gives uint8 [H, W, 3], the lidar float32 [N, 3] metres, the microphone overlapping
    windows float32 [32000] (2 s at 16 kHz, a new one every `hop`, captured when they end). Samples
    are never spliced over a gap: after a lost chunk the next window starts afresh.

    Args:
        address: The publisher of the SimHome process, such as "tcp://127.0.0.1:5601".
        stream: Name of the stream.
        sensor: "camera", "microphone" or "lidar"; by default the one that the stream is named for.
        hop: Chunks of `CHUNK_SECONDS` from one window of sound to the next.
        min_range: Nearer points of the lidar are left out (the robot itself), metres.

    Raises:
        SourceError: SimHome has no such stream, or the hop is not 1 to 20 chunks.
        ConfigurationError: The range is negative or not finite.
    """

    def __init__(
        self,
        address: str,
        stream: str,
        hop: int = HOP_CHUNKS,
        sensor: str = "",
        min_range: float = 0.0,
    ) -> None:
        self._sensor = sensor or stream
        if self._sensor not in STREAMS:
            raise SourceError(
                f"SimHome has no stream {self._sensor!r}; it has {', '.join(STREAMS)}"
            )
        if not 1 <= hop <= WINDOW_CHUNKS:
            raise SourceError(f"a hop of {hop} chunks; give 1 to {WINDOW_CHUNKS}")
        super().__init__(stream, address, _CAPACITY)
        self._min_range = checked_range(stream, min_range)
        self._address = address
        self._windows = _Windows(hop)
        self._hop = hop
        self._epoch = ""
        self._last = -1
        self._context: zmq.Context | None = None

    @property
    def modality(self) -> Modality:  # type: ignore[override]
        """What kind of samples it gives."""
        return STREAMS[self._sensor]

    @property
    def malformed(self) -> int:
        """Messages that were not understood and dropped."""
        return self._refused

    def _open(self) -> None:
        """Connect; the SimHome process may come up later."""
        import zmq

        from sensebind.perception.simhome.wire import topic

        self._context = zmq.Context()
        self._socket = self._context.socket(zmq.SUB)
        self._socket.setsockopt(zmq.LINGER, 0)
        self._socket.setsockopt(zmq.RCVHWM, 50)
        self._socket.setsockopt(zmq.SUBSCRIBE, topic(self._sensor))
        try:
            self._socket.connect(self._address)
        except zmq.ZMQError as error:
            raise SourceError(
                f"cannot connect to SimHome at {self._address!r} ({error}); "
                "give an address such as tcp://127.0.0.1:5601"
            ) from error

    def _receive(self) -> None:
        if self._socket.poll(_POLL_MS):
            try:
                self._accept(self._socket.recv_multipart())
            except MessageError:
                self._refused += 1

    def _close(self) -> None:
        if self._context is not None:
            self._context.destroy(linger=0)
            self._context = None

    def _accept(self, frames: list[bytes]) -> None:
        from sensebind.perception.simhome.wire import decode_sample

        header, data = decode_sample(frames)
        if header["stream"] != self._sensor or data.ndim != _AXES[self.modality]:
            raise MessageError(f"not a sample of {self._sensor}: {header['stream']} {data.shape}")
        if (self.modality is Modality.AUDIO) != (header["chunk"] > 0):
            raise MessageError(f"chunks of {header['chunk']} samples on {self._stream}")
        if header["epoch"] != self._epoch:  # another SimHome process: numbers begin again
            self._epoch, self._last = header["epoch"], -1
            self._windows.clear()
        if self.modality is Modality.AUDIO:
            self._accept_samples(header, data)
        elif header["sequence"] > self._last:
            self._lost += header["sequence"] - self._last - 1 if self._last >= 0 else 0
            self._last = header["sequence"]
            self._hand_over(header, data, header["sequence"])

    def _accept_samples(self, header: dict[str, Any], data: np.ndarray) -> None:
        from sensebind.perception.simhome.wire import CHUNK_SECONDS

        found = self._windows.add(header["sequence"], data, header["chunk"])
        if found is None:
            return
        end, window = found
        sequence = end // self._hop
        self._lost += sequence - self._last - 1 if self._last >= 0 else 0
        self._last = sequence
        # The header says when the last of the message's chunks ended, maybe after the window.
        after = header["sequence"] + len(data) // header["chunk"] - end
        seconds = after * CHUNK_SECONDS
        header["captured_at"] -= round(seconds * 1e9)
        header["monotonic"] -= seconds
        self._hand_over(header, window, sequence)

    def _hand_over(self, header: dict[str, Any], data: np.ndarray, sequence: int) -> None:
        self.frame_id = header["frame_id"]
        if self.modality is Modality.POINT:
            data = returns(data, self._min_range)
        at = (header["captured_at"], header["monotonic"])
        self._deliver(data, at, header["rate"], sequence)


class _Windows:
    """Assembles overlapping windows from numbered chunks of samples."""

    def __init__(self, hop: int) -> None:
        self._hop = hop
        self._chunks: deque[np.ndarray] = deque(maxlen=WINDOW_CHUNKS)
        self._next = 0  # number of the chunk that would continue the stretch
        self._given = 0  # end of the last window given

    def clear(self) -> None:
        """Forgets everything, for another count of chunks."""
        self._chunks.clear()
        self._next = self._given = 0

    def add(self, first: int, samples: np.ndarray, size: int) -> tuple[int, np.ndarray] | None:
        """Takes chunks `first`, `first + 1`, …, each of `size` samples; known ones are skipped.

        Returns:
            The window that became complete, as (number of the chunk after it, samples), or None.
            Of a long stretch that came at once it is the newest: the others are not news.
        """
        import numpy as np

        chunks = samples.reshape(-1, size)
        reaches_back = first < self._next - len(self._chunks) <= self._next <= first + len(chunks)
        if first > self._next or reaches_back:
            # After a gap, what came before does not belong to what follows; a stretch that holds
            # all that is here and more (see the process's backlog) replaces it.
            self._chunks.clear()
            self._next = first
        complete = None
        for chunk in chunks[self._next - first :]:
            self._chunks.append(chunk)
            self._next += 1
            whole = len(self._chunks) == WINDOW_CHUNKS and self._next % self._hop == 0
            if whole and self._next > self._given:
                self._given = self._next
                complete = self._next, np.concatenate(self._chunks)
        return complete
