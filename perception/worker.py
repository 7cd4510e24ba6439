"""One process per sense: source, encoder, cache, publisher, in one loop.

The worker knows its source and its cache only by import path, so that new ones need no change
here, and `perception` imports nothing of `memory`.
"""

from __future__ import annotations

import ctypes
import importlib
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import FrameType
from typing import Annotated, Any, Protocol

import numpy as np
import torch
from pydantic import BaseModel, ConfigDict, Field

from sensebind.errors import (
    BusError,
    CheckpointError,
    ConfigurationError,
    InputError,
    MissingDependencyError,
    SenseBindError,
    SourceError,
)
from sensebind.perception.bus import Publisher
from sensebind.perception.encoding import SenseEncoder
from sensebind.perception.payload import jpeg
from sensebind.perception.percept import (
    STREAM_PATTERN,
    Modality,
    Observation,
    Percept,
    PerceptHeader,
)
from sensebind.perception.sources.base import Source

log = logging.getLogger(__name__)

EXIT_FATAL = 2  # starting it again would not help
EXIT_ERROR = 1
_PATIENCE = 0.2  # seconds that one look at the source may take
_PR_SET_PDEATHSIG = 1


class Enhance(Protocol):
    """What a worker does with embeddings before it publishes them (the visual cache)."""

    @property
    def setting(self) -> str:
        """What percept headers say about it."""
        ...

    def __call__(self, embeddings: np.ndarray) -> np.ndarray:
        """Take float32 [B, D], return float32 [B, D]."""
        ...


class FactorySpec(BaseModel):
    """Something to be built in the worker: an import path `package.module:name` and arguments."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    factory: Annotated[str, Field(pattern=r"^[\w.]+:[\w.]+$")]
    arguments: dict[str, Any] = {}

    def build(self) -> Any:
        """Import the factory and call it.

        Raises:
            ConfigurationError: There is no such module or name, or it takes other arguments.
        """
        module, _, name = self.factory.partition(":")
        try:
            factory: Any = importlib.import_module(module)
            for part in name.split("."):
                factory = getattr(factory, part)
        except (ImportError, AttributeError) as error:
            raise ConfigurationError(f"cannot find {self.factory!r}: {error}") from error
        try:
            return factory(**self.arguments)
        except TypeError as error:
            raise ConfigurationError(f"cannot build {self.factory!r}: {error}") from error


class WorkerSpec(BaseModel):
    """Everything that one worker needs to know; plain values only, so that it travels as JSON.

    Attributes:
        stream: Name of the stream. `modality`: vision, audio or point.
        source: Builds the `Source`. `checkpoint`: directory or file of the ImageBind.
        enhance: Builds the cache callable; None publishes the bare embeddings.
        endpoint: Where to publish; "" lets the supervisor choose.
        rate: At most this many percepts per second.
        max_age: Observations older than this, in seconds, are not encoded any more.
        reopen: A source that gave nothing for so many seconds is closed and opened anew.
        threads: Of the encoder.
        segment: Whether a point cloud is a whole sweep of which the nearest thing is meant.
        sensor_height: Height of the lidar above the floor, metres.
        jpeg_quality: Of the pictures sent along with sight; 0 sends none.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    stream: Annotated[str, Field(pattern=STREAM_PATTERN)]
    modality: Modality
    source: FactorySpec
    checkpoint: Path
    enhance: FactorySpec | None = None
    endpoint: str = ""
    rate: Annotated[float, Field(gt=0, le=1000)] = 10.0
    max_age: Annotated[float, Field(gt=0)] = 1.0
    reopen: Annotated[float, Field(gt=0)] = 5.0
    threads: Annotated[int, Field(ge=1, le=256)] = 1
    segment: bool = True
    sensor_height: float = 0.60
    jpeg_quality: Annotated[int, Field(ge=0, le=100)] = 90

    @property
    def modules(self) -> list[str]:
        """Modules that the worker will import by path; a launcher imports them beforehand."""
        specs = [self.source, *([self.enhance] if self.enhance else [])]
        return [spec.factory.partition(":")[0] for spec in specs]


