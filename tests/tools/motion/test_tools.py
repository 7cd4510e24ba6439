"""Motion tools on a robot that moves in time, and on SimHome's."""

import math
import threading
import time

import pytest
from fixtures.waiting import PATIENCE, until

from sensebind.errors import ToolError
from sensebind.perception.simhome.client import RobotClient
from sensebind.perception.simhome.server import SimHomeServer
from sensebind.tools.cancellation import cancellable
from sensebind.tools.motion import Limits, Motion, motion_tools
from sensebind.tools.risk import Risk, risk_of


class Wheels:
    """A robot on an empty plane, which takes `pace` seconds for a metre."""

    def __init__(self) -> None:
        self.x = self.y = self.heading = 0.0
        self.pace = 1.0
        self.drives = threading.Event()
        self.halted = threading.Event()
        self.stopped_at = 0.0
        self.wall = math.inf

    def drive(self, metres: float) -> float:
        self.halted.clear()
        self.drives.set()
        begun = time.monotonic()
        self.halted.wait(abs(metres) * self.pace)
        most = min(abs(metres), self.wall)
        driven = math.copysign(min((time.monotonic() - begun) / self.pace, most), metres)
        self.x += driven * math.cos(self.heading)
        self.y += driven * math.sin(self.heading)
        return driven

    def turn(self, radians: float) -> float:
        self.heading = math.remainder(self.heading + radians, 2 * math.pi)
        return radians

    def pose(self) -> tuple[float, float, float]:
        return self.x, self.y, self.heading

    def stop(self) -> None:
        self.stopped_at = time.monotonic()
        self.halted.set()


def call(tools: list, name: str, **arguments: float | str) -> str:
    tool = {tool.name: tool for tool in tools}[name]
    request = {"type": "tool_call", "id": "1", "name": name, "args": arguments}
    return str(tool.invoke(request).content)


def test_tools_drive_turn_and_go() -> None:
    robot = Wheels()
    tools = motion_tools(Motion(robot), locate=lambda kind: (1.0, 0.0))
    assert {t.name: risk_of(t) for t in tools} == {
        "drive": Risk.MOVE,
        "turn": Risk.MOVE,
        "go_to": Risk.MOVE,
        "approach": Risk.MOVE,
        "stop": Risk.STOP,
    }
    assert call(tools, "drive", metres=0.1) == "drove 0.1 m"
    assert call(tools, "turn", degrees=90) == "turned 90.0 degrees"
    assert call(tools, "go_to", x=0.1, y=0.2) == "arrived at (0.1, 0.2)"
    assert call(tools, "approach", kind="ball") == "arrived at (0.1, 0.7)"
    assert call(tools, "stop") == "stopped"


def test_limits_and_obstacles_are_told() -> None:
    robot = Wheels()
    tools = motion_tools(Motion(robot, Limits(distance=2.0, fence=(-1, -1, 1, 1))))
    assert "outside the area" in call(tools, "drive", metres=1.5)
    assert "too far" in call(tools, "go_to", x=-50, y=0)
    assert "outside the area" in call(tools, "go_to", x=1.5, y=0.5)
    assert robot.pose() == (0, 0, 0)
    robot.wall = 0.0
    assert call(tools, "drive", metres=0.3) == "drove 0.0 m, blocked"
    assert "in the way, 0.3 m before" in call(tools, "go_to", x=0.3, y=0)
    assert "approach" not in {tool.name for tool in tools}


def test_code_that_moves_the_robot_gets_errors_of_ours() -> None:
    motion = Motion(Wheels(), Limits(distance=2.0))
    with pytest.raises(ToolError, match="too far"):
        motion.drive(3.0)


def test_a_lost_thing_is_told() -> None:
    def nowhere(kind: str) -> tuple[float, float]:
        raise ToolError(f"there is no {kind}")

    assert call(motion_tools(Motion(Wheels()), nowhere), "approach", kind="cow") == (
        "error: there is no cow"
    )


def test_one_movement_at_a_time() -> None:
    robot = Wheels()
    robot.pace = PATIENCE
    tools = motion_tools(Motion(robot))
    thread = threading.Thread(target=call, args=(tools, "drive"), kwargs={"metres": 0.5})
    thread.start()
    assert robot.drives.wait(PATIENCE)
    assert call(tools, "turn", degrees=10) == "error: the robot is moving already"
    call(tools, "stop")
    thread.join()


def test_cancelling_the_turn_stops_the_robot_at_once() -> None:
    robot, turn = Wheels(), threading.Event()
    robot.pace = PATIENCE
    tools = motion_tools(Motion(robot))
    told: list[str] = []

    def move() -> None:
        with cancellable(turn):
            told.append(call(tools, "drive", metres=2.0))

    thread = threading.Thread(target=move)
    thread.start()
    assert robot.drives.wait(PATIENCE)
    cancelled_at = time.monotonic()
    turn.set()
    thread.join(PATIENCE)
    assert told == ["error: stopped"]
    assert robot.stopped_at >= cancelled_at and robot.x < 1.9
    with cancellable(turn):
        assert call(tools, "drive", metres=0.1) == "error: cancelled"


@pytest.mark.slow
def test_simhomes_robot_moves_and_stops() -> None:
    with SimHomeServer(3) as home:
        robot = RobotClient(home.robot)
        before = robot.pose()
        tools = motion_tools(Motion(robot))
        assert call(tools, "turn", degrees=30) == "turned 30.0 degrees"
        assert math.isclose(robot.pose()[2], before[2] + math.radians(30), abs_tol=1e-6)
        turned: list[float] = []
        thread = threading.Thread(target=lambda: turned.append(robot.turn(6.0)))
        thread.start()
        heading = robot.pose()[2]
        until(lambda: robot.pose()[2] != heading)  # it turns
        call(tools, "stop")
        thread.join(PATIENCE)
        assert turned and 0 <= turned[0] < 6.0
