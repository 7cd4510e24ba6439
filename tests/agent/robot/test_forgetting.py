"""Forgetting: what is forgotten can be found nowhere, to the last byte, and the rest stays."""

import json
import re
import shutil
import sqlite3
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

import numpy as np
import pytest
from fixtures.scripted_chat import ScriptedChat, calls
from fixtures.waiting import until
from langchain_core.messages import AIMessage, BaseMessage, ToolMessage
from langchain_core.tools import StructuredTool

from sensebind.agent.approval import Decision
from sensebind.agent.approval.audit import AuditLog, read_audit
from sensebind.agent.approval.rates import Rates
from sensebind.agent.assistant import Assistant
from sensebind.agent.cli.forget import forget as command
from sensebind.agent.results.kept import READ
from sensebind.agent.robot.config import RobotConfig
from sensebind.agent.robot.config_file import parse_config
from sensebind.agent.robot.forgetting import (
    dialogs_of,
    forget,
    note_data_set,
    note_dialogs,
    note_recording,
    recordings_of,
)
from sensebind.agent.robot.pausing import pauses_of
from sensebind.agent.robot.sections import RerunConfig
from sensebind.agent.robot.stores import ROOTS, STORES, as_table, owner_of
from sensebind.agent.threads import Dialogs
from sensebind.agent.turn_lock import TurnLock
from sensebind.errors import InputError, StorageError
from sensebind.memory.episode_store import EpisodeStore
from sensebind.memory.episodes import Episode, Moment
from sensebind.memory.recorder import Recorder
from sensebind.memory.watch_store import WatchBook
from sensebind.memory.watches import Alert, Watch
from sensebind.perception.frames.recorded_poses import poses_in
from sensebind.perception.frames.recording import Recorder as Recording
from sensebind.perception.frames.recording import Recording as Recorded
from sensebind.perception.frames.recording_edit import erase_entries
from sensebind.perception.frames.store import FrameStore
from sensebind.perception.geometry.pose import Pose
from sensebind.perception.percept import Modality, Observation, Percept, PerceptHeader
from sensebind.perception.storage.spans import FOREVER, Span, last
from sensebind.tools.risk import Risk, label

MARK = "MARKED-7f3a9c"
NOW = time.time_ns()
HOUR = 3600 * 10**9
LATELY, LONG_AGO = NOW - HOUR // 2, NOW - 5 * HOUR
ROOT = Path(__file__).parents[3]


def unlike(seed: int) -> np.ndarray:
    vector = np.random.default_rng(seed).standard_normal(1024).astype(np.float32)
    return vector / np.linalg.norm(vector)


SECRET = unlike(7)
VECTOR = SECRET.astype("<f2").tobytes()[100:140]


@dataclass
class Fake:
    """A robot's state, as its parts write it."""

    config: RobotConfig
    recording: Path
    file: Path
    ids: dict[str, str] = field(default_factory=dict)

    @property
    def state(self) -> Path:
        return self.config.state_directory

    def files(self) -> list[Path]:
        return [p for p in [*self.state.rglob("*"), self.recording] if p.is_file()]

    def where(self, *wanted: bytes) -> set[str]:
        """Names of the files that hold one of some bytes, or bear it in their name."""
        found = set()
        for path in self.files():
            content = path.read_bytes() + path.name.encode()
            if any(one in content for one in wanted):
                found.add(path.name)
        return found


def observation(at: int, words: str, seed: int) -> Observation:
    image = np.random.default_rng(seed).integers(0, 255, (48, 64, 3), dtype=np.uint8)
    return Observation(image, "rover.camera", Modality.VISION, at, at / 1e9, 1, words)


def seen(at: int, words: str, embedding: np.ndarray) -> Percept:
    header = PerceptHeader(
        stream="rover.camera",
        modality=Modality.VISION,
        sequence=1,
        captured_at=at,
        published_at=0,
        monotonic=at / 1e9,
        shape=(1024,),
        model="m",
        observation=f"frame:rover.camera@{at}",
        frame_id=words,
    )
    return Percept(header, embedding)