class Worker:
    """Runs one sense until told to stop."""

    def __init__(self, spec: WorkerSpec) -> None:
        self._spec = spec
        self._stop = threading.Event()
        self._refused = 0  # observations that could not be encoded

    def stop(self) -> None:
        """End `run` after the percept in the making; safe in a signal handler."""
        self._stop.set()

    def run(self) -> None:
        """Publish percepts until `stop`.

        Raises:
            BusError: The endpoint cannot be used.
            CheckpointError: The encoder or the cache cannot be loaded.
            ConfigurationError: The parts do not fit together.
        """
        spec = self._spec
        torch.set_num_threads(spec.threads)
        with Publisher(spec.endpoint, spec.stream) as publisher:
            encoder = SenseEncoder.from_pretrained(
                spec.checkpoint, spec.modality, spec.segment, spec.sensor_height
            )
            enhance: Enhance | None = spec.enhance.build() if spec.enhance else None
            self._check_fit(encoder, enhance)
            while not self._stop.is_set():
                source: Source = spec.source.build()
                try:
                    with source:
                        self._stream(source, encoder, enhance, publisher)
                except SourceError as error:
                    log.warning("%s: %s; trying again", spec.stream, error)
                    publisher.report("waiting", str(error))
                    self._stop.wait(0.5)

    def _check_fit(self, encoder: SenseEncoder, enhance: Enhance | None) -> None:
        """Find out at the start, not at the first percept, that a cache has another width."""
        if enhance is None:
            return
        probe = np.zeros((1, encoder.width), np.float32)
        probe[0, 0] = 1.0
        try:
            enhance(probe)
        except InputError as error:
            raise ConfigurationError(f"cache and encoder do not fit: {error}") from error

    def _stream(
        self,
        source: Source,
        encoder: SenseEncoder,
        enhance: Enhance | None,
        publisher: Publisher,
    ) -> None:
        """Publish from an open source until stopped.

        Raises:
            SourceError: Nothing came for `reopen` seconds.
        """
        spec = self._spec
        state = ("starting", "")
        heard = time.monotonic()
        due = heard
        while not self._stop.wait(max(0.0, due - time.monotonic())):
            asked = time.monotonic()
            try:
                observation = source.read_latest(spec.max_age, _PATIENCE)
            except SourceError as error:
                silent = time.monotonic() - heard
                if silent > spec.reopen:
                    raise
                state = ("waiting", str(error)) if silent > spec.max_age else (state[0], "")
                publisher.report(*state, source.dropped + self._refused)
                due = asked + _PATIENCE  # a source that fails at once is not asked in a busy loop
                continue
            heard = time.monotonic()
            due = max(due + 1 / spec.rate, heard)
            try:
                percept = self._perceive(observation, encoder, enhance, source.dropped)
            except InputError as error:
                self._refused += 1
                log.warning("%s: observation refused: %s", spec.stream, error)
                state = ("waiting", str(error))
                publisher.report(*state, source.dropped + self._refused)
                continue
            publisher.publish(percept)
            state = ("running", "")
            publisher.report(*state, percept.header.dropped)

    def _perceive(
        self,
        observation: Observation,
        encoder: SenseEncoder,
        enhance: Enhance | None,
        dropped: int,
    ) -> Percept:
        """Turn an observation into a percept.

        Raises:
            InputError: The observation is malformed or not finite.
        """
        spec = self._spec
        start = time.perf_counter()
        embedding = encoder.encode(observation)
        present = embedding is not None
        if embedding is None:
            embedding = np.zeros(encoder.width, np.float32)
        elif enhance is not None:
            embedding = enhance(embedding[None])[0]
        payload = None
        if spec.modality is Modality.VISION and spec.jpeg_quality:
            payload = jpeg(observation.data, spec.jpeg_quality)
        header = PerceptHeader(
            stream=spec.stream,
            modality=spec.modality,
            sequence=0,  # the publisher numbers and stamps
            captured_at=observation.captured_at,
            published_at=0,
            monotonic=observation.monotonic,
            frame_id=observation.frame_id,
            shape=(encoder.width,),
            model=encoder.digest,
            cache=enhance.setting if enhance is not None else "",
            observation=observation.reference,
            present=present,
            encode_ms=1000 * (time.perf_counter() - start),
            dropped=dropped + self._refused,
        )
        return Percept(header, embedding, payload)


def run_worker(spec: WorkerSpec, tell: Callable[[str], None]) -> int:
    """Be the worker process: run until SIGTERM, then finish the percept in the making.

    Args:
        spec: What to run.
        tell: Called with one line when the worker cannot go on.

    Returns:
        The exit code: 0 after SIGTERM, 2 when starting again would not help, 1 otherwise.
    """
    worker = Worker(spec)

    def terminate(_number: int, _frame: FrameType | None) -> None:
        worker.stop()

    signal.signal(signal.SIGTERM, terminate)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the supervisor, who stops us
    try:
        worker.run()
    except (CheckpointError, ConfigurationError, MissingDependencyError, BusError) as error:
        tell(str(error))
        return EXIT_FATAL
    except SenseBindError as error:
        tell(str(error))
        return EXIT_ERROR
    except Exception as error:
        log.exception("worker of %s failed", spec.stream)
        tell(f"{type(error).__name__}: {error}")
        return EXIT_ERROR
    return 0


def die_with_parent(parent: int) -> None:
    """Arrange that this process ends when its parent does, however that ends.

    Args:
        parent: Process id of the parent, which may be gone already.
    """
    if sys.platform == "linux":
        # The parent forks in its only thread, so the signal comes at its end and not before.
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    else:
        threading.Thread(target=_watch_parent, args=(parent,), daemon=True).start()
    if os.getppid() != parent:
        os.kill(os.getpid(), signal.SIGKILL)


def _watch_parent(parent: int) -> None:
    with suppress(KeyboardInterrupt):
        while os.getppid() == parent:
            time.sleep(0.5)
    os.kill(os.getpid(), signal.SIGKILL)
