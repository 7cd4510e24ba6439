"""What a user has on disk stays readable: files of commit 118378e, and of versions to come.

`data/118378e/make.py` wrote the files with that commit's own code.
"""

import json
import os
import shutil
import sqlite3
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from fixtures.scripted_chat import ScriptedChat, calls_once
from langchain_core.messages import ToolMessage
from langchain_core.tools import tool
from mcap.writer import Writer
from pydantic import ValidationError

from sensebind.agent.approval import Decision
from sensebind.agent.assistant import Assistant, Finished
from sensebind.agent.gated_llama.loading import read_config as read_llama_config
from sensebind.agent.robot.config_file import read_config
from sensebind.agent.threads import Dialogs
from sensebind.errors import (
    CheckpointError,
    ConfigurationError,
    InputError,
    MessageError,
    SenseBindError,
    StorageError,
)
from sensebind.memory.episode_store import EpisodeStore
from sensebind.memory.episodes import Near, Query
from sensebind.memory.recall import EpisodeMemory
from sensebind.memory.watch_store import WatchBook
from sensebind.perception.bus.curve_keys import KeyRing
from sensebind.perception.bus.heartbeat import decode_heartbeat
from sensebind.perception.frames.recording import Recording
from sensebind.perception.frames.store import FrameStore
from sensebind.perception.geometry.pose import Pose
from sensebind.perception.imagebind.config import ImageBindConfig
from sensebind.perception.percept import Modality, Observation, decode_message
from sensebind.tools.risk import Risk, labelled

OLD = Path(__file__).parent / "data" / "118378e"
NOON = 1_760_000_000_000_000_000
NEWER = "newer version of SenseBind"


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    """A copy of what the user has, with the modes that git does not keep."""
    folder = tmp_path / "kept"
    shutil.copytree(OLD, folder)
    for path in (folder / "keys", folder / "keys" / "allowed"):
        path.chmod(0o700)
    (folder / "keys" / "own.key_secret").chmod(0o600)
    (folder / "robot.yaml").chmod(0o600)
    return folder


def stamped(path: Path, version: int) -> Path:
    """The file with another version."""
    with sqlite3.connect(path) as database:
        database.execute(f"PRAGMA user_version = {version}")
    database.close()
    return path


def version_of(path: Path) -> int:
    with sqlite3.connect(path) as database:
        [found] = database.execute("PRAGMA user_version").fetchone()
    database.close()
    return found


def refused(kind: type[SenseBindError], error: pytest.ExceptionInfo[SenseBindError]) -> None:
    assert isinstance(error.value, kind)
    assert len(str(error.value).splitlines()) == 1 and NEWER in str(error.value), error.value


@tool
def lamp(on: bool) -> str:
    """Switches the lamp."""
    return "on" if on else "off"


labelled(lamp, Risk.CHANGE)


def test_dialogs(kept: Path) -> None:
    file = kept / "dialogs.sqlite"
    assert version_of(file) == 0
    with Dialogs(file) as dialogs:
        assert {one.name: one.turns for one in dialogs.threads()} == {"senses": 2, "kitchen": 1}
        [first, second] = dialogs.turns("senses")
        assert (first["user"], second["user"]) == ("what do you see?", "what do you hear?")
        assert [one["state"] for one in first["percepts"]] == ["present", "stale", "missing"]
        [turn] = dialogs.turns("kitchen")
        assert turn["tool_calls"][0]["result"] == "1 dog (left)"
    assert version_of(file) == 1
    with Assistant(ScriptedChat(script=calls_once("lamp")), thread="kitchen", dialogs=file) as one:
        shown = one.history.messages()
        assert [message.type for message in shown] == ["human", "ai", "tool", "ai"]
        [result] = [message for message in shown if isinstance(message, ToolMessage)]
        assert result.artifact["where"] == "left"  # an enumeration of 118378e


def test_a_call_that_waits_for_approval_can_be_approved(kept: Path) -> None:
    chat = ScriptedChat(script=calls_once("lamp", on=True))
    with Assistant(chat, [lamp], thread="waiting", dialogs=kept / "dialogs.sqlite") as one:
        [waiting] = one.pending()
        assert (waiting.tool, waiting.arguments) == ("lamp", {"on": True})
        *_, last = one.decide([Decision("approve", request=waiting.id)])
        assert isinstance(last, Finished)
        assert [(c.name, c.result) for c in last.record.tool_calls] == [("lamp", "on")]
        assert one.pending() == []


