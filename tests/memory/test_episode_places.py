"""Where it was: poses are stored with what was perceived, searched, and forgotten with it."""

# pyright: reportCallIssue=false

import sqlite3
from datetime import datetime
from pathlib import Path

import pytest
from stream_maker import BEGIN, near, percept, stream_of, thing

from sensebind.errors import InputError
from sensebind.memory.episode_store import EpisodeStore
from sensebind.memory.episodes import Near, Query
from sensebind.memory.place_expressions import RADIUS, Where, near_of, parse_where
from sensebind.memory.recall import EpisodeMemory
from sensebind.memory.recorder import Recorder, RecorderSettings
from sensebind.memory.retriever import ask, document, sentence
from sensebind.memory.segmentation import Segmenter
from sensebind.perception.geometry.pose import Pose, PoseTrack
from sensebind.perception.storage.spans import Span


def at(seconds: float) -> int:
    return BEGIN + int(seconds * 1e9)


def recorder(path: Path, track: PoseTrack, refresh: float = 5.0) -> Recorder:
    settings = RecorderSettings(refresh=refresh)
    return Recorder(path, settings, where=track.of, wall_ns=lambda: at(100), clock=lambda: 0.0)


def tour(path: Path, track: PoseTrack) -> None:
    """Thing 1 at (0, 0), 2 at (4, 0), 1 again at (4, 3), and 3 where nobody knows."""
    kept = recorder(path, track)
    plan = [(1, 0.0, 0.0), (2, 4.0, 0.0), (1, 4.0, 3.0), (3, None, None)]
    for number, (what, x, y) in enumerate(plan):
        begin = 10.0 * number
        for one in stream_of([(what, 10)], start=begin):
            if x is not None and y is not None:
                track.add(one.header.monotonic, x, y, 0.5)
            kept.record(one)
    kept.stop()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    tour(tmp_path / "memory.db", PoseTrack())
    return tmp_path / "memory.db"


def test_an_episode_has_the_place_of_its_moments(path: Path) -> None:
    with EpisodeMemory(path) as memory:
        [last] = memory.search(Query(thing(1), newest=True, limit=1))
        assert last.pose == Pose(4.0, 3.0, 0.5)
        [lost] = memory.search(Query(thing(3), limit=1))
        assert lost.pose is None
        assert {one.pose for one in memory.search(Query(since=at(5), until=at(15)))} == {
            Pose(4.0, 0.0, 0.5)
        }


def test_near_alone_and_with_what_and_when(path: Path) -> None:
    with EpisodeMemory(path) as memory:

        def found(**query) -> list[int]:
            return sorted(one.episode.started_at for one in memory.search(Query(**query)))

        assert found(near=Near(4.0, 0.2, 1.0)) == [at(10)]
        assert found(near=Near(4.0, 1.5, 2.0)) == [at(10), at(20)]
        assert found(near=Near(9.0, 9.0, 1.0)) == []
        assert found(embedding=thing(1), near=Near(0.0, 0.0, 1.0)) == [at(0)]
        assert found(embedding=thing(1), near=Near(4.0, 3.0, 1.0)) == [at(20)]
        both = {"embedding": thing(1), "near": Near(2.0, 1.5, 5.0)}
        assert at(0) in found(**both) and at(20) in found(**both)
        assert at(0) not in found(**both, since=at(15))
        assert found(**both, since=at(15), newest=True, limit=1) == [at(20)]
        assert found(embedding=thing(1), near=Near(4.0, 3.0, 1.0, "odom:1")) == []


def test_what_goes_on_is_searched_by_place_too(tmp_path: Path) -> None:
    track = PoseTrack()
    kept = recorder(tmp_path / "m.db", track)
    track.add(1000.0, 1.0, 1.0, 0.0)
    kept.record(percept(0.1, near(thing(1), 1)))
    with EpisodeMemory(tmp_path / "m.db") as memory:
        [one] = memory.search(Query(thing(1), near=Near(1.0, 1.0, 0.5)))
        assert one.episode.open and one.pose == Pose(1.0, 1.0, 0.0)
        assert memory.search(Query(thing(1), near=Near(3.0, 1.0, 0.5))) == []
    kept.stop()


def test_places_stay_with_their_moments_when_others_are_forgotten(path: Path) -> None:
    with EpisodeMemory(path) as memory:
        there = Near(4.0, 3.0, 1.0)
        assert len(memory.search(Query(thing(1), near=there))) == 1  # the index is made
        memory.store.erase([Span(at(0), at(5))])
        memory.prune()
        [one] = memory.search(Query(thing(1), near=there))
        assert one.episode.started_at == at(20)
        assert memory.search(Query(thing(1), near=Near(0.0, 0.0, 1.0))) == []


