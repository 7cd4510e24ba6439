"""How `run` ends: by a signal while the robot starts, and when nobody watches its workers."""

import os
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Self

import pytest

from sensebind.agent.cli.run import EXIT_HUNG, run_robot
from sensebind.agent.cli.signals import Interrupted, interruptible, until_signal


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_a_start_once(number: signal.Signals) -> None:
    cleaned = False
    with until_signal() as stop:
        with pytest.raises(Interrupted), interruptible(stop):
            try:
                os.kill(os.getpid(), number)
                time.sleep(20)
            finally:
                os.kill(os.getpid(), number)  # while it cleans up
                time.sleep(0.05)
                cleaned = True
        assert cleaned and stop.is_set()
        with pytest.raises(Interrupted), interruptible(stop):
            pass  # not even begun
        os.kill(os.getpid(), number)
        time.sleep(0.05)


class HungRobot:
    """A robot whose watching thread hangs a moment after its start."""

    def __init__(self, *_: object, on_hang: Callable[[str], None], **__: object) -> None:
        self._timer = threading.Timer(0.1, on_hang, ["wait (somewhere.py:1)"])
        self.addresses: dict[str, str] = {}
        self.pids: dict[str, int] = {}
        running = SimpleNamespace(stream="camera", state="running", detail="")
        self.supervisor = SimpleNamespace(status=lambda: {"camera": running})
        self.monitor = SimpleNamespace(rows=list)

    def __enter__(self) -> Self:
        self._timer.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._timer.join()


def test_a_robot_that_nobody_watches_ends_with_a_code_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("sensebind.agent.robot.robot.Robot", HungRobot)
    monkeypatch.setattr("sensebind.agent.cli.run._HUNG_SECONDS", 1e6)  # this process lives on
    file = tmp_path / "robot.yaml"
    file.write_text("streams: {camera: {source: 'camera:0'}}\n")
    assert run_robot(file, as_json=True) == EXIT_HUNG == 70
    assert "nobody watches the workers any more" in caplog.text
