"""The driving process, its client, and a simulated base, as real processes."""

import errno
import os
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fixtures.waiting import until

from sensebind.errors import ConfigurationError, SourceError, ToolError
from sensebind.perception.sources.registry import open_source
from sensebind.tools.motion import (
    Footprint,
    LidarMount,
    Motion,
    MotionClient,
    MotionServer,
    MotionSettings,
    Part,
    motion_tools,
)
from sensebind.tools.motion.messages import Done, Hello, Lines, Move, Stop, Stopped, encode
from sensebind.tools.motion.simulation import (
    BRAKING,
    RADIUS,
    REACTION,
    Order,
    Report,
    Simulation,
)
from sensebind.tools.risk import unguarded


def settings_of(simulation: Simulation, **changed: object) -> MotionSettings:
    values: dict[str, object] = {
        "base": Part(
            factory="sensebind.tools.motion.simulation:SimulatedBase",
            arguments={"port": simulation.port},
        ),
        "footprint": Footprint.round(RADIUS),
        "lidar": {"source": f"simhome:{simulation.lidar}"},
        "mount": LidarMount(height=0.3),
        "delay": REACTION,
        "braking": BRAKING,
    }
    return MotionSettings(**(values | changed))  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def simulation() -> Iterator[Simulation]:
    with Simulation() as running:
        yield running


@pytest.fixture(scope="module")
def server(simulation: Simulation) -> Iterator[MotionServer]:
    with MotionServer(settings_of(simulation)) as running:
        yield running


@pytest.fixture
def robot(simulation: Simulation, server: MotionServer) -> Iterator[MotionClient]:
    simulation.order(Order(reset=True, start=0.0, drop=0.0, cut=False))
    with MotionClient(server.address) as client:
        until(lambda: ready(client))
        yield client


def ready(client: MotionClient) -> bool:
    """Whether the base and the lidar are heard: a movement of nothing is not refused."""
    try:
        return client.drive(0.0) is not None
    except ToolError:
        return False


@contextmanager
def driving(simulation: Simulation, robot: MotionClient, metres: float = 20.0) -> Iterator[list]:
    """Drives in a thread, and begins when the base moves; gives the list of what came of it."""
    said: list[object] = []

    def drive() -> None:
        try:
            said.append(robot.drive(metres))
        except ToolError as error:
            said.append(str(error))

    thread = threading.Thread(target=drive)
    thread.start()
    until(lambda: abs(simulation.order().speed) > 0.1)
    yield said
    thread.join(20)
    assert not thread.is_alive()


def stands(simulation: Simulation, since: float) -> Report:
    until(lambda: simulation.order().stands_since is not None)
    return simulation.order(Order(since=since))


