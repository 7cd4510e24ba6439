"""What a dialog file may hold: messages and plain values, by name, and nothing else is built.

LangGraph's own reader imports whatever module the bytes name and calls what it finds there, with
what it finds there. Here the bytes are looked through first, without building anything.
"""

from __future__ import annotations

from typing import Any

import ormsgpack
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer

from sensebind.errors import StorageError, one_line

MESSAGES = frozenset(
    ("langchain_core.messages." + module, name + chunk)
    for module, name in (
        ("ai", "AIMessage"),
        ("chat", "ChatMessage"),
        ("human", "HumanMessage"),
        ("system", "SystemMessage"),
        ("tool", "ToolMessage"),
    )
    for chunk in ("", "Chunk")
) | {("langchain_core.messages.modifier", "RemoveMessage")}
"""What a dialog consists of."""
GRAPH = frozenset({("langgraph.types", "Interrupt"), ("langgraph.types", "Send")})
"""A question that waits for a person, and a step that a turn was cut off before."""
VALUES = frozenset(
    {
        ("builtins", "frozenset"),
        ("builtins", "set"),
        ("collections", "deque"),
        ("datetime", "date"),
        ("datetime", "datetime"),
        ("datetime", "time"),
        ("datetime", "timedelta"),
        ("datetime", "timezone"),
        ("decimal", "Decimal"),
        ("pathlib", "Path"),
        ("pathlib", "PosixPath"),
        ("uuid", "UUID"),
        ("zoneinfo", "ZoneInfo"),
    }
)
"""Of the standard library, in the results of tools; none does anything when it is made."""
OURS = frozenset(
    {
        ("sensebind.perception.percept", "Modality"),
        ("sensebind.perception.modality", "Modality"),
        ("sensebind.tools.detection", "Where"),
        ("sensebind.tools.risk", "Risk"),
        ("sensebind.agent.conditioning.sensed", "SenseState"),
        ("sensebind.agent.conditioning.condition", "SenseState"),
        ("sensebind.agent.conditions", "SenseState"),
    }
)
"""Enumerations in the results of our tools, under all names that their modules have had. Our other
classes come out as dictionaries; an enumeration whose module is gone comes out as its value."""
STORED = MESSAGES | GRAPH | VALUES | OURS

# Codes of LangGraph's extension types (langgraph-checkpoint 4): a named type and its arguments.
_NAMED = range(6)
_METHOD, _ARRAY, _DELTA = 3, 6, 7


class StoredTypes(JsonPlusSerializer):
    """LangGraph's serializer for the types of `STORED` alone."""

    def __init__(self) -> None:
        super().__init__(allowed_msgpack_modules=OURS)

    def loads_typed(self, data: tuple[str, bytes]) -> Any:
        """Builds a value from its bytes.

        Raises:
            StorageError: The bytes are damaged, or name a type that no dialog holds.
        """
        kind, content = data
        if kind not in ("null", "bytes", "bytearray", "msgpack"):
            raise StorageError(f"a dialog holds data of kind {kind!r:.40}, which is never written")
        refused: list[str] = []
        try:
            if kind == "msgpack":
                _look_through(content, refused)
            if not refused:
                return super().loads_typed(data)
        except (ValueError, TypeError) as error:
            refused = refused or [f"damaged data: {one_line(error)}"]
        raise StorageError(
            f"a dialog holds {refused[0]}, which is never written: the file is damaged or was made "
            "to run something; move it aside"
        )


def _look_through(content: bytes, refused: list[str]) -> Any:
    """Reads bytes without building a type; notes what no dialog holds."""

    def look(code: int, data: bytes) -> None:
        # An error in here would reach the caller without its words: it is noted instead.
        if code == _ARRAY:
            return
        value = _look_through(data, refused)
        if code == _DELTA:
            return
        if code not in _NAMED or not isinstance(value, list) or len(value) < 3:
            refused.append(f"an extension of kind {code}")
        elif (str(value[0]), str(value[1])) not in STORED:
            refused.append(f"the name {value[0]!s:.60}.{value[1]!s:.60}")
        elif code == _METHOD and value[3:] != ["fromisoformat"]:
            refused.append(f"a call of {value[0]!s:.60}.{value[1]!s:.60}")

    return ormsgpack.unpackb(content, ext_hook=look, option=ormsgpack.OPT_NON_STR_KEYS)
