"""The bus over real ZeroMQ sockets: newest wins, everything lost is counted, nothing kills it."""

import itertools
import os
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zmq
from fixtures.percepts import WIDTH, percept, wait_for
from fixtures.waiting import PATIENCE, until
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import msgpack

from sensebind.errors import BusError, MessageError
from sensebind.perception.bus.pubsub import (
    News,
    Publisher,
    Subscriber,
    check_endpoint,
    decode_heartbeat,
)
from sensebind.perception.bus.stream_stats import StreamStats, Tally
from sensebind.perception.percept import (
    Modality,
    Percept,
    PerceptHeader,
    Thing,
    decode_message,
    encode_message,
    percept_topic,
)


@pytest.fixture(params=["ipc", "tcp"])
def endpoint(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return f"ipc://{tmp_path}/p" if request.param == "ipc" else "tcp://127.0.0.1:*"


@pytest.fixture
def publisher(endpoint: str) -> Iterator[Publisher]:
    with Publisher(endpoint, "camera", heartbeat_seconds=0.05) as publisher:
        yield publisher


# --- over sockets ---


def test_a_percept_arrives_as_it_was_sent(publisher: Publisher) -> None:
    with Subscriber([publisher.endpoint]) as subscriber:
        wait_for(subscriber, lambda _, beats: "camera" in beats)
        publisher.report("running", dropped=4)  # or a later heartbeat says 0
        sent = publisher.publish(percept(value=3, model="abc", cache="k=10", dropped=4))
        got = wait_for(subscriber, lambda percepts, _: "camera" in percepts)["camera"]
    assert got.header == sent.header
    assert (got.header.sequence, got.header.epoch) == (1, publisher.epoch)
    assert got.header.published_at > 0
    np.testing.assert_array_equal(got.embedding, sent.embedding)
    assert got.payload == b"jpeg"
    stats = subscriber.stats()["camera"]
    assert (stats.received, stats.lost, stats.skipped) == (1, 0, 4)


def test_a_late_joiner_gets_the_newest_at_once(publisher: Publisher) -> None:
    for value in range(5):
        publisher.publish(percept(value=value))
    for _ in range(2):
        with Subscriber([publisher.endpoint]) as subscriber:
            got = wait_for(subscriber, lambda percepts, _: percepts)["camera"]
            assert got.header.sequence == 5
            assert got.embedding[4] == 1
            assert subscriber.stats()["camera"].lost == 0


def test_a_second_listener_repeats_nothing_to_the_first(publisher: Publisher) -> None:
    with Subscriber([publisher.endpoint]) as first:
        publisher.publish(percept())
        wait_for(first, lambda percepts, _: percepts)
        with Subscriber([publisher.endpoint]) as second:
            wait_for(second, lambda percepts, _: percepts)

        def repeated() -> bool:
            assert not first.receive(0.05).percepts
            return first.stats()["camera"].duplicates >= 1

        until(repeated)
        assert first.stats()["camera"].received == 1


def test_newest_wins_and_what_it_replaced_is_counted(publisher: Publisher) -> None:
    with Subscriber([publisher.endpoint]) as subscriber:
        wait_for(subscriber, lambda _, beats: beats)
        for round_ in itertools.count():
            for value in range(4):
                publisher.publish(percept(value=value))
            time.sleep(0.2)
            seen: list[int] = []

            def newest(seen: list[int] = seen, last: int = 4 * round_ + 4) -> bool:
                if got := subscriber.receive(0.1).percepts.get("camera"):
                    seen.append(got.header.sequence)
                return seen[-1:] == [last]

            before = subscriber.stats()["camera"]
            until(newest)
            after = subscriber.stats()["camera"]
            assert after.received == before.received + 4 and after.lost == 0
            assert after.superseded == before.superseded + 4 - len(seen)
            if len(seen) == 1:  # all four had come before the first look
                break


def test_a_slow_subscriber_knows_exactly_what_it_lost(publisher: Publisher) -> None:
    with Subscriber([publisher.endpoint]) as subscriber:
        wait_for(subscriber, lambda _, beats: beats)
        blob = b"x" * 200_000  # more than the kernel's buffers hold
        for value in range(100):
            item = percept(value=value)
            publisher.publish(Percept(item.header, item.embedding, blob))
        # Wait until the heartbeat has said that 100 were published.
        end = time.monotonic() + PATIENCE
        stats = subscriber.stats()["camera"]
        while time.monotonic() < end and stats.received + stats.lost < 100:
            time.sleep(0.05)
            subscriber.receive(0.2)
            stats = subscriber.stats()["camera"]
        assert stats.received + stats.lost == 100
        assert stats.lost > 0 and stats.gaps >= 1


def test_a_restarted_publisher_is_no_gap(tmp_path: Path) -> None:
    endpoint = f"ipc://{tmp_path}/p"
    with Subscriber([endpoint]) as subscriber:
        for start in range(3):
            with Publisher(endpoint, "camera", heartbeat_seconds=0.05) as publisher:
                for _ in range(3):
                    publisher.publish(percept())
                wait_for(
                    subscriber,
                    lambda p, _, epoch=publisher.epoch: (
                        p and p["camera"].header.epoch == epoch and p["camera"].header.sequence == 3
                    ),
                )
            stats = subscriber.stats()["camera"]
            assert stats.restarts == start
            assert stats.received + stats.lost >= 3 * start + 1
    assert stats.received <= 9


def test_streams_are_kept_apart(tmp_path: Path) -> None:
    with (
        Publisher(f"ipc://{tmp_path}/a", "camera") as first,
        Publisher(f"ipc://{tmp_path}/b", "camera2") as second,
        Subscriber([first.endpoint, second.endpoint]) as both,
        Subscriber([first.endpoint, second.endpoint], streams=["camera"]) as one,
    ):
        first.publish(percept("camera", 1))
        second.publish(percept("camera2", 2))
        got = wait_for(both, lambda percepts, _: len(percepts) == 2)
        assert got["camera"].embedding[1] and got["camera2"].embedding[2]
        wait_for(one, lambda percepts, beats: percepts and beats)
        one.receive(0.4)
        assert set(one.stats()) == {"camera"}


def test_heartbeats_tell_of_the_worker(publisher: Publisher) -> None:
    with Subscriber([publisher.endpoint], percepts=False) as subscriber:
        wait_for(subscriber, lambda _, beats: beats and beats["camera"].state == "starting")
        publisher.report("waiting", "no camera", dropped=7)
        publisher.publish(percept())
        wait_for(
            subscriber,
            lambda _, beats: (
                beats
                and (beats["camera"].state, beats["camera"].detail) == ("waiting", "no camera")
                and beats["camera"].sequence == 1
            ),
        )
        assert subscriber.stats()["camera"].skipped == 7


def test_an_idle_publisher_reads_its_subscriptions(tmp_path: Path) -> None:
    with Publisher(f"ipc://{tmp_path}/p", "camera", heartbeat_seconds=30) as publisher:
        context = zmq.Context()
        for _ in range(200):
            with context.socket(zmq.SUB) as socket:
                socket.setsockopt(zmq.LINGER, 0)
                socket.setsockopt(zmq.SUBSCRIBE, b"percept/")
                socket.connect(publisher.endpoint)
        context.destroy()
        publisher.publish(percept())
        with Subscriber([publisher.endpoint]) as subscriber:
            wait_for(subscriber, lambda percepts, _: percepts)


def test_closing_sends_what_was_published(tmp_path: Path) -> None:
    with Publisher(f"ipc://{tmp_path}/p", "camera", heartbeat_seconds=0.05) as publisher:
        subscriber = Subscriber([publisher.endpoint])
        wait_for(subscriber, lambda _, beats: beats)
        publisher.publish(percept())
    wait_for(subscriber, lambda percepts, _: percepts)
    subscriber.close()
    with pytest.raises(BusError, match="closed"):
        publisher.publish(percept())


@pytest.mark.parametrize(
    "fields",
    [
        {"frame_id": "f" * 257},
        {"stream": "a camera"},
        {"stream": "camera\n"},
        {"dropped": -1},
        {"dropped": 2**63},
        {"dropped": np.int64(1)},
        {"encode_ms": float("nan")},
        {"things": (Thing((0.0, 0.0, float("inf")), (1.0, 1.0, 1.0)),)},
        {"version": 2},
    ],
)
def test_what_nobody_would_accept_is_not_published(
    publisher: Publisher, fields: dict[str, Any]
) -> None:
    with pytest.raises(MessageError):
        publisher.publish(percept(**fields))
    assert publisher.publish(percept()).header.sequence == 1


# --- endpoints ---


@pytest.mark.parametrize(
    "endpoint",
    [
        "tcp://0.0.0.0:5555",
        "tcp://*:5555",
        "tcp://192.168.1.4:5555",
        "tcp://example.org:5555",
        "tcp://[::]:5555",
        "tcp://eth0:5555",
        "tcp://127.0.0.1:99999",
        "tcp://127.0.0.1",
        "tcp://:5555",
        "udp://127.0.0.1:5555",
        "camera",
        "",
        "ipc://",
        "ipc://" + "x" * 200,
        "tcp://127.0.0.1:-1",
        "tcp://127.0.0.1:٣",
        "epgm://127.0.0.1:1",
        "tcp://127.0.0.1.:80",
    ],
)
def test_endpoints_beyond_this_machine_are_refused(endpoint: str) -> None:
    with pytest.raises(BusError):
        check_endpoint(endpoint)
    with pytest.raises(BusError):
        Publisher(endpoint, "camera")
    with pytest.raises(BusError):
        Subscriber([endpoint])


def test_endpoints_of_this_machine_are_taken() -> None:
    for endpoint in ("tcp://127.0.0.1:*", "tcp://127.8.0.1:80", "tcp://[::1]:5555", "ipc:///tmp/x"):
        assert check_endpoint(endpoint) == endpoint
    assert check_endpoint("tcp://localhost:80") == "tcp://127.0.0.1:80"


def test_an_endpoint_in_use_is_named(publisher: Publisher) -> None:
    with pytest.raises(BusError, match=r"in use|already"):
        Publisher(publisher.endpoint, "camera")
    with pytest.raises(BusError, match="directory must exist"):
        Publisher("ipc:///nonexistent/p", "camera")


def test_a_socket_file_left_behind_is_taken_over(tmp_path: Path) -> None:
    context = zmq.Context()
    with context.socket(zmq.XPUB) as socket:
        socket.bind(f"ipc://{tmp_path}/p")
        left = tmp_path / "p"
        assert stat.S_ISSOCK(left.stat().st_mode)
        left.rename(tmp_path / "q")  # so that closing does not remove it
    context.destroy()
    (tmp_path / "q").rename(left)
    with Publisher(f"ipc://{tmp_path}/p", "camera") as publisher:
        publisher.publish(percept())
        with Subscriber([publisher.endpoint]) as subscriber:
            wait_for(subscriber, lambda percepts, _: percepts)


# --- what comes malformed ---


def raw_publisher(tmp_path: Path) -> tuple[zmq.Context, zmq.Socket, str]:
    context = zmq.Context()
    socket = context.socket(zmq.PUB)
    socket.setsockopt(zmq.LINGER, 0)
    endpoint = f"ipc://{tmp_path}/raw"
    socket.bind(endpoint)
    return context, socket, endpoint


def test_malformed_messages_are_counted_and_survived(tmp_path: Path) -> None:
    context, socket, endpoint = raw_publisher(tmp_path)
    good = encode_message(percept(sequence=1, epoch="e"))
    bad: list[list[bytes]] = [
        good[:2],
        [good[0], b"\xc1", good[2]],
        [good[0], good[1], good[2][:-1]],
        [good[0], good[1], np.full(WIDTH, np.nan, "<f4").tobytes()],
        [good[0], good[1], np.full(WIDTH, 9, "<f4").tobytes()],
        [b"percept/camera2/", good[1], good[2]],
        [b"percept/", b""],
        [b"percept/\xff\xfe/", b"", b""],
        [b"beat/camera/", b"\x80"],
        [b"beat/camera/", b"", b""],
        [good[0], *[b""] * 500],
    ]
    with Subscriber([endpoint]) as subscriber:
        wait = time.monotonic() + PATIENCE
        while not subscriber.stats() and time.monotonic() < wait:
            socket.send_multipart(bad[0])
            subscriber.receive(0.05)
        already = sum(s.malformed for s in subscriber.stats().values())
        for message in bad:
            socket.send_multipart(message)
            subscriber.receive(0.5)
        socket.send_multipart(good)  # it comes behind them
        wait_for(subscriber, lambda percepts, _: percepts)
        stats = subscriber.stats()
        assert sum(s.malformed for s in stats.values()) - already == len(bad)
        assert stats["camera"].received == 1 and stats["camera2"].malformed == 1
        assert stats[""].malformed == 2
    context.destroy(linger=0)


def test_made_up_streams_cannot_fill_the_memory(tmp_path: Path) -> None:
    with Subscriber([f"ipc://{tmp_path}/nobody"]) as subscriber:
        for number in range(1000):
            subscriber._take([f"percept/s{number}/".encode(), b"", b""], News({}, {}))
        assert len(subscriber.stats()) <= 257
        assert sum(s.malformed for s in subscriber.stats().values()) == 1000


metres = st.tuples(*[st.floats(0, 100)] * 3)
headers = st.fixed_dictionaries(
    {
        "version": st.just(1),
        "stream": st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}", fullmatch=True),
        "modality": st.sampled_from([m.value for m in Modality]),
        "sequence": st.integers(0, 2**63 - 1),
        "captured_at": st.integers(0, 2**63 - 1),
        "published_at": st.integers(0, 2**63 - 1),
        "monotonic": st.floats(allow_nan=False, allow_infinity=False),
        "dtype": st.sampled_from(["float32", "float16"]),
        "frame_id": st.text(max_size=20),
        "dropped": st.integers(0, 2**63 - 1),
        "things": st.lists(st.builds(Thing, position=metres, size=metres), max_size=3).map(tuple),
    }
)


