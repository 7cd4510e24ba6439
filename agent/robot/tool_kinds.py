"""The kinds of tools that `tools:` of a robot.yaml may name: one row of one table each.

Nothing is imported for a row: a function is named by its path, and imported when the robot starts
or `sensebind doctor` tries it. A package of yours adds a kind without this table, by an entry
point; see `tools.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Literal, Self

from pydantic import Field, model_validator

from sensebind.agent.robot.sections import (
    CodesToolConfig,
    DetectToolConfig,
    FindToolConfig,
    McpToolConfig,
    NoOptions,
    OpenApiToolConfig,
    PythonToolConfig,
    ReadToolConfig,
    Section,
)

TOOL_GROUP = "sensebind.tools"
"""Entry points that add kinds of tools; each is called as a `python:` factory is."""


@dataclass(frozen=True, slots=True)
class ToolKind:
    """A kind of tool.

    Attributes:
        section: What may be said about it in the file.
        make: `package.module:function`, called with the `ToolContext` and the section; returns the
            tools.
        probe: `package.module:function`, called by `sensebind doctor` with a `ToolProbe`; returns
            what it found, and raises what is wrong.
        needs: The section of the file without which it cannot be; "" needs none.
    """

    section: type[Section]
    make: str
    probe: str
    needs: Literal["", "memory", "simhome"] = ""

    @property
    def maker(self) -> Callable[..., Any]:
        """The function that makes the tools."""
        return _imported(self.make)

    @property
    def prober(self) -> Callable[..., Any]:
        """The function that tries them."""
        return _imported(self.probe)


def _imported(path: str) -> Callable[..., Any]:
    module, _, name = path.partition(":")
    return getattr(import_module(module), name)


_TOOLS = "sensebind.agent.robot.tools"
_PROBES = "sensebind.agent.robot.doctor_tools"

TOOL_KINDS: dict[str, ToolKind] = {
    "clock": ToolKind(NoOptions, f"{_TOOLS}:make_clock", f"{_PROBES}:probe_clock"),
    "codes": ToolKind(CodesToolConfig, f"{_TOOLS}:make_codes", f"{_PROBES}:probe_codes"),
    "detect": ToolKind(DetectToolConfig, f"{_TOOLS}:make_detect", f"{_PROBES}:probe_detect"),
    "find": ToolKind(FindToolConfig, f"{_TOOLS}:make_find", f"{_PROBES}:probe_find"),
    "house": ToolKind(NoOptions, f"{_TOOLS}:make_house", f"{_PROBES}:probe_house", "simhome"),
    "mcp": ToolKind(McpToolConfig, f"{_TOOLS}:make_mcp", f"{_PROBES}:probe_mcp"),
    "openapi": ToolKind(OpenApiToolConfig, f"{_TOOLS}:make_openapi", f"{_PROBES}:probe_openapi"),
    "python": ToolKind(PythonToolConfig, f"{_TOOLS}:make_python", f"{_PROBES}:probe_python"),
    "read": ToolKind(ReadToolConfig, f"{_TOOLS}:make_read", f"{_PROBES}:probe_read"),
    "recall": ToolKind(NoOptions, f"{_TOOLS}:make_recall", f"{_PROBES}:probe_memory", "memory"),
    "teach": ToolKind(NoOptions, f"{_TOOLS}:make_teach", f"{_PROBES}:probe_teach"),
    "watch": ToolKind(NoOptions, f"{_TOOLS}:make_watch", f"{_PROBES}:probe_memory", "memory"),
}
"""Kinds of tools that are built in."""


def check_tool(kind: str) -> None:
    """Refuse an entry of `tools:` that names no kind.

    Raises:
        ValueError: There is none; the message says what was probably meant.
    """
    if kind in TOOL_KINDS or kind in (known := known_kinds()):
        return
    from difflib import get_close_matches

    near = get_close_matches(kind.lower(), known, n=1, cutoff=0.6)
    meant = f": did you mean {near[0]}?" if near else ""
    raise ValueError(f"no tool is called {kind!r}{meant}; there are {', '.join(sorted(known))}")


def known_kinds() -> set[str]:
    """Return the names that an entry of `tools:` may have: built in, or of an installed package."""
    from importlib.metadata import entry_points  # only for a name that is not built in

    return {*TOOL_KINDS, *(point.name for point in entry_points(group=TOOL_GROUP))}


class ToolConfig(Section):
    """One entry of `tools:`, such as `clock`, `openapi: {document: …}` or `python: package:name`.

    Attributes:
        kind: What stands in the list: a built-in kind, or one of an entry point `sensebind.tools`.
        options: What is said about it.
    """

    kind: str
    options: dict[str, Any] = Field(default_factory=dict)

    @model_validator(mode="before")
    @classmethod
    def _entry(cls, given: Any) -> Any:
        if isinstance(given, str):
            return {"kind": given}
        if isinstance(given, cls) or (isinstance(given, dict) and "kind" in given):
            return given
        if not isinstance(given, dict) or len(given) != 1:
            raise ValueError("an entry names one tool: write `- clock` or `- openapi: {…}`")
        [(kind, options)] = given.items()
        if kind == "python" and isinstance(options, str):
            options = {"factory": options}
        return {"kind": kind, "options": options or {}}

    @model_validator(mode="after")
    def _known_options(self) -> Self:
        if (known := TOOL_KINDS.get(self.kind)) is not None:
            known.section.model_validate(self.options)
        return self
