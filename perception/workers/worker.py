"""One process for one sense, or for several that share an encoder: sources, encoder, publishers.

The worker knows its sources and its cache only by import path, so that new ones need no change
here, and `perception` imports nothing of `memory`.
"""

from __future__ import annotations

import ctypes
import logging
import math
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field, replace
from functools import partial
from types import FrameType

import numpy as np
import torch

from sensebind.credentials import clean_logs, without_credentials
from sensebind.errors import (
    BusError,
    CheckpointError,
    ConfigurationError,
    InputError,
    MissingDependencyError,
    SenseBindError,
    StorageError,
    is_passing,
)
from sensebind.perception.bus.pubsub import Publisher
from sensebind.perception.encoders.base import (
    Embedding,
    Encoding,
    Nothing,
    Refused,
    StreamEncoder,
)
from sensebind.perception.frames.codecs import jpeg
from sensebind.perception.frames.store import FrameStore
from sensebind.perception.percept import Modality, Observation, Percept, Thing
from sensebind.perception.process import give_memory_back
from sensebind.perception.workers.source_reader import StreamReader, Work
from sensebind.perception.workers.spec import (
    EXIT_ERROR,
    EXIT_FATAL,
    EXIT_LACK,
    Enhance,
    FactorySpec,
    FramesSpec,
    WorkerSpec,
)

__all__ = [
    "EXIT_ERROR",
    "EXIT_FATAL",
    "EXIT_LACK",
    "Enhance",
    "FactorySpec",
    "FramesSpec",
    "Worker",
    "WorkerSpec",
    "die_with_parent",
    "run_worker",
]

log = logging.getLogger(__name__)

_TICK = 0.2  # seconds between the encoder's signs of progress when there is nothing to do
_JOIN = 1.0  # seconds for a source to close
_TRIM_SECONDS = 60.0
_SMOOTHING = 0.3  # of the encoding time that the rate follows
_STORE_AGAIN = 15.0  # seconds until a frame store that could not be opened is tried again
_PR_SET_PDEATHSIG = 1


@dataclass(slots=True)
class _Stream:
    """A stream in the worker's hands."""

    spec: WorkerSpec
    publisher: Publisher
    reader: StreamReader
    encoder: StreamEncoder
    enhance: Enhance | None
    store: FrameStore | None = None
    store_due: float = 0.0  # monotonic time of the next try to open the store
    encoding: Encoding = field(default_factory=Nothing)  # of the last percept
    things: tuple[Thing, ...] = ()  # likewise


