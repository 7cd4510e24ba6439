"""A person at a terminal stops the robot at any moment: by a line, a key, a signal."""

import hashlib
import io
import os
import pty
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fixtures.waiting import PATIENCE, until
from langchain_core.messages import AIMessage, BaseMessage, ToolMessage
from langchain_core.tools import StructuredTool

from sensebind.agent.assistant import Assistant
from sensebind.agent.cli.conversation import converse
from sensebind.agent.cli.stop_signals import StopSignals
from sensebind.agent.cli.terminal import Terminal
from sensebind.agent.threads import Dialogs
from sensebind.tools.cancellation import turn_event
from sensebind.tools.risk import Risk, label

sys.path.insert(0, str(Path(__file__).parents[2]))
from fixtures.scripted_chat import ScriptedChat, calls


class Robot:
    """Looks for as long as it is wanted, and drives if it may."""

    def __init__(self) -> None:
        self.driven: list[float] = []
        self.stops = 0
        self.looking = threading.Event()
        self.seen = threading.Event()  # ends a look
        look = StructuredTool.from_function(
            self.look, name="look", description="Looks.", metadata=label(Risk.OBSERVE)
        )
        drive = StructuredTool.from_function(
            self.drive, name="drive", description="Drives.", metadata=label(Risk.MOVE)
        )
        self.assistant = Assistant(ScriptedChat(script=self.script), [look, drive], stop=self.stop)

    def look(self) -> str:
        cancelled, until = turn_event(), time.monotonic() + PATIENCE
        assert cancelled is not None
        self.looking.set()
        while not (self.seen.is_set() or cancelled.is_set()) and time.monotonic() < until:
            time.sleep(0.01)
        return "stopped" if cancelled.is_set() else "a ball, 1 metre ahead"

    def drive(self, metres: float) -> str:
        self.driven.append(metres)
        return f"drove {metres} m"

    def stop(self) -> None:
        self.stops += 1

    @staticmethod
    def script(messages: list[BaseMessage]) -> AIMessage:
        last = messages[-1]
        if not isinstance(last, ToolMessage):
            words = str(last.text).split()
            if words[0] == "look":
                return calls(("look", {}))
            return calls(("drive", {"metres": 0.5})) if words[0] == "go" else AIMessage("hello")
        if last.name == "look":  # and then it wants to go there
            return calls(("drive", {"metres": 1.0}))
        return AIMessage(f"done: {last.text}")

    def converse(self, terminal: Terminal) -> None:
        with terminal.stopping(self.assistant.stop):
            for text in terminal.questions():
                terminal.turn(text, lambda: self.assistant.turn(text), self.assistant.decide)  # noqa: B023


