"""What `sensebind doctor` finds on a ROS 2 graph over zenoh."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sensebind.agent.robot.checks import Check, Verdict
from sensebind.agent.robot.config import RobotConfig
from sensebind.agent.robot.sections import RosConfig
from sensebind.errors import SenseBindError
from sensebind.perception.geometry.lens import Intrinsics
from sensebind.perception.geometry.tree import OPTICAL, FrameTree
from sensebind.perception.modality import Modality
from sensebind.perception.ros.names import checked_topic
from sensebind.perception.ros.session import ROUTER, checked_endpoints, publishers, session_to
from sensebind.perception.sources.zenoh_frames import read_graph_frames


def examine_graph(section: RosConfig) -> Check:
    """Look whether there is a graph to publish on; a robot runs without one."""
    try:
        with session_to(checked_endpoints(section.connect)) as session:
            topics = {one.topic for one in publishers(session, section.domain)}
    except SenseBindError as error:
        mend = "correct ros: connect:, or leave ros: out"
        return Check("ros", Verdict.WARNING, str(error), mend)
    return Check("ros", Verdict.OK, f"{len(topics)} topics in domain {section.domain}")


def place_on_graph(robot: RobotConfig, stream: str) -> str:
    """Return what to write for a stream of a ROS 2 topic, as the graph says it; "" if nothing does.

    It is not used by itself: whoever reaches the graph could say where the lidar that guards the
    robot sits.

    Args:
        robot: The robot's file.
        stream: Name of one of its streams in the file.
    """
    source = robot.streams[stream].source
    options: Mapping[str, Any] = source if isinstance(source, dict) else {"source": source}
    kind, _, target = str(options.get("source", "")).partition(":")
    if kind != "zenoh":
        return ""
    try:
        found = read_graph_frames(
            checked_topic(target, str(options.get("namespace", "/"))),
            checked_endpoints(options.get("connect", ROUTER)),
            int(options.get("domain", 0)),
        )
        if not found.joints or not found.frame:
            return ""
        pose = FrameTree(found.joints).pose(found.frame)
    except (SenseBindError, ValueError):
        return ""
    if robot.streams[stream].modality == Modality.VISION.value:
        pose = pose @ OPTICAL.inverse()  # a mount is that of the camera's body
    written = f"mount: {{xyz: {_numbers(pose.translation)}, rpy: {_numbers(pose.rpy)}}}"
    return f"{written}, {_lens(found.intrinsics)}" if found.intrinsics is not None else written


def _lens(lens: Intrinsics) -> str:
    size = f", width: {lens.width}, height: {lens.height}" if lens.width else ""
    return (
        f"intrinsics: {{fx: {lens.fx:.6g}, fy: {lens.fy:.6g}, cx: {lens.cx:.6g}, cy: {lens.cy:.6g}"
        f"{size}, model: {lens.model}, distortion: {_numbers(lens.distortion)}}}"
    )


def _numbers(values: Any) -> str:
    return f"[{', '.join(f'{round(float(one), 6) + 0.0:.7g}' for one in values)}]"
