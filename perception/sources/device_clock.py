"""Brings the time stamps of a device to the clocks of this machine, and trusts none of them."""

from __future__ import annotations

import time

TOLERANCE = 0.5  # seconds by which a device's clock may disagree with ours between two stamps
_DRIFT = 1e-4  # of a cheap quartz


class DeviceClock:
    """Turns device times into capture times on this machine's wall and monotonic clocks.

    The observation that travelled fastest so far tells how the clocks are apart. A device clock
    that jumps is followed from then on; one that stands still is not believed. Both are counted,
    and the result never lies in the future nor goes back.

    Args:
        period: The device's clock begins anew after so many seconds.
    """

    def __init__(self, period: float = float("inf")) -> None:
        self._period = period
        self._rounds = 0.0
        self.jumps = 0
        self.freezes = 0
        self._device: float | None = None
        self._host = 0.0
        self._offset = 0.0
        self._given = float("-inf")

    def stamp(self, device: float | None = None, delay: float = 0.0) -> tuple[int, float]:
        """Stamp an observation that has just arrived.

        Args:
            device: Its time by the device's clock, seconds; None where the device has none.
            delay: How long ago it was at least captured by all that is known, seconds.

        Returns:
            Wall clock at capture, ns, and `time.monotonic()` at capture, seconds.
        """
        now = time.monotonic()
        captured = now - delay
        if device is not None:
            captured = min(self._follow(device, captured), captured)
        captured = self._given = max(captured, min(self._given, now))
        return time.time_ns() - round((now - captured) * 1e9), captured

    def _follow(self, device: float, host: float) -> float:
        """Return the capture time that the device's clock tells, on our monotonic clock."""
        before, since = self._device, host - self._host
        if before is not None and device + self._rounds < before - self._period / 2:
            self._rounds += self._period
        device += self._rounds
        if device == before:
            self.freezes += 1
            return host
        self._device, self._host = device, host
        if before is None or abs(device - before - since) > TOLERANCE or device < before:
            self.jumps += before is not None
            self._offset = host - device
        else:
            self._offset = min(self._offset + _DRIFT * since, host - device)
        return device + self._offset
