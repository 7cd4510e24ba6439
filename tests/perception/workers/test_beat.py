"""The beat of a reader against simulated sensors: how long samples lie, how many are read."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from itertools import count, pairwise

import pytest

from sensebind.perception.workers.beat import Beat

RATE = 5.0
INTERVAL = 1 / RATE
UNDERWAY = 0.03  # seconds from a capture until the sample can be read
PATIENCE = 0.2


def played(
    captures: Iterator[float],
    seconds: float,
    busy: Callable[[float], float] = lambda now: 0.0,
    stamp: Callable[[], float] = lambda: 0.0,
) -> list[tuple[float, float]]:
    """Reads a sensor with a beat; returns for each sample when it was read and how long it lay.

    Args:
        captures: The moments of capture, in order.
        seconds: How long to read.
        busy: From a moment, how long the reader does not come to ask.
        stamp: By how much the stamp of a sample is wrong.
    """
    beat = Beat(0.0, INTERVAL)
    found: list[tuple[float, float]] = []
    waiting, now, newest, new = next(captures), 0.0, None, 0
    while now < seconds:
        now = max(now, beat.due)
        now = asked = now + busy(now)
        while waiting + UNDERWAY <= now:
            newest, waiting, new = waiting, next(captures), new + 1
        if newest is None:
            if waiting + UNDERWAY > asked + PATIENCE:
                now = asked + PATIENCE
                beat.heard_nothing(asked, PATIENCE)
                continue
            newest, now, waiting, new = waiting, waiting + UNDERWAY, next(captures), 1
        found.append((now, now - newest - UNDERWAY))
        beat.heard(now, now - newest + stamp(), new > 1)
        newest, new = None, 0
    return found


def sensor(rate: float, phase: float = 0.05) -> Iterator[float]:
    return (phase + k / rate for k in count())


def lags(found: list[tuple[float, float]], after: float) -> list[float]:
    return [lag for at, lag in found if at > after]


def rate(found: list[tuple[float, float]]) -> float:
    return (len(found) - 1) / (found[-1][0] - found[0][0])


@pytest.mark.parametrize("late", [0.11, 0.15, 0.19, 0.25, 0.5, 1.37])
def test_after_a_busy_time_the_beat_finds_back_to_its_sensor(late: float) -> None:
    moments = iter([10.0])
    pending = next(moments)

    def busy(now: float) -> float:
        nonlocal pending
        if now < pending:
            return 0.0
        pending = next(moments, float("inf"))
        return late

    found = played(sensor(RATE), 60.0, busy)
    assert max(lags(found, 15.0 + late)) == pytest.approx(0.0, abs=1e-9)
    gaps = [b - a for (a, _), (b, _) in pairwise(found)]
    assert min(gaps) > 0.4 * INTERVAL


@pytest.mark.parametrize("times", [2, 3, 6, 12])
def test_a_faster_sensor_is_thinned_to_the_rate_and_read_when_it_captures(times: int) -> None:
    found = played(sensor(RATE * times), 100.0)
    assert rate(found) <= RATE * 1.005
    assert max(lags(found, 10.0)) <= INTERVAL / 100 + 1e-9


@pytest.mark.parametrize("other", [5.4, 6.0, 7.0, 8.5, 9.9, 13.0, 31.0, 997.0])
def test_a_sensor_of_another_rate_gets_no_more_than_the_rate(other: float) -> None:
    found = played(sensor(other), 200.0)
    assert rate(found) <= RATE * 1.005


@pytest.mark.parametrize("other", [4.0, 4.9, 4.99])
def test_a_slower_sensor_is_waited_for(other: float) -> None:
    found = played(sensor(other), 100.0)
    assert max(lags(found, 1.0)) == pytest.approx(0.0, abs=1e-9)
    assert rate(found) == pytest.approx(other, rel=0.01)


@pytest.mark.parametrize("other", [5.005, 5.02, 5.04])
def test_a_sensor_whose_clock_is_a_little_fast_is_followed(other: float) -> None:
    found = played(sensor(other), 400.0)
    assert max(lags(found, 20.0)) < INTERVAL / 4
    assert rate(found) <= other * 1.001


def test_stamps_that_tremble_cost_next_to_no_rate() -> None:
    trembling = random.Random(7)
    found = played(
        sensor(40.0), 2_000.0, stamp=lambda: trembling.choice([0.0, 0.0, 0.0, 0.02, 0.018])
    )
    assert rate(found) <= RATE * 1.005


def test_an_age_that_cannot_be_had_again_moves_the_beat_ever_less_often() -> None:
    ages = iter([-0.05])  # one sample seemed younger than any can be
    found = played(sensor(40.0), 2_000.0, stamp=lambda: next(ages, 0.0))
    assert rate(found) <= RATE * 1.005


def test_a_beat_that_was_misled_goes_back() -> None:
    """One stamp makes a sample 5 ms too young; asking that much sooner finds the one before."""
    ages = iter([0.0] * 30 + [-0.005])
    found = played(sensor(2 * RATE), 1_000.0, stamp=lambda: next(ages, 0.0))
    late = [lag for lag in lags(found, 10.0) if lag > INTERVAL / 8]
    assert len(late) < 0.01 * len(found)
    assert rate(found) <= RATE * 1.005
