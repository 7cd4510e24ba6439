"""Robots reached by their name: `sensebind stop` and `ask --attach` need no more of a file."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from fixtures.waiting import PATIENCE

from sensebind.agent.cli import main
from sensebind.agent.robot.address import RobotAddress
from sensebind.agent.robot.config_file import read_config
from sensebind.agent.robot.control import ControlServer
from sensebind.agent.robot.run_directory import RunLock, control_socket
from sensebind.errors import ConfigurationError

STREAMS = 'streams: {camera: {source: "camera:0"}}\n'
TALKING = f"llm: sensebind\n{STREAMS}"
FOREIGN = (
    "asyncio",
    "click",
    "email",
    "importlib.metadata",
    "langchain_core",
    "numpy",
    "pydantic",
    "pydantic_core",
    "rich",
    "sensebind.agent.approval",
    "sensebind.agent.events",
    "sensebind.agent.robot.config",
    "sensebind.agent.robot.sections",
    "ssl",
    "torch",
    "typer",
    "urllib.request",
    "zmq",
)
"""What a client of a running robot has no use for."""
_IMPORTED = """
import sys
from sensebind.agent.cli import main
try:
    main(sys.argv[2:])
except SystemExit as end:
    assert end.code == 0, end.code
print(sorted(set(sys.argv[1].split()) & set(sys.modules)), file=sys.stderr)
"""


class Robots:
    """Robots that run, as far as a client sees them.

    Attributes:
        stops: Name of a robot and the reason, in order.
    """

    def __init__(self, folder: Path) -> None:
        self.stops: list[tuple[str, str]] = []
        self._folder = folder
        self._stack = ExitStack()

    def run(self, name: str) -> None:
        """Start a robot of that name; "" is one without."""
        agent: Any = SimpleNamespace(stop=lambda reason: self.stops.append((name, reason)))
        self._stack.enter_context(RunLock(name or "robot"))
        self._stack.enter_context(ControlServer(agent, control_socket(name)))

    def file(self, text: str, name: str = "rover.yaml") -> Path:
        """Write a robot's file."""
        file = self._folder / name
        file.write_text(text, encoding="utf-8")
        return file

    def close(self) -> None:
        self._stack.close()


@pytest.fixture
def robots(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Robots]:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    found = Robots(tmp_path)
    yield found
    found.close()


def sensebind(*arguments: object) -> int:
    """Run a command in this process, and return its exit code."""
    with pytest.raises(SystemExit) as end:
        main([*map(str, arguments)])
    assert isinstance(end.value.code, int)
    return end.value.code


NAMED = {
    "name: rover\n": "rover",
    "": "",
    'name: "rover-2"\n': "rover-2",
    "name: !!str 7\n": "7",
    "name: &own rover\nvoice: {language: en-us}\n": "rover",
    "base: &base {name: rover}\n<<: *base\n": "rover",
    "? name\n: rover\n": "rover",
    "\ufeffname: rover\n": "rover",
    "--- # a robot\nname: 'x' # short\n": "x",
}
"""Ways to write a name, and the name."""


@pytest.mark.parametrize(("text", "name"), NAMED.items())
def test_a_name_is_read_as_the_whole_file_says_it(robots: Robots, text: str, name: str) -> None:
    file = robots.file(text + TALKING)
    address = RobotAddress.read(file)
    assert address.name == name
    if not text.startswith("base"):  # a key of one's own is refused there, and not looked at here
        config = read_config(file)
        assert config.name == name and config.control_socket == address.control_socket


WRONG = {
    "name: rover\nname: other\n": "line 2: name stands in line 1 already",
    "name: 7\n": "line 1, name: Input should be a valid string",
    "name: null\n": "line 1, name: ",
    "name: '../etc'\n": "line 1, name: String should match pattern",
    f"name: {'r' * 33}\n": "line 1, name: String should match pattern",
    "name: [lamp\n": "not YAML",
    "name: 2026-13-01\n": "not YAML: month must be in 1..12",
    "- name: rover\n": "not YAML",
}
"""Files that name no robot, and what is said of them."""


