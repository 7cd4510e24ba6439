"""Opening a dialog file builds messages and plain values, whatever its bytes name."""

from __future__ import annotations

import os
import sqlite3
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import ormsgpack
import pytest
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage, ToolMessage
from langgraph.types import Interrupt, Send

from sensebind.agent.assistant import Assistant
from sensebind.agent.stored_types import StoredTypes
from sensebind.errors import StorageError
from sensebind.perception.percept import Modality
from sensebind.tools.detection import Detection

sys.path.insert(0, str(Path(__file__).parents[1]))
from fixtures.scripted_chat import ScriptedChat, echo

KEPT: list[Any] = [
    HumanMessage("hello"),
    AIMessage("", tool_calls=[{"name": "look", "args": {"at": 1.5}, "id": "a"}]),
    SystemMessage("be kind"),
    ToolMessage("seen", tool_call_id="a", artifact={"at": datetime(2026, 1, 2, tzinfo=UTC)}),
    [Interrupt(value={"question": "may I?"}, id="x"), Send("tools", {"a": {1, 2}})],
    {"path": Path("a/b"), 3: None, "bytes": b"x"},
]


@pytest.mark.parametrize("value", KEPT, ids=lambda value: type(value).__name__)
def test_what_a_dialog_holds_comes_back(value: Any) -> None:
    serializer = StoredTypes()
    assert serializer.loads_typed(serializer.dumps_typed(value)) == value


def test_results_of_our_tools_come_back_as_plain_values() -> None:
    serializer = StoredTypes()
    artifact = [Detection("cup", 0.5, (1.0, 2.0, 3.0, 4.0)), Modality.VISION, np.arange(3.0)]
    message = ToolMessage("a cup", tool_call_id="a", artifact=artifact)
    back = serializer.loads_typed(serializer.dumps_typed(message))
    assert back.artifact[0] == {"label": "cup", "score": 0.5, "box": [1.0, 2.0, 3.0, 4.0]}
    assert back.artifact[1] == "vision"
    assert np.array_equal(back.artifact[2], np.arange(3.0))


def test_an_enumeration_under_its_old_name_comes_back_as_its_value() -> None:
    old = named(0, "sensebind.agent.conditions", "SenseState", "stale")
    assert StoredTypes().loads_typed(("msgpack", old)) == "stale"


def named(code: int, module: str, name: str, *arguments: Any) -> bytes:
    """Bytes that name something to be called, as LangGraph writes its own types."""
    return ormsgpack.packb(ormsgpack.Ext(code, ormsgpack.packb((module, name, *arguments))))


def attacks(mark: Path) -> dict[str, bytes]:
    path = str(mark)
    message = ("langchain_core.messages.human", "HumanMessage")
    within = ormsgpack.Ext(0, ormsgpack.packb(("os", "mkdir", path)))
    return {
        "one argument": named(0, "os", "mkdir", path),
        "arguments": named(1, "os", "mkdir", (path,)),
        "keywords": named(2, "os", "mkdir", {"path": path}),
        "a method": named(3, "pathlib", "Path", path, "mkdir"),
        "a method of a kept type": named(3, "datetime", "datetime", path, "now"),
        "pydantic": named(5, "os", "mkdir", {"path": path}, "model_validate_json"),
        "another class of ours": named(2, "sensebind.agent.threads", "Dialogs", {"path": path}),
        "another graph type": named(2, "langgraph.types", "Command", {"goto": "tools"}),
        "in a list": ormsgpack.packb([1, {"a": within}]),
        "in a message": named(5, *message, {"content": within}, "model_validate_json"),
        "an unknown extension": ormsgpack.packb(ormsgpack.Ext(99, b"\x01")),
        "cut off": named(0, "os", "mkdir", path)[:-3],
    }


@pytest.mark.parametrize("attack", attacks(Path("x")))
def test_nothing_else_is_built(tmp_path: Path, attack: str) -> None:
    mark = tmp_path / "ran"
    with pytest.raises(StorageError) as error:
        StoredTypes().loads_typed(("msgpack", attacks(mark)[attack]))
    assert "\n" not in str(error.value)
    assert not mark.exists()
    for kind in ("json", "pickle"):
        with pytest.raises(StorageError, match="never written"):
            StoredTypes().loads_typed((kind, b"{}"))


def test_a_dialog_file_that_names_a_function_is_refused(tmp_path: Path) -> None:
    file, mark = tmp_path / "dialogs.sqlite", tmp_path / "ran"
    model = ScriptedChat(script=echo)
    with Assistant(model, thread="a", dialogs=file) as one:
        one.ask("hello")
    with sqlite3.connect(file) as database:
        [content] = database.execute("SELECT checkpoint FROM checkpoints").fetchone()
        state = ormsgpack.unpackb(content, ext_hook=ormsgpack.Ext)
        state["channel_values"]["messages"].append(
            ormsgpack.Ext(0, ormsgpack.packb(("os", "mkdir", str(mark))))
        )
        database.execute("UPDATE checkpoints SET checkpoint = ?", (ormsgpack.packb(state),))
    with pytest.raises(StorageError, match=r"the name os\.mkdir"):
        Assistant(model, thread="a", dialogs=file)
    assert not mark.exists()


def test_only_their_owner_can_read_dialogs(tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        file = tmp_path / "data" / "sensebind" / "dialogs.sqlite"
        with Assistant(ScriptedChat(script=echo), thread="a", dialogs=file) as one:
            one.ask("hello")
            modes = {path.name: path.stat().st_mode & 0o777 for path in file.parent.iterdir()}
    finally:
        os.umask(before)
    assert modes.keys() == {"dialogs.sqlite", "dialogs.sqlite-wal", "dialogs.sqlite-shm"}
    assert set(modes.values()) == {0o600}
    assert file.parent.stat().st_mode & 0o777 == 0o700
    assert file.parent.parent.stat().st_mode & 0o777 == 0o700
