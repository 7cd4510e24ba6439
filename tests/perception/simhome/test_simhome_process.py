"""SimHome as a real process: its sensors, its house and its robot over real sockets."""

import os
import signal
import stat
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import numpy as np
import pytest
from fixtures.waiting import PATIENCE, until
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sensebind.errors import ConfigurationError, ToolError
from sensebind.perception.percept import Modality
from sensebind.perception.simhome.client import RobotClient
from sensebind.perception.simhome.options import SimHomeOptions, dump_options, load_options
from sensebind.perception.simhome.sampling import sample_scene
from sensebind.perception.simhome.scene import Scene, Thing
from sensebind.perception.simhome.server import SimHomeServer
from sensebind.perception.sources.base import Source
from sensebind.perception.sources.conformance import SourceConformance
from sensebind.perception.sources.simhome import SimHomeSource

SCENE = Scene(
    seed=3,
    things=(Thing("radio", "red", 1.5, 0.0, sounding=True), Thing("ball", "blue", 2.0, 1.5)),
    robot=(-1.0, 0.0, 0.0),
)


@pytest.fixture(scope="module")
def server() -> Iterator[SimHomeServer]:
    with SimHomeServer(SimHomeOptions(SCENE, lidar_columns=90)) as server:
        yield server


class TestCamera(SourceConformance):
    sensor = "camera"

    @pytest.fixture(autouse=True)
    def _home(self, server: SimHomeServer) -> None:
        self.address = server.sensors

    def make_source(self) -> Source:
        return SimHomeSource(self.address, self.sensor)


class TestMicrophone(TestCamera):
    sensor = "microphone"


class TestLidar(TestCamera):
    sensor = "lidar"


def test_every_sensor_streams(server: SimHomeServer) -> None:
    shapes = {"camera": (224, 224, 3), "microphone": (32000,), "lidar": None}
    for stream, shape in shapes.items():
        with SimHomeSource(server.sensors, stream) as source:
            first, second = source.read(), source.read()
        assert second.sequence > first.sequence and second.monotonic > first.monotonic
        assert abs(time.time_ns() - second.captured_at) < 5e9
        assert abs(time.monotonic() - second.monotonic) < 5
        assert first.data.shape == (shape or (len(first.data), 3))
        if first.modality is Modality.VISION:
            assert first.data.dtype == np.uint8 and first.data.std() > 5
        else:
            assert first.data.dtype == np.float32 and len(first.data) > 100


def test_turning_the_radio_off_is_heard(server: SimHomeServer) -> None:
    with SimHomeSource(server.sensors, "microphone") as microphone:
        assert microphone.read().data.std() > 0.02
        answer = httpx.post(f"{server.house}/radio/off", trust_env=False)
        assert answer.json() == {"radio": "off"}
        for _ in range(12):  # the radio leaves the two-second window in four or five hops
            if (quiet := microphone.read().data.std()) < 0.002:
                break
        assert quiet < 0.002


def test_robot_drives_turns_and_stops_before_things(server: SimHomeServer) -> None:
    robot = RobotClient(server.robot)
    x, y, heading = robot.pose()
    assert robot.drive(0.2) == pytest.approx(0.2)
    assert robot.pose() == pytest.approx((x + 0.2, y, heading))
    assert 1.0 < robot.drive(3.0) < 2.2  # the radio stands in the way
    assert robot.turn(-0.3) == pytest.approx(-0.3)
    assert robot.pose()[2] == pytest.approx(heading - 0.3)


@pytest.mark.parametrize("amount", [100.0, float("nan"), float("inf"), "far", None])
def test_robot_refuses_what_it_cannot_do(server: SimHomeServer, amount: float) -> None:
    robot = RobotClient(server.robot)
    with pytest.raises(ToolError):
        robot.drive(amount)


def test_robot_that_is_not_there_is_a_tool_error() -> None:
    with pytest.raises(ToolError, match="cannot talk"):
        RobotClient("nonsense").pose()


def test_a_port_in_use_is_a_clear_error(server: SimHomeServer) -> None:
    sensors, house = (int(one.rsplit(":", 1)[1]) for one in (server.sensors, server.house))
    for port, options in (
        (sensors, SimHomeOptions(SCENE, sensor_port=sensors)),
        (house, SimHomeOptions(SCENE, house_port=house)),
    ):
        second = SimHomeServer(options)
        with pytest.raises(ConfigurationError, match=f"port {port}.*choose another"):
            second.start()
        assert not second.alive and second.sensors == ""


def test_the_robot_is_moved_by_this_user_alone(server: SimHomeServer) -> None:
    socket = Path(server.robot.removeprefix("ipc://"))
    assert socket.is_socket() and stat.S_IMODE(socket.stat().st_mode) == 0o600
    assert stat.S_IMODE(socket.parent.stat().st_mode) == 0o700


def test_only_loopback_is_bound(server: SimHomeServer) -> None:
    assert server.house.startswith("http://127.0.0.1:")
    assert server.sensors.startswith("tcp://127.0.0.1:")


def test_a_killed_process_is_seen_and_can_be_stopped_and_started_again() -> None:
    server = SimHomeServer(SimHomeOptions(SCENE, lidar_columns=8))
    server.start()
    for number in (signal.SIGKILL, signal.SIGTERM):
        os.kill(server.pid, number)
        until(lambda: not server.alive)
        server.stop()
        assert server.sensors == "" and server.pid == 0
        server.start()
    server.stop()


def test_the_end_of_the_process_is_noticed_at_once() -> None:
    server = SimHomeServer(SimHomeOptions(SCENE, lidar_columns=8))
    assert server.wait(0.0)
    with server:
        assert not server.wait(0.0) and server.alive
        os.kill(server.pid, signal.SIGKILL)
        assert server.wait(PATIENCE) and not server.alive


@given(
    st.builds(
        SimHomeOptions,
        scene=st.integers(0, 2**31) | st.integers(0, 2**31).map(sample_scene),
        camera_rate=st.floats(0.1, 60),
        lidar_columns=st.none() | st.integers(8, 720),
        house_port=st.integers(0, 65535),
    )
)
@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)  # scenes are sampled
def test_options_arrive_as_they_were_sent(options: SimHomeOptions) -> None:
    assert load_options(dump_options(options)) == options
    assert dump_options(options).count(b"\n") == 1


def test_a_rate_out_of_range_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="0 Hz"):
        SimHomeServer(SimHomeOptions(SCENE, camera_rate=0))
