"""Clocks: capture times that cannot be true, and those of other machines."""

import time
from pathlib import Path

import numpy as np
import pytest
from fixtures.percepts import percept, wait_for
from msgspec.structs import replace

from sensebind.perception.bus import clock_sync
from sensebind.perception.bus.clock_sync import CaptureGuard, HostClocks, host_clock
from sensebind.perception.bus.heartbeat import Heartbeat, encode_heartbeat
from sensebind.perception.bus.pubsub import News, Publisher, Subscriber
from sensebind.perception.percept import Modality, Observation, Percept, encode_message


def observation(monotonic: float, captured_at: int) -> Observation:
    data = np.zeros((2, 2, 3), np.uint8)
    return Observation(data, "s", Modality.VISION, captured_at, monotonic, 0, "f")


def test_true_times_are_left_alone() -> None:
    guard = CaptureGuard()
    start, wall = time.monotonic() - 1, time.time_ns()
    for step in range(5):
        given = observation(start + step / 10, wall + step)
        assert guard.check(given) is given
    assert guard.clamped == 0


def test_times_that_jump_freeze_or_come_from_the_future_are_repaired() -> None:
    guard = CaptureGuard()
    now, wall = time.monotonic(), time.time_ns()
    guard.check(observation(now, wall))
    checked = [
        guard.check(observation(monotonic, captured_at))
        for monotonic, captured_at in (
            (now, wall),
            (now - 100, wall - 10**11),
            (now + 1e6, wall + 10**15),
            (now + 1e6, wall),
        )
    ]
    assert guard.clamped == 4
    times = [now, *(c.monotonic for c in checked)]
    assert times == sorted(set(times)) and times[-1] <= time.monotonic()
    walls = [wall, *(c.captured_at for c in checked)]
    assert walls == sorted(set(walls)) and walls[-1] <= time.time_ns()


def test_a_wrong_wall_clock_time_spoils_that_observation_only() -> None:
    """One stamp lies a year ahead, one is zero, and two messages come in the wrong order."""
    guard = CaptureGuard()
    start, wall = time.monotonic() - 10, time.time_ns() - 10**10
    year = 365 * 24 * 3600 * 10**9
    given = [0, 10**8, year, 3 * 10**8, -wall, 6 * 10**8, 5 * 10**8, 7 * 10**8]
    found = [
        guard.check(observation(start + n / 10, wall + at)).captured_at - wall
        for n, at in enumerate(given)
    ]
    assert found[2] == pytest.approx(2 * 10**8, abs=10**8)  # when it was captured, by its age
    assert found[:2] + found[3:] == given[:2] + given[3:]
    assert guard.clamped == 1


def test_a_wall_clock_that_is_set_is_followed_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A robot boots with its clock an hour and half a second ahead; NTP sets it back."""
    hand = {"monotonic": 1000.0, "wall": 1_800_000_000 * 10**9}
    monkeypatch.setattr(time, "monotonic", lambda: hand["monotonic"])
    monkeypatch.setattr(time, "time_ns", lambda: hand["wall"])
    guard, names = CaptureGuard(), set()
    for second in range(10_000):
        hand["monotonic"] += 1
        hand["wall"] += 10**9 - (3600_500_000_000 if second == 5000 else 0)
        found = guard.check(observation(hand["monotonic"], hand["wall"]))
        assert 0 <= found.captured_at - hand["wall"] <= 1000
        names.add(found.captured_at)
    assert len(names) == 10_000 and guard.clamped == 0


def test_no_frame_is_named_twice() -> None:
    """A bag that is opened again gives the same stamps; so does a device that repeats itself."""
    guard, names = CaptureGuard(), set()
    start, wall = time.monotonic() - 3600, time.time_ns() - 10**13
    count = 0
    for _ in range(3):
        for step in range(6000):
            at = wall + (step - step % 3) * 10**6
            found = guard.check(observation(start + count / 10, at))
            assert abs(found.captured_at - at) < 10_000
            names.add(found.captured_at)
            count += 1
    assert len(names) == count


def test_times_of_another_machine_are_brought_to_ours() -> None:
    hosts = HostClocks()
    assert hosts.local("", 5.0) == 5.0 and hosts.local(host_clock(), 5.0) == 5.0
    assert hosts.local("rover", 5.0) is None
    for sent, transit in ((100.0, 0.3), (101.0, 0.02), (102.0, 0.9)):
        hosts.hear("rover", sent, 5000.0 + sent + transit)
    placed = hosts.local("rover", 100.0)
    assert placed is not None and abs(placed - 5100.02) < 1e-6


def test_a_clock_that_drifts_is_followed() -> None:
    hosts = HostClocks()
    for second in range(3600):
        hosts.hear("rover", second * (1 - 1e-4), float(second))  # slow by 0.36 s in an hour
    placed = hosts.local("rover", 3599 * (1 - 1e-4))
    assert placed is not None and abs(placed - 3599) < 0.01


def test_made_up_clocks_cannot_fill_the_memory() -> None:
    hosts = HostClocks()
    for number in range(1000):
        hosts.hear(str(number), 0.0, 0.0)
    assert len(hosts._offsets) <= 256 and hosts.local("999", 0.0) is None


def test_a_percept_of_an_unknown_clock_waits_for_a_heartbeat(tmp_path: Path) -> None:
    """An old one, replayed to a late joiner, must not look young."""
    now = time.monotonic()
    old = percept(sequence=1, epoch="e", clock="rover")
    old = Percept(replace(old.header, monotonic=1000.0), old.embedding)
    with Subscriber([f"ipc://{tmp_path}/nobody"]) as subscriber:
        news = News({}, {})
        subscriber._take(encode_message(old), news)
        assert not news.percepts
        beat = Heartbeat(stream="camera", epoch="e", sequence=1, monotonic=1600.0, clock="rover")
        subscriber._take(encode_heartbeat(beat), news)
        age = time.monotonic() - news.percepts["camera"].header.monotonic
        assert 600 <= age <= 600 + 10 * (time.monotonic() - now) + 1
        assert subscriber.stats()["camera"].received == 1


def test_ages_are_right_between_machines(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with Publisher(f"ipc://{tmp_path}/p", "camera", 0.05) as publisher:
        publisher.publish(percept())
        # From here on this process believes to be another machine than the percept's.
        foreign = publisher.publish(percept()).header.clock
        monkeypatch.setattr(clock_sync, "host_clock", lambda: "elsewhere")
        monkeypatch.setattr("sensebind.perception.bus.pubsub.host_clock", lambda: "elsewhere")
        with Subscriber([publisher.endpoint]) as subscriber:
            hosts = subscriber._clocks
            for _ in range(3):
                hosts.hear(foreign, time.monotonic(), time.monotonic())
            got = wait_for(subscriber, lambda percepts, _: percepts)["camera"]
            assert 0 <= time.monotonic() - got.header.monotonic < 5
