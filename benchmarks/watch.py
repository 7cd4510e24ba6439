"""Watches over an hour of SimHome, stepped faster than real time.

A robot is carried through held-out homes, 30 s in each, where it turns now and then. What it hears
is one stream without a seam: after a change the encoder's window of two seconds still holds the
home before. Percepts come at 5 Hz; what is true is told by the simulation, with no part in it of
encoder or watch.

An event is a stretch in which a watched thing is the main thing in view, or the loudest sound; the
rings of a phone, which fall into one window of the encoder, are one. It counts if it lasts 2 s or
more and the watch is not resting. A false alarm is an alert while the
thing was neither in view nor to be heard in the last 2.5 s.
"""

import sys
from argparse import Namespace
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from msgspec.structs import replace
from report import AtMost, Parser, Row, run

from sensebind.agent.conditioning.embedder import Embedder
from sensebind.checkpoints import default_checkpoint
from sensebind.checkpoints.layout import CacheSettings, imagebind_directory
from sensebind.memory.visual_cache import Enhancer, VisualCache
from sensebind.memory.watches import Alert, Watch, Watcher, WatchSettings
from sensebind.perception.encoders.imagebind import SenseEncoder
from sensebind.perception.percept import Modality, Observation, Percept, PerceptHeader
from sensebind.perception.simhome.catalog import KINDS
from sensebind.perception.simhome.ground_truth import truth
from sensebind.perception.simhome.home import SimHome
from sensebind.perception.simhome.sampling import sample_scene
from sensebind.perception.simhome.synthesis import RATE

FIRST_SEED = 10_200_000
VISIT = 30.0  # seconds in one home
STEP = 0.2
WINDOW = 2.0  # seconds of sound that are encoded
SEEN = (("ball", "red"), ("chair", "blue"), ("plant", "green"))
HEARD = ("dog", "phone", "piano")
LEAST_EVENT = 2.0
GRACE = 2.5  # how long a sound stays in what the encoder is given, and a little
START = 1_763_700_000_000_000_000
Target = tuple[str, str]  # ("vision", "red ball") or ("audio", "dog")


@dataclass
class Event:
    """A stretch in which something watched for is there."""

    begin: float
    end: float


@dataclass
class Log:
    """What was true and what was told, per target."""

    events: dict[Target, list[Event]] = field(default_factory=dict)
    near: dict[Target, list[float]] = field(default_factory=dict)  # times it was there at all
    alerts: dict[Target, list[float]] = field(default_factory=dict)

    def saw(self, target: Target, now: float, clearly: bool) -> None:
        """Note that a target was there, clearly or somewhere."""
        self.near.setdefault(target, []).append(now)
        if clearly:
            events = self.events.setdefault(target, [])
            if not events or now - events[-1].end > WINDOW:
                events.append(Event(now, now))
            events[-1].end = now


def homes(rng: np.random.Generator, minutes: float, seed: int) -> Iterator[SimHome]:
    """Held-out homes; in some of them there is something that is watched for."""
    for index in range(int(minutes * 60 / VISIT)):
        main = SEEN[rng.integers(len(SEEN))] if rng.random() < 0.25 else None
        sound: bool | str | None = None
        if rng.random() < 0.25:
            sound = HEARD[rng.integers(len(HEARD))]
        with SimHome(
            sample_scene(FIRST_SEED + 10_000 * seed + index, main=main, sounding=sound)
        ) as home:
            home.step(WINDOW)
            yield home


def percept(encoder: SenseEncoder, data: np.ndarray, now: float, rate: int = 0) -> Percept:
    """Encode one sample as a worker does."""
    modality = Modality.AUDIO if rate else Modality.VISION
    stream = "microphone" if rate else "camera"
    at = START + int(now * 1e9)
    vector = encoder.encode(Observation(data, stream, modality, at, now, 0, stream, rate))
    header = PerceptHeader(
        stream=stream,
        modality=modality,
        sequence=0,
        captured_at=at,
        published_at=at,
        monotonic=now,
        shape=(encoder.width,),
        model=encoder.digest,
        present=vector is not None,
    )
    return Percept(header, np.zeros(encoder.width, np.float32) if vector is None else vector)


@dataclass(frozen=True)
class Step:
    """A fifth of a second: what the senses gave, and what was true.

    Attributes:
        now: Seconds since the beginning.
        percepts: Of camera and microphone.
        there: The targets that were in view or to be heard. `clear`: as the main thing.
    """

    now: float
    percepts: tuple[Percept, Percept]
    there: frozenset[Target]
    clear: frozenset[Target]


