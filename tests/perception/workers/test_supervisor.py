"""Real worker processes: killed, stopped, crashing, orphaned; and nothing is left over."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from fixtures.fake_senses import STREAMS, TESTS, alive, save_tiny_imagebind, worker
from fixtures.ports import free_port
from fixtures.waiting import PATIENCE, until

from sensebind.errors import BusError, ConfigurationError, InputError
from sensebind.perception.bus.pubsub import Publisher, Subscriber
from sensebind.perception.workers.supervisor import Supervisor, WorkerState, WorkerStatus


@pytest.fixture(scope="module", autouse=True)
def importable() -> Iterator[None]:
    """Let worker processes import the fake sources."""
    before = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = str(TESTS)
    yield
    del os.environ["PYTHONPATH"]
    if before is not None:
        os.environ["PYTHONPATH"] = before


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_imagebind(tmp_path_factory.mktemp("imagebind"))


@pytest.fixture(scope="module")
def hang(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("hang") / "now"


@pytest.fixture(scope="module")
def changes() -> list[WorkerStatus]:
    return []


@pytest.fixture(scope="module")
def supervisor(checkpoint: Path, hang: Path, changes: list[WorkerStatus]) -> Iterator[Supervisor]:
    specs = [worker(stream, checkpoint, hang=str(hang)) for stream in STREAMS]
    port = free_port()  # one that a new worker can have when the old one is gone
    specs[0] = specs[0].model_copy(update={"endpoint": f"tcp://127.0.0.1:{port}"})
    supervisor = Supervisor(specs, changes.append, heartbeat_timeout=5.0, stall_timeout=5.0)
    supervisor.start()
    pids = [status.pid for status in supervisor.status().values()]
    yield supervisor
    pids += [status.pid for status in supervisor.status().values()]
    supervisor.stop()
    supervisor.stop()
    assert not [pid for pid in pids if pid and alive(pid)]
    assert {s.state for s in supervisor.status().values()} == {WorkerState.STOPPED}
    for endpoint in supervisor.endpoints.values():
        assert not Path(endpoint.removeprefix("ipc://")).exists()


def running(supervisor: Supervisor, restarts: dict[str, int]) -> bool:
    return all(
        status.state is WorkerState.RUNNING and status.restarts == restarts[name]
        for name, status in supervisor.status().items()
    )


def restarts(supervisor: Supervisor, **more: int) -> dict[str, int]:
    """The restart counts that are due when `more` have happened."""
    return {n: s.restarts + more.get(n, 0) for n, s in supervisor.status().items()}


def test_every_sense_is_on_the_bus(supervisor: Supervisor) -> None:
    with Subscriber(supervisor.endpoints.values()) as subscriber:
        until(
            lambda: (
                subscriber.receive(0.1)
                and {*STREAMS} <= {n for n, s in subscriber.stats().items() if s.received > 2}
            )
        )
        assert all(s.lost == s.malformed == 0 for s in subscriber.stats().values())
    pids = {status.pid for status in supervisor.status().values()}
    assert len(pids) == len(STREAMS) and os.getpid() not in pids


@pytest.mark.parametrize("stream", list(STREAMS))
def test_a_killed_worker_comes_back_and_the_others_do_not_notice(
    supervisor: Supervisor, changes: list[WorkerStatus], stream: str
) -> None:
    due = restarts(supervisor, **{stream: 1})
    before = supervisor.status()
    with Subscriber(supervisor.endpoints.values()) as subscriber:
        until(lambda: stream in subscriber.receive(0.1).percepts)
        os.kill(before[stream].pid, signal.SIGKILL)
        until(lambda: subscriber.receive(0.1) and subscriber.stats()[stream].restarts == 1)
        until(lambda: stream in subscriber.receive(0.1).percepts)
        others = [s for n, s in subscriber.stats().items() if n != stream]
        assert all(s.restarts == 0 for s in others)
    until(lambda: running(supervisor, due))
    after = supervisor.status()
    assert after[stream].last_exit == -signal.SIGKILL and after[stream].pid != before[stream].pid
    assert [after[n].pid for n in STREAMS if n != stream] == [
        before[n].pid for n in STREAMS if n != stream
    ]
    states = [c.state for c in changes if c.stream == stream]
    assert WorkerState.RESTARTING in states and states[-1] is WorkerState.RUNNING


def test_a_frozen_worker_is_replaced(supervisor: Supervisor) -> None:
    due = restarts(supervisor, lidar=1)
    pid = supervisor.status()["lidar"].pid
    os.kill(pid, signal.SIGSTOP)
    until(lambda: running(supervisor, due))
    assert not alive(pid)


def test_a_worker_that_makes_no_progress_is_replaced(supervisor: Supervisor, hang: Path) -> None:
    total = sum(restarts(supervisor).values())
    hang.touch()  # one of the sources takes it, and sleeps
    until(lambda: sum(restarts(supervisor).values()) == total + 1)
    until(lambda: running(supervisor, restarts(supervisor)))
    assert not hang.exists()


def test_a_terminated_worker_comes_back(supervisor: Supervisor) -> None:
    due = restarts(supervisor, camera=1)
    os.kill(supervisor.status()["camera"].pid, signal.SIGTERM)
    until(lambda: running(supervisor, due))
    assert supervisor.status()["camera"].last_exit == 0


def test_workers_do_not_mind_ctrl_c(supervisor: Supervisor) -> None:
    due = restarts(supervisor)
    for status in supervisor.status().values():
        os.kill(status.pid, signal.SIGINT)
    time.sleep(0.3)
    assert running(supervisor, due)


def test_all_processes_are_named(supervisor: Supervisor) -> None:
    until(lambda: supervisor.pids.keys() == {"launcher", "spare", *STREAMS})
    assert all(map(alive, supervisor.pids.values()))
    until(lambda: all(status.memory > 1e6 for status in supervisor.status().values()))


def test_the_spare_takes_the_place_of_the_launcher(supervisor: Supervisor) -> None:
    for _ in range(3):
        until(lambda: "spare" in supervisor.pids)
        due = restarts(supervisor, **dict.fromkeys(STREAMS, 1))
        pids = supervisor.pids
        os.kill(pids["launcher"], signal.SIGKILL)
        until(lambda due=due: running(supervisor, due))
        assert supervisor.pids["launcher"] == pids.pop("spare")
        assert not any(map(alive, pids.values()))


def test_a_spare_is_replaced_and_nobody_notices(supervisor: Supervisor) -> None:
    due = restarts(supervisor)
    until(lambda: "spare" in supervisor.pids)
    before = supervisor.pids
    os.kill(before["spare"], signal.SIGKILL)
    until(lambda: supervisor.pids.get("spare", before["spare"]) != before["spare"])
    after = supervisor.pids
    assert after.pop("spare") != before.pop("spare") and after == before
    assert running(supervisor, due)


def test_without_a_spare_another_launcher_is_started(supervisor: Supervisor) -> None:
    until(lambda: "spare" in supervisor.pids)
    pids, before = supervisor.pids, restarts(supervisor)
    for name in ("spare", "launcher"):
        os.kill(pids[name], signal.SIGKILL)
    until(lambda: all(restarts(supervisor)[one] > before[one] for one in STREAMS))
    until(lambda: running(supervisor, restarts(supervisor)))
    assert not any(map(alive, pids.values()))
    until(lambda: "spare" in supervisor.pids)


def test_a_frozen_launcher_is_replaced_when_it_is_needed(supervisor: Supervisor) -> None:
    due = restarts(supervisor, **dict.fromkeys(STREAMS, 1))
    pids = supervisor.pids
    os.kill(pids["launcher"], signal.SIGSTOP)
    os.kill(pids["camera"], signal.SIGSTOP)  # nobody is there to kill it
    until(lambda: running(supervisor, due))
    assert supervisor.pids["launcher"] == pids.pop("spare")
    assert not any(map(alive, pids.values()))


# --- what goes wrong at the start ---


def test_a_worker_that_cannot_run_is_told_at_the_start(checkpoint: Path, tmp_path: Path) -> None:
    good, bad = worker("camera", checkpoint), worker("lidar", tmp_path / "none")
    supervisor = Supervisor([good, bad])
    with pytest.raises(ConfigurationError, match=r"lidar: .*none"):
        supervisor.start()
    assert supervisor.status()["lidar"].state is WorkerState.FAILED
    assert supervisor.status()["lidar"].last_exit == 2
    assert supervisor.status()["lidar"].restarts == 0


def test_each_worker_fails_for_itself(checkpoint: Path) -> None:
    changes: list[WorkerStatus] = []
    with Publisher("tcp://127.0.0.1:*", "other") as other:
        specs = [
            worker("camera", checkpoint, crash_after=0),
            worker("microphone", checkpoint, endpoint=other.endpoint),
            worker("lidar", checkpoint),
        ]
        supervisor = Supervisor(specs, changes.append)
        supervisor.start(wait=0)
        try:
            until(lambda: supervisor.status()["camera"].restarts >= 2)
            until(lambda: supervisor.status()["lidar"].state is WorkerState.RUNNING)
            assert any("a bug in a source" in c.detail for c in changes)
            until(lambda: supervisor.status()["microphone"].restarts >= 2)
            microphone = [c for c in changes if c.stream == "microphone"]
            assert WorkerState.FAILED not in {c.state for c in microphone}  # it may pass
            assert any("in use" in c.detail for c in microphone)
            other.close()
            until(lambda: supervisor.status()["microphone"].state is WorkerState.RUNNING)
            assert supervisor.status()["lidar"].restarts == 0
        finally:
            supervisor.stop()


def test_streams_of_one_process_live_and_die_together(checkpoint: Path) -> None:
    shared = [worker(stream, checkpoint, process="senses") for stream in STREAMS]
    alone = worker("camera", checkpoint).model_copy(update={"stream": "alone"})
    with Supervisor([*shared, alone], heartbeat_timeout=10.0) as supervisor:
        status = supervisor.status()
        assert len({s.pid for s in status.values()}) == 2
        assert {status[stream].pid for stream in STREAMS} == {status["lidar"].pid}
        due = restarts(supervisor, **dict.fromkeys(STREAMS, 1))
        os.kill(status["lidar"].pid, signal.SIGKILL)
        until(lambda: running(supervisor, due))
        assert supervisor.status()["alone"].pid == status["alone"].pid


def test_what_keeps_crashing_rests_and_the_others_go_on(
    checkpoint: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sensebind.perception.workers.restarts._BACKOFF", (0.0,))
    monkeypatch.setattr("sensebind.perception.workers.restarts._BREAKER", 3)
    monkeypatch.setattr("sensebind.perception.workers.restarts._REST", 1.0)
    specs = [worker("camera", checkpoint, crash_after=0), worker("lidar", checkpoint)]
    changes: list[WorkerStatus] = []
    supervisor = Supervisor(specs, changes.append, heartbeat_timeout=10.0)
    supervisor.start(wait=0)
    try:
        until(lambda: supervisor.status()["camera"].state is WorkerState.RESTING)
        resting = supervisor.status()["camera"]
        assert resting.restarts == 2 and "rests for 1 s" in resting.detail
        until(lambda: supervisor.status()["camera"].restarts > 2)  # it is tried again
        until(lambda: supervisor.status()["lidar"].state is WorkerState.RUNNING)
        until(lambda: any("rests for 2 s" in change.detail for change in changes))
        assert supervisor.status()["lidar"].restarts == 0
    finally:
        supervisor.stop()


def test_a_worker_that_eats_memory_is_started_anew(checkpoint: Path) -> None:
    specs = [worker("camera", checkpoint, max_memory=1 << 20), worker("lidar", checkpoint)]
    changes: list[WorkerStatus] = []
    supervisor = Supervisor(specs, changes.append, heartbeat_timeout=10.0)
    supervisor.start(wait=0)
    try:
        until(lambda: supervisor.status()["camera"].restarts >= 1)
        assert any("1 MB are allowed" in change.detail for change in changes)
    finally:
        supervisor.stop()


def test_what_does_not_fit_together_is_refused(checkpoint: Path) -> None:
    camera = worker("camera", checkpoint)
    with pytest.raises(ConfigurationError):
        Supervisor([])
    with pytest.raises(ConfigurationError):
        Supervisor([camera, camera])
    same = {"endpoint": "ipc:///tmp/same"}
    with pytest.raises(ConfigurationError, match="share"):
        lidar = worker("lidar", checkpoint).model_copy(update=same)
        Supervisor([camera.model_copy(update=same), lidar])
    for endpoint in ("tcp://127.0.0.1:*", "tcp://10.0.0.1:5555"):
        with pytest.raises(BusError):
            Supervisor([camera.model_copy(update={"endpoint": endpoint})])


# --- nothing is left over ---

SCRIPT = """
import json, signal, sys, time
from pathlib import Path
from fixtures.fake_senses import STREAMS, worker
from sensebind.perception.workers.supervisor import Supervisor
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job ignores it
supervisor = Supervisor([worker(stream, Path(sys.argv[1])) for stream in STREAMS])
supervisor.start()
while "spare" not in supervisor.pids:
    time.sleep(0.05)
