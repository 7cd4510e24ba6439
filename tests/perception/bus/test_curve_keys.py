"""Keys of the bus, with real CURVE handshakes: who is let in, who is believed, who is counted."""

import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import zmq
from fixtures.percepts import percept, wait_for
from fixtures.waiting import until

from sensebind.errors import BusError, ConfigurationError
from sensebind.perception.bus.curve_keys import KeyRing, allow_key, new_keys
from sensebind.perception.bus.pubsub import Publisher, Subscriber


@dataclass
class Pair:
    """A robot and an agent that know each other, and somebody else."""

    robot: KeyRing
    agent: KeyRing
    stranger: KeyRing


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Pair:
    home = tmp_path_factory.mktemp("keys")
    public = {name: new_keys(home / name) for name in ("robot", "agent", "stranger")}
    allow_key(home / "robot", public["agent"], "agent")
    allow_key(home / "agent", public["robot"], "rover")
    allow_key(home / "stranger", public["robot"], "rover")
    return Pair(*(KeyRing.load(home / name) for name in public))


@pytest.fixture
def publisher(pair: Pair) -> Iterator[Publisher]:
    with Publisher("tcp://0.0.0.0:*", "camera", 0.05, keys=pair.robot) as publisher:
        yield publisher


def address(publisher: Publisher, name: str = "") -> str:
    port = publisher.endpoint.rpartition(":")[2]
    return f"tcp://{name}{'@' if name else ''}127.0.0.1:{port}"


# --- over sockets ---


def test_who_is_allowed_gets_percepts(pair: Pair, publisher: Publisher) -> None:
    for name in ("rover", ""):
        with Subscriber([address(publisher, name)], keys=pair.agent) as subscriber:
            wait_for(subscriber, lambda _, beats: beats)
            sent = publisher.publish(percept())
            got = wait_for(subscriber, lambda percepts, _: percepts)["camera"]
            assert got.header.sequence == sent.header.sequence
    assert publisher.turned_away == 0


def test_a_wrong_key_gets_nothing_and_is_counted(pair: Pair, publisher: Publisher) -> None:
    publisher.publish(percept())
    with Subscriber([address(publisher)], keys=pair.stranger) as subscriber:
        until(lambda: publisher.turned_away >= 1)
        assert not subscriber.receive(0.2).percepts and not subscriber.stats()


def test_no_key_gets_nothing_and_is_counted(publisher: Publisher) -> None:
    publisher.publish(percept())
    with Subscriber([address(publisher)]) as subscriber:
        until(lambda: publisher.turned_away >= 1)
        assert not subscriber.receive(0.2).percepts and not subscriber.stats()


def test_a_false_publisher_is_not_believed(pair: Pair) -> None:
    """One with another key than the robot's, and one that speaks without any."""
    with Publisher("tcp://127.0.0.1:*", "camera", 0.05, keys=pair.stranger) as other:
        other.publish(percept())
        with Subscriber([address(other, "rover")], keys=pair.agent) as subscriber:
            assert not subscriber.receive(0.5).heartbeats and not subscriber.stats()
    with Publisher("tcp://127.0.0.1:*", "camera", 0.05) as bare:
        bare.publish(percept())
        with Subscriber([address(bare, "rover")], keys=pair.agent) as subscriber:
            assert not subscriber.receive(0.5).heartbeats and not subscriber.stats()


def test_a_key_that_is_allowed_later_is_noticed(pair: Pair, tmp_path: Path) -> None:
    public = new_keys(tmp_path / "late")
    allow_key(tmp_path / "late", pair.robot.directory / "own.key", "rover")
    with Publisher("tcp://127.0.0.1:*", "camera", 0.05, keys=pair.robot) as publisher:
        ring = KeyRing.load(tmp_path / "late")
        with Subscriber([address(publisher)], keys=ring) as subscriber:
            until(lambda: publisher.turned_away >= 1)
            allow_key(pair.robot.directory, public, "late")
            wait_for(subscriber, lambda _, beats: beats, 20)
    (pair.robot.directory / "allowed/late.key").unlink()


