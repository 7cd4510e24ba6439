"""A stop is never lost, and what is looked at before a movement is looked at while it lasts."""

import math
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from fixtures.waiting import PATIENCE
from langchain_core.tools import BaseTool

from sensebind.agent.approval import Policy
from sensebind.errors import ConfigurationError, ToolError
from sensebind.perception.geometry.lens import Intrinsics
from sensebind.perception.geometry.tree import Camera, Transform
from sensebind.tools.cancellation import cancellable
from sensebind.tools.motion import Limits, Motion, MotionEvent, motion_tools
from sensebind.tools.ranging import CameraSight
from sensebind.tools.risk import unguarded


class Slow:
    """A robot on a plane, 1 m/s and 2 rad/s, that starts late and hears no stop before that.

    It moves by its own steps: a machine that stands still for a moment carries it no farther.
    """

    guards_itself = True

    def __init__(self, delay: float = 0.0) -> None:
        self.delay = delay
        self.where = (0.0, 0.0, 0.0)
        self.stuck_after = math.inf  # radians or metres
        self.deaf = 0  # stops that the transport loses
        self.stops = 0
        self.asked = threading.Event()
        self._moves = threading.Event()
        self._halted = threading.Event()

    def drive(self, metres: float) -> float:
        return self._move(metres, 1.0, 0.0)

    def turn(self, radians: float) -> float:
        return self._move(radians, 0.0, 2.0)

    def pose(self) -> tuple[float, float, float]:
        return self.where

    def stop(self) -> None:
        self.stops += 1
        if self.deaf > 0:
            self.deaf -= 1
            raise OSError("the link is down")
        if self._moves.is_set():  # before that there is nothing to end
            self._halted.set()

    def _move(self, amount: float, speed: float, rate: float) -> float:
        self._halted.clear()
        self.asked.set()
        time.sleep(self.delay)
        self._moves.set()
        steps, last, most = 0, 0.0, min(abs(amount), self.stuck_after)
        try:
            while last < most and not self._halted.wait(0.01):
                steps += 1
                done = min(0.01 * steps * (speed or rate), most)
                step, last = math.copysign(done - last, amount), done
                x, y, heading = self.where
                if speed:
                    self.where = (
                        x + step * math.cos(heading),
                        y + step * math.sin(heading),
                        heading,
                    )
                else:
                    self.where = (x, y, math.remainder(heading + step, math.tau))
            return math.copysign(last, amount)
        finally:
            self._moves.clear()


def call(tools: list[BaseTool], name: str, **arguments: float | str) -> str:
    tool = {tool.name: tool for tool in tools}[name]
    request = {"type": "tool_call", "id": "1", "name": name, "args": arguments}
    return str(tool.invoke(request).content)


@contextmanager
def moving(tools: list[BaseTool], name: str, **arguments: float | str) -> Iterator[list[str]]:
    """Calls a tool in a thread; gives the list that its answer comes into."""
    said: list[str] = []
    thread = threading.Thread(target=lambda: said.append(call(tools, name, **arguments)))
    thread.start()
    yield said
    thread.join(PATIENCE)
    assert not thread.is_alive()


@pytest.mark.parametrize("delay", [0.03, 0.2])
@pytest.mark.parametrize(
    ("name", "arguments"),
    [("drive", {"metres": 2.0}), ("turn", {"degrees": 170}), ("go_to", {"x": 0.0, "y": 2.0})],
)
def test_a_stop_while_the_base_is_starting_is_not_lost(
    name: str, arguments: dict[str, float], delay: float
) -> None:
    robot, turn = Slow(delay), threading.Event()
    tools = motion_tools(Motion(robot))
    said: list[str] = []

    def move() -> None:
        with cancellable(turn):
            said.append(call(tools, name, **arguments))

    thread = threading.Thread(target=move)
    thread.start()
    assert robot.asked.wait(PATIENCE)
    time.sleep(delay / 2)
    turn.set()
    thread.join(PATIENCE)
    assert said == ["error: stopped"]
    x, y, heading = robot.where
    assert math.hypot(x, y) < 0.2 and abs(heading) < 0.4


def test_the_stop_tool_ends_a_movement_that_has_not_reached_the_base() -> None:
    """Without a turn to cancel: as another agent sends it over MCP."""
    robot, looking, found = Slow(0.1), threading.Event(), threading.Event()

    def locate(kind: str) -> tuple[float, float]:
        looking.set()
        found.wait(PATIENCE)
        return 2.0, 0.0

    tools = motion_tools(Motion(robot), locate)
    with moving(tools, "approach", kind="ball") as said:
        assert looking.wait(PATIENCE)
        assert call(tools, "stop") == "stopped"
        found.set()
    assert said == ["error: stopped"] and robot.where == (0, 0, 0)
    with moving(tools, "drive", metres=2.0) as said:
        assert robot.asked.wait(PATIENCE)
        assert call(tools, "stop") == "stopped"  # the base has not started yet
    assert said == ["error: stopped"] and robot.where[0] < 0.2