def test_the_process_imports_no_model_and_no_agent() -> None:
    """Nor does it need long: what it imports is what its start takes."""
    code = (
        "import sys, sensebind.tools.motion.process\n"
        "heavy = {'torch', 'langchain_core', 'transformers', 'mujoco', 'pydantic', 'scipy',\n"
        "         'sensebind.agent', 'sensebind.memory'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout == "[]\n"


def test_its_socket_is_for_this_user_only(server: MotionServer) -> None:
    assert stat.S_IMODE(server.address.stat().st_mode) == 0o600
    assert stat.S_IMODE(server.address.parent.stat().st_mode) == 0o700


def test_keys_of_the_terminal_do_not_reach_it(server: MotionServer) -> None:
    r"""Ctrl-\ stops the robot: the terminal sends SIGQUIT to the whole group of whoever has it."""
    assert os.getpgid(server.pid) == server.pid != os.getpgid(0)


def test_it_drives_turns_and_says_where_it_is(simulation: Simulation, robot: MotionClient) -> None:
    assert robot.guards_itself and not Motion(robot).unguarded
    assert robot.turn(0.5) == pytest.approx(0.5, abs=0.05)
    assert robot.drive(-0.3) == pytest.approx(-0.3, abs=0.03)
    assert robot.pose() == pytest.approx(simulation.order().pose, abs=0.03)


def test_a_stop_before_the_movement_cancels_it(server: MotionServer) -> None:
    """The stop of a movement overtakes the movement itself on its way to the process."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(str(server.address))
        connection.settimeout(10)
        connection.sendall(encode(Stop(7)) + encode(Move(7, "drive", 1.0)))
        lines, said = Lines(), []
        while len(said) < 3:
            said += lines.to_client(connection.recv(4096))
    assert isinstance(said[0], Hello)
    assert {type(one) for one in said[1:]} == {Stopped, Done}
    [done] = [one for one in said if isinstance(one, Done)]
    assert (done.outcome, done.moved) == ("stopped", 0.0)


def test_what_is_not_a_message_ends_the_connection_alone(
    server: MotionServer, robot: MotionClient
) -> None:
    for nonsense in (b"hello\n", b'{"type":"Move","id":1}\n', b"x" * 100_000):
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(str(server.address))
            connection.settimeout(10)
            with suppress(OSError):
                connection.sendall(nonsense)
                while connection.recv(4096):
                    pass
    assert robot.drive(0.05) == pytest.approx(0.05, abs=0.03)


def test_a_stop_reaches_a_base_that_starts_late_and_loses_messages(
    simulation: Simulation, robot: MotionClient
) -> None:
    simulation.order(Order(start=0.4, drop=0.3, seed=1))
    said: list[str] = []
    tools = {tool.name: tool for tool in motion_tools(Motion(robot))}
    thread = threading.Thread(target=lambda: said.append(tools["drive"].invoke({"metres": 3.0})))
    thread.start()
    until(lambda: simulation.order().stands_since is None)  # a command is in force
    assert tools["stop"].invoke({}) == "stopped"
    thread.join(10)
    assert said == ["error: stopped"]
    time.sleep(0.6)
    assert simulation.order().pose == (0, 0, 0)


def test_a_stop_of_another_process_ends_the_whole_ride(
    simulation: Simulation, server: MotionServer, robot: MotionClient
) -> None:
    """Also one that comes while the turn brakes at its end, or just before the drive."""
    with MotionClient(server.address) as other:

        class Between(MotionClient):
            def drive(self, metres: float) -> float:
                other.stop()  # neither the turn nor the drive is under way
                return super().drive(metres)

        with Between(server.address) as client:
            tools = {tool.name: tool for tool in motion_tools(Motion(client))}
            said = str(tools["go_to"].invoke({"x": 0.0, "y": 1.0}))
            assert said == "error: a stop came before it" or said.startswith("error: stopped")
            x, y, _ = simulation.order().pose
            assert abs(x) < 0.02 and abs(y) < 0.02
            assert str(tools["turn"].invoke({"degrees": 10})).startswith("turned")


def test_a_client_that_stops_or_dies_leaves_a_robot_that_stands(
    simulation: Simulation, server: MotionServer, robot: MotionClient
) -> None:
    code = (
        "import sys\nfrom sensebind.tools.motion import MotionClient\n"
        "with MotionClient(sys.argv[1]) as robot: robot.drive(20.0)"
    )
    for number in (signal.SIGSTOP, signal.SIGKILL):
        simulation.order(Order(reset=True))
        until(lambda: ready(robot))
        agent = subprocess.Popen([sys.executable, "-c", code, str(server.address)])
        until(lambda: simulation.order().speed > 0.1)
        at = time.monotonic()
        agent.send_signal(number)
        until(lambda: simulation.order().stands_since is not None)
        agent.kill()
        agent.wait()
        report = simulation.order(Order(since=at))
        # With slack for a machine that runs other tests: without a lease it drives on for 40 s.
        assert report.moving_until - at < 1.5 and report.pose[0] < 2.0


def test_a_driving_process_that_dies_is_started_again(
    simulation: Simulation, server: MotionServer, robot: MotionClient
) -> None:
    before = server.pid
    at = time.monotonic()
    with driving(simulation, robot) as said:
        os.kill(before, signal.SIGKILL)
    assert "the driving process has ended" in said[0]
    assert stands(simulation, at).speed == 0
    until(lambda: server.pid not in (0, before))
    until(lambda: ready(robot))  # the same client goes on
    assert robot.drive(0.1) == pytest.approx(0.1, abs=0.05)


def test_a_ride_does_not_go_on_in_a_driving_process_that_was_started_again(
    server: MotionServer, robot: MotionClient
) -> None:
    with MotionClient(server.address) as other:
        robot.begin_ride()
        died = server.pid
        os.kill(died, signal.SIGKILL)
        with suppress(ToolError):
            other.stop()  # of which the new process knows nothing
        until(lambda: server.pid not in (0, died) and ready(other))
        with pytest.raises(ToolError, match="a stop came before it"):
            robot.drive(0.2)
        robot.end_ride()
        assert robot.drive(0.2) == pytest.approx(0.2, abs=0.05)


def test_a_hung_driving_process_is_noticed_and_the_base_stops_by_itself(
    simulation: Simulation, server: MotionServer, robot: MotionClient
) -> None:
    at = time.monotonic()
    with driving(simulation, robot) as said:
        os.kill(server.pid, signal.SIGSTOP)
        try:
            until(lambda: said)
            assert "does not answer" in said[0]
            assert stands(simulation, at).speed == 0
            with pytest.raises(ToolError, match="does not answer"):
                robot.stop()
        finally:
            os.kill(server.pid, signal.SIGCONT)
    time.sleep(0.3)
    assert simulation.order().speed == 0  # nobody renewed it meanwhile


def test_who_started_it_hangs_or_dies(simulation: Simulation) -> None:
    code = (
        "import sys, time, msgspec\n"
        "from sensebind.tools.motion import MotionServer, MotionSettings\n"
        "settings = msgspec.json.decode(sys.argv[1], type=MotionSettings)\n"
        "with MotionServer(settings) as server:\n"
        "    print(server.address, server.pid, flush=True)\n"
        "    time.sleep(600)\n"
    )
    import msgspec

    simulation.order(Order(reset=True, start=0.0, drop=0.0))
    text = msgspec.json.encode(settings_of(simulation)).decode()
    starter = subprocess.Popen([sys.executable, "-c", code, text], stdout=subprocess.PIPE)
    assert starter.stdout is not None
    address, pid = starter.stdout.readline().decode().split()
    try:
        with MotionClient(address) as robot:
            until(lambda: ready(robot))
            with driving(simulation, robot) as said:
                starter.send_signal(signal.SIGSTOP)
            assert "whoever started the driving process does not answer" in said[0]
            starter.send_signal(signal.SIGCONT)
            until(lambda: ready(robot))
            with driving(simulation, robot) as said:
                starter.kill()
            assert said and "end" in said[0]
        until(lambda: not _exists(int(pid)))
        assert simulation.order().speed == 0
    finally:
        starter.kill()
        starter.wait()
        starter.stdout.close()


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_a_box_ahead_is_not_touched(simulation: Simulation, robot: MotionClient) -> None:
    at = time.monotonic()
    with driving(simulation, robot) as said:
        simulation.order(Order(box=(1.2, 0.0, 0.3, 0.4)))
    report = simulation.order(Order(since=at))
    assert 0 < float(said[0]) < 2.0 and report.clearance is not None
    assert 0.05 < report.clearance < 0.4
    assert robot.drive(-0.2) == pytest.approx(-0.2, abs=0.05)  # away from it


def test_sweeps_are_passed_on(simulation: Simulation, tmp_path) -> None:
    relay = f"ipc://{tmp_path}/sweeps"
    simulation.order(Order(reset=True, box=(1.0, 0.0, 0.3, 0.4)))
    with (
        MotionServer(settings_of(simulation, relay=relay)),
        open_source(f"sweeps:{relay}", stream="lidar") as source,
    ):
        sweep = source.read(10.0)
    assert sweep.data.shape[1] == 3 and time.monotonic() - sweep.monotonic < 5
    assert np.hypot(*sweep.data[:, :2].T).min() == pytest.approx(1.0 + RADIUS, abs=0.01)


def test_who_cannot_see_or_does_not_stop_by_itself_is_unguarded(simulation: Simulation) -> None:
    careless = Part(
        factory="sensebind.tools.motion.simulation:SimulatedBase",
        arguments={"port": simulation.port, "stops_itself": False},
    )
    for changed, word in (({"lidar": None}, "lidar"), ({"base": careless}, "stop by itself")):
        with (
            MotionServer(settings_of(simulation, **changed)) as server,
            MotionClient(server.address) as robot,
        ):
            motion = Motion(robot)
            assert word in motion.unguarded
            marked = {tool.name for tool in motion_tools(motion) if unguarded(tool)}
            assert marked == {"drive", "turn", "go_to"}


def test_what_cannot_start_says_why(simulation: Simulation, server: MotionServer) -> None:
    wrong: list[tuple[dict[str, object], str]] = [
        ({"base": Part(factory="no.such.module:Base")}, "cannot be made"),
        ({"base": Part(factory="sensebind.errors:Nothing")}, "cannot be made"),
        ({"lease": 2.0}, "lease is 2.0"),
        ({"valid_for": 0.5}, "valid_for is 0.5"),
        ({"fence": (1.0, 0.0, -1.0, 1.0)}, "fence"),
    ]
    for changed, words in wrong:
        with (
            pytest.raises(ConfigurationError, match=words),
            MotionServer(settings_of(simulation, **changed)),
        ):
            pass
    with (
        pytest.raises(ConfigurationError, match="runs already"),
        MotionServer(settings_of(simulation), server.address),
    ):
        pass


def test_nobody_there_is_a_tool_error(tmp_path) -> None:
    with pytest.raises(ToolError, match="no driving process answers"):
        MotionClient(tmp_path / "socket").drive(1.0)


def test_a_paused_lidar_is_closed_after_the_robot_stands(simulation: Simulation) -> None:
    simulation.order(Order(reset=True, start=0.0, drop=0.0, cut=False))
    relay = f"ipc://{tempfile.mkdtemp()}/sweeps"
    with (
        MotionServer(settings_of(simulation, relay=relay)) as server,
        MotionClient(server.address) as client,
        open_source({"source": f"sweeps:{relay}"}, stream="lidar") as sweeps,
    ):
        until(lambda: ready(client))
        assert sweeps.read_latest(1.0, 5.0).data.shape[1] == 3
        with driving(simulation, client) as said:
            server.pause(True)
            assert abs(simulation.order().speed) < 0.02  # it stood before the lidar was closed
        assert "stopped after" in said[0] and "the lidar is paused" in said[0]
        # Nothing more is read, and so nothing is passed on.
        with suppress(SourceError):
            while True:
                sweeps.read_latest(1.0, 0.3)
        with pytest.raises(SourceError):
            sweeps.read_latest(1.0, 0.7)
        for move in (client.drive, client.turn):
            with pytest.raises(ToolError, match="the lidar is paused"):
                move(0.2)
        # It stays closed when the process is killed and started again.
        os.kill(server.pid, signal.SIGKILL)
        until(lambda: server.starts == 2 and server.pid)
        with pytest.raises(SourceError):
            sweeps.read_latest(1.0, 1.5)
        server.pause(False)
        until(lambda: ready(client))
        for _ in range(5):  # however quickly one follows the other
            server.pause(False)
            server.pause(True)
            with suppress(SourceError):
                while True:
                    sweeps.read_latest(1.0, 0.05)
            with pytest.raises(SourceError):
                sweeps.read_latest(1.0, 0.2)


@contextmanager
def started_again(server: MotionServer) -> Iterator[MotionClient]:
    """Waits for the process that takes the place of one that has ended."""
    client = MotionClient(server.address)

    def answers() -> bool:
        try:
            return server.starts > 1 and bool(client.unguarded is not None)
        except ToolError:
            return False

    until(answers)
    try:
        yield client
    finally:
        client.close()


def test_a_process_that_hangs_does_not_keep_its_lidar(
    simulation: Simulation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sensebind.tools.motion.server._CLOSE_SECONDS", 0.5)
    with MotionServer(settings_of(simulation)) as server:
        hung = server.pid
        os.kill(hung, signal.SIGSTOP)
        server.pause(True)
        assert not Path(f"/proc/{hung}").exists()  # nor has it a socket any more
        with started_again(server) as client:
            with pytest.raises(ToolError, match="the lidar is paused"):
                client.drive(0.2)
            server.pause(False)
            until(lambda: ready(client))


def test_a_moment_without_descriptors_does_not_end_the_supervision(
    simulation: Simulation, monkeypatch: pytest.MonkeyPatch
) -> None:
    from sensebind.perception.process import start_module

    lacks = [OSError(errno.EMFILE, "Too many open files")] * 2

    def start(*given: Any) -> subprocess.Popen[bytes]:
        if lacks:
            raise lacks.pop()
        return start_module(*given)

    with MotionServer(settings_of(simulation)) as server:
        monkeypatch.setattr("sensebind.tools.motion.server.start_module", start)
        monkeypatch.setattr("sensebind.tools.motion.server._PAUSE", 0.1)
        os.kill(server.pid, signal.SIGKILL)
        with started_again(server) as client:
            until(lambda: ready(client))
        assert not lacks


def test_a_client_that_gets_no_thread_connects_again(
    server: MotionServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    start, lacks = threading.Thread.start, [RuntimeError("can't start new thread")]

    def start_later(thread: threading.Thread) -> None:
        if thread.name == "motion-client" and lacks:
            raise lacks.pop()
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", start_later)
    client = MotionClient(server.address)
    with pytest.raises(ToolError, match="cannot be listened to"):
        client.drive(0.0)
    until(lambda: ready(client))
    client.close()


def test_it_ends_without_being_waited_for(simulation: Simulation) -> None:
    simulation.order(Order(reset=True, start=0.0, drop=0.0, cut=False))
    with MotionServer(settings_of(simulation)) as server, MotionClient(server.address) as client:
        until(lambda: ready(client))
        with driving(simulation, client) as said:
            since = time.monotonic()
            server.begin_to_end()
            until(lambda: not server.pid)
        assert "the driving process is ending" in said[0]
        assert stands(simulation, since).stands_since is not None
        assert server.starts == 1