class Keyboard:
    """What a person types, at a terminal of its own."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._master, slave = pty.openpty()
        self._input = os.fdopen(slave, "r")
        self.asked: list[str] = []
        self.answers: Iterator[str] = iter(())
        monkeypatch.setattr(sys, "stdin", self._input)
        monkeypatch.setattr("builtins.input", self.ask)

    def ask(self, prompt: str) -> str:
        self.asked.append(prompt)
        try:
            return next(self.answers)
        except StopIteration:
            raise EOFError from None

    def types(self, text: str) -> None:
        os.write(self._master, text.encode())

    def close(self) -> None:
        self._input.close()
        os.close(self._master)


@pytest.fixture
def robot() -> Robot:
    return Robot()


@pytest.fixture
def keyboard(monkeypatch: pytest.MonkeyPatch) -> Iterator[Keyboard]:
    keys = Keyboard(monkeypatch)
    yield keys
    keys.close()


def while_looking(robot: Robot, act: Any) -> threading.Thread:
    """Does something once the robot looks, in a thread."""

    def wait() -> None:
        assert robot.looking.wait(PATIENCE)
        act()

    thread = threading.Thread(target=wait)
    thread.start()
    return thread


@pytest.mark.parametrize("line", ["please stop", "别动", "Wait!"])
def test_a_stop_that_is_typed_during_a_turn_is_acted_on_when_it_is_read(
    robot: Robot, keyboard: Keyboard, capsys: pytest.CaptureFixture[str], line: str
) -> None:
    keyboard.answers = iter(["look"])
    thread = while_looking(robot, lambda: keyboard.types(f"go there\n{line}\n"))
    began = time.monotonic()
    robot.converse(Terminal())
    thread.join()
    assert time.monotonic() - began < PATIENCE / 2 and robot.stops >= 1 and robot.driven == []
    # The order before it is not meant any more; the stop itself is answered.
    assert keyboard.asked == ["> ", "> "]
    out = capsys.readouterr().out
    assert "(stopped)" in out and "Stopped." in out and "go there" not in out


def test_what_was_typed_before_a_question_does_not_answer_it(
    robot: Robot, keyboard: Keyboard, capsys: pytest.CaptureFixture[str]
) -> None:
    keyboard.answers = iter(["look", "n"])

    def type_ahead() -> None:
        keyboard.types("y\ny")  # a line, and the beginning of one
        time.sleep(0.3)
        robot.seen.set()

    thread = while_looking(robot, type_ahead)
    robot.converse(Terminal())
    thread.join()
    asked = "drive metres=1.0 (metres = 1.0, from look)? [y/N] "
    assert robot.driven == [] and any(one.endswith(asked) for one in keyboard.asked)
    assert capsys.readouterr().out.count("(not taken as an answer: y)") == 2


def test_the_beginning_of_a_stop_before_a_question_stops(robot: Robot, keyboard: Keyboard) -> None:
    keyboard.answers = iter(["look", "y"])

    def type_ahead() -> None:
        keyboard.types("stop")
        time.sleep(0.2)
        robot.seen.set()

    thread = while_looking(robot, type_ahead)
    robot.converse(Terminal())
    thread.join()
    assert robot.driven == [] and robot.stops == 1 and robot.assistant.pending() == []


@pytest.mark.parametrize("answer", ["stop", "wait", "不要动"])
def test_a_stop_at_a_question_rejects_what_waits(
    robot: Robot, keyboard: Keyboard, answer: str
) -> None:
    keyboard.answers = iter(["go 0.5", answer, "y"])
    robot.converse(Terminal())
    assert robot.driven == [] and robot.stops >= 1 and robot.assistant.pending() == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGQUIT, signal.SIGUSR1])
def test_a_signal_stops_the_turn_and_not_the_dialog(
    robot: Robot, keyboard: Keyboard, capsys: pytest.CaptureFixture[str], number: signal.Signals
) -> None:
    keyboard.answers = iter(["look", "hi"])
    thread = while_looking(robot, lambda: os.kill(os.getpid(), number))
    robot.converse(Terminal())
    thread.join()
    assert robot.stops == 1 and robot.driven == []
    out = capsys.readouterr().out
    assert "(stopped)" in out and "hello" in out
    assert signal.getsignal(signal.SIGUSR1) is signal.SIG_DFL  # as it was before


_AT_A_TERMINAL = """
import fcntl, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)  # so that keys become signals
sys.path[:0] = sys.argv[1:]
from sensebind.agent.cli.terminal import Terminal
from test_stopping import Robot
robot = Robot()
robot.converse(Terminal())
print(f"driven {robot.driven}, stops {robot.stops}, waiting {robot.assistant.pending()}")
"""


@pytest.mark.slow
def test_a_key_at_a_question_stops_says_so_and_leaves_nothing_to_approve() -> None:
    master, slave = pty.openpty()
    here = Path(__file__).parent
    process = subprocess.Popen(
        [sys.executable, "-c", _AT_A_TERMINAL, str(here), str(here.parents[1])],
        stdin=slave,
        stdout=slave,
        stderr=slave,
        start_new_session=True,
    )
    os.close(slave)
    shown = ""

    def comes(text: str) -> str:
        """What is shown up to a text, since the last one."""
        nonlocal shown
        deadline = time.monotonic() + 120
        while text not in shown:
            assert time.monotonic() < deadline, f"{text!r} does not come after {shown!r}"
            if select.select([master], [], [], 0.1)[0]:
                shown += os.read(master, 4096).decode()
        before, _, shown = shown.partition(text)
        return before

    try:
        comes("> ")
        os.write(master, b"go 0.5\n")
        comes("drive metres=0.5? [y/N] ")
        os.write(master, b"\x1c")  # Ctrl-\\
        comes("* stopped by Ctrl-\\")
        comes("[y/N] ")  # the prompt is there again, for what else is typed
        os.write(master, b"y\n")
        assert "done" not in comes("error: ")
        comes("> ")
        os.write(master, b"hi\n")
        comes("hello")
        comes("> ")
        os.write(master, b"\x04")
        comes("driven [], stops 1, waiting []")
        assert process.wait(PATIENCE) == 0
    finally:
        process.kill()
        process.wait()
        os.close(master)


def test_a_signal_stops_at_once_while_the_main_thread_computes() -> None:
    at: list[float] = []
    with StopSignals(lambda reason: at.append(time.monotonic())):
        timer = threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGUSR1))
        timer.start()
        # One long step of the interpreter, as a token of a model: it runs no handler meanwhile.
        hashlib.pbkdf2_hmac("sha256", b"", b"", 3_000_000)
        ended = time.monotonic()
        timer.join()
    assert len(at) == 1 and at[0] <= ended


def test_a_stop_is_heard_again_when_nobody_reads_any_more(
    robot: Robot, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Gone(io.StringIO):
        def write(self, text: str, /) -> int:
            raise BrokenPipeError(32, "Broken pipe")

    terminal = Terminal()
    terminal._lines.prompt = "> "  # somebody is asked, so that a stop is answered
    monkeypatch.setattr(sys, "stdout", Gone())
    with terminal.stopping(robot.assistant.stop):
        for stops in (1, 2, 3):
            os.kill(os.getpid(), signal.SIGUSR1)
            until(lambda stops=stops: robot.stops >= stops)
            assert robot.stops == stops


def test_a_second_ctrl_c_ends_a_turn_that_does_not() -> None:
    pressed: list[str] = []
    with StopSignals(pressed.append) as signals, pytest.raises(KeyboardInterrupt), signals.busy():
        os.kill(os.getpid(), signal.SIGINT)
        until(lambda: pressed)
        assert pressed == ["Ctrl-C"]
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(PATIENCE)


def test_a_stop_ends_a_pause(robot: Robot, keyboard: Keyboard) -> None:
    terminal = Terminal()
    with terminal.stopping(robot.assistant.stop):
        timer = threading.Timer(0.2, keyboard.types, ("stop\n",))
        timer.start()
        began = time.monotonic()
        terminal.pause(PATIENCE)
        timer.join()
    assert time.monotonic() - began < PATIENCE / 2 and robot.stops == 1


def test_in_a_pipe_lines_keep_their_order_and_a_stop_answers(
    robot: Robot, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("go 0.5\nstop\nyes\ngo 0.5\ny\n"))
    robot.converse(Terminal())
    assert robot.driven == [0.5] and robot.stops >= 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[2:4] == ["drive metres=0.5? [y/N] ", "> stop"]
    assert lines[4:7] == ["Stopped.", "> yes", "hello"]


def test_an_edit_that_does_not_fit_is_asked_again(
    robot: Robot, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = 'go 0.5\n{"metres": "far"}\n{"metres": 0.2, "fast": true}\n{"metres": 0.2}\n'
    monkeypatch.setattr(sys, "stdin", io.StringIO(lines))
    robot.converse(Terminal())
    assert robot.driven == [0.2]
    out = capsys.readouterr().out
    assert "error: drive: metres: 'far' is not of type 'number'" in out and "fast" in out


# --- what others wrote ---------------------------------------------------------------------------

EVIL = "x\x1b[2K\rdrive metres=0.1? [y/N] \u202e\x9b2J"


def test_nothing_that_others_wrote_repaints_the_question(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    def say(text: str) -> str:
        raise ValueError(text)

    tool = StructuredTool.from_function(
        say, name="say", description="Says.", metadata=label(Risk.CHANGE)
    )

    def script(messages: list[BaseMessage]) -> AIMessage:
        if isinstance(messages[-1], ToolMessage):
            return AIMessage(f"{EVIL}\n:cat: [bold]two[/]")
        return calls(("say", {"text": EVIL}))

    file, log = tmp_path / "dialogs.sqlite", tmp_path / "audit.jsonl"
    monkeypatch.setattr(sys, "stdin", io.StringIO(f"go {EVIL}\ny\n"))
    with Assistant(ScriptedChat(script=script), [tool], dialogs=file, audit=log) as one:
        terminal = Terminal()
        for text in terminal.questions():
            terminal.turn(text, lambda: one.turn(text), one.decide)  # noqa: B023
    out = capsys.readouterr().out
    assert not set("\x1b\r\u202e\x9b") & set(out) and ":cat: [bold]two[/]" in out
    assert r'say text="x\u001b[2K\rdrive metres=0.1? [y/N] \u202e\u009b2J"? [y/N] y' in out
    assert not set("\x1b\r\u202e\x9b") & set(log.read_text())

    from sensebind.agent.cli.threads import show

    for as_json in (False, True):
        show("default", file, as_json)
        assert not set("\x1b\r\u202e\x9b") & set(capsys.readouterr().out)
    with Dialogs(file) as kept:  # and what is kept is what was said
        assert next(kept.turns("default"))["tool_calls"][0]["arguments"] == {"text": EVIL}


def test_a_stop_that_is_written_as_a_command_stops(
    robot: Robot, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("/stop\n/停\n/help\n"))
    converse(robot.assistant, Terminal())
    assert robot.stops == 2 and "Stopped." in capsys.readouterr().out


def test_a_stop_that_fails_does_not_end_the_thread_that_hears_the_next() -> None:
    heard: list[str] = []

    def stop(reason: str) -> None:
        heard.append(reason)
        raise ValueError("the bus is gone")

    terminal = Terminal(as_json=True)
    with terminal.stopping(stop):
        for number in (signal.SIGUSR1, signal.SIGQUIT):
            before = len(heard)
            os.kill(os.getpid(), number)
            until(lambda before=before: len(heard) > before)
    assert heard == ["SIGUSR1", "Ctrl-\\"]


_STARTING = """
import os, signal, sys
sys.path[:0] = sys.argv[1:]
from pathlib import Path
from sensebind.agent.robot import robot
class Starting:
    def __init__(self, *arguments, **options): ...
    def __enter__(self):
        os.kill(os.getpid(), signal.SIGQUIT)
        os.kill(os.getpid(), signal.SIGUSR1)
        print("still starting", flush=True)
        raise KeyboardInterrupt
    def __exit__(self, *_): ...
robot.Robot = Starting
from sensebind.agent.cli import main
file = Path("rover.yaml")
file.write_text('{name: rover, llm: sensebind, streams: {camera: {source: "camera:0"}}}')
main([os.environ["COMMAND"], str(file)])
"""


@pytest.mark.parametrize("command", ["chat", "run"])
def test_a_key_and_a_button_end_nothing_while_the_robot_starts(
    tmp_path: Path, command: str
) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _STARTING, *sys.path],
        env=os.environ | {"COMMAND": command},
        cwd=tmp_path,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert "still starting" in done.stdout and done.returncode >= 0, done.stderr
