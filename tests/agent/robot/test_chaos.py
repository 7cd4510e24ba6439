"""`sensebind chaos` against a real robot: what it does is seen, and what it tells is true."""

import json
from pathlib import Path

import pytest
from fixtures.fake_senses import save_tiny_imagebind
from fixtures.ports import free_port

from sensebind.agent.cli import main
from sensebind.agent.robot import chaos

pytestmark = pytest.mark.slow


@pytest.fixture
def robot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    monkeypatch.setattr(chaos, "_GONE", 4.0)
    monkeypatch.setattr(chaos, "_BLINK", 1.0)
    save_tiny_imagebind(tmp_path / "imagebind")
    file = tmp_path / "robot.yaml"
    file.write_text(f"""
checkpoint: {tmp_path}
cache: null
simhome: {{seed: 10000003, port: {free_port()}}}
streams:
  lidar: {{source: simhome, max_age: 1.5, refresh: 0.1}}
frames: {{directory: {tmp_path}/frames}}
""")
    return file


def test_each_trouble_is_told_and_over_again(
    robot: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kinds = ("kill", "gone", "clock", "flood", "corrupt", "disk")
    code = command("chaos", str(robot), *(f"--only={kind}" for kind in kinds), "--json")
    told = json.loads(capsys.readouterr().out)
    found = {one["what"]: one for one in told["outcomes"]}
    assert len(found) == 4 + 1 + 2 + 3 and told["processes_left"] == 0
    for one in found.values():  # how fast it was is for a quiet machine to say
        assert one["back"] is not None and one["unreported"] == 0, one
    noted = {what: one["noted"] for what, one in found.items()}
    for what, word in {
        "kill -9 of lidar": "restarts",
        "kill -9 of launcher": "restarts",
        "kill -9 of spare": "",
        "kill -9 of simhome": "",
        "device of lidar gone": "reported after",
        "clock of lidar an hour ahead": "clamped",
        "clock of lidar an hour behind": "clamped",
        "a flood": "malformed",
        "corrupt messages": "malformed",
        "disk full": "unkept",
    }.items():
        notes = [note for name, note in noted.items() if name.startswith(what)]
        assert notes and all(word in note for note in notes), (what, notes)
    assert code == (0 if told["ok"] else 1)


@pytest.mark.extended
@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_what_harms_the_watch_itself_is_over_again(
    robot: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with robot.open("a") as file:
        file.write("metrics: {port: 0}\n")
    kinds = ("watch", "descriptors", "store", "idle")
    command("chaos", str(robot), *(f"--only={kind}" for kind in kinds), "--json")
    told = json.loads(capsys.readouterr().out)
    noted = {one["what"]: one["noted"] for one in told["outcomes"]}
    assert len(noted) == 2 + 1 + 1 + 1 and told["processes_left"] == 0
    for one in told["outcomes"]:
        assert one["back"] is not None and one["unreported"] == 0, one
    for what, word in {
        "an error in the watch": "watch errors +1, revived +0",
        "an exit in the watch": "revived +1",
        "no descriptors": "meanwhile",
        "the frames of lidar": "unkept",
        "100 idle connections": "",
    }.items():
        [note] = [note for name, note in noted.items() if name.startswith(what)]
        assert word in note, (what, note)
        assert "failed" not in note


def command(*arguments: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main(list(arguments))
    return int(ended.value.code or 0)


def test_an_unknown_trouble_is_refused(robot: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert command("chaos", str(robot), "--only", "earthquake") == 2
    assert "earthquake" in capsys.readouterr().err


def test_a_file_is_checked_and_its_schema_is_printed(
    robot: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command("config", "check", str(robot)) == 0
    assert ": 1 stream: lidar" in capsys.readouterr().out
    bad = tmp_path / "bad.yaml"
    bad.write_text(robot.read_text().replace("max_age", "maxage"))
    assert command("config", "check", str(bad)) == 2
    assert "line 6, streams.lidar.maxage" in capsys.readouterr().err
    assert command("config", "schema") == 0
    assert "streams" in json.loads(capsys.readouterr().out)["required"]