def trace(checkpoint: Path, minutes: float, seed: int = 0) -> Iterator[Step]:
    """Carry the robot through the homes."""
    directory = imagebind_directory(checkpoint)
    sight = SenseEncoder.from_pretrained(directory, Modality.VISION)
    hearing = SenseEncoder.from_pretrained(directory, Modality.AUDIO)
    enhance = None
    if (checkpoint / "visual_cache").is_dir():
        settings = CacheSettings()
        cache = VisualCache.load(checkpoint / "visual_cache")
        enhance = Enhancer(cache, settings.k, settings.temperature, settings.weight)
    rng = np.random.default_rng(seed)
    sound = np.zeros(int(WINDOW * RATE), np.float32)
    seen: tuple[bytes, Percept] | None = None
    now = 0.0
    for home in homes(rng, minutes, seed):
        for step in range(int(VISIT / STEP)):
            if step and step % 50 == 0:
                home.robot.turn(float(rng.uniform(-0.6, 0.6)))
            home.step(STEP)
            now += STEP
            picture = home.camera()
            key = picture.tobytes()
            if seen is None or seen[0] != key:  # the same picture has the same embedding
                seen = (key, percept(sight, picture, now))
            header = replace(seen[1].header, monotonic=now, captured_at=START + int(now * 1e9))
            looked = Percept(header, seen[1].embedding)
            sound = np.concatenate([sound, home.microphone(STEP)])[-len(sound) :]
            heard = percept(hearing, sound, now, RATE)
            if enhance is not None and heard.header.present:
                heard = Percept(heard.header, enhance(heard.embedding[None])[0])
            known = truth(home)
            levels = [("audio", kind) for kind, _ in home.sound_levels(STEP)]
            there = {("vision", f"{one.color} {one.kind}") for one in known.visible} | set(levels)
            clear = set(levels[:1])
            if known.main:
                clear.add(("vision", f"{known.main.color} {known.main.kind}"))
            yield Step(now, (looked, heard), frozenset(there), frozenset(clear))


def replay(steps: Iterable[Step], checkpoint: Path, settings: WatchSettings | None = None) -> Log:
    """Let the watches look on."""
    embedder, log = Embedder(checkpoint), Log()
    now = 0.0

    def told(alert: Alert) -> None:
        log.alerts.setdefault((alert.watch.modality, alert.watch.name), []).append(now)

    words = np.stack([embedder.text(f"a {kind}") for kind in KINDS])
    watcher = Watcher(told, settings, words)
    targets: list[Target] = [("vision", f"{color} {kind}") for kind, color in SEEN]
    targets += [("audio", kind) for kind in HEARD]
    watcher.put(
        [Watch(name, embedder.text(f"a {name}"), "", modality) for modality, name in targets]
    )
    for step in steps:
        now = step.now
        for target in step.there.intersection(targets):
            log.saw(target, now, target in step.clear)
        for one in step.percepts:
            watcher(one)
    return log


def score(log: Log, minutes: float) -> list[Row]:
    """Compare what was told with what was true."""
    cooldown = WatchSettings().cooldown  # pyright: ignore[reportCallIssue]: all have defaults
    caught, reactions, false, events = 0, [], 0, 0
    rows = []
    for target in sorted(log.near.keys() | log.alerts.keys()):
        alerts = log.alerts.get(target, [])
        near = np.array(log.near.get(target, [-np.inf]))
        wrong = sum(not ((near <= at + 1e-6) & (near >= at - GRACE)).any() for at in alerts)
        own_events = own_caught = 0
        for event in log.events.get(target, []):
            resting = any(0 < event.begin - at < cooldown for at in alerts)
            holding = any(0 <= event.begin - t <= STEP * 2 for t in near[near < event.begin - 1e-6])
            if event.end - event.begin < LEAST_EVENT or resting or holding:
                continue
            own_events += 1
            hits = [at - event.begin for at in alerts if 0 <= at - event.begin <= LEAST_EVENT]
            own_caught += bool(hits)
            reactions += hits[:1]
        rows.append(Row(f"{target[1]}: caught", own_caught / max(1, own_events), None, own_events))
        rows.append(Row(f"{target[1]}: false alarms", wrong, None, len(alerts)))
        events, caught, false = events + own_events, caught + own_caught, false + wrong
    watches = len(SEEN) + len(HEARD)
    per_ten = false / (minutes / 10)
    late = float(np.percentile(reactions, 95)) if reactions else float("inf")
    return [
        Row("recall of events", caught / max(1, events), 0.9, events),
        AtMost("false alarms in 10 minutes, all watches", per_ten, 1.0, watches),
        AtMost("reaction p95, s", late, 1.0, len(reactions)),
        Row(
            "reaction p50, s", float(np.median(reactions)) if reactions else 0, None, len(reactions)
        ),
        *rows,
    ]


def main() -> int:
    """Parse the command line and run."""
    parser = Parser(__doc__)
    parser.amount("--minutes", 60.0, 10.0, "of simulated time")
    parser.add_argument("--checkpoint", type=Path, help="the embedded one")
    torch.set_num_threads(1)

    def measure(options: Namespace) -> list[Row]:
        checkpoint = options.checkpoint or default_checkpoint()
        return score(replay(trace(checkpoint, options.minutes), checkpoint), options.minutes)

    return run(parser, measure)


if __name__ == "__main__":
    sys.exit(main())
