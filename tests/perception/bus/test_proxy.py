"""Many publishers behind one address, and frames by reference, over real sockets."""

import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import zmq
from fixtures.percepts import percept, wait_for
from fixtures.waiting import PATIENCE, until

from sensebind.agent.cli.network import proxy as command
from sensebind.errors import BusError, InputError, SourceError
from sensebind.perception.bus.bound_socket import BoundSocket
from sensebind.perception.bus.curve_keys import KeyRing, allow_key, new_keys
from sensebind.perception.bus.proxy import Proxy
from sensebind.perception.bus.pubsub import Publisher, Subscriber
from sensebind.perception.frames.service import FrameClient, FrameServer
from sensebind.perception.frames.store import FrameStore
from sensebind.perception.percept import Modality, Observation, encode_message


@pytest.fixture
def robots(tmp_path: Path) -> Iterator[list[Publisher]]:
    opened = [Publisher(f"ipc://{tmp_path}/{name}", f"{name}.camera", 0.05) for name in ("a", "b")]
    yield opened
    for publisher in opened:
        publisher.close()


@pytest.fixture(scope="module")
def rings(tmp_path_factory: pytest.TempPathFactory) -> tuple[KeyRing, KeyRing]:
    home = tmp_path_factory.mktemp("keys")
    robot, agent = new_keys(home / "robot"), new_keys(home / "agent")
    allow_key(home / "robot", agent, "agent")
    allow_key(home / "agent", robot, "robot")
    return KeyRing.load(home / "robot"), KeyRing.load(home / "agent")


def test_many_agents_hear_many_robots_at_one_address(robots: list[Publisher]) -> None:
    with (
        Proxy([r.endpoint for r in robots], "tcp://127.0.0.1:*") as proxy,
        Subscriber([proxy.endpoint]) as one,
        Subscriber([proxy.endpoint], streams=["a.camera"]) as other,
    ):
        wait_for(one, lambda _, beats: {"a.camera", "b.camera"} <= set(beats))
        wait_for(other, lambda _, beats: set(beats) == {"a.camera"})
        for value, robot in enumerate(robots):
            robot.publish(percept(robot.stream, value))
        got = wait_for(one, lambda percepts, _: len(percepts) == 2)
        assert got["b.camera"].embedding[1] == 1
        wait_for(other, lambda percepts, _: set(percepts) == {"a.camera"})
        assert all(s.lost == 0 for s in one.stats().values())
        assert proxy.counts.topics == 4 and proxy.counts.refused == 0


def test_a_late_joiner_gets_the_newest_at_once(robots: list[Publisher]) -> None:
    with Proxy([r.endpoint for r in robots], "tcp://127.0.0.1:*") as proxy:
        with Subscriber([proxy.endpoint]) as early:
            wait_for(early, lambda _, beats: beats)
            for _ in range(3):
                robots[0].publish(percept("a.camera"))
            wait_for(early, lambda p, _: p and p["a.camera"].header.sequence == 3)
        with Subscriber([proxy.endpoint]) as late:
            got = wait_for(late, lambda percepts, _: percepts)
            assert got["a.camera"].header.sequence == 3


def test_a_chain_of_proxies_with_keys(
    robots: list[Publisher], rings: tuple[KeyRing, KeyRing]
) -> None:
    """A robot, its proxy for the network, the agent's own proxy, an agent."""
    robot, agent = rings
    with Proxy([robots[0].endpoint], "tcp://0.0.0.0:*", robot) as outward:
        port = outward.endpoint.rpartition(":")[2]
        with (
            Proxy([f"tcp://robot@127.0.0.1:{port}"], "tcp://127.0.0.1:*", agent) as inward,
            Subscriber([inward.endpoint]) as stranger,
        ):
            ring = KeyRing(agent.directory, agent.public, agent.secret, {agent.public: "self"})
            allow_key(agent.directory, agent.directory / "own.key", "self")
            with Subscriber([inward.endpoint], keys=ring) as subscriber:
                wait_for(subscriber, lambda _, beats: beats)
                robots[0].publish(percept("a.camera"))
                wait_for(subscriber, lambda percepts, _: percepts)
            until(lambda: inward.counts.turned_away)
            assert not stranger.receive(0.1).heartbeats
            assert not stranger.stats() and outward.counts.turned_away == 0


