"""Writes what a user of commit 118378e has on disk; `test_stored_formats.py` opens it.

    git worktree add /tmp/old 118378e
    PYTHONPATH=/tmp/old/src:/tmp/old/tests python tests/data/118378e/make.py OUTPUT

It runs with that commit's code alone, so its imports are not today's.
"""
# pyright: reportMissingImports=false, reportAttributeAccessIssue=false

import shutil
import sqlite3
import sys
from pathlib import Path

import numpy as np
from fixtures.scripted_chat import ScriptedChat, calls_once
from langchain_core.tools import tool

from sensebind.agent.assistant import Assistant
from sensebind.agent.chat_model import ChatSenseBind
from sensebind.agent.conditions import Sensed, SenseState, compose
from sensebind.agent.embedder import Embedder
from sensebind.checkpoints import default_checkpoint
from sensebind.memory.episodes import Episode, Moment
from sensebind.memory.store import EpisodeStore
from sensebind.memory.watch_book import WatchBook
from sensebind.memory.watches import Alert, Watch
from sensebind.perception.frames import FrameStore
from sensebind.perception.heartbeat import Heartbeat, encode_heartbeat
from sensebind.perception.keys import allow_key, new_keys
from sensebind.perception.percept import (
    Modality,
    Observation,
    Percept,
    PerceptHeader,
    encode_message,
)
from sensebind.perception.recording import Recorder
from sensebind.tools.detection import Where
from sensebind.tools.risk import Risk, labelled

NOON = 1_760_000_000_000_000_000
OUTPUT = Path(sys.argv[1])


class Room:
    """Senses that always perceive the same."""

    def condition(self, senses, dim):
        """What is perceived, in the form that a model is conditioned on."""
        sensed = (
            Sensed("sight", "camera", SenseState.PRESENT, f"frame:camera@{NOON}", NOON, 80.04),
            Sensed("hearing", "microphone", SenseState.STALE, "frame:microphone@1", 1, 9000.0),
            Sensed("scan", "lidar", SenseState.MISSING),
        )
        return compose({"vision": np.ones(dim)}, senses=senses, dim=dim, sensed=sensed)


@tool(response_format="content_and_artifact")
def detect(what: str):
    """Looks for an object."""
    return f"1 {what} (left)", {"what": what, "where": Where.LEFT, "frame": f"frame:camera@{NOON}"}


@tool
def lamp(on: bool) -> str:
    """Switches the lamp."""
    return "on" if on else "off"


def dialogs() -> None:
    """Three threads: one of our own model with senses, one with a tool, one that waits."""
    file = OUTPUT / "dialogs.sqlite"
    labelled(detect, Risk.OBSERVE)
    labelled(lamp, Risk.CHANGE)
    with Assistant(ChatSenseBind(), senses=Room(), thread="senses", dialogs=file) as talk:
        talk.ask("what do you see?")
        talk.ask("what do you hear?")
    scripted = ScriptedChat(script=calls_once("detect", what="dog"))
    with Assistant(scripted, [detect], thread="kitchen", dialogs=file) as talk:
        assert talk.ask("is there a dog?").tool_calls
    scripted = ScriptedChat(script=calls_once("lamp", on=True))
    with Assistant(scripted, [lamp], thread="waiting", dialogs=file) as talk:
        talk.ask("light, please")
        assert [one.tool for one in talk.pending()] == ["lamp"]
    compact(file)


def compact(file: Path) -> None:
    """Bring a database into one small file."""
    with sqlite3.connect(file) as database:
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        database.execute("PRAGMA journal_mode = DELETE")
    database.execute("VACUUM")
    database.close()


