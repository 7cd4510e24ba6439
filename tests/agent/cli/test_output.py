"""What commands print: any encoding, a reader that goes, a full disk, a line of progress."""

import io
import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from fixtures.waiting import PATIENCE, until

from sensebind.agent.cli import main
from sensebind.agent.cli.output import progress
from sensebind.agent.robot.config_file import read_config
from sensebind.agent.threads import Dialogs
from sensebind.checkpoints import default_checkpoint
from sensebind.memory.episode_store import EpisodeStore

SAID = "你好 😀 naïve"


@pytest.fixture(scope="module")
def dialogs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dialog that is longer than a pipe takes at once, in characters of the world."""
    path = tmp_path_factory.mktemp("dialogs") / "dialogs.sqlite"
    with Dialogs(path) as kept:
        for number in range(400):
            turn = {"user": SAID, "assistant": SAID * 30, "at": 1.0 + number}
            kept.add("kitchen", str(number), turn)
    return path


def show(dialogs: Path, *options: str, **more: Any) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "sensebind", "threads", "show", "kitchen"]
    pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | more
    shown: Any = subprocess.Popen([*command, "--dialogs", str(dialogs), *options], **pipes)
    return shown


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8", "gb18030"])
def test_any_encoding_takes_what_is_printed(dialogs: Path, encoding: str) -> None:
    env = {**os.environ, "PYTHONIOENCODING": encoding}
    for options in ((), ("--json",)):
        out, errors = show(dialogs, *options, env=env).communicate(timeout=PATIENCE)
        assert errors == b""
        text = out.decode(encoding)
        if options:
            assert json.loads(text)[0]["user"] == SAID  # escapes of JSON: nothing is lost
        else:
            assert "na" in text and (SAID in text) == (encoding in ("utf-8", "gb18030"))


def test_a_reader_that_goes_is_no_error(dialogs: Path) -> None:
    process = show(dialogs)
    assert process.stdout is not None and process.stderr is not None
    process.stdout.read(10)
    process.stdout.close()
    assert process.stderr.read() == b""
    assert process.wait(PATIENCE) == 0


def test_a_full_disk_behind_standard_output_is_one_line(dialogs: Path) -> None:
    with Path("/dev/full").open("wb") as full:
        _, errors = show(dialogs, stdout=full).communicate(timeout=PATIENCE)
        assert errors.decode().splitlines() == [
            "error: standard output cannot be written: No space left on device"
        ]
        process = show(dialogs, stdout=full)
        process.communicate(timeout=PATIENCE)
        assert process.returncode == 2


class _Screen(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_what_takes_longer_than_a_second_is_told_and_erased(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    screen = _Screen()
    monkeypatch.setattr(sys, "stderr", screen)
    monkeypatch.setattr("sensebind.agent.cli.output._PATIENCE", 0.05)
    with progress("reading the weights"):
        until(lambda: "reading the weights …" in screen.getvalue())
    assert screen.getvalue().endswith("\r\x1b[K")
    monkeypatch.setattr("sensebind.agent.cli.output._PATIENCE", 1000.0)
    said = screen.getvalue()
    with progress("something quick"):
        pass
    assert screen.getvalue() == said


def test_nothing_is_told_where_nobody_looks(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sensebind.agent.cli.output._PATIENCE", 0.0)
    with progress("reading the weights"):
        time.sleep(0.05)
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("command", [("models", "inspect"), ("pull",), ("config", "schema")])
def test_tables_and_lists_for_a_reader_that_has_gone(command: tuple[str, ...]) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    where = [str(default_checkpoint())] if command[0] == "models" else []
    with os.fdopen(writer, "wb") as gone:
        done = subprocess.run(
            [sys.executable, "-m", "sensebind", *command, *where],
            stdout=gone,
            stderr=subprocess.PIPE,
            timeout=120,
        )
    assert (done.returncode, done.stderr) == (0, b"")


def test_a_memory_that_nothing_writes_is_said_to_be_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    with EpisodeStore(tmp_path / "memory.sqlite"):
        pass
    robot = tmp_path / "rover.yaml"
    text = "streams: {camera: {source: 'camera:0'}}\nmemory: {file: memory.sqlite}\n"

    def said(*arguments: str) -> str:
        with pytest.raises(SystemExit) as ended:
            main(["watch", *arguments])
        assert ended.value.code == 0
        out, errors = capsys.readouterr()
        assert "nothing is watched for" in out
        return errors

    robot.write_text(text)
    assert said(str(robot)) == (
        f"nothing writes this memory: it needs a language model, add llm: to {robot}\n"
    )
    robot.write_text(text + "llm: sensebind\n")
    assert said(str(robot)) == (
        f"nothing writes this memory now: start the robot with `sensebind run {robot}`\n"
    )
    control = read_config(robot).control_socket
    control.parent.mkdir(parents=True)
    with socket.socket(socket.AF_UNIX) as running:
        running.bind(str(control))
        running.listen()
        assert said(str(robot)) == ""

    old = tmp_path / "memory.sqlite"
    assert "nothing has written" not in said("--db", str(old))
    long_ago = time.time() - 3 * 3600
    for file in tmp_path.glob("memory.sqlite*"):
        os.utime(file, (long_ago, long_ago))
    assert f"nothing has written {old} for 3 hours\n" in said("--db", str(old))
