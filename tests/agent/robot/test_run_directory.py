"""Each run of a robot has its sockets in a folder of its own."""

import os
import shutil
import stat
from pathlib import Path

import pytest

from sensebind.agent.cli import top
from sensebind.agent.robot.config_file import parse_config
from sensebind.agent.robot.run_directory import RunLock, run_directories, run_directory
from sensebind.errors import BusError, StorageError


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    return tmp_path / "sensebind"


def test_a_run_has_a_folder_that_is_gone_afterwards(home: Path) -> None:
    config = parse_config("name: rover\nstreams: {camera: {source: 'camera:0'}}")
    with RunLock("rover"):
        folder = config.directory
        assert folder.is_dir() and folder.parent == home / "rover"
        assert stat.S_IMODE(folder.stat().st_mode) == stat.S_IMODE(home.stat().st_mode) == 0o700
        assert folder.name.startswith(f"{os.getpid():x}")
        assert run_directories() == [folder]
        with pytest.raises(BusError, match="runs already"), RunLock("rover"):
            pass
        assert config.directory == folder  # the second has changed nothing
        with RunLock("dog"):
            assert len(run_directories()) == 2
    assert not folder.exists() and run_directories() == [] and top.local_endpoints(None) == []


def test_processes_of_a_killed_robot_do_not_touch_the_next_one(home: Path) -> None:
    killed = RunLock("rover")
    killed.__enter__()
    old = run_directory("rover")
    (old / "rover.camera").touch()
    assert killed._file is not None
    killed._file.close()  # the lock ends with its process, and nothing else is done
    with RunLock("rover"):
        new = run_directory("rover")
        assert new != old and new.is_dir() and not old.exists()
        shutil.rmtree(old, ignore_errors=True)  # as the old launcher does at its end
        (new / "rover.camera").touch()
        assert new.is_dir() and run_directories() == [new]


def test_what_an_older_version_left_behind_is_removed(home: Path) -> None:
    (home / "rover").mkdir(parents=True)
    (home / "rover/rover.camera").touch()
    (home / "rover.lock").write_text("../../etc\n")
    assert run_directory("rover") == home / "rover/none"
    with RunLock("rover"):
        assert [one.name for one in (home / "rover").iterdir()] == [run_directory("rover").name]


def test_a_folder_that_cannot_be_made_is_an_error(home: Path) -> None:
    home.touch()
    with pytest.raises(StorageError, match=r"rover\.lock"), RunLock("rover"):
        pass
