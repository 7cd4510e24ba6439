"""The sections of `robot.yaml`. Every field is plain data; nothing is imported or opened here."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Field, FiniteFloat, model_validator

from sensebind.agent.robot.body_sections import IntrinsicsConfig, MountConfig
from sensebind.agent.robot.body_sections import MotionConfig as MotionConfig
from sensebind.agent.robot.body_sections import PolicyConfig as PolicyConfig
from sensebind.agent.robot.body_sections import PoseConfig as PoseConfig
from sensebind.agent.robot.section import IMPORT_PATH, Section
from sensebind.agent.robot.voice_section import VoiceConfig as VoiceConfig
from sensebind.errors import ConfigurationError
from sensebind.perception.bus.addresses import is_loopback
from sensebind.perception.bus.key_directory import default_directory
from sensebind.perception.geometry.tree import BASE
from sensebind.perception.ros.names import MAX_DOMAIN, checked_namespace
from sensebind.perception.ros.session import ROUTER, checked_endpoints
from sensebind.perception.workers.spec import Device, Precision

Encoder = Annotated[str, Field(min_length=1, max_length=4096)]
"""Name of an encoder, such as "clip:DIRECTORY"."""


class CacheConfig(Section):
    """The visual cache.

    Attributes:
        k: Number of neighbours.
        temperature: Of the softmax over their similarities.
        weight: Share of the neighbours' mean in the result.
    """

    k: Annotated[int, Field(ge=1, le=1000)] = 10
    temperature: Annotated[float, Field(gt=0)] = 20.0
    weight: Annotated[float, Field(ge=0, le=1)] = 0.5


class StreamConfig(Section):
    """One stream of a sensor.

    Attributes:
        source: "KIND:TARGET", or a mapping with that under `source` and options of the kind.
        modality: vision, audio, point or depth; where the kind of source does not say it, or to
            have a lidar's sweep encoded whole, as a depth image.
        loop: Play a file, a recording or a bag again when it ends.
        speed: Of what is played; 2 is twice as fast, 0 as fast as it is encoded.
        enhance: Whether the visual cache enhances it; by default all but vision, and nothing that
            another encoder than the checkpoint's own encodes.
        encoder: What encodes it, in place of the robot's `encoder`.
        process: Streams of the same name here share one encoder process.
        rate: At most this many percepts per second.
        load: Share of the time that encoding may take; a slower encoder lowers the rate.
        threshold: Change, 0 to 1, below which a sample is not encoded again; 0 encodes all.
        refresh: Seconds after which an unchanged stream publishes its embedding again.
        max_age: Seconds; older observations are not encoded.
        reopen: Seconds of silence after which a device is closed and opened again.
        threads: Of the encoder, on a CPU.
        device: Where the encoder computes: cpu, cuda, cuda:1.
        precision: In which numbers it computes; int8 is for CPUs.
        segment: Whether a point cloud is a whole sweep of which the nearest object is meant.
        sensor_height: Of a lidar above the floor, metres; as its mount says, where it has one.
        jpeg_quality: Of the images sent along with vision; 0 sends none.
        max_memory_mb: Of the worker; above it the process is started again. 0 is no limit.
            `sensebind config check` measures what the worker needs at least.
        mount: Where the sensor sits on the robot. Without it nothing is located with its samples.
        frame: Link of `urdf:` that it sits at, or frame of the source's own transforms, in place of
            a mount; an ending `_optical` or `_optical_frame` means a camera's optical frame.
        intrinsics: Of a camera's lens.
        calibration: File of them in place of `intrinsics`: a camera_info YAML of ROS, as
            `sensebind calibrate` writes it.
    """

    source: str | dict[str, Any]
    modality: Literal["vision", "audio", "point", "depth"] | None = None
    loop: bool | None = None
    speed: Annotated[float | None, Field(ge=0)] = None
    enhance: bool | None = None
    encoder: Encoder | None = None
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
    sensor_height: FiniteFloat = 0.60
    jpeg_quality: Annotated[int, Field(ge=0, le=100)] = 90
    max_memory_mb: Annotated[int, Field(ge=0)] = 0
    mount: MountConfig | None = None
    frame: Annotated[str, Field(max_length=200)] = ""
    intrinsics: IntrinsicsConfig | None = None
    calibration: Path | None = None

    @model_validator(mode="after")
    def _int8_is_for_cpus(self) -> Self:
        if self.precision == "int8" and self.device != "cpu":
            raise ValueError(f"precision int8 is for device cpu, not for {self.device}")
        return self

    @model_validator(mode="after")
    def _one_of_each(self) -> Self:
        if self.mount is not None and self.frame:
            raise ValueError("give mount: or frame:, not both: each says where the sensor sits")
        if self.intrinsics is not None and self.calibration is not None:
            raise ValueError("give intrinsics: or calibration:, not both")
        return self


class BusConfig(Section):
    """How other machines reach the percepts.

    Attributes:
        listen: Endpoint for all streams, such as tcp://0.0.0.0:7000; "" stays on this machine.
        frames: Endpoint for frames by reference; "" serves this machine only.
        keys: Key directory, see `sensebind keys`.
    """

    listen: str = ""
    frames: str = ""
    keys: Path = Field(default_factory=default_directory)


class FramesConfig(Section):
    """What is kept of the raw observations, for each stream.

    Attributes:
        keep: `all`, or `none` for a robot that keeps no raw observation.
        directory: Of the frame store; in the robot's state directory by default.
        max_mb: Megabytes.
        max_hours: Hours.
    """

    keep: Literal["all", "none"] = "all"
    directory: Path | None = None
    max_mb: Annotated[int, Field(ge=1)] = 512
    max_hours: Annotated[float, Field(gt=0)] = 24.0


class MetricsConfig(Section):
    """Where Prometheus finds /metrics.

    Attributes:
        port: 0 takes a free one.
        host: Interface; this machine only by default, any other needs a token.
        token: `env:NAME` or `file:PATH` of what callers must know (`Authorization: Bearer TOKEN`).
    """

    port: Annotated[int, Field(ge=0, le=65535)] = 9464
    host: str = "127.0.0.1"
    token: Annotated[str, Field(pattern="^((env|file):.+)?$")] = ""

    @model_validator(mode="after")
    def _others_need_a_token(self) -> Self:
        if not self.token and not is_loopback(self.host):
            raise ValueError(
                f"host {self.host} can be reached from other machines: give a token, such as "
                "env:METRICS_TOKEN"
            )
        return self


class RerunConfig(Section):
    """The Rerun viewer.

    Attributes:
        address: Of a running viewer; "" writes to a file.
        file: Where to write.
        rate: Samples per second and stream, at most.
    """

    address: str = ""
    file: Path | None = None
    rate: Annotated[float, Field(gt=0, le=30)] = 5.0


class FoxgloveConfig(Section):
    """What Foxglove shows of the robot live, on this machine alone.

    Attributes:
        port: Of 127.0.0.1; 0 takes a free one, which is logged.
        rate: Messages per second and stream, at most.
        origins: Web pages that may connect, by their `Origin`: Foxglove's own by default. What has
            none, such as a script, may connect as well.
    """

    port: Annotated[int, Field(ge=0, le=65_535)] = 8765
    rate: Annotated[float, Field(gt=0, le=100)] = 10.0
    origins: tuple[Annotated[str, Field(pattern=r"^[a-z][a-z0-9+.-]*://[^/\s]*$")], ...] = (
        "https://app.foxglove.dev",
    )


class RosConfig(Section):
    """What the robot publishes on a ROS 2 graph over zenoh (rmw_zenoh); needs the extra `zenoh`.

    Attributes:
        publish: Any of `tags` (words for every percept), `objects` (of point clouds), `detections`
            (what the detector finds in the images of the first camera) and `log`.
        connect: Endpoint of zenoh's router, or of a peer, such as tcp/192.168.1.20:7447; several
            are tried in turn. This machine's router by default; nobody else is met.
        domain: ROS_DOMAIN_ID.
        namespace: Before the topics; the robot's name by default.
        rate: Messages per second of each topic of tags and objects, at most.
        detection_rate: Images per second that the detector looks at for `detections`.
    """

    publish: Annotated[
        tuple[Literal["tags", "objects", "detections", "log"], ...], Field(min_length=1)
    ] = ("tags", "objects", "log")
    connect: str | tuple[str, ...] = ROUTER
    domain: Annotated[int, Field(ge=0, le=MAX_DOMAIN)] = 0
    namespace: str = ""
    rate: Annotated[float, Field(gt=0, le=100)] = 5.0
    detection_rate: Annotated[float, Field(gt=0, le=30)] = 1.0

    @model_validator(mode="after")
    def _names_of_ros(self) -> Self:
        try:
            checked_endpoints(self.connect)
            checked_namespace(self.namespace)
        except ConfigurationError as error:
            raise ValueError(str(error)) from error
        return self


class SimHomeConfig(Section):
    """A simulated home that is started with the robot.

    Attributes:
        seed: Which home.
        rooms: How many rooms it has: one, or three with doorways between them.
        port: Of its sensors; 0 takes a free one.
        house_port: Of its devices' HTTP API; 0 takes a free one.
        camera: Where its camera really is, in the robot's frame: the simulator renders from there,
            and nothing else reads it. What is located with the camera goes by its stream's mount.
    """

    seed: Annotated[int, Field(ge=0)] = 7180
    rooms: Literal[1, 3] = 1
    port: Annotated[int, Field(ge=0, le=65535)] = 5601
    house_port: Annotated[int, Field(ge=0, le=65535)] = 0
    camera: MountConfig | None = None

    @model_validator(mode="after")
    def _on_the_base(self) -> Self:
        if self.camera is not None and self.camera.parent != BASE:
            raise ValueError(f"camera: its parent is {BASE}")
        return self


OURS = "sensebind"
GGUF = "gguf"
"""What stands before the colon of the gated models, which are computed on this machine."""


class LlmConfig(Section):
    """The language model.

    Attributes:
        model: `sensebind`, `sensebind:DIR`, `gguf:FILE`, `openai:MODEL`, `ollama:MODEL`, or what
            LangChain's `init_chat_model` understands.
        images: Whether the model takes images; what its provider says by default.
        audio: Whether the model takes sound.
        options: For the model, such as `temperature` or `base_url`.
    """

    model: str = "sensebind"
    images: bool | None = None
    audio: bool = False
    options: dict[str, Any] = Field(default_factory=dict)

    @model_validator(mode="before")
    @classmethod
    def _name_alone(cls, given: Any) -> Any:
        return {"model": given} if isinstance(given, str) else given

    @classmethod
    def typed(cls, model: str) -> Self:
        """The model that a person names on a command line.

        Paths there are relative to the working directory, and not to the robot's file.
        """
        found = cls(model=model)
        if found.ours and found.place:
            return cls(model=f"{found.provider}:{Path(found.place).absolute()}")
        return found

    @property
    def provider(self) -> str:
        """Who computes it: what stands before the colon."""
        return self.model.partition(":")[0]

    @property
    def place(self) -> str:
        """What stands behind the colon: the directory or file of ours, or a model's name."""
        return self.model.partition(":")[2]

    @property
    def ours(self) -> bool:
        """Whether it is a gated model, which takes embeddings, on this machine."""
        return self.provider in (OURS, GGUF)


