"""`sensebind record` and `sensebind replay`: what a robot perceived, kept and perceived again."""

from __future__ import annotations

import json
import signal
import sys
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import FrameType

import numpy as np
import torch
from rich.console import Console
from rich.table import Table

from sensebind.agent.senses import CacheSettings, imagebind_directory
from sensebind.checkpoints import default_checkpoint
from sensebind.errors import ConfigurationError, InputError, SourceError
from sensebind.memory.visual_cache import Enhancer, load_enhancer
from sensebind.perception.encoding import SenseEncoder
from sensebind.perception.percept import Modality, Observation, Percept, PerceptHeader
from sensebind.perception.recording import Pictures, Recorder, Recording
from sensebind.perception.simhome.server import SimHomeServer
from sensebind.perception.sources.base import Source
from sensebind.perception.sources.registry import open_source

_PATIENCE = 0.2  # seconds between looks at whether the recording is to end
_PAUSE = 0.5  # seconds before a source that failed is opened again
_REMEMBERED = 64  # observations of a stream that wait for their percept in a replay
_HOME = ("camera", "microphone", "lidar")


@dataclass(frozen=True, slots=True)
class RecordOptions:
    """What `sensebind record` was asked for.

    Attributes:
        output: The file to write.
        sources: As `STREAM=KIND:TARGET`, such as `camera=camera:0`.
        home: Seed of a simulated home to record instead.
        seconds: How long; None until Ctrl-C or SIGTERM.
        pictures: "png" without loss, "jpeg" smaller.
        percepts: Whether to encode what is observed, and to record that, too.
        checkpoint: Directory of the weights; the embedded ones by default.
        as_json: Print the summary as JSON.
    """

    output: Path
    sources: Sequence[str] = ()
    home: int | None = None
    seconds: float | None = None
    pictures: Pictures = "png"
    percepts: bool = True
    checkpoint: Path | None = None
    as_json: bool = False


@dataclass(frozen=True, slots=True)
class ReplayOptions:
    """What `sensebind replay` was asked for.

    Attributes:
        path: The recording.
        speed: 1 is real time, 0 as fast as the machine encodes.
        step: Wait for a line on standard input before each percept.
        checkpoint: Directory of the weights; the embedded ones by default.
        as_json: Print one JSON object per percept, and one for the summary.
    """

    path: Path
    speed: float = 1.0
    step: bool = False
    checkpoint: Path | None = None
    as_json: bool = False


@dataclass(slots=True)
class Comparison:
    """What a replay found out about one stream.

    Attributes:
        percepts: That were recorded. `identical`: that came out the same, bit for bit.
        different: That did not, although weights and cache are the same.
        other_weights: That were made by other weights or another cache.
        unmatched: Whose observation is not in the recording.
        largest: Largest difference of a component among those that should be the same.
    """

    percepts: int = 0
    identical: int = 0
    different: int = 0
    other_weights: int = 0
    unmatched: int = 0
    largest: float = 0.0


class Perceiver:
    """Makes percepts of observations, one at a time, as a worker does.

    Args:
        checkpoint: Directory with `imagebind/` and, for the cache, `visual_cache/`.
    """

    def __init__(self, checkpoint: Path) -> None:
        self._checkpoint = checkpoint
        self._encoders: dict[Modality, SenseEncoder] = {}
        self._enhancer: Enhancer | None = None
        cache = checkpoint / "visual_cache"
        if cache.is_dir():
            self._enhancer = load_enhancer(str(cache), **asdict(CacheSettings()))

    def load(self, modalities: Iterable[Modality]) -> None:
        """Read the encoders from disk now, and not when the first observation comes.

        Raises:
            CheckpointError: They are missing or damaged.
            ConfigurationError: Observations of a modality cannot be encoded.
        """
        for modality in modalities:
            self._encoder(modality)

    def perceive(self, observation: Observation, sequence: int = 0) -> Percept:
        """Encode an observation.

        Raises:
            InputError: It is malformed.
            ConfigurationError: Observations of this modality cannot be encoded.
        """
        encoder = self._encoder(observation.modality)
        enhancer = None if observation.modality is Modality.VISION else self._enhancer
        begun = time.perf_counter()
        embedding = encoder.encode(observation)
        present = embedding is not None
        if embedding is None:
            embedding = np.zeros(encoder.width, np.float32)
        elif enhancer is not None:
            embedding = enhancer(embedding[None])[0]
        header = PerceptHeader(
            stream=observation.stream,
            modality=observation.modality,
            sequence=sequence,
            captured_at=observation.captured_at,
            published_at=0,
            monotonic=observation.monotonic,
            frame_id=observation.frame_id,
            shape=(encoder.width,),
            model=encoder.digest,
            cache=enhancer.setting if enhancer is not None else "",
            observation=observation.reference,
            present=present,
            encode_ms=1000 * (time.perf_counter() - begun),
            things=encoder.things(observation),
        )
        return Percept(header, embedding)

    def _encoder(self, modality: Modality) -> SenseEncoder:
        if modality not in self._encoders:
            directory = imagebind_directory(self._checkpoint)
            self._encoders[modality] = SenseEncoder.from_pretrained(directory, modality)
        return self._encoders[modality]