pids = list(supervisor.pids.values())
try:
    print(json.dumps([supervisor.endpoints["camera"], *pids]), flush=True)
    for _ in range(2000):  # a signal just before one long sleep would wait for its end
        time.sleep(0.05)
except KeyboardInterrupt:
    supervisor.stop()
"""


def test_no_process_outlives_the_supervisor(checkpoint: Path) -> None:
    killed, interrupted = (
        subprocess.Popen(
            [sys.executable, "-c", SCRIPT, str(checkpoint)],
            stdout=subprocess.PIPE,
            start_new_session=True,
        )
        for _ in range(2)
    )
    pids: list[int] = []
    directories: list[Path] = []
    for process in (killed, interrupted):
        assert process.stdout is not None
        with process.stdout:
            endpoint, *found = json.loads(process.stdout.readline())
        assert len(found) == 5 and all(map(alive, found))
        pids += found
        directories.append(Path(endpoint.removeprefix("ipc://")).parent)
    os.kill(killed.pid, signal.SIGKILL)
    os.killpg(interrupted.pid, signal.SIGINT)  # as a terminal does on Ctrl-C
    assert (killed.wait(PATIENCE), interrupted.wait(PATIENCE)) == (-signal.SIGKILL, 0)
    until(lambda: not any(map(alive, pids)))
    assert not [directory for directory in directories if directory.exists()]


def test_a_paused_stream_has_no_process_says_so_and_comes_back(supervisor: Supervisor) -> None:
    until(lambda: all(s.state is WorkerState.RUNNING for s in supervisor.status().values()))
    first, *others = STREAMS
    before = supervisor.status()
    with Subscriber(supervisor.endpoints.values()) as subscriber:
        supervisor.pause([first])
        assert supervisor.status()[first].state is WorkerState.PAUSED
        assert not alive(before[first].pid) and supervisor.status()[first].pid == 0
        beats: dict[str, str] = {}

        def told() -> bool:
            news = subscriber.receive(0.1)
            beats.update({name: one.state for name, one in news.heartbeats.items()})
            return beats.get(first) == "paused"

        until(told)
        time.sleep(1.0)
        subscriber.receive(0)
        assert first not in subscriber.receive(0.5).percepts
        assert supervisor.status()[first].state is WorkerState.PAUSED
        supervisor.pause([])
        until(lambda: supervisor.status()[first].state is WorkerState.RUNNING)
        until(lambda: first in subscriber.receive(0.1).percepts)
    assert supervisor.status()[first].restarts == before[first].restarts
    assert {n: supervisor.status()[n].pid for n in others} == {n: before[n].pid for n in others}
    with pytest.raises(InputError, match="no stream"):
        supervisor.pause(["nobody"])


def test_of_a_shared_process_one_stream_is_paused_from_the_start(checkpoint: Path) -> None:
    specs = [
        worker(stream, checkpoint).model_copy(update={"process": "both"})
        for stream in ("camera", "lidar")
    ]
    supervisor = Supervisor(specs)
    supervisor.pause(["lidar"])
    with supervisor:
        states = {name: one.state for name, one in supervisor.status().items()}
        assert states == {"camera": WorkerState.RUNNING, "lidar": WorkerState.PAUSED}
        supervisor.pause(["camera"])
        until(lambda: supervisor.status()["lidar"].state is WorkerState.RUNNING)
        assert supervisor.status()["camera"].state is WorkerState.PAUSED
        supervisor.pause(["camera", "lidar"])
        assert not [pid for name, pid in supervisor.pids.items() if name == "both/"]


def test_all_end_without_being_waited_for_and_a_worker_that_hangs_is_killed(
    checkpoint: Path,
) -> None:
    supervisor = Supervisor([worker(stream, checkpoint) for stream in STREAMS])
    supervisor.start()
    try:
        until(lambda: "spare" in supervisor.pids)
        pids = dict(supervisor.pids)
        os.kill(pids["camera"], signal.SIGSTOP)
        supervisor.begin_to_end()
        supervisor.begin_to_end()  # twice is once
        until(lambda: not [pid for pid in pids.values() if alive(pid)])
    finally:
        supervisor.stop()