class MemoryConfig(Section):
    """What was perceived, in episodes.

    Attributes:
        file: SQLite file; memory.sqlite in the robot's state directory by default.
        max_days: Days after which an episode is forgotten.
        max_mb: What the file may hold before the oldest episodes are forgotten.
    """

    file: Path | None = None
    max_days: Annotated[float, Field(gt=0)] = 30.0
    max_mb: Annotated[int, Field(ge=1)] = 2048


class WatchConfig(Section):
    """Something to speak up about.

    Attributes:
        what: In words, such as "a dog".
        sense: sight, hearing or scan; "" is all.
        run: Tool to run instead of speaking: NAME or NAME {"argument": 1}.
    """

    what: Annotated[str, Field(min_length=1, max_length=300)]
    sense: Literal["", "sight", "hearing", "scan"] = ""
    run: str = ""

    @model_validator(mode="before")
    @classmethod
    def _words_alone(cls, given: Any) -> Any:
        return {"what": given} if isinstance(given, str) else given


class NoOptions(Section):
    """A tool that is named and no more."""


class CodesToolConfig(Section):
    """`codes`: QR codes, barcodes, ArUco markers and AprilTags.

    Attributes:
        dictionary: OpenCV's name of the markers' dictionary, such as DICT_APRILTAG_36h11.
        sizes: Length of a side in metres by kind (qr, aruco), or by kind and text ("aruco 7"), for
            their places.
    """

    dictionary: Annotated[str, Field(pattern="^DICT_[A-Za-z0-9_]+$")] = "DICT_4X4_50"
    sizes: dict[str, Annotated[FiniteFloat, Field(gt=0, le=10)]] = Field(default_factory=dict)


