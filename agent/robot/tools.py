"""The tools that `robot.yaml` names, made for a running robot.

A kind of tool is one row of `TOOL_KINDS` in `tool_kinds.py`. A package adds a kind by an entry
point, whose function takes the `ToolContext` and returns a tool or several:

    [project.entry-points."sensebind.tools"]
    arm = "my_package.arm:arm_tools"
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import cached_property
from importlib.metadata import entry_points
from importlib.util import find_spec
from pathlib import Path

from langchain_core.tools import BaseTool

from sensebind.agent.conditioning.awareness import MAX_AGE, Awareness
from sensebind.agent.robot.config import RobotConfig
from sensebind.agent.robot.mapping import Mapping, radius_of
from sensebind.agent.robot.memory import Remembering
from sensebind.agent.robot.motion import (
    MAX_SIGHT_AGE,
    SIMHOME_FOOTPRINT,
    DrivingProcess,
    moving_tools,
    own_motion,
    simhome_motion,
)
from sensebind.agent.robot.places import Places
from sensebind.agent.robot.sections import (
    CodesToolConfig,
    DetectToolConfig,
    FindToolConfig,
    McpToolConfig,
    OpenApiToolConfig,
    PythonToolConfig,
    ReadToolConfig,
    Section,
)
from sensebind.agent.robot.simhome import LOOPBACK, HomeProcess
from sensebind.agent.robot.teaching import taught_names
from sensebind.agent.robot.tool_kinds import TOOL_GROUP, TOOL_KINDS
from sensebind.agent.robot.whereabouts import Follower, followed_by_base, to_base
from sensebind.errors import (
    ConfigurationError,
    MissingDependencyError,
    ToolError,
    UnfamiliarError,
)
from sensebind.memory.taught import TaughtNames
from sensebind.perception.geometry.pose import PoseTrack
from sensebind.perception.geometry.tree import Camera, Transform
from sensebind.perception.modality import modality_info, modality_of
from sensebind.perception.percept import Modality, Observation
from sensebind.perception.sources.simhome import SimHomeSource
from sensebind.perception.workers.spec import FactorySpec
from sensebind.tools.api import ApiTools
from sensebind.tools.clock import clock_tool
from sensebind.tools.detection import (
    Detector,
    FrameProvider,
    ZeroShotDetector,
    detect_tool,
    find_tool,
    locator,
)
from sensebind.tools.markers import MarkerReader, markers_tool
from sensebind.tools.mcp import McpTools
from sensebind.tools.motion import Locator, ToBase
from sensebind.tools.motion.ride import Report
from sensebind.tools.motion.tools import Motion
from sensebind.tools.ranging import Ranging
from sensebind.tools.reading import TextReader, reading_tool
from sensebind.tools.teaching import teach_tool

_SWEEP_SECONDS = 1.0  # longest wait for a sweep of the lidar


@dataclass
class ToolContext:
    """What tools are made from.

    Attributes:
        config: The robot's file.
        awareness: The newest percepts, and the frames behind them.
        memory: The robot's memory; None if it keeps none.
        home: The simulated home; None on a real robot.
        stack: Closes what a tool opened when the robot ends.
        report: Called about stops of the robot.
        driving: Starts the driving process, where there is one.
        names: What the robot was taught; opened where it is needed by default.
        motion: What moves the robot, once its tools are made; None for one that stands.
        track: Where the robot is and was; None where that is not known.
    """

    config: RobotConfig
    awareness: Awareness
    memory: Remembering | None
    home: HomeProcess | None
    stack: ExitStack
    report: Report | None = None
    driving: DrivingProcess = field(default_factory=DrivingProcess)
    names: TaughtNames | None = None
    motion: Motion | None = None
    track: PoseTrack | None = None

    def sight_ages(self) -> dict[str, float]:
        """Return the age in seconds of each camera's newest percept."""
        report = self.awareness.report().values()
        return {one.stream: one.age_ms / 1e3 for one in report if one.modality == "vision"}

    def frame(self) -> Observation:
        """Return the newest image of the robot's first camera.

        Raises:
            SourceError: There is none, or it is stale.
        """
        return self.awareness.frame(self.first(Modality.VISION), MAX_AGE)

    def known_frame(self) -> Observation:
        """As `frame`, for what comes with the robot's weights and knows no more than they do.

        Raises:
            UnfamiliarError: The weights do not know what the camera sees.
            SourceError: As `frame`.
        """
        stream = self.first(Modality.VISION)
        if not self.awareness.newest(stream, MAX_AGE).header.known:
            raise UnfamiliarError(f"{stream} sees something that the weights do not know")
        return self.frame()

    @property
    def detected(self) -> FrameProvider:
        """Frames for `detector`: one of the checkpoint's own knows no more than its encoders."""
        for tool in self.config.tools:
            if tool.kind == "detect":
                own = DetectToolConfig.model_validate(tool.options).checkpoint is None
                return self.known_frame if own else self.frame
        return self.known_frame

    def sweep(self) -> Observation:
        """Return the newest sweep of the robot's first lidar.

        Raises:
            SourceError: There is none, or it is stale.
        """
        if self._simulated_lidar is not None:
            self.awareness.check_open(self.first(Modality.POINT))
            return self._simulated_lidar.read_latest(MAX_AGE, _SWEEP_SECONDS)
        return self.awareness.frame(self.first(Modality.POINT), MAX_AGE)

    def sweeps(self) -> Callable[[], Observation]:
        """Return what gives the newest sweep, as `sweep`, to a thread of its own."""
        if self.home is None:
            return self.sweep
        source = self.stack.enter_context(SimHomeSource(self.home.server.sensors, "lidar"))

        def newest() -> Observation:
            self.awareness.check_open(self.first(Modality.POINT))
            return source.read_latest(MAX_AGE, _SWEEP_SECONDS)

        return newest

    @cached_property
    def places(self) -> Places:
        """Where the robot's sensors sit."""
        return self.config.places()

    @cached_property
    def camera(self) -> Camera | None:
        """The camera of `frame`; None where its mount or its lens is not known."""
        names = self.config.stream_names
        cameras = {names[name]: camera for name, camera in self.places.cameras.items()}
        return cameras.get(self._named(Modality.VISION))

    @cached_property
    def lidar(self) -> Transform | None:
        """Pose of the lidar of `sweep` in the robot's frame on the floor; None where not known."""
        names = self.config.stream_names
        lidars = {names[name]: pose for name, pose in self.places.lidars.items()}
        return lidars.get(self._named(Modality.POINT))

    @cached_property
    def ranging(self) -> Ranging | None:
        """Where objects of `frame` are, by `sweep`; None where camera or lidar has no place."""
        lidar = self.lidar
        if self.camera is None or lidar is None:
            return None
        return Ranging(self.sweep, self.camera, lidar)

    def ranging_for(self, tool: str, wanted: bool | None) -> Ranging | None:
        """Return what a tool locates objects with, or None.

        Args:
            tool: Its kind, for the message.
            wanted: What the file says; None leaves it to the language model: the embedded one was
                trained on answers without places.

        Raises:
            ConfigurationError: Places are wanted, and a camera or a lidar has none.
        """
        if wanted and self.ranging is None:
            missing = "; ".join(f"{one}: {what}" for one, what in self.places.missing.items())
            raise ConfigurationError(
                f"tools: {tool}: places need a camera and a lidar with mounts"
                + (f" ({missing})" if missing else "")
            )
        llm = self.config.llm
        ours = llm is not None and llm.ours
        return self.ranging if wanted or (wanted is None and not ours) else None

    @cached_property
    def detector(self) -> Detector | None:
        """The detector of `detect`, or of the checkpoint; None if there is neither."""
        for tool in self.config.tools:
            if tool.kind == "detect":
                return open_detector(self.config, DetectToolConfig.model_validate(tool.options))
        return open_detector(self.config, DetectToolConfig())

    def first(self, modality: Modality) -> str:
        """Return the robot's first stream of a modality.

        Raises:
            ConfigurationError: It has none.
        """
        if not (stream := self._named(modality)):
            raise ConfigurationError(f"the robot has no stream of modality {modality.value}")
        return stream

    def _named(self, modality: Modality) -> str:
        """Return the first stream of a modality, or ""."""
        modalities = self.config.modalities.items()
        return next((stream for stream, one in modalities if one == modality.value), "")

    @cached_property
    def _simulated_lidar(self) -> SimHomeSource | None:
        if self.home is None:
            return None
        return self.stack.enter_context(SimHomeSource(self.home.server.sensors, "lidar"))


