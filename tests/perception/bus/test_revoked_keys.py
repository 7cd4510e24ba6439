"""A key that is removed: its connections end, it is let in no more, and others go on."""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pytest
from fixtures.percepts import percept

from sensebind.agent.cli import main
from sensebind.errors import ConfigurationError, SenseBindError, SourceError
from sensebind.perception.bus.curve_keys import KeyRing, allow_key, new_keys, revoke_key
from sensebind.perception.bus.proxy import Proxy
from sensebind.perception.bus.pubsub import Publisher, Subscriber
from sensebind.perception.frames.service import FrameClient, FrameServer
from sensebind.perception.frames.store import FrameStore
from sensebind.perception.percept import Modality, Observation

WITHIN = 5.0  # seconds, as the documentation promises


@pytest.fixture
def keys(tmp_path: Path) -> dict[str, Path]:
    """A robot that allows two agents, who allow it."""
    found = {name: tmp_path / name for name in ("robot", "agent", "other")}
    for directory in found.values():
        new_keys(directory)
    for name in ("agent", "other"):
        allow_key(found["robot"], found[name] / "own.key", name)
        allow_key(found[name], found["robot"] / "own.key", "robot")
    return found


@pytest.fixture(params=["publisher", pytest.param("proxy", marks=pytest.mark.extended)])
def published(
    request: pytest.FixtureRequest, keys: dict[str, Path], tmp_path: Path
) -> Iterator[tuple[str, Callable[[], object]]]:
    """The address of a guarded publisher, and what makes it publish."""
    ring = KeyRing.load(keys["robot"])
    with ExitStack() as stack:
        if request.param == "publisher":
            source = guarded = stack.enter_context(
                Publisher("tcp://127.0.0.1:*", "camera", keys=ring)
            )
        else:
            source = stack.enter_context(Publisher(f"ipc://{tmp_path}/p", "camera"))
            guarded = stack.enter_context(Proxy([source.endpoint], "tcp://127.0.0.1:*", ring))
        address = guarded.endpoint.replace("tcp://", "tcp://robot@")
        yield address, lambda: source.publish(percept("camera"))


def hears(subscriber: Subscriber, publish: Callable[[], object], seconds: float) -> bool:
    """Whether anything comes within so many seconds."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        publish()
        if subscriber.receive(0.05).percepts:
            return True
    return False


def falls_silent(subscriber: Subscriber, publish: Callable[[], object]) -> bool:
    """Whether nothing comes any more, in time."""
    end = time.monotonic() + WITHIN
    while time.monotonic() < end:
        if not hears(subscriber, publish, 1.0):
            return True
    return False


def test_a_removed_key_hears_nothing_more_and_others_go_on(
    keys: dict[str, Path], published: tuple[str, Callable[[], object]]
) -> None:
    address, publish = published
    with (
        Subscriber([address], keys=KeyRing.load(keys["agent"])) as agent,
        Subscriber([address], keys=KeyRing.load(keys["other"])) as other,
    ):
        assert hears(agent, publish, 20) and hears(other, publish, 20)
        revoke_key(keys["robot"], "agent")
        assert falls_silent(agent, publish)
        with Subscriber([address], keys=KeyRing.load(keys["agent"])) as again:
            assert not hears(again, publish, 2.0)
        assert hears(other, publish, 20)
        assert not hears(agent, publish, 1.0)
        allow_key(keys["robot"], keys["agent"] / "own.key", "agent")
        assert hears(agent, publish, 20)


def test_a_robot_whose_key_is_removed_is_believed_no_more(
    keys: dict[str, Path], published: tuple[str, Callable[[], object]]
) -> None:
    address, publish = published
    with Subscriber([address], keys=KeyRing.load(keys["agent"])) as agent:
        assert hears(agent, publish, 20)
        revoke_key(keys["agent"], "robot")
        assert falls_silent(agent, publish)


def test_a_removed_key_gets_no_frame(keys: dict[str, Path], tmp_path: Path) -> None:
    image = np.zeros((8, 8, 3), np.uint8)
    observation = Observation(image, "camera", Modality.VISION, time.time_ns(), 0.0, 1, "c")
    ring = KeyRing.load(keys["robot"])
    with (
        FrameStore(tmp_path / "frames") as store,
        FrameServer(store, "tcp://127.0.0.1:*", ring) as server,
    ):
        reference = store.put(observation)
        address = server.endpoint.replace("tcp://", "tcp://robot@")
        with (
            FrameClient(address, KeyRing.load(keys["agent"]), timeout=1.0) as agent,
            FrameClient(address, KeyRing.load(keys["other"]), timeout=20.0) as other,
        ):
            until = time.monotonic() + 20
            while time.monotonic() < until:
                try:
                    assert agent.get(reference).stream == "camera"
                    break
                except SourceError:
                    continue
            revoke_key(keys["robot"], "agent")
            time.sleep(WITHIN / 2)
            with pytest.raises(SourceError, match="does it allow our key"):
                agent.get(reference)
            assert other.get(reference).stream == "camera"


def test_a_damaged_file_keeps_nobody_elses_key_alive(
    keys: dict[str, Path], published: tuple[str, Callable[[], object]]
) -> None:
    address, publish = published
    with Subscriber([address], keys=KeyRing.load(keys["agent"])) as agent:
        assert hears(agent, publish, 20)
        (keys["robot"] / "allowed/broken.key").write_text("not a key")
        revoke_key(keys["robot"], "agent")
        assert falls_silent(agent, publish)


def test_revoke_by_command(keys: dict[str, Path], capsys: pytest.CaptureFixture[str]) -> None:
    def run(*arguments: str) -> tuple[object, str]:
        with pytest.raises(SystemExit) as ended:
            main(["keys", *arguments, "--directory", str(keys["robot"])])
        captured = capsys.readouterr()
        return ended.value.code, captured.out + captured.err

    assert run("revoke", "agent") == (0, "agent is not allowed any more\n")
    code, text = run("revoke", "agent")
    assert code == 2 and "there: other" in text
    code, text = run("list")
    assert code == 0 and "agent" not in text and "other" in text
    for name in ("../own", "own", ""):
        with pytest.raises((ConfigurationError, SenseBindError)):
            revoke_key(keys["robot"], name)
    assert (keys["robot"] / "own.key").exists()
