"""Where a robot is: followed by its base or a topic, remembered, and gone back to when approved."""

from __future__ import annotations

import math
import threading
import time
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fixtures.scripted_chat import ScriptedChat, calls
from fixtures.waiting import until
from fixtures.zenoh_graph import Graph, header
from langchain_core.messages import AIMessage, BaseMessage, ToolMessage
from pydantic import ValidationError

from sensebind.agent.approval import Decision
from sensebind.agent.approval.rates import Rates
from sensebind.agent.assistant import ApprovalNeeded, Assistant, Finished
from sensebind.agent.conditioning.embedder import Embedder
from sensebind.agent.llm.chat_model import ChatSenseBind
from sensebind.agent.robot.checks import Verdict
from sensebind.agent.robot.config import RobotConfig
from sensebind.agent.robot.doctor_pose import examine_pose
from sensebind.agent.robot.memory import describer, episode_describer
from sensebind.agent.robot.motion import moving_tools
from sensebind.agent.robot.whereabouts import Follower, to_base, track_of
from sensebind.checkpoints import default_checkpoint
from sensebind.errors import InputError, ToolError
from sensebind.memory.episodes import Episode, Moment
from sensebind.memory.recall import EpisodeMemory
from sensebind.perception.geometry.pose import MAP, Pose, PoseTrack
from sensebind.perception.ros.names import Qos
from sensebind.perception.ros.types import known_types
from sensebind.perception.sources.pose_topic import PoseTopic
from sensebind.tools.motion import Limits, Motion
from sensebind.tools.recall import recall_tool
from sensebind.tools.risk import Risk, risk_of

CAMERA = {"camera": {"source": "camera:0"}}
AXES = np.eye(4, dtype=np.float32)


def robot(**sections: Any) -> RobotConfig:
    return RobotConfig.model_validate({"streams": CAMERA, **sections})


class Wheels:
    """A robot on an empty plane, moved at once."""

    guards_itself = True

    def __init__(self) -> None:
        self.x = self.y = self.heading = 0.0

    def drive(self, metres: float) -> float:
        self.x += metres * math.cos(self.heading)
        self.y += metres * math.sin(self.heading)
        return metres

    def turn(self, radians: float) -> float:
        self.heading = math.remainder(self.heading + radians, math.tau)
        return radians

    def pose(self) -> tuple[float, float, float]:
        return self.x, self.y, self.heading

    def stop(self) -> None:
        pass


# --- the file ---


def test_who_knows_where_it_is() -> None:
    assert track_of(robot()) is None
    home = robot(simhome={"seed": 1}, motion="simhome")
    for lasting in (home, robot(simhome={"seed": 1})):
        track = track_of(lasting)
        assert track is not None and track.frame == MAP
    for own in (robot(motion="my.base:Base"), robot(pose="zenoh:/odom")):
        track = track_of(own)
        assert track is not None and track.frame.startswith("odom:")
    said = track_of(robot(motion="my.base:Base", pose={"frame": "map"}))
    assert said is not None and said.frame == MAP
    assert track_of(robot(motion="my.base:Base", pose=None)) is None
    for wrong, why in (
        ({"pose": "motion"}, "pose: motion needs motion:"),
        ({"pose": "simhome"}, "needs simhome:"),
        ({"pose": "zenoh:a b"}, "pattern"),
        ({"pose": {"source": "zenoh:/odom", "connect": "here"}}, "not an endpoint"),
        ({"pose": {"base": "torso"}}, "base: and fixed: are of transforms"),
    ):
        with pytest.raises(ValidationError, match=why):
            robot(**wrong)


# --- following ---


def test_a_base_is_followed_also_after_it_was_silent() -> None:
    track, silent = PoseTrack(), threading.Event()
    asked = threading.Semaphore(0)

    def read() -> tuple[float, float, float]:
        asked.release()
        if silent.is_set():
            raise ToolError("the base is silent")
        return 1.0, 2.0, 0.5

    with Follower(read, track):
        until(lambda: track.at(time.monotonic()) == Pose(1.0, 2.0, 0.5))
        silent.set()
        until(lambda: track.at(time.monotonic()) is None)
        silent.clear()
        until(lambda: track.at(time.monotonic()) == Pose(1.0, 2.0, 0.5))


def pose(x: float, y: float, yaw: float) -> Any:
    types = known_types()
    half = yaw / 2
    turned = {"x": 0.0, "y": 0.0, "z": math.sin(half), "w": math.cos(half)}
    return types.new(
        "geometry_msgs/msg/Pose",
        position=types.new("geometry_msgs/msg/Point", x=x, y=y, z=0.0),
        orientation=types.new("geometry_msgs/msg/Quaternion", **turned),
    )


def covered(x: float, y: float, yaw: float) -> Any:
    return known_types().new(
        "geometry_msgs/msg/PoseWithCovariance", pose=pose(x, y, yaw), covariance=np.zeros(36)
    )


