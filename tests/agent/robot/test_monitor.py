"""What `top`, /metrics, the viewer and `doctor` show of real streams."""

import json
import threading
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from fixtures.percepts import percept
from fixtures.waiting import until
from prometheus_client.parser import text_string_to_metric_families

from sensebind.agent.cli import main, top
from sensebind.agent.cli.doctor import doctor
from sensebind.agent.robot.metrics import MetricsServer
from sensebind.agent.robot.monitor import Monitor
from sensebind.agent.robot.rerun_viewer import RerunSink
from sensebind.errors import BusError, ConfigurationError, InputError, MissingDependencyError
from sensebind.perception.bus.pubsub import Publisher
from sensebind.perception.bus.watch_report import WatchReporter, WorkerReport
from sensebind.perception.frames.service import FrameClient, FrameServer
from sensebind.perception.frames.store import FrameStore


@pytest.fixture
def publisher(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Publisher]:
    """A camera of a robot that runs here."""
    home = tmp_path_factory.mktemp("r")  # a socket's path is short
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(home))
    directory = home / "sensebind/rover/12679f"
    directory.mkdir(parents=True)
    (home / "sensebind/rover.lock").write_text("12679f\n")
    with Publisher(f"ipc://{directory}/rover.camera", "rover.camera", 0.05, restarts=2) as opened:
        opened.report("running", "", 3, unchanged=40, clamped=1, refused=1, unkept=0, rate=8.0)
        yield opened


@pytest.fixture
def monitor(publisher: Publisher) -> Iterator[Monitor]:
    with Monitor([publisher.endpoint], expected=["rover.camera", "rover.lidar"]) as monitor:
        until(lambda: monitor.rows()[0].state == "running")
        for _ in range(3):
            publisher.publish(percept("rover.camera", encode_ms=12.5))
            time.sleep(0.05)
        until(lambda: monitor.rows()[0].received == 3)
        yield monitor


def test_rows_tell_what_the_worker_tells_and_what_came(
    monitor: Monitor, publisher: Publisher
) -> None:
    camera, lidar = monitor.rows()
    assert (camera.stream, camera.state, camera.modality) == ("rover.camera", "running", "vision")
    assert (camera.restarts, camera.dropped, camera.unchanged) == (2, 3, 40)
    assert (camera.clamped, camera.refused, camera.aim, camera.encode_ms) == (1, 1, 8.0, 12.5)
    assert camera.rate > 0 and camera.lost == 0 and camera.age_ms < 20_000
    assert camera.memory > 1e6 and camera.pid > 0
    assert (lidar.state, lidar.modality, lidar.received) == ("silent", "", 0)
    publisher.publish(percept("rover.camera", unchanged=True))
    until(lambda: monitor.rows()[0].received == 4)
    assert monitor.rows()[0].encode_ms == 12.5  # what was not encoded took no time
    publisher.close()
    until(lambda: monitor.rows()[0].state == "silent")


def test_top_prints_one_snapshot_into_a_pipe(
    publisher: Publisher, capsys: pytest.CaptureFixture[str]
) -> None:
    publisher.publish(percept("rover.camera"))
    assert top.top(once=True) == 0
    text = capsys.readouterr().out
    assert text.startswith("stream") and "rover.camera  running" in text
    assert "1 refused; 1 clamped" in text
    publisher.report("waiting", "no such device")
    with Monitor([publisher.endpoint]) as monitor:
        until(lambda: [row.state for row in monitor.rows()] == ["waiting"])
    assert top.top(as_json=True) == 1
    [row] = json.loads(capsys.readouterr().out)["streams"]
    assert (row["state"], row["detail"], row["restarts"]) == ("waiting", "no such device", 2)