def memory() -> None:
    """Two episodes, a watch and an alert."""
    embedder = Embedder(default_checkpoint())
    file = OUTPUT / "memory.sqlite"
    with EpisodeStore(file) as store:
        for number, what in enumerate(("a dog", "a radio")):
            begin = NOON + 60_000_000_000 * number
            moment = Moment(begin, f"frame:camera@{begin}", embedder.text(what))
            end = begin + 5_000_000_000
            episode = Episode("camera", "vision", embedder.model, begin, end, 40, (moment,))
            store.describe(store.put(episode), f"I see {what}.")
        book = WatchBook(store)
        watch = Watch("a dog", embedder.text("a dog"), embedder.model, "vision")
        book.add(watch)
        alert = Alert(watch, "camera", NOON, f"frame:camera@{NOON}", 0.9, 0.5)
        book.note(alert, "said")
    compact(file)


def sample(modality: Modality) -> tuple[np.ndarray, int]:
    """A small sample that lossless formats pack well."""
    if modality is Modality.VISION:
        return np.full((24, 32, 3), 120, np.uint8), 0
    if modality is Modality.AUDIO:
        return np.linspace(-0.5, 0.5, 32_000, dtype=np.float32).round(2), 16_000
    return np.arange(30, dtype=np.float32).reshape(10, 3), 0


def perception() -> None:
    """Frames, a recording, a percept and a heartbeat, keys."""
    senses = {"camera": Modality.VISION, "microphone": Modality.AUDIO, "lidar": Modality.POINT}
    recorder = Recorder(OUTPUT / "drive.mcap")
    with FrameStore(OUTPUT / "frames") as store:
        for stream, modality in senses.items():
            data, rate = sample(modality)
            one = Observation(data, stream, modality, NOON, 10.0, 1, f"{stream}_frame", rate)
            store.put(one)
            recorder.observe(one)
    recorder.close()
    for file in (OUTPUT / "frames").glob("*.frames"):
        compact(file)
    embedding = np.zeros(8, np.float32)
    embedding[3] = 1
    header = PerceptHeader(
        stream="rover.camera",
        modality=Modality.VISION,
        sequence=7,
        captured_at=NOON,
        published_at=NOON + 5,
        monotonic=10.0,
        frame_id="camera_optical",
        shape=(8,),
        model="0123",
        cache="k=10",
        observation=f"frame:camera@{NOON}",
        encode_ms=12.5,
        epoch="e",
    )
    wire = OUTPUT / "wire"
    wire.mkdir()
    for number, part in enumerate(encode_message(Percept(header, embedding, b"jpeg"))):
        (wire / f"percept.{number}").write_bytes(part)
    beat = Heartbeat(stream="rover.camera", epoch="e", sequence=7, monotonic=10.0, rate=8.0)
    for number, part in enumerate(encode_heartbeat(beat)):
        (wire / f"heartbeat.{number}").write_bytes(part)
    new_keys(OUTPUT / "keys")
    other = OUTPUT / "other"
    allow_key(OUTPUT / "keys", new_keys(other), "station")
    shutil.rmtree(other)


def configurations() -> None:
    """The files of a checkpoint that say what it is, and a robot.yaml with every section."""
    for name in (
        "config.json",
        "imagebind/config.json",
        "imagebind/preprocessor_config.json",
        "visual_cache/cache.json",
    ):
        target = OUTPUT / "checkpoint" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(default_checkpoint() / name, target)
    (OUTPUT / "robot.yaml").write_text(ROBOT)


ROBOT = """\
name: rover
cache: {k: 5, temperature: 10, weight: 0.4}
simhome: {seed: 7180, port: 5601}
streams:
  camera: {source: simhome, rate: 8, process: eyes, threshold: 0.05, refresh: 0.5, enhance: true}
  microphone: {source: {source: simhome, hop: 2}, load: 0.5, max_age: 2, reopen: 9, threads: 2}
  lidar: {source: simhome, segment: false, sensor_height: 0.5, max_memory_mb: 900}
bus: {listen: "tcp://127.0.0.1:7000", frames: "tcp://127.0.0.1:7001", keys: keys}
frames: {directory: frames, max_mb: 256, max_hours: 2}
metrics: {port: 9464, host: 127.0.0.1}
rerun: {file: drive.rrd, rate: 2}
"""

if __name__ == "__main__":
    OUTPUT.mkdir(parents=True, exist_ok=True)
    dialogs()
    memory()
    perception()
    configurations()