class ReadToolConfig(Section):
    """`read`: the text in view; needs the extra `ocr`.

    Attributes:
        least: Least confidence of a line, 0 to 1.
    """

    least: Annotated[FiniteFloat, Field(ge=0, le=1)] = 0.5


class DetectToolConfig(Section):
    """`detect`: objects of the kinds that a detector knows.

    Attributes:
        checkpoint: Directory of the detector; `detector/` in the robot's checkpoint by default.
        places: Whether it says where objects are. By default where that is known, unless the
            language model is the embedded one, which was trained on answers without places.
    """

    checkpoint: Path | None = None
    places: bool | None = None


class FindToolConfig(Section):
    """`find`: objects by words, with a zero-shot detector.

    Attributes:
        checkpoint: Directory of the detector, such as Grounding DINO.
        places: As for `detect`.
    """

    checkpoint: Path
    places: bool | None = None


class OpenApiToolConfig(Section):
    """Operations of an HTTP API.

    Attributes:
        document: OpenAPI 3 document, a file or an URL.
        allow: Operations that become tools; all by default.
        base_url: Of the server, where the document does not say it.
        private: Hosts of this machine or network that may be called.
        auth: Security scheme to `env:NAME` or `file:PATH`; a secret is never in this file.
    """

    document: str
    allow: tuple[str, ...] | None = None
    base_url: str = ""
    private: tuple[str, ...] = ()
    auth: dict[str, Annotated[str, Field(pattern="^(env|file):.+$")]] = Field(default_factory=dict)


class McpToolConfig(Section):
    """Tools of MCP servers.

    Attributes:
        servers: Name to connection, as langchain-mcp-adapters takes it.
        allow: Names of tools to offer; all by default.
        trusted: Servers whose word that a tool only reads is believed.
    """

    servers: Annotated[dict[str, dict[str, Any]], Field(min_length=1)]
    allow: tuple[str, ...] | None = None
    trusted: tuple[str, ...] = ()


class PythonToolConfig(Section):
    """Tools of your own.

    Attributes:
        factory: `package.module:name`, called with the `ToolContext`; returns a tool or several.
    """

    factory: Annotated[str, Field(pattern=IMPORT_PATH)]
