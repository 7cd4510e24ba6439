"""`sensebind run`: a robot without a conversation, until Ctrl-C or SIGTERM."""

from __future__ import annotations

import gc
import json
import logging
import os
import queue
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sensebind.agent.cli.options import Json, RobotFile
from sensebind.agent.cli.signals import Interrupted, interruptible, until_signal
from sensebind.agent.cli.stop_signals import StopSignals
from sensebind.console import console

if TYPE_CHECKING:
    from sensebind.agent.robot.agent import RobotAgent
    from sensebind.perception.workers.supervisor import WorkerStatus

log = logging.getLogger(__name__)

EXIT_HUNG = 70
"""How `run` ends when nobody watches the workers any more (EX_SOFTWARE of sysexits.h)."""
_TICK = 0.5  # seconds between looks whether to end
_HUNG_SECONDS = 8.0  # for an orderly end after that


def run(
    config: RobotFile,
    seconds: Annotated[
        float | None, typer.Option(min=0.1, help="End after so long; else at Ctrl-C.")
    ] = None,
    as_json: Json = False,
) -> int:
    """Run the streams of a robot: each in its own process, watched, published."""
    try:
        return run_robot(config, seconds, as_json)
    finally:
        # All is closed. The interpreter would look through a million objects of PyTorch's and
        # LangChain's before it ends, which takes a second or two of the three that SIGTERM may.
        gc.freeze()


Alongside = Callable[[], AbstractContextManager[dict[str, str]]]
"""Starts what runs next to a robot; gives its addresses, by name."""


def run_robot(
    path: Path,
    seconds: float | None = None,
    as_json: bool = False,
    alongside: Alongside | None = None,
) -> int:
    r"""Run a robot until Ctrl-C or SIGTERM; Ctrl-\ and SIGUSR1 stop what moves, and end nothing.

    Args:
        path: Its robot.yaml.
        seconds: End by itself after so long.
        as_json: Print addresses at the start and all streams at the end as JSON.
        alongside: Starts what ends with the robot; its addresses are printed, too.

    Returns:
        0 after an orderly end, `EXIT_HUNG` when the thread that watches the workers hangs: whoever
        started the robot should start it again.

    Raises:
        SenseBindError: A stream cannot start, or none can run any more; nothing is left running.
    """
    from rich.markup import escape

    from sensebind.agent.cli import top
    from sensebind.agent.robot.config_file import read_config

    config = read_config(path)  # refused before anything that is slow is imported
    from sensebind.agent.robot.robot import Robot
    from sensebind.errors import ConfigurationError

    out = _Output(as_json)
    running: list[RobotAgent] = []  # empty while the robot starts: nothing moves yet

    def stop_robot(reason: str) -> None:
        for agent in running:
            agent.stop(reason)

    with until_signal() as stop, StopSignals(stop_robot, interrupts=False):
        hung = _Hung(stop)
        with ExitStack() as stack:
            try:
                with interruptible(stop):  # a language model may take seconds to load
                    robot = stack.enter_context(
                        Robot(config, on_change=out.changed, on_hang=hung.noted)
                    )
            except Interrupted:
                return 0
            if config.llm is not None:
                running.append(robot.agent)
            more = stack.enter_context(alongside()) if alongside is not None else {}
            out.started(robot.addresses | more, robot.pids)
            until = time.monotonic() + (seconds if seconds is not None else float("inf"))
            hopeless, starting = False, True
            while not stop.wait(_TICK) and time.monotonic() < until and not hopeless:
                out.flush()
                status = robot.supervisor.status().values()
                mistakes = [f"{s.stream}: {s.detail}" for s in status if s.state == "failed"]
                if starting and mistakes:  # the file is wrong, and nobody relies on the robot yet
                    raise ConfigurationError("; ".join(mistakes))
                starting = starting and any(s.state == "starting" for s in status)
                hopeless = len(mistakes) == len(status)
            out.flush()
            rows = robot.monitor.rows()
            details = {s.detail for s in robot.supervisor.status().values()}
        if as_json:
            out.print(json.dumps({"streams": [top.as_dict(row) for row in rows]}))
        else:
            out.print(escape(top.as_text(rows)))
        if hung.where:
            return EXIT_HUNG
        if hopeless:
            raise ConfigurationError("no stream can run: " + "; ".join(sorted(details)))
        return 0


class _Hung:
    """Ends the robot when the thread that watches its workers hangs.

    Args:
        stop: Ends the robot when it is set.
    """

    def __init__(self, stop: threading.Event) -> None:
        self._stop = stop
        self.where = ""

    def noted(self, where: str) -> None:
        """Take note; what hangs may keep the robot from ending in order."""
        self.where = where
        log.error(
            "nobody watches the workers any more: the robot ends with code %d; start it again",
            EXIT_HUNG,
        )
        self._stop.set()
        last = threading.Timer(_HUNG_SECONDS, os._exit, [EXIT_HUNG])
        last.daemon = True
        last.start()


class _Output:
    """Prints in the main thread alone, so that a reader that is gone stops nobody else."""

    def __init__(self, as_json: bool) -> None:
        self._as_json = as_json
        self._console = console()
        self._changes: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._states: dict[str, str] = {}
        self._gone = False

    def changed(self, status: WorkerStatus) -> None:
        """Take note of a stream's new state; called from the watching thread, and only queues."""
        before = self._states.get(status.stream)
        self._states[status.stream] = status.state
        from rich.markup import escape

        if not self._as_json and before != status.state:  # details alone change all the time
            detail = f": {status.detail}" if status.detail else ""
            self._changes.put(f"[dim]{_clock()}[/] {status.stream} {status.state}{escape(detail)}")

    def started(self, addresses: dict[str, str], pids: dict[str, int]) -> None:
        """Print where the robot can be reached."""
        from rich.markup import escape

        if self._as_json:
            self.print(json.dumps({"addresses": addresses, "pids": pids}))
            return
        for name, address in addresses.items():
            self.print(f"[dim]{_clock()}[/] {name} at {escape(address)}")

    def flush(self) -> None:
        """Print the changes that have come."""
        while not self._changes.empty():
            self.print(self._changes.get())

    def print(self, text: str) -> None:
        """Print a line; a reader that has gone is not an error of the robot's."""
        if self._gone:
            return
        try:
            if self._as_json:
                print(text, flush=True)
            else:
                self._console.print(text)
        except OSError:  # a closed pipe, a full disk: the robot goes on without a reader
            self._gone = True


def _clock() -> str:
    return time.strftime("%H:%M:%S")
