"""The lidar of the driving process: read in a thread, passed on, and closed while it is paused."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

import numpy as np

from sensebind.errors import SenseBindError, SourceError
from sensebind.perception.sources.registry import open_source
from sensebind.tools.motion.relay import SweepRelay
from sensebind.tools.motion.settings import MotionSettings

log = logging.getLogger(__name__)

_REOPEN = 1.0  # seconds until a lidar that is gone is opened again
_PATIENCE = 0.25  # seconds that a sweep is waited for at a time
_GONE = 2.0  # seconds without a sweep after which the lidar is opened again


class Sweeps:
    """Reads the lidar in a thread, and keeps the newest sweep.

    Args:
        settings: Which lidar, and where its sweeps are passed on.
        wake: Called when there is a new one, and when the lidar was opened or closed.
        paused: Whether it stays closed at first.
    """

    def __init__(
        self, settings: MotionSettings, wake: Callable[[], None], paused: bool = False
    ) -> None:
        self._settings = settings
        self._wake = wake
        self._newest: tuple[np.ndarray, float] | None = None
        self._stop = threading.Event()
        self._wanted = threading.Event()  # that the lidar is read
        if not paused:
            self._wanted.set()
        self._open = False
        self._thread = threading.Thread(target=self._run, name="sweeps", daemon=True)

    @property
    def open(self) -> bool:
        """Whether the device is open, or about to be."""
        return self._open

    def start(self) -> None:
        """Begin to read."""
        self._open = self._wanted.is_set()
        self._thread.start()

    def pause(self, paused: bool) -> None:
        """Close the device, or open it again, without waiting; `open` says when it is so."""
        if paused:
            self._wanted.clear()
        else:
            self._wanted.set()

    def take(self) -> tuple[np.ndarray, float] | None:
        """Return the newest sweep and when it was captured; None if it was taken already."""
        newest, self._newest = self._newest, None
        return newest if self._wanted.is_set() else None

    def close(self) -> None:
        """Close the lidar."""
        self._stop.set()
        self._wanted.set()
        if self._thread.ident is not None:
            self._thread.join()

    def _run(self) -> None:
        with SweepRelay(self._settings.relay) as relay:
            while not self._stop.is_set():
                if not self._wanted.is_set():
                    self._note(False)
                    self._wanted.wait()
                    continue
                self._note(True)
                try:
                    self._read(relay)
                except SenseBindError as error:
                    log.warning("motion: %s", error)
                    self._stop.wait(_REOPEN)

    def _note(self, is_open: bool) -> None:
        self._open = is_open
        self._wake()

    def _read(self, relay: SweepRelay) -> None:
        """Read sweeps until none has come for a while, or the lidar is paused."""
        assert self._settings.lidar is not None
        with open_source(self._settings.lidar, stream="lidar") as source:
            came = time.monotonic()
            while self._wanted.is_set() and not self._stop.is_set():
                try:
                    observation = source.read_latest(1.0, _PATIENCE)
                except SourceError:
                    if time.monotonic() - came > _GONE:
                        raise
                    continue
                if not self._wanted.is_set():  # what came after the pause is nobody's
                    return
                came = time.monotonic()
                self._newest = observation.data, observation.monotonic
                self._wake()
                relay.pass_on(observation)
