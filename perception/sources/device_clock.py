"""Brings the time stamps of a device to the clocks of this machine, and trusts none of them.

A message that the device stamped `d` arrives here at `h = offset + rate * d + transit`. Transit
times are never negative and now and then nearly zero, so the line that runs below all points
(d, h) and touches the lowest of them is the clock that is looked for: the linear programme of
Moon, Skelly and Towsley, "Estimation and Removal of Clock Skew from Network Delay Measurements"
(INFOCOM 1999). Zhang, Liu and Xia, "Clock Synchronization Algorithms for Network Measurements"
(INFOCOM 2002), show that its solution is the edge of the lower convex hull that spans the middle of
the points. The hull is built here by Andrew's monotone chain over the fastest message of every
0.7 s, within a window that moves along; when those of three such bins in a row lie above the line,
the clock has changed and the window starts again.
"""

from __future__ import annotations

import time
from collections import deque
from math import isfinite

_BIN = 0.7  # seconds; the fastest message of each stands for all in it
_WINDOW = 60.0  # seconds that the line is fitted to: a quartz changes by under 0.1 ms in it
_SLACK = 30.0  # seconds by which the window may grow before old points are cut off, all at once
_FEWEST = 16  # points that stay in the window however old they are: slow streams have few
_SETTLED = 6.0  # seconds after which the measured rate is better than the one known before
_SIGNIFICANT = 0.1  # seconds that a rate must explain to be believed earlier than that
_MOST = 1000.0  # times as fast or slow as ours: no clock is
_CHANGED = 0.1  # seconds above the line, bin after bin, that mean another clock
_BINS_TO_CHANGE = 3
_BINS_TO_KNOW = 2  # at least, before any rate is known
_LATE_YOUNG = 0.25  # seconds of age that are believed until then
_AHEAD = 0.05  # seconds by which a message may beat the fastest one so far
_AHEAD_YOUNG = 0.25  # likewise, until the rate is measured well
_DRIFT = 1e-3  # of a cheap quartz against the rate measured so far, while nothing came
_LATE = 0.5  # seconds of lateness that are looked at at once
_AGREE = 0.1  # seconds by which late stamps of one new clock may differ from each other
_STAMPS_TO_CHANGE = 5

_TICK = 1e-6  # seconds by which an observation is at least younger than the one before

_Point = tuple[float, float]  # device time, arrival; seconds