def test_a_stop_whose_transport_fails_is_repeated_and_reported() -> None:
    robot, turn = Slow(0.05), threading.Event()
    robot.deaf = 4
    events: list[MotionEvent] = []
    tools = motion_tools(Motion(robot, report=events.append))
    said: list[str] = []

    def move() -> None:
        with cancellable(turn):
            said.append(call(tools, "drive", metres=3.0))

    thread = threading.Thread(target=move)
    thread.start()
    assert robot.asked.wait(PATIENCE)
    turn.set()
    thread.join(PATIENCE)
    assert said == ["error: stopped"] and robot.where[0] < 1.0
    kinds = [event.kind for event in events]
    assert kinds[0] == "stop_failed" and kinds[-1] == "stopped" and robot.stops >= 5
    assert "the link is down" in events[0].detail and events[-1].attempts == robot.stops


def test_without_threads_nothing_moves_and_nothing_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    start, robot = threading.Thread.start, Slow()

    def start_one(thread: threading.Thread) -> None:
        if thread.name == "motion-look":
            raise RuntimeError("can't start new thread")
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", start_one)
    with pytest.raises(RuntimeError):
        call(motion_tools(Motion(robot)), "drive", metres=1.0)
    assert robot.where == (0.0, 0.0, 0.0)
    assert "motion-stop" not in {one.name for one in threading.enumerate()}


def test_a_stop_that_cannot_be_reported_at_once_is_repeated_all_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    start, robot, turn = threading.Thread.start, Slow(0.05), threading.Event()
    robot.deaf = 4
    events: list[MotionEvent] = []
    tools = motion_tools(Motion(robot, report=events.append))

    def start_others(thread: threading.Thread) -> None:
        if threading.current_thread().name == "motion-stop":
            raise RuntimeError("can't start new thread")
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", start_others)
    said: list[str] = []

    def move() -> None:
        with cancellable(turn):
            said.append(call(tools, "drive", metres=3.0))

    thread = threading.Thread(target=move)
    thread.start()
    assert robot.asked.wait(PATIENCE)
    turn.set()
    thread.join(PATIENCE)
    assert said == ["error: stopped"] and robot.where[0] < 1.0 and robot.stops >= 5
    assert events[-1].kind == "stopped" and events[-1].attempts == robot.stops


def test_a_report_that_fails_does_not_end_the_watch() -> None:
    robot, turn = Slow(0.1), threading.Event()
    robot.deaf = 1

    def report(event: MotionEvent) -> None:
        raise OSError("the disk is full")

    tools = motion_tools(Motion(robot, report=report))

    def cancel() -> None:
        robot.asked.wait(PATIENCE)
        turn.set()

    cancelling = threading.Thread(target=cancel)
    cancelling.start()
    with cancellable(turn):
        assert call(tools, "drive", metres=2.0) == "error: stopped"
    cancelling.join()
    assert robot.where[0] < 0.3


# --- what is looked at while the robot moves ------------------------------------------------------


def aged(begun: float, good: float) -> Callable[[float | None], float]:
    """Sight that is fresh for a while from `begun` on, and then as old as it is."""
    return lambda direction: max(time.monotonic() - begun - good, 0.0) * 10


def test_sight_that_goes_stale_stops_the_robot() -> None:
    robot = Slow()
    motion = Motion(robot, Limits(max_sight_age=1.0), sight=aged(time.monotonic(), 0.2))
    said = call(motion_tools(motion), "drive", metres=2.0)
    assert said.startswith("error: stopped after 0.") and "picture" in said
    assert robot.where[0] < 0.9


@pytest.mark.parametrize(("metres", "blind"), [(1.5, 0.0), (-1.5, math.pi)])
def test_sight_of_the_way_that_is_driven_counts(metres: float, blind: float) -> None:
    robot, asked = Slow(), []

    def sight(direction: float | None) -> float:
        asked.append(direction)
        return 9.0 if direction == blind else 0.0

    tools = motion_tools(Motion(robot, sight=sight))
    assert "picture" in call(tools, "drive", metres=metres)
    assert abs(robot.where[0]) < 0.2 and set(asked) == {blind}
    assert call(tools, "drive", metres=-metres) == f"drove {-metres:.1f} m"


def test_a_fence_is_kept_while_driving() -> None:
    class Drifting(Slow):
        def drive(self, metres: float) -> float:
            self.where = (*self.where[:2], 0.9)  # it does not go where it was pointed
            return super().drive(metres)

    robot = Drifting()
    tools = motion_tools(Motion(robot, Limits(fence=(-0.5, -0.5, 3, 0.5))))
    said = call(tools, "drive", metres=2.5)
    assert said.startswith("error: stopped after")
    assert robot.where[1] < 0.7


