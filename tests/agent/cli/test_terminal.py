"""Questions from pipes, scripts and people; approval between two lines; alerts between answers."""

import io
import json
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fixtures.scripted_chat import ScriptedChat, calls_once
from langchain_core.messages import AIMessage
from langchain_core.tools import StructuredTool

from sensebind.agent.assistant import Assistant
from sensebind.agent.cli.terminal import Terminal
from sensebind.agent.events import Event, Finished, TextPiece, TurnRecord
from sensebind.errors import InputError
from sensebind.tools.risk import Risk, label


class Ground:
    """What can be driven on, and how far that was done."""

    def __init__(self) -> None:
        self.driven: list[float] = []
        self.tool = StructuredTool.from_function(
            self.drive, name="drive", description="Drives.", metadata=label(Risk.MOVE)
        )

    def drive(self, metres: float) -> str:
        self.driven.append(metres)
        return f"drove {metres} m"


def goes_or_greets(messages: list[Any]) -> AIMessage:
    """Drives when told to go, and says what came of it."""
    if messages[-1].type == "human" and "go" not in str(messages[-1].text):
        return AIMessage("hello")
    return calls_once("drive", metres=0.5)(messages)


def converse(terminal: Terminal, ground: Ground) -> Assistant:
    one = Assistant(ScriptedChat(script=goes_or_greets), [ground.tool])
    for text in terminal.questions():
        terminal.turn(text, lambda: one.turn(text), one.decide)  # noqa: B023
    return one


@pytest.fixture
def ground() -> Ground:
    return Ground()


def piped(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(text))


@pytest.mark.parametrize("line", ["yes", "Y", "是", "好。"])
def test_yes_in_the_next_line_of_a_pipe_approves(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], ground: Ground, line: str
) -> None:
    piped(monkeypatch, f"go 0.5\n\n# a remark\n{line}\nhi\n")
    converse(Terminal(), ground)
    assert ground.driven == [0.5]
    assert capsys.readouterr().out.splitlines() == [
        "> go 0.5",
        "[drive metres=0.5] ",
        f"drive metres=0.5? [y/N] {line}",
        "done: drove 0.5 m",
        "> hi",
        "hello",
    ]


@pytest.mark.parametrize("line", ["no", "n", "不"])
def test_no_rejects_and_the_model_is_told_in_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], ground: Ground, line: str
) -> None:
    piped(monkeypatch, f"go 0.5\n{line}\n")
    converse(Terminal(), ground)
    assert not ground.driven
    told = "error: you did not allow it"
    assert capsys.readouterr().out.splitlines()[-1] == f"{told} done: {told}"


def test_anything_else_rejects_and_is_the_next_question(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], ground: Ground
) -> None:
    piped(monkeypatch, "go 0.5\nhow are you?\n")
    one = converse(Terminal(), ground)
    assert not ground.driven and one.pending() == []
    assert capsys.readouterr().out.splitlines()[-2:] == ["> how are you?", "hello"]


def test_the_end_of_input_approves_nothing(monkeypatch: pytest.MonkeyPatch, ground: Ground) -> None:
    piped(monkeypatch, "go 0.5\n")
    one = converse(Terminal(), ground)
    assert not ground.driven and len(one.pending()) == 1


def test_json_shows_what_is_pending_and_then_what_came_of_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], ground: Ground
) -> None:
    script = tmp_path / "script.txt"
    script.write_text('go 0.5\ny\ngo 0.5\nno\ngo 0.5\n{"metres": 0.1}\n', encoding="utf-8")
    converse(Terminal(script=script, as_json=True), ground)
    turns = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [len(turn["pending"]) for turn in turns] == [1, 0, 1, 0, 1, 0]
    [pending] = turns[0]["pending"]
    assert pending["tool"] == "drive" and pending["arguments"] == {"metres": 0.5} and pending["id"]
    done = [turn["tool_calls"][0] for turn in turns[1::2]]
    assert [one["decision"] for one in done] == ["approve", "reject", "edit"]
    assert [one["failed"] for one in done] == [False, True, False]
    assert ground.driven == [0.5, 0.1]


class Person(io.StringIO):
    """A terminal."""

    def isatty(self) -> bool:
        return True


def test_a_person_is_asked_at_the_prompt(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], ground: Ground
) -> None:
    asked: list[str] = []
    typed: Iterator[str] = iter(["go 0.5", "", "go 0.5", "y"])

    def answer(prompt: str) -> str:
        asked.append(prompt)
        try:
            return next(typed)
        except StopIteration:
            raise EOFError from None

    monkeypatch.setattr(sys, "stdin", Person())
    monkeypatch.setattr("builtins.input", answer)
    terminal = Terminal()
    assert terminal.interactive
    converse(terminal, ground)
    question = "drive metres=0.5? [y/N] "
    assert asked == ["> ", question, "> ", question, "> "]
    assert ground.driven == [0.5]
    assert "error: you did not allow it" in capsys.readouterr().out


def test_ctrl_c_ends_an_answer_and_not_the_dialog(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted() -> Iterator[Event]:
        yield TextPiece("well")
        raise KeyboardInterrupt

    monkeypatch.setattr(sys, "stdin", Person())
    Terminal().turn("hi", interrupted, lambda _: interrupted())  # type: ignore[arg-type]
    assert "(stopped)" in capsys.readouterr().out
    piped(monkeypatch, "")
    with pytest.raises(KeyboardInterrupt):
        Terminal().turn("hi", interrupted, lambda _: interrupted())  # type: ignore[arg-type]


def test_an_alert_does_not_break_into_an_answer(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    piped(monkeypatch, "")
    terminal = Terminal()

    def answering() -> Iterator[Event]:
        yield TextPiece("I see ")
        other = threading.Thread(target=terminal.alert, args=("I hear a dog",))
        other.start()
        other.join()
        yield TextPiece("a ball.")
        yield Finished(TurnRecord("hi"))

    terminal.turn("hi", answering, lambda _: answering())  # type: ignore[arg-type]
    terminal.alert("I hear a cat")
    assert capsys.readouterr().out.splitlines() == [
        "> hi",
        "I see a ball.",
        "* I hear a dog",
        "* I hear a cat",
    ]


def test_an_alert_leaves_what_is_being_typed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def typing(prompt: str) -> str:
        terminal.alert("I hear a dog")
        raise EOFError

    monkeypatch.setattr(sys, "stdin", Person())
    monkeypatch.setattr("builtins.input", typing)
    terminal = Terminal()
    assert list(terminal.questions()) == []
    out = capsys.readouterr().out
    assert "* I hear a dog\n> " in out and out.startswith("\r")


def test_an_alert_is_an_object_in_json(capsys: pytest.CaptureFixture[str]) -> None:
    Terminal(as_json=True).alert("I hear a dog", watch="a dog", stream="microphone")
    assert json.loads(capsys.readouterr().out) == {
        "alert": {"said": "I hear a dog", "watch": "a dog", "stream": "microphone"}
    }


@pytest.mark.parametrize("content", [None, b"\xff\xfe", b"x" * 1_000_001])
def test_a_script_that_cannot_be_read(tmp_path: Path, content: bytes | None) -> None:
    script = tmp_path / "script.txt"
    if content is not None:
        script.write_bytes(content)
    with pytest.raises(InputError, match="the script"):
        Terminal(script=script)