def test_memory_and_watches(kept: Path) -> None:
    file = kept / "memory.sqlite"
    assert version_of(file) == 1
    with EpisodeStore(file) as store:
        episodes = store.episodes(store.ids().tolist(), moments=True)
        assert [one.description for one in episodes.values()] == ["I see a dog.", "I see a radio."]
        book = WatchBook(store)
        [watch] = book.watches()
        assert (watch.name, watch.modality) == ("a dog", "vision")
        [alert] = book.alerts()
        assert (alert.watch, alert.at, alert.outcome) == ("a dog", NOON, "said")
        dog = episodes[min(episodes)]
    assert version_of(file) == 2
    with EpisodeMemory(file) as memory:
        [best, *_] = memory.search(Query(dog.moments[0].embedding, model=dog.model))
        assert best.reference == f"frame:camera@{NOON}"
        assert best.pose is None  # nobody knew then
        assert memory.search(Query(dog.moments[0].embedding, near=Near(0.0, 0.0, 1.0))) == []
        placed = replace(dog.moments[0], pose=Pose(1.0, 2.0, 0.5))
        memory.store.put(replace(dog, id=0, moments=(placed,)))
        [found] = memory.search(Query(dog.moments[0].embedding, near=Near(1.0, 2.0, 0.1)))
        assert found.pose == Pose(1.0, 2.0, 0.5)


def test_frames(kept: Path) -> None:
    with FrameStore(kept / "frames") as store:
        for stream, modality in (("camera", "vision"), ("microphone", "audio"), ("lidar", "point")):
            assert version_of(kept / "frames" / f"{stream}.frames") == 0
            frame = store.get(f"frame:{stream}@{NOON}")
            assert (frame.modality, frame.frame_id) == (modality, f"{stream}_frame")
            assert frame.decode().size
            assert version_of(kept / "frames" / f"{stream}.frames") == 1
        points = store.get(f"frame:lidar@{NOON}").decode()
    np.testing.assert_array_equal(points, np.arange(30, dtype=np.float32).reshape(10, 3))


def test_a_recording(kept: Path) -> None:
    recording = Recording(kept / "drive.mcap")
    assert recording.streams() == {
        "camera": Modality.VISION,
        "microphone": Modality.AUDIO,
        "lidar": Modality.POINT,
    }
    found = {one.entry.stream: one.entry for one in recording if isinstance(one.entry, Observation)}
    assert (found["camera"].data == 120).all() and found["camera"].data.shape == (24, 32, 3)
    assert found["microphone"].rate == 16_000 and len(found["microphone"].data) == 32_000
    assert {one.captured_at for one in found.values()} == {NOON}


def wire(kept: Path, name: str) -> list[bytes]:
    return [path.read_bytes() for path in sorted((kept / "wire").glob(f"{name}.*"))]


def test_messages_of_the_bus(kept: Path) -> None:
    percept = decode_message(wire(kept, "percept"))
    header = percept.header
    assert (header.stream, header.modality, header.sequence) == ("rover.camera", "vision", 7)
    assert (header.captured_at, header.cache, header.encode_ms) == (NOON, "k=10", 12.5)
    assert percept.payload == b"jpeg" and percept.embedding.tolist() == [0, 0, 0, 1, 0, 0, 0, 0]
    beat = decode_heartbeat(wire(kept, "heartbeat"))
    assert (beat.stream, beat.sequence, beat.state, beat.rate) == ("rover.camera", 7, "running", 8)


def test_keys(kept: Path) -> None:
    assert list(KeyRing.load(kept / "keys").allowed.values()) == ["station"]


def test_a_robot(kept: Path) -> None:
    config = read_config(kept / "robot.yaml")
    assert set(config.stream_names.values()) == {"rover.camera", "rover.microphone", "rover.lidar"}
    workers = {one.stream: one for one in config.workers()}
    eyes, ears = workers["rover.camera"], workers["rover.microphone"]
    assert (eyes.process, eyes.threshold, eyes.refresh, eyes.rate) == ("eyes", 0.05, 0.5, 8)
    assert (ears.load, ears.max_age, ears.reopen, ears.threads) == (0.5, 2, 9, 2)
    assert workers["rover.lidar"].max_memory == 900 << 20
    assert config.metrics and config.metrics.port == 9464
    assert config.frame_spec.max_age == 2 * 3600