def open_detector(config: RobotConfig, section: DetectToolConfig) -> Detector | None:
    """Return the detector that `detect:` names, else the checkpoint's own, or None.

    Raises:
        CheckpointError: What is named is not a detector.
    """
    if section.checkpoint is not None:
        return Detector.from_pretrained(config.resolve(section.checkpoint))
    own = config.weights / "detector"
    return Detector.from_pretrained(own) if own.is_dir() else None


def open_finder(config: RobotConfig, section: FindToolConfig) -> ZeroShotDetector:
    """Return the zero-shot detector that `find:` names.

    Raises:
        CheckpointError: It is not one.
    """
    return ZeroShotDetector.from_pretrained(config.resolve(section.checkpoint))


def open_api(config: RobotConfig, section: OpenApiToolConfig) -> ApiTools:
    """Return the API that `openapi:` describes; the caller closes it.

    Raises:
        SenseBindError: The document cannot be read, lacks an allowed operation, or a secret is
            not there.
    """
    source: str | Path = section.document
    if "://" not in section.document:
        source = config.resolve(Path(section.document))
    return ApiTools.from_source(
        source,
        section.base_url,
        private=section.private,
        auth=section.auth,
        allow=section.allow,
    )


def mcp_servers(section: McpToolConfig) -> McpTools:
    """Return the servers of `mcp:`; entering the context connects.

    Raises:
        MissingDependencyError: The extra is not installed.
    """
    return McpTools(section.servers, allow=section.allow, trusted=section.trusted)


