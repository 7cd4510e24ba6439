"""`sensebind demo` at a terminal serves its page; with piped input it is as it always was."""

import os
import pty
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from fixtures.tiny_checkpoint import tiny_checkpoint
from fixtures.waiting import PATIENCE
from websockets.sync.client import connect

from sensebind.agent.cli.ui import show_page
from sensebind.agent.robot.simhome import simhome_robot
from sensebind.agent.server.tokens import Tokens

TOKENS = Tokens("v" * 24, "o" * 24, "a" * 24, {})


class Browser:
    """One of `webbrowser`, without a window."""

    def __init__(self) -> None:
        self.opened: list[str] = []

    def open(self, url: str) -> None:
        self.opened.append(url)


@pytest.mark.parametrize(
    ("terminal", "display", "drawing", "opens"),
    [
        (True, ":0", True, True),
        (False, ":0", True, False),
        (True, "", True, False),
        (True, ":0", False, False),
    ],
)
def test_the_page_is_opened_where_there_is_a_browser_and_a_terminal(
    monkeypatch: pytest.MonkeyPatch, terminal: bool, display: str, drawing: bool, opens: bool
) -> None:
    import webbrowser

    browser: Any = Browser() if drawing else webbrowser.GenericBrowser("false")
    monkeypatch.setattr("webbrowser.get", lambda: browser)
    monkeypatch.setattr("sys.stdout.isatty", lambda: terminal, raising=False)
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setenv("DISPLAY", display)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    if not drawing:
        monkeypatch.setattr(browser, "open", lambda _url: pytest.fail("it takes the terminal"))
    said: list[str] = []
    show_page("http://127.0.0.1:1", TOKENS, said.append)
    assert [line.rpartition("#")[2] for line in said] == [TOKENS.operator, TOKENS.viewer]
    if drawing:
        assert browser.opened == (["http://127.0.0.1:1/#" + TOKENS.operator] if opens else [])


def test_a_robot_that_is_kept_apart_is_found_nowhere_else(tmp_path: Path) -> None:
    robot = simhome_robot()
    apart = robot.kept_apart(tmp_path)
    assert apart.apart and not robot.apart
    places = [apart.control_socket, apart.state_directory, apart.memory_file]
    assert all(one.is_relative_to(tmp_path) for one in places)
    assert not robot.state_directory.is_relative_to(tmp_path)
    assert apart.endpoints == {
        name: f"ipc://{tmp_path}/run/{name}" for name in ("camera", "microphone", "lidar")
    }


def command(checkpoint: Path) -> list[str]:
    return [sys.executable, "-m", "sensebind", "demo", "--checkpoint", str(checkpoint)]


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_checkpoint(tmp_path_factory.mktemp("checkpoint"))


@pytest.mark.extended
def test_the_demo_at_a_terminal_serves_its_page(
    checkpoint: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    master, slave = pty.openpty()
    tmp_path = tmp_path_factory.mktemp("d")  # short, as names of sockets must be
    environment = {**os.environ, "TMPDIR": str(tmp_path), "DISPLAY": "", "WAYLAND_DISPLAY": ""}
    process = subprocess.Popen(
        command(checkpoint),
        stdin=slave,
        stdout=slave,
        stderr=slave,
        env=environment,
        start_new_session=True,
    )
    os.close(slave)
    shown = ""

    def comes(pattern: str) -> re.Match[str]:
        nonlocal shown
        end = time.monotonic() + 4 * PATIENCE
        while (found := re.search(pattern, shown)) is None:
            assert time.monotonic() < end, f"{pattern!r} does not come after {shown!r}"
            if select.select([master], [], [], 0.1)[0]:
                more = _read(master)
                assert more is not None, f"it ended before {pattern!r} came: {shown!r}"
                shown += more
        return found

    try:
        address, token = comes(r"decide: (http://[\d.:]+)/#([\w-]+)\s").groups()
        comes("> ")
        assert "<title>SenseBind</title>" in httpx.get(address).text
        protocols: Any = ["sensebind", f"token.{token}"]
        live: Any = connect(address.replace("http", "ws") + "/ui/live", subprotocols=protocols)
        with live:
            hello = live.recv(timeout=PATIENCE)
            assert '"role":"operator"' in hello and '"memory":true' in hello
            os.write(master, b"hello\n")
            _until(lambda: '"kind":"finished"' in str(live.recv(timeout=4 * PATIENCE)))
        os.write(master, b"\x04")
        _until(lambda: _read(master) is None)  # until it has ended
        assert process.wait(4 * PATIENCE) == 0
        assert list(tmp_path.iterdir()) == []  # nothing is kept
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        os.close(master)


def _read(master: int) -> str | None:
    """What the terminal was shown since; None when nobody writes to it any more."""
    try:
        return os.read(master, 4096).decode(errors="replace")
    except OSError:  # EIO: the process has ended
        return None


def _until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 4 * PATIENCE
    while not condition():
        assert time.monotonic() < end


@pytest.mark.extended
def test_piped_input_is_a_script_and_no_page_is_served(checkpoint: Path) -> None:
    environment = {**os.environ, "DISPLAY": ":77"}  # also where there is a display
    done = subprocess.run(
        command(checkpoint),
        input="hello\n",
        capture_output=True,
        text=True,
        env=environment,
        timeout=8 * PATIENCE,
    )
    assert done.returncode == 0
    assert "> hello" in done.stdout and "the page" not in done.stdout + done.stderr
