"""The memory at 100,000 percepts: is the right episode found, and how fast.

Held-out SimHome scenes are perceived from a few poses each. A robot that goes from one to the next
for hours is put together from these: its percepts are the real embeddings, each with the little
noise that two percepts of one pose differ by, and they go through segmentation and store as they
would on a robot. Every scene keeps one pose for itself, from which the questions are asked.

A text ("a red ball"; "a dog", heard) is answered if an episode of such a thing is among the first
three; a picture or a sound, if an episode with the same main thing or the same loudest sound is.
"the very scene" is stricter: an episode from the scene of the picture.

Times are taken twice: in that memory, and in one in which every percept is an episode of its own.
Those of a query are wall time; what the processor spent on it is told beside it, since that is what
stays the same on a machine that others use as well.
"""

import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from report import AtMost, Parser, Row, run

from sensebind.agent.conditioning.embedder import Embedder
from sensebind.checkpoints import default_checkpoint
from sensebind.checkpoints.layout import CacheSettings, imagebind_directory
from sensebind.memory.episode_store import EpisodeStore
from sensebind.memory.episodes import Episode, Moment, Query, Recollection
from sensebind.memory.recall import EpisodeMemory
from sensebind.memory.recorder import Recorder
from sensebind.memory.visual_cache import VisualCache
from sensebind.perception.encoders.imagebind import SenseEncoder
from sensebind.perception.percept import Modality, Observation, Percept, PerceptHeader
from sensebind.perception.simhome.ground_truth import truth
from sensebind.perception.simhome.home import SimHome
from sensebind.perception.simhome.synthesis import RATE
from sensebind.perception.vectors import unit

FIRST_SEED = 10_300_000
POSES = 4  # of which the last asks the questions
NOISE = 0.01  # distance between two percepts of one pose, about
HERTZ = {"camera": 8.0, "microphone": 5.0, "lidar": 5.0}
MODALITIES = {"camera": Modality.VISION, "microphone": Modality.AUDIO, "lidar": Modality.POINT}
START = 1_763_700_000_000_000_000
TEXT_QUERIES = 200


@dataclass(frozen=True)
class Pose:
    """A scene from one place: what the senses gave, and what was true."""

    vectors: dict[str, np.ndarray | None]  # stream -> [D], None for nothing
    things: dict[str, str]  # stream -> "red ball", "dog", or ""


@dataclass(frozen=True)
class Visit:
    """A stay in a scene."""

    scene: int
    begin: float
    end: float


def perceive(checkpoint: Path, seed: int, encoders: dict[str, SenseEncoder]) -> list[Pose]:
    """Perceive a scene from a few poses close to each other."""
    rng = np.random.default_rng(seed)
    cache = VisualCache.load(checkpoint / "visual_cache")
    settings = CacheSettings()
    poses = []
    with SimHome(seed) as home:
        home.step(2.0)
        for _ in range(POSES):
            samples = {
                "camera": (home.camera(), 0),
                "microphone": (home.microphone(2.0), RATE),
                "lidar": (home.lidar(), 0),
            }
            vectors: dict[str, np.ndarray | None] = {}
            for stream, (data, rate) in samples.items():
                seen = Observation(data, stream, MODALITIES[stream], 0, 0.0, 0, stream, rate)
                vector = encoders[stream].encode(seen)
                if vector is not None and stream != "camera":  # as the senses' workers do it
                    vector = cache.enhance(
                        vector[None], settings.k, settings.temperature, settings.weight
                    )[0]
                vectors[stream] = vector
            known = truth(home)
            things = {
                "camera": f"{known.main.color} {known.main.kind}" if known.main else "",
                "microphone": known.heard[0][0] if known.heard else "",
                "lidar": known.nearest.kind if known.nearest else "",
            }
            poses.append(Pose(vectors, things))
            home.robot.turn(float(rng.normal(0, 0.05)))
            home.step(0.7)
    return poses


