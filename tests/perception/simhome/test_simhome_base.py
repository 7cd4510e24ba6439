"""SimHome's base, commanded by velocities, in a real process."""

import time
from collections.abc import Iterator

import pytest
from fixtures.waiting import until

from sensebind.perception.geometry.odometry import Odometry
from sensebind.perception.percept import pack
from sensebind.perception.simhome.base import SimHomeBase
from sensebind.perception.simhome.client import RobotClient
from sensebind.perception.simhome.options import SimHomeOptions
from sensebind.perception.simhome.scene import Scene, Thing
from sensebind.perception.simhome.server import SimHomeServer

SCENE = Scene(seed=3, things=(Thing("radio", "red", 1.5, 0.0),), robot=(-1.0, 0.0, 0.0))


@pytest.fixture(scope="module")
def server() -> Iterator[SimHomeServer]:
    with SimHomeServer(SimHomeOptions(SCENE, lidar_columns=90)) as server:
        yield server


@pytest.fixture
def base(server: SimHomeServer) -> Iterator[SimHomeBase]:
    base = SimHomeBase(server.robot)
    until(base.odometry)
    yield base
    base.close()


def newest(base: SimHomeBase, seconds: float = 0.0) -> Odometry:
    """Odometry from so many seconds after now: answers to what was asked before are read past."""
    after, found = time.monotonic() + seconds, base.odometry()

    def came() -> bool:
        nonlocal found
        found = base.odometry()
        return found is not None and found.monotonic > after

    until(came)
    assert found is not None
    return found


def at_rest(base: SimHomeBase) -> Odometry:
    """Odometry after the last command has run out."""
    until(lambda: newest(base, 0.3)[3:5] == (0.0, 0.0))
    return newest(base)


def test_it_goes_on_only_while_it_is_commanded(base: SimHomeBase) -> None:
    begun, first = newest(base), time.monotonic()
    for _ in range(10):
        base.velocity(0.3, 0.0, 0.15)
        last = time.monotonic()
        time.sleep(0.05)
    driven = at_rest(base)
    assert 0.05 < driven.x - begun.x < 0.3 * (last - first + 0.15 + 0.1)  # a step of the wheels
    assert newest(base, 0.3).x == driven.x  # nobody commanded it to stop


def test_it_turns_and_tells_how_fast(base: SimHomeBase) -> None:
    begun, fastest = newest(base), 0.0

    def turns_as_commanded() -> bool:
        nonlocal fastest
        base.velocity(0.0, 0.5, 0.15)
        time.sleep(0.05)
        found = base.odometry()
        fastest = max(fastest, found.turn_rate if found else 0.0)
        return found is not None and found.heading > begun.heading + 0.1 and fastest > 0.475

    until(turns_as_commanded)
    turned = at_rest(base)
    assert turned.heading > begun.heading + 0.1 and turned.turn_rate == 0.0
    assert fastest == pytest.approx(0.5, rel=0.05) and (turned.x, turned.y) == (begun.x, begun.y)


def test_a_command_that_comes_too_late_is_not_followed(base: SimHomeBase) -> None:
    begun = newest(base)
    late = {"command": "velocity", "speed": 0.5, "turn_rate": 0.0, "until": time.monotonic() - 0.01}
    base._socket.send_multipart([b"", pack(late)])
    assert newest(base, 0.4).pose == begun.pose


@pytest.mark.parametrize(
    "wrong",
    [
        {"speed": float("nan")},
        {"speed": 50.0},
        {"turn_rate": "fast"},
        {"until": None},
        {"until": float("inf")},
    ],
)
def test_what_is_not_a_velocity_is_refused(
    base: SimHomeBase, server: SimHomeServer, wrong: dict[str, object]
) -> None:
    begun = newest(base)
    request = {"command": "velocity", "speed": 0.5, "turn_rate": 0.0, "until": 1e12} | wrong
    base._socket.send_multipart([b"", pack(request)])
    assert newest(base, 0.4).pose == begun.pose
    assert RobotClient(server.robot).pose() == pytest.approx(begun.pose)


def test_a_velocity_ends_a_movement_and_a_stop_ends_a_velocity(
    base: SimHomeBase, server: SimHomeServer
) -> None:
    robot = RobotClient(server.robot)
    base.velocity(0.0, 1.0, 0.15)
    newest(base, 0.02)  # it has arrived: answers keep their order
    robot.stop()
    begun = robot.pose()
    time.sleep(0.2)
    assert robot.pose() == begun
