"""Episodes on disk: written while they go on, found by likeness and time, never lost by a kill."""

# pyright: reportCallIssue=false

import json
import os
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from fixtures.waiting import until
from stream_maker import BEGIN, DIM, MODEL, near, percept, stream_of, thing, unit

from sensebind.errors import InputError, StorageError
from sensebind.memory.episode_store import EpisodeStore
from sensebind.memory.episodes import Episode, Moment, Query, Recollection
from sensebind.memory.recall import EpisodeMemory
from sensebind.memory.recorder import Recorder, RecorderSettings
from sensebind.perception.percept import Percept

DAY = 86_400 * 10**9


def at(seconds: float) -> int:
    return BEGIN + int(seconds * 1e9)


class Clock:
    """The recorder's clocks, at the time of the percept that is recorded."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def recorder(self, path: Path, settings: RecorderSettings | None = None) -> Recorder:
        return Recorder(path, settings, wall_ns=lambda: at(self.seconds), clock=self.now)

    def now(self) -> float:
        return self.seconds

    def feed(self, recorder: Recorder, percepts) -> None:
        for one in percepts:
            self.seconds = max(self.seconds, one.header.monotonic - 1000)
            recorder.record(one)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "memory.db"


@pytest.fixture
def memory(path: Path, clock: Clock) -> Iterator[EpisodeMemory]:
    """Three senses over 30 s: things 1 to 6 seen, thing 7 heard at 10 s and at 20 s."""
    recorder = clock.recorder(path)
    seen = stream_of([(n, 25) for n in range(1, 7)])
    silent = [percept(i / 5, None, "microphone") for i in range(50)]
    heard = stream_of([(7, 25)], "microphone", start=10)
    other = stream_of([(8, 20)], "microphone", start=15)
    again = stream_of([(7, 25)], "microphone", start=20)
    scanned = stream_of([(9, 150)], "lidar")
    everything = [*seen, *silent, *heard, *other, *again, *scanned]
    clock.feed(recorder, sorted(everything, key=lambda p: p.header.captured_at))
    recorder.stop()
    with EpisodeMemory(path) as memory:
        yield memory


def test_the_right_episode_comes_first(memory: EpisodeMemory) -> None:
    for number in range(1, 7):
        best = memory.search(Query(near(thing(number), 5, 0.1)))[0]
        assert best.episode.started_at == at(5 * (number - 1))
        assert best.similarity is not None and best.similarity > 0.8
        assert best.episode.started_at <= best.at <= best.episode.ended_at
        assert best.reference == f"frame:camera@{best.at}"


def test_what_is_of_something_else_is_left_out(memory: EpisodeMemory, path: Path) -> None:
    words = np.stack([2 * thing(number) for number in range(1, 12)])
    rest = thing(12) - np.linalg.pinv(words[:9]) @ (words[:9] @ thing(12))
    never = Query(rest, limit=3)
    assert len(memory.search(never)) == 3  # something is always the most similar
    with EpisodeMemory(path, words=words) as wise:
        assert wise.search(never) == []
        assert wise.search(Query(thing(3)))[0].episode.started_at == at(10)
        [example] = wise.search(Query(near(thing(7), 5, 0.1), modality="audio", limit=1))
        assert example.episode.stream == "microphone"


def test_any_norm_and_shape_is_the_same_question(memory: EpisodeMemory) -> None:
    [best] = memory.search(Query(7.5 * thing(3).astype(np.float64)[None], limit=1))
    assert best.episode.started_at == at(10)


def test_by_sense_and_by_stream(memory: EpisodeMemory) -> None:
    found = memory.search(Query(thing(3), modality="audio"))
    assert {one.episode.stream for one in found} == {"microphone"}
    [only] = memory.search(Query(thing(3), stream="lidar"))
    assert only.episode.stream == "lidar"
    assert memory.search(Query(thing(3), stream="lidar", modality="audio")) == []


def test_by_time_alone(memory: EpisodeMemory) -> None:
    found = memory.search(Query(since=at(11), until=at(13), modality="vision"))
    assert [one.episode.started_at for one in found] == [at(10)]
    assert found[0].similarity is None
    newest = memory.search(Query(newest=True, modality="audio", limit=1))
    assert newest[0].episode.started_at == at(20)


def test_by_likeness_and_time(memory: EpisodeMemory) -> None:
    before = memory.search(Query(thing(7), until=at(16), limit=1))
    after = memory.search(Query(thing(7), since=at(19.9), modality="audio", limit=1))
    assert before[0].episode.started_at == at(10)
    assert after[0].episode.started_at == at(20)


def test_the_last_time(memory: EpisodeMemory) -> None:
    """Not what was perceived last, but the last that is like what was asked for."""
    [last] = memory.search(Query(thing(7), newest=True, limit=1))
    assert last.episode.started_at == at(20)
    [last] = memory.search(Query(thing(8), newest=True, limit=1))
    assert last.episode.started_at == at(15)
    both = memory.search(Query(thing(7), newest=True, limit=5))
    assert [one.episode.started_at for one in both] == [at(20), at(10)]


def test_what_was_seen_when_it_was_heard(memory: EpisodeMemory) -> None:
    [heard] = memory.search(Query(thing(8), limit=1))
    [(stream, reference)] = memory.companions(heard)
    assert stream == "camera"
    [seen] = memory.search(Query(thing(4), limit=1))  # seen from 15 to 20 s
    assert reference == seen.reference


def test_an_episode_is_found_while_it_goes_on(path: Path, clock: Clock) -> None:
    with EpisodeMemory(path) as memory:
        assert memory.search(Query(thing(1))) == []
        recorder = clock.recorder(path)
        clock.feed(recorder, stream_of([(1, 3)]))
        [found] = memory.search(Query(thing(1)))
        assert found.episode.open
        clock.feed(recorder, stream_of([(2, 10)], start=0.6))
        recorder.stop()
        found = memory.search(Query(thing(1), limit=2))
        assert [one.episode.open for one in found] == [False, False]
        assert found[0].episode.percepts == 3


def test_descriptions_are_asked_for_once(path: Path, clock: Clock) -> None:
    asked: list[Episode] = []

    def describe(episode: Episode) -> str:
        asked.append(episode)
        return f"{episode.percepts} percepts"

    recorder = clock.recorder(path)
    clock.feed(recorder, stream_of([(1, 10), (2, 10)]))
    recorder.stop()
    for _ in range(2):
        with EpisodeMemory(path, describe) as memory:
            [found] = memory.search(Query(thing(1), limit=1))
            assert found.description == "10 percepts"
    assert len(asked) == 1 and asked[0].moments


def test_a_model_that_fails_to_describe_hides_no_memory(path: Path, clock: Clock) -> None:
    def describe(_: Episode) -> str:
        raise InputError("it has no words")

    recorder = clock.recorder(path)
    clock.feed(recorder, stream_of([(1, 10)]))
    recorder.stop()
    with EpisodeMemory(path, describe) as memory:
        assert memory.search(Query(thing(1)))[0].description == ""


def test_bad_questions(memory: EpisodeMemory) -> None:
    with pytest.raises(InputError, match="encoder"):
        memory.search(Query(np.ones(DIM + 1)))
    with pytest.raises(InputError, match="NaN"):
        memory.search(Query(np.full(DIM, np.nan)))
    with pytest.raises(InputError, match="zeros"):
        memory.search(Query(np.zeros(DIM)))
    with pytest.raises(InputError, match="recorded with encoder abc123def456"):
        memory.search(Query(thing(1), model="another"))
    with pytest.raises(InputError, match="1 to 100"):
        Query(limit=0)
    with pytest.raises(InputError, match="before it begins"):
        Query(since=2, until=1)


def test_another_encoder_is_never_compared(path: Path, clock: Clock) -> None:
    recorder = clock.recorder(path)
    clock.feed(recorder, stream_of([(1, 10)]))
    clock.feed(recorder, [percept(10 + i / 5, near(thing(1), i), model="new") for i in range(10)])
    recorder.stop()
    with EpisodeMemory(path) as memory:
        assert memory.model == "new"
        [found] = memory.search(Query(thing(1)))
        assert found.episode.model == "new"
        assert len(memory.search(Query())) == 2  # by time both are there


# --- limits ----------------------------------------------------------------------------------


def test_old_episodes_are_forgotten_and_the_index_follows(path: Path, clock: Clock) -> None:
    recorder = clock.recorder(path, RecorderSettings(max_age=60))
    clock.feed(recorder, stream_of([(1, 25), (2, 25)]))
    with EpisodeMemory(path) as memory:
        assert len(memory.search(Query(thing(1)))) == 2
        clock.feed(recorder, stream_of([(3, 25)], start=100))
        recorder.tidy()
        found = memory.search(Query(thing(1)))
        assert [one.episode.started_at for one in found] == [at(100)]
        assert recorder.counts.forgotten == 2
    recorder.stop()


def test_the_file_stays_within_its_limit(path: Path, clock: Clock) -> None:
    recorder = clock.recorder(path, RecorderSettings(max_bytes=1 << 20))
    rng = np.random.default_rng(0)
    for number in range(40):
        long = tuple(
            Moment(at(number), f"frame:camera@{at(number)}", unit(rng.standard_normal(8192)))
            for _ in range(4)
        )
        recorder.store.put(Episode("camera", "vision", "m", at(number), at(number), 1, long))
    recorder.tidy()
    assert recorder.store.bytes <= 1 << 20
    kept = recorder.store.within(0, 2**62, limit=100)
    assert 0 < len(kept) < 40
    assert kept[-1].started_at == at(39)  # the oldest went
    recorder.stop()


# --- the writer ------------------------------------------------------------------------------


def test_the_thread_takes_what_it_is_handed(path: Path) -> None:
    with Recorder(path) as recorder:
        for one in stream_of([(1, 20), (2, 20)]):
            recorder(Percept(one.header, one.embedding, b"a picture"))
        until(lambda: recorder.counts.percepts == 40)
        assert recorder.counts.episodes == 1
    assert recorder.counts.episodes == 2
    with EpisodeStore(path) as store:
        assert len(store) == 2 and not store.open_episodes()
    recorder.stop()


def test_what_does_not_fit_is_counted(path: Path) -> None:
    recorder = Recorder(path)  # not started: nobody takes what is handed over
    for one in stream_of([(1, 300)]):
        recorder(one)
    assert recorder.counts.dropped == 300 - 256
    recorder.start()
    recorder.stop()
    assert recorder.counts.percepts == 256


def test_a_disk_that_fails_for_a_while_is_counted_and_costs_nothing(path: Path) -> None:
    recorder = Recorder(path)
    blocker = sqlite3.connect(path, isolation_level=None)
    blocker.execute("BEGIN IMMEDIATE")
    with recorder:
        recorder(percept(0, thing(1)))
        until(lambda: recorder.counts.failures)
        blocker.rollback()
        for one in stream_of([(1, 5)], start=1):
            recorder(one)
        until(lambda: len(recorder.store) == 1)
    blocker.close()
    with EpisodeStore(path) as store:
        [episode] = store.within(0, 2**62)
        assert episode.percepts == 6 and not episode.open


def test_no_file_of_ours_is_touched(tmp_path: Path) -> None:
    foreign = tmp_path / "foreign.db"
    other = sqlite3.connect(foreign)
    other.execute("CREATE TABLE precious (a)")
    other.commit()
    other.close()
    with pytest.raises(StorageError, match="no memory of this version"):
        EpisodeStore(foreign)
    text = tmp_path / "text.db"
    text.write_text("no database at all, but long enough to look like one" * 20)
    with pytest.raises(StorageError, match=r"text\.db"):
        EpisodeStore(text)
    with pytest.raises(StorageError, match="cannot be opened"):
        EpisodeStore(tmp_path)


def test_a_closed_store_says_so(path: Path) -> None:
    store = EpisodeStore(path)
    store.close()
    store.close()
    with pytest.raises(StorageError, match="closed"):
        len(store)


def test_many_readers_beside_a_writer(path: Path, clock: Clock) -> None:
    recorder = clock.recorder(path)
    failures: list[BaseException] = []
    done = threading.Event()

    def read() -> None:
        try:
            with EpisodeMemory(path) as memory:
                while not done.is_set():
                    for found in memory.search(Query(thing(1))):
                        assert isinstance(found, Recollection)
                        assert found.episode.started_at <= found.episode.ended_at
        except BaseException as error:
            failures.append(error)

    readers = [threading.Thread(target=read) for _ in range(2)]
    for reader in readers:
        reader.start()
    clock.feed(recorder, stream_of([(n % 5, 4) for n in range(1, 60)]))
    done.set()
    for reader in readers:
        reader.join()
    recorder.stop()
    assert not failures


# --- kill -9 ---------------------------------------------------------------------------------

WRITER = """
import json, sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from stream_maker import stream_of
from sensebind.memory.recorder import Recorder
recorder = Recorder(Path(sys.argv[1]))
told = 0
for one in stream_of([(n % 7 + 1, 5) for n in range(100_000)]):
    recorder.record(one)
    if recorder.counts.episodes != told:
        told = recorder.counts.episodes
        print(json.dumps([told, one.header.captured_at]), flush=True)