@pytest.fixture
def robot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Fake:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    file = tmp_path / "robot.yaml"
    file.write_text("name: rover\nstreams: {camera: {source: 'camera:0'}}\nmemory: {}\n")
    config = parse_config(file.read_text()).located(file)
    fake = Fake(config, tmp_path / "walk.mcap", file)
    times = {"old": (LONG_AGO, "harmless", 8), "mine": (LATELY, MARK, 7)}
    with FrameStore(config.frame_spec.directory, wall_ns=lambda: LONG_AGO) as frames:
        for at, words, seed in times.values():
            payload = words.encode() * 3000 if words == MARK else None
            frames.put(observation(at, words, seed), payload)
        frames.put(observation(LATELY + 1, "x", 3), MARK.encode() * 5000)
        frames.put(observation(LATELY + 1, "x", 3))  # takes its place; its bytes are still there
    (config.frame_spec.directory / "rover.camera.frames.damaged").write_text(MARK)
    with EpisodeStore(config.memory_file) as store:
        book = WatchBook(store)
        watch = Watch("a dog", unlike(1))
        book.add(watch)
        for at, words, seed in times.values():
            moment = Moment(at, f"frame:rover.camera@{at}", unlike(seed))
            episode = Episode("rover.camera", "vision", "m", at, at + 10**9, 3, (moment,))
            store.describe(store.put(episode), words)
            book.note(Alert(watch, "rover.camera", at, f"frame:rover.camera@{at}", 0.9, 0.5), words)
    for name, (at, words, _) in times.items():
        fake.ids[name] = talk(fake, at, words)
    Rates(fake.state).take("move", 5)
    pauses_of(config).write([])
    note_recording(config, fake.recording)
    with Recording(fake.recording) as recorder:
        for at, words, seed in times.values():
            recorder.observe(observation(at, words, seed))
            recorder.perceive(seen(at, words, unlike(seed)))
            recorder.place(Pose(1.0, 2.0, 0.0, f"odom:{words}"), at)
    return fake


def talk(fake: Fake, at: int, words: str, ends: bool = True) -> str:
    """A turn at a time, with an answer of a tool that is too long; returns its id."""
    tool = StructuredTool.from_function(
        lambda what: f"{what} " * 3000, name="say", description="says", metadata=label(Risk.CHANGE)
    )

    def script(messages: list[BaseMessage]) -> AIMessage:
        if isinstance(messages[-1], ToolMessage):
            return AIMessage(f"{words} it was")
        return calls(("say", {"what": words}))

    chat = ScriptedChat(script=script)
    with (
        Assistant(
            chat,
            [tool],
            dialogs=fake.state / "dialogs.sqlite",
            audit=fake.state / "audit.jsonl",
            approve=(lambda _: Decision("approve")) if ends else None,
        ) as one,
        pytest.MonkeyPatch.context() as clock,
    ):
        clock.setattr(time, "time", lambda: at / 1e9)
        clock.setattr(time, "time_ns", lambda: at)
        record = one.ask(f"{words}?")
    assert not record.error, record.error
    with sqlite3.connect(fake.state / "dialogs.sqlite") as file:
        file.execute("UPDATE turns SET at = ? WHERE id = ?", (at / 1e9, record.id))
    return record.id


def test_every_file_has_an_owner_and_the_page_says_what_there_is(robot: Fake) -> None:
    for path in robot.state.rglob("*"):
        if path.is_file():
            assert owner_of(PurePosixPath(path.relative_to(robot.state))), f"nobody owns {path}"
    assert owner_of(PurePosixPath("faces.sqlite")) is None
    assert owner_of(PurePosixPath("frames/x/y.frames")) is None
    assert as_table() in (ROOT / "docs" / "privacy.md").read_text(encoding="utf-8")
    assert {one.root for one in STORES} == set(ROOTS)


def test_what_the_code_puts_into_the_state_directory_has_an_owner() -> None:
    named = set()
    for top in ("agent", "perception", "memory", "tools"):
        for file in (ROOT / top).rglob("*.py"):
            source = file.read_text(encoding="utf-8")
            named |= set(re.findall(r"\bstate(?:_directory)? / \"([^\"]+)\"", source))
    owned = {PurePosixPath(one).parts[0] for s in STORES if s.root == "state" for one in s.files}
    assert {"dialogs.sqlite", "audit.jsonl", "frames", "server"} <= named
    assert named - {"sensebind"} <= owned  # the folder of all robots


SPANS = {
    "all": [Span()],
    "the last hour": [last("1h", NOW)],
    "between": [Span(LATELY - HOUR, LATELY + HOUR)],
}