def test_what_is_no_message_of_the_bus_is_refused(tmp_path: Path) -> None:
    context = zmq.Context()
    raw = context.socket(zmq.PUB)
    raw.bind(f"ipc://{tmp_path}/raw")
    good = encode_message(percept(sequence=1, epoch="e"))
    with (
        Proxy([f"ipc://{tmp_path}/raw"], f"ipc://{tmp_path}/out") as proxy,
        Subscriber([proxy.endpoint]) as subscriber,
    ):
        end = time.monotonic() + PATIENCE
        while not subscriber.stats() and time.monotonic() < end:
            raw.send_multipart(good)
            subscriber.receive(0.05)
        for bad in ([b"percept/../x/", b"", b""], [b"percept/", b""], [b"beat/a/", *[b""] * 9]):
            raw.send_multipart(bad)
        until(lambda: proxy.counts.refused >= 3)
        assert proxy.counts.refused == 3
    context.destroy(linger=0)


def test_what_a_proxy_cannot_be(tmp_path: Path) -> None:
    for upstreams, endpoint in (
        ([], f"ipc://{tmp_path}/p"),
        (["tcp://10.0.0.1:5"], f"ipc://{tmp_path}/p"),
        ([f"ipc://{tmp_path}/u"], "tcp://0.0.0.0:0"),
        ([f"ipc://{tmp_path}/u"], "ipc:///nonexistent/p"),
    ):
        with pytest.raises(BusError):
            Proxy(upstreams, endpoint)


# --- frames ---


def test_frames_are_sent_by_reference(tmp_path: Path, rings: tuple[KeyRing, KeyRing]) -> None:
    robot, agent = rings
    cloud = np.random.default_rng(0).normal(size=(40, 3)).astype(np.float32)
    with FrameStore(tmp_path) as store, FrameServer(store, "tcp://127.0.0.1:*", robot) as server:
        kept = store.put(Observation(cloud, "lidar", Modality.POINT, 9, 0.0, 4, "l"))
        endpoint = server.endpoint.replace("tcp://", "tcp://robot@")
        with FrameClient(endpoint, agent, timeout=PATIENCE) as client:
            for _ in range(3):
                frame = client.get(kept)
                assert frame == store.get(kept) and frame.reference == kept
                np.testing.assert_array_equal(frame.decode(), cloud)
            for bad in ("frame:lidar@10", "frame:../x@1", "x" * 300, "é"):
                with pytest.raises(InputError):
                    client.get(bad)
            assert (server.counts.served, server.counts.refused) == (3, 1)
        with FrameClient(server.endpoint, timeout=0.5) as stranger:
            with pytest.raises(SourceError, match="allow our key"):
                stranger.get(kept)
            assert server.counts.served == 3


def test_answers_that_nobody_reads_are_counted(tmp_path: Path) -> None:
    cloud = np.zeros((20_000, 3), np.float32)
    with FrameStore(tmp_path) as store, FrameServer(store, f"ipc://{tmp_path}/frames") as server:
        kept = store.put(Observation(cloud, "lidar", Modality.POINT, 9, 0.0, 4, "l"))
        with zmq.Context() as context, context.socket(zmq.DEALER) as careless:
            careless.setsockopt(zmq.LINGER, 0)
            careless.setsockopt(zmq.RCVHWM, 1)
            careless.connect(server.endpoint)
            end = time.monotonic() + PATIENCE
            while not server.counts.unanswered and time.monotonic() < end:
                careless.send(kept.encode())
            assert server.counts.unanswered and server.counts.served
        with FrameClient(
            server.endpoint, timeout=PATIENCE
        ) as client:  # the others are still served
            assert client.get(kept).sequence == 4


def test_a_server_that_is_not_there_is_named(tmp_path: Path) -> None:
    with FrameClient(f"ipc://{tmp_path}/nobody", timeout=0.1) as client:
        for _ in range(12):
            with pytest.raises(SourceError, match="nobody"):
                client.get("frame:camera@1")


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_proxy_that_fails_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_: BoundSocket) -> bool:
        raise BusError("somebody else has the address")

    monkeypatch.setattr(BoundSocket, "serve", broken)
    upstream, endpoint = f"ipc://{tmp_path}/camera", f"ipc://{tmp_path}/all"
    with Proxy([upstream], endpoint) as proxy, pytest.raises(BusError, match="has failed: some"):
        until(lambda: proxy.check())
    with pytest.raises(BusError, match="has failed: some"):
        command([upstream], endpoint)