def house_api(home: HomeProcess) -> ApiTools:
    """Return the API of a simulated home's devices; the caller closes it.

    Raises:
        InputError: The home does not answer.
    """
    return ApiTools.fetch(home.server.house, private=[LOOPBACK])


def make_tools(context: ToolContext) -> list[BaseTool]:
    """Return the tools of a robot, in the order of its file; those that move it come last.

    Raises:
        SenseBindError: One cannot be made; the message names it.
    """
    tools: list[BaseTool] = []
    for entry in context.config.tools:
        if (kind := TOOL_KINDS.get(entry.kind)) is not None:
            tools += kind.maker(context, kind.section.model_validate(entry.options))
        else:
            [plugin] = entry_points(group=TOOL_GROUP, name=entry.kind)
            tools += _own(plugin.value, context)
    return [*tools, *_moving(context)]


def make_clock(_context: ToolContext, _section: Section) -> list[BaseTool]:
    """Return the tool that says what time it is."""
    return [clock_tool()]


def make_codes(context: ToolContext, section: CodesToolConfig) -> list[BaseTool]:
    """Return the tool that reads codes in the newest image."""
    reader = MarkerReader(dictionary=section.dictionary, sizes=section.sizes, camera=context.camera)
    return [markers_tool(reader, context.frame, max_age=MAX_AGE)]


def make_read(context: ToolContext, section: ReadToolConfig) -> list[BaseTool]:
    """Return the tool that reads the text in the newest image.

    Raises:
        MissingDependencyError: RapidOCR is not installed.
    """
    return [reading_tool(open_reader(section), context.frame, max_age=MAX_AGE)]


def open_reader(section: ReadToolConfig) -> TextReader:
    """Return what `read:` describes.

    Raises:
        MissingDependencyError: RapidOCR is not installed.
    """
    if find_spec("rapidocr") is None:
        raise MissingDependencyError("tools: read needs RapidOCR: pip install 'sensebind[ocr]'")
    return TextReader(least=section.least)


def make_teach(context: ToolContext, _section: Section) -> list[BaseTool]:
    """Return the tool that gives what is perceived now a name."""
    names = context.names if context.names is not None else taught_names(context.config)

    def teach(name: str, sense: str) -> int:
        modality = Modality(modality_of(sense))
        percept = context.awareness.newest(context.first(modality), MAX_AGE)
        header = percept.header
        if not header.present:
            raise ToolError(modality_info(modality.value).nothing)
        return names.teach(
            name,
            modality.value,
            [percept.embedding],
            at=time.time_ns(),
            references=[header.observation],
        )

    return [teach_tool(teach)]


def make_detect(context: ToolContext, section: DetectToolConfig) -> list[BaseTool]:
    """Return the tool that looks for objects of kinds that a detector knows."""
    if context.detector is None:
        raise ConfigurationError(
            f"tools: detect: no detector in {context.config.weights}: name one "
            "(`- detect: {checkpoint: DIR}`), or leave it out"
        )
    ranging = context.ranging_for("detect", section.places)
    return [detect_tool(context.detector, context.detected, max_age=MAX_AGE, ranging=ranging)]


