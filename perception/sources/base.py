"""What every source is: a context manager over one device that hands out fresh observations."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, Self, runtime_checkable

from sensebind.perception.modality import Modality
from sensebind.perception.observation import Observation


@dataclass(frozen=True, slots=True)
class Device:
    """Something that a source can open, as its class method `find()` lists it.

    Attributes:
        spec: What `open_source` takes, such as "camera:0".
        name: What people call it.
        detail: More about it in words, or "".
    """

    spec: str
    name: str
    detail: str = ""


@runtime_checkable
class Source(Protocol):
    """One device, file or simulated sensor, open between `__enter__` and `__exit__`.

    A source never gives the same observation twice and never an old one as if it were new. It is
    used from one thread. A class of sources that can look for devices has a class method
    `find() -> list[Device]`; to be opened by name (`registry.open_source`), it is called as
    `Class(target, stream=…, **options)`.

    Checking a robot's file builds its sources and opens none. So a constructor checks what it is
    given, and what reads the device (NumPy, OpenCV, ZeroMQ, a maker's library) is imported when it
    is opened.
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

    def __exit__(self, *_: object) -> None:
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
