"""Follows where a robot is: by its base, its simulated home, a topic of ROS 2, or a file."""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Self

from sensebind.agent.robot.body_sections import PoseConfig
from sensebind.agent.robot.config import RobotConfig
from sensebind.agent.robot.control_messages import Poses, RobotPose
from sensebind.agent.robot.simhome import HomeProcess
from sensebind.errors import ToolError, one_line
from sensebind.perception.geometry.chain import ODOM
from sensebind.perception.geometry.pose import MAP, PoseTrack
from sensebind.perception.simhome.client import RobotClient
from sensebind.tools.motion import Motion
from sensebind.tools.motion.contracts import Place, ToBase

if TYPE_CHECKING:
    from sensebind.perception.sources.pose_topic import PoseTopic
    from sensebind.perception.sources.stored_poses import StoredPoses

log = logging.getLogger(__name__)

_INTERVAL = 0.1  # seconds between two poses of a base: 6 cm at SimHome's speed
_SILENCE = 3.0  # seconds without a pose that are worth a warning
Read = Callable[[], tuple[float, float, float]]
"""Returns x and y in metres and the heading in radians, or raises."""


class Follower:
    """Asks a base where it is, ten times a second. A context manager.

    Args:
        read: Returns the pose.
        track: Takes it.
    """

    def __init__(self, read: Read, track: PoseTrack) -> None:
        self._read = read
        self._track = track
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="whereabouts", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        known, said = time.monotonic(), False
        while not self._stop.wait(_INTERVAL):
            asked = time.monotonic()
            try:
                pose = self._read()
                now = time.monotonic()
                self._track.add((asked + now) / 2, *pose)
                known, said = now, False
                self._track.lost = ""
            except Exception as error:  # a base of somebody's own raises what it likes
                # A busy machine is silent for a moment now and then; what lasts is said once.
                if asked - known > _SILENCE and not said:
                    self._track.lost = one_line(error)
                    log.warning("the robot does not know where it is: %s", self._track.lost)
                    said = True


def track_of(config: RobotConfig) -> PoseTrack | None:
    """Return what will hold where a robot is; None for one that cannot know it.

    Args:
        config: The robot's file.
    """
    source = _source(config)
    if config.pose is None or not source:
        return None
    if (stored := stored_poses(config)) is not None:
        return stored
    simulated = source == "simhome" or (
        source == "motion" and config.motion is not None and config.motion.class_ == "simhome"
    )
    return PoseTrack(config.pose.frame or (MAP if simulated else ODOM))


def followed(
    config: RobotConfig, track: PoseTrack, motion: Motion | None, home: HomeProcess | None
) -> AbstractContextManager[object]:
    """Return what follows a robot while it is entered.

    Args:
        config: The robot's file, of which `track_of` made the track.
        track: Takes the poses.
        motion: What moves the robot.
        home: The simulated home, where the robot is in one.
    """
    pose, source = config.pose, _source(config)
    assert pose is not None
    if isinstance(track, AbstractContextManager):
        return track  # of a file: it reads itself
    if pose.graph_topic is not None:
        return pose_topic(pose, track)
    if source == "motion":
        assert motion is not None, "the file's validation asks for motion:"
        return Follower(motion.pose, track)
    assert home is not None, "the file's validation asks for simhome:"
    return Follower(lambda: RobotClient(home.server.robot).pose(), track)


def stored_poses(config: RobotConfig) -> StoredPoses | None:
    """Return what reads the poses of a file while it is entered; None for another source.

    Args:
        config: The robot's file.
    """
    pose = config.pose
    if pose is None or not followed_by_file(config):
        return None
    kind, _, target = _source(config).partition(":")
    from sensebind.perception.sources.stored_poses import BagPoses, RecordedPoses

    path = config.resolve(Path(target))
    if kind == "replay":
        return RecordedPoses(path, expected=bool(pose.source))
    return BagPoses(path, pose.topic, pose.frame or "", pose.base, pose.fixed)


def pose_topic(section: PoseConfig, track: PoseTrack) -> PoseTopic:
    """Return what follows a topic while it is entered.

    Args:
        section: `pose:`, which names a topic.
        track: Takes the poses.
    """
    from sensebind.perception.sources.pose_topic import PoseTopic

    assert section.graph_topic is not None
    return PoseTopic(
        section.graph_topic,
        track,
        section.connect,
        section.domain,
        section.namespace,
        renames=section.frame is None,
        base=section.base,
        fixed=section.fixed or section.frame or "",
    )


def to_base(track: PoseTrack, pose: Read, *, same: bool) -> ToBase:
    """Return how a remembered place is turned into one of the base's odometry.

    Args:
        track: Where the robot is, as it is remembered.
        pose: Returns where it is by its base.
        same: Whether both are the same.
    """

    def moved(place: Place) -> Place:
        if same:
            return place
        here = track.at(time.monotonic())
        if here is None:
            raise ToolError("nobody says where the robot is now")
        x, y, heading = pose()
        turn = heading - here.yaw
        ahead, left = place[0] - here.x, place[1] - here.y
        return (
            x + ahead * math.cos(turn) - left * math.sin(turn),
            y + ahead * math.sin(turn) + left * math.cos(turn),
        )

    return moved


def poses_since(track: PoseTrack, since: float | None) -> Poses:
    """Return the poses of a track for whoever records them.

    Args:
        track: Where the robot is and was.
        since: `Poses.until` of the answer before; None returns no poses, and where to go on.
    """
    found = track.newer(float("-inf") if since is None else since)
    if not found:
        return Poses(since)
    until = found[-1][0]
    if since is None:
        return Poses(until)
    wall = track.captured_at
    return Poses(until, [RobotPose(wall(at), o.x, o.y, o.yaw, o.frame) for at, o in found])


def followed_by_base(config: RobotConfig) -> bool:
    """Whether where a robot is, is what its base says."""
    return _source(config) == "motion"


def followed_by_file(config: RobotConfig) -> bool:
    """Whether where a robot is, is read from a bag or a recording."""
    return _source(config).partition(":")[0] in ("bag", "replay")


def _source(config: RobotConfig) -> str:
    """Where poses come from; "" from nowhere."""
    if config.pose is None:
        return ""
    usual = "motion" if config.motion is not None else "simhome" if config.simhome else ""
    return config.pose.source or usual or _played(config)


def _played(config: RobotConfig) -> str:
    """The recording that all streams play, as a source of poses; "" for other streams."""
    sources = {
        str(one.source.get("source", "")) if isinstance(one.source, dict) else one.source
        for one in config.streams.values()
    }
    [only] = sources if len(sources) == 1 else [""]
    return only if only.startswith("replay:") else ""
