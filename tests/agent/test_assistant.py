"""The assistant on a tiny model whose calls are forced: turns, tools, errors, records."""

import json
import sqlite3
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import numpy as np
import pytest
from fixtures.tiny_checkpoint import tiny_language_model
from langchain_core.tools import BaseTool, tool

from sensebind.agent.assistant import MAX_CALLS, Assistant, CallStarted, Finished, TextPiece
from sensebind.agent.conditioning.condition import Condition, compose
from sensebind.agent.conditioning.gaps import GapWatch
from sensebind.agent.conditioning.sensed import Sensed, SenseState
from sensebind.agent.llm.chat_model import ChatSenseBind
from sensebind.errors import BusError
from sensebind.perception.percept import Modality, Percept, PerceptHeader
from sensebind.tools.risk import Risk, labelled


@lru_cache(maxsize=1)
def checkpoint() -> str:
    return str(tiny_language_model(Path(mkdtemp(prefix="sensebind-tiny-"))))


class CallsOnce(ChatSenseBind):
    """Must call a tool when a user has spoken, and may only talk after a tool's result."""

    def _stream(self, messages, *args: Any, **kwargs: Any):
        kwargs["tool_choice"] = "any" if messages[-1].type == "human" else "none"
        yield from super()._stream(messages, *args, **kwargs)


class AlwaysCalls(ChatSenseBind):
    """Never stops calling."""

    def _stream(self, messages, *args: Any, **kwargs: Any):
        yield from super()._stream(messages, *args, **{**kwargs, "tool_choice": "any"})


class Room:
    """Senses that always perceive the same."""

    def condition(self, senses: Sequence[str], dim: int) -> Condition:
        sensed = (
            Sensed("sight", "camera", SenseState.PRESENT, "frame:camera@1", 1, 80.04),
            Sensed("hearing", "microphone", SenseState.STALE, "frame:microphone@1", 1, 9000.0),
            Sensed("scan", "lidar", SenseState.MISSING),
        )
        return compose({"vision": np.ones(dim)}, senses=senses, dim=dim, sensed=sensed)


@tool
def clock() -> str:
    """Tells the time."""
    return "14:05"


@tool
def broken() -> str:
    """Breaks."""
    raise ZeroDivisionError("nobody expected\nthis")


for one in (clock, broken):
    labelled(one, Risk.OBSERVE)


def assistant(model: type[ChatSenseBind], *tools: BaseTool, **options: Any) -> Assistant:
    return Assistant(model(model=checkpoint(), max_tokens=12), tools, **options)


def test_a_turn_streams_and_is_recorded() -> None:
    events = list(assistant(CallsOnce, clock, senses=Room()).turn("what time is it?"))
    last = events[-1]
    assert isinstance(last, Finished)
    record = last.record
    assert [c.name for c in record.tool_calls] == ["clock"]
    assert record.tool_calls[0].result == "14:05" and not record.tool_calls[0].failed
    assert any(isinstance(event, CallStarted) for event in events)
    assert "".join(e.text for e in events if isinstance(e, TextPiece)) == record.assistant != ""
    assert 0 < record.first_token_ms <= record.total_ms
    assert [(p.stream, p.state, p.age_ms) for p in record.percepts] == [
        ("camera", "present", 80.0),
        ("microphone", "stale", 9000.0),
        ("lidar", "missing", None),
    ]
    assert json.loads(json.dumps(record.as_json()))["tool_calls"][0]["arguments"] == {}


def test_an_unexpected_error_in_a_tool_is_told_not_raised() -> None:
    record = assistant(CallsOnce, broken).ask("go")
    assert record.tool_calls[0].result == "error: nobody expected this"
    assert record.tool_calls[0].failed and record.assistant and not record.error


def test_a_model_that_calls_for_ever_is_stopped() -> None:
    record = assistant(AlwaysCalls, clock).ask("go")
    assert len(record.tool_calls) == MAX_CALLS
    assert "limit" in record.assistant


def test_a_failed_turn_leaves_the_dialog_clean() -> None:
    class Deaf(Room):
        def condition(self, senses: Sequence[str], dim: int) -> Condition:
            raise BusError("the bus is gone")

    one = assistant(ChatSenseBind, senses=Deaf())
    assert one.ask("hello").error == "the bus is gone"
    healthy = assistant(ChatSenseBind)
    first = healthy.ask("hello").assistant
    assert "this turn alone" in healthy.ask("long " * 3000).error
    state = healthy.history.messages()
    assert [message.type for message in state] == ["human", "ai"]
    assert first == str(state[1].text)


def test_dialogs_are_kept_in_sqlite_without_embeddings(tmp_path: Path) -> None:
    file = tmp_path / "dialogs.sqlite"
    with assistant(ChatSenseBind, senses=Room(), dialogs=file) as first:
        first.ask("hello")
    with assistant(ChatSenseBind, senses=Room(), dialogs=file) as second:
        second.ask("again")
        messages = second.history.messages()
    assert len(messages) == 4
    assert messages[0].additional_kwargs["condition"].startswith("condition:")
    with sqlite3.connect(file) as database:
        blobs = database.execute("select checkpoint from checkpoints").fetchall()
    assert max(len(blob[0]) for blob in blobs) < 20_000


def test_gaps_are_noticed_and_told_once() -> None:
    watch = GapWatch()

    def percept(monotonic: float, epoch: str) -> Percept:
        header = PerceptHeader(
            stream="camera",
            modality=Modality.VISION,
            sequence=1,
            captured_at=1,
            published_at=1,
            monotonic=monotonic,
            frame_id="c",
            shape=(4,),
            model="m",
            observation="frame:camera@1",
            present=True,
            encode_ms=1.0,
            epoch=epoch,
        )
        return Percept(header, np.ones(4, np.float32), None)

    for monotonic, epoch in ((0.0, "a"), (0.2, "a"), (5.2, "a"), (6.0, "b")):
        watch(percept(monotonic, epoch))
    first, second = watch.take()
    assert (first.seconds, first.restarted) == (pytest.approx(5.0), False)
    assert second.restarted and "started again" in str(second)
    assert watch.take() == []