def test_a_checkpoint(kept: Path) -> None:
    config = read_llama_config(kept / "checkpoint")
    assert (config.slots, config.senses) == (3, ["sight", "hearing", "scan"])
    text = (kept / "checkpoint" / "imagebind" / "config.json").read_text()
    assert set(ImageBindConfig.from_json(text).trunks) >= {"vision", "text", "audio"}


# --- versions to come ---


@pytest.mark.parametrize("name", ["dialogs", "memory"])
def test_a_newer_database_is_refused_and_left_alone(kept: Path, name: str) -> None:
    file = stamped(kept / f"{name}.sqlite", 2 if name == "dialogs" else 3)
    before = file.read_bytes()
    opened: Any = Dialogs if name == "dialogs" else EpisodeStore
    with pytest.raises(StorageError) as error:
        opened(file)
    refused(StorageError, error)
    assert str(file) in str(error.value) and file.read_bytes() == before


def test_newer_frames_are_refused_and_left_alone(kept: Path) -> None:
    stamped(kept / "frames" / "camera.frames", 2)
    with FrameStore(kept / "frames") as store:
        with pytest.raises(StorageError) as error:
            store.get(f"frame:camera@{NOON}")
        refused(StorageError, error)
        assert store.get(f"frame:lidar@{NOON}")
    assert not list((kept / "frames").glob("*.damaged"))


def test_a_newer_recording_is_refused(tmp_path: Path) -> None:
    with (tmp_path / "new.mcap").open("wb") as file:
        writer = Writer(file)
        writer.start(profile="", library="sensebind")
        about = {"sensebind": "2", "stream": "camera", "modality": "vision"}
        channel = writer.register_channel("/camera", "protobuf", 0, about)
        writer.add_message(channel, log_time=1, data=b"", publish_time=1)
        writer.finish()
    for read in (Recording.streams, list):
        with pytest.raises(InputError) as error:
            read(Recording(tmp_path / "new.mcap"))
        refused(InputError, error)


@pytest.mark.parametrize("version", [0, 2])
@pytest.mark.parametrize("name", ["percept", "heartbeat"])
def test_messages_of_another_version_are_refused(kept: Path, name: str, version: int) -> None:
    parts = wire(kept, name)
    header = msgspec.msgpack.decode(parts[1])
    parts[1] = msgspec.msgpack.encode(header | {"version": version})
    decode: Any = decode_message if name == "percept" else decode_heartbeat
    with pytest.raises(MessageError, match="version") as error:
        decode(parts)
    assert len(str(error.value).splitlines()) == 1


def test_a_newer_checkpoint_is_refused(kept: Path) -> None:
    for path in (kept / "checkpoint/config.json", kept / "checkpoint/imagebind/config.json"):
        fields = json.loads(path.read_text())
        path.write_text(json.dumps(fields | {"format_version": 2}))
    with pytest.raises(CheckpointError) as error:
        read_llama_config(kept / "checkpoint")
    refused(CheckpointError, error)
    with pytest.raises(ConfigurationError) as error:
        ImageBindConfig.from_json((kept / "checkpoint/imagebind/config.json").read_text())
    refused(ConfigurationError, error)


def test_what_is_written_today_bears_its_version(tmp_path: Path) -> None:
    Dialogs(tmp_path / "dialogs.sqlite").close()
    EpisodeStore(tmp_path / "memory.sqlite").close()
    with FrameStore(tmp_path) as store:
        image = np.zeros((8, 8, 3), np.uint8)
        store.put(Observation(image, "camera", Modality.VISION, NOON, 1.0, 1, ""))
    for name, version in (("dialogs.sqlite", 1), ("memory.sqlite", 2), ("camera.frames", 1)):
        assert version_of(tmp_path / name) == version
    assert json.loads(ImageBindConfig().to_json())["format_version"] == 1
    config = read_llama_config(OLD / "checkpoint")
    config.save_pretrained(os.fspath(tmp_path))
    assert json.loads((tmp_path / "config.json").read_text())["format_version"] == 1
    with pytest.raises(ValidationError):
        ImageBindConfig(format_version=2)
