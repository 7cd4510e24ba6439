"""Plain forms of commands that do not wait for Typer, such as `stop rover.yaml`.

Typer converts arguments with pydantic. To import both takes longer than all else that a stop does,
and a stop is urgent. So the form in which people write these commands is read here. Everything
else (a mistake, `--help`, an option written another way, such as `--reason=TEXT`) is left to Typer,
which reads the same commands from their signatures, and explains them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple


class Form(NamedTuple):
    """The plain form of a command.

    Attributes:
        command: `module:function` of this package.
        arguments: Names of its parameters that are arguments, in order; all must be given.
        options: Option to the parameter that takes its value.
        flags: Option without a value to the parameter that it sets.
        paths: Parameters that are paths.
        needed: Options without which the command is not in its plain form.
    """

    command: str
    arguments: tuple[str, ...]
    options: Mapping[str, str]
    flags: Mapping[str, str]
    paths: frozenset[str]
    needed: frozenset[str]


FORMS = {
    "stop": Form(
        "attached:stop_running",
        ("robot",),
        {"--reason": "reason"},
        {},
        frozenset({"robot"}),
        frozenset(),
    ),
    "ask": Form(
        "attached:ask_running",
        ("question",),
        {"--attach": "attach", "--thread": "thread"},
        {"--json": "as_json"},
        frozenset({"attach"}),
        frozenset({"--attach"}),
    ),
}


def plain_form(arguments: Sequence[str]) -> Callable[[], int] | None:
    """Return the command that arguments name, ready to be run; None where it is for Typer to say.

    Args:
        arguments: Of the command line.
    """
    form = FORMS.get(arguments[0]) if arguments else None
    if form is None:
        return None
    given: dict[str, Any] = {}
    missing, words = list(form.arguments), iter(arguments[1:])
    for word in words:
        if word in form.flags:
            given[form.flags[word]] = True
            continue
        if word in form.options:
            name, value = form.options[word], next(words, "-")
        elif missing:
            name, value = missing.pop(0), word
        else:
            return None
        if name in given or value.startswith("-"):
            return None
        given[name] = Path(value) if name in form.paths else value
    if missing or not form.needed <= {*arguments}:
        return None
    module, _, function = form.command.partition(":")
    return partial(getattr(import_module(f"{__package__}.{module}"), function), **given)
