"""A person at a terminal pauses every sensor with a key, and opens them again with it."""

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
from types import SimpleNamespace

import pytest
from fixtures.waiting import PATIENCE, until

from sensebind.agent.cli.chat import chat
from sensebind.agent.cli.conversation import converse
from sensebind.agent.cli.pause_key import PauseKey
from sensebind.agent.cli.stop_signals import StopSignals
from sensebind.agent.cli.terminal import Terminal
from sensebind.agent.events import Event
from sensebind.agent.robot.config import RobotConfig
from sensebind.agent.robot.config_file import parse_config
from sensebind.agent.robot.pausing import SharedPauses
from sensebind.errors import BusError, ConfigurationError

FILE = """
name: quiet
streams:
  camera: {source: "camera:0"}
  lidar: {source: "velodyne:2368"}
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "quiet.yaml"
    path.write_text(FILE)
    return path


@pytest.fixture
def config(file: Path) -> RobotConfig:
    return parse_config(FILE).located(file)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """The clock by which the key knows whether it is held down."""
    clock = SimpleNamespace(now=0.0)
    clock.monotonic = lambda: clock.now
    monkeypatch.setattr("sensebind.agent.cli.pause_key.time", clock)
    return clock


def test_the_key_pauses_all_and_resumes_what_it_has_paused(
    config: RobotConfig, clock: SimpleNamespace
) -> None:
    pauses, said = SharedPauses(config), []
    with PauseKey(pauses, said.append) as key:

        def press() -> None:
            clock.now += 0.6  # not so soon that it would be taken for one that is held down
            key.press()

        press()
        until(lambda: len(said) == 2)
        assert pauses.paused == {"camera", "lidar"}
        assert said[1] == "all sensors are paused: camera, lidar; Ctrl-Z or /resume resumes"
        press()
        until(lambda: len(said) == 3)
        assert pauses.paused == frozenset() and said[2] == "resumed: camera, lidar"
        pauses.pause("camera")  # by hand: the key does not open it
        press()
        until(lambda: len(said) == 5)
        assert pauses.paused == {"camera", "lidar"}
        press()
        until(lambda: len(said) == 6)
        assert pauses.paused == {"camera"} and said[5] == "resumed: lidar; still paused: camera"
        pauses.pause("all")  # all of them by hand: the key opens all
        press()
        until(lambda: len(said) == 8)
        assert pauses.paused == frozenset()
        press()
        until(lambda: len(said) == 10)
        pauses.resume("camera")  # by hand, while the key holds both: it closes it again
        press()
        until(lambda: len(said) == 12)
        assert pauses.paused == {"camera", "lidar"}


def test_a_key_that_is_held_down_is_one_press(config: RobotConfig, clock: SimpleNamespace) -> None:
    pauses, said = SharedPauses(config), []
    with PauseKey(pauses, said.append) as key:
        for _ in range(20):
            key.press()
            clock.now += 0.05
        until(lambda: len(said) == 2)
        time.sleep(0.2)
        assert pauses.paused == {"camera", "lidar"} and len(said) == 2


def test_a_stop_does_not_wait_for_a_device_that_closes_slowly() -> None:
    closing, stopped = threading.Event(), threading.Event()

    class Slow:
        paused: frozenset[str] = frozenset()

        def pause(self, _name: str) -> frozenset[str]:
            assert closing.wait(PATIENCE)
            raise BusError("a device is not closed after 8 s; it will be")

        resume = pause

    said: list[str] = []
    with (
        PauseKey(Slow(), said.append) as key,
        StopSignals(lambda _reason: stopped.set()) as signals,
        signals.pausing(key.press),
    ):
        os.kill(os.getpid(), signal.SIGTSTP)
        until(lambda: said)
        os.kill(os.getpid(), signal.SIGUSR1)
        assert stopped.wait(PATIENCE)
        closing.set()
        until(lambda: len(said) == 2)
        assert said == [
            "pausing all sensors …",
            "error: a device is not closed after 8 s; it will be",
        ]
    assert signal.getsignal(signal.SIGTSTP) is signal.SIG_DFL


def test_the_line_comes_in_the_middle_of_an_answer(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    terminal = Terminal()

    def events() -> Iterator[Event]:
        terminal.remark("pausing all sensors …")
        out = capsys.readouterr().out
        assert out.endswith("\n* pausing all sensors …\n")
        yield from ()

    terminal.turn("look", events, lambda _: events())  # type: ignore[arg-type]


def test_commands_without_a_name_mean_all(
    config: RobotConfig, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    script = tmp_path / "script"
    pauses = SharedPauses(config)
    for line, paused in (("/pause", {"camera", "lidar"}), ("/resume", set())):
        script.write_text(line)
        converse(None, Terminal(script=script), pausing=pauses)  # type: ignore[arg-type]
        assert pauses.paused == paused


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"attach": True, "dialogs": Path("d.sqlite")}, "its dialogs are its own"),
        ({"attach": True, "llm": "ollama:x"}, "its language model and its dialogs"),
        ({"audit": Path("a.jsonl")}, "a robot has its own log"),
    ],
)
def test_options_that_would_be_ignored_are_refused(file: Path, options: dict, words: str) -> None:
    with pytest.raises(ConfigurationError, match=words):
        chat(file, **options)


_AT_A_TERMINAL = """
import fcntl, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)  # so that keys become signals
from pathlib import Path
from types import SimpleNamespace
from sensebind.agent.cli.terminal import Terminal
from sensebind.agent.robot.config_file import read_config
from sensebind.agent.robot.pausing import SharedPauses
terminal = Terminal()
with terminal.stopping(lambda reason: None, SharedPauses(read_config(Path(sys.argv[1])))):
    for text in terminal.questions():
        print("heard", text)
print("the end")
"""


@pytest.mark.slow
def test_the_key_at_a_terminal(file: Path, config: RobotConfig) -> None:
    master, slave = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", _AT_A_TERMINAL, str(file)],
        stdin=slave,
        stdout=slave,
        stderr=slave,
        start_new_session=True,
    )
    os.close(slave)
    shown = ""

    def comes(text: str) -> None:
        nonlocal shown
        deadline = time.monotonic() + 120
        while text not in shown:
            assert time.monotonic() < deadline, f"{text!r} does not come after {shown!r}"
            if select.select([master], [], [], 0.1)[0]:
                shown += os.read(master, 4096).decode()
        shown = shown.partition(text)[2]

    try:
        comes("> ")
        os.write(master, b"hel")
        comes("hel")  # a terminal drops what nobody has read when such a key is pressed
        os.write(master, b"\x1a")  # Ctrl-Z
        comes("* all sensors are paused: camera, lidar; Ctrl-Z or /resume resumes")
        comes("> ")  # the prompt is there again, with what was typed
        assert SharedPauses(config).paused == {"camera", "lidar"}
        os.write(master, b"lo\n")
        comes("heard hello")
        comes("> ")
        time.sleep(0.6)
        os.write(master, b"\x1a")
        comes("* resumed: camera, lidar")
        assert SharedPauses(config).paused == frozenset()
        os.write(master, b"\x04")
        comes("the end")
        assert process.wait(PATIENCE) == 0
    finally:
        process.kill()
        process.wait()
        os.close(master)
