"""One turn of a dialog at a time, whatever process takes it; a dead one holds nothing."""

import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from fixtures.scripted_chat import ScriptedChat
from langchain_core.messages import AIMessage

from sensebind.agent.assistant import Assistant
from sensebind.agent.turn_lock import StillRunning, TurnLock
from sensebind.errors import InputError, StorageError

_TURN = """
import sys, time
from pathlib import Path
from sensebind.agent.turn_lock import TurnLock
with TurnLock("kitchen", Path(sys.argv[1])).turn():
    print("running", flush=True)
    time.sleep(60)
"""
_COUNTING = """
import sys, time
from pathlib import Path
from sensebind.agent.turn_lock import TurnLock
lock, inside = TurnLock("kitchen", Path(sys.argv[1])), Path(sys.argv[1] + ".inside")
for _ in range(60):
    with lock.turn(patience=60):
        inside.touch(exist_ok=False)  # somebody else is in here if this fails
        time.sleep(0.001)
        inside.unlink()
print("done")
"""


@contextmanager
def turn_of_another_process(dialogs: Path) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-c", _TURN, str(dialogs)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None and process.stdout.readline() == "running\n"
            yield process
        finally:
            process.kill()


def test_a_second_process_is_refused_until_the_first_is_gone(tmp_path: Path) -> None:
    file = tmp_path / "dialogs.sqlite"
    chat = ScriptedChat(script=lambda _: AIMessage("here"))
    with (
        Assistant(chat, dialogs=file, thread="kitchen") as mine,
        Assistant(chat, dialogs=file, thread="garden") as other,
    ):
        with turn_of_another_process(file) as process:
            with pytest.raises(InputError, match="running in another process") as refused:
                mine.ask("where are you?")
            assert "\n" not in str(refused.value)
            with pytest.raises(InputError, match="running in another process"):
                list(mine.decide([]))
            assert other.ask("where are you?").assistant == "here"  # another dialog goes on
            stopped = mine.ask("stop")  # a stop is not a turn
            assert stopped.assistant == "Stopped." and not stopped.error
            # Opening the dialog does not take the running turn for one that was left half done.
            Assistant(chat, dialogs=file, thread="kitchen").close()
            process.send_signal(signal.SIGKILL)
            process.wait()
        assert mine.ask("where are you?").assistant == "here"  # at once: no lease runs out
    assert not list(tmp_path.glob("*.turn"))


def test_two_objects_of_one_process_exclude_each_other_too(tmp_path: Path) -> None:
    first, second = (TurnLock("a", tmp_path / "d.sqlite") for _ in range(2))
    with first.turn() as cancelled:
        assert first.cancels == 0 and not cancelled.is_set()
        with pytest.raises(StillRunning, match="another process"), second.turn():
            pass
        with pytest.raises(StillRunning, match="wait or cancel"), first.turn():
            pass
        assert first.cancel() is cancelled
        with TurnLock("b", tmp_path / "d.sqlite").turn():
            pass
    with second.turn():
        pass
    assert not list(tmp_path.iterdir())


def test_who_is_patient_gets_its_turn(tmp_path: Path) -> None:
    first, second = (TurnLock("a", tmp_path / "d.sqlite") for _ in range(2))
    with first.turn():
        began = time.monotonic()
        with pytest.raises(StillRunning), second.turn(patience=0.1):
            pass
        assert time.monotonic() - began >= 0.1
    running, done = threading.Event(), threading.Event()

    def turn() -> None:
        with first.turn():
            running.set()
            done.wait(20)

    thread = threading.Thread(target=turn)
    thread.start()
    assert running.wait(20)
    threading.Timer(0.1, done.set).start()
    with second.turn(patience=20):
        assert done.is_set()
    thread.join(20)


def test_never_two_processes_at_once(tmp_path: Path) -> None:
    command = [sys.executable, "-c", _COUNTING, str(tmp_path / "d.sqlite")]
    processes = [
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(4)
    ]
    for process in processes:
        out, trouble = process.communicate(timeout=120)
        assert out == "done\n", trouble
    assert not list(tmp_path.iterdir())


def test_a_file_that_cannot_be_locked_is_named(tmp_path: Path) -> None:
    lock = TurnLock("a", tmp_path / "absent" / "d.sqlite")
    with pytest.raises(StorageError, match=r"d\.sqlite.*cannot be locked"), lock.turn():
        pass