def test_top_shows_what_the_supervisor_knows_of_workers_that_do_not_run(
    publisher: Publisher, capsys: pytest.CaptureFixture[str]
) -> None:
    """Their own heartbeats have ended, and "silent" would tell nobody why."""
    folder = Path(publisher.endpoint.removeprefix("ipc://")).parent
    reports = [
        WorkerReport(stream="rover.lidar", state="failed", detail="lidar.npy: no such file"),
        WorkerReport(stream="rover.radar", state="resting", detail="crashed often, rests for 30 s"),
        WorkerReport(stream="rover.camera", state="running", pid=1, restarts=7),
    ]
    stop = threading.Event()

    def watch() -> None:
        with WatchReporter(f"ipc://{folder}/_watch", "rover.camera") as reporter:
            while not stop.wait(0.05):
                reporter.report(reports, errors=2, revived=1, lost="/tf is silent")

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        until((folder / "_watch").exists)
        assert top.top(as_json=True) == 1
        shown = json.loads(capsys.readouterr().out)
        rows = {row["stream"]: row for row in shown["streams"]}
        assert top.top(once=True) == 1
        text = capsys.readouterr().out
        with Monitor(top.local_endpoints(None)) as monitor, MetricsServer(monitor, 0) as server:
            until(monitor.watches)
            [watched] = monitor.watches()
            with urllib.request.urlopen(server.address, timeout=20) as answer:
                metrics = answer.read().decode()
    finally:
        stop.set()
        thread.join()
    assert (rows["rover.lidar"]["state"], rows["rover.radar"]["state"]) == ("failed", "resting")
    assert rows["rover.camera"]["state"] == "running" and rows["rover.camera"]["restarts"] == 7
    assert "lidar.npy: no such file" in text and "rests for 30 s" in text
    assert shown["lost"] == {"rover.camera": "/tf is silent"}
    assert "the robot does not know where it is: /tf is silent" in text
    assert (watched.errors, watched.revived) == (2, 1) and watched.age < 5
    assert 'sensebind_watch_errors_total{robot="rover.camera"} 2.0' in metrics
    assert 'sensebind_stream_state{state="failed",stream="rover.lidar"} 1.0' in metrics


def test_the_live_table_has_a_line_for_each_stream(monitor: Monitor) -> None:
    table = top.table(monitor.rows())
    assert table.row_count == 2 and len(table.columns) == len(top._COLUMNS)


def test_top_without_a_robot_says_how_to_start_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    with pytest.raises(BusError, match="sensebind run"):
        top.top()
    with pytest.raises(BusError, match="keys new"):
        top.top(connect=["tcp://10.0.0.5:7000"])


def test_prometheus_reads_what_is_served(monitor: Monitor, tmp_path: Path) -> None:
    with (
        FrameStore(tmp_path) as store,
        FrameServer(store, f"ipc://{tmp_path}/frames") as frames,
        FrameClient(frames.endpoint, timeout=20) as client,
        MetricsServer(monitor, 0, frames=[frames]) as server,
    ):
        with pytest.raises(InputError):
            client.get("frame:rover.camera@1")
        with urllib.request.urlopen(server.address, timeout=20) as answer:
            text = answer.read().decode()
        with pytest.raises(BusError, match="another port"):
            MetricsServer(monitor, int(server.address.split(":")[2].partition("/")[0]))
    families = {f.name: f for f in text_string_to_metric_families(text)}
    values = {
        name: {next(iter(s.labels.values())): s.value for s in family.samples}
        for name, family in families.items()
    }
    assert values["sensebind_stream_running"] == {"rover.camera": 1.0, "rover.lidar": 0.0}
    assert values["sensebind_stream_received"]["rover.camera"] == 3
    assert values["sensebind_stream_unchanged"]["rover.camera"] == 40
    assert "rover.lidar" not in values["sensebind_stream_age_milliseconds"]
    assert values["sensebind_frames_refused"] == {frames.endpoint: 1}
    assert values["sensebind_frames_unanswered"] == {frames.endpoint: 0}
    server.close()


