"""One sense, now: `look`, `listen` and `scan`, as tools."""

import time
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from langchain_core.tools import BaseTool

from sensebind.perception.modality import modality_info
from sensebind.perception.percept import Percept
from sensebind.tools.base import MAX_AGE, make_tool
from sensebind.tools.risk import Origin, Risk, label


class Newest(Protocol):
    """Where the newest percepts are; `Awareness` is one."""

    def newest(self, stream: str, max_age: float = ...) -> Percept:
        """Returns the newest percept of a stream.

        Raises:
            SourceError: None has come, or it is older than `max_age` seconds.
        """
        ...


def look_tools(
    senses: Newest,
    streams: Mapping[str, str],
    describe: Callable[[Percept], str],
    *,
    max_age: float = MAX_AGE,
    clock: Callable[[], float] = time.monotonic,
) -> list[BaseTool]:
    """Returns a tool for each sense that there is: `look`, `listen`, `scan`.

    A second stream of the same sense gets its name in the tool's: `look_rear`.

    Args:
        senses: Where percepts come from.
        streams: Stream to modality, such as {"camera": "vision"}.
        describe: What a language model says of a percept.
        max_age: Seconds after which a percept is too old to speak of now.
        clock: `time.monotonic`; tests give another one.
    """
    tools: list[BaseTool] = []
    taken: set[str] = set()
    for stream, modality in streams.items():
        if not (name := modality_info(modality).tool):
            continue
        if name in taken:
            name = f"{name}_{stream}".replace(".", "_")
        taken.add(name)
        tools.append(_tool(name, stream, modality, senses, describe, max_age, clock))
    return tools


def _tool(
    name: str,
    stream: str,
    modality: str,
    senses: Newest,
    describe: Callable[[Percept], str],
    max_age: float,
    clock: Callable[[], float],
) -> BaseTool:
    info = modality_info(modality)

    def sense() -> tuple[str, dict[str, Any]]:
        percept = senses.newest(stream, max_age)
        header = percept.header
        said = info.nothing
        if header.present:
            said = describe(percept) if header.known else info.unknown
        age = max(0.0, clock() - header.monotonic)
        return f"{said} ({age:.1f} s ago)", {
            "stream": stream,
            "reference": header.observation,
            "captured_at": header.captured_at,
            "age_ms": round(1000 * age, 1),
            "present": header.present,
            "known": header.known,
            "confidence": round(header.confidence, 3),
        }

    return make_tool(
        sense,
        info.tool_summary if name == info.tool else f"{name} with {stream}, now.",
        name=name,
        metadata=label(Risk.OBSERVE, origin=Origin.ROBOT),
    )
