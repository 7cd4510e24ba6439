"""The control loop in simulated time: what it drives, and every reason to brake."""

import math
from collections import deque
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sensebind.errors import ConfigurationError
from sensebind.perception.geometry.odometry import Odometry
from sensebind.perception.geometry.tree import Transform
from sensebind.tools.motion.corridor import Surroundings
from sensebind.tools.motion.driver import Driver, Ended
from sensebind.tools.motion.settings import Footprint, LidarMount, MotionSettings, Part
from sensebind.tools.motion.simulation import BRAKING, RADIUS, REACTION, World

STEP = 0.01


def settings_of(**changed: object) -> MotionSettings:
    values: dict[str, object] = {
        "base": Part(factory="nothing:Nothing"),
        "footprint": Footprint.round(RADIUS),
        "lidar": "simulated",
        "delay": REACTION,
        "braking": BRAKING,
        "acceleration": 1.0,
    }
    return MotionSettings(**(values | changed)).check()  # type: ignore[arg-type]


class Lab:
    """A driver and a simulated base, whose clock goes as fast as it can."""

    def __init__(self, chosen: MotionSettings | None = None) -> None:
        self.settings = chosen or settings_of()
        self.driver = Driver(self.settings)
        self.world = World()
        self.now = 100.0
        self.silent = self.blind = False
        self.commands: list[tuple[float, float, float]] = []
        self.each: Callable[[], None] = lambda: None
        self.sweep: Callable[[], np.ndarray] = lambda: self.world.sweep()
        self.ahead = 0.0  # seconds that the lidar's clock is
        self.said: Callable[[Odometry], Odometry] = lambda odometry: odometry
        self.held_up = False  # whether the driving process does not come to command
        self.live(0.3)

    def live(self, seconds: float) -> None:
        for _ in range(round(seconds / STEP)):
            self.now += STEP
            self.world.step(self.now, STEP)
            tick = round(self.now / STEP)
            seen = tick % 10 == 0 and not self.blind
            if seen:
                self.driver.see(self.sweep(), self.now + self.ahead, self.now)
            if tick % 2 == 0 and not self.silent:
                here = self.world
                odometry = Odometry(
                    here.x, here.y, here.heading, here.speed, here.turn_rate, self.now
                )
                self.driver.hear(self.said(odometry), self.now)
            due = (seen or tick % 5 == 0) and not self.held_up
            velocity = self.driver.step(self.now) if due else None
            if velocity is not None:
                self.world.command(*velocity, self.settings.valid_for, self.now)
                self.commands.append((self.now, *velocity))
            self.each()

    def move(self, kind: str, amount: float, longest: float = 20.0) -> Ended:
        assert self.driver.start(kind, amount, self.now) == ""  # type: ignore[arg-type]
        return self.wait(longest)

    def wait(self, longest: float = 20.0) -> Ended:
        for _ in range(round(longest / 0.05)):
            self.live(0.05)
            if (ended := self.driver.take_ended()) is not None:
                return ended
        raise AssertionError("the movement does not end")


@settings(max_examples=15, deadline=None)
@given(metres=st.floats(-1.5, 1.5))
def test_it_drives_as_far_as_it_was_asked(metres: float) -> None:
    ended = Lab().move("drive", metres)
    assert ended.outcome == "done" and ended.moved == pytest.approx(metres, abs=0.02)


@settings(max_examples=15, deadline=None)
@given(degrees=st.floats(-180, 180))
def test_it_turns_as_far_as_it_was_asked(degrees: float) -> None:
    lab = Lab()
    ended = lab.move("turn", math.radians(degrees))
    assert ended.outcome == "done"
    assert math.degrees(ended.moved) == pytest.approx(degrees, abs=2.0)
    assert lab.world.x == lab.world.y == 0.0


def test_it_speeds_up_gently_and_brakes_hard() -> None:
    lab = Lab(settings_of(acceleration=0.5))
    assert lab.driver.start("drive", 3.0, lab.now) == ""
    lab.live(0.5)
    speeds = [speed for _, speed, _ in lab.commands]
    assert max(np.diff([0.0, *speeds])) <= 0.5 * 0.05 + 1e-9
    lab.live(1.0)
    lab.driver.end_movement("stopped", "a stop came", lab.now)
    lab.live(0.05)
    assert lab.commands[-1][1:] == (0.0, 0.0)
    ended = lab.wait()
    assert ended.outcome == "stopped" and 0.2 < ended.moved < 0.8