def test_a_robot_that_leaves_the_planned_way_is_stopped() -> None:
    class Astray(Slow):
        def drive(self, metres: float) -> float:
            self.where = (*self.where[:2], 0.9)
            return super().drive(metres)

    robot = Astray()
    said = call(motion_tools(Motion(robot)), "drive", metres=2.5)
    assert said.startswith("error: stopped after") and "off the planned way" in said
    assert robot.where[0] < 0.6


def test_a_turn_that_was_blocked_is_not_driven_on_from() -> None:
    robot = Slow()
    robot.stuck_after = math.pi / 6
    tools = motion_tools(Motion(robot, Limits(fence=(-2, -0.3, 2, 3))))
    said = call(tools, "go_to", x=0.0, y=2.0)
    assert said == "error: something is in the way: turned 30.0 of 90.0 degrees"
    assert robot.where[:2] == (0, 0)


def test_a_robot_that_cannot_say_where_it_is_is_stopped() -> None:
    class Lost(Slow):
        lost = False

        def pose(self) -> tuple[float, float, float]:
            if self.lost:
                raise ToolError("no answer from the base")
            return super().pose()

    robot = Lost()
    tools = motion_tools(Motion(robot))
    with moving(tools, "drive", metres=2.5) as said:
        assert robot.asked.wait(PATIENCE)
        robot.lost = True
    assert "no answer from the base" in said[0] and robot.where[0] < 1.5


# --- unguarded robots ----------------------------------------------------------------------------


def test_who_does_not_guard_itself_is_marked() -> None:
    class Unguarded(Slow):
        guards_itself = False

    for robot, marked in (Slow(), False), (Unguarded(), True):
        motion = Motion(robot)
        assert bool(motion.unguarded) is marked
        assert {tool.name for tool in motion_tools(motion) if unguarded(tool)} == (
            {"drive", "turn", "go_to"} if marked else set()
        )


def test_an_unguarded_robot_asks_each_time() -> None:
    class Unguarded(Slow):
        guards_itself = False

    tools = {tool.name: tool for tool in motion_tools(Motion(Unguarded()))}
    assert Policy(ask=frozenset()).asks(tools["drive"])  # whatever is asked about otherwise
    assert not Policy().asks(tools["stop"])
    with pytest.raises(ConfigurationError, match="does not guard itself"):
        Policy(approved=frozenset({"drive"})).middleware(list(tools.values()))
    guarded = {tool.name: tool for tool in motion_tools(Motion(Slow()))}
    assert not Policy(approved=frozenset({"drive"})).asks(guarded["drive"])


# --- cameras -------------------------------------------------------------------------------------


def looking(yaw: float) -> Camera:
    lens = Intrinsics.pinhole(640, 480, 1.0)
    return Camera.mounted(lens, Transform.of((0.1, 0.0, 0.4), (0.0, 0.1, yaw)))


def test_of_two_cameras_the_one_that_looks_the_way_counts() -> None:
    ages = {"front": 9.0, "back": 0.1}
    both = {"front": looking(0.0), "back": looking(math.pi)}
    sight = CameraSight(lambda: ages, both)
    assert (sight(0.0), sight(math.pi), sight(-math.pi), sight(None)) == (9.0, 0.1, 0.1, 0.1)
    assert CameraSight(lambda: ages, {"front": both["front"]})(math.pi) == 0.1  # none looks back
    assert CameraSight(dict)(0.0) == math.inf and CameraSight(lambda: ages)(0.0) == 0.1


@pytest.mark.parametrize(
    "fence", [(math.nan,) * 4, (0.0, 0.0, math.inf, 1.0), (1.0, 0.0, 0.0, 1.0)]
)
def test_a_fence_that_is_none_is_refused(fence: tuple[float, float, float, float]) -> None:
    with pytest.raises(ConfigurationError, match="the fence"):
        Limits(fence=fence)


@pytest.mark.parametrize("lost_at", [-1.0, 0.2])
def test_a_robot_that_does_not_know_where_it_is_does_not_move(lost_at: float) -> None:
    class Lost(Slow):
        def pose(self) -> tuple[float, float, float]:
            return self.where if self.where[0] < lost_at else (math.nan, math.nan, math.nan)

    robot = Lost()
    tools = motion_tools(Motion(robot, Limits(fence=(-1.0, -1.0, 3.0, 1.0))))
    assert "does not know where it is" in call(tools, "drive", metres=2.0)
    assert robot.where[0] < 1.0
    with pytest.raises(ToolError, match="nan is not an angle"):
        Motion(Slow()).turn(math.nan)