def test_an_episode_is_of_one_place() -> None:
    cut = Segmenter()
    ended = []
    for number, one in enumerate(stream_of([(1, 21)])):
        ended.append(cut.take(one, Pose(0.1 * number, 0.0, 0.0)))
    assert [number for number, one in enumerate(ended) if one is not None] == [11]
    unplaced = Segmenter()
    assert not any(unplaced.take(one) for one in stream_of([(1, 21)]))
    lost = Segmenter()  # its odometry began again
    assert lost.take(percept(0.0, thing(1)), Pose(0, 0, 0, "odom:1")) is None
    assert lost.take(percept(0.2, thing(1)), Pose(0, 0, 0, "odom:2")) is not None


def test_a_robot_that_has_just_started_learns_where_it_is() -> None:
    cut = Segmenter()
    still = percept(0.0, thing(1)).embedding
    for number in range(9):  # the same image all the time: the first is as near as any
        pose = Pose(1.0, 2.0, 0.0) if number > 4 else None
        assert cut.take(percept(0.2 * number, still), pose) is None
    found = cut.current()
    assert found is not None and found.moments[0].pose == Pose(1.0, 2.0, 0.0)
    assert found.moments[0].at == at(1.0)
    ended = cut.take(percept(2.0, still), Pose(2.5, 2.0, 0.0))
    assert ended is not None and ended.ended_at == at(1.6)


def test_forgetting_leaves_no_place(path: Path) -> None:
    with EpisodeStore(path) as store:
        assert store.newest_frame() == "map"
        store.erase([Span()])
        assert store.newest_frame() == ""
    with sqlite3.connect(path) as file:
        assert file.execute("SELECT count(*) FROM moments").fetchone() == (0,)
    file.close()


# --- in words ---


def test_places_in_words() -> None:
    assert parse_where("1.2, -0.4") == Where(RADIUS, (1.2, -0.4))
    assert parse_where("near (x = 1, y=-2)", 0.5) == Where(0.5, (1.0, -2.0))
    assert parse_where("within 3 m of 1.2, 0.4") == Where(3.0, (1.2, 0.4))
    assert parse_where("3.5 metres from the  sofa.") == Where(3.5, what="the sofa")
    for wrong in ("", "  ", "x" * 81, "within 0 m of the sofa", "5000 m of the sofa"):
        with pytest.raises(InputError):
            parse_where(wrong)
    with pytest.raises(InputError, match="says how far"):
        parse_where("within 3 m of the sofa", 2.0)


def test_near_a_thing_is_where_it_was_seen_last(path: Path) -> None:
    known = {"a cup": thing(1), "a ghost": thing(3)}
    with EpisodeMemory(path) as memory:

        def around(what: str) -> Near:
            return near_of(Where(1.0, what=what), memory, lambda text: (known[text], False))

        assert around("a cup") == Near(4.0, 3.0, 1.0, "map")
        memory.store.erase([Span(at(5), at(25))])
        memory.prune()
        assert around("a cup") == Near(0.0, 0.0, 1.0, "map")
        memory.store.erase([Span(at(0), at(25))])
        memory.prune()
        with pytest.raises(InputError, match="not seen at a known place"):
            around("a ghost")


def test_it_says_from_where_and_only_where_one_can_go(path: Path) -> None:
    now = datetime.fromtimestamp(at(180) / 1e9)
    with EpisodeMemory(path) as memory:
        [found] = memory.search(Query(thing(1), newest=True, limit=1))
        said = sentence(found, now)
        assert said.startswith("3 minutes ago (seen by camera from (4.0, 3.0), ")
        assert sentence(found, now, "map") == said
        assert "from a place of an earlier run" in sentence(found, now, "odom:2")
        assert document(found).metadata["pose"] == {"x": 4.0, "y": 3.0, "yaw": 0.5, "frame": "map"}
        hidden = document(found, now, "map", places=False)
        assert "(seen by camera, " in hidden.page_content
        assert hidden.metadata["place"] == "(4.0, 3.0)"
        assert document(found, now, "odom:2").metadata["place"] == "a place of an earlier run"
        [lost] = memory.search(Query(thing(3), limit=1))
        assert "(seen by camera, " in sentence(lost, now)
        assert document(lost).metadata["pose"] is None


def test_after_and_before_bound_any_time() -> None:
    now = datetime(2026, 11, 21, 11, 30)

    def ns(hour: int, minute: int = 0) -> int:
        return int(now.replace(hour=hour, minute=minute).timestamp() * 1e9)

    one = ask(None, after="9:30", before="10", now=now)
    assert (one.since, one.until, one.newest) == (ns(9, 30), ns(10), False)
    last = ask(None, when="last", after="10 minutes ago", now=now)
    assert last.newest and last.since == ns(11, 20)
    both = ask(None, when="between 9 and 11", after="10", now=now)
    assert (both.since, both.until) == (ns(10), ns(11))
    with pytest.raises(InputError, match="after 10 and before 9"):
        ask(None, after="10", before="9", now=now)
    with pytest.raises(InputError, match="no time that can be read"):
        ask(None, after="whenever", now=now)
