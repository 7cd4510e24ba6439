"""The pages of the site that are made from code: commands, robot.yaml, Python. A hook of MkDocs."""

from __future__ import annotations

import re
import types
from collections.abc import Iterator
from types import NoneType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import griffe
import typer
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined
from typer.main import get_command

from sensebind.agent.cli.commands import GROUPS, app
from sensebind.agent.robot.config import RobotConfig

PUBLIC = (
    "sensebind.agent.assistant.Assistant",
    "sensebind.agent.llm.chat_model.ChatSenseBind",
    "sensebind.agent.conditioning.awareness.Awareness",
    "sensebind.agent.approval.policy.Policy",
    "sensebind.agent.approval.requests.Decision",
    "sensebind.perception.observation.Observation",
    "sensebind.perception.percept.Percept",
    "sensebind.perception.sources.base.Source",
    "sensebind.perception.sources.conformance.SourceConformance",
    "sensebind.perception.imagebind.model.ImageBind",
    "sensebind.perception.geometry.tree.FrameTree",
    "sensebind.perception.geometry.lens.Intrinsics",
    "sensebind.memory.visual_cache.VisualCache",
    "sensebind.tools.motion.contracts.Base",
    "sensebind.tools.risk.Risk",
    "sensebind.errors",
)
"""What a program of one's own builds on; each becomes a part of the page of Python."""
_OUTSIDE = re.compile(r"\[[^\]]*\]\(\.\./((?!reference/)[^)#\s]+\.(?:yaml|py))\)", re.DOTALL)


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages that are made."""
    made = {
        "reference/commands.md": commands(),
        "reference/robot_yaml.md": robot_yaml(),
        "reference/python.md": python(),
    }
    for path, text in made.items():
        files.append(File.generated(config, path, content=text))
    return files


def on_page_markdown(markdown: str, page: Any, config: MkDocsConfig, files: Files) -> str:
    """Name files of the repository that no page shows (examples) instead of linking to them."""
    return _OUTSIDE.sub(r"`\1`", markdown)


def commands() -> str:
    """Every command with its arguments and options, as `--help` has them."""
    root = get_command(app)
    context = typer.Context(root, info_name="sensebind")
    parts = ["# Commands\n", "Bad input ends in one line that says what to do, and exit code 2.\n"]
    for title, members in GROUPS.items():
        parts.append(f"## {title}\n")
        for name in members:
            parts += _command(root.get_command(context, name), name, context, 3)
    return "\n".join(parts)


def _command(command: Any, name: str, parent: typer.Context, level: int) -> Iterator[str]:
    context = typer.Context(command, info_name=name, parent=parent)
    yield f"{'#' * level} `{context.command_path}`\n"
    yield (command.help or "").strip() + "\n"
    rows = [_option(one, context) for one in command.params if not getattr(one, "hidden", False)]
    if rows:
        yield "| argument or option | what it is |\n|---|---|\n" + "\n".join(rows) + "\n"
    for below in getattr(command, "commands", {}):
        yield from _command(command.commands[below], below, context, level + 1)


def _option(one: Any, context: typer.Context) -> str:
    name, text = one.get_help_record(context) or (one.make_metavar(context), "")
    return f"| `{_cell(name)}` | {_cell(text)} |"


def robot_yaml() -> str:
    """Every field of a robot's file: its type, default and meaning, from the code that reads it."""
    parts = [
        "# robot.yaml\n",
        "One file describes a robot; [Your own robot](../your_robot.md) takes you through it. "
        "`sensebind config schema` prints the JSON schema for editors.\n",
    ]
    waiting: list[tuple[str, type[BaseModel]]] = [("The file", RobotConfig)]
    seen: set[type[BaseModel]] = set()
    while waiting:
        title, model = waiting.pop(0)
        if model in seen:
            continue
        seen.add(model)
        parts += _section(title, model)
        for name, info in model.model_fields.items():
            waiting += [(f"{info.alias or name}:", one) for one in _models(info.annotation)]
    return "\n".join(parts)


def _section(title: str, model: type[BaseModel]) -> Iterator[str]:
    doc = griffe.Docstring(model.__doc__ or "", parser="google").parsed
    words = {
        one.name: " ".join(one.description.split())
        for part in doc
        if part.kind is griffe.DocstringSectionKind.attributes
        for one in part.value
    }
    yield f"## {title}\n"
    yield from (f"{part.value}\n" for part in doc if part.kind is griffe.DocstringSectionKind.text)
    yield "| field | type | default | what it is |\n|---|---|---|---|"
    for name, info in model.model_fields.items():
        row = (
            f"`{info.alias or name}`",
            f"`{_type(info.annotation)}`",
            _default(info),
            words.get(name, ""),
        )
        yield f"| {' | '.join(_cell(one) for one in row)} |"
    yield ""


def _type(annotation: Any) -> str:
    """A type in words: unions with "or", names without their packages, no bounds."""
    if isinstance(annotation, types.UnionType) or get_origin(annotation) is Union:
        return " or ".join(_type(one) for one in get_args(annotation) if one is not NoneType)
    if get_origin(annotation) is Literal:
        return ", ".join(map(str, get_args(annotation)))
    if get_origin(annotation) is Annotated:
        return _type(get_args(annotation)[0])
    if (origin := get_origin(annotation)) is not None:
        inner = ", ".join(_type(one) for one in get_args(annotation))
        return f"{origin.__name__}[{inner}]"
    return getattr(annotation, "__name__", "…")


def _default(info: FieldInfo) -> str:
    if info.is_required():
        return "required"
    if info.default in (None, "", ()) or info.default is PydanticUndefined:
        return ""
    return "as below" if isinstance(info.default, BaseModel) else f"`{info.default}`"


def _models(annotation: Any) -> list[type[BaseModel]]:
    """The sections within a type, such as those of `dict[str, StreamConfig] | None`."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for one in get_args(annotation) for model in _models(one)]


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def python() -> str:
    """The classes that a program of one's own builds on."""
    parts = ["# Python\n", "What the rest of the documentation speaks of, and programs build on.\n"]
    parts += [f"::: {name}\n    options:\n      heading_level: 2\n" for name in PUBLIC]
    return "\n".join(parts)