class FakeRerun(SimpleNamespace):
    """Stands for the viewer's package, which is half a gigabyte: notes what it is told."""

    def __init__(self) -> None:
        super().__init__()
        self.logged: list[tuple[str, Any]] = []
        self.target = ""

    def init(self, _name: str) -> None: ...
    def set_time(self, _timeline: str, timestamp: float) -> None:
        assert timestamp > 1e9

    def save(self, file: Path) -> None:
        self.target = str(file)

    def connect_grpc(self, address: str) -> None:
        self.target = address

    def log(self, path: str, what: Any) -> None:
        self.logged.append((path, what))

    def EncodedImage(self, contents: bytes, media_type: str) -> tuple[bytes, str]:
        return contents, media_type

    def Scalars(self, value: float) -> float:
        return value


def test_the_viewer_gets_so_many_percepts_and_no_more(tmp_path: Path) -> None:
    rerun = FakeRerun()
    sink = RerunSink(file=tmp_path / "x.rrd", rate=1.0, rerun=rerun)
    for _ in range(50):
        sink(percept("camera"))
    sink(percept("lidar"))
    assert sink.left_out >= 48 and rerun.target.endswith("x.rrd")
    assert (tmp_path / "x.rrd").stat().st_mode & 0o777 == 0o600  # images of people
    pictures = [what for path, what in rerun.logged if path == "camera/picture"]
    assert pictures[0] == (b"jpeg", "image/jpeg") and len(pictures) <= 2
    assert "lidar/age_ms" in dict(rerun.logged)
    with pytest.raises(ConfigurationError):
        RerunSink(rerun=rerun)


def test_a_missing_viewer_names_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "rerun", None)
    with pytest.raises(MissingDependencyError, match=r"sensebind\[rerun\]"):
        RerunSink("rerun+http://127.0.0.1:9876/proxy")


def test_doctor_names_what_is_wrong_and_how_to_mend_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import socket

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        file = tmp_path / "robot.yaml"
        file.write_text(
            f"checkpoint: {tmp_path}\nmetrics: {{port: {port}}}\n"
            f"bus: {{listen: 'tcp://0.0.0.0:0', keys: {tmp_path}/keys}}\n"
            f"frames: {{directory: {tmp_path}/frames}}\n"
            "streams: {a: {source: 'camera:0', device: 'cuda:99'}}\n"
        )
        assert doctor(file, as_json=True) == 1
    checks = {c["name"]: c for c in json.loads(capsys.readouterr().out)["checks"]}
    assert checks["weights"]["verdict"] == "bad" and str(tmp_path) in checks["weights"]["found"]
    assert checks["keys"]["mend"] == "sensebind keys new"
    assert "choose another port" in checks["port of metrics"]["mend"]
    assert checks["torch"]["verdict"] == checks["configuration"]["verdict"] == "ok"
    assert str(tmp_path / "frames") in checks["frames"]["found"]
    assert "source simhome" in checks
    assert checks["device cuda:99"]["mend"] == "or write device: cpu"
    file.write_text("streams: [")
    assert doctor(file) == 1
    assert "line 1" in capsys.readouterr().out


def test_keys_are_made_allowed_and_listed_by_command(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def run(*arguments: str) -> tuple[object, str]:
        with pytest.raises(SystemExit) as ended:
            main(["keys", *arguments])
        captured = capsys.readouterr()
        return ended.value.code, captured.out + captured.err

    for name in ("robot", "agent"):
        code, text = run("new", "--directory", str(tmp_path / name))
        assert code == 0 and text.strip() == str(tmp_path / name / "own.key")
    theirs = str(tmp_path / "agent/own.key")
    mine = ("--directory", str(tmp_path / "robot"))
    assert run("allow", theirs, *mine)[0] == 2
    assert run("allow", theirs, "--name", "laptop", *mine) == (0, "laptop\n")
    code, text = run("list", "--json", *mine)
    assert code == 0 and list(json.loads(text)["allowed"]) == ["laptop"]
    (tmp_path / "robot/own.key_secret").chmod(0o644)
    code, text = run("list", *mine)
    assert code == 2 and "chmod 600" in text
