"""What the weights do not know is kept as that, and neither named nor watched for by a text."""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np
from stream_maker import near, percept, stream_of, thing, unit

from sensebind.memory.episode_store import EpisodeStore
from sensebind.memory.episodes import Query
from sensebind.memory.recall import EpisodeMemory
from sensebind.memory.recorder import Recorder
from sensebind.memory.segmentation import Segmenter
from sensebind.memory.watches import Alert, Watch, Watcher
from sensebind.perception.percept import Percept

DOG = unit(thing(1) + 0.3 * thing(50))


def unknown(one: Percept) -> Percept:
    header = msgspec.structs.replace(one.header, known=False, confidence=0.1)
    return Percept(header, one.embedding)


def test_an_unknown_stretch_is_an_episode_of_its_own() -> None:
    segmenter = Segmenter()
    percepts = [
        unknown(one) if 20 <= number < 40 or number == 10 else one
        for number, one in enumerate(stream_of([(1, 60)]))
    ]
    ended = [e for one in percepts if (e := segmenter.take(one)) is not None]
    ended += [e for e in [segmenter.finish()] if e is not None]
    # The single doubtful percept in the first stretch makes no episode.
    assert [(e.percepts, e.known) for e in ended] == [(20, True), (20, False), (20, True)]
    assert [e.description for e in ended] == ["", "I see something I do not know.", ""]


def test_recall_names_it_by_no_text_and_finds_it_by_its_example(tmp_path: Path) -> None:
    path = tmp_path / "memory.sqlite"
    recorder = Recorder(path)
    for one in stream_of([(1, 20)]):
        recorder.record(unknown(one))
    recorder.stop()
    asked: list[object] = []

    def describe(episode: object) -> str:
        asked.append(episode)
        return "I see a dog."

    with EpisodeMemory(path, describe) as memory:
        assert memory.search(Query(DOG)) == []
        [found] = memory.search(Query(thing(1), example=True))
        assert found.description == "I see something I do not know."
        assert memory.search(Query(thing(2), example=True)) == []
        [listed] = memory.search(Query())  # by time it is there
        assert not listed.episode.known
    assert not asked  # the model is not asked to name it


def test_what_is_unknown_survives_a_restart(tmp_path: Path) -> None:
    path = tmp_path / "memory.sqlite"
    recorder = Recorder(path)
    for one in stream_of([(1, 5)]):
        recorder.record(unknown(one))
    recorder.stop()
    with EpisodeStore(path) as store:
        [episode] = store.within(0, 2**62)
    assert not episode.known


def test_watches_by_text_are_silent_and_those_by_example_fire() -> None:
    alerts: list[Alert] = []
    watcher = Watcher(alerts.append)
    watcher.put([Watch("a dog", DOG), Watch("my dog", thing(1), top=1.0)])
    for number in range(60):
        watcher(unknown(percept(0.2 * number, near(thing(2), number, 0.02))))
    for number in range(60, 120):
        watcher(unknown(percept(0.2 * number, near(thing(1), number, 0.02))))
    assert [alert.watch.name for alert in alerts] == ["my dog"]
    for number in range(120, 180):
        watcher(percept(0.2 * number, near(thing(1), number, 0.02)))
    assert "a dog" in [alert.watch.name for alert in alerts]
    assert np.isfinite(alerts[0].similarity)
