"""Where episodes begin and end."""

# pyright: reportCallIssue=false

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from stream_maker import BEGIN, near, percept, stream_of, thing, unit

from sensebind.memory.episodes import Episode
from sensebind.memory.segmentation import Segmenter, SegmentSettings
from sensebind.perception.percept import Percept


def cut(percepts, settings: SegmentSettings | None = None) -> list[Episode]:
    segmenter = Segmenter(settings)
    ended = [e for p in percepts if (e := segmenter.take(p)) is not None]
    last = segmenter.finish()
    return ended + ([last] if last else [])


def seconds(episode: Episode) -> tuple[float, float]:
    return (episode.started_at - BEGIN) / 1e9, (episode.ended_at - BEGIN) / 1e9


def test_an_episode_per_thing() -> None:
    episodes = cut(stream_of([(1, 20), (2, 15), (3, 10)]))
    assert [e.percepts for e in episodes] == [20, 15, 10]
    assert seconds(episodes[0]) == pytest.approx((0, 3.8))
    assert seconds(episodes[1]) == pytest.approx((4.0, 6.8))  # with the percepts that confirmed it
    for number, episode in enumerate(episodes, 1):
        assert episode.moments[0].embedding @ thing(number) > 0.99
        assert episode.stream == "camera" and episode.modality == "vision" and not episode.open


def test_the_mean_is_nearer_to_the_truth_than_a_percept() -> None:
    percepts = list(stream_of([(1, 40)]))
    [episode] = cut(percepts)
    single = np.mean([p.embedding @ thing(1) for p in percepts])
    assert episode.moments[0].embedding @ thing(1) > single
    references = {p.header.observation for p in percepts}
    assert episode.moments[0].reference in references


def test_one_strange_percept_ends_nothing_and_is_kept() -> None:
    percepts = list(stream_of([(1, 10), (2, 1), (1, 10)]))
    [episode] = cut(percepts)
    assert episode.percepts == 21
    assert len(episode.moments) == 2
    assert episode.moments[1].embedding @ thing(2) > 0.95
    assert episode.moments[1].reference == percepts[10].header.observation


def test_hysteresis_a_suspicion_holds_until_percepts_settle() -> None:
    """What lies between the two limits ends an episode after a clear change only."""
    half = unit(thing(1) + 0.75 * thing(2))  # distance about 0.2 from the first thing
    assert 0.15 < 1 - half @ thing(1) < 0.3
    calm = [percept(i / 5, near(thing(1), i, 0.01)) for i in range(10)]
    middling = [percept(2 + i / 5, half) for i in range(6)]
    assert len(cut(calm + middling)) == 1
    clear = [percept(2, thing(2))]
    later = [percept(2.2 + i / 5, half) for i in range(6)]
    assert len(cut(calm + clear + later)) == 2


def test_silence_ends_an_episode_and_is_none() -> None:
    heard = list(stream_of([(1, 10)], "microphone"))
    silent = [percept(2 + i / 5, None, "microphone") for i in range(10)]
    again = list(stream_of([(1, 10)], "microphone", start=4))
    episodes = cut([*heard, *silent, *again])
    assert [e.percepts for e in episodes] == [10, 10]
    assert seconds(episodes[0])[1] == pytest.approx(1.8)


def test_one_empty_percept_does_not() -> None:
    heard = list(stream_of([(1, 10)], "microphone"))
    again = list(stream_of([(1, 10)], "microphone", start=2.2))
    [episode] = cut([*heard, percept(2, None, "microphone"), *again])
    assert episode.percepts == 20


def test_a_gap_ends_an_episode() -> None:
    episodes = cut([*stream_of([(1, 10)]), *stream_of([(1, 10)], start=20)])
    assert [seconds(e)[0] for e in episodes] == pytest.approx([0, 20])


def test_another_encoder_or_a_jump_of_the_clock_ends_an_episode() -> None:
    before = list(stream_of([(1, 10)]))
    other = [percept(2 + i / 5, near(thing(1), i), model="other") for i in range(5)]
    assert [e.model for e in cut(before + other)] == ["abc123def456", "other"]
    back = [percept(2 + i / 5, near(thing(1), i), wall=-3_600_000_000_000) for i in range(5)]
    episodes = cut(before + back)
    assert len(episodes) == 2
    assert all(e.started_at <= e.ended_at for e in episodes)


def test_an_old_percept_is_left_out_and_counted() -> None:
    percepts = list(stream_of([(1, 10)]))
    segmenter = Segmenter()
    for one in [*percepts, percepts[3]]:
        assert segmenter.take(one) is None
    assert segmenter.disordered == 1
    last = segmenter.finish()
    assert last is not None and last.percepts == 10


def test_a_long_episode_is_cut() -> None:
    episodes = cut(stream_of([(1, 500)]), SegmentSettings(longest=30))
    assert [e.percepts for e in episodes] == [151, 151, 151, 47]


def test_an_open_episode_can_be_looked_at() -> None:
    segmenter = Segmenter()
    assert segmenter.current() is None
    for one in stream_of([(1, 7)]):
        segmenter.take(one)
    current = segmenter.current()
    assert current is not None and current.open and current.percepts == 7


def test_settings_are_checked() -> None:
    with pytest.raises(ValidationError, match="settle"):
        SegmentSettings(change=0.1, settle=0.2)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 4), st.integers(1, 6), st.floats(0.05, 8.0)),
        min_size=1,
        max_size=12,
    )
)
def test_no_percept_is_lost_and_time_goes_on(plan: list[tuple[int, int, float]]) -> None:
    """Thing 0 is nothing. Whatever comes, episodes hold each percept once, in order."""
    percepts: list[Percept] = []
    at = 0.0
    for number, count, step in plan:
        for _ in range(count):
            percepts.append(percept(at, thing(number) if number else None))
            at += step
    episodes = cut(percepts, SegmentSettings(longest=20))
    assert sum(e.percepts for e in episodes) == sum(p.header.present for p in percepts)
    for before, after in pairwise(episodes):
        assert before.ended_at < after.started_at
    for episode in episodes:
        assert 1 <= len(episode.moments) <= 4
        assert all(episode.started_at <= m.at <= episode.ended_at for m in episode.moments)
        assert np.linalg.norm(episode.moments[0].embedding) == pytest.approx(1, abs=1e-5)
