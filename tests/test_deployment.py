"""The files of deploy/ say what the command line, the extras and the constraints say."""

import configparser
import re
import shlex
import tomllib
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml
from typer.main import get_command

from sensebind.agent.cli.commands import app
from sensebind.agent.cli.run import EXIT_HUNG

ROOT = Path(__file__).parents[1]
DOCKERFILE = (ROOT / "deploy" / "Dockerfile").read_text(encoding="utf-8")
COMPOSE = yaml.safe_load((ROOT / "deploy" / "compose.yaml").read_text(encoding="utf-8"))
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


class Unit(configparser.RawConfigParser):
    """A systemd unit: keys keep their case."""

    def optionxform(self, optionstr: str) -> str:
        return optionstr


def unit() -> Unit:
    parsed = Unit(strict=False)
    parsed.read_string((ROOT / "deploy" / "sensebind@.service").read_text(encoding="utf-8"))
    return parsed


def parsed(arguments: list[str]) -> str:
    """The command of a command line that SenseBind takes; a wrong option raises."""
    root: Any = get_command(app)
    context = typer.Context(root, info_name="sensebind")
    name, command, rest = root.resolve_command(context, list(arguments))
    command.make_context(name, rest, parent=context)
    return name


@pytest.mark.parametrize("service", COMPOSE["services"])
def test_services_of_the_compose_file_run_commands_that_there_are(
    service: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "robot.yaml").touch()
    expected = {"robot": "run", "page": "serve"}
    assert parsed(COMPOSE["services"][service]["command"]) == expected[service]


def test_a_command_with_an_unknown_option_would_be_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "robot.yaml").touch()
    with pytest.raises(Exception, match="No such option"):
        parsed(["run", "robot.yaml", "--nonsense"])


def test_page_and_robot_share_sockets_and_state_and_publish_on_loopback() -> None:
    robot, page = COMPOSE["services"]["robot"], COMPOSE["services"]["page"]
    assert set(page["volumes"]) == set(robot["volumes"])
    assert robot["environment"] == page["environment"]
    assert all(port.startswith("127.0.0.1:") for port in page["ports"]) and "ports" not in robot


def test_the_image_installs_extras_and_pytorch_that_the_project_names() -> None:
    found = re.search(r"^ARG EXTRAS=(\S+)$", DOCKERFILE, re.MULTILINE)
    assert found and set(found[1].split(",")) <= set(PROJECT["optional-dependencies"])
    torch = re.search(r'^ARG TORCH="(\S+)"$', DOCKERFILE, re.MULTILINE)
    assert torch and torch[1] in PROJECT["dependencies"]


def test_the_unit_starts_a_robot_again_only_where_that_helps(tmp_path: Path) -> None:
    service = unit()["Service"]
    program, *arguments = shlex.split(service["ExecStart"].replace("%i", "rover"))
    assert program.endswith("/bin/sensebind")
    (tmp_path / "rover.yaml").touch()
    assert parsed([arguments[0], str(tmp_path / "rover.yaml")]) == "run"
    assert service["Restart"] == "on-failure"
    assert service["RestartPreventExitStatus"] == "2" and EXIT_HUNG not in (0, 2)


def test_the_units_folders_are_those_that_the_robot_uses() -> None:
    service = unit()["Service"]
    said = dict(one.split("=") for one in service["Environment"].split())
    assert said["XDG_RUNTIME_DIR"] == f"/run/{service['RuntimeDirectory']}"
    assert said["XDG_STATE_HOME"] == f"/var/lib/{service['StateDirectory']}"
    assert service["RuntimeDirectoryMode"] == service["StateDirectoryMode"] == "0700"
