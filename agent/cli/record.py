"""`sensebind record`: what sensors give, or a running robot perceives, in one file."""

from __future__ import annotations

import json
import signal
import sys
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np
import torch

from sensebind.agent.robot.bus_recorder import Tap
from sensebind.agent.robot.config import RobotConfig
from sensebind.agent.robot.config_file import read_config
from sensebind.checkpoints import default_checkpoint
from sensebind.checkpoints.layout import CacheSettings, imagebind_directory
from sensebind.errors import ConfigurationError, InputError, SourceError
from sensebind.memory.visual_cache import Enhancer, load_enhancer
from sensebind.perception.frames.recording import Pictures, Recorder
from sensebind.perception.percept import Modality, Observation, Percept, PerceptHeader
from sensebind.perception.simhome.server import SimHomeServer
from sensebind.perception.sources.base import Source
from sensebind.perception.sources.registry import open_source
from sensebind.perception.workers.encoder_stage import SenseEncoder

_PATIENCE = 0.2  # seconds between looks at whether the recording is to end
_PAUSE = 0.5  # seconds before a source that failed is opened again
_HOME = ("camera", "microphone", "lidar")


@dataclass(frozen=True, slots=True)
class RecordOptions:
    """What `sensebind record` was asked for.

    Attributes:
        output: The file to write.
        sources: As `STREAM=KIND:TARGET`, such as `camera=camera:0`.
        home: Seed of a simulated home to record instead.
        robot: File of a robot that runs on this machine, to record instead.
        seconds: How long; None until Ctrl-C or SIGTERM.
        pictures: "png" without loss, "jpeg" smaller.
        percepts: Whether to encode what is observed, and to record that, too.
        checkpoint: Directory of the weights; the embedded ones by default.
        as_json: Print the summary as JSON.
    """

    output: Path
    sources: Sequence[str] = ()
    home: int | None = None
    robot: Path | None = None
    seconds: float | None = None
    pictures: Pictures = "png"
    percepts: bool = True
    checkpoint: Path | None = None
    as_json: bool = False


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
    """Record until the time is over, or until Ctrl-C or SIGTERM.

    Of sources every observation is recorded, and percepts are made of the newest ones as fast as
    that goes. Of a robot its own percepts are, each with the frame it was made of.

    Returns:
        0, or 1 when a stream gave nothing at all.

    Raises:
        ConfigurationError: A source is not named well.
        StorageError: The file exists, or cannot be written.
    """
    if options.robot is not None:
        given = (options.sources, options.home is not None, options.checkpoint)
        if any(given) or not options.percepts:
            raise ConfigurationError(
                "--robot records what a robot perceives: it goes with no other source, no "
                "--checkpoint and no --no-percepts"
            )
        return _record_robot(options, read_config(options.robot))
    torch.set_num_threads(1)  # the sum of a row is the same in a replay
    with ExitStack() as stack:
        stop = stack.enter_context(until_signal())
        named = dict(_named(text) for text in options.sources)
        if options.home is not None:
            home = stack.enter_context(SimHomeServer(options.home))
            named |= {stream: f"simhome:{home.sensors}" for stream in _HOME}
        if not named:
            raise ConfigurationError(
                "nothing to record: give STREAM=KIND:TARGET, --home SEED or --robot FILE"
            )
        sources = [open_source(spec, stream=stream) for stream, spec in named.items()]
        perceiver = None
        if options.percepts:
            perceiver = Perceiver(options.checkpoint or default_checkpoint())
            perceiver.load(source.modality for source in sources)
        recorder = stack.enter_context(Recorder(options.output, options.pictures))
        session = _Session(recorder, stop)
        session.run(sources, perceiver, options.seconds)
        counts = dict(recorder.counts)
    _show(options, counts, session.summary())
    return 0 if all(counts.get(f"/{stream}") for stream in named) else 1


def _record_robot(options: RecordOptions, config: RobotConfig) -> int:
    if not config.directory.is_dir():
        raise ConfigurationError(
            f"{options.robot}: this robot does not run here; start it with `sensebind run`"
        )
    with until_signal() as stop, Recorder(options.output) as recorder:
        tap = Tap(config, recorder)
        tap.run(stop, options.seconds)
        counts, lost = dict(recorder.counts), tap.lost()
    troubles = {
        stream: f"of {count} percepts the robot kept no frame"
        for stream, count in tap.unkept.items()
    }
    names = config.stream_names.values()
    troubles |= {name: "nothing came" for name in names if not counts.get(f"/{name}/percept")}
    _show(options, counts, {"dropped": lost, "refused": 0, "troubles": troubles})
    return 0 if all(counts.get(f"/{name}/percept") for name in names) else 1


def _show(options: RecordOptions, counts: dict[str, int], summary: dict[str, Any]) -> None:
    if options.as_json:
        print(json.dumps({"file": str(options.output), "counts": counts, **summary}))
        return
    what = ", ".join(f"{count} {topic}" for topic, count in counts.items()) or "nothing"
    print(f"{options.output}: {what}")
    for stream, reason in summary["troubles"].items():
        print(f"{stream}: {reason}", file=sys.stderr)


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

    def summary(self) -> dict[str, Any]:
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


def _named(text: str) -> tuple[str, str]:
    stream, separator, spec = text.partition("=")
    if not separator:
        raise ConfigurationError(f"{text!r}: name the stream, such as camera=camera:0")
    return stream, spec


@contextmanager
def until_signal() -> Iterator[threading.Event]:
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