def test_zero_is_sent_until_odometry_shows_standstill() -> None:
    lab = Lab()
    assert lab.driver.start("drive", 3.0, lab.now) == ""
    lab.live(1.5)
    lab.world.drop = 1.0  # from here on the base hears nothing, and its clock is broken, too
    lab.world.late.clear()
    lab.world.expires = math.inf
    lab.driver.end_movement("stopped", "a stop came", lab.now)
    before = len(lab.commands)
    lab.live(0.9)
    assert [one[1:] for one in lab.commands[before:]] == [(0.0, 0.0)] * 18
    assert lab.driver.take_ended() is None and lab.world.speed > 0.4
    lab.world.drop = 0.0
    assert lab.wait(1.5).outcome == "stopped"
    lab.live(1.0)
    count = len(lab.commands)
    lab.live(1.0)
    assert len(lab.commands) == count  # then the base is left alone


def test_a_stop_while_it_brakes_at_the_end_counts() -> None:
    """A ride would go on with its drive after a turn that is `done`."""
    lab = Lab()
    assert lab.driver.start("turn", 0.5, lab.now) == ""
    while not lab.driver.braking:
        lab.live(0.05)
    lab.driver.end_movement("stopped", "a stop came", lab.now)
    assert lab.wait().outcome == "stopped"
    assert lab.move("turn", 0.5).outcome == "done"


def test_silent_odometry_stops_within_its_time() -> None:
    lab = Lab()
    assert lab.driver.start("drive", 3.0, lab.now) == ""
    lab.live(1.0)
    lab.silent, silent_at = True, lab.now
    ended = lab.wait()
    zero = next(at for at, speed, _ in lab.commands if at > silent_at and not speed)
    assert zero - silent_at <= 0.2 + 0.05 + 2 * STEP
    assert ended.outcome == "failed" and "silent" in ended.detail
    assert "the base has been silent" in lab.driver.start("drive", 1.0, lab.now)


def test_no_fresh_sweep_means_no_driving() -> None:
    lab = Lab()
    assert lab.driver.start("drive", 3.0, lab.now) == ""
    lab.live(1.0)
    lab.blind, blind_at = True, lab.now
    ended = lab.wait()
    zero = next(at for at, speed, _ in lab.commands if at > blind_at and not speed)
    assert zero - blind_at <= 0.5 + 0.05 + 2 * STEP
    assert ended.outcome == "failed" and "sweep" in ended.detail
    lab.live(0.5)
    assert "sweep" in lab.driver.start("turn", 1.0, lab.now)
    assert Lab(settings_of(lidar=None)).move("drive", 0.5).outcome == "done"  # but unguarded


@settings(max_examples=25, deadline=None)
@given(
    metres=st.sampled_from([4.0, -4.0]),
    driven=st.floats(0.1, 1.2),
    away=st.floats(0.0, 1.0),
    width=st.floats(0.1, 0.8),
    side=st.floats(-0.4, 0.4),
)
def test_it_does_not_come_near_a_box_that_appears(
    metres: float, driven: float, away: float, width: float, side: float
) -> None:
    lab = Lab()
    assert lab.driver.start("drive", metres, lab.now) == ""
    lab.live(driven)
    late = 0.1 + 0.05 + REACTION
    speed = min(abs(lab.world.speed) + late * lab.settings.acceleration, lab.settings.speed)
    own = speed * late + speed * speed / (2 * BRAKING)
    distance = own + 0.1 + away * (2.0 - own - 0.1)
    ahead = distance if metres > 0 else -distance - 2 * RADIUS - 0.3
    lab.world.put(ahead, side * min(width, 2 * RADIUS), 0.3, width)
    nearest = math.inf

    def look() -> None:
        nonlocal nearest
        nearest = min(nearest, lab.world.clear())

    lab.each = look
    ended = lab.wait()
    assert ended.outcome == "blocked" and ended.detail == "something is in the way"
    assert 0.1 <= nearest < 0.35


def test_a_box_too_near_to_stop_before_it_brakes_at_once() -> None:
    lab = Lab()
    assert lab.driver.start("drive", 4.0, lab.now) == ""
    lab.live(1.5)
    lab.world.put(0.1, 0.0, 0.3, 0.4)
    put_at = lab.now
    lab.wait()
    zero = next(at for at, speed, _ in lab.commands if at > put_at and not speed)
    assert zero - put_at <= 0.1 + 0.05 + 2 * STEP