@pytest.mark.parametrize(("text", "words"), WRONG.items())
def test_a_file_that_names_no_robot_is_refused_as_ever(
    robots: Robots, capsys: pytest.CaptureFixture[str], text: str, words: str
) -> None:
    for name in ("rover", "other", ""):
        robots.run(name)
    file = robots.file(text + TALKING)
    with pytest.raises(ConfigurationError) as refused:
        read_config(file)
    assert sensebind("stop", file) == 2
    said = capsys.readouterr().err
    assert said == f"error: {' '.join(str(refused.value).split())}\n" and words in said
    assert robots.stops == []


@pytest.mark.parametrize("command", [("stop",), ("ask", "hello", "--attach")])
def test_of_a_robot_that_does_not_run_the_file_is_looked_through(
    robots: Robots, capsys: pytest.CaptureFixture[str], command: tuple[str, ...]
) -> None:
    robots.run("other")
    absent = "the robot rover does not run here: start it with `sensebind run`"
    no_model = "the robot rover has no language model: add `llm: sensebind` to its file"
    cases = {
        f"name: rover\n{TALKING}": absent,
        f"name: rover\n{STREAMS}": no_model,
        f"name: rover\nlmm: sensebind\n{STREAMS}": "line 2, lmm: there is no such field: did you",
        TALKING: "the robot robot does not run here",
        "name: rover\n": "line 1, streams: Field required",
    }
    for text, words in cases.items():
        assert sensebind(*command, robots.file(text)) == 2
        said = capsys.readouterr().err
        assert said.startswith("error: ") and words in said and len(said.splitlines()) == 1
    assert sensebind(*command, robots.file("").with_name("none.yaml")) == 2
    assert "none.yaml cannot be read: No such file" in capsys.readouterr().err
    assert sensebind(*command, robots.file("").parent) == 2
    assert "cannot be read: Is a directory" in capsys.readouterr().err
    assert robots.stops == []


def test_of_several_robots_the_one_that_is_named_stops(
    robots: Robots, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("rover", "lander", ""):
        robots.run(name)
    for name in ("lander", "", "rover"):
        file = robots.file((f"name: {name}\n" if name else "") + TALKING, f"of {name}.yaml")
        assert sensebind("stop", file, "--reason", f"for {name}") == 0
    assert robots.stops == [("lander", "for lander"), ("", "for "), ("rover", "for rover")]
    assert capsys.readouterr().out == "stopped\n" * 3


def test_a_robot_stops_whatever_was_made_of_its_file_since(
    robots: Robots, capsys: pytest.CaptureFixture[str]
) -> None:
    """Somebody edits the file of a robot that runs, and has not finished: a stop is a stop."""
    robots.run("rover")
    assert sensebind("stop", robots.file("name: rover\nstreams:\n  camera:\n    sorce: x\n")) == 0
    assert robots.stops == [("rover", "sensebind stop")]
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    "text",
    [
        "name: [rover\n",
        "name: rover\nstreams: {camera: {source: \n",
        "name: rover\nname: rover\n",
        'name: "rover\\n"\n',
        "streams: {\nname: rover  # another name: lander\n",
    ],
)
def test_a_file_that_is_half_written_keeps_nobody_from_stopping(
    robots: Robots, capsys: pytest.CaptureFixture[str], text: str
) -> None:
    for name in ("rover", "lander", ""):
        robots.run(name)
    file = robots.file(text)
    assert sensebind("stop", file) == 0
    assert robots.stops == [("rover", "sensebind stop")]
    said = capsys.readouterr()
    assert said.out == "stopped\n" and "stopped rover, which runs" in said.err
    assert sensebind("ask", "hello", "--attach", file) == 2  # which is no stop


def test_of_a_file_that_names_nobody_the_only_robot_stops(
    robots: Robots, capsys: pytest.CaptureFixture[str]
) -> None:
    robots.run("")
    assert sensebind("stop", robots.file("streams: [\n")) == 0
    assert robots.stops == [("", "sensebind stop")]
    robots.run("rover")
    assert sensebind("stop", robots.file("streams: [\n")) == 2
    assert "not YAML" in capsys.readouterr().err and len(robots.stops) == 1


def test_a_stop_imports_next_to_nothing(robots: Robots) -> None:
    robots.run("rover")
    file = robots.file(f"name: rover\n{TALKING}")
    done = subprocess.run(
        [sys.executable, "-c", _IMPORTED, " ".join(FOREIGN), "stop", str(file)],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "stopped\n", "[]\n")
