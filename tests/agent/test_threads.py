"""Dialogs on disk: they resume, stay small, and lose no completed turn to kill -9."""

import io
import json
import os
import random
import signal
import sqlite3
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from fixtures.scripted_chat import ScriptedChat, echo
from langchain_core.messages import AIMessage
from PIL import Image

from sensebind.agent.assistant import Assistant
from sensebind.agent.cli.chat import talk_with_model
from sensebind.agent.cli.conversation import block_of
from sensebind.agent.cli.terminal import Terminal
from sensebind.agent.cli.threads import delete, export, list_threads, show
from sensebind.agent.history import MAX_TURNS
from sensebind.agent.threads import Dialogs
from sensebind.errors import InputError, StorageError


def talk(file: Path, thread: str = "a", **options: Any) -> Assistant:
    return Assistant(ScriptedChat(script=echo), thread=thread, dialogs=file, **options)


def test_threads_go_on_and_do_not_mix(tmp_path: Path) -> None:
    file = tmp_path / "dialogs.sqlite"
    for thread in "ab":
        with talk(file, thread) as one:
            assert one.ask("hello").assistant == "2: hello"  # instructions and question
    with talk(file, "a") as again:
        assert again.ask("and?").assistant == "4: and?"
    with Dialogs(file) as kept:
        assert {t.name: t.turns for t in kept.threads()} == {"a": 2, "b": 1}
        assert [turn["user"] for turn in kept.turns("a")] == ["hello", "and?"]
        with pytest.raises(InputError, match="no dialog 'z'"):
            list(kept.turns("z"))


def test_a_long_thread_stays_small(tmp_path: Path) -> None:
    file = tmp_path / "dialogs.sqlite"
    with talk(file) as one:
        shown = [int(one.ask(f"question {n}").assistant.partition(":")[0]) for n in range(80)]
    assert max(shown) <= 2 * MAX_TURNS and min(shown[MAX_TURNS:]) <= MAX_TURNS + 2
    with sqlite3.connect(file) as database:
        [states] = database.execute("SELECT count(*) FROM checkpoints").fetchone()
        [turns] = database.execute("SELECT count(*) FROM turns").fetchone()
    assert states == 1 and turns == 80


def test_whole_turns_go_before_the_context_is_full() -> None:
    def script(messages: list[Any]) -> AIMessage:
        read = 30 * len(messages)
        usage: Any = {"input_tokens": read, "output_tokens": 0, "total_tokens": read}
        return AIMessage(str(len(messages)), usage_metadata=usage)

    profile: Any = {"max_input_tokens": 512}
    one = Assistant(ScriptedChat(script=script, profile=profile))
    shown = [int(one.ask("x").assistant) for _ in range(40)]
    assert max(shown) * 30 < 512
    assert [m.type for m in one.history.messages()][:2] == ["human", "ai"]


def test_half_a_turn_is_not_resumed(tmp_path: Path) -> None:
    file = tmp_path / "dialogs.sqlite"
    with talk(file) as one:
        one.ask("first")
        one._agent.update_state(
            one.history.config, {"messages": [("user", "half")]}, as_node="__start__"
        )
    with talk(file) as again:
        assert [m.text for m in again.history.messages()] == ["first", "2: first"]


def test_a_turn_that_was_answered_but_not_noted_is_noted(tmp_path: Path) -> None:
    file = tmp_path / "dialogs.sqlite"
    with talk(file) as one:
        one.ask("first")
    with sqlite3.connect(file) as database:
        database.execute("DELETE FROM turns")
    with talk(file):
        pass
    with Dialogs(file) as kept:
        assert [t["assistant"] for t in kept.turns("a")] == ["2: first"]


def test_kill_9_loses_no_completed_turn(tmp_path: Path) -> None:
    random.seed(1)
    file = tmp_path / "dialogs.sqlite"
    completed = 0
    for round_ in range(4):
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            with talk(file) as one:
                while True:
                    record = one.ask("go on")
                    os.write(writing, f"{record.id}\n".encode())
        os.close(writing)
        with os.fdopen(reading) as pipe:
            first = pipe.readline()
            time.sleep(random.uniform(0.0, 0.3))
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            finished = [line.strip() for line in (first, *pipe) if line.endswith("\n")]
        completed += len(finished)
        with talk(file) as again, Dialogs(file) as kept:
            known = {turn["id"] for turn in kept.turns("a")} if kept.threads() else set()
            assert set(finished) <= known, round_
            stored = again.history.messages()
            assert not stored or stored[-1].type == "ai"
            assert again.ask("still there?").error == ""
    assert completed


def test_commands_list_show_export_and_delete(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "dialogs.sqlite"
    with talk(file, "kitchen") as one:
        one.ask("hello")
    list_threads(file, as_json=False)
    show("kitchen", file, as_json=False)
    told = capsys.readouterr().out
    assert "kitchen" in told and "> hello" in told and "2: hello" in told
    export("kitchen", tmp_path / "out.jsonl", file)
    [turn] = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    assert turn["user"] == "hello" and turn["assistant"] == "2: hello"
    assert (tmp_path / "out.jsonl").stat().st_mode & 0o777 == 0o600
    assert delete("kitchen", file) == 0
    with Dialogs(file) as kept:
        assert kept.threads() == []
    with pytest.raises(InputError, match="no dialog"):
        delete("kitchen", file)
    with pytest.raises(StorageError, match="no dialogs at"):
        list_threads(tmp_path / "nothing.sqlite", as_json=True)


def test_chat_reads_a_script_and_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    scripted = ScriptedChat(script=echo)
    monkeypatch.setattr("sensebind.agent.llm.factory.make_llm", lambda _: scripted)
    picture = tmp_path / "a.png"
    Image.new("RGB", (40, 30), (220, 20, 20)).save(picture)
    for script in ("hello\n# a remark\n/help\n/quit\nnever said\n", f"/show {picture}\nand?\n"):
        monkeypatch.setattr("sys.stdin", io.StringIO(script))
        dialogs = tmp_path / "dialogs.sqlite"
        assert talk_with_model(Terminal(as_json=True), thread="kitchen", dialogs=dialogs) == 0
    turns = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [turn["user"] for turn in turns] == ["hello", "and?"]
    said = turns[1]["assistant"]
    assert said.startswith("4: [shown: image a.png: ") and said.endswith("]\nand?")
    assert block_of(picture) == {"type": "image", "path": str(picture)}
    with pytest.raises(InputError, match="no such file"):
        block_of(tmp_path / "b.png")


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "d.sqlite").write_bytes(b"nonsense" * 1000)
    with pytest.raises(StorageError, match=r"d\.sqlite cannot be opened"):
        Dialogs(tmp_path / "d.sqlite")


def test_a_file_is_closed_after_what_is_being_written(tmp_path: Path) -> None:
    dialogs = Dialogs(tmp_path / "dialogs.sqlite")
    closing = threading.Thread(target=dialogs.close)
    with dialogs.saver.cursor():
        closing.start()
        closing.join(0.2)
        assert closing.is_alive()
    closing.join(20)
    assert not closing.is_alive()
    dialogs.close()
