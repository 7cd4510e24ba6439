"""A robot.yaml that names code is refused where somebody else could have written it."""

import os
from pathlib import Path

import pytest

from sensebind.agent.robot.config_file import read_config
from sensebind.agent.robot.trust import check_trusted
from sensebind.errors import ConfigurationError

ROBOT = "streams: {camera: {source: 'camera:0'}}\ntools: [{python: 'my_tools:make'}]\n"


@pytest.fixture
def robot(tmp_path: Path) -> Path:
    file = tmp_path / "mine" / "robot.yaml"
    file.parent.mkdir(mode=0o755)
    file.write_text(ROBOT)
    file.chmod(0o644)
    return file


def test_a_file_of_ones_own_is_trusted(robot: Path) -> None:
    check_trusted(robot)
    assert read_config(robot).check()  # `my_tools` does not exist, and is not imported here


@pytest.mark.parametrize("what", ["file", "folder"])
def test_what_others_can_write_is_refused(robot: Path, what: str) -> None:
    path = robot if what == "file" else robot.parent
    path.chmod(path.stat().st_mode | 0o002)
    with pytest.raises(ConfigurationError, match=f"names code to run, and others can write {path}"):
        read_config(robot).check()
    path.chmod(path.stat().st_mode & ~0o002)
    robot.write_text(ROBOT.partition("tools:")[0])  # without code it is data
    path.chmod(path.stat().st_mode | 0o002)
    assert read_config(robot).check()


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give files away")
@pytest.mark.parametrize("what", ["file", "folder"])
def test_what_belongs_to_somebody_else_is_refused(robot: Path, what: str) -> None:
    path = robot if what == "file" else robot.parent
    os.chown(path, 1, -1)
    with pytest.raises(ConfigurationError, match="belongs to"):
        read_config(robot).check()


@pytest.mark.skipif(os.getuid() != 0, reason="only root can change groups at will")
def test_a_group_with_other_members_may_not_write(robot: Path) -> None:
    robot.chmod(0o664)
    check_trusted(robot)  # root's own group has no other member
    os.chown(robot, -1, 1)  # daemon's
    with pytest.raises(ConfigurationError, match="as members of its group"):
        check_trusted(robot)
