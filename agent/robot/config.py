"""`robot.yaml`: which senses a robot has, where they are published, and what is kept."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from sensebind.checkpoints import default_checkpoint
from sensebind.checkpoints.layout import CacheSettings, imagebind_directory
from sensebind.errors import CheckpointError, ConfigurationError
from sensebind.perception.bus.curve_keys import default_directory
from sensebind.perception.percept import STREAM_PATTERN, Modality
from sensebind.perception.sources.registry import FACTORY
from sensebind.perception.workers.spec import Device, FactorySpec, FramesSpec, Precision, WorkerSpec

_MAX_BYTES = 1_000_000
_ENHANCER = "sensebind.memory.visual_cache:load_enhancer"
_MODALITIES = {
    "camera": Modality.VISION, "video": Modality.VISION, "microphone": Modality.AUDIO,
    "audio": Modality.AUDIO, "velodyne": Modality.POINT, "cloud": Modality.POINT,
    "ouster": Modality.POINT, "lidar": Modality.POINT,
}  # fmt: skip
"""What a kind of source gives, and what a sensor of the simulated home is called."""


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class CacheConfig(_Strict):
    """The visual cache: `k` neighbours, `temperature` of the softmax, `weight` of what they say."""

    k: Annotated[int, Field(ge=1, le=1000)] = 10
    temperature: Annotated[float, Field(gt=0)] = 20.0
    weight: Annotated[float, Field(ge=0, le=1)] = 0.5


class StreamConfig(_Strict):
    """One sense.

    Attributes:
        source: "KIND:TARGET", or a mapping with that under `source` and options of the kind.
        modality: vision, audio, point or depth; where the kind of source does not say it, or to
            have a lidar's sweep encoded whole, as a picture of distances.
        enhance: Whether the visual cache enhances it; sounds and sweeps by default.

    The others are those of `perception.specs.WorkerSpec`.
    """

    source: str | dict[str, Any]
    modality: Literal["vision", "audio", "point", "depth"] | None = None
    enhance: bool | None = None
    process: str = ""
    rate: Annotated[float, Field(gt=0, le=1000)] = 8.0
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
    jpeg_quality: Annotated[int, Field(ge=0, le=100)] = 90
    max_memory_mb: Annotated[int, Field(ge=0)] = 0

    @model_validator(mode="after")
    def _int8_is_for_cpus(self) -> Self:
        if self.precision == "int8" and self.device != "cpu":
            raise ValueError(f"precision int8 is for device cpu, not for {self.device}")
        return self


class BusConfig(_Strict):
    """How other machines reach the percepts.

    Attributes:
        listen: Endpoint for all streams, such as tcp://0.0.0.0:7000; "" stays on this machine.
        frames: Endpoint for frames by reference; "" serves this machine only.
        keys: Key directory, see `sensebind keys`.
    """

    listen: str = ""
    frames: str = ""
    keys: Path = Field(default_factory=default_directory)


class FramesConfig(_Strict):
    """What is kept of the raw observations: so much, so long, for each stream."""

    directory: Path | None = None
    max_mb: Annotated[int, Field(ge=1)] = 512
    max_hours: Annotated[float, Field(gt=0)] = 24.0


class MetricsConfig(_Strict):
    """Where Prometheus finds /metrics; this machine only unless told otherwise."""

    port: Annotated[int, Field(ge=0, le=65535)] = 9464
    host: str = "127.0.0.1"


class RerunConfig(_Strict):
    """The Rerun viewer: `address` of a running one or "" for a file, `rate` per stream at most."""

    address: str = ""
    file: Path | None = None
    rate: Annotated[float, Field(gt=0, le=30)] = 5.0


class SimHomeConfig(_Strict):
    """A simulated home that is started beside: sources "simhome" are its sensors."""

    seed: Annotated[int, Field(ge=0)] = 7180
    port: Annotated[int, Field(ge=1, le=65535)] = 5601


class RobotConfig(_Strict):
    """A robot.

    Attributes:
        name: Comes before the names of its streams, so that several robots can be told apart.
        checkpoint: Directory of the weights; the embedded ones by default.
        cache: The visual cache; null leaves it off.
        streams: The senses by name. `bus`, `frames`, `metrics`, `rerun`, `simhome`: see there;
            null leaves the last four off.
    """

    name: Annotated[str, Field(pattern=r"^([A-Za-z0-9][A-Za-z0-9_-]{0,31})?$")] = ""
    checkpoint: Path | None = None
    cache: CacheConfig | None = CacheConfig()
    streams: Annotated[
        dict[Annotated[str, Field(pattern=STREAM_PATTERN)], StreamConfig],
        Field(min_length=1, max_length=64),
    ]
    bus: BusConfig = Field(default_factory=BusConfig)
    frames: FramesConfig | None = FramesConfig()
    metrics: MetricsConfig | None = None
    rerun: RerunConfig | None = None
    simhome: SimHomeConfig | None = None

    @property
    def directory(self) -> Path:
        """Where the sockets of the running robot are, and where `sensebind top` looks for them."""
        return runtime_directory() / (self.name or "robot")

    @property
    def stream_names(self) -> dict[str, str]:
        """Names on the bus by names in the file."""
        prefix = f"{self.name}." if self.name else ""
        return {stream: f"{prefix}{stream}" for stream in self.streams}

    @property
    def modalities(self) -> dict[str, str]:
        """What each stream perceives, by its name on the bus.

        Raises:
            ConfigurationError: The file must say it and does not.
        """
        names = self.stream_names
        return {names[s]: self._modality(s, c).value for s, c in self.streams.items()}

    def workers(self) -> list[WorkerSpec]:
        """Return what the supervisor is to run.

        Raises:
            ConfigurationError: The parts do not fit together.
            CheckpointError: The weights lack a part that is needed.
        """
        checkpoint = self.checkpoint or default_checkpoint()
        enhance = self._enhancer(checkpoint)
        frames = self.frame_spec if self.frames is not None else None
        workers = []
        for stream, config in self.streams.items():
            modality = self._modality(stream, config)
            wanted = config.enhance if config.enhance is not None else modality != Modality.VISION
            shared = config.model_dump(
                exclude={"source", "modality", "enhance", "max_memory_mb"}, exclude_none=True
            )
            workers.append(
                WorkerSpec(
                    stream=self.stream_names[stream],
                    modality=modality,
                    source=FactorySpec(factory=FACTORY, arguments=self._source(stream, config)),
                    checkpoint=imagebind_directory(checkpoint),
                    enhance=enhance if wanted else None,
                    frames=frames,
                    max_memory=config.max_memory_mb << 20,
                    **shared,
                )
            )
        return workers

    def _source(self, stream: str, config: StreamConfig) -> dict[str, Any]:
        """Return the arguments of `open_source`; sensors of our own home get its address."""
        spec = config.source
        options = dict(spec) if isinstance(spec, dict) else {"source": spec}
        if options.get("source") == "simhome":
            if self.simhome is None:
                raise ConfigurationError(
                    f"{stream}: source 'simhome' needs a section simhome:, or an address such as "
                    "simhome:tcp://127.0.0.1:5601"
                )
            options["source"] = f"simhome:tcp://127.0.0.1:{self.simhome.port}"
            options.setdefault("sensor", stream)
        return {"spec": options, "stream": self.stream_names[stream]}

    def _modality(self, stream: str, config: StreamConfig) -> Modality:
        if config.modality is not None:
            return Modality(config.modality)
        spec = config.source
        options = spec if isinstance(spec, dict) else {"source": spec}
        kind = str(options.get("source", "")).partition(":")[0]
        known = _MODALITIES.get(str(options.get("sensor", stream)) if kind == "simhome" else kind)
        if known is None:
            raise ConfigurationError(
                f"{stream}: say what a source {kind!r} gives: modality: vision, audio, point "
                "or depth"
            )
        return known

    def _enhancer(self, checkpoint: Path) -> FactorySpec | None:
        directory = checkpoint / "visual_cache"
        if self.cache is None or not directory.is_dir():
            if self.cache is not None and "cache" in self.model_fields_set:
                raise CheckpointError(f"no visual cache at {directory}: build one, or cache: null")
            return None
        settings = CacheSettings(**self.cache.model_dump())
        arguments = {"k": settings.k, "temperature": settings.temperature}
        return FactorySpec(
            factory=_ENHANCER,
            arguments={"directory": str(directory), "weight": settings.weight, **arguments},
        )

    @property
    def frame_spec(self) -> FramesSpec:
        """Where frames are kept, and how many."""
        limits = self.frames or FramesConfig()
        state = Path(os.environ.get("XDG_STATE_HOME") or "~/.local/state").expanduser()
        own = state / "sensebind" / (self.name or "robot") / "frames"
        return FramesSpec(
            directory=limits.directory.expanduser() if limits.directory else own,
            max_bytes=limits.max_mb << 20,
            max_age=3600 * limits.max_hours,
        )


def runtime_directory() -> Path:
    """Return where running robots have their sockets: of this user only, gone after a reboot."""
    base = os.environ.get("XDG_RUNTIME_DIR")
    if base and Path(base).is_dir():
        return Path(base) / "sensebind"
    return Path(tempfile.gettempdir()) / f"sensebind-{os.getuid()}"


def read_config(path: Path) -> RobotConfig:
    """Read a robot's file.

    Raises:
        ConfigurationError: It cannot be read, is no YAML, or a field is wrong; the message names
            the line and the field.
    """
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise ConfigurationError(f"{path} is larger than {_MAX_BYTES // 1_000_000} MB")
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise ConfigurationError(f"{path} cannot be read: {reason}") from error
    return parse_config(text, str(path))


def print_schema() -> int:
    """Print the JSON schema of robot.yaml, by which editors complete and check it."""
    print(json.dumps(RobotConfig.model_json_schema(), indent=2))
    return 0


def check(path: Path) -> int:
    """Read a robot's file and the weights that it names, and say that they are right.

    Raises:
        SenseBindError: They are not; the message names line and field.
    """
    workers = read_config(path).workers()
    print(f"{path}: {len(workers)} streams: {', '.join(one.stream for one in workers)}")
    return 0


def parse_config(text: str, name: str = "robot.yaml") -> RobotConfig:
    """Read a robot's description; `name` is said in errors.

    Raises:
        ConfigurationError: It is no YAML, or a field is wrong.
    """
    try:
        root = yaml.compose(text, yaml.SafeLoader)
        fields = yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f", line {mark.line + 1}" if mark is not None else ""
        problem = getattr(error, "problem", None) or str(error)
        raise ConfigurationError(f"{name}{where}: no YAML: {problem}") from error
    except RecursionError as error:
        raise ConfigurationError(f"{name}: nested too deeply") from error
    if not isinstance(fields, dict):
        raise ConfigurationError(f"{name}: a robot is described by fields such as streams:")
    try:
        return RobotConfig.model_validate(fields)
    except ValidationError as error:
        raise ConfigurationError(_explain(error, root, name)) from error


def _explain(error: ValidationError, root: yaml.Node | None, name: str) -> str:
    """Say for the first errors in which line and field they are."""
    told = []
    for one in error.errors(include_url=False)[:5]:
        path = [part for part in one["loc"] if part != "[key]"]
        field = ".".join(str(part) for part in path)
        message = one["msg"]
        if one["type"] == "extra_forbidden":
            message = f"there is no such field; there are {', '.join(_siblings(path))}"
        told.append(f"{name}, line {_line(root, path)}, {field or 'the whole'}: {message}")
    return "; ".join(told)


def _line(node: yaml.Node | None, path: Sequence[int | str]) -> int:
    """Return the line of the node that a path of keys leads to, or as far as it leads."""
    line = node.start_mark.line + 1 if node is not None else 1
    for part in path:
        if not isinstance(node, yaml.MappingNode):
            break
        found = next(((k, v) for k, v in node.value if k.value == str(part)), None)
        if found is None:
            break
        line, node = found[0].start_mark.line + 1, found[1]
    return line


def _siblings(path: Sequence[int | str]) -> list[str]:
    """Return the fields that are known where an unknown one was given."""
    models = {
        "streams": StreamConfig, "cache": CacheConfig, "bus": BusConfig, "frames": FramesConfig,
        "metrics": MetricsConfig, "rerun": RerunConfig, "simhome": SimHomeConfig,
    }  # fmt: skip
    model = models.get(str(path[0]), RobotConfig) if len(path) > 1 else RobotConfig
    return list(model.model_fields)
