"""Watches on a stream whose time is stepped: when they fire, and when they do not."""

from pathlib import Path

import numpy as np
import pytest
from stream_maker import near, percept, thing, unit

from sensebind.errors import InputError
from sensebind.memory.episode_store import EpisodeStore
from sensebind.memory.watch_store import WatchBook
from sensebind.memory.watches import MAX_WATCHES, Alert, Watch, Watcher, WatchSettings

RATE = 5.0
DOG = unit(thing(1) + 0.5 * thing(50))  # what the text says lies near what is heard, not on it
WORDS = np.stack([unit(thing(n) + 0.5 * thing(50 + n)) for n in range(2, 8)])


class Stage:
    """Plays things to a watcher, a fifth of a second each."""

    def __init__(self, words: np.ndarray | None = None, **settings) -> None:
        self.alerts: list[Alert] = []
        self.times: list[float] = []
        self.now = 0.0
        self.watcher = Watcher(self.take, WatchSettings(**settings), words)

    def take(self, alert: Alert) -> None:
        self.alerts.append(alert)
        self.times.append(round(self.now, 1))

    def play(self, number: int, seconds: float, stream: str = "microphone", noise=0.05) -> None:
        """Thing 0 is silence."""
        for _ in range(round(seconds * RATE)):
            self.now += 1 / RATE
            heard = near(thing(number), int(self.now * 10), noise) if number else None
            self.watcher(percept(self.now, heard, stream))


@pytest.fixture
def stage() -> Stage:
    stage = Stage()
    stage.watcher.put([Watch("a dog", DOG)])
    return stage


def test_it_fires_once_when_the_thing_comes_and_again_when_it_comes_back(stage: Stage) -> None:
    stage.play(2, 30)
    stage.play(1, 30)
    stage.play(3, 30)
    stage.play(1, 5)
    assert stage.times == [30.4, 90.4]
    [first, _] = stage.alerts
    assert first.watch.name == "a dog" and first.stream == "microphone"
    assert first.reference == f"frame:microphone@{first.at}"
    assert first.similarity > first.threshold


def test_after_a_long_sleep_what_is_usual_is_learned_anew(stage: Stage) -> None:
    stage.play(2, 60)
    stage.now += 2 * stage.watcher._settings.background
    stage.play(3, 30)
    stage.play(1, 5)
    assert len(stage.alerts) == 1


def test_one_percept_is_no_event(stage: Stage) -> None:
    stage.play(2, 30)
    stage.play(1, 0.2)
    stage.play(2, 10)
    assert stage.alerts == []


def test_it_rests_after_firing() -> None:
    stage = Stage(cooldown=60)
    stage.watcher.put([Watch("a dog", DOG)])
    stage.play(2, 30)
    for _ in range(3):
        stage.play(1, 5)
        stage.play(2, 5)
    assert len(stage.alerts) == 1 and stage.watcher.rested == 2


def test_hysteresis_a_dip_is_not_the_end() -> None:
    stage = Stage(cooldown=0)
    stage.watcher.put([Watch("a dog", DOG)])
    stage.play(2, 30)
    stage.play(1, 5)
    part = 0.85 * stage.alerts[0].threshold / float(thing(1) @ DOG)
    dip = unit(part * thing(1) + np.sqrt(1 - part**2) * thing(2))
    assert dip @ DOG < stage.alerts[0].threshold
    for _ in range(10):
        stage.now += 0.2
        stage.watcher(percept(stage.now, dip, "microphone"))
    stage.play(1, 5)
    assert len(stage.alerts) == 1


def test_what_is_usual_is_learned_from_the_stream() -> None:
    """Where something a little like it is always there, it takes more to fire."""
    thresholds = []
    for base in (2, 9):
        stage = Stage()
        stage.watcher.put([Watch("a dog", unit(DOG + 0.6 * thing(9)))])
        stage.play(base, 60)
        stage.play(1, 5)
        thresholds += [alert.threshold for alert in stage.alerts] or [1.0]
    assert thresholds[0] < thresholds[1]


def test_nothing_fires_before_anything_is_known(stage: Stage) -> None:
    stage.play(1, 3)
    assert stage.alerts == []