@pytest.mark.parametrize("name", SPANS)
def test_no_byte_of_what_is_forgotten_is_left(robot: Fake, name: str) -> None:
    everywhere = robot.where(MARK.encode(), VECTOR)
    assert {"rover.camera.frames", "memory.sqlite", "audit.jsonl", "walk.mcap"} <= everywhere
    assert any(one.startswith("dialogs.sqlite") for one in everywhere)
    planned = forget(robot.config, SPANS[name], dry=True)
    assert forget(robot.config, SPANS[name], dry=True) == planned  # and nothing has gone
    assert {one.removesuffix("-wal") for one in robot.where(MARK.encode(), VECTOR)} == {
        one.removesuffix("-wal") for one in everywhere
    }
    assert forget(robot.config, SPANS[name]) == planned
    assert robot.where(MARK.encode(), VECTOR) == set()
    assert planned["frames of rover.camera"] == (3 if name == "all" else 2)
    with Dialogs(robot.state / "dialogs.sqlite") as dialogs:
        left = [] if name == "all" else list(dialogs.turns("default"))
        assert [turn["user"] for turn in left] == ([] if name == "all" else ["harmless?"])
    log = read_audit(robot.state / "audit.jsonl")
    acts = [one["event"] for one in log if one.get("tool") == "say"]
    assert acts.count("started") == acts.count("finished") == 2  # that it acted stays
    assert all("ns" in one for one in log)


def test_what_is_not_forgotten_is_as_it_was(robot: Fake) -> None:
    with Recording(robot.recording.with_name("twin.mcap")) as twin:
        twin.observe(observation(LONG_AGO, "harmless", 8))
        twin.perceive(seen(LONG_AGO, "harmless", unlike(8)))
    forget(robot.config, [last("1h", NOW)])
    with FrameStore(robot.config.frame_spec.directory) as frames:
        [reference] = frames.references("rover.camera")
        assert frames.get(reference).frame_id == "harmless"
    with EpisodeStore(robot.config.memory_file) as store:
        [number] = store.ids().tolist()
        assert store.episodes([number])[number].description == "harmless"
        book = WatchBook(store)
        assert [one.outcome for one in book.alerts()] == ["harmless"]
        assert [one.name for one in book.watches()] == ["a dog"]
    with Assistant(
        ScriptedChat(script=lambda m: AIMessage(" ".join(one.type for one in m))),
        dialogs=robot.state / "dialogs.sqlite",
    ) as again:
        said = [str(one.text)[:9] for one in again.history.messages()]
        assert said == ["harmless?", "", "harmless ", "harmless "]
        assert again.ask("and?").assistant == "system human ai tool ai human"
    kept = list(Recorded(robot.recording))
    assert not Recorded(robot.recording).cut and len(kept) == 2
    assert list(poses_in(robot.recording)) == [(LONG_AGO, Pose(1.0, 2.0, 0.0, "odom:harmless"))]
    for ours, theirs in zip(kept, Recorded(robot.recording.with_name("twin.mcap")), strict=True):
        if isinstance(ours.entry, Observation):
            assert np.array_equal(ours.entry.data, theirs.entry.data)  # type: ignore[union-attr]
            assert ours.entry.captured_at == LONG_AGO
    assert recordings_of(robot.config) == [robot.recording]
    assert [one.get("arguments") for one in read_audit(robot.state / "audit.jsonl")].count(
        {"what": "harmless"}
    )


def test_turns_that_cite_a_forgotten_frame_go_whenever_they_were_taken(robot: Fake) -> None:
    reference = f"frame:rover.camera@{LATELY}"
    with Dialogs(robot.state / "dialogs.sqlite") as dialogs:
        dialogs.add("other", "t1", {"user": "who?", "at": LONG_AGO / 1e9, "saw": reference})
        dialogs.add("other", "t2", {"user": "what?", "at": LATELY / 1e9})
        span = Span(LATELY - 5, LATELY + 5, "rover.camera")
        found = dialogs.erase([span])
        assert ("other", "t1") in found.turns and ("other", "t2") not in found.turns
        assert [turn["user"] for turn in dialogs.turns("other")] == ["what?"]
        assert not dialogs.erase([Span(LATELY - 5, LATELY + 5, "rover.lidar")]).turns


def test_a_turn_that_waits_for_a_person_goes_with_its_dialog(robot: Fake) -> None:
    talk(robot, LATELY, MARK, ends=False)
    forget(robot.config, [last("1h", NOW)])
    assert robot.where(MARK.encode()) == set()
    talk(robot, NOW, "again")


def test_what_a_recorder_holds_does_not_come_back(robot: Fake) -> None:
    with Recorder(robot.config.memory_file) as recorder:
        for n in range(40):
            recorder(seen(LATELY + n * 10**8, MARK, SECRET))
        until(lambda: recorder.counts.percepts == 40)
        recorder.erase([last("1h", NOW)])
        for n in range(40):
            recorder(seen(NOW + HOUR + n * 10**8, "later", unlike(9)))
        until(lambda: recorder.counts.percepts == 80)
    assert robot.where(VECTOR) - {"walk.mcap"} == set()
    with EpisodeStore(robot.config.memory_file) as store:
        episodes = store.episodes(store.ids().tolist()).values()
        assert [one.started_at for one in episodes] == [LONG_AGO, NOW + HOUR]


