"""What a memory keeps when clocks jump, when the disk refuses, and when a second writer comes."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest
from stream_maker import BEGIN, percept, thing

from sensebind.errors import StorageError
from sensebind.memory.episode_store import EpisodeStore
from sensebind.memory.episodes import Episode, Moment
from sensebind.memory.recorder import Recorder, RecorderSettings

DAY = 86_400


class Clocks:
    """The two clocks of a recorder; the wall clock can be set."""

    def __init__(self) -> None:
        self.run, self.set_by = 0.0, 0.0

    def recorder(self, path: Path, **settings: float) -> Recorder:
        return Recorder(
            path,
            RecorderSettings.model_validate(settings),
            wall_ns=lambda: BEGIN + int((self.run + self.set_by) * 1e9),
            clock=lambda: self.run,
        )

    def see(self, recorder: Recorder, number: int, stamp: float = 0.0) -> None:
        """One thing for two seconds, after a pause that ends what was before."""
        self.run += 10
        for _ in range(4):
            self.run += 0.5
            wall = int((self.set_by + stamp) * 1e9)
            recorder.record(percept(self.run, thing(number), wall=wall))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "memory.db"


@pytest.mark.parametrize("jump", [31, 365, -365])
def test_no_clock_that_jumps_costs_an_episode(path: Path, jump: int) -> None:
    clocks = Clocks()
    recorder = clocks.recorder(path)
    for number in range(50):
        clocks.see(recorder, number % 12)
    clocks.set_by = jump * DAY  # the wall clock, and with it the stamps
    for number in range(3):
        clocks.see(recorder, number)
        recorder.tidy()
    clocks.set_by = 0.0
    clocks.see(recorder, 5)
    clocks.see(recorder, 6, stamp=40 * DAY)  # the clock of one camera
    clocks.see(recorder, 7)
    recorder.tidy()
    assert recorder.counts.forgotten == 0
    recorder.stop()
    with EpisodeStore(path) as store:
        assert len(store) >= 53


def test_episodes_of_long_ago_are_forgotten_in_the_next_run(path: Path) -> None:
    clocks = Clocks()
    recorder = clocks.recorder(path)
    for number in range(5):
        clocks.see(recorder, number)
    recorder.stop()
    clocks.set_by = 31 * DAY  # the robot was in a cupboard
    recorder = clocks.recorder(path)
    clocks.see(recorder, 5)
    recorder.tidy()
    assert recorder.counts.forgotten == 0  # its clock may be wrong as yet
    for _ in range(70):
        clocks.run += 60
        recorder.tidy()
    clocks.see(recorder, 6)
    clocks.see(recorder, 7)
    recorder.tidy()
    assert recorder.counts.forgotten == 5  # and not what came before the clock was believed
    clocks.run += 29 * DAY
    clocks.see(recorder, 8)
    recorder.tidy()
    assert recorder.counts.forgotten == 5
    clocks.run += 2 * DAY
    clocks.see(recorder, 9)
    recorder.tidy()
    assert recorder.counts.forgotten > 5
    recorder.stop()


def test_the_limit_in_bytes_goes_by_arrival(path: Path) -> None:
    with EpisodeStore(path) as store:
        last = 0
        for number in range(200):
            moments = (
                Moment(BEGIN + number, f"frame:camera@{BEGIN + number}", thing(number % 12, 2048)),
            )
            at = BEGIN - number * 10**9  # the clock runs backwards
            last = store.put(Episode("camera", "vision", "m", at, at, 1, moments), BEGIN + number)
        store.forget(max_bytes=store.bytes // 2)
        assert 0 < len(store) < 200 and store.ids()[-1] == last


def rows(path: Path) -> list[tuple]:
    with sqlite3.connect(path) as file:
        return file.execute(
            "SELECT id, stream, open, percepts FROM episodes ORDER BY id"
        ).fetchall()


def test_a_batch_that_fails_half_way_gives_no_row_to_another_stream(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clocks = Clocks()
    recorder = clocks.recorder(path, refresh=5.0)
    real, full = EpisodeStore.put, [True]

    def put(self: EpisodeStore, episode: Episode, kept_at: int | None = None) -> int:
        if full[0] and episode.stream == "lidar":
            raise StorageError("the disk is full")  # as SQLite says in the middle of a batch
        return real(self, episode, kept_at)

    monkeypatch.setattr(EpisodeStore, "put", put)

    def batch(*streams: str) -> None:
        clocks.run += 1
        with recorder.store.together():
            for stream in streams:
                number = ["camera", "lidar", "microphone"].index(stream)
                recorder.record(percept(clocks.run, thing(number), stream))

    with pytest.raises(StorageError, match="full"):
        batch("camera", "lidar")
    full[0] = False
    for _ in range(38):
        batch("microphone", "lidar", "camera")
    recorder.stop()
    found = {stream: percepts for _, stream, _, percepts in rows(path)}
    assert len(rows(path)) == 3
    assert found == {"microphone": 38, "lidar": 39, "camera": 39}


def test_an_end_that_could_not_be_written_is_written_later(path: Path) -> None:
    clocks = Clocks()
    recorder = clocks.recorder(path)
    clocks.see(recorder, 1)
    blocker = sqlite3.connect(path, isolation_level=None)
    recorder.store._file.execute("PRAGMA busy_timeout = 10")
    blocker.execute("BEGIN IMMEDIATE")  # another process holds the file
    for number in (2, 3):
        clocks.run += 10
        for _ in range(4):
            clocks.run += 0.5
            with pytest.raises(StorageError):
                recorder.record(percept(clocks.run, thing(number)))
    blocker.execute("ROLLBACK")
    clocks.see(recorder, 4)
    recorder.stop()
    blocker.close()
    assert [(percepts, open_) for _, _, open_, percepts in rows(path)] == [(4, 0)] * 4
    assert len({number for number, *_ in rows(path)}) == 4


def test_a_second_writer_is_refused_and_harms_nothing(path: Path) -> None:
    clocks = Clocks()
    recorder = clocks.recorder(path)
    clocks.see(recorder, 1)
    code = f"from sensebind.memory.recorder import Recorder; Recorder({str(path)!r})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "has a writer already" in done.stderr
    with pytest.raises(StorageError, match="has a writer already"):
        Recorder(path)
    [(_, _, still_open, _)] = rows(path)
    assert still_open
    with EpisodeStore(path) as reader:
        assert len(reader) == 1  # to read it is allowed
    recorder.stop()
    Recorder(path).stop()  # and now the next one


def test_only_their_owner_can_read_a_memory(tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        recorder = Recorder(tmp_path / "state" / "memory.db")
        recorder.record(percept(0, thing(1)))
        modes = {p.name: p.stat().st_mode & 0o777 for p in (tmp_path / "state").iterdir()}
        recorder.stop()
    finally:
        os.umask(before)
    assert {"memory.db", "memory.db-wal", "memory.db-shm"} <= modes.keys()
    assert set(modes.values()) == {0o600}
    assert (tmp_path / "state").stat().st_mode & 0o777 == 0o700


def test_a_file_of_an_older_version_is_taken_over(path: Path) -> None:
    clocks = Clocks()
    recorder = clocks.recorder(path)
    for number in range(3):
        clocks.see(recorder, number)
    recorder.stop()
    with sqlite3.connect(path) as file:
        file.execute("ALTER TABLE episodes DROP COLUMN kept_at")
        file.execute("UPDATE episodes SET ended_at = ? WHERE id = 1", (time.time_ns() * 2,))
    with EpisodeStore(path) as store:
        assert len(store) == 3 and store.newest_arrival() <= time.time_ns()