class Worker:
    """Runs one stream, or several in one process, until asked to stop."""

    def __init__(self, *specs: WorkerSpec) -> None:
        """Prepare; nothing is opened yet.

        Args:
            specs: Of the streams. Those with the same encoder are encoded in one batch.
        """
        self._specs = specs
        self._stop = threading.Event()
        self._ready = threading.Condition()
        self._alive = time.monotonic()
        self._encode_ms = 0.0

    def stop(self) -> None:
        """End `run` after the percepts in the making; safe in a signal handler."""
        self._stop.set()

    def run(self, restarts: int = 0) -> None:
        """Publish percepts until `stop`.

        Args:
            restarts: How many times this process was started again, for the heartbeats.

        Raises:
            BusError: An endpoint cannot be used.
            CheckpointError: The encoder or the cache cannot be loaded.
            ConfigurationError: The parts do not fit together.
        """
        torch.set_num_threads(max(spec.threads for spec in self._specs))
        with ExitStack() as stack:
            publishers = []
            for spec in self._specs:
                publisher = Publisher(spec.endpoint, spec.stream, restarts=restarts)
                publishers.append(stack.enter_context(publisher))
            streams = self._assemble(publishers, stack)
            for stream in streams:
                stream.reader.start()
                stack.callback(stream.reader.join, _JOIN)
            for stream in streams:  # asked before the first is waited for
                stack.callback(stream.reader.stop)
            self._serve(streams)

    def _assemble(self, publishers: Sequence[Publisher], stack: ExitStack) -> list[_Stream]:
        encoders: dict[object, StreamEncoder] = {}
        streams: list[_Stream] = []
        for spec, publisher in zip(self._specs, publishers, strict=True):
            if spec.encoding not in encoders:
                encoders[spec.encoding] = spec.open_encoder()
            encoder = encoders[spec.encoding]
            enhance: Enhance | None = spec.enhance.build() if spec.enhance else None
            _check_fit(encoder, enhance)
            reader = StreamReader(
                spec, publisher, self._ready, lambda: self._alive, alone=len(self._specs) == 1
            )
            stream = _Stream(spec, publisher, reader, encoder, enhance)
            stack.callback(_close_store, stream)
            self._open_store(stream)
            streams.append(stream)
        return streams

    def _open_store(self, stream: _Stream) -> None:
        """Open where frames are kept. Where that fails the stream goes on, and says so."""
        if stream.spec.frames is None:
            return
        try:
            stream.store = stream.spec.frames.open()
        except StorageError as error:
            if not stream.reader.note:
                log.warning("%s: frames are not kept: %s", stream.spec.stream, error)
            stream.reader.note = f"frames are not kept: {error}"
            stream.store_due = time.monotonic() + _STORE_AGAIN
        else:
            stream.reader.note = ""

    def _serve(self, streams: Sequence[_Stream]) -> None:
        """Encode and publish what the readers bring.

        Raises:
            Exception: What ended the last of the readers.
        """
        reading = list(streams)
        trimmed = -math.inf
        while not self._stop.is_set():
            with self._ready:
                self._ready.wait_for(partial(_anything, reading), _TICK)
            self._alive = time.monotonic()
            if self._alive - trimmed > _TRIM_SECONDS:
                give_memory_back()
                trimmed = self._alive
            ended = [s for s in reading if s.reader.failure is not None]
            reading = [s for s in reading if s.reader.failure is None]
            if not reading and ended[-1].reader.failure is not None:
                raise ended[-1].reader.failure
            taken = [(s, work) for s in reading if (work := s.reader.take()) is not None]
            for stream, work in taken:
                if not work.changed:  # its embedding is there: it waits for no other stream's
                    _pace(stream, 0.0)
                    self._publish(stream, work)
            changed = [(s, work) for s, work in taken if work.changed]
            for (stream, work), result in zip(changed, self._encode(changed), strict=True):
                if isinstance(result, Refused):
                    stream.reader.refuse(result.error)
                    continue
                stream.encoding = result
                stream.things = stream.encoder.things(work.observation)
                self._publish(stream, work)

    def _encode(self, taken: Sequence[tuple[_Stream, Work]]) -> list[Encoding]:
        """Encode and enhance observations; return what came of each, in their order."""
        if not taken:
            return []
        start = time.perf_counter()
        batches: dict[StreamEncoder, list[Observation]] = {}
        for stream, work in taken:
            batches.setdefault(stream.encoder, []).append(work.observation)
        encoded = {one: iter(one.encode(batch)) for one, batch in batches.items()}
        results = [_enhanced(next(encoded[stream.encoder]), stream) for stream, _ in taken]
        self._encode_ms = 1000 * (time.perf_counter() - start)
        for stream, _ in taken:
            _pace(stream, self._encode_ms / 1000)
        return results

    def _publish(self, stream: _Stream, work: Work) -> None:
        spec, observation = stream.spec, work.observation
        payload = None
        try:
            if spec.modality is Modality.VISION and spec.jpeg_quality:
                payload = jpeg(observation.data, spec.jpeg_quality)
        except InputError as error:
            stream.reader.refuse(error)
            return
        found = stream.encoding if isinstance(stream.encoding, Embedding) else None
        percept = Percept.of(
            observation,
            None if found is None else found.vector,
            stream.encoder,
            stream.enhance,
            payload=payload,
            stream=spec.stream,
            modality=spec.modality,
            encode_ms=self._encode_ms if work.changed else 0.0,
            dropped=stream.reader.dropped,
            unchanged=not work.changed,
            things=stream.things,
            known=found is None or found.known,
            confidence=1.0 if found is None else found.confidence,
        )
        stream.publisher.publish(percept)
        stream.reader.done()
        self._keep(stream, observation, payload)

    def _keep(self, stream: _Stream, observation: Observation, payload: bytes | None) -> None:
        """Store a frame after its percept is out, so that a slow disk delays nobody."""
        if stream.spec.frames is None:
            return
        if stream.store is None and time.monotonic() >= stream.store_due:
            self._open_store(stream)
        if stream.store is None:
            stream.reader.unkept += 1
            return
        try:
            stream.store.put(observation, payload)
        except (StorageError, InputError) as error:
            if stream.reader.unkept == 0:
                log.warning("%s: a frame is not kept: %s", stream.spec.stream, error)
            stream.reader.unkept += 1


