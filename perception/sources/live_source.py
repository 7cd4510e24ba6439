"""The frame of a source that must be listened to all the time: a thread, a mailbox, an order."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Self

from sensebind.errors import SourceError
from sensebind.perception.modality import Modality
from sensebind.perception.observation import Observation
from sensebind.perception.sources.mailbox import Mailbox

if TYPE_CHECKING:
    import numpy as np


class LiveSource(ABC):
    """A source whose device is read by a thread of its own; see `base.Source`.

    A subclass sets `modality` and `frame_id`, opens the device in `_open`, waits for what comes and
    hands it over with `_deliver` in `_receive`, and closes the device in `_close`.

    Args:
        stream: Name of the stream.
        device: What it is of, for messages.
        capacity: Unread observations that are kept; the oldest is dropped and counted.

    Attributes:
        modality: What kind of samples it gives.
        frame_id: Coordinate frame of the sensor.
    """

    modality: Modality
    frame_id = ""

    def __init__(self, stream: str, device: str, capacity: int = 1) -> None:
        self._stream = stream
        self._device = device
        self._mailbox = Mailbox(f"{stream} from {device}", capacity)
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self._sequence = 0
        self._lost = 0
        self._refused = 0

    @property
    def stream(self) -> str:
        """Name of the stream."""
        return self._stream

    @property
    def dropped(self) -> int:
        """Observations that were captured but never handed out: overrun, skipped or lost."""
        return self._mailbox.dropped + self._lost

    @property
    def refused(self) -> int:
        """Messages of the device that were malformed or of another device, and left out."""
        return self._refused

    def __enter__(self) -> Self:
        """Open the device and start to listen.

        Raises:
            SourceError: It cannot be opened, or it is open already.
            MissingDependencyError: A package for this kind of device is not installed.
        """
        if self._thread is not None:
            raise SourceError(f"{self._stream} from {self._device} is open already")
        self._stopping.clear()
        self._mailbox.clear()
        try:
            self._open()
        except BaseException:  # Ctrl-C too: without __enter__ there is no __exit__
            self._close()
            raise
        self._thread = threading.Thread(target=self._listen, name=f"{self._stream}-source")
        self._thread.daemon = True
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop listening, join the thread and close the device."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None
            self._close()

    def read(self, timeout: float = 5.0) -> Observation:
        """The next observation not handed out yet; see `Source.read`."""
        self._check_open()
        return self._mailbox.take(timeout)

    def read_latest(self, max_age: float, timeout: float = 0.0) -> Observation:
        """The newest observation; see `Source.read_latest`."""
        self._check_open()
        return self._mailbox.take_latest(max_age, timeout)

    @abstractmethod
    def _open(self) -> None:
        """Open the device; raise `SourceError` where that cannot be done."""

    @abstractmethod
    def _receive(self) -> None:
        """Wait a moment for the device and `_deliver` what came; called again and again.

        Any exception ends the source and is reported to the reader.
        """

    @abstractmethod
    def _close(self) -> None:
        """Close what is open of the device, which may be nothing."""

    def _deliver(
        self, data: np.ndarray, at: tuple[int, float], rate: int = 0, sequence: int | None = None
    ) -> None:
        """Hand an observation to the reader.

        Args:
            data: The sample.
            at: Capture time on the wall clock, ns, and on the monotonic one, seconds.
            rate: Of sound, Hz; 0 for anything else.
            sequence: Its number where the device counts; by default one more than the last.
        """
        self._sequence = self._sequence + 1 if sequence is None else sequence
        self._mailbox.put(
            Observation(data, self._stream, self.modality, *at, self._sequence, self.frame_id, rate)
        )

    def _listen(self) -> None:
        try:
            while not self._stopping.is_set():
                self._receive()
        except Exception as error:  # whatever it is, the reader must learn of it
            self._mailbox.fail(error)

    def _check_open(self) -> None:
        if self._thread is None:
            raise SourceError(f"{self._stream} from {self._device} is closed: use a with statement")