def make_find(context: ToolContext, section: FindToolConfig) -> list[BaseTool]:
    """Return the tool that looks for objects by words."""
    detector = open_finder(context.config, section)
    ranging = context.ranging_for("find", section.places)
    return [find_tool(detector, context.frame, max_age=MAX_AGE, ranging=ranging)]


def make_house(context: ToolContext, _section: Section) -> list[BaseTool]:
    """Return the tools of the simulated home's devices."""
    assert context.home is not None, "the file's validation asks for simhome:"
    return context.stack.enter_context(house_api(context.home)).tools()


def make_openapi(context: ToolContext, section: OpenApiToolConfig) -> list[BaseTool]:
    """Return one tool an operation of an HTTP API."""
    return context.stack.enter_context(open_api(context.config, section)).tools()


def make_mcp(context: ToolContext, section: McpToolConfig) -> list[BaseTool]:
    """Return the tools of MCP servers."""
    return context.stack.enter_context(mcp_servers(section)).tools()


def make_python(context: ToolContext, section: PythonToolConfig) -> list[BaseTool]:
    """Return the tools that a function of the user's makes."""
    return _own(section.factory, context)


def make_recall(context: ToolContext, _section: Section) -> list[BaseTool]:
    """Return the tool that searches the robot's memory."""
    assert context.memory is not None, "the file's validation asks for memory:"
    return [context.memory.recall_tool()]


def make_watch(context: ToolContext, _section: Section) -> list[BaseTool]:
    """Return the tools that add, list and remove watches."""
    assert context.memory is not None, "the file's validation asks for memory:"
    return context.memory.watch_tools()


def _moving(context: ToolContext) -> Sequence[BaseTool]:
    section = context.config.motion
    if section is None:
        return []
    seen = Modality.VISION.value in context.config.modalities.values()
    ages = context.sight_ages if seen else None
    config, places = context.config, context.places
    stack, report, driving = context.stack, context.report, context.driving
    if section.class_ == "simhome":
        assert context.home is not None, "the file's validation asks for simhome:"
        server = context.home.server
        addresses = server.robot, server.sensors
        motion = simhome_motion(config, places, addresses, stack, ages, report, driving)
    else:
        motion = own_motion(config, places, stack, ages, report, driving)
    context.motion = motion
    locate: Locator | None = None
    if context.ranging is not None and context.detector is not None:
        locate = locator(context.detector, context.detected, context.ranging, max_age=MAX_SIGHT_AGE)
    return moving_tools(motion, locate, _going_back(context, motion))


def _going_back(context: ToolContext, motion: Motion) -> ToBase | None:
    """Give what moves the robot a map, and return how places that are remembered are driven to.

    None where nobody remembers places, or no lidar sees the way there. The embedded language model
    goes to no places: it was trained without.
    """
    config, track = context.config, context.track
    if track is None or context.memory is None or config.pose is None:
        return None
    section, lidar = config.motion, context.lidar
    if (config.llm is not None and config.llm.ours) or section is None or lidar is None:
        return None
    simulated = section.class_ == "simhome"
    footprint = section.footprint or (SIMHOME_FOOTPRINT if simulated else None)
    if footprint is None:
        return None
    same = followed_by_base(config)
    # The map is the base's own: a localization corrects itself by jumps, and its odometry does not.
    own = track if same else PoseTrack("odom")
    mapping = Mapping(context.sweeps(), lidar, own, radius_of(footprint), section.heights)
    context.stack.enter_context(mapping)
    if not same:
        context.stack.enter_context(Follower(motion.pose, own))
    motion.router = mapping.route
    return to_base(track, motion.pose, same=same)


def _own(factory: str, context: ToolContext) -> list[BaseTool]:
    """Call a factory of the user's, and check what it returns."""
    made = FactorySpec(factory=factory, arguments={"context": context}).build()
    tools = [made] if isinstance(made, BaseTool) else made
    if not isinstance(tools, Iterable) or not all(isinstance(one, BaseTool) for one in tools):
        raise ConfigurationError(f"{factory} must return a LangChain tool, or a list of them")
    return list(tools)
