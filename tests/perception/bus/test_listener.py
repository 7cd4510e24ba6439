"""A thread that hands on what a real bus brings."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from fixtures.percepts import percept
from fixtures.waiting import PATIENCE

from sensebind.errors import BusError
from sensebind.perception.bus.listener import Listener
from sensebind.perception.bus.pubsub import News, Publisher
from sensebind.perception.percept import Percept


@pytest.fixture
def publisher(tmp_path: Path) -> Iterator[Publisher]:
    with Publisher(f"ipc://{tmp_path}/bus", "camera", 0.05) as opened:
        yield opened


class Reader:
    """Notes what it is handed."""

    def __init__(self) -> None:
        self.numbers: list[int] = []

    def take(self, news: News, now: float) -> None:
        assert now <= time.monotonic()
        self.numbers += [percept.header.sequence for percept in news.percepts.values()]


def publish_until(publisher: Publisher, listener: Listener, reader: Reader, count: int) -> None:
    end = time.monotonic() + PATIENCE
    with listener.changed:
        while len(reader.numbers) < count and listener.failure is None:
            publisher.publish(percept("camera"))
            listener.changed.wait(0.05)
            assert time.monotonic() < end


def test_who_waits_is_told_and_a_failing_listener_harms_nobody(publisher: Publisher) -> None:
    reader, heard = Reader(), []

    def fail(_percept: Percept) -> None:
        raise KeyError("a stranger's mistake")

    listener = Listener(
        "test", [publisher.endpoint] * 2, reader.take, [fail, heard.append], streams=["camera"]
    )
    assert listener.stats() == {}
    with listener:
        publish_until(publisher, listener, reader, 3)
        listener.check()
    assert listener.stats()["camera"].received >= 3
    assert [one.header.sequence for one in heard] == reader.numbers
    listener.stop()


def test_what_ends_the_thread_is_told(publisher: Publisher) -> None:
    def take(news: News, _now: float) -> None:
        if news.percepts:
            raise ValueError("nothing of the kind was expected")

    with Listener("the test", [publisher.endpoint], take) as listener:
        publish_until(publisher, listener, Reader(), 1)
        with pytest.raises(BusError, match="the test has failed: nothing of the kind"):
            listener.check()


def test_a_refused_address_leaves_nothing_behind() -> None:
    with pytest.raises(BusError), Listener("test", ["nowhere"], Reader().take):
        raise AssertionError("it listens to no address")
