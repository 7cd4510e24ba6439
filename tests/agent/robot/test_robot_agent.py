"""A robot's agent stops all its dialogs, whatever one of them or the base answers."""

import platform
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psutil
import pytest
from fixtures.scripted_chat import ScriptedChat, calls
from fixtures.waiting import PATIENCE
from langchain_core.messages import AIMessage, BaseMessage, ToolMessage
from langchain_core.tools import BaseTool, StructuredTool

from sensebind.agent import threads
from sensebind.agent.approval import store
from sensebind.agent.approval.audit import read_audit
from sensebind.agent.assistant import Assistant
from sensebind.agent.events import Finished, TurnRecord
from sensebind.agent.robot import agent as robot_agent
from sensebind.agent.robot.agent import RobotAgent
from sensebind.agent.robot.config_file import parse_config
from sensebind.errors import ToolError
from sensebind.perception.storage.database import open_database
from sensebind.tools.cancellation import turn_event
from sensebind.tools.risk import Risk, label

ROBOT = """
name: rover
llm: "ollama:none"
streams:
  camera: {source: "camera:0"}
tools:
  - python: "test_robot_agent:base_tools"
"""
BASE = SimpleNamespace(
    stops=0,
    arm_stops=0,
    fault="",
    looking=threading.Semaphore(0),
    looked=threading.Semaphore(0),
    driven=[],
    kept=[],
)


def base_tools(context: Any) -> list[BaseTool]:
    """The tools that the robot's file names: they look, drive, and stop."""

    def look() -> str:
        """Looks until the turn is cancelled."""
        cancelled, until = turn_event(), time.monotonic() + PATIENCE
        assert cancelled is not None
        BASE.looking.release()
        while not cancelled.is_set() and time.monotonic() < until:
            time.sleep(0.01)
        BASE.looked.release()
        return "cancelled" if cancelled.is_set() else "nothing"

    def drive() -> str:
        """Drives."""
        BASE.driven.append(1)
        return "drove"

    def stop() -> str:
        """Stops."""
        BASE.stops += 1
        if BASE.fault:
            raise ValueError(BASE.fault)
        return "stopped"

    def halt_arm() -> str:
        """Stops the arm."""
        BASE.arm_stops += 1
        return "stopped"

    def crowd() -> str:
        """Takes 100 MB, and keeps a little of it here and there."""
        BASE.kept = [bytearray(b"x" * 100_000) for _ in range(1000)][::50]
        return "done"

    make = StructuredTool.from_function
    return [
        make(crowd, metadata=label(Risk.OBSERVE)),
        make(look, metadata=label(Risk.OBSERVE)),
        make(drive, metadata=label(Risk.MOVE)),
        make(stop, metadata=label(Risk.STOP)),
        make(halt_arm, metadata=label(Risk.STOP)),
    ]


def script(messages: list[BaseMessage]) -> AIMessage:
    """Calls the tool that the user names."""
    last = messages[-1]
    return AIMessage("done") if isinstance(last, ToolMessage) else calls((str(last.text), {}))


