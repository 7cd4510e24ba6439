"""Clients of a running robot: `ask --attach` and `mcp --attach` over its control socket."""

import asyncio
import json
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from fixtures.scripted_chat import ScriptedChat, calls_once, echo
from fixtures.waiting import PATIENCE, until
from langchain_core.tools import BaseTool, StructuredTool

from sensebind.agent.approval import Decision
from sensebind.agent.assistant import Assistant, Events, Finished
from sensebind.agent.events import TextPiece, TurnRecord
from sensebind.agent.history import CUT
from sensebind.agent.robot.client import AttachedRobot
from sensebind.agent.robot.config_file import read_config
from sensebind.agent.robot.control import MAX_CLIENTS, ControlServer
from sensebind.agent.robot.control_messages import Poses, RobotPose
from sensebind.agent.robot.run_directory import RunLock
from sensebind.errors import InputError, SenseBindError, ToolError
from sensebind.perception.storage.spans import FOREVER, Span
from sensebind.tools.cancellation import turn_event
from sensebind.tools.risk import Risk, label

ROBOT = """
name: rover
llm: sensebind
streams: {camera: {source: "camera:0"}}
"""
JPEG = b"\xff\xd8 not much of an image"
LOOKING, SEEN = threading.Semaphore(0), threading.Event()
CANCELLED: list[bool] = []
HEAVY = {
    "langchain",
    "langchain_core",
    "numpy",
    "sensebind.agent.robot.config",
    "torch",
    "transformers",
    "zmq",
}


def look(what: str) -> tuple[str, dict[str, Any]]:
    """Looks for an object."""
    if what == "ghost":
        raise InputError("nobody sees ghosts")
    if what == "everything":
        LOOKING.release()
        turn = turn_event() or threading.Event()
        while not (SEEN.is_set() or turn.wait(0.01)):
            pass
        CANCELLED.append(turn.is_set())
    return f"1 {what}", {"jpeg": JPEG}


def drive(metres: float) -> str:
    """Drives."""
    raise AssertionError(f"it drove {metres} m")


LOOK = StructuredTool.from_function(
    look, response_format="content_and_artifact", metadata=label(Risk.OBSERVE)
)
DRIVE = StructuredTool.from_function(drive, metadata=label(Risk.MOVE))


class Agent:
    """What `ControlServer` needs of a robot's agent, with a scripted language model."""

    def __init__(self) -> None:
        self.tools: list[BaseTool] = [LOOK, DRIVE]
        self.observing: list[BaseTool] = [LOOK]
        self.awareness = SimpleNamespace(report=dict)
        self.media: list[Mapping[str, Any]] = []
        self.forgotten: list[tuple[list[Span], bool]] = []
        self.stopped: list[str] = []
        self._threads = {
            "default": Assistant(ScriptedChat(script=echo), self.tools),
            "driver": Assistant(
                ScriptedChat(script=calls_once("drive", metres=1.0)), self.tools, thread="driver"
            ),
            "looker": Assistant(
                ScriptedChat(script=calls_once("look", what="everything")),
                self.tools,
                thread="looker",
            ),
        }

    def stop(self, reason: str = "") -> None:
        self.stopped.append(reason)

    def decide(self, decisions: Sequence[Decision], *, thread: str = "") -> Events:
        return self.assistant(thread).decide(decisions)

    def forget(self, spans: Sequence[Span], *, dry: bool = False) -> dict[str, int]:
        self.forgotten.append((list(spans), dry))
        return {"turns": 2}

    def poses(self, since: float | None) -> Poses:
        return Poses(2.5, [] if since is None else [RobotPose(7, 1.0, -2.0, 0.5, "map")])

    def assistant(self, thread: str = "") -> Assistant:
        return self._threads[thread]

    def turn(
        self,
        text: str,
        media: Sequence[Mapping[str, Any]] = (),
        *,
        thread: str = "",
        history: Sequence[Mapping[str, Any]] | None = None,
    ) -> Events:
        assert history is None
        self.media = list(media)
        yield from self.assistant(thread).turn(text)


@pytest.fixture
def robot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Path, Agent]]:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    file = tmp_path / "rover.yaml"
    file.write_text(ROBOT)
    agent: Any = Agent()
    SEEN.clear()
    CANCELLED.clear()
    with ControlServer(agent, read_config(file).control_socket):
        yield file, agent
    SEEN.set()