def _pace(stream: _Stream, seconds: float) -> None:
    """Let the rate follow the encoding time: a slower encoder lowers it, and grows no queue.

    What needs no encoding counts, too: else one slow encoding, such as the first of a worker that
    starts while the machine is busy, would lower the rate for as long as nothing changes.
    """
    spec, reader = stream.spec, stream.reader
    wanted = max(1 / spec.rate, seconds / spec.load)
    reader.interval += _SMOOTHING * (wanted - reader.interval)


def _enhanced(result: Encoding, stream: _Stream) -> Encoding:
    """Return what the stream's cache makes of an embedding; all else is as it was."""
    if stream.enhance is None or not isinstance(result, Embedding):
        return result
    try:
        return replace(result, vector=stream.enhance(result.vector[None])[0])
    except InputError as error:
        return Refused(error)


def _close_store(stream: _Stream) -> None:
    if stream.store is not None:
        stream.store.close()


def _anything(streams: Sequence[_Stream]) -> bool:
    return any(stream.reader.has_work or stream.reader.failure for stream in streams)


def _check_fit(encoder: StreamEncoder, enhance: Enhance | None) -> None:
    """Find out at the start, not at the first percept, that a cache is of another space."""
    if enhance is None:
        return
    probe = np.zeros((1, encoder.width), np.float32)
    probe[0, 0] = 1.0
    try:
        enhance(probe)
    except InputError as error:
        raise ConfigurationError(f"cache and encoder do not fit: {error}") from error
    space = getattr(enhance, "space", "")
    if space and space != encoder.space_id:
        raise ConfigurationError(
            f"cache and encoder do not fit: the cache is of the space {space}, the encoder of "
            f"{encoder.space_id}"
        )


def run_worker(specs: Sequence[WorkerSpec], tell: Callable[[str], None], restarts: int = 0) -> int:
    """Be the worker process: run until SIGTERM, then finish the percepts in the making.

    Args:
        specs: Of the streams to run.
        tell: Called with one line when the worker cannot go on.
        restarts: How many times this process was started again.

    Returns:
        The exit code: 0 after SIGTERM, `EXIT_FATAL` when starting again would not help,
        `EXIT_LACK` for want of something that may be there a moment later, else `EXIT_ERROR`.
    """
    clean_logs()
    worker = Worker(*specs)

    def terminate(_number: int, _frame: FrameType | None) -> None:
        worker.stop()

    signal.signal(signal.SIGTERM, terminate)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the supervisor, who stops us
    try:
        worker.run(restarts)
    except SenseBindError as error:
        tell(str(error))
        if error.retryable or is_passing(error):
            return EXIT_LACK if is_passing(error) else EXIT_ERROR
        fatal = (CheckpointError, ConfigurationError, MissingDependencyError, BusError)
        return EXIT_FATAL if isinstance(error, fatal) else EXIT_ERROR
    except Exception as error:
        log.exception("worker of %s failed", ", ".join(spec.stream for spec in specs))
        tell(without_credentials(f"{type(error).__name__}: {error}"))
        return EXIT_LACK if is_passing(error) else EXIT_ERROR
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
