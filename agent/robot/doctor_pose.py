"""What `sensebind doctor` finds of where a robot is."""

from __future__ import annotations

import time
from collections.abc import Iterator

from sensebind.agent.robot.checks import Check, Verdict
from sensebind.agent.robot.config import RobotConfig
from sensebind.errors import SenseBindError
from sensebind.perception.geometry.pose import Pose, PoseTrack

_LISTENS = 5.0  # seconds until a pose must have come
_READS = 60.0  # seconds for a file to be read
_LOOK = 0.05


def examine_pose(robot: RobotConfig) -> Iterator[Check]:
    """Look where the robot is, if its file names a topic or a file for that.

    Args:
        robot: The robot's file.
    """
    section = robot.pose
    if section is None or not section.source or section.source in ("motion", "simhome"):
        return  # a base and a simulated home are examined as such
    mend = "correct pose:, start what publishes it, or write pose: null"
    try:
        track, found = _heard(robot) if section.graph_topic is not None else _read(robot)
    except SenseBindError as error:
        yield Check("pose", Verdict.WARNING, str(error), mend)
        return
    if found:
        yield Check("pose", Verdict.OK, f"{section.source} says {found}")
    else:
        lost = track.lost or f"{section.source} says nothing"
        yield Check("pose", Verdict.WARNING, lost, mend)


def _heard(robot: RobotConfig) -> tuple[PoseTrack, str]:
    from sensebind.agent.robot.whereabouts import pose_topic  # takes what moves robots in

    assert robot.pose is not None
    track = PoseTrack()
    with pose_topic(robot.pose, track):
        until = time.monotonic() + _LISTENS
        while time.monotonic() < until and not track.lost:
            if (pose := track.at(time.monotonic())) is not None:
                return track, f"{pose} in {_frame(pose)}"
            time.sleep(_LOOK)
    return track, ""


def _read(robot: RobotConfig) -> tuple[PoseTrack, str]:
    from sensebind.agent.robot.whereabouts import stored_poses

    track = stored_poses(robot)
    assert track is not None
    with track:
        track.wait(_READS)
        if (reach := track.reach()) is None:
            return track, ""
    first, last, pose = reach
    return track, f"{last - first:.0f} s in {_frame(pose)}"


def _frame(pose: Pose) -> str:
    return pose.frame.partition(":")[0]