def test_with_words_it_fires_from_the_first_second() -> None:
    stage = Stage(WORDS)
    stage.watcher.put([Watch("a dog", DOG)])
    stage.play(1, 3)
    assert stage.times == [0.4]


def test_words_that_fit_better_keep_it_still() -> None:
    alike = unit(DOG + 1.2 * thing(2))  # as "a red ball" is like "a ball"
    without, with_words = Stage(), Stage(WORDS)
    for stage in (without, with_words):
        stage.watcher.put([Watch("something", alike)])
        stage.play(4, 30)
        stage.play(2, 5)
    assert without.alerts and not with_words.alerts


def test_silence_is_a_background_and_no_match(stage: Stage) -> None:
    stage.play(0, 30)
    stage.play(1, 5)
    stage.play(0, 30)
    assert stage.times == [30.4]


def test_only_the_sense_and_the_encoder_that_were_asked_for() -> None:
    stage = Stage()
    stage.watcher.put([Watch("seen", DOG, modality="vision"), Watch("other", DOG, model="other")])
    stage.play(2, 30)
    stage.play(1, 5)
    assert stage.alerts == []
    stage.play(2, 30, "camera")
    stage.play(1, 5, "camera")
    assert [alert.watch.name for alert in stage.alerts] == ["seen"]


def test_an_example_knows_what_a_full_match_is(stage: Stage) -> None:
    stage.watcher.put([Watch("that sound", thing(1), top=1.0)])
    stage.play(1, 1)
    assert stage.times == [0.4]


def test_a_watch_that_stays_keeps_what_it_learned(stage: Stage) -> None:
    stage.play(2, 30)
    stage.watcher.put([Watch("a dog", DOG.copy()), Watch("a cat", thing(5))])
    stage.play(1, 1)
    assert [alert.watch.name for alert in stage.alerts] == ["a dog"]
    stage.watcher.put([Watch("a cat", thing(5))])
    stage.play(2, 30)
    stage.play(1, 5)
    assert len(stage.alerts) == 1


def test_after_a_gap_a_match_begins_anew(stage: Stage) -> None:
    stage.play(2, 30)
    stage.play(1, 5)
    stage.now += 60
    stage.play(1, 5)
    assert len(stage.alerts) == 2


def test_bad_watches(stage: Stage) -> None:
    with pytest.raises(InputError, match="printable"):
        Watch("", DOG)
    with pytest.raises(InputError, match="printable"):
        Watch("a\ndog", DOG)
    with pytest.raises(InputError, match="same name"):
        stage.watcher.put([Watch("a", DOG), Watch("a", DOG)])
    with pytest.raises(InputError, match="zeros"):
        Watcher(stage.take, words=np.zeros((2, 4)))


def test_the_book_is_kept(tmp_path: Path) -> None:
    with EpisodeStore(tmp_path / "m.db") as store:
        book = WatchBook(store)
        book.add(Watch("a dog", DOG, "m", "audio", "", 0.0))
        book.add(Watch("a bell", thing(3), "m", "", 'lamp_on {"a": 1}', 1.0))
        book.add(Watch("a dog", thing(4), "m", "audio"))
    with EpisodeStore(tmp_path / "m.db") as store:
        book = WatchBook(store)
        bell, dog = book.watches()
        assert (bell.name, bell.action, bell.top) == ("a bell", 'lamp_on {"a": 1}', 1.0)
        assert np.array_equal(dog.embedding, thing(4))
        with pytest.raises(InputError, match="a bell, a dog"):
            book.remove("a cat")
        book.remove("a dog")
        assert [watch.name for watch in book.watches()] == ["a bell"]
        book.note(Alert(bell, "microphone", 5, "frame:microphone@5", 0.7, 0.5), "said: I hear it")
        [past] = book.alerts()
        assert (past.watch, past.at, past.outcome) == ("a bell", 5, "said: I hear it")
        assert book.alerts(after=past.id) == []
        for number in range(MAX_WATCHES - 1):
            book.add(Watch(f"watch {number}", DOG))
        with pytest.raises(InputError, match="remove one first"):
            book.add(Watch("one more", DOG))