def percept(stream: str, at: float, vector: np.ndarray | None, width: int) -> Percept:
    """A percept at a time, seconds since the beginning."""
    captured = START + int(at * 1e9)
    header = PerceptHeader(
        stream=stream,
        modality=MODALITIES[stream],
        sequence=0,
        captured_at=captured,
        published_at=captured,
        monotonic=at,
        shape=(width,),
        model="benchmark",
        observation=f"frame:{stream}@{captured}",
        present=vector is not None,
    )
    return Percept(header, np.zeros(width, np.float32) if vector is None else vector)


def live(
    scenes: Sequence[Sequence[Pose]], count: int, record: Callable[[Percept], None], width: int
) -> tuple[list[Visit], list[float]]:
    """Go from scene to scene for `count` percepts; return the visits, and times to insert, s."""
    rng = np.random.default_rng(0)
    visits: list[Visit] = []
    times: list[float] = []
    now = 0.0
    while len(times) < count:
        scene = int(rng.integers(len(scenes)))
        begin, stay = now, float(rng.uniform(5, 40))
        beats = sorted(
            (begin + tick / hertz, stream)
            for stream, hertz in HERTZ.items()
            for tick in range(int(stay * hertz))
        )
        for at, stream in beats:
            pose = scenes[scene][int((at - begin) / stay * (POSES - 1))]
            vector = pose.vectors[stream]
            if vector is not None:
                noise = NOISE**0.5 * rng.standard_normal(width) / width**0.5
                vector = unit(vector + noise)
            one = percept(stream, at, vector, width)
            start = time.perf_counter()
            record(one)
            times.append(time.perf_counter() - start)
        now = begin + stay
        visits.append(Visit(scene, begin, now))
    return visits, times


def scene_of(episode: Episode, visits: Sequence[Visit]) -> int:
    """The scene in which an episode took place, by the middle of its time."""
    middle = ((episode.started_at + episode.ended_at) / 2 - START) / 1e9
    return next((v.scene for v in visits if v.begin <= middle <= v.end), -1)


def quality(
    memory: EpisodeMemory,
    scenes: Sequence[Sequence[Pose]],
    visits: Sequence[Visit],
    embedder: Embedder,
) -> list[Row]:
    """Ask by text, picture and sound."""
    visited = sorted({visit.scene for visit in visits})

    def known(stream: str, scene: int) -> set[str]:
        return {pose.things[stream] for pose in scenes[scene][:-1]}

    def share(asked: Sequence[tuple[str, np.ndarray, Callable[[Recollection], bool]]]) -> float:
        right = 0
        for stream, vector, fits in asked:
            found = memory.search(Query(vector, MODALITIES[stream].value, limit=3))
            right += any(fits(one) for one in found)
        return right / max(1, len(asked))

    def same_thing(stream: str, thing: str) -> Callable[[Recollection], bool]:
        return lambda one: thing in known(stream, scene_of(one.episode, visits))

    def same_scene(scene: int) -> Callable[[Recollection], bool]:
        return lambda one: scene_of(one.episode, visits) == scene

    rows = []
    for name, stream, bar in (
        ("text, seen", "camera", 0.9),
        ("text, heard", "microphone", 0.9),
        ("text, scanned", "lidar", 0.9),
    ):
        things = sorted(set().union(*(known(stream, scene) for scene in visited)) - {""})
        asked = [
            (stream, embedder.text(f"a {thing}"), same_thing(stream, thing))
            for thing in things[:TEXT_QUERIES]
        ]
        rows.append(Row(f"{name}: right in the first 3", share(asked), bar, len(asked)))
    for name, stream, bar in (
        ("picture", "camera", 0.9),
        ("sound", "microphone", 0.9),
        ("cloud", "lidar", None),
    ):
        asked, strict = [], []
        for scene in visited:
            asking = scenes[scene][-1]
            vector, thing = asking.vectors[stream], asking.things[stream]
            if vector is not None and thing and thing in known(stream, scene):
                asked.append((stream, vector, same_thing(stream, thing)))
                strict.append((stream, vector, same_scene(scene)))
        rows.append(Row(f"{name}: right in the first 3", share(asked), bar, len(asked)))
        rows.append(Row(f"{name}: the very scene", share(strict), None, len(strict)))
    return rows