@settings(max_examples=100, deadline=None)
@given(
    fields=headers, seed=st.integers(0, 2**32 - 1), width=st.integers(1, 50), empty=st.booleans()
)
def test_encoding_and_decoding_are_inverse(
    fields: dict[str, Any], seed: int, width: int, empty: bool
) -> None:
    vector = np.random.default_rng(seed).normal(size=width).astype(np.float32)
    vector = np.zeros_like(vector) if empty else vector / np.linalg.norm(vector)
    header = PerceptHeader(**fields, shape=(width,), present=not empty)
    frames = encode_message(Percept(header, vector, None if seed % 2 else b"p"))
    back = decode_message(frames)
    assert back.header == header and len(frames) == (3 if seed % 2 else 4)
    np.testing.assert_allclose(back.embedding, vector, atol=1e-3)
    assert back.embedding.dtype == np.float32


short = st.text(max_size=9)
values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats() | short,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(short, inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_no_message_whatever_raises_anything_else(data: st.DataObject) -> None:
    good = encode_message(percept(sequence=3, epoch="e"))
    kind = data.draw(st.sampled_from(["flip", "cut", "frames", "field", "noise"]))
    frames = list(good)
    if kind == "flip":
        which = data.draw(st.integers(0, 2))
        changed = bytearray(frames[which])
        changed[data.draw(st.integers(0, len(changed) - 1))] ^= data.draw(st.integers(1, 255))
        frames[which] = bytes(changed)
    elif kind == "cut":
        which = data.draw(st.integers(0, 2))
        frames[which] = frames[which][: data.draw(st.integers(0, len(frames[which])))]
    elif kind == "frames":
        frames = data.draw(st.lists(st.sampled_from([*good, b""]), max_size=6))
    elif kind == "field":
        fields = msgpack.decode(good[1])
        key = data.draw(st.sampled_from(sorted(fields)))
        frames[1] = msgpack.encode(fields | {key: data.draw(values)})
    else:
        frames = [percept_topic("camera"), data.draw(st.binary(max_size=300)), b"\0" * 4 * WIDTH]
    for decode in (decode_message, decode_heartbeat):
        try:
            decode(frames)
        except MessageError as error:
            assert str(error)


# --- the arithmetic of gaps ---


@settings(max_examples=200, deadline=None)
@given(
    total=st.integers(1, 40),
    arrives=st.lists(st.booleans(), min_size=40, max_size=40),
    beats=st.lists(st.booleans(), min_size=40, max_size=40),
    joined=st.integers(0, 39),
)
def test_received_and_lost_are_all_that_was_sent(
    total: int, arrives: list[bool], beats: list[bool], joined: int
) -> None:
    tally = Tally()
    tally.beat("e", joined)  # it joins when `joined` percepts have been published
    for sequence in range(joined + 1, joined + total + 1):
        index = sequence - joined - 1
        if arrives[index]:
            assert tally.percept("e", sequence)
        if beats[index]:
            assert tally.beat("e", sequence)
    tally.beat("e", joined + total)
    stats = tally.stats()
    assert stats.received == sum(arrives[:total])
    assert stats.lost == total - stats.received
    assert stats.gaps <= stats.lost
    assert stats.duplicates == stats.restarts == 0


def test_a_number_given_up_and_then_delivered_is_not_lost() -> None:
    tally = Tally()
    assert tally.percept("e", 1)
    assert tally.beat("e", 2)
    assert tally.stats().lost == 1
    assert tally.percept("e", 2) and not tally.percept("e", 2)
    assert (tally.stats().lost, tally.stats().duplicates) == (0, 1)


def test_a_former_publisher_is_not_listened_to() -> None:
    tally = Tally()
    assert tally.percept("a", 5)
    assert tally.percept("b", 3)
    assert not tally.percept("a", 6) and not tally.beat("a", 6)
    stats = tally.stats()
    assert (stats.restarts, stats.lost, stats.duplicates) == (1, 2, 1)


BUSY_READER = """
import sys, time
from sensebind.perception.bus.pubsub import Subscriber

with Subscriber([sys.argv[1]]) as subscriber:
    for _ in range(2):
        time.sleep(4.5)  # longer than any heartbeat would allow
        until = time.monotonic() + 0.5
        while time.monotonic() < until:
            subscriber.receive(0.1)
    print("alive")
"""


@pytest.mark.slow
def test_a_reader_that_is_busy_for_seconds_stays_alive(tmp_path: Path) -> None:
    """A process that loads a model reads nothing meanwhile; libzmq must not end it for that."""
    sample = percept()
    with Publisher(f"ipc://{tmp_path}/camera", "camera") as publisher:
        command = [sys.executable, "-c", BUSY_READER, publisher.endpoint]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as reader:
            while reader.poll() is None:
                publisher.publish(Percept(sample.header, sample.embedding, bytes(30_000)))
                time.sleep(0.005)
            assert reader.stdout is not None
            assert (reader.returncode, reader.stdout.read()) == (0, "alive\n")


def test_two_publishers_of_one_stream_are_reported_as_two(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Not as duplicates of each other, and not as a publisher that was started again."""
    with (
        Publisher(f"ipc://{tmp_path}/a", "camera", heartbeat_seconds=0.05) as first,
        Publisher(f"ipc://{tmp_path}/b", "camera", heartbeat_seconds=0.05) as second,
        Subscriber([first.endpoint, second.endpoint]) as subscriber,
    ):
        end = time.monotonic() + PATIENCE
        epochs = set()
        while time.monotonic() < end:
            for publisher in (first, second):
                publisher.publish(percept())
            time.sleep(0.01)
            news = subscriber.receive(0.05)
            epochs |= {one.header.epoch for one in news.percepts.values()}
            stats = subscriber.stats().get("camera", StreamStats())
            if stats.rivals > 5 and stats.received > 5:
                break
        assert stats.publishers == (f"process {os.getpid()}",) * 2
        assert stats.rivals > 5 and stats.restarts == 0
        assert stats.received > 5
        assert "stream camera has 2 publishers" in caplog.text
        assert len(epochs) <= 2


def test_a_former_publisher_that_is_alive_is_a_rival(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [1000.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    tally = Tally()
    for sequence in range(1, 4):
        assert tally.beat("a", sequence - 1, "process 1") and tally.percept("a", sequence)
    assert tally.beat("b", 0, "process 2") and tally.percept("b", 1)
    assert not tally.percept("a", 4)  # may have been on its way when its publisher ended
    assert tally.stats().duplicates == tally.stats().restarts == 1
    assert tally.stats().publishers == ()
    now[0] += 2.0
    assert not tally.beat("a", 5, "process 1")
    assert not tally.percept("a", 6) and not tally.percept("a", 6)
    assert tally.percept("b", 2)
    stats = tally.stats()
    assert stats.publishers == ("process 2", "process 1")
    assert (stats.rivals, stats.duplicates, stats.restarts, stats.lost) == (1, 2, 0, 0)
    now[0] += 5.0
    assert tally.percept("b", 3)
    assert tally.stats().publishers == ()  # it has ended


def test_the_publisher_that_is_left_of_two_is_listened_to(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whichever of the two somebody stops, once they were reported."""
    now = [1000.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    tally = Tally()
    assert tally.percept("a", 1) and tally.percept("b", 1)
    now[0] += 2.0
    assert not tally.percept("a", 2)
    assert tally.stats().publishers == ("b", "a")
    now[0] += 2.9  # b has ended
    assert tally.beat("b", 1, "process 2")
    now[0] += 2.9  # or has not
    assert not tally.percept("a", 3)
    tally = Tally()
    assert tally.percept("a", 1) and tally.percept("b", 1)
    now[0] += 2.0
    assert not tally.percept("a", 2) and not tally.percept("a", 3)
    now[0] += 3.1
    assert not tally.percept("a", 3)  # a proxy repeats its newest
    assert tally.percept("a", 5)
    stats = tally.stats()
    assert (stats.lost, stats.received, stats.publishers) == (1, 3, ())
    assert not tally.percept("b", 2)  # it was only stopped for a while
    now[0] += 1.5
    assert not tally.percept("b", 3) and tally.percept("a", 6)
    assert tally.stats().publishers == ("a", "b")