@pytest.mark.parametrize("metres", [4.0, -4.0])
@pytest.mark.parametrize("away", [0.005, 0.02, 0.04])
@pytest.mark.parametrize(
    "footprint", [Footprint.round(RADIUS), Footprint(front=RADIUS, back=RADIUS, half_width=0.2)]
)
def test_what_is_touched_before_a_sweep_shows_it_is_not_pushed(
    footprint: Footprint, away: float, metres: float
) -> None:
    lab = Lab(settings_of(footprint=footprint))
    assert lab.driver.start("drive", metres, lab.now) == ""
    lab.live(1.5)
    lab.world.put(away if metres > 0 else -away - 2 * RADIUS - 0.3, 0.0, 0.3, 0.4)
    put_at = lab.now
    assert lab.wait().outcome == "blocked"
    zero = next(at for at, speed, _ in lab.commands if at > put_at and not speed)
    assert zero - put_at <= 0.1 + 0.05 + 2 * STEP
    assert lab.move("drive", metres / 20).outcome == "blocked"
    assert lab.move("drive", -metres / 20).outcome == "done"  # it may go back


def test_what_the_lidar_sees_of_the_robot_itself_is_not_in_its_way() -> None:
    bumper = np.array([[RADIUS - 0.03, y, 0.3] for y in (-0.05, 0.0, 0.05)], np.float32)
    noise = np.random.default_rng(0)
    around = Surroundings(Footprint.round(RADIUS), LidarMount())
    for moment in range(20):
        x = max(0.0, 0.05 * (moment - 5))  # it drives away with its bumper
        sweep = bumper + noise.normal(0, 0.005, bumper.shape).astype(np.float32)
        around.take(sweep, (x, 0.0, 0.0), 0.1 * moment)
        assert around.free((x, 0.0, 0.0), 0.5, 0.0, 1.0) == math.inf
    touched = np.array([[RADIUS - 0.03, 0.12, 0.3]], np.float32)
    around.take(np.concatenate([bumper, touched]), (x, 0.0, 0.0), 2.0)
    assert around.free((x, 0.0, 0.0), 0.5, 0.0, 1.0) == 0.0


def test_what_stands_beside_or_behind_is_passed() -> None:
    lab = Lab()
    lab.world.put(0.0, 0.45, 2.0, 0.3)  # a wall 5 cm to the left
    lab.world.put(-2 * RADIUS - 0.1, 0.0, 0.05, 0.4)  # and something 5 cm behind
    lab.live(0.2)
    assert lab.move("drive", 1.0).outcome == "done"
    assert lab.move("turn", 1.0).outcome == "done"  # a round robot sweeps nothing


def test_a_long_robot_does_not_turn_into_what_stands_beside_it() -> None:
    lab = Lab(settings_of(footprint=Footprint(front=0.5, back=0.1, half_width=0.2)))
    lab.world.put(-0.2, 0.45, 0.2, 0.1)
    lab.live(0.2)
    ended = lab.move("turn", math.radians(170))
    assert ended.outcome == "blocked" and math.degrees(ended.moved) < 60
    assert lab.move("turn", math.radians(-30)).outcome == "done"


@settings(max_examples=20, deadline=None)
@given(x=st.floats(0.3, 1.0), heading=st.floats(-0.8, 0.8))
def test_the_fence_is_kept(x: float, heading: float) -> None:
    lab = Lab(settings_of(fence=(-1.0, -0.6, x, 0.6)))
    lab.world.heading = heading
    lab.live(0.1)
    end = 3.0
    refused = lab.driver.start("drive", end, lab.now)
    assert refused == "it would leave the area that may be driven in"
    inside = min(x / math.cos(heading), 0.6 / max(abs(math.sin(heading)), 1e-9)) - 0.01
    ended = lab.move("drive", inside)
    assert lab.world.x <= x + 0.02 and abs(lab.world.y) <= 0.62 and ended.moved > inside - 0.1


def test_a_base_that_drifts_is_stopped_at_the_fence_and_off_its_way() -> None:
    for fence, words in (((-1, -0.1, 5, 0.1), "the area"), (None, "off the planned way")):
        lab = Lab(settings_of(fence=fence))

        def drift(lab: Lab = lab) -> None:
            lab.world.y += 0.3 * abs(lab.world.speed) * STEP

        lab.each = drift
        ended = lab.move("drive", 4.0)
        assert ended.outcome == "failed" and words in ended.detail
        assert lab.world.y < (0.2 if fence else 0.4)


