"""Time stamps of devices: followed when they make sense, counted when they do not."""

import time

import pytest

from sensebind.perception.sources.device_clock import DeviceClock


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The monotonic clock, which the test turns."""
    hand = [1000.0]
    monkeypatch.setattr(time, "monotonic", lambda: hand[0])
    monkeypatch.setattr(time, "time_ns", lambda: round((hand[0] + 5e8) * 1e9))
    return hand


def test_without_a_clock_of_its_own_the_device_is_stamped_now(now: list[float]) -> None:
    captured_at, monotonic = DeviceClock().stamp()
    assert monotonic == 1000.0 and captured_at == round((1000 + 5e8) * 1e9)
    assert DeviceClock().stamp(delay=0.25)[1] == 999.75


def test_late_messages_are_known_by_the_clock_of_the_device(now: list[float]) -> None:
    clock = DeviceClock()
    captured = []
    for number, late in enumerate([0.0, 0.03, 0.0, 0.2, 0.01]):
        now[0] = 1000 + number + late
        captured.append(clock.stamp(7.0 + number)[1])
    assert captured == pytest.approx([1000, 1001, 1002, 1003, 1004], abs=1e-3)
    assert (clock.jumps, clock.freezes) == (0, 0)


def test_a_jump_is_counted_and_followed(now: list[float]) -> None:
    clock = DeviceClock()
    for device in (10.0, 11.0, 500.0, 501.0, 3.0, 4.0):
        _, monotonic = clock.stamp(device)
        assert monotonic == now[0]
        now[0] += 1.0
    assert clock.jumps == 2


def test_a_clock_that_stands_still_is_not_believed(now: list[float]) -> None:
    clock = DeviceClock()
    clock.stamp(10.0)
    for _ in range(5):
        now[0] += 0.1
        assert clock.stamp(10.0)[1] == now[0]
    assert clock.freezes == 5
    now[0] += 0.1
    assert clock.stamp(10.6)[1] == pytest.approx(now[0], abs=1e-3)
    assert clock.jumps == 0


def test_a_counter_that_begins_anew_every_hour_does_not_jump(now: list[float]) -> None:
    clock = DeviceClock(period=3600)
    for device in (3599.8, 3599.9, 0.0, 0.1):
        assert clock.stamp(device)[1] == pytest.approx(now[0], abs=1e-3)
        now[0] += 0.1
    assert clock.jumps == 0


def test_it_never_goes_back_nor_into_the_future(now: list[float]) -> None:
    clock = DeviceClock()
    last = 0.0
    for device, wait in ((5.0, 0.1), (5.4, 0.0), (5.5, 0.0), (5.3, 0.1), (5.6, 3.0), (5.7, 0.0)):
        monotonic = clock.stamp(device)[1]
        assert last <= monotonic <= now[0]
        last = monotonic
        now[0] += wait
