"""The thread that watches the workers: errors in it, its end, its hanging; and passing lacks."""

import os
import resource
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from fixtures.fake_senses import TESTS, alive, save_tiny_imagebind, worker
from fixtures.waiting import PATIENCE, until

from sensebind.errors import BusError, ConfigurationError, is_passing
from sensebind.perception.bus.pubsub import Subscriber
from sensebind.perception.bus.watch_report import WatchReport
from sensebind.perception.workers.fork_client import Launchers
from sensebind.perception.workers.supervisor import Supervisor, WorkerState, WorkerStatus


class OnChange:
    """What the watching thread calls; a test makes it do harm."""

    def __init__(self) -> None:
        self.harm: Callable[[], None] | None = None

    def __call__(self, _status: WorkerStatus) -> None:
        if self.harm is not None:
            harm, self.harm = self.harm, None
            harm()


@pytest.fixture(scope="module", autouse=True)
def importable() -> Iterator[None]:
    """Let worker processes import the fake sources."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(TESTS), prepend=os.pathsep)
        yield


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_imagebind(tmp_path_factory.mktemp("imagebind"))


@pytest.fixture(scope="module")
def on_change() -> OnChange:
    return OnChange()


@pytest.fixture(scope="module")
def supervisor(checkpoint: Path, on_change: OnChange) -> Iterator[Supervisor]:
    specs = [worker("camera", checkpoint, rate=10.0)]
    with Supervisor(specs, on_change, heartbeat_timeout=10.0) as supervisor:
        yield supervisor


def comes_back(supervisor: Supervisor) -> None:
    """Kill the worker, and wait until another one runs."""
    before = supervisor.status()["camera"]
    assert before.pid
    os.kill(before.pid, signal.SIGKILL)
    until(lambda: runs_again(supervisor, before))


def runs_again(supervisor: Supervisor, before: WorkerStatus) -> bool:
    now = supervisor.status()["camera"]
    return now.state is WorkerState.RUNNING and now.pid not in (0, before.pid)


def fail(error: BaseException) -> Callable[[], None]:
    def harm() -> None:
        raise error

    return harm


# --- errors, end, hanging ---


def test_an_error_of_whoever_is_called_is_counted_and_watching_goes_on(
    supervisor: Supervisor, on_change: OnChange, caplog: pytest.LogCaptureFixture
) -> None:
    errors = supervisor.watch_status().errors
    on_change.harm = fail(BrokenPipeError("the reader has gone"))
    comes_back(supervisor)
    status = supervisor.watch_status()
    assert status.errors == errors + 1 and status.revived == 0
    assert "the reader has gone" in status.last_error
    assert "which goes on" in caplog.text


@pytest.mark.parametrize("place", ["receive", "_listen", "_feel", "_look_after"])
def test_an_error_in_the_watching_thread_is_counted_and_watching_goes_on(
    supervisor: Supervisor, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    errors = supervisor.watch_status().errors
    owner = Launchers if place == "receive" else Supervisor
    real, failed = getattr(owner, place), threading.Event()

    def once(self: object, *arguments: object) -> object:
        if not failed.is_set():
            failed.set()
            raise OSError(5, "Input/output error")
        return real(self, *arguments)

    pid = supervisor.status()["camera"].pid
    monkeypatch.setattr(owner, place, once)
    if place == "_listen":  # it is called when a launcher says something
        os.kill(pid, signal.SIGKILL)
        until(lambda: supervisor.status()["camera"].pid not in (0, pid))
        until(lambda: supervisor.status()["camera"].state is WorkerState.RUNNING)
    else:
        assert failed.wait(PATIENCE)
    until(lambda: supervisor.watch_status().errors == errors + 1)
    comes_back(supervisor)
    assert supervisor.watch_status().errors == errors + 1


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_watching_thread_that_ends_is_started_again(
    supervisor: Supervisor, on_change: OnChange
) -> None:
    revived = supervisor.watch_status().revived
    on_change.harm = fail(SystemExit(1))  # with which a thread ends in silence
    comes_back(supervisor)
    assert supervisor.watch_status().revived == revived + 1
    comes_back(supervisor)


def test_what_the_watch_knows_is_on_the_bus(supervisor: Supervisor) -> None:
    heard: dict[str, WatchReport] = {}
    with Subscriber([supervisor.report_endpoint]) as subscriber:
        until(lambda: heard.update(subscriber.receive(0.1).reports) or heard)
    report = heard["camera"]
    status = supervisor.watch_status()
    assert (report.errors, report.revived) == (status.errors, status.revived)
    assert report.pid == os.getpid()
    [one] = report.workers
    assert (one.stream, one.state) == ("camera", "running")
    assert one.pid == supervisor.status()["camera"].pid


# --- what may pass ---


def test_descriptors_used_up_in_the_launcher_pass(supervisor: Supervisor) -> None:
    until(lambda: "spare" in supervisor.pids)
    launcher, before = supervisor.pids["launcher"], supervisor.status()["camera"]
    used = len(list(Path(f"/proc/{launcher}/fd").iterdir()))
    limits = resource.prlimit(launcher, resource.RLIMIT_NOFILE)
    resource.prlimit(launcher, resource.RLIMIT_NOFILE, (used, limits[1]))
    try:
        os.kill(before.pid, signal.SIGKILL)
        until(lambda: supervisor.status()["camera"].restarts >= before.restarts + 3)
        status = supervisor.status()["camera"]
        assert status.state in (WorkerState.STARTING, WorkerState.RESTARTING)
        assert "Too many open files" in status.detail
    finally:
        resource.prlimit(launcher, resource.RLIMIT_NOFILE, limits)
    until(lambda: runs_again(supervisor, before))
    assert supervisor.pids["launcher"] == launcher  # it did not end for that


def test_descriptors_used_up_in_the_worker_pass(supervisor: Supervisor) -> None:
    """They are there to fork with, and not to open what a worker opens."""
    until(lambda: "spare" in supervisor.pids)
    launcher, before = supervisor.pids["launcher"], supervisor.status()["camera"]
    used = len(list(Path(f"/proc/{launcher}/fd").iterdir()))
    limits = resource.prlimit(launcher, resource.RLIMIT_NOFILE)
    resource.prlimit(launcher, resource.RLIMIT_NOFILE, (used + 6, limits[1]))
    try:
        os.kill(before.pid, signal.SIGKILL)
        until(lambda: supervisor.status()["camera"].restarts >= before.restarts + 3)
        assert supervisor.status()["camera"].last_exit == 75
        assert supervisor.status()["camera"].state is not WorkerState.FAILED
    finally:
        resource.prlimit(launcher, resource.RLIMIT_NOFILE, limits)
    until(lambda: runs_again(supervisor, before))


@pytest.mark.extended
def test_descriptors_used_up_here_pass(supervisor: Supervisor) -> None:
    until(lambda: "spare" in supervisor.pids)
    pids, before = supervisor.pids, supervisor.status()["camera"]
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, limits[1]))
    try:
        for name in ("spare", "launcher"):
            os.kill(pids[name], signal.SIGKILL)
        until(lambda: "launcher" not in supervisor.pids)
        time.sleep(2.5)  # it is tried twice in vain
        assert "launcher" not in supervisor.pids
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)
    until(lambda: runs_again(supervisor, before))
    until(lambda: "spare" in supervisor.pids)


def test_what_passes_is_known_by_the_error_that_it_came_from() -> None:
    def raised(cause: BaseException | None) -> BaseException:
        try:
            raise ConfigurationError("no parts") from cause
        except ConfigurationError as error:
            return error

    assert is_passing(OSError(24, "Too many open files"))
    assert is_passing(raised(OSError(98, "in use"))) and is_passing(raised(OSError(5, "EIO")))
    assert not is_passing(raised(OSError(2, "no such file")))
    assert not is_passing(raised(None)) and not is_passing(BusError("no port"))
    circle = raised(None)
    circle.__context__ = circle
    assert not is_passing(circle)


# --- the last one: it ends the supervisor ---


def test_a_watching_thread_that_hangs_is_reported_and_the_robot_can_be_ended(
    supervisor: Supervisor, on_change: OnChange, monkeypatch: pytest.MonkeyPatch
) -> None:
    released, hung = threading.Event(), threading.Event()
    where: list[str] = []

    def on_hang(text: str) -> None:
        where.append(text)
        hung.set()

    monkeypatch.setattr(supervisor, "_on_hang", on_hang)
    monkeypatch.setattr(supervisor._watchdog, "_limit", 1.0)
    pids = list(supervisor.pids.values())

    def hang() -> None:
        released.wait(PATIENCE)

    on_change.harm = hang
    os.kill(supervisor.status()["camera"].pid, signal.SIGKILL)
    try:
        assert hung.wait(PATIENCE)
        assert "wait" in where[0] and supervisor.watch_status().hangs == where[0]
        supervisor.stop()  # must not wait for the thread
        assert not released.is_set()
    finally:
        released.set()
    until(lambda: not any(map(alive, pids)))
