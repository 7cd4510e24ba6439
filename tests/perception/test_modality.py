"""One table of modalities: what is said of each is looked up there, and written nowhere else."""

import ast
from pathlib import Path

import pytest

from sensebind.perception import modality as table
from sensebind.perception.modality import (
    Modality,
    ModalityInfo,
    modality_info,
    modality_of,
    sense_of,
)
from sensebind.tools.look import look_tools

ROOT = Path(__file__).parents[2]
FOLDERS = (
    "agent/conditioning",
    "agent/robot",
    "agent/llm",
    "agent/evaluation",
    "memory",
    "tools",
    "perception/workers",
    "perception/frames",
    "perception/bus",
)


def test_every_modality_has_a_row() -> None:
    assert set(table.MODALITY_INFO) == {one.value for one in Modality}


def test_senses_and_modalities_belong_together() -> None:
    assert [sense_of(m) for m in ("vision", "video", "audio", "point", "depth")] == [
        "sight",
        "sight",
        "hearing",
        "scan",
        "depth",
    ]
    assert [modality_of(s) for s in ("sight", "hearing", "scan", "smell")] == [
        "vision",
        "audio",
        "point",
        "",
    ]


def test_a_new_modality_is_one_row(monkeypatch: pytest.MonkeyPatch) -> None:
    class Nothing:
        def newest(self, stream: str, max_age: float = 1.0) -> object:
            raise AssertionError("nobody asks yet")

    assert not look_tools(Nothing(), {"nose": "smell"}, str)  # type: ignore[arg-type]
    row = ModalityInfo(
        "smell", sense="smell", verb="I smell", tool="sniff", tool_summary="Sniffs, now."
    )
    monkeypatch.setitem(table.MODALITY_INFO, "smell", row)
    [tool] = look_tools(Nothing(), {"nose": "smell"}, str)  # type: ignore[arg-type]
    assert (tool.name, tool.description) == ("sniff", "Sniffs, now.")
    assert (sense_of("smell"), modality_info("smell").verb) == ("smell", "I smell")


def test_no_other_table_of_modalities() -> None:
    """A dict with two of the names as keys, and texts as values, belongs into the table."""
    names = {one.value for one in Modality} - {"text"}
    found = [
        f"{file.relative_to(ROOT)}:{node.lineno}"
        for folder in FOLDERS
        for file in (ROOT / folder).rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Dict)
        and len({k.value for k in node.keys if isinstance(k, ast.Constant)} & names) >= 2
        and all(isinstance(value, ast.Constant) for value in node.values)
    ]
    assert not found, found