@contextmanager
def robot(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[RobotAgent]:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setattr(robot_agent, "make_llm", lambda *_, **__: ScriptedChat(script=script))
    monkeypatch.setattr(robot_agent, "senses_for", lambda *_: None)  # a model that takes none
    BASE.stops, BASE.arm_stops, BASE.fault, BASE.driven = 0, 0, "", []
    BASE.looking, BASE.looked = threading.Semaphore(0), threading.Semaphore(0)
    supervisor: Any = SimpleNamespace(endpoints={"rover.camera": f"ipc://{tmp_path}/camera"})
    with RobotAgent(parse_config(ROBOT), supervisor) as agent:
        yield agent


def busy(agent: RobotAgent, thread: str, records: dict[str, TurnRecord]) -> threading.Thread:
    """A turn of a dialog that runs until it is stopped."""
    dialog = agent.assistant(thread)
    running = threading.Thread(target=lambda: records.update({thread: dialog.ask("look")}))
    running.start()
    assert BASE.looking.acquire(timeout=PATIENCE)
    return running


def test_a_fault_of_the_base_is_reported_and_every_dialog_is_stopped(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    records: dict[str, TurnRecord] = {}
    with robot(monkeypatch, tmp_path) as agent:
        running = [busy(agent, name, records) for name in ("kitchen", "garden")]
        agent.assistant("cellar").ask("drive")
        assert len(agent.assistant("cellar").pending()) == 1
        BASE.fault = "the bus is gone"
        with pytest.raises(ToolError, match=r"did not take the stop.*the bus is gone"):
            agent.stop("a test")
        for one in running:
            one.join(PATIENCE)
        assert records["kitchen"].cancelled and records["garden"].cancelled
        assert agent.assistant("cellar").pending() == [] and BASE.driven == []
        assert BASE.stops == BASE.arm_stops == 3  # each dialog has tried, and the arm is stopped
        stopped = [
            one
            for one in read_audit(tmp_path / "state/sensebind/rover/audit.jsonl")
            if one["event"] == "stopped"
        ]
        assert sorted(one["thread"] for one in stopped) == ["cellar", "garden", "kitchen"]
        assert all("the bus is gone" in one["failure"] for one in stopped)
        assert all(one["reason"] == "a test" for one in stopped)


def test_a_stop_is_sent_where_nobody_has_talked_yet(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with robot(monkeypatch, tmp_path) as agent:
        agent.stop()
        assert BASE.stops == 1
        BASE.fault = "the bus is gone"
        with pytest.raises(ToolError, match="the bus is gone"):
            agent.stop()


def test_a_stop_said_in_one_dialog_stops_all(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    records: dict[str, TurnRecord] = {}
    with robot(monkeypatch, tmp_path) as agent:
        running = busy(agent, "kitchen", records)
        said = [e.record for e in agent.turn("stop!", thread="garden") if isinstance(e, Finished)]
        running.join(PATIENCE)
        assert records["kitchen"].cancelled and said[0].assistant == "Stopped."


def test_no_dialog_waits_for_the_files_of_another(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    records: dict[str, TurnRecord] = {}
    patient = partial(open_database, patience=2 * PATIENCE)
    for module in (threads, store):
        monkeypatch.setattr(module, "open_database", patient)
    with robot(monkeypatch, tmp_path) as agent:
        running = [busy(agent, name, records) for name in ("kitchen", "garden")]
        with sqlite3.connect(tmp_path / "state/sensebind/rover/dialogs.sqlite") as other:
            other.execute("BEGIN IMMEDIATE")  # another process writes, and takes its time
            stopping = threading.Thread(target=agent.stop)
            stopping.start()
            for _ in running:  # what is running is cancelled; the file is waited for, for longer
                assert BASE.looked.acquire(timeout=PATIENCE)
            other.rollback()
        for one in (*running, stopping):
            one.join(PATIENCE)


def test_a_stop_does_not_wait_for_a_dialog_that_is_opened_and_counts_for_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    opening, opened = threading.Event(), threading.Event()

    class SlowToOpen(Assistant):
        def __init__(self, *arguments: Any, **options: Any) -> None:
            opening.set()
            assert opened.wait(PATIENCE)
            super().__init__(*arguments, **options)

    with robot(monkeypatch, tmp_path) as agent:
        monkeypatch.setattr(robot_agent, "Assistant", SlowToOpen)
        records: list[TurnRecord] = []
        turn = threading.Thread(
            target=lambda: records.extend(
                e.record for e in agent.turn("drive") if isinstance(e, Finished)
            )
        )
        turn.start()
        assert opening.wait(PATIENCE)
        stopping = threading.Thread(target=agent.stop)
        stopping.start()
        stopping.join(PATIENCE / 2)
        stopped_at_once = not stopping.is_alive()
        opened.set()
        turn.join(PATIENCE)
        assert stopped_at_once and records[0].cancelled and not records[0].pending


def test_a_stop_rejects_what_waits_in_a_dialog_that_nobody_has_opened_yet(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with robot(monkeypatch, tmp_path) as agent:
        agent.assistant("cellar").ask("drive")
        assert len(agent.assistant("cellar").pending()) == 1
    with robot(monkeypatch, tmp_path) as agent:  # started again
        agent.stop("a test")
        assert agent.assistant("cellar").pending() == []


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc keeps what was freed")
def test_what_a_turn_took_for_a_moment_is_given_back(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    resident = psutil.Process().memory_info
    with robot(monkeypatch, tmp_path) as agent:
        for _ in agent.turn("halt_arm"):  # what is imported and opened for a first turn stays
            pass
        before = resident().rss
        answers = [e.record.assistant for e in agent.turn("crowd") if isinstance(e, Finished)]
        assert answers == ["done"] and len(BASE.kept) == 20
        assert resident().rss - before < 50e6
    BASE.kept = []