def sensebind(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-X", "importtime", "-m", "sensebind", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120)


def test_a_running_robot_is_asked_without_pytorch(robot: tuple[Path, Agent]) -> None:
    file, agent = robot
    image = file.with_name("dog.png")
    image.write_bytes(b"an image")
    done = sensebind("ask", "what is it?", "--attach", file, "--image", image, "--json")
    assert done.returncode == 0, done.stderr
    record = json.loads(done.stdout)
    assert record["user"] == "what is it?" and "what is it?" in record["assistant"]
    assert agent.media == [{"type": "image", "path": str(image.resolve())}]
    imported = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert "sensebind.agent.robot.client" in imported
    assert not imported & HEAVY


def test_an_answer_that_does_not_come_in_pieces_is_printed(robot: tuple[Path, Agent]) -> None:
    done = sensebind("ask", "what is it?", "--attach", robot[0])
    assert done.returncode == 0 and "what is it?" in done.stdout, (done.stdout, done.stderr)
    imported = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert "sensebind.agent.robot.client" in imported
    assert not imported & (HEAVY | {"asyncio", "pydantic", "rich", "typer"})


def test_what_waits_for_approval_is_said(robot: tuple[Path, Agent]) -> None:
    file, _ = robot
    done = sensebind("ask", "go 1 metre", "--attach", file, "--thread", "driver")
    assert done.returncode == 1
    last = done.stderr.splitlines()[-1]
    assert "drive waits for approval" in last and "--attach --thread driver" in last


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--mix", "sum"), "--mix is for files alone"),
        (("--image", "none.png"), "none.png"),
    ],
)
def test_what_a_running_robot_cannot_be_asked(
    robot: tuple[Path, Agent], options: tuple[str, ...], words: str
) -> None:
    done = sensebind("ask", "what?", "--attach", robot[0], *options)
    assert done.returncode == 2 and words in done.stderr.splitlines()[-1], done.stderr[-300:]


def test_a_robot_that_does_not_run_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    file = tmp_path / "rover.yaml"
    file.write_text(ROBOT)
    for command in (("ask", "hello", "--attach", file), ("mcp", file, "--attach")):
        done = sensebind(*command)
        assert done.returncode == 2
        assert "does not run here: start it with" in done.stderr.splitlines()[-1]


def test_tools_that_observe_are_called_and_no_others(robot: tuple[Path, Agent]) -> None:
    client = AttachedRobot(read_config(robot[0]))
    tools = {one["name"]: one for one in client.tools()}
    risks = {name: one["risk"] for name, one in tools.items()}
    assert risks == {"look": "observe", "drive": "move"}
    assert tools["look"]["schema"]["properties"].keys() == {"what"}
    answer = client.call("look", {"what": "dog"})
    assert (answer.text, answer.image) == ("1 dog", JPEG)
    with pytest.raises(InputError, match="no tool that observes is called 'drive'"):
        client.call("drive", {"metres": 1.0})
    with pytest.raises(InputError, match="ghosts"):
        client.call("look", {"what": "ghost"})


def test_a_stop_comes_in_whatever_others_keep_the_robot_busy_with(
    robot: tuple[Path, Agent],
) -> None:
    client = AttachedRobot(read_config(robot[0]))
    busy = [
        threading.Thread(target=client.call, args=("look", {"what": "everything"}))
        for _ in range(MAX_CLIENTS)
    ]
    for one in busy:
        one.start()
    assert all(LOOKING.acquire(timeout=PATIENCE) for _ in busy)
    client.stop("a button")
    assert robot[1].stopped == ["a button"]
    with pytest.raises(InputError, match="16 clients are talking already"):
        client.call("look", {"what": "dog"})
    SEEN.set()
    for one in busy:
        one.join(PATIENCE)


def test_a_moment_without_threads_does_not_close_the_door(
    robot: tuple[Path, Agent], monkeypatch: pytest.MonkeyPatch
) -> None:
    client, start = AttachedRobot(read_config(robot[0])), threading.Thread.start
    lacks = [RuntimeError("can't start new thread")]

    def start_later(thread: threading.Thread) -> None:
        if threading.current_thread().name == "control" and lacks:
            raise lacks.pop()
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", start_later)
    with pytest.raises(SenseBindError):
        client.stop("nobody hears it")
    client.stop("a button")
    assert robot[1].stopped == ["a button"] and not lacks


def test_a_turn_ends_with_the_client_that_asked_for_it(robot: tuple[Path, Agent]) -> None:
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(read_config(robot[0]).control_socket))
        client.sendall(b'{"do": "turn", "text": "look", "thread": "looker"}\n')
        assert LOOKING.acquire(timeout=PATIENCE)
    until(lambda: CANCELLED)
    assert CANCELLED == [True]


