"""Guests' dialogs make room, but not while they run or wait; followers that are slow miss some."""

from types import SimpleNamespace
from typing import Any

import pytest

from sensebind.agent.robot.following import QUEUE, Followers
from sensebind.agent.robot.guests import Guests
from sensebind.errors import InputError


class Dialog:
    """What `Guests` needs of a dialog."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.idle = True
        self.closed = False
        self.begun: list[Any] = []
        self.history = SimpleNamespace(begin_with=self.begun.extend)
        self.requests: list[Any] = []

    def waiting(self) -> list[Any]:
        return self.requests

    def close(self) -> None:
        self.closed = True


def open_guests(most: int = 3) -> tuple[Guests, dict[str, Dialog]]:
    made: dict[str, Dialog] = {}

    def make(name: str) -> Any:
        made[name] = Dialog(name)
        return made[name]

    return Guests(make, most), made


def test_a_dialog_begins_with_what_was_said_and_goes_on() -> None:
    guests, made = open_guests()
    said = [{"role": "user", "content": "hello"}]
    first = guests.open("a", said)
    assert made["a"].begun == said
    assert guests.open("a", [{"role": "user", "content": "other"}]) is first
    assert made["a"].begun == said and guests.get("a") is first and guests.get("b") is None


def test_the_one_that_was_used_least_recently_makes_room() -> None:
    guests, made = open_guests()
    for name in "abc":
        guests.open(name)
    guests.get("a")
    guests.open("d")
    assert made["b"].closed and set(guests.all()) == {"a", "c", "d"}


def test_one_that_runs_or_waits_is_not_closed() -> None:
    guests, made = open_guests()
    for name in "abc":
        guests.open(name)
        made[name].idle = False
    with pytest.raises(InputError, match="3 dialogs are busy"):
        guests.open("d")
    assert made["d"].closed and not any(made[name].closed for name in "abc")
    made["c"].idle = True
    guests.open("e")
    assert made["c"].closed and not made["a"].closed


def test_asking_something_else_does_not_withdraw_a_call() -> None:
    guests, made = open_guests()
    guests.open("a")
    made["a"].requests = [SimpleNamespace(tool="drive")]
    with pytest.raises(InputError, match="drive waits for a person"):
        guests.open("a")


def test_all_are_forgotten() -> None:
    guests, made = open_guests()
    guests.open("a")
    guests.close()
    guests.close()
    assert made["a"].closed and guests.all() == {}


def test_a_slow_follower_misses_the_oldest_and_knows_it() -> None:
    followers = Followers()
    with followers.follow() as slow, followers.follow() as quick:
        for number in range(QUEUE + 3):
            followers.publish("default", "text", number)
            if number == 0:
                assert next(iter(quick))["value"] == 0
        first = next(iter(slow))
        assert first == {"thread": "default", "kind": "text", "value": 3, "dropped": 3}
        slow.close()
        assert list(slow) == []
    assert not followers.any
    followers.publish("default", "text", "to nobody")
