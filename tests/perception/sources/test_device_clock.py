"""Time stamps of devices: followed when they make sense, counted when they do not."""

import time

import numpy as np
import pytest
from fixtures.device_clocks import RATES, Device, errors
from hypothesis import given, settings
from hypothesis import strategies as st

from sensebind.perception.sources import device_clock
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


@pytest.mark.parametrize("by", [490.0, 3.0, -0.7, -498.0])
def test_a_step_is_followed_and_counted(now: list[float], by: float) -> None:
    clock = DeviceClock()
    device = 1000.0
    for number in range(100):
        device += 1.0 + (by if number == 50 else 0.0)
        now[0] += 1.0
        _, monotonic = clock.stamp(device)
        if not 50 <= number < 55:
            assert monotonic == pytest.approx(now[0], abs=1e-6)
    assert clock.jumps == 1


@pytest.mark.parametrize("wrong", [1e9, -1e9, 0.0, 40.0, 0.2, -0.3, float("nan"), float("inf")])
def test_one_wrong_stamp_spoils_that_observation_only(now: list[float], wrong: float) -> None:
    for clock, begin in (DeviceClock(), 5000.0), (DeviceClock(3600), 3550.0):
        for number in range(600):
            now[0] += 0.1
            device = begin + number / 10
            if begin < 3600:
                device %= 3600
            if number == 300:
                clock.stamp(wrong if wrong == 0 else device + wrong)
                continue
            _, monotonic = clock.stamp(device)
            assert monotonic == pytest.approx(now[0], abs=1e-4)
        assert clock.jumps == 0
        assert clock.outliers == (wrong != -0.3)  # so late a frame may be


def test_what_a_network_held_back_is_known_to_be_old(now: list[float]) -> None:
    """A stall of 3 s, and then all frames at once: that is no step of the clock."""
    clock = DeviceClock()
    for number in range(300):
        now[0] += 0.1
        clock.stamp(number / 10)
    held = now[0]
    now[0] += 3.0
    for number in range(30):
        _, monotonic = clock.stamp((300 + number) / 10)
        assert monotonic == pytest.approx(held + 0.1 * (number + 1), abs=1e-3)
    assert clock.jumps == clock.outliers == 0


def test_a_device_that_is_opened_again_has_another_clock(now: list[float]) -> None:
    clock = DeviceClock()
    for number in range(100):
        now[0] += 0.1
        clock.stamp(500.0 + number / 10)
    clock.restart()
    for number in range(100):
        now[0] += 0.1
        assert clock.stamp(number / 10)[1] == pytest.approx(now[0], abs=1e-6)
    assert clock.jumps == clock.outliers == 0


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
    for turn in range(3):
        for device in (3599.8, 3599.9, 0.0, 0.1):
            assert clock.stamp(device)[1] == pytest.approx(now[0], abs=1e-3)
            now[0] += 0.1
        now[0] += 3600 * turn + 3599.6  # silent for one turn of the counter, then for two
    assert clock.jumps == 0


def test_it_never_goes_back_nor_into_the_future(now: list[float]) -> None:
    clock = DeviceClock()
    last = 0.0
    for device, wait in ((5.0, 0.1), (5.4, 0.0), (5.5, 0.0), (5.3, 0.1), (5.6, 3.0), (5.7, 0.0)):
        monotonic = clock.stamp(device)[1]
        assert last <= monotonic <= now[0]
        last = monotonic
        now[0] += wait


SECONDS = 900.0
TROUBLES = {
    "jitter": {},
    "bursts of ten": {"bursts": [(0.0, SECONDS)]},
    "pauses": {"pauses": [(200.0, 230.0), (500.0, 530.0)]},
    "counter of 32 bits": {"wrap": 2**32 / 1e7},
    "steps": {"steps": {100.0: 3600.0, 250.0: -7.0, 400.0: -0.3, 550.0: 0.2, 700.0: -86_400.0}},
    "drift": {"drift": 1e-4},
    "wrong stamps": {"wrong": 0.003},
}


@pytest.mark.parametrize("trouble", TROUBLES)
@pytest.mark.parametrize("name", RATES)
def test_rate_and_offset_are_followed_through_trouble(name: str, trouble: str) -> None:
    rate, fps = RATES[name]
    counts = rate < 0.9  # FFmpeg counts the frames of MJPEG over HTTP
    found = errors(
        device_clock,
        Device(rate=rate, fps=fps, seconds=SECONDS, counts=counts, **TROUBLES[trouble]),
    )
    assert found.age.min() >= 0
    assert found.p95 <= 0.05
    assert found.slowest_recovery <= 5.0


def test_a_camera_that_changes_its_rate_is_followed() -> None:
    """In the dark many give fewer frames; FFmpeg goes on counting 25 of them a second."""
    for before, after in ((10.0, 7.0), (7.0, 10.0), (25.0, 24.0), (30.0, 7.5)):
        frames = [1 / before] * 600 + [1 / after] * 600
        captured = np.cumsum(frames)
        late = _late(captured, np.arange(1200) / 25)
        since = captured - captured[600]
        assert np.abs(late[since > 5]).max() < 0.15, (before, after)
        assert np.abs(late[since > 15]).max() < 0.05, (before, after)


def _late(captured: np.ndarray, stamps: np.ndarray) -> np.ndarray:
    """Errors [N] of a clock whose frames arrive as soon as they are captured."""
    hand = [0.0]
    clock = DeviceClock()
    given = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(time, "monotonic", lambda: hand[0])
        for at, stamp in zip(captured.tolist(), stamps.tolist(), strict=True):
            hand[0] = at
            given.append(clock.stamp(stamp)[1])
    return np.array(given) - captured


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.floats(), st.floats(0, 1e4)), max_size=60),
    st.sampled_from([float("inf"), 3600.0, 2**32 / 90_000]),
)
def test_whatever_a_device_says_time_goes_on(
    messages: list[tuple[float, float]], period: float
) -> None:
    hand, last = [1000.0], 0.0
    clock = DeviceClock(period)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(time, "monotonic", lambda: hand[0])
        for device, wait in messages:
            hand[0] += wait
            _, monotonic = clock.stamp(device)
            assert last <= monotonic <= hand[0]
            last = monotonic
