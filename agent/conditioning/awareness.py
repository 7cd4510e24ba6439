"""What the agent is aware of: per stream the newest percept, its age, and what was lost.

Age is part of everything that leaves here. A percept that is too old is not shown as present: it
is left out, and named as stale.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, Self

import numpy as np

from sensebind.agent.conditioning.condition import Condition
from sensebind.agent.conditioning.perceived import Newest, Perceived, perceived
from sensebind.errors import InputError, SourceError, StaleError
from sensebind.perception.bus.curve_keys import KeyRing
from sensebind.perception.bus.listener import Listener
from sensebind.perception.bus.pubsub import Heartbeat, News
from sensebind.perception.bus.stream_stats import Arrivals, StreamStats
from sensebind.perception.frames.codecs import from_jpeg
from sensebind.perception.frames.service import FrameClient
from sensebind.perception.frames.store import Frame
from sensebind.perception.percept import Modality, Observation, Percept

MAX_AGE = 2.0
"""Seconds after which a percept is stale, unless said otherwise."""
SOUND_WINDOW = 2.0
"""Seconds of sound that an audio percept describes."""
HISTORY = 128
"""Percepts per stream that `Awareness.at` looks back on."""


@dataclass(frozen=True, slots=True)
class StreamReport:
    """How a stream is doing.

    Attributes:
        stream: Its name.
        modality: What it perceives.
        age_ms: Of the newest observation, in milliseconds; infinite before the first.
        rate: Percepts per second lately; 0 when there are none.
        encode_ms: What the newest percept took to make.
        worker: State that the worker's last heartbeat reported, "silent" without recent ones.
        detail: What the worker waits for, in words, or "".
        counts: What was received, lost, restarted, and so on.
        heartbeat: The worker's last, however old; None before the first.
    """

    stream: str
    modality: str
    age_ms: float
    rate: float
    encode_ms: float
    worker: str
    detail: str
    counts: StreamStats
    heartbeat: Heartbeat | None = None


@dataclass(slots=True)
class _Stream:
    modality: str
    percept: Percept | None = None
    history: deque[Percept] = field(default_factory=lambda: deque(maxlen=HISTORY))
    received: float = 0.0  # monotonic
    arrivals: Arrivals = field(default_factory=Arrivals)
    heartbeat: Heartbeat | None = None
    beaten: float = 0.0  # monotonic

    def age(self, now: float) -> float:
        """Seconds since capture; a stamp from the future cannot make a percept look young."""
        if self.percept is None:
            return float("inf")
        return max(now - self.percept.header.monotonic, now - self.received)


class RunningRobot(Protocol):
    """Where a robot of this machine can be heard; a `RobotConfig` says it."""

    @property
    def endpoints(self) -> Mapping[str, str]:
        """Where each stream is published, by its name on the bus."""
        ...

    @property
    def modalities(self) -> Mapping[str, str]:
        """What each stream perceives, by its name on the bus."""
        ...

    @property
    def frames_endpoint(self) -> str:
        """Where frames are given by reference; "" where none are kept."""
        ...


class Awareness:
    """Listens to the bus in a thread of its own. A context manager; methods are thread-safe.

    Example:
        ```python
        config = read_config(Path("rover.yaml"))
        with Awareness.connect(config) as awareness:
            awareness.wait(5.0)
            print(awareness.newest("rover.camera").embedding)
        ```
    """

    def __init__(
        self,
        endpoints: Mapping[str, str],
        modalities: Mapping[str, str],
        listeners: Sequence[Callable[[Percept], None]] = (),
        keys: KeyRing | None = None,
        frames: Callable[[str], Frame] | None = None,
        names: Callable[[str, np.ndarray], str] | None = None,
    ) -> None:
        """Prepare; `start` connects.

        Args:
            endpoints: Where each stream is published, as `Supervisor.endpoints` says.
            modalities: What each stream perceives, such as {"camera": "vision"}; streams that are
                not named here are not listened to.
            listeners: Called with every percept that arrives, in the listening thread; memory
                hooks in here.
            keys: Needed for streams of other machines.
            frames: Finds a frame by reference, such as `FrameStore.get` or `FrameClient.get`, for
                streams whose percepts carry no picture.
            names: Gives the taught name of a modality's embedding, or "".

        Raises:
            InputError: A stream has no endpoint.
        """
        missing = sorted(set(modalities) - set(endpoints))
        if missing:
            raise InputError(f"no endpoint for {', '.join(missing)}")
        self._streams = {name: _Stream(str(m)) for name, m in modalities.items()}
        self._frames = frames
        self._names = names or (lambda _modality, _embedding: "")
        self._muted: frozenset[str] = frozenset()
        self._listener = Listener(
            "awareness",
            [endpoints[name] for name in modalities],
            self._take,
            [self._heard_by(one) for one in listeners],
            streams=modalities,
            keys=keys,
        )
        self._changed = self._listener.changed
        self._client: FrameClient | None = None

    @classmethod
    def connect(
        cls, config: RunningRobot, listeners: Sequence[Callable[[Percept], None]] = ()
    ) -> Self:
        """Return the awareness of a robot that runs on this machine, for another process.

        The robot may come up later, and may be restarted meanwhile.

        Args:
            config: The robot's file, see `sensebind.agent.robot.config_file.read_config`.
            listeners: Called with every percept that arrives, in the listening thread.

        Raises:
            ConfigurationError: The file must say what a stream perceives and does not.
        """
        client = FrameClient(config.frames_endpoint) if config.frames_endpoint else None
        asking = threading.Lock()  # the client is for one thread at a time

        def get(reference: str) -> Frame:
            assert client is not None
            with asking:
                return client.get(reference)

        frames = get if client is not None else None
        awareness = cls(config.endpoints, config.modalities, listeners, frames=frames)
        awareness._client = client
        return awareness

    def start(self) -> None:
        """Connect and listen.

        Raises:
            BusError: An endpoint is refused or malformed.
        """
        self._listener.start()

    def stop(self) -> None:
        """Disconnect and join the thread; may be called again."""
        self._listener.stop()
        if self._client is not None:
            self._client.close()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def mute(self, streams: Iterable[str]) -> None:
        """Forget what these streams perceived last, and take nothing more from them.

        Args:
            streams: Names of all that are muted from now on; streams that are not ours are left
                out.
        """
        with self._changed:
            self._muted = frozenset(streams) & self._streams.keys()
            for name in self._muted:
                stream = self._streams[name]
                stream.percept = None
                stream.history.clear()
                stream.arrivals.clear()

    def check_open(self, stream: str) -> None:
        """To be called before a sensor is looked at by another way than its percepts.

        Raises:
            SourceError: The stream is paused.
        """
        if stream in self._muted:
            raise SourceError(f"{stream} is paused: a person said so")

    def _heard_by(self, listener: Callable[[Percept], None]) -> Callable[[Percept], None]:
        """Nobody hears of a stream that is muted."""

        def hear(percept: Percept) -> None:
            if percept.header.stream not in self._muted:
                listener(percept)

        return hear

    def wait(self, timeout: float, streams: Sequence[str] | None = None) -> bool:
        """Wait until each of the streams has a fresh percept.

        Args:
            timeout: Longest wait, seconds.
            streams: Names; None means all.

        Returns:
            Whether they have.
        """
        wanted = [self._of(name) for name in (self._streams if streams is None else streams)]

        def fresh() -> bool:
            now = time.monotonic()
            return self._listener.failure is not None or all(s.age(now) <= MAX_AGE for s in wanted)

        with self._changed:
            self._changed.wait_for(fresh, timeout)
            self._listener.check()
            return fresh()

    def newest(self, stream: str, max_age: float = MAX_AGE) -> Percept:
        """Return the newest percept of a stream.

        Raises:
            StaleError: It is older than `max_age` seconds.
            SourceError: None has ever come.
            InputError: There is no such stream.
        """
        with self._changed:
            self._listener.check()
            found = self._of(stream)
            percept, age = found.percept, found.age(time.monotonic())
        self.check_open(stream)
        if percept is None:
            raise SourceError(f"nothing has come from {stream} yet")
        if age > max_age:
            raise StaleError(
                f"the newest percept of {stream} is {age:.1f} s old, {max_age:g} s are allowed"
            )
        return percept

    def at(self, moment: float, tolerance: float = 0.5) -> dict[str, Percept]:
        """Return what was perceived at one moment: of each stream the percept captured nearest.

        Args:
            moment: `time.monotonic()` of this machine, such as `header.monotonic` of any percept;
                that of other machines' percepts is by our clock, too.
            tolerance: How far in seconds a capture may be from the moment.

        Returns:
            Percepts by stream, without payloads; streams that captured nothing near it are left
            out, and so is what is longer ago than the last `HISTORY` percepts.

        Raises:
            BusError: The listening thread has failed.
        """
        found: dict[str, Percept] = {}
        with self._changed:
            self._listener.check()
            for name, stream in self._streams.items():
                nearest = min(
                    stream.history, key=lambda p: abs(p.header.monotonic - moment), default=None
                )
                if nearest and abs(nearest.header.monotonic - moment) <= tolerance:
                    found[name] = nearest
        return found

    def frame(self, stream: str = "camera", max_age: float = MAX_AGE) -> Observation:
        """Return the picture behind the newest percept of a camera, for tools that look at it.

        Raises:
            StaleError: It is older than `max_age` seconds.
            SourceError: None has ever come, or it came without its picture.
            InputError: There is no such stream, or the picture is damaged.
        """
        percept = self.newest(stream, max_age)
        header = percept.header
        payload = percept.payload
        if payload is None and self._frames is not None:
            payload = self._frames(header.observation).payload
        if payload is None:
            raise SourceError(f"percepts of {stream} carry no picture: set jpeg_quality above 0")
        return Observation(
            from_jpeg(payload),
            stream,
            Modality(header.modality),
            header.captured_at,
            header.monotonic,
            header.sequence,
            header.frame_id,
        )

    def snapshot(self, max_age: float = MAX_AGE) -> Perceived:
        """Return what is perceived now.

        Args:
            max_age: Seconds after which a percept is stale.

        Returns:
            The fresh percepts by stream, and for every stream what became of it: present, unknown
            (something that the weights do not know), nothing (the sense looked and found nothing),
            stale or missing.

        Raises:
            BusError: The listening thread has failed.
        """
        with self._changed:
            self._listener.check()
            now = time.monotonic()
            newest = {
                name: Newest(stream.modality, stream.percept, stream.age(now))
                for name, stream in self._streams.items()
            }
            return perceived(newest, max_age, self.name_of)

    def name_of(self, percept: Percept) -> str:
        """Return the taught name of what a percept is of; "" without one."""
        if not percept.header.present:
            return ""
        return self._names(percept.header.modality.value, percept.embedding)

    def condition(
        self,
        senses: Sequence[str],
        dim: int,
        max_age: float = MAX_AGE,
        weights: Mapping[str, float] | None = None,
    ) -> Condition:
        """Turn what is perceived now into what the language model is conditioned on.

        Args:
            senses: Slot names of the model, in the order of its config.
            dim: Width of the embeddings that the model takes.
            max_age: Seconds after which a percept is stale and its slot stays empty.
            weights: Modality to weight; 1 where not named.

        Raises:
            InputError: The percepts have another width, or a sense has no slot.
            BusError: The listening thread has failed.
        """
        return self.snapshot(max_age).condition(senses, dim, weights)

    def report(self) -> dict[str, StreamReport]:
        """Return how each stream is doing."""
        with self._changed:
            stats = self._listener.stats()
            now = time.monotonic()
            return {
                name: self._describe(name, stream, stats.get(name, StreamStats()), now)
                for name, stream in self._streams.items()
            }

    def _describe(
        self, name: str, stream: _Stream, counts: StreamStats, now: float
    ) -> StreamReport:
        beat = stream.heartbeat if now - stream.beaten < MAX_AGE else None
        return StreamReport(
            stream=name,
            modality=stream.modality,
            age_ms=1000 * stream.age(now),
            rate=stream.arrivals.rate(now),
            encode_ms=stream.percept.header.encode_ms if stream.percept else 0.0,
            worker=beat.state if beat else "silent",
            detail=beat.detail if beat else "",
            counts=counts,
            heartbeat=stream.heartbeat,
        )

    def _take(self, news: News, now: float) -> None:
        for name, percept in news.percepts.items():
            stream = self._streams.get(name)
            if stream is not None and name not in self._muted:
                stream.percept, stream.received = percept, now
                stream.history.append(Percept(percept.header, percept.embedding))
                stream.arrivals.add(now)
        for name, beat in news.heartbeats.items():
            if (stream := self._streams.get(name)) is not None:
                stream.heartbeat, stream.beaten = beat, now

    def _of(self, stream: str) -> _Stream:
        if stream not in self._streams:
            raise InputError(f"no stream {stream!r}; there are {', '.join(self._streams)}")
        return self._streams[stream]