class DeviceClock:
    """Turns device times into capture times on this machine's wall and monotonic clocks.

    Rate and offset of the device's clock are followed, whether it is a quartz some parts per
    million off or a count of frames that is taken for a clock of another rate. What comes late is
    known to be old. A clock that steps is followed after a few stamps (`jumps`). A stamp that fits
    none before and after it harms no other observation (`outliers`), nor does one that stands still
    (`freezes`): these are taken to be captured when they arrived. The result never lies in the
    future and never goes back.

    Example:
        ```python
        clock = DeviceClock()
        captured_at, monotonic = clock.stamp(packet.seconds)  # as soon as it has arrived
        ```

    Attributes:
        jumps: How often the device's clock stepped or changed its rate at once.
        freezes: Stamps equal to the one before.
        outliers: Stamps that were not believed.

    Args:
        period: Seconds after which the device's clock begins at 0 again.
    """

    def __init__(self, period: float = float("inf")) -> None:
        self.jumps = 0
        self.freezes = 0
        self.outliers = 0
        self._period = period
        self._wraps = period != float("inf")
        self._given = float("-inf")
        self._device: float | None = None  # the newest stamp
        self._host = 0.0  # when it arrived
        # The line: arrival of the fastest possible message stamped d is base + rate * (d - origin).
        self._origin = 0.0
        self._base = 0.0
        self._rate = 1.0
        self._begun: _Point = (0.0, 0.0)
        self._closed = _BINS_TO_KNOW  # bins since the line was begun
        self._bin_ends = 0.0
        self._lowest = float("inf")  # distance of the fastest message of this bin from the line
        self._point: _Point = (0.0, 0.0)
        self._recent: deque[_Point] = deque(maxlen=_BINS_TO_CHANGE)
        self._late = 0.0  # distance of the fastest message of the bin before from the line
        self._late_bins = 0
        self._points: list[_Point] = []
        self._hull: list[_Point] = []
        self._suspects = 0
        self._suspected = 0.0
        self._suspect: _Point = (0.0, 0.0)

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
            captured = self._follow(device, captured)
        if captured < self._given:
            captured = min(self._given + _TICK, now)
        self._given = captured
        return time.time_ns() - round((now - captured) * 1e9), captured

    def restart(self) -> None:
        """Expect another clock, as after the device was opened again; the counts go on."""
        self._device = None
        self._closed = _BINS_TO_KNOW

    def _follow(self, device: float, host: float) -> float:
        """Return the capture time that the device's clock says, at most `host`."""
        if not isfinite(device):
            self.outliers += 1
            return host
        if self._device is None:
            self._device, self._host = device, host
            self._begin((device, host))
            return host
        if self._wraps:
            # Unrolled to the turn nearest to what is expected: one wrong stamp turns nothing.
            expected = self._origin + (host - self._base) / self._rate
            device += self._period * round((expected - device) / self._period)
        if device == self._device:
            self.freezes += 1
            return host
        late = host - self._base - self._rate * (device - self._origin)
        if late < 0:
            if late < -_AHEAD and late < -self._ahead(host):
                return self._doubt(device, host, late)
            self._base += late  # the fastest so far
            late = 0.0
        elif late > _LATE:
            return self._doubt(device, host, late)
        self._device, self._host = device, host
        self._suspects = 0
        return self._believed(device, host, late)

    def _ahead(self, host: float) -> float:
        """By how much a message may be faster than all before it, seconds."""
        young = self._closed * _BIN < _SETTLED
        return (_AHEAD_YOUNG if young else _AHEAD) + _DRIFT * (host - self._host)

    def _doubt(self, device: float, host: float, late: float) -> float:
        """Take a stamp that the line does not explain; believe its like when they keep coming.

        A stamp from before its own arrival cannot be late, so that a few in a row mean a step of
        the clock. Late ones may be real: what a network held back arrives quicker and quicker. Only
        a lateness that stays the same is a step.
        """
        self._device, self._host = device, host
        together = late < 0 if self._suspected < 0 else abs(late - self._suspected) < _AGREE
        if self._suspects and together:
            self._suspects += 1
            lowest = host - device * self._rate
            if lowest < self._suspect[1] - self._suspect[0] * self._rate:
                self._suspect = (device, host)
        else:
            self._suspects, self._suspected, self._suspect = 1, late, (device, host)
        if self._suspects >= _STAMPS_TO_CHANGE:
            self.jumps += 1
            self._begin(self._suspect)
            return min(host, self._base + self._rate * (device - self._origin))
        if late < 0:
            self.outliers += 1
            return host
        self.outliers += host - late < self._given  # from before what was given already
        return self._believed(device, host, late)

    def _believed(self, device: float, host: float, late: float) -> float:
        """Note how late a message is; return its capture time."""
        if late <= self._lowest:
            self._lowest, self._point = late, (device, host)
        if host >= self._bin_ends:
            self._close_bin(host)
        if late > _LATE_YOUNG and self._closed < _BINS_TO_KNOW:
            late = _LATE_YOUNG
        return host - late

    def _begin(self, point: _Point) -> None:
        """Begin the line again at a point; the rate holds until others say another.

        A line that did not even hold for two bins had the wrong rate: that between the two points
        at which it was begun is a better one.
        """
        passed, waited = point[0] - self._begun[0], point[1] - self._begun[1]
        if self._closed < _BINS_TO_KNOW and passed > 0 and waited > _BIN / 2:
            rate = waited / passed
            self._rate = min(max(rate, 1 / _MOST), _MOST)
        self._begun = self._origin, self._base = self._point = point
        self._points, self._hull = [], []
        self._recent.clear()
        self._closed = self._late_bins = self._suspects = 0
        self._late = 0.0
        self._lowest = 0.0
        self._bin_ends = self._host + _BIN

    def _close_bin(self, host: float) -> None:
        """Take the fastest message of the bin that is over into account."""
        before, self._late = self._late, self._lowest
        self._late_bins = self._late_bins + 1 if self._late > _CHANGED else 0
        self._recent.append(self._point)
        self._lowest = float("inf")
        self._bin_ends = host + _BIN
        self._closed += 1
        if self._late_bins >= _BINS_TO_CHANGE or (
            before > _LATE and abs(self._late - before) < _AGREE
        ):
            self._change(list(self._recent)[-self._late_bins :])
            return
        self._add(self._point)
        if len(self._points) > _FEWEST and self._points[0][1] < host - _WINDOW - _SLACK:
            old = sum(arrived < host - _WINDOW for _, arrived in self._points[:-_FEWEST])
            points, self._points, self._hull = self._points[old:], [], []
            for point in points:
                self._add(point)
        self._fit()

    def _change(self, points: list[_Point]) -> None:
        """Begin the line again at the fastest messages of bins that were all late."""
        self.jumps += 1
        first, second, *more = (
            host - self._base - self._rate * (device - self._origin) for device, host in points
        )
        if more and second - first > 3 * abs(more[0] - second) + _SIGNIFICANT:
            del points[0]  # it was late by itself, before the clock changed
        self._begin(points[0])
        self._lowest = float("inf")
        for point in points:
            self._add(point)
        self._fit()

    def _add(self, point: _Point) -> None:
        """Add a point to the window and to its lower hull."""
        hull = self._hull
        device, host = point
        if hull and device <= hull[-1][0]:
            return
        self._points.append(point)
        while len(hull) > 1:
            (left, low), (middle, high) = hull[-2], hull[-1]
            if (high - low) * (device - left) < (host - low) * (middle - left):
                break
            hull.pop()
        hull.append(point)

    def _fit(self) -> None:
        """Lay the line along the edge of the hull that spans the middle one of all points."""
        hull = self._hull
        (first, begun), (last, ended) = hull[0], hull[-1]
        if len(hull) > 1:
            settled = ended - begun > _SETTLED
            # Half of the points lie on each side, whatever pauses are between them; a few points
            # say less about that than their times do.
            half = self._points[len(self._points) // 2][0]
            middle = half if settled else (first + last) / 2
            at = len(hull) - 2
            while at and hull[at][0] > middle:
                at -= 1
            (left, low), (right, high) = hull[at], hull[at + 1]
            rate = (high - low) / (right - left)
            explains = abs(rate - self._rate) * (last - first)
            if (settled or explains > _SIGNIFICANT) and 1 / _MOST < rate < _MOST:
                self._rate = rate
        rate = self._rate
        self._origin, self._base = min(hull, key=lambda point: point[1] - rate * point[0])
