"""Tests that every source has to pass; subclass `SourceConformance` in your own test suite.

    class TestThermalCamera(SourceConformance):
        def make_source(self) -> Source:
            return ThermalCamera("simulated", stream="thermal")

pytest finds the inherited tests. The device, real or simulated, must give at least a handful of
observations each time the source is opened.
"""

from __future__ import annotations

import itertools
import re
import threading
import time
from abc import abstractmethod
from collections import Counter
from contextlib import suppress
from pathlib import Path

import numpy as np
import psutil
import pytest

from sensebind.errors import SourceError, StaleError
from sensebind.perception.percept import STREAM_PATTERN, Modality, Observation
from sensebind.perception.sources.base import Device, Source

_COUNT = 4  # observations that a test reads
_SLACK = 10.0  # seconds that a busy machine may be late


class SourceConformance:
    """What a source promises, as tests.

    Attributes:
        patience: Longest time to the next observation, seconds.
        reopens: Whether a source that was closed can be opened again.
    """

    patience = 5.0
    reopens = True

    @abstractmethod
    def make_source(self) -> Source:
        """Return a new source that is not open."""

    def test_it_is_a_source(self) -> None:
        """It has a stream's name, a modality, and every method of `Source`."""
        source = self.make_source()
        assert isinstance(source, Source)
        assert re.match(STREAM_PATTERN, source.stream), f"{source.stream!r} cannot name a stream"
        assert isinstance(source.modality, Modality)
        assert source.dropped == 0

    def test_it_gives_well_formed_observations(self) -> None:
        """Shape and type fit the modality, times lie in the past."""
        with self.make_source() as source:
            for _ in range(_COUNT):
                check_observation(source, source.read(self.patience))

    def test_it_gives_each_observation_once_and_in_order(self) -> None:
        """Sequence numbers go up, capture times do not go back."""
        with self.make_source() as source:
            seen = [source.read(self.patience) for _ in range(_COUNT)]
            seen.append(source.read_latest(self.patience, self.patience))
        numbers = [observation.sequence for observation in seen]
        assert all(a < b for a, b in itertools.pairwise(numbers)), numbers
        times = [observation.monotonic for observation in seen]
        assert times == sorted(times), times

    def test_the_latest_is_fresh(self) -> None:
        """`read_latest` gives what is young enough, or an error; what it skips is counted."""
        with self.make_source() as source:
            before = source.dropped
            first = source.read(self.patience)
            time.sleep(0.3)
            latest = source.read_latest(self.patience, self.patience)
            assert time.monotonic() - latest.monotonic <= self.patience + _SLACK
            skipped = latest.sequence - first.sequence - 1
            assert source.dropped - before >= skipped, "observations were skipped and not counted"
            try:
                again = source.read_latest(self.patience, 0.0)
            except SourceError:
                return
            assert again.sequence > latest.sequence, "the same observation was given twice"

    def test_what_is_too_old_is_not_given(self) -> None:
        """Nothing is younger than no age at all."""
        with self.make_source() as source:
            source.read(self.patience)
            time.sleep(0.2)
            with pytest.raises((StaleError, SourceError)):
                source.read_latest(-1.0, 0.0)

    def test_it_keeps_to_the_timeout(self) -> None:
        """Whether or not something comes, `read` returns in time."""
        with self.make_source() as source:
            begun = time.monotonic()
            for _ in range(_COUNT):
                try:
                    source.read(0.05)
                except SourceError:
                    continue
            assert time.monotonic() - begun < _COUNT * 0.05 + _SLACK

    def test_a_closed_source_gives_nothing(self) -> None:
        """Reading before `with`, and after it, is a `SourceError`."""
        source = self.make_source()
        with pytest.raises(SourceError):
            source.read(0.0)
        with source as opened:
            assert opened is source
            with pytest.raises(SourceError), source:
                pass
        with pytest.raises(SourceError):
            source.read_latest(1.0, 0.0)

    def test_it_can_be_opened_again(self) -> None:
        """A worker closes a silent source and opens it again."""
        if not self.reopens:
            pytest.skip("this device can be opened once")
        source = self.make_source()
        for _ in range(2):
            with source:
                check_observation(source, source.read(self.patience))

    def test_it_leaves_nothing_behind(self) -> None:
        """No thread, process or open file outlives the `with` statement, even after an error."""
        with self.make_source() as source:  # libraries open files of their own the first time
            source.read(self.patience)
        before = _possessions()
        with pytest.raises(KeyError), self.make_source() as source:
            source.read(self.patience)
            raise KeyError
        deadline = time.monotonic() + _SLACK
        while (left := _possessions() - before) and time.monotonic() < deadline:
            time.sleep(0.05)
        assert not left, f"left behind: {', '.join(sorted(left.elements()))}"

    def test_it_lists_devices(self) -> None:
        """`find`, where there is one, gives specs that `open_source` takes."""
        find = getattr(type(self.make_source()), "find", None)
        if find is None:
            pytest.skip("this source needs a target")
        for device in find():
            assert isinstance(device, Device)
            assert ":" in device.spec and device.name


def check_observation(source: Source, observation: Observation) -> None:
    """Check that an observation is one that a worker can encode.

    Raises:
        AssertionError: It is not; the message says why.
    """
    data = observation.data
    assert observation.stream == source.stream
    assert observation.modality is source.modality
    assert isinstance(observation.captured_at, int) and observation.captured_at > 0
    assert observation.monotonic <= time.monotonic(), "it was captured in the future"
    assert isinstance(observation.sequence, int) and observation.sequence >= 0
    assert isinstance(observation.frame_id, str)
    assert (observation.rate > 0) == (source.modality is Modality.AUDIO), "only sound has a rate"
    form = f"{data.dtype} {list(data.shape)}"
    match source.modality:
        case Modality.VISION:
            assert data.dtype == np.uint8 and data.ndim == 3 and data.shape[2] == 3, form
            assert data.size, form
        case Modality.AUDIO:
            assert data.dtype == np.float32 and data.ndim == 1 and len(data), form
            assert np.abs(data).max() <= 1, "samples outside -1..1"
        case Modality.POINT:
            assert data.dtype == np.float32 and data.ndim == 2 and data.shape[1] == 3, form
        case Modality.DEPTH | Modality.THERMAL:
            assert data.dtype == np.float32 and data.ndim == 2 and data.size, form
    assert np.isfinite(data).all(), "NaN or infinity"


def _possessions() -> Counter[str]:
    """Threads, processes and open files of this process; what others end meanwhile is no matter."""
    found = Counter(f"thread {one.name} {one.ident}" for one in threading.enumerate())
    found.update(f"process {one.pid}" for one in psutil.Process().children(recursive=True))
    for link in Path("/proc/self/fd").iterdir():
        with suppress(OSError):  # it was closed meanwhile, as that of the folder itself is
            found[f"file {link.readlink()}"] += 1
    return found