def test_a_client_decides_only_what_it_names(robot: tuple[Path, Agent]) -> None:
    client = AttachedRobot(read_config(robot[0]), "driver")
    assert [event for event in client.turn("go 1 metre")][-1].record.pending  # type: ignore[union-attr]
    with pytest.raises(InputError, match="does not name its request"):
        list(client.decide([Decision("approve")]))
    [request] = client.pending()
    list(client.decide([Decision("reject", request=request.id)]))
    assert client.pending() == []


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_other_agents_use_a_running_robot_over_mcp(robot: tuple[Path, Agent]) -> None:
    pytest.importorskip("mcp")
    from mcp import ClientSession, StdioServerParameters
    from mcp.client.stdio import get_default_environment, stdio_client

    arguments = ["-m", "sensebind", "mcp", str(robot[0]), "--attach"]
    environment = get_default_environment() | {"XDG_RUNTIME_DIR": str(robot[0].parent)}
    environment["PYTHONPATH"] = ":".join(sys.path)
    server = StdioServerParameters(command=sys.executable, args=arguments, env=environment)

    async def use() -> tuple[list[str], Any, Any]:
        async with stdio_client(server) as streams, ClientSession(*streams) as session:
            await session.initialize()
            listed = await session.list_tools()
            dog = await session.call_tool("look", {"what": "dog"})
            ghost = await session.call_tool("look", {"what": "ghost"})
            await session.call_tool("stop", {})
            return [one.name for one in listed.tools], dog, ghost

    names, dog, ghost = asyncio.run(asyncio.wait_for(use(), 60))
    assert sorted(names) == ["drive", "look", "stop"] and robot[1].stopped == ["an MCP client"]
    assert [one.type for one in dog.content] == ["text", "image"] and dog.content[0].text == "1 dog"
    assert ghost.isError and "ghosts" in ghost.content[0].text


def test_a_tool_that_fails_is_an_error() -> None:
    from sensebind.tools.direct_calls import run_tool

    def burn() -> str:
        """Burns."""
        raise ToolError("too hot")

    tool = StructuredTool.from_function(burn, handle_tool_error=True)
    with pytest.raises(ToolError, match="too hot"):
        run_tool(tool, {})


def test_a_robot_that_runs_forgets_by_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    file = tmp_path / "rover.yaml"
    file.write_text(ROBOT)
    agent: Any = Agent()
    with RunLock("rover"), ControlServer(agent, read_config(file).control_socket):
        done = sensebind("forget", file, "--last", "1h", "--yes")
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["2", "turns"]
    [(planned, first), (spans, second)] = agent.forgotten
    assert planned == spans and (first, second) == (True, False)
    assert spans[0].until == FOREVER and spans[0].since > 0
    assert "torch" not in {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}


def test_a_client_follows_where_the_robot_is(robot: tuple[Path, Agent]) -> None:
    client = AttachedRobot(read_config(robot[0]))
    begun = client.poses(None)
    assert begun == Poses(2.5)
    assert client.poses(begun.until).poses == [RobotPose(7, 1.0, -2.0, 0.5, "map")]


def test_an_answer_is_cut_and_a_turn_cancelled_by_a_client(robot: tuple[Path, Agent]) -> None:
    client = AttachedRobot(read_config(robot[0]))
    [record] = [one.record for one in client.turn("hello") if isinstance(one, Finished)]
    client.cut(record.id, "1:")
    kept = robot[1].assistant("default").history.messages()
    assert kept[-1].text == f"1: {CUT}"
    looker = AttachedRobot(read_config(robot[0]), "looker")
    events = looker.turn("look")
    asking = threading.Thread(target=lambda: [*events])
    asking.start()
    assert LOOKING.acquire(timeout=60)
    looker.cancel()
    asking.join(60)
    assert CANCELLED == [True] and not asking.is_alive()


def test_a_client_says_of_a_decision_that_it_was_spoken(robot: tuple[Path, Agent]) -> None:
    client = AttachedRobot(read_config(robot[0]), "driver")
    list(client.turn("go 1 metre"))
    [request] = client.pending()
    with pytest.raises(InputError, match="a call of drive is not approved by voice"):
        list(client.decide([Decision("approve", request=request.id, spoken=True)]))
    assert client.pending() == [request]


@pytest.mark.parametrize("finished", [True, False])
def test_a_client_that_goes_cancels_its_own_turn_and_no_later_one(finished: bool) -> None:
    """What was approved begins while the client of the turn that asked closes its connection."""
    ours, theirs = socket.socketpair()
    cancelled = threading.Event()
    dialog: Any = SimpleNamespace(cancel_turn=cancelled.set)
    found: list[bool] = []

    def events() -> Events:
        record = TurnRecord("go 2 metres")
        yield Finished(record) if finished else TextPiece("I go")
        assert ours.recv(65536)
        ours.close()
        found.append(cancelled.wait(0.5 if finished else PATIENCE))

    server: Any = None  # of which nothing is used
    with ours, theirs:
        ControlServer._stream(server, events(), dialog, theirs)
    assert found == [not finished]
