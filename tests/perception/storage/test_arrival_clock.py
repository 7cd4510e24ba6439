"""The time of arrival: it goes on by itself, whatever the wall clock does."""

from __future__ import annotations

from sensebind.perception.storage.arrival_clock import CONFIRMED, ArrivalClock

SECOND = 10**9
YEAR = 365 * 86_400


class Clocks:
    def __init__(self, wall: float) -> None:
        self.run, self.wall = 50.0, wall  # seconds; the wall clock as it is set

    def go(self, seconds: float) -> None:
        self.run += seconds
        self.wall += seconds

    def make(self, newest: float = 0) -> ArrivalClock:
        wall_ns = lambda: int(self.wall * SECOND)  # noqa: E731
        return ArrivalClock(int(newest * SECOND), wall_ns=wall_ns, clock=lambda: self.run)


def test_within_a_run_no_step_counts() -> None:
    clocks = Clocks(1e9)
    clock = clocks.make()
    for step in (YEAR, -2 * YEAR, 0):
        before = clock.now()
        clocks.wall += step
        for _ in range(10):
            clocks.go(1800)
            clock.now()
        assert clock.now() - before == 18_000 * SECOND


def test_the_time_between_two_runs_counts_after_an_hour_without_a_step() -> None:
    clocks = Clocks(1e9)
    clock = clocks.make(newest=1e9 - 7 * 86_400)
    assert clock.now() == int((1e9 - 7 * 86_400) * SECOND) + 1
    for _ in range(70):
        clocks.go(60)
        clock.now()
    assert abs(clock.now() - clocks.wall * SECOND) < SECOND


def test_a_clock_that_is_set_right_after_the_start_is_never_believed_before() -> None:
    clocks = Clocks(1e9 + YEAR)
    clock = clocks.make(newest=1e9)
    clocks.go(600)
    clock.now()
    clocks.wall -= YEAR  # the network has told the time
    for _ in range(200):
        clocks.go(60)
        assert abs(clock.now() - clocks.wall * SECOND) < 700 * SECOND


def test_it_never_goes_backwards() -> None:
    clocks = Clocks(1e9 - YEAR)  # a battery is empty
    clock = clocks.make(newest=1e9)
    last = clock.now()
    for _ in range(200):
        clocks.go(60)
        assert clock.now() == last + 60 * SECOND
        last = clock.now()
    assert CONFIRMED == 3600
