"""Files and directories that a robot's file names for its language model and its tools."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from difflib import get_close_matches
from pathlib import Path

from sensebind.agent.robot.sections import GGUF, OURS, LlmConfig, OpenApiToolConfig
from sensebind.agent.robot.tool_kinds import TOOL_KINDS, ToolConfig
from sensebind.errors import ConfigurationError


def check_played(stream: str, kind: str, target: str, resolve: Callable[[Path], Path]) -> None:
    """Refuse a file or folder that is to be played and is not there.

    Args:
        stream: Name of the stream, for messages.
        kind: Of its source.
        target: What stands behind the kind's colon.
        resolve: Makes a path of the file, relative to its folder, one of this machine.

    Raises:
        ConfigurationError: None is named, or it is absent.
    """
    if not target.strip():
        raise ConfigurationError(f"{stream}: name what is played behind `{kind}:`")
    if not (path := resolve(Path(target))).exists():
        raise ConfigurationError(
            f"{stream}: {path} does not exist: paths are relative to the robot's file"
        )


def check_named_files(
    llm: LlmConfig | None, tools: Sequence[ToolConfig], resolve: Callable[[Path], Path]
) -> None:
    """Refuse what is named and is not there, before anything starts.

    Args:
        llm: The language model.
        tools: Of the robot's file.
        resolve: Makes a path of the file, relative to its folder, one of this machine.

    Raises:
        ConfigurationError: A file or directory is absent, or no language model is named; the
            message says who names it.
    """
    if llm is not None:
        _check_model(llm, resolve)
    for who, path in _named(llm, tools):
        if not (found := resolve(path)).exists():
            raise ConfigurationError(
                f"{who}: {found} does not exist: paths are relative to the robot's file"
            )


def _check_model(llm: LlmConfig, resolve: Callable[[Path], Path]) -> None:
    """Refuse a language model without a name, and one that is almost called as ours are."""
    if not llm.model.strip():
        raise ConfigurationError("llm: name a language model, such as sensebind or openai:MODEL")
    if llm.model == f"{llm.provider}:" and llm.provider != OURS:
        raise ConfigurationError(f"llm: {llm.model} names no model: write {llm.model}MODEL")
    near = get_close_matches(llm.provider.lower(), (OURS, GGUF), n=1, cutoff=0.8)
    if near and not llm.ours and not resolve(Path(llm.model)).is_dir():
        raise ConfigurationError(
            f"llm: no language model is called {llm.model!r}: did you mean {near[0]}?"
        )


def _named(llm: LlmConfig | None, tools: Sequence[ToolConfig]) -> Iterator[tuple[str, Path]]:
    """Yield who names a path, and the path."""
    if llm is not None and llm.ours and llm.place:
        yield "llm", Path(llm.place)
    for tool in tools:
        if (kind := TOOL_KINDS.get(tool.kind)) is None:
            continue  # of another package, which knows what its options mean
        section = kind.section.model_validate(tool.options)
        for name, value in section:
            if isinstance(value, Path):
                yield f"tools: {tool.kind}: {name}", value
        if isinstance(section, OpenApiToolConfig) and "://" not in section.document:
            yield f"tools: {tool.kind}: document", Path(section.document)