def test_locks_are_respected(robot: Fake) -> None:
    with (
        Recorder(robot.config.memory_file),
        pytest.raises(StorageError, match="has a writer already"),
    ):
        forget(robot.config, [Span()])
    with (
        TurnLock("default", robot.state / "dialogs.sqlite").turn(),
        pytest.raises(InputError, match="is running in another process"),
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setattr("sensebind.agent.threads._TURN_PATIENCE", 0.1)
        forget(robot.config, [Span()])
    path = robot.recording.with_name("now.mcap")
    with Recording(path) as recorder:
        recorder.observe(observation(LATELY, MARK, 1))
        recorder._writer.flush()  # type: ignore[attr-defined]
        recorder._file.flush()
        with pytest.raises(StorageError, match="is being recorded"):
            erase_entries(path, [Span()])
    assert erase_entries(path, [Span()]) == 1


def test_a_log_that_is_written_meanwhile_loses_no_record(tmp_path: Path) -> None:
    path, stop, written = tmp_path / "audit.jsonl", threading.Event(), [0, 0]

    def write(number: int) -> None:
        with_log = AuditLog(path)
        while not stop.is_set():
            with_log.write("started", tool="drive", arguments={"to": MARK}, number=number)
            written[number] += 1
        with_log.close()

    writers = [threading.Thread(target=write, args=(n,)) for n in range(2)]
    for one in writers:
        one.start()
    log = AuditLog(path)
    for _ in range(10):
        time.sleep(0.02)
        log.redact(lambda record, line: True)
    stop.set()
    for one in writers:
        one.join()
    log.redact(lambda record, line: True)
    assert len(read_audit(path)) == sum(written)
    assert MARK.encode() not in path.read_bytes()
    assert [one.name for one in tmp_path.iterdir()] == ["audit.jsonl"]


def test_the_command_shows_and_asks(
    robot: Fake, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(InputError, match="say what to forget"):
        command(robot.file)
    with pytest.raises(InputError, match="say what to forget"):
        command(robot.file, last="1h", everything=True)
    with pytest.raises(InputError, match="not a duration"):
        command(robot.file, last="soon")
    with pytest.raises(InputError, match="say --yes"):
        command(robot.file, last="1h")
    assert "2 frames of rover.camera" in capsys.readouterr().out and robot.where(MARK.encode())
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("builtins.input", lambda _: "n")
    assert command(robot.file, last="1h") == 1 and robot.where(MARK.encode())
    extra = robot.recording.with_name("extra.mcap")
    with Recording(extra) as recorder:
        recorder.observe(observation(LATELY, MARK, 1))
    capsys.readouterr()
    assert command(robot.file, last="1h", recording=[extra], yes=True, as_json=True) == 0
    told = json.loads(capsys.readouterr().out)["forgotten"]
    assert told[f"entries of {extra}"] == 1 and told["entries of " + str(robot.recording)] == 3
    assert robot.where(MARK.encode()) == set() and MARK.encode() not in extra.read_bytes()
    assert command(robot.file, last="1h", yes=True) == 0
    assert capsys.readouterr().out == "nothing forgotten\n"


def test_frames_can_be_kept_nowhere(robot: Fake) -> None:
    text = robot.file.read_text() + "frames: {keep: none}\n"
    config = parse_config(text).located(robot.file)
    assert config.frames is None and config.frames_endpoint == ""
    [worker] = config.workers()
    assert worker.frames is None
    kept = parse_config(robot.file.read_text()).located(robot.file).workers()[0].frames
    assert kept is not None
    with pytest.raises(Exception, match="keep"):
        parse_config(text.replace("none", "some"))


@pytest.mark.parametrize(
    ("text", "seconds"), [("90s", 90), ("1.5h", 5400), ("2 d", 172_800), ("1W", 604_800)]
)
def test_durations(text: str, seconds: int) -> None:
    assert last(text, NOW) == Span(NOW - seconds * 10**9, FOREVER)


def test_dialogs_that_lie_elsewhere_are_forgotten_too(robot: Fake, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere" / "mine.sqlite"
    elsewhere.parent.mkdir()
    note_dialogs(robot.config, robot.state / "dialogs.sqlite")
    assert dialogs_of(robot.config) == []  # its own needs no note
    note_dialogs(robot.config, elsewhere)
    note_dialogs(robot.config, elsewhere)
    assert dialogs_of(robot.config) == [elsewhere]
    with Dialogs(elsewhere) as dialogs:
        dialogs.add("default", "t1", {"user": MARK, "at": LATELY / 1e9})
        dialogs.add("default", "t2", {"user": "harmless", "at": LONG_AGO / 1e9})
        planned = forget(robot.config, [last("1h", NOW)], dry=True, dialogs=dialogs)
        assert forget(robot.config, [last("1h", NOW)], dialogs=dialogs) == planned
        assert planned["turns"] == 2  # that of the robot's own file, and this one
        assert [turn["user"] for turn in dialogs.turns("default")] == ["harmless"]
    assert MARK.encode() not in b"".join(
        one.read_bytes() for one in elsewhere.parent.iterdir() if one.is_file()
    )
    assert robot.where(MARK.encode()) == set()
    with Dialogs(elsewhere) as dialogs:
        dialogs.add("default", "t3", {"user": MARK, "at": LATELY / 1e9})
    assert forget(robot.config, [Span()])["turns"] == 3  # with the robot's own old one
    # On a disk that is not mounted now: it is said, and stays on the list.
    shutil.rmtree(elsewhere.parent)
    note_dialogs(robot.config, tmp_path / "other.sqlite")
    assert dialogs_of(robot.config) == [elsewhere, tmp_path / "other.sqlite"]
    assert forget(robot.config, [Span()]) == {
        f"file that is not there now, and was not looked into: {elsewhere}": 1
    }


def test_a_data_set_of_its_recordings_is_named(robot: Fake, tmp_path: Path) -> None:
    made, others = tmp_path / "walks", tmp_path / "others"
    for folder, recordings in ((made, [robot.recording]), (others, [tmp_path / "b.mcap"])):
        folder.mkdir()
        note_data_set(recordings, folder)
    found = forget(robot.config, [Span()], dry=True)
    named = [name for name in found if name.startswith("data set")]
    assert named == [f"data set made of its recordings, which only you can delete: {made}"]
    assert owner_of(PurePosixPath("data_sets.json"))
    made.rmdir()
    assert not [name for name in forget(robot.config, [Span()]) if name.startswith("data set")]


def test_a_file_of_the_viewer_is_named(robot: Fake, tmp_path: Path) -> None:
    viewed = tmp_path / "walk.rrd"
    viewed.write_text(MARK)
    config = robot.config.model_copy(update={"rerun": RerunConfig(file=viewed)})
    found = forget(config, [Span()], dry=True)
    assert found[f"file of the viewer, which only you can delete: {viewed}"] == 1


def test_all_can_be_forgotten_again_and_what_is_damaged_goes_with_all(robot: Fake) -> None:
    assert forget(robot.config, [Span()])[f"entries of {robot.recording}"] == 6
    assert forget(robot.config, [Span()]) == {}  # nothing is left, which is no error
    robot.recording.unlink()
    with Recording(robot.recording) as recorder:
        for _ in range(2):
            recorder.observe(observation(LONG_AGO, MARK, 8))
    whole = robot.recording.read_bytes()
    at = whole.index(b"IDAT") + 60  # in an image
    robot.recording.write_bytes(whole[:at] + bytes(40) + whole[at + 40 :])
    before = robot.recording.read_bytes()
    erase_entries(robot.recording, [last("1h", NOW)])
    assert robot.recording.read_bytes() == before  # of another time
    erase_entries(robot.recording, [Span()])
    assert MARK.encode() not in robot.recording.read_bytes() and b"IDAT" not in (
        robot.recording.read_bytes()
    )


def test_a_turn_that_read_on_in_a_forgotten_result_goes_with_it(robot: Fake) -> None:
    with Dialogs(robot.state / "dialogs.sqlite") as dialogs, sqlite3.connect(dialogs.path) as file:
        [kept] = file.execute(
            "SELECT id FROM results WHERE turn = ?", (robot.ids["mine"],)
        ).fetchone()
        part = {"name": READ, "arguments": {"id": kept, "offset": 9}, "result": MARK}
        for identity, calls_made in (("t8", [part]), ("t9", [])):
            record = {"user": identity, "at": LONG_AGO / 1e9, "tool_calls": calls_made}
            dialogs.add("other", identity, record)
        assert ("other", "t8") in dialogs.erase([last("1h", NOW)], dry=True).turns
    forget(robot.config, [last("1h", NOW)])
    assert robot.where(MARK.encode()) == set()
    with Dialogs(robot.state / "dialogs.sqlite") as dialogs:
        assert [turn["user"] for turn in dialogs.turns("other")] == ["t9"]
