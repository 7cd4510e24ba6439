"""What every source is: a context manager over one device that hands out fresh observations."""

from __future__ import annotations

from types import TracebackType
from typing import Protocol, Self, runtime_checkable

from sensebind.perception.percept import Modality, Observation


@runtime_checkable
class Source(Protocol):
    """One device, file or simulated sensor, open between `__enter__` and `__exit__`.

    A source never gives the same observation twice and never an old one as if it were new. It is
    used from one thread.
    """

    @property
    def stream(self) -> str:
        """Name of the stream, such as "camera"."""
        ...

    @property
    def modality(self) -> Modality:
        """What kind of samples it gives."""
        ...

    @property
    def dropped(self) -> int:
        """Observations so far that were captured but never handed out: overrun, skipped, lost."""
        ...

    def __enter__(self) -> Self:
        """Opens the device.

        Raises:
            SourceError: It cannot be opened; the message says why and what to do.
        """
        ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Closes the device and joins whatever the source started."""
        ...

    def read(self, timeout: float = 5.0) -> Observation:
        """The next observation not handed out yet, in order of capture.

        Args:
            timeout: How long to wait for it, seconds.

        Raises:
            SourceError: Nothing came in time, or the device is gone.
        """
        ...

    def read_latest(self, max_age: float, timeout: float = 0.0) -> Observation:
        """The newest observation; older ones that were not handed out are skipped and counted.

        Args:
            max_age: How old it may be, seconds since its capture.
            timeout: How long to wait for one that is new and fresh, seconds.

        Raises:
            StaleError: The newest one is older than `max_age`.
            SourceError: Nothing new since the last call, or the device is gone.
        """
        ...