def odometry(x: float, y: float, yaw: float) -> Any:
    types = known_types()
    none = types.new("geometry_msgs/msg/Vector3", x=0.0, y=0.0, z=0.0)
    twist = types.new("geometry_msgs/msg/Twist", linear=none, angular=none)
    return types.new(
        "nav_msgs/msg/Odometry",
        header=header("odom"),
        child_frame_id="base_link",
        pose=covered(x, y, yaw),
        twist=types.new(
            "geometry_msgs/msg/TwistWithCovariance", twist=twist, covariance=np.zeros(36)
        ),
    )


@pytest.fixture
def stack():
    with ExitStack() as opened:
        yield opened


def test_a_topic_of_odometry_is_followed(stack: ExitStack) -> None:
    pytest.importorskip("zenoh", reason="pip install 'sensebind[zenoh]'")
    graph, track = Graph(stack), PoseTrack()
    publisher = graph.node().publisher("/odom", "nav_msgs/msg/Odometry")
    graph.every(0.05, lambda number: publisher.publish(odometry(1.5, -2.0, 0.25)))
    stack.enter_context(PoseTopic("/odom", track, graph.endpoint))
    until(lambda: track.at(time.monotonic()) is not None)
    found = track.at(time.monotonic())
    assert found is not None and found.frame.startswith("odom:")
    assert (found.x, found.y) == (1.5, -2.0) and found.yaw == pytest.approx(0.25)


def test_all_messages_that_say_where_a_robot_is() -> None:
    pytest.importorskip("rosbags", reason="pip install 'sensebind[zenoh]'")
    types = known_types()
    stamped = types.new(
        "geometry_msgs/msg/PoseStamped", header=header("map"), pose=pose(1.0, 2.0, 3.0)
    )
    located = types.new(
        "geometry_msgs/msg/PoseWithCovarianceStamped",
        header=header("/map"),
        pose=covered(1.0, 2.0, 3.0),
    )
    for message in (stamped, located):
        track = PoseTrack("odom")
        PoseTopic("/pose", track).hear(message)
        found = track.at(time.monotonic())
        assert found is not None and (found.x, found.y, found.frame) == (1.0, 2.0, MAP)
        assert found.yaw == pytest.approx(3.0)
    said = PoseTrack("odom")
    PoseTopic("/pose", said, renames=False).hear(stamped)
    assert said.frame.startswith("odom:")
    stamped.pose.orientation.z = stamped.pose.orientation.w = 0.0
    with pytest.raises(InputError, match="not a rotation"):
        PoseTopic("/pose", said).hear(stamped)


def transforms(*joints: tuple[str, str, float, float, float]) -> Any:
    new = known_types().new
    made = []
    for parent, child, x, y, yaw in joints:
        there = pose(x, y, yaw)
        at = new("geometry_msgs/msg/Vector3", x=x, y=y, z=0.0)
        made.append(
            new(
                "geometry_msgs/msg/TransformStamped",
                header=header(parent),
                child_frame_id=child,
                transform=new(
                    "geometry_msgs/msg/Transform", translation=at, rotation=there.orientation
                ),
            )
        )
    return new("tf2_msgs/msg/TFMessage", transforms=made)


@pytest.fixture
def turtle(stack: ExitStack) -> Graph:
    """A robot on a graph: wheels, a localization, and what was said once, before anybody came."""
    pytest.importorskip("zenoh", reason="pip install 'sensebind[zenoh]'")
    graph, kind = Graph(stack), "tf2_msgs/msg/TFMessage"
    latched = Qos(transient_local=True, depth=1)
    fixed = graph.node("state").publisher("/tf_static", kind, latched)
    fixed.publish(transforms(("base_footprint", "base_link", 0.0, 0.0, 0.0)))
    wheels = graph.node("wheels").publisher("/tf", kind)
    amcl = graph.node("amcl").publisher("/tf", kind)
    moves = transforms(("odom", "base_footprint", 2.0, 0.0, 0.25))
    located = transforms(("map", "odom", 10.0, 5.0, math.pi / 2))

    def both(_number: int) -> None:
        for one in (moves, located):
            one.transforms[0].header = header(one.transforms[0].header.frame_id)
        wheels.publish(moves)
        amcl.publish(located)

    graph.every(0.05, both)
    return graph


def test_transforms_of_a_graph_are_followed(turtle: Graph, stack: ExitStack) -> None:
    track = PoseTrack("odom")
    stack.enter_context(PoseTopic("/tf", track, turtle.endpoint))
    until(lambda: track.at(time.monotonic()) is not None)
    found = track.at(time.monotonic())
    assert found is not None and found.frame == MAP and track.lost == ""
    assert (found.x, found.y) == pytest.approx((10.0, 7.0))
    assert found.yaw == pytest.approx(math.pi / 2 + 0.25)