def test_a_robot_that_is_held_is_blocked() -> None:
    lab = Lab()
    lab.world.start = math.inf  # the wheels do not follow
    ended = lab.move("drive", 1.0)
    assert ended.outcome == "blocked" and "does not come on" in ended.detail


@pytest.mark.parametrize("amount", [math.nan, math.inf, -math.inf, 1e9])
def test_what_is_not_a_distance_is_refused(amount: float) -> None:
    assert "not a distance" in Lab().driver.start("drive", amount, 100.3)


def test_odometry_that_is_not_finite_is_silence() -> None:
    lab = Lab()
    lab.driver.hear(Odometry(math.nan, 0, 0, 0, 0, lab.now), lab.now)
    assert lab.driver.pose == (0, 0, 0)


# --- what is remembered -------------------------------------------------------------------------


def test_what_is_low_and_near_is_remembered() -> None:
    """A lidar at 0.6 m whose lowest beam looks 34 degrees down passes over a ball at 0.4 m."""
    around = Surroundings(Footprint.round(0.25), LidarMount(height=0.6))
    floor = np.array([[0.6 / math.tan(math.radians(34)), 0.0, -0.6]])
    ball = np.array([[0.9, 0.0, -0.5]])
    around.take(np.concatenate([floor, ball]), (0.0, 0.0, 0.0), 0.0)
    assert around.free((0, 0, 0), 0.3, 0.0, 1.0) == pytest.approx(0.63, abs=0.03)
    around.take(floor, (0.5, 0.0, 0.0), 2.0)  # the ball is 0.4 m ahead, below the beams
    assert around.free((0.5, 0, 0), 0.3, 0.0, 1.0) == pytest.approx(0.13, abs=0.03)
    around.take(floor, (0.0, 0.0, 0.0), 3.0)  # from here it would be seen, and it is not
    assert around.free((0, 0, 0), 0.3, 0.0, 1.0) == math.inf


def test_along_an_arc_the_inside_and_the_outside_differ() -> None:
    around = Surroundings(Footprint.round(0.25), LidarMount(height=0.3))
    around.take(np.array([[1.0, 0.0, 0.0]]), (0, 0, 0), 0.0)
    assert around.free((0, 0, 0), 0.5, 0.0, 1.5) == pytest.approx(0.73, abs=0.03)
    assert around.free((0, 0, 0), 0.5, 0.8, 1.5) == math.inf  # it turns away
    assert around.free((0, 0, 0), -0.5, 0.0, 1.5) == math.inf
    around.take(np.array([[0.6, 0.6, 0.0]]), (0, 0, 0), 1.0)
    assert around.free((0, 0, 0), 0.5, 0.0, 1.5) == math.inf
    assert around.free((0, 0, 0), 0.6, 1.0, 1.5) < 0.9  # a circle of 0.6 m leads there


