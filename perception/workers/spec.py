"""What a worker process is given: plain values only, so that it travels as JSON."""

from __future__ import annotations

import importlib
from dataclasses import astuple
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, Protocol

from pydantic import BaseModel, ConfigDict, Field

from sensebind.errors import ConfigurationError
from sensebind.perception.encoders.names import OWN, EncoderOptions, module_of
from sensebind.perception.frames.limits import MAX_AGE, MAX_BYTES
from sensebind.perception.modality import Modality
from sensebind.perception.stream_names import STREAM_PATTERN

if TYPE_CHECKING:
    import numpy as np

    from sensebind.perception.encoders.base import StreamEncoder
    from sensebind.perception.frames.store import FrameStore

EXIT_ERROR, EXIT_FATAL, EXIT_LACK = 1, 2, 75
"""How a worker process ends: after a failure, where starting it again would not help, and for a
lack that may pass (of descriptors, of a free address; EX_TEMPFAIL of sysexits.h)."""


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
    """Something to be built in the worker: an import path `package.module:name` and arguments.

    Attributes:
        factory: Import path `package.module:name` of what is called.
        arguments: Keyword arguments of the call, plain values.
    """

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


class FramesSpec(BaseModel):
    """Where raw observations are kept.

    Attributes:
        directory: Of the frame store.
        max_bytes: Limit for each stream, bytes.
        max_age: Seconds after which frames are dropped when newer ones of their stream arrive.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    directory: Path
    max_bytes: Annotated[int, Field(ge=1 << 20)] = MAX_BYTES
    max_age: Annotated[float, Field(gt=0)] = MAX_AGE

    def open(self) -> FrameStore:
        """Open the store.

        Raises:
            StorageError: The directory cannot be made or written.
        """
        from sensebind.perception.frames.store import FrameStore  # with its codecs

        return FrameStore(self.directory, self.max_bytes, self.max_age)


Device = Annotated[str, Field(pattern=r"^(cpu|cuda(:[0-9]+)?)$")]
Precision = Literal["float32", "bfloat16", "float16", "int8"]


class WorkerSpec(BaseModel):
    """One stream: where it comes from, how it is encoded, where it is published.

    Attributes:
        stream: Name of the stream.
        modality: Vision, audio, depth or point.
        source: Builds the `Source`.
        checkpoint: Directory or file of the robot's own ImageBind.
        encoder: Name of the encoder, such as "clip:DIRECTORY"; that ImageBind by default.
        enhance: Builds the cache callable; None publishes the bare embeddings.
        endpoint: Where to publish on this machine; "" lets the supervisor choose. A `Proxy` brings
            it to others.
        process: Streams of the same name here share one process and are encoded in one batch; ""
            is a process of its own.
        rate: At most this many percepts per second.
        load: The share of time that encoding may take; a slower encoder lowers the rate.
        threshold: Change of the picture, sound or sweep, 0 to 1, below which it is not encoded
            again (see `perception.change`); 0 encodes everything.
        refresh: An unchanged stream publishes its embedding again after so many seconds.
        max_age: Observations older than this, in seconds, are not encoded any more.
        reopen: A source that gave nothing for so many seconds is closed and opened again.
        threads: Of the encoder, on a CPU.
        device: Where the encoder computes: cpu, cuda, cuda:1.
        precision: In which numbers; int8 is for CPUs, see `perception.imagebind.Placement`.
        segment: Whether a point cloud is a whole sweep of which the nearest thing is meant.
        sensor_height: Height of the lidar above the floor, metres.
        sensor_tilt: Its roll and pitch, radians.
        jpeg_quality: Of the pictures sent along with sight; 0 sends none.
        frames: Keeps the raw observations; None keeps none.
        max_memory: Resident bytes above which the process is started again; 0 sets no limit.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    stream: Annotated[str, Field(pattern=STREAM_PATTERN)]
    modality: Modality
    source: FactorySpec
    checkpoint: Path
    encoder: Annotated[str, Field(min_length=1, max_length=4096)] = OWN
    enhance: FactorySpec | None = None
    endpoint: str = ""
    process: Annotated[str, Field(max_length=64)] = ""
    rate: Annotated[float, Field(gt=0, le=1000)] = 10.0
    load: Annotated[float, Field(gt=0, le=1)] = 0.9
    threshold: Annotated[float, Field(ge=0, le=1)] = 0.02
    refresh: Annotated[float, Field(ge=0)] = 0.2
    max_age: Annotated[float, Field(gt=0)] = 1.0
    reopen: Annotated[float, Field(gt=0)] = 5.0
    threads: Annotated[int, Field(ge=1, le=256)] = 1
    device: Device = "cpu"
    precision: Precision = "float32"
    segment: bool = True
    sensor_height: float = 0.60
    sensor_tilt: tuple[float, float] = (0.0, 0.0)
    jpeg_quality: Annotated[int, Field(ge=0, le=100)] = 90
    frames: FramesSpec | None = None
    max_memory: Annotated[int, Field(ge=0)] = 0

    @property
    def encoding(self) -> tuple[object, ...]:
        """What makes an encoder: streams with equal ones share it."""
        return (self.encoder, self.checkpoint, self.modality, *astuple(self._options()))

    def open_encoder(self) -> StreamEncoder:
        """Load the encoder.

        Raises:
            ConfigurationError: There is no such encoder, or it does not encode this modality.
            CheckpointError: Its weights are missing or damaged.
            MissingDependencyError: It needs a package that is not installed.
        """
        from sensebind.perception.encoders.registry import open_encoder  # with PyTorch

        return open_encoder(self.encoder, self.checkpoint, self.modality, self._options())

    def _options(self) -> EncoderOptions:
        return EncoderOptions(
            device=self.device,
            precision=self.precision,
            segment=self.segment,
            sensor_height=self.sensor_height,
            sensor_tilt=self.sensor_tilt,
        )

    @property
    def modules(self) -> list[str]:
        """Modules that the worker will import by path; a launcher imports them beforehand."""
        specs = [self.source, *([self.enhance] if self.enhance else [])]
        encoder = module_of(self.encoder)
        named = [spec.factory.partition(":")[0] for spec in specs]
        return [*named, *([encoder] if encoder else [])]