def test_a_chain_that_is_not_whole_says_why_to_doctor(turtle: Graph) -> None:
    source = {"source": "zenoh:/tf", "connect": turtle.endpoint}
    [well] = examine_pose(robot(pose=source))
    assert (well.verdict, well.found) == (Verdict.OK, "zenoh:/tf says (10.0, 7.0) in map")
    [lost] = examine_pose(robot(pose={**source, "base": "torso"}))
    assert lost.verdict is Verdict.WARNING
    assert lost.found.startswith("/tf: no transform leads to 'torso'; there are 'base_footprint'")
    assert list(examine_pose(robot(pose=None))) == []


# --- going back ---


def test_a_place_of_a_map_is_one_of_the_base() -> None:
    track = PoseTrack()
    track.add(time.monotonic(), 10.0, 5.0, math.pi / 2)  # which the base calls (1, 1), east
    moved = to_base(track, lambda: (1.0, 1.0, 0.0), same=False)
    assert moved((10.0, 7.0)) == pytest.approx((3.0, 1.0))
    assert moved((9.0, 5.0)) == pytest.approx((1.0, 2.0))
    assert to_base(track, lambda: (1.0, 1.0, 0.0), same=True)((9.0, 5.0)) == (9.0, 5.0)
    with pytest.raises(ToolError, match="where the robot is now"):
        to_base(PoseTrack(), lambda: (1.0, 1.0, 0.0), same=False)((9.0, 5.0))


def goes_back(messages: list[BaseMessage]) -> AIMessage:
    """A language model that reads from `recall` where it was, and goes there."""
    last = messages[-1]
    if not isinstance(last, ToolMessage):
        return calls(("recall", {"what": "a ball", "sense": "sight", "when": "last"}))
    if last.name == "recall":
        x, y = str(last.text).partition("from (")[2].partition(")")[0].split(", ")
        return calls(("go_to", {"x": float(x), "y": float(y)}))
    return AIMessage(f"done: {last.text}")


def test_back_to_where_the_ball_was_seen_when_a_person_agrees(tmp_path: Path) -> None:
    wheels, track = Wheels(), PoseTrack()
    motion = Motion(wheels, Limits(distance=6.0))
    with EpisodeMemory(tmp_path / "memory.db") as memory:
        for number, (axis, x, y) in enumerate([(0, 2.0, -1.5), (1, -1.0, 3.0)]):
            at = int(datetime.now().timestamp() * 1e9) + number
            moment = Moment(at, f"frame:camera@{at}", AXES[axis], Pose(x, y, 0.0))
            memory.store.put(Episode("camera", "vision", "m", at, at, 9, (moment,)))
        tools = [
            recall_tool(memory, lambda _: AXES[0], frame=lambda: track.frame),
            *moving_tools(motion, None, to_base(track, motion.pose, same=True)),
        ]
        [go] = [one for one in tools if one.name == "go_to"]
        assert risk_of(go) is Risk.MOVE
        chat = ScriptedChat(script=goes_back)
        with Assistant(chat, tools, robot=Rates()) as assistant:
            events = list(assistant.turn("go back to where you saw the ball"))
            [request] = next(one for one in events if isinstance(one, ApprovalNeeded)).requests
            assert (request.tool, request.arguments) == ("go_to", {"x": 2.0, "y": -1.5})
            assert request.grounds == "x = 2.0, from recall; y = -1.5, from recall"
            assert wheels.pose() == (0.0, 0.0, 0.0)  # nothing moves before a person agrees
            *_, end = assistant.decide([Decision("approve", request=request.id)])
            assert isinstance(end, Finished)
    assert wheels.pose()[:2] == pytest.approx((2.0, -1.5))


def test_without_places_it_is_not_offered() -> None:
    names = {one.name for one in moving_tools(Motion(Wheels()), None)}
    assert names == {"drive", "turn", "stop"}


@pytest.mark.extended
def test_our_own_model_is_asked_where(tmp_path: Path) -> None:
    """It reads no places, and answers with one where it is asked for one."""
    embedder, chat = Embedder(default_checkpoint()), ChatSenseBind()
    said = episode_describer(describer(chat))
    with EpisodeMemory(tmp_path / "memory.db", said) as memory:
        at = time.time_ns() - 60 * 10**9
        moment = Moment(at, f"frame:camera@{at}", embedder.text("a red ball"), Pose(1.2, -0.4, 0.0))
        memory.store.put(Episode("camera", "vision", embedder.model, at, at, 9, (moment,)))
        recall = recall_tool(memory, embedder.text, frame=lambda: MAP, places=False)
        tools = [recall, *moving_tools(Motion(Wheels()), None)]
        with Assistant(chat, tools, robot=Rates()) as assistant:
            answers = []
            for question in ("when did you last see the ball?", "where did you last see the ball?"):
                *_, end = assistant.turn(question)
                assert isinstance(end, Finished)
                answers.append(end.record.assistant)
                assert " from (" not in str(end.record.tool_calls)
    assert answers[1] == f"{answers[0]} I was at (1.2, -0.4) then."