@given(st.lists(st.floats(allow_nan=True, allow_infinity=True, width=32), max_size=30))
def test_any_sweep_is_taken(values: list[float]) -> None:
    points = np.array(values[: len(values) // 3 * 3], np.float32).reshape(-1, 3)
    around = Surroundings(Footprint.round(0.25), LidarMount())
    around.take(points, (0.0, 0.0, 0.0), 0.0)
    assert around.free((0.0, 0.0, 0.0), 0.5, 0.0, 1.0) >= 0


# --- how the lidar sits --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("xyz", "rpy"),
    [
        ((0.0, 0.0, 0.6), (0.0, 0.0, 0.0)),
        ((0.1, -0.05, 0.6), (0.0, 0.0, 2.0)),
        ((0.1, 0.0, 0.7), (math.pi, 0.0, 0.5)),  # hangs upside down
        ((0.0, 0.1, 0.6), (0.1, -0.2, 1.0)),
    ],
)
def test_an_obstacle_is_where_it_is_however_the_lidar_sits(
    xyz: tuple[float, ...], rpy: tuple[float, ...]
) -> None:
    pose = Transform.of(xyz, rpy)
    box = np.array([[1.0, y, z] for y in (-0.1, 0.0, 0.1) for z in (0.1, 0.3)])
    floor = np.array([[x, y, 0.0] for x in (0.6, 1.0, 1.5) for y in (-0.5, 0.0, 0.5)])
    above = np.array([[0.7, 0.0, 1.6]])
    sweep = pose.inverse().apply(np.concatenate([box, floor, above]))
    around = Surroundings(Footprint.round(0.25), LidarMount.at(pose))
    around.take(sweep, (0.0, 0.0, 0.0), 0.0)
    assert around.free((0, 0, 0), 0.3, 0.0, 1.5) == pytest.approx(0.73, abs=0.03)
    assert around.free((0, 0, 0), -0.3, 0.0, 1.5) == math.inf


def test_what_is_low_is_remembered_by_a_lidar_that_hangs_upside_down() -> None:
    pose = Transform.of((0.0, 0.0, 0.6), (math.pi, 0.0, 0.0))
    around = Surroundings(Footprint.round(0.25), LidarMount.at(pose))
    floor = np.array([[0.6 / math.tan(math.radians(34)), 0.0, 0.0]])
    ball = np.array([[0.9, 0.0, 0.1]])
    sweep = pose.inverse().apply(np.concatenate([floor, ball]))
    around.take(sweep, (0.0, 0.0, 0.0), 0.0)
    around.take(pose.inverse().apply(floor), (0.5, 0.0, 0.0), 2.0)  # the ball is below the beams
    assert around.free((0.5, 0, 0), 0.3, 0.0, 1.0) == pytest.approx(0.13, abs=0.03)


def test_a_mount_that_makes_no_sense_is_refused() -> None:
    for wrong in (LidarMount(pitch=math.nan), LidarMount(lowest=1.0, highest=0.5)):
        with pytest.raises(ConfigurationError, match="the lidar's mount makes no sense"):
            settings_of(mount=wrong)


BLIND = {
    "empty": np.zeros((0, 3), np.float32),
    "NaN": np.full((90, 3), np.nan, np.float32),
    "infinite": np.full((90, 3), np.inf, np.float32),
    "zero": np.zeros((90, 3), np.float32),
}


@pytest.mark.parametrize("kind", BLIND)
def test_a_lidar_that_sees_nothing_at_all_is_blind(kind: str) -> None:
    lab = Lab()
    assert lab.driver.start("drive", 3.0, lab.now) == ""
    lab.live(1.0)
    lab.world.put(1.2, 0.0, 0.3, 0.6)
    lab.live(0.2)  # the box was seen
    lab.sweep = lambda: BLIND[kind]
    ended = lab.wait()
    assert ended.outcome == "failed" and "sees nothing at all" in ended.detail
    assert lab.world.clear() > 0.1
    assert "sees nothing at all" in lab.driver.start("drive", -0.5, lab.now)
    lab.sweep = lab.world.sweep
    lab.live(0.2)
    assert lab.driver.trouble(lab.now) == ""


def test_a_sweep_from_the_future_is_no_sight_of_it() -> None:
    lab = Lab()
    lab.ahead = 60.0
    lab.live(0.2)
    lab.ahead = 0.0
    lab.live(0.2)
    assert lab.driver.trouble(lab.now) == ""  # those after it count
    lab.blind = True
    lab.live(1.0)
    assert "newest sweep" in lab.driver.trouble(lab.now)


def test_a_base_that_denies_its_speed_stands_when_its_poses_say_so() -> None:
    lab = Lab()
    lab.said = lambda odometry: odometry._replace(speed=0.0, turn_rate=0.0)
    assert lab.driver.start("drive", 3.0, lab.now) == ""
    lab.live(2.0)
    assert lab.world.speed > 0.4
    lab.driver.end_movement("stopped", "a stop came", lab.now)
    while lab.driver.take_ended() is None:
        lab.live(0.01)
    assert lab.world.speed < 0.1 and lab.commands[-1][1:] == (0.0, 0.0)


def test_odometry_that_is_held_back_is_silence() -> None:
    lab = Lab()
    late: deque[Odometry] = deque()
    assert lab.driver.start("drive", 3.0, lab.now) == ""

    def held_back(odometry: Odometry) -> Odometry:
        late.append(odometry)
        return late.popleft() if lab.now - late[0].monotonic > 1.0 else late[0]

    lab.live(1.0)
    lab.said = held_back
    ended = lab.wait()
    assert ended.outcome == "failed" and "silent" in ended.detail
    lab.live(1.5)  # it goes on, a second late
    assert "silent" in lab.driver.trouble(lab.now)


def test_after_it_was_held_up_it_speeds_up_from_what_the_base_does() -> None:
    lab = Lab()
    assert lab.driver.start("drive", 3.0, lab.now) == ""
    lab.live(1.5)
    lab.held_up = True
    lab.live(0.8)  # the base has stopped by itself
    assert lab.world.speed == 0.0
    lab.held_up = False
    before = len(lab.commands)
    lab.live(0.1)
    assert 0.0 < lab.commands[before][1] <= lab.settings.acceleration * 0.05 + 1e-9
