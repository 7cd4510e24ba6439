"""Sections of `robot.yaml` about the robot's body: where its sensors sit, and how it moves."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import Field, FiniteFloat, model_validator

from sensebind.agent.robot.section import IMPORT_PATH, Section
from sensebind.errors import ConfigurationError
from sensebind.perception.geometry.lens import COEFFICIENTS, LensModel
from sensebind.perception.geometry.tree import BASE
from sensebind.perception.ros.names import MAX_DOMAIN, checked_topic
from sensebind.perception.ros.session import ROUTER, checked_endpoints

MOVING = ("drive", "turn", "go_to", "approach")
"""Tools of `motion:` that move the robot."""

Three = tuple[FiniteFloat, FiniteFloat, FiniteFloat]


class MountConfig(Section):
    """Where something sits: x ahead, y left, z up (REP 103), as a joint of URDF says it.

    Attributes:
        parent: `base_link` (on the floor, below the point about which the robot turns), the name
            of another stream, or a link of `urdf:`.
        xyz: Metres from the parent.
        rpy: Roll, pitch, yaw, radians, about the parent's axes: positive pitch looks down, positive
            yaw to the left. A camera's x axis is the way it looks; its optical frame follows.
    """

    parent: Annotated[str, Field(min_length=1, max_length=200)] = BASE
    xyz: Three = (0.0, 0.0, 0.0)
    rpy: Three = (0.0, 0.0, 0.0)

    @model_validator(mode="after")
    def _metres_and_radians(self) -> Self:
        if max(map(abs, self.xyz)) > 100:
            raise ValueError(f"xyz {list(self.xyz)} is in metres, and no sensor sits that far off")
        if max(map(abs, self.rpy)) > 6.3:
            raise ValueError(f"rpy {list(self.rpy)} is in radians: 90 degrees are 1.5708")
        return self


class IntrinsicsConfig(Section):
    """The lens of a camera, in pixels; OpenCV's and ROS' numbers.

    Attributes:
        fx: Focal length along the rows.
        fy: Focal length along the columns.
        cx: Column of the principal point; the middle of the first pixel is 0.
        cy: Row of the principal point.
        width: Of the images that these numbers are for; without it, of the images that come.
        height: Of these images, likewise.
        model: plumb_bob, rational_polynomial or equidistant; by default as the number of
            coefficients says (up to 5, or 8).
        distortion: Its coefficients; none for a lens that does not distort.
    """

    fx: Annotated[FiniteFloat, Field(gt=0)]
    fy: Annotated[FiniteFloat, Field(gt=0)]
    cx: FiniteFloat
    cy: FiniteFloat
    width: Annotated[int, Field(gt=0, le=100_000)] | None = None
    height: Annotated[int, Field(gt=0, le=100_000)] | None = None
    model: LensModel | None = None
    distortion: tuple[FiniteFloat, ...] = ()

    @property
    def lens(self) -> LensModel:
        """The model, also where the file does not name it."""
        return self.model or ("rational_polynomial" if len(self.distortion) == 8 else "plumb_bob")

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if len(self.distortion) not in (counts := COEFFICIENTS[self.lens]):
            known = " or ".join(map(str, counts))
            raise ValueError(
                f"{len(self.distortion)} distortion coefficients; {self.lens} has {known}"
            )
        if (self.width is None) != (self.height is None):
            raise ValueError("width and height go together")
        return self


class PolicyConfig(Section):
    """What tools may do; see `sensebind.agent.Policy`.

    Attributes:
        approved: Tools that act without a question. Those that move the robot need a base that
            guards itself, `fence`, `max_distance`, mounts, and a `sensebind doctor` that passes
            when the robot starts.
        forbidden: Tools that never run.
        spoken: Tools whose calls a person may approve by voice; never one that moves the robot.
        rates: Calls per minute by risk class: observe, change, move.
        max_sight_age: Seconds; the robot does not move on an older image.
        fence: x0, y0, x1, y1 in metres of the robot's odometry that it never leaves.
        max_distance: Metres in one movement; 1 by default.
        max_route: Metres of the whole way of one `go_to`; `max_distance` by default.
    """

    approved: tuple[str, ...] = ()
    forbidden: tuple[str, ...] = ()
    spoken: tuple[str, ...] = ()
    rates: dict[Literal["observe", "change", "move"], Annotated[int, Field(ge=0)]] = Field(
        default_factory=dict
    )
    max_sight_age: Annotated[float, Field(gt=0)] = 1.0
    fence: tuple[FiniteFloat, FiniteFloat, FiniteFloat, FiniteFloat] | None = None
    max_distance: Annotated[FiniteFloat, Field(gt=0)] | None = None
    max_route: Annotated[FiniteFloat, Field(gt=0)] | None = None

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        if self.fence is not None:
            x0, y0, x1, y1 = self.fence
            if not (x0 < x1 and y0 < y1):
                raise ValueError(f"fence {list(self.fence)} is not x0 < x1, y0 < y1")
        if moving := set(self.spoken) & set(MOVING):
            raise ValueError(f"spoken: {min(moving)} moves the robot: it is not approved by voice")
        if both := set(self.approved) & set(self.forbidden):
            raise ValueError(f"{min(both)} is both approved and forbidden")
        return self


class FootprintConfig(Section):
    """The outline of the robot, metres from the point about which it turns.

    Attributes:
        front: To the foremost point.
        back: To the hindmost point.
        half_width: To either side.
        disc: Whether it is round; `front` is its radius then. A number alone is such a radius.
    """

    front: Annotated[FiniteFloat, Field(gt=0, le=3)]
    back: Annotated[FiniteFloat, Field(gt=0, le=3)]
    half_width: Annotated[FiniteFloat, Field(gt=0, le=3)]
    disc: bool = False

    @model_validator(mode="before")
    @classmethod
    def _radius_alone(cls, given: Any) -> Any:
        if isinstance(given, int | float) and not isinstance(given, bool):
            return {"front": given, "back": given, "half_width": given, "disc": True}
        return given


class PoseConfig(Section):
    """How the robot knows where it is; what it perceives is remembered with its place.

    Attributes:
        source: `motion`, the odometry of the base; `simhome`, that of the simulated home; or
            `zenoh:TOPIC`, a topic of a ROS 2 graph: Odometry, PoseStamped,
            PoseWithCovarianceStamped, or transforms (`zenoh:/tf`, read with `/tf_static`). What is
            played from files has the places of a file: `bag:FILE`, by a topic of these types, or
            `replay:FILE`, a recording. By default that of `motion:`, else of `simhome:`, else of
            the recording that all streams play.
        frame: `map` where places hold for ever, as those of a SLAM or of a base that knows its
            home; `odom` where they hold for one run. By default what the topic says, `map` in the
            simulated home, and `odom` for another base.
        connect: Endpoint of zenoh's router, or of a peer; several are tried in turn.
        domain: ROS_DOMAIN_ID.
        namespace: Before a relative topic.
        topic: Of a bag: the topic that says where the robot was; by default the only one.
        base: Of transforms: the robot's frame, whose place is looked for.
        fixed: Of transforms: the frame that places are in. By default `frame`, or else `map`, or
            `odom` where nothing connects the robot with `map`.
    """

    source: Annotated[str, Field(pattern=r"^(|motion|simhome|zenoh:\S+|(bag|replay):.+)$")] = ""
    frame: Literal["map", "odom"] | None = None
    connect: str | tuple[str, ...] = ROUTER
    domain: Annotated[int, Field(ge=0, le=MAX_DOMAIN)] = 0
    namespace: str = "/"
    topic: Annotated[str, Field(max_length=255)] = ""
    base: Annotated[str, Field(min_length=1, max_length=100)] = BASE
    fixed: Annotated[str, Field(max_length=100)] = ""

    @model_validator(mode="before")
    @classmethod
    def _source_alone(cls, given: Any) -> Any:
        return {"source": given} if isinstance(given, str) else given

    @model_validator(mode="after")
    def _names_of_ros(self) -> Self:
        bag = self.source.startswith("bag:")
        if self.graph_topic is None and not bag and (self.fixed or self.base != BASE):
            raise ValueError("base: and fixed: are of transforms, such as source: zenoh:/tf")
        if self.topic and not bag:
            raise ValueError("topic: is of a bag, such as source: bag:FILE")
        if (topic := self.graph_topic) is not None:
            try:
                checked_endpoints(self.connect)
                checked_topic(topic, self.namespace)
            except ConfigurationError as error:
                raise ValueError(str(error)) from error
        return self

    @property
    def graph_topic(self) -> str | None:
        """The topic of a ROS 2 graph that it is read from; None of another source."""
        kind, _, target = self.source.partition(":")
        return target if kind == "zenoh" else None

    @property
    def file(self) -> str | None:
        """The file that it is read from, as it is written; None of another source."""
        kind, _, target = self.source.partition(":")
        return target if kind in ("bag", "replay") else None


class MotionConfig(Section):
    """What moves the robot.

    Attributes:
        class_: `package.module:Class` (`class` in the file) of a `Mover` or a `Base`, or `simhome`.
        arguments: Keyword arguments of the class.
        footprint: Outline of the robot; a `Base` needs it.
        lidar: Source of the sweeps that a `Base` is guarded with, as of a stream: the driving
            process owns that device. Its mount is that of the stream that reads the sweeps.
        relay: Endpoint at which the sweeps are passed on, for a stream `sweeps:ENDPOINT`.
        heights: Metres above the floor between which a return is an obstacle.
        max_speed: Metres per second.
        max_turn_rate: Radians per second.
        max_acceleration: Metres per second squared.
        max_turn_acceleration: Radians per second squared.
        braking: Metres per second squared that the base reaches when it is commanded to stand.
        turn_braking: Radians per second squared, likewise.
        delay: Seconds from a command until the base follows it.
        keep_away: Metres that stay free between the robot's outline and what is ahead of it.
        off_course: Metres from the planned way at which a movement is ended.
        sweep_age: Seconds; without a sweep as new as that the robot does not drive.
        max_distance: Older place of `policy: {max_distance}`.
        fence: Older place of `policy: {fence}`.
        driving: Older place of the fields of the driving process.
    """

    class_: Annotated[str, Field(alias="class", pattern=rf"^simhome$|{IMPORT_PATH}")]
    arguments: dict[str, Any] = Field(default_factory=dict)
    footprint: FootprintConfig | None = None
    lidar: str | dict[str, Any] | None = None
    relay: str = ""
    heights: tuple[FiniteFloat, FiniteFloat] = (0.04, 1.0)
    max_speed: Annotated[float, Field(gt=0, le=5)] = 0.5
    max_turn_rate: Annotated[float, Field(gt=0, le=7)] = 1.0
    max_acceleration: Annotated[float, Field(gt=0, le=10)] = 0.6
    max_turn_acceleration: Annotated[float, Field(gt=0, le=50)] = 2.5
    braking: Annotated[float, Field(gt=0, le=20)] = 1.0
    turn_braking: Annotated[float, Field(gt=0, le=100)] = 4.0
    delay: Annotated[float, Field(ge=0, le=2)] = 0.1
    keep_away: Annotated[float, Field(ge=0, le=2)] = 0.1
    off_course: Annotated[float, Field(gt=0, le=2)] = 0.25
    sweep_age: Annotated[float, Field(gt=0, le=1)] = 0.5
    max_distance: Annotated[float | None, Field(gt=0)] = None
    fence: tuple[float, float, float, float] | None = None
    driving: dict[str, Any] = Field(default_factory=dict)

    @model_validator(mode="before")
    @classmethod
    def _name_alone(cls, given: Any) -> Any:
        return {"class": given} if isinstance(given, str) else given