def record(options: RecordOptions) -> int:
    """Record sources until the time is over, or until Ctrl-C or SIGTERM.

    Every observation is recorded; percepts are made of the newest ones as fast as that goes.

    Returns:
        0, or 1 when a stream gave nothing at all.

    Raises:
        ConfigurationError: A source is not named well.
        StorageError: The file exists, or cannot be written.
    """
    torch.set_num_threads(1)  # the sum of a row is the same in a replay
    with ExitStack() as stack:
        stop = stack.enter_context(_until_signal())
        named = dict(_named(text) for text in options.sources)
        if options.home is not None:
            home = stack.enter_context(SimHomeServer(options.home))
            named |= {stream: f"simhome:{home.sensors}" for stream in _HOME}
        if not named:
            raise ConfigurationError("nothing to record: give STREAM=KIND:TARGET, or --home SEED")
        sources = [open_source(spec, stream=stream) for stream, spec in named.items()]
        perceiver = None
        if options.percepts:
            perceiver = Perceiver(options.checkpoint or default_checkpoint())
            perceiver.load(source.modality for source in sources)
        recorder = stack.enter_context(Recorder(options.output, options.pictures))
        session = _Session(recorder, stop)
        session.run(sources, perceiver, options.seconds)
        counts = dict(recorder.counts)
    silent = [stream for stream in named if not counts.get(f"/{stream}")]
    if options.as_json:
        print(json.dumps({"file": str(options.output), "counts": counts, **session.summary()}))
    else:
        what = ", ".join(f"{count} {topic}" for topic, count in counts.items()) or "nothing"
        print(f"{options.output}: {what}")
        for stream, reason in session.troubles.items():
            print(f"{stream}: {reason}", file=sys.stderr)
    return 1 if silent else 0


@dataclass(slots=True)
class _Session:
    """A recording in progress: a thread per source, and this one for the percepts."""

    recorder: Recorder
    stop: threading.Event
    troubles: dict[str, str] = field(default_factory=dict)
    dropped: dict[str, int] = field(default_factory=dict)
    refused: int = 0
    _newest: dict[str, Observation] = field(default_factory=dict)
    _news: threading.Condition = field(default_factory=threading.Condition)
    _failure: Exception | None = None

    def run(
        self, sources: list[Source], perceiver: Perceiver | None, seconds: float | None
    ) -> None:
        threads = [threading.Thread(target=self._read, args=(source,)) for source in sources]
        for thread in threads:
            thread.start()
        try:
            self._perceive(perceiver, None if seconds is None else time.monotonic() + seconds)
        finally:
            self.stop.set()
            for thread in threads:
                thread.join()
        if self._failure is not None:
            raise self._failure

    def summary(self) -> dict[str, object]:
        return {"dropped": self.dropped, "refused": self.refused, "troubles": self.troubles}

    def _read(self, source: Source) -> None:
        try:
            while not self.stop.is_set():
                try:
                    with source:
                        self._record(source)
                except SourceError as error:
                    self.troubles[source.stream] = str(error)
                    self.stop.wait(_PAUSE)
        except Exception as error:  # a full disk or a missing package ends the recording
            self._failure = error
            self.stop.set()

    def _record(self, source: Source) -> None:
        silent_since = time.monotonic()
        while not self.stop.is_set():
            try:
                observation = source.read(_PATIENCE)
            except SourceError:
                if time.monotonic() - silent_since > 1.0:
                    raise
                self.stop.wait(0.01)
                continue
            silent_since = time.monotonic()
            self.recorder.observe(observation)
            self.dropped[source.stream] = source.dropped
            with self._news:
                self._newest[source.stream] = observation
                self._news.notify()

    def _perceive(self, perceiver: Perceiver | None, until: float | None) -> None:
        sequences: dict[str, int] = {}
        while not self.stop.is_set() and (until is None or time.monotonic() < until):
            with self._news:
                self._news.wait_for(lambda: self._newest, _PATIENCE)
                batch, self._newest = self._newest, {}
            for stream, observation in batch.items() if perceiver else ():
                assert perceiver is not None
                sequences[stream] = sequences.get(stream, 0) + 1
                try:
                    self.recorder.perceive(perceiver.perceive(observation, sequences[stream]))
                except InputError as error:
                    self.refused += 1
                    self.troubles[stream] = str(error)