def test_one_subscriber_hears_a_socket_file_and_a_guarded_port(
    pair: Pair, publisher: Publisher, tmp_path: Path
) -> None:
    with (
        Publisher(f"ipc://{tmp_path}/m", "microphone", 0.05) as near,
        Subscriber([address(publisher), near.endpoint], keys=pair.agent) as subscriber,
    ):
        wait_for(subscriber, lambda _, beats: {"camera", "microphone"} <= set(beats))


def test_garbage_at_a_guarded_port_harms_nobody(pair: Pair, publisher: Publisher) -> None:
    import socket

    host, port = "127.0.0.1", int(publisher.endpoint.rpartition(":")[2])
    for junk in (b"", b"GET / HTTP/1.0\r\n\r\n", b"\xff" * 5000, bytes(range(256)) * 40):
        with socket.create_connection((host, port), 5) as raw:
            raw.sendall(junk)
    with Subscriber([address(publisher)], keys=pair.agent) as subscriber:
        wait_for(subscriber, lambda _, beats: beats)


# --- without sockets ---


def test_only_keys_open_an_endpoint_to_other_machines(pair: Pair) -> None:
    with pytest.raises(BusError, match="keys new"):
        Publisher("tcp://0.0.0.0:*", "camera")
    with pytest.raises(BusError, match="keys new"):
        Subscriber(["tcp://192.168.1.4:5555"])
    with Subscriber(["tcp://192.168.1.4:5555"], keys=pair.agent):
        pass
    for endpoint in ("tcp://:5555", "tcp://a/b@:5", "tcp://0.0.0.0:99999"):
        with pytest.raises(BusError):
            Publisher(endpoint, "camera", keys=pair.robot)


def test_the_secret_key_is_for_its_owner_only(tmp_path: Path) -> None:
    directory = tmp_path / "k"
    public = new_keys(directory)
    secret = directory / "own.key_secret"
    assert stat.S_IMODE(secret.stat().st_mode) == 0o600
    assert stat.S_IMODE(directory.stat().st_mode) == 0o700
    assert b"secret-key" not in public.read_bytes()
    ring = KeyRing.load(directory)
    assert ring.secret.decode() not in repr(ring)
    secret.chmod(0o640)
    with pytest.raises(BusError, match=r"read by others \(mode 640\): chmod 600"):
        KeyRing.load(directory)
    with pytest.raises(ConfigurationError, match="keys already"):
        new_keys(directory)


def test_what_is_no_key_is_named(pair: Pair, tmp_path: Path) -> None:
    with pytest.raises(BusError, match="keys new"):
        KeyRing.load(tmp_path)
    directory = tmp_path / "k"
    new_keys(directory)
    for content in ("", 'curve\n    public-key = "short"\n', "\x00\xff"):
        (tmp_path / "bad.key").write_text(content)
        with pytest.raises(BusError, match="not a ZeroMQ key"):
            allow_key(directory, tmp_path / "bad.key")
    with pytest.raises(BusError, match="secret"):
        allow_key(directory, pair.agent.directory / "own.key_secret", "agent")
    with pytest.raises(ConfigurationError, match="--name"):
        allow_key(directory, pair.agent.directory / "own.key")
    assert allow_key(directory, pair.agent.directory / "own.key", "a") == "a"
    assert allow_key(directory, pair.agent.directory / "own.key", "a") == "a"
    with pytest.raises(ConfigurationError, match="another key"):
        allow_key(directory, pair.robot.directory / "own.key", "a")
    ring = KeyRing.load(directory)
    assert ring.server("") == ring.server("a") == pair.agent.public
    with pytest.raises(BusError, match="there: a"):
        ring.server("b")
    allow_key(directory, pair.robot.directory / "own.key", "b")
    with pytest.raises(BusError, match="whose key"):
        KeyRing.load(directory).server("")
    assert zmq.curve_public(ring.secret) == ring.public
