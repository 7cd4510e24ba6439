"""What `sensebind doctor` finds of where a robot is."""

from __future__ import annotations

import time
from collections.abc import Iterator

from sensebind.agent.robot.checks import Check, Verdict
from sensebind.agent.robot.config import RobotConfig
from sensebind.errors import SenseBindError
from sensebind.perception.geometry.pose import PoseTrack

_LISTENS = 5.0  # seconds until a pose must have come
_LOOK = 0.05


def examine_pose(robot: RobotConfig) -> Iterator[Check]:
    """Follow where the robot is for a moment, if its file names a topic for that.

    Args:
        robot: The robot's file.
    """
    if robot.pose is None or robot.pose.topic is None:
        return  # a base and a simulated home are examined as such
    track = PoseTrack()
    mend = "correct pose:, start what publishes it, or write pose: null"
    try:
        found = _heard(robot, track)
    except SenseBindError as error:
        found, track.lost = "", str(error)
    if found:
        yield Check("pose", Verdict.OK, found)
    else:
        lost = track.lost or f"{robot.pose.source} says nothing for {_LISTENS:g} s"
        yield Check("pose", Verdict.WARNING, lost, mend)


def _heard(robot: RobotConfig, track: PoseTrack) -> str:
    from sensebind.agent.robot.whereabouts import pose_topic  # takes what moves robots in

    assert robot.pose is not None
    with pose_topic(robot.pose, track):
        until = time.monotonic() + _LISTENS
        while time.monotonic() < until:
            if (pose := track.at(time.monotonic())) is not None:
                return f"{robot.pose.source} says {pose} in {pose.frame.partition(':')[0]}"
            if track.lost:
                break
            time.sleep(_LOOK)
    return ""