def replay(options: ReplayOptions, lines: Callable[[], str] = sys.stdin.readline) -> int:
    """Perceive a recording again, and compare with what was perceived then.

    Returns:
        0, or 1 when a percept differs although weights and cache are the same.

    Raises:
        InputError: The file cannot be read, or is no recording of ours.
    """
    torch.set_num_threads(1)
    recording = Recording(options.path)
    streams = recording.streams()
    perceiver = Perceiver(options.checkpoint or default_checkpoint())
    out = Console(highlight=False, soft_wrap=True)
    results: dict[str, Comparison] = {stream: Comparison() for stream in streams}
    observations = dict.fromkeys(streams, 0)
    with _until_signal() as stop:
        waiting: dict[str, OrderedDict[str, Observation]] = {s: OrderedDict() for s in streams}
        for at, entry in _paced(recording, options.speed, stop):
            if isinstance(entry, Observation):
                observations[entry.stream] += 1
                mine = waiting[entry.stream]
                mine[entry.reference] = entry
                if len(mine) > _REMEMBERED:
                    mine.popitem(last=False)
                continue
            if options.step and not lines():
                break
            stream = entry.header.stream
            result = results.setdefault(stream, Comparison())
            source = waiting.get(stream, {}).get(entry.header.observation)
            verdict = _compare(entry, source, perceiver, result)
            if options.as_json:
                print(json.dumps({"at": round(at, 3), "stream": stream, "verdict": verdict}))
            else:
                out.print(f"{at:8.2f} s  {stream:<12} {verdict}")
    _summarise(recording, observations, results, options.as_json, out)
    return 1 if any(result.different for result in results.values()) else 0


def _paced(
    recording: Recording, speed: float, stop: threading.Event
) -> Iterator[tuple[float, Observation | Percept]]:
    """Entries with their time since the first one, each when it is due."""
    if not 0 <= speed < float("inf"):
        raise ConfigurationError(f"a speed of {speed}; give 0 or more")
    first: float | None = None
    begun = time.monotonic()
    for recorded in recording:
        first = recorded.at if first is None else first
        at = recorded.at - first
        wait = begun + at / speed - time.monotonic() if speed else 0.0
        if stop.wait(max(0.0, wait)):
            return
        yield at, recorded.entry


def _compare(
    then: Percept, observation: Observation | None, perceiver: Perceiver, result: Comparison
) -> str:
    """Perceive again; count and say how it came out."""
    result.percepts += 1
    if observation is None:
        result.unmatched += 1
        return "its observation is not in the recording"
    now = perceiver.perceive(observation)
    if (now.header.model, now.header.cache) != (then.header.model, then.header.cache):
        result.other_weights += 1
        return "perceived by other weights"
    gap = float(np.abs(now.embedding - then.embedding).max())
    if gap == 0.0 and now.header.present == then.header.present:
        result.identical += 1
        return "identical" if then.header.present else "identical, nothing perceived"
    result.different += 1
    result.largest = max(result.largest, gap)
    return f"differs by {gap:.2g}"


def _summarise(
    recording: Recording,
    observations: dict[str, int],
    results: dict[str, Comparison],
    as_json: bool,
    out: Console,
) -> None:
    lost = {"cut": recording.cut, "damaged": recording.damaged, "refused": recording.refused}
    if as_json:
        streams = {
            stream: {"observations": observations.get(stream, 0)} | asdict(result)
            for stream, result in results.items()
        }
        print(json.dumps({"streams": streams, **lost}))
        return
    table = Table("stream", "observations", "percepts", "identical", "different", "other weights")
    for stream, result in results.items():
        table.add_row(
            stream, str(observations.get(stream, 0)), str(result.percepts),
            str(result.identical), str(result.different), str(result.other_weights),
        )  # fmt: skip
    out.print(table)
    if recording.cut or recording.damaged or recording.refused:
        out.print(
            f"the file was {'cut off' if recording.cut else 'closed'}; {recording.damaged} parts "
            f"damaged, {recording.refused} entries not understood"
        )


def _named(text: str) -> tuple[str, str]:
    stream, separator, spec = text.partition("=")
    if not separator:
        raise ConfigurationError(f"{text!r}: name the stream, such as camera=camera:0")
    return stream, spec


@contextmanager
def _until_signal() -> Iterator[threading.Event]:
    """An event that Ctrl-C and SIGTERM set, so that the file is closed in order."""
    stop = threading.Event()

    def end(_number: int, _frame: FrameType | None) -> None:
        stop.set()

    if threading.current_thread() is not threading.main_thread():
        yield stop
        return
    before = {one: signal.signal(one, end) for one in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)