"""


@pytest.mark.parametrize("episodes", [1, 40, 250])
def test_kill_9_loses_no_committed_episode(path: Path, episodes: int) -> None:
    """A real process is killed in the middle of writing, at a moment that nothing prepares."""
    command = [sys.executable, "-c", WRITER, str(path), str(Path(__file__).parent)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if json.loads(line)[0] >= episodes:
                break
        os.kill(process.pid, signal.SIGKILL)
        rest = process.stdout.read().splitlines()  # what it told before the signal came
        whole = [row for row in rest if row.endswith("]")]
        told = json.loads(whole[-1])[0] if whole else episodes
    with Recorder(path) as recorder:
        assert recorder.counts.recovered <= 1
        store = recorder.store
        kept = store.within(0, 2**62, limit=10**6)
        assert len([one for one in kept if one.percepts == 5]) >= told
        assert not store.open_episodes()
        for number, episode in enumerate(kept[:told]):
            assert episode.percepts == 5
            assert episode.moments[0].embedding @ thing(number % 7 + 1) > 0.95
    with EpisodeMemory(path) as memory:
        [found] = memory.search(Query(thing(1), limit=1))
        assert found.similarity is not None and found.similarity > 0.95
    assert found.episode.model == MODEL


def test_an_open_episode_is_kept_as_far_as_it_had_come(path: Path, clock: Clock) -> None:
    recorder = clock.recorder(path, RecorderSettings(refresh=2.0))
    clock.feed(recorder, stream_of([(1, 60)]))
    recorder._opened.close()  # as if the process were gone: nothing more is written
    again = clock.recorder(path)
    assert again.counts.recovered == 1
    [episode] = again.store.within(0, 2**62)
    assert not episode.open and 50 <= episode.percepts <= 60
    again.stop()
