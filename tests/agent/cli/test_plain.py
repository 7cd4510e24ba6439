"""Plain forms of commands are what Typer makes of them, and all else is left to Typer."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sensebind.agent.cli import attached, commands, main
from sensebind.agent.cli.plain import FORMS, plain_form

PLAIN = (
    ("stop", "r.yaml"),
    ("stop", "r.yaml", "--reason", "a dog is in the way"),
    ("stop", "--reason", "", "a folder/r.yaml"),
    ("stop", ""),
    ("ask", "what do you see?", "--attach", "r.yaml"),
    ("ask", "--json", "--attach", "r.yaml", "--thread", "kitchen", "你看到什么？"),
    ("ask", "¿", "--attach", ""),
)
OTHER = (
    (),
    ("--help",),
    ("stop",),
    ("stop", "--help"),
    ("stop", "r.yaml", "other.yaml"),
    ("stop", "r.yaml", "--reason"),
    ("stop", "r.yaml", "--reason", "--now"),
    ("stop", "r.yaml", "--reason=now"),
    ("stop", "r.yaml", "--reason", "a", "--reason", "b"),
    ("stop", "--", "r.yaml"),
    ("stop", "r.yaml", "--json"),
    ("ask", "what?"),
    ("ask", "what?", "--thread", "--attach"),
    ("ask", "what?", "--attach", "r.yaml", "--image", "dog.png"),
    ("ask", "--attach", "r.yaml"),
    ("chat", "r.yaml", "--attach"),
)


@pytest.fixture
def called(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What the commands were called with, by name of the parameter."""
    found: list[dict[str, Any]] = []

    def noting(function: Callable[..., int]) -> Callable[..., int]:
        def note(*args: Any, **kwargs: Any) -> int:
            bound = inspect.signature(function).bind(*args, **kwargs)
            bound.apply_defaults()
            found.append(dict(bound.arguments) | {"media": []})
            return 0

        return note

    stop, ask = noting(attached.stop_running), noting(attached.ask_running)
    for module, name, function in (
        ("attached", "stop_running", stop),
        ("stop", "stop_running", stop),
        ("attached", "ask_running", ask),
        ("ask", "ask_running", ask),
    ):
        monkeypatch.setattr(f"sensebind.agent.cli.{module}.{name}", function)
    return found


@pytest.mark.parametrize("line", PLAIN, ids=" ".join)
def test_a_plain_form_calls_what_typer_calls(
    called: list[dict[str, Any]], line: tuple[str, ...]
) -> None:
    assert commands.run(line) == 0
    command = plain_form(line)
    assert command is not None and command() == 0
    by_typer, by_us = called
    assert by_us == by_typer
    paths = {"robot", "attach"} & called[0].keys()
    assert paths and all(isinstance(by_us[name], Path) for name in paths)


@pytest.mark.parametrize("line", OTHER, ids=" ".join)
def test_what_is_not_plain_is_left_to_typer(line: tuple[str, ...]) -> None:
    assert plain_form(line) is None


def test_every_plain_form_is_one_of_the_command() -> None:
    listed = {name for group in commands.GROUPS.values() for name in group}
    for name, form in FORMS.items():
        function = getattr(attached, form.command.partition(":")[2])
        parameters = inspect.signature(function).parameters
        assert name in listed and form.needed <= form.options.keys()
        assert {*form.arguments, *form.options.values(), *form.flags.values()} <= parameters.keys()


def test_other_spellings_of_an_option_work_as_well(called: list[dict[str, Any]]) -> None:
    with pytest.raises(SystemExit) as end:
        main(["stop", "r.yaml", "--reason=now"])
    assert end.value.code == 0 and called[0]["reason"] == "now"


def test_a_question_without_words_is_refused_in_either_form(
    capsys: pytest.CaptureFixture[str],
) -> None:
    for more in ((), ("--image", "dog.png")):
        with pytest.raises(SystemExit) as end:
            main(["ask", " ", "--attach", "r.yaml", *more])
        assert end.value.code == 2
        assert capsys.readouterr().err == "error: the question is empty\n"
