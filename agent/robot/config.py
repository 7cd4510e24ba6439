"""`robot.yaml` as a whole: what a robot has, and the workers that follow from it."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, PrivateAttr, field_validator, model_validator

from sensebind.agent.robot.body_sections import MOVING
from sensebind.agent.robot.encoders import (
    NAMING,
    check_directory,
    check_spaces,
    stream_encoder,
)
from sensebind.agent.robot.named_files import check_named_files, check_played
from sensebind.agent.robot.places import Places, make_places
from sensebind.agent.robot.run_directory import (
    CONTROL,
    NAME_PATTERN,
    run_directory,
    run_name,
)
from sensebind.agent.robot.sections import (
    BusConfig,
    CacheConfig,
    Encoder,
    FoxgloveConfig,
    FramesConfig,
    LlmConfig,
    MemoryConfig,
    MetricsConfig,
    MotionConfig,
    PolicyConfig,
    PoseConfig,
    RerunConfig,
    RosConfig,
    Section,
    SimHomeConfig,
    StreamConfig,
    VoiceConfig,
    WatchConfig,
)
from sensebind.agent.robot.stream_kinds import kind_of, stream_modality
from sensebind.agent.robot.tool_kinds import TOOL_KINDS, ToolConfig, check_tool
from sensebind.agent.robot.trust import check_trusted
from sensebind.checkpoints import default_checkpoint
from sensebind.checkpoints.layout import imagebind_directory
from sensebind.errors import CheckpointError, ConfigurationError
from sensebind.perception.encoders.names import OWN
from sensebind.perception.geometry.tree import Transform
from sensebind.perception.modality import Modality
from sensebind.perception.stream_names import STREAM_PATTERN
from sensebind.perception.workers.spec import FactorySpec, FramesSpec, WorkerSpec

_SOURCES = "sensebind.perception.sources.registry:open_source"
_ENHANCER = "sensebind.memory.visual_cache:load_enhancer"
_NOT_OF_WORKERS = {
    "source",
    "modality",
    "loop",
    "speed",
    "enhance",
    "encoder",
    "max_memory_mb",
    "mount",
    "frame",
    "intrinsics",
    "calibration",
}
_SAME_HEIGHT = 0.05  # metres by which a lidar's `sensor_height` may differ from its mount
_PLAYED = frozenset({"audio", "bag", "cloud", "replay", "video"})
"""Kinds of sources whose target is a file or folder, which ends, and may be played again."""


def state_root() -> Path:
    """Return the folder in which each robot has its state directory."""
    state = Path(os.environ.get("XDG_STATE_HOME") or "~/.local/state").expanduser()
    return state / "sensebind"


class RobotConfig(Section):
    """A robot.

    Attributes:
        name: Comes before the names of its streams, so that several robots can be distinguished.
        checkpoint: Directory of the weights; the embedded ones by default.
        encoder: What encodes the streams: "imagebind", that of the weights, or another one, such as
            "clip:DIRECTORY"; a stream may name its own.
        cache: The visual cache; null leaves it off.
        streams: By name.
        bus: How other machines reach the percepts.
        frames: What is kept of the raw observations; null, or `keep: none`, keeps nothing.
        metrics: Where Prometheus finds /metrics; null serves none.
        rerun: The Rerun viewer; null leaves it off.
        foxglove: Where Foxglove sees the robot live; null serves nothing.
        ros: What is published on a ROS 2 graph; null publishes nothing.
        simhome: A simulated home that is started with the robot; null starts none.
        llm: The language model; null runs the streams without an agent.
        memory: What was perceived; null remembers nothing.
        watches: What to speak up about.
        tools: What the language model may call.
        motion: What moves the robot; null keeps it still.
        pose: How it knows where it is; null remembers no places.
        policy: What tools may do.
        voice: How it is spoken with.
        urdf: Description of the robot, whose fixed joints say where its links sit.
    """

    name: Annotated[str, Field(pattern=NAME_PATTERN)] = ""
    checkpoint: Path | None = None
    encoder: Encoder = OWN
    cache: CacheConfig | None = CacheConfig()
    streams: Annotated[
        dict[Annotated[str, Field(pattern=STREAM_PATTERN)], StreamConfig],
        Field(min_length=1, max_length=64),
    ]
    bus: BusConfig = Field(default_factory=BusConfig)
    frames: FramesConfig | None = FramesConfig()
    metrics: MetricsConfig | None = None
    rerun: RerunConfig | None = None
    foxglove: FoxgloveConfig | None = None
    ros: RosConfig | None = None
    simhome: SimHomeConfig | None = None
    llm: LlmConfig | None = None
    memory: MemoryConfig | None = None
    watches: tuple[WatchConfig, ...] = ()
    tools: tuple[ToolConfig, ...] = ()
    motion: MotionConfig | None = None
    pose: PoseConfig | None = PoseConfig()
    policy: PolicyConfig = Field(default_factory=PolicyConfig)
    voice: VoiceConfig = Field(default_factory=VoiceConfig)
    urdf: Path | None = None

    _file: Path = PrivateAttr(default_factory=lambda: Path("robot.yaml"))
    _apart: Path | None = PrivateAttr(default=None)

    @model_validator(mode="before")
    @classmethod
    def _older_places(cls, given: Any) -> Any:
        """Bring what `motion:` held before to where it belongs; `old_spellings` names it."""
        motion = given.get("motion") if isinstance(given, dict) else None
        policy = given.get("policy", {}) if isinstance(given, dict) else None
        if not isinstance(motion, dict) or not isinstance(policy, dict):
            return given
        moved = {key: motion[key] for key in ("fence", "max_distance") if motion.get(key)}
        if twice := moved.keys() & policy.keys():
            raise ValueError(
                f"{min(twice)} stands in motion: and in policy:; it belongs to policy:"
            )
        return {**given, "policy": {**policy, **moved}} if moved else given

    @field_validator("frames")
    @classmethod
    def _kept_frames(cls, frames: FramesConfig | None) -> FramesConfig | None:
        return None if frames is None or frames.keep == "none" else frames

    @field_validator("tools")
    @classmethod
    def _known_tools(cls, tools: tuple[ToolConfig, ...]) -> tuple[ToolConfig, ...]:
        for tool in tools:
            check_tool(tool.kind)
        return tools

    @model_validator(mode="after")
    def _parts_that_need_others(self) -> RobotConfig:
        needs = {
            tool.kind: TOOL_KINDS[tool.kind].needs for tool in self.tools if tool.kind in TOOL_KINDS
        }
        needy = [kind for kind, section in needs.items() if section == "memory"]
        if self.memory is None and needy:
            raise ValueError(f"the tool {min(needy)} needs memory: (`memory: {{}}` will do)")
        if self.memory is None and self.watches:
            raise ValueError("watches: need memory: (`memory: {}` will do)")
        if self.ros is not None and "detections" in self.ros.publish and self.llm is None:
            raise ValueError("ros: publish: detections needs llm:, with which the detector runs")
        simulated = [kind for kind, section in needs.items() if section == "simhome"]
        if self.motion is not None and self.motion.class_ == "simhome":
            simulated.append("motion: simhome")
        if self.pose is not None and self.pose.source == "simhome":
            simulated.append("pose: simhome")
        if self.pose is not None and self.pose.source == "motion" and self.motion is None:
            raise ValueError("pose: motion needs motion:, whose base it is read from")
        if self.simhome is None and simulated:
            raise ValueError(f"{simulated[0]} is of the simulated home, and needs simhome:")
        return self

    def located(self, file: Path) -> RobotConfig:
        """Return this robot as described in `file`, to whose folder paths are relative."""
        config = self.model_copy()
        config._file = file
        return config

    def kept_apart(self, folder: Path) -> RobotConfig:
        """Return this robot with its sockets and its state in a folder that nobody else looks into.

        It runs next to others of its name, and keeps nothing once the folder is removed.

        Args:
            folder: Of this run alone, for this user alone.
        """
        config = self.model_copy()
        config._apart = folder
        return config

    @property
    def apart(self) -> bool:
        """Whether the robot has a folder of its own, see `kept_apart`."""
        return self._apart is not None

    def resolve(self, path: Path) -> Path:
        """Return a path of the file, relative to the file's folder."""
        return self._file.parent / path.expanduser()

    @property
    def old_spellings(self) -> list[str]:
        """What the file writes as earlier versions did, one line for each."""
        found = []
        if (motion := self.motion) is not None:
            for key in ("fence", "max_distance"):
                if getattr(motion, key) is not None:
                    found.append(f"motion: {key}: is now a key of policy:")
            if motion.driving:
                keys = ", ".join(sorted(map(str, motion.driving)))
                found.append(
                    f"motion: driving: {{{keys}}}: these are now keys of motion: (speed is "
                    "max_speed), and the lidar's mount is that of its stream"
                )
        return found

    def places(self) -> Places:
        """Return where the robot's sensors sit; files that say it are read at every call.

        Raises:
            ConfigurationError: A calibration, URDF or bag cannot be used, or frames do not lead to
                the robot.
        """
        perceived = {name: stream_modality(name, one) for name, one in self.streams.items()}
        return make_places(self.streams, perceived, self.resolve, self.urdf)

    def guarding_lidar(self, places: Places) -> Transform:
        """Return the pose of the lidar that guards the robot, in its frame on the floor.

        It is that of `guarding_stream` among those with a mount.

        Raises:
            ConfigurationError: It has no mount.
        """
        stream = self.guarding_stream(places.lidars)
        if stream is not None:
            return places.lidars[stream]
        modalities = {stream: stream_modality(stream, one) for stream, one in self.streams.items()}
        lacking = [
            f"{stream}: {missing}"
            for stream, missing in places.missing.items()
            if modalities[stream] is Modality.POINT
        ]
        raise ConfigurationError(
            "motion: the lidar that guards the robot has no mount: "
            + ("; ".join(lacking) or "add a stream that reads it, with a mount")
        )

    def guarding_stream(self, lidars: Iterable[str]) -> str | None:
        """Return which of these streams has the lidar that guards the robot; None of none.

        It is the stream that reads the sweeps which the driving process passes on, or else the
        first one.
        """
        relay = self.motion.relay if self.motion is not None else ""
        found = list(lidars)
        relayed = (one for one in found if relay and self.streams[one].source == f"sweeps:{relay}")
        return next(relayed, next(iter(found), None))

    def moves_unasked(self) -> tuple[str, ...]:
        """Return the tools of `motion:` that `policy: {approved}` lets act without a question."""
        return tuple(name for name in MOVING if name in self.policy.approved)

    @property
    def names_code(self) -> bool:
        """Whether the file names code to import, which makes it code itself."""
        own_motion = self.motion is not None and self.motion.class_ != "simhome"
        return own_motion or any(tool.kind == "python" for tool in self.tools)

    @property
    def directory(self) -> Path:
        """Where the sockets of the running robot are: a folder of each run's own."""
        return run_directory(self.run_name) if self._apart is None else self._apart / "run"

    @property
    def run_name(self) -> str:
        """What the robot's lock and its folders are called."""
        return run_name(self.name)

    @property
    def control_socket(self) -> Path:
        """Where clients of this machine talk with the running robot."""
        return self.directory / CONTROL

    @property
    def voice_microphone(self) -> str:
        """Where the voice hears: a stream, or a source of its own."""
        own = (s for s, one in self.streams.items() if kind_of(one) == "microphone")
        return self.voice.microphone or next(own, "microphone:default")

    @property
    def shared_sound(self) -> str | None:
        """Where the stream that serves the voice, too, hands its sound on; None without one."""
        stream = self.streams.get(self.voice_microphone)
        if stream is None or kind_of(stream) != "microphone":
            return None
        return f"ipc://{self.directory / self.stream_names[self.voice_microphone]}.sound"

    @property
    def state_directory(self) -> Path:
        """Where the robot keeps what outlives it: frames, memory, dialogs, the audit log."""
        return state_root() / self.run_name if self._apart is None else self._apart / "state"

    @property
    def weights(self) -> Path:
        """Directory of the weights.

        Raises:
            CheckpointError: The installed package carries none.
        """
        return self.resolve(self.checkpoint) if self.checkpoint else default_checkpoint()

    @property
    def memory_file(self) -> Path:
        """SQLite file of the episodes."""
        file = self.memory.file if self.memory is not None else None
        return self.resolve(file) if file else self.state_directory / "memory.sqlite"

    @property
    def stream_names(self) -> dict[str, str]:
        """Names on the bus by names in the file."""
        prefix = f"{self.name}." if self.name else ""
        return {stream: f"{prefix}{stream}" for stream in self.streams}

    @property
    def endpoints(self) -> dict[str, str]:
        """Where each stream of the running robot is published on this machine."""
        return {name: f"ipc://{self.directory / name}" for name in self.stream_names.values()}

    @property
    def frames_endpoint(self) -> str:
        """Where the running robot gives frames by reference on this machine; "" keeps none."""
        return f"ipc://{self.directory / 'frames'}" if self.frames is not None else ""

    @property
    def modalities(self) -> dict[str, str]:
        """What each stream perceives, by its name on the bus.

        Raises:
            ConfigurationError: The file must say it and does not.
        """
        names = self.stream_names
        return {names[s]: stream_modality(s, c).value for s, c in self.streams.items()}

    def workers(self, sensors: str = "") -> list[WorkerSpec]:
        """Return what the supervisor is to run.

        Args:
            sensors: Address of the simulated home's sensors, where it runs on a free port.

        Raises:
            ConfigurationError: The parts do not fit together.
            CheckpointError: The weights lack a part that is needed.
        """
        checkpoint = self.weights
        imagebind = imagebind_directory(checkpoint)
        enhance = self._enhancer(checkpoint)
        frames = self.frame_spec if self.frames is not None else None
        lidars = self.places().lidars
        naming = [one for one in NAMING if getattr(self, one) is not None]
        workers = []
        for stream, config in self.streams.items():
            modality = stream_modality(stream, config)
            named = config.encoder or self.encoder
            encoder = stream_encoder(stream, named, naming, self.resolve)
            usual = modality != Modality.VISION and encoder == OWN
            wanted = config.enhance if config.enhance is not None else usual
            shared = config.model_dump(exclude=_NOT_OF_WORKERS)
            if (lidar := lidars.get(stream)) is not None:
                shared["sensor_height"] = _height(stream, config, float(lidar.translation[2]))
                shared["sensor_tilt"] = lidar.rpy[:2]
            source = FactorySpec(factory=_SOURCES, arguments=self._source(stream, config, sensors))
            workers.append(
                WorkerSpec(
                    stream=self.stream_names[stream],
                    modality=modality,
                    source=source,
                    checkpoint=imagebind,
                    encoder=encoder,
                    enhance=enhance if wanted else None,
                    frames=frames,
                    max_memory=config.max_memory_mb << 20,
                    **shared,
                )
            )
        return workers

    def check(self) -> list[WorkerSpec]:
        """Check what can be known without opening a device: sources, their options, files.

        Returns:
            What the supervisor is to run.

        Raises:
            SenseBindError: Something is wrong; the message names the stream and what to do.
        """
        if self.names_code:
            check_trusted(self._file)
        workers = self.workers()
        for (stream, config), worker in zip(self.streams.items(), workers, strict=True):
            spec = config.source if isinstance(config.source, dict) else {"source": config.source}
            kind, _, target = str(spec.get("source", "")).partition(":")
            worker.source.build()
            if kind in _PLAYED:
                check_played(stream, kind, target, self.resolve)
            check_directory(stream, worker.encoder)
        file = self.pose.file if self.pose is not None else None
        if file is not None and not (path := self.resolve(Path(file))).exists():
            raise ConfigurationError(
                f"pose: {path} does not exist: paths are relative to the robot's file"
            )
        check_named_files(self.llm, self.tools, self.resolve)
        self._check_motion()
        check_spaces(self.llm, self.weights, self.resolve)
        return workers

    def _check_motion(self) -> None:
        """Refuse a guarding lidar without a mount, and unasked movements that lack a limit.

        Raises:
            ConfigurationError: Something is missing; the message names all of it.
        """
        motion = self.motion
        if motion is not None and (motion.lidar or motion.class_ == "simhome"):
            self.guarding_lidar(self.places())
        if not (unasked := self.moves_unasked()):
            return
        missing = [
            name
            for name, given in (
                ("motion:", self.motion),
                ("policy: {fence}", self.policy.fence),
                ("policy: {max_distance}", self.policy.max_distance),
            )
            if given is None
        ]
        places = self.places()
        missing += [f"{stream}: {what}" for stream, what in places.missing.items()]
        if not places.lidars and not places.cameras and not places.missing:
            missing.append("a camera or lidar with a mount")
        if missing:
            raise ConfigurationError(
                f"policy: approved: {', '.join(unasked)} would move the robot without a question; "
                f"this also needs {'; '.join(missing)}"
            )

    def _source(self, stream: str, config: StreamConfig, sensors: str) -> dict[str, Any]:
        """Return the arguments of `open_source`."""
        spec = config.source
        options = dict(spec) if isinstance(spec, dict) else {"source": spec}
        kind, _, target = str(options.get("source", "")).partition(":")
        if kind == "simhome" and not target:
            if self.simhome is None:
                raise ConfigurationError(
                    f"{stream}: source 'simhome' needs a section simhome:, or an address such as "
                    "simhome:tcp://127.0.0.1:5601"
                )
            sensors = sensors or f"tcp://127.0.0.1:{self.simhome.port}"
            options["source"] = f"simhome:{sensors}"
            options.setdefault("sensor", stream)
        played = {"loop": config.loop, "speed": config.speed}
        given = {name: value for name, value in played.items() if value is not None}
        if kind in ("bag", "zenoh"):
            options.setdefault("modality", stream_modality(stream, config).value)
        if kind in _PLAYED:
            options["source"] = f"{kind}:{self.resolve(Path(target))}"
            options |= given
        elif stream == self.voice_microphone and self.shared_sound is not None:
            options["share"] = self.shared_sound
        if given and kind not in _PLAYED:
            raise ConfigurationError(
                f"{stream}: {', '.join(given)} is for what is played "
                f"({', '.join(sorted(_PLAYED))}), not for {kind!r}"
            )
        return {"spec": options, "stream": self.stream_names[stream]}

    def _enhancer(self, checkpoint: Path) -> FactorySpec | None:
        directory = checkpoint / "visual_cache"
        if self.cache is None or not directory.is_dir():
            if self.cache is not None and "cache" in self.model_fields_set:
                raise CheckpointError(f"no visual cache at {directory}: build one, or cache: null")
            return None
        arguments = {"directory": str(directory), **self.cache.model_dump()}
        return FactorySpec(factory=_ENHANCER, arguments=arguments)

    @property
    def frame_spec(self) -> FramesSpec:
        """Where frames are kept, and how many."""
        limits = self.frames or FramesConfig()
        own = self.state_directory / "frames"
        return FramesSpec(
            directory=self.resolve(limits.directory) if limits.directory else own,
            max_bytes=limits.max_mb << 20,
            max_age=3600 * limits.max_hours,
        )


def _height(stream: str, config: StreamConfig, mounted: float) -> float:
    """Return a lidar's height above the floor, which mount and `sensor_height` may both say.

    Raises:
        ConfigurationError: They contradict each other.
    """
    said = "sensor_height" in config.model_fields_set
    if said and abs(config.sensor_height - mounted) > _SAME_HEIGHT:
        raise ConfigurationError(
            f"{stream}: sensor_height is {config.sensor_height:g} m, and its mount puts it "
            f"{mounted:g} m above the floor: leave sensor_height out"
        )
    return config.sensor_height if said else mounted