def query_rows(name: str, memory: EpisodeMemory, vectors: np.ndarray, **limits: int) -> list[Row]:
    """Times of searches through all senses."""
    wall, processor = [], []
    for vector in vectors:
        start, spent = time.perf_counter(), time.process_time()
        memory.search(Query(vector, **limits))  # pyright: ignore[reportArgumentType]
        wall.append(1000 * (time.perf_counter() - start))
        processor.append(1000 * (time.process_time() - spent))
    return [
        AtMost(f"{name}: query p95, ms", _p95(wall), 20.0, len(wall)),
        Row(f"{name}: query p95, ms of processor", _p95(processor), None, len(wall)),
    ]


def crowded(path: Path, count: int, width: int) -> list[Row]:
    """A memory in which every percept is an episode of its own: the most that it can hold."""
    rng = np.random.default_rng(1)
    with EpisodeStore(path) as store:
        times = []
        names = list(MODALITIES)
        for begin in range(0, count, 1000):
            with store.together():
                for index in range(begin, min(begin + 1000, count)):
                    at, name = START + index * 200_000_000, names[index % len(names)]
                    vector = unit(rng.standard_normal(width))
                    moment = Moment(at, f"frame:{name}@{at}", vector)
                    episode = Episode(name, MODALITIES[name].value, "m", at, at, 1, (moment,))
                    start = time.perf_counter()
                    store.put(episode)
                    times.append(1000 * (time.perf_counter() - start))
    probes = np.stack([unit(rng.standard_normal(width)) for _ in range(50)])
    with EpisodeMemory(path) as memory:
        start = time.perf_counter()
        memory.search(Query(probes[0]))
        opening = time.perf_counter() - start
        hour = START + 3600 * 10**9
        rows = query_rows("crowded", memory, probes)
        rows += query_rows("crowded, one hour", memory, probes, since=hour, until=2 * hour - START)
    return [
        AtMost("crowded: insert p95, ms", _p95(times), 2.0, count),
        *rows,
        Row("crowded: index made from the facts, s", opening, None, count),
    ]


def measure(checkpoint: Path, scene_count: int, count: int) -> list[Row]:
    """Perceive, remember, ask."""
    directory = imagebind_directory(checkpoint)
    encoders = {
        stream: SenseEncoder.from_pretrained(directory, modality)
        for stream, modality in MODALITIES.items()
    }
    width = encoders["camera"].width
    scenes = [perceive(checkpoint, FIRST_SEED + n, encoders) for n in range(scene_count)]
    return remember(checkpoint, scenes, count, width)


def remember(
    checkpoint: Path, scenes: Sequence[Sequence[Pose]], count: int, width: int
) -> list[Row]:
    """Remember and ask."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "memory.db"
        recorder = Recorder(path)
        visits, times = live(scenes, count, recorder.record, width)
        recorder.stop()
        with EpisodeMemory(path) as memory:
            rows = quality(memory, scenes, visits, Embedder(checkpoint))
            asked = [p[-1].vectors["camera"] for p in scenes[:50]]
            rows += query_rows("life", memory, np.stack([v for v in asked if v is not None]))
            rows += [
                AtMost("insert p95, ms", 1000 * _p95(times), 2.0, len(times)),
                Row("insert mean, ms", 1000 * float(np.mean(times)), None, len(times)),
                Row("episodes made of these percepts", len(memory.store), None, len(visits)),
                Row("bytes in use per percept", memory.store.bytes / len(times), None, len(times)),
            ]
        rows += crowded(Path(folder) / "crowded.db", count, width)
    return rows


def _p95(values: Sequence[float]) -> float:
    return float(np.percentile(values, 95))


def main() -> int:
    """Parse the command line and run."""
    parser = Parser(__doc__)
    parser.amount("--scenes", 300, 20, "that are perceived")
    parser.amount("--percepts", 100_000, 3_000, "that are remembered")
    parser.add_argument("--checkpoint", type=Path, help="the embedded one")
    torch.set_num_threads(1)
    return run(
        parser, lambda o: measure(o.checkpoint or default_checkpoint(), o.scenes, o.percepts)
    )


if __name__ == "__main__":
    sys.exit(main())
