"""`recall`, `look`, `listen`, `scan` and the watch tools, as a model calls them."""

import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest
from langchain_core.tools import BaseTool
from langchain_core.utils.function_calling import convert_to_openai_tool

from sensebind.errors import InputError, StaleError
from sensebind.memory.episodes import Episode, Moment
from sensebind.memory.recall import EpisodeMemory
from sensebind.memory.watch_store import WatchBook
from sensebind.perception.percept import Modality, Percept, PerceptHeader
from sensebind.tools.json_schema import bound_schema
from sensebind.tools.look import look_tools
from sensebind.tools.recall import recall_tool
from sensebind.tools.risk import Risk, risk_of
from sensebind.tools.watch import watch_tools

NOW = datetime(2026, 11, 21, 11, 30)
AXES = np.eye(4, dtype=np.float32)
TEXTS = {"a dog": 0, "a bell": 1, "a red ball": 2}


def embed(text: str) -> np.ndarray:
    if text not in TEXTS:
        raise InputError(f"no word for {text}")
    return AXES[TEXTS[text]]


def ns(hour: int, minute: int = 0) -> int:
    return int(NOW.replace(hour=hour, minute=minute).timestamp() * 1e9)


@pytest.fixture
def memory(tmp_path: Path) -> Iterator[EpisodeMemory]:
    with EpisodeMemory(tmp_path / "m.db", lambda episode: f"words for {episode.stream}") as memory:
        for stream, modality, axis, begin, end in [
            ("microphone", "audio", 0, ns(9), ns(9, 5)),
            ("microphone", "audio", 1, ns(10), ns(10, 5)),
            ("microphone", "audio", 0, ns(10, 30), ns(10, 35)),
            ("camera", "vision", 2, ns(8), ns(11)),
        ]:
            moment = Moment(begin, f"frame:{stream}@{begin}", AXES[axis])
            memory.store.put(Episode(stream, modality, "m", begin, end, 9, (moment,)))
        yield memory


@pytest.fixture
def recall(memory: EpisodeMemory) -> BaseTool:
    return recall_tool(memory, embed, now=lambda: NOW)


def call(tool: BaseTool, **arguments) -> tuple[str, object]:
    message = tool.invoke({"name": tool.name, "args": arguments, "id": "1", "type": "tool_call"})
    return message.content, message.artifact


def test_when_was_the_dog_heard_last(recall: BaseTool) -> None:
    text, artifact = call(recall, what="a dog", when="last", sense="hearing")
    first = str(text).splitlines()[0]
    assert first == (
        "55 minutes ago: words for microphone "
        "(heard by microphone, 10:30:00 to 10:35:00, similarity 1.00)"
    )
    assert isinstance(artifact, list)
    assert artifact[0]["reference"] == f"frame:microphone@{ns(10, 30)}"
    assert artifact[0]["seen_then"] == [f"frame:camera@{ns(8)}"]


def test_between_two_times(recall: BaseTool) -> None:
    text, _ = call(recall, what="a dog", when="between 8:55 and 9:30", sense="hearing")
    assert "09:00:00 to 09:05:00" in str(text) and "10:30" not in str(text)
    text, _ = call(recall, when="between 10:01 and 10:02", sense="hearing")
    assert str(text).count("\n") == 0 and "10:00:00" in str(text)


def test_nothing_and_errors_are_told(recall: BaseTool) -> None:
    assert call(recall, when="yesterday") == ("nothing of that time is remembered", [])
    assert call(recall, sense="scan", when="last") == ("nothing is remembered", [])
    assert str(call(recall, what="a unicorn")[0]) == "error: no word for a unicorn"
    assert "no time that can be read" in str(call(recall, when="whenever")[0])
    assert str(call(recall, what="x" * 101)[0]).startswith("error: recall takes")
    assert str(call(recall, what="a dog", sense="smell")[0]).startswith("error: recall takes")


class Senses:
    """One fresh percept per stream, and one that is stale."""

    def newest(self, stream: str, max_age: float = 1.0) -> Percept:
        if stream == "lidar":
            raise StaleError(f"the newest percept of lidar is 9.0 s old, {max_age:g} s are allowed")
        modality = Modality.AUDIO if stream == "microphone" else Modality.VISION
        present = stream != "microphone"
        header = PerceptHeader(
            stream=stream,
            modality=modality,
            sequence=1,
            captured_at=5,
            published_at=6,
            monotonic=time.monotonic() - 0.4,
            shape=(4,),
            present=present,
            observation=f"frame:{stream}@5",
        )
        return Percept(header, AXES[2] if present else np.zeros(4, np.float32))


STREAMS = {"camera": "vision", "microphone": "audio", "lidar": "point", "rear": "vision"}


def test_one_sense_now() -> None:
    tools = {t.name: t for t in look_tools(Senses(), STREAMS, lambda _: "a red ball")}
    assert list(tools) == ["look", "listen", "scan", "look_rear"]
    text, artifact = call(tools["look"])
    assert text == "a red ball (0.4 s ago)"
    assert isinstance(artifact, dict)
    assert artifact["reference"] == "frame:camera@5" and 300 < artifact["age_ms"] < 5000
    assert str(call(tools["listen"])[0]).startswith("it is silent")
    assert str(call(tools["scan"])[0]).startswith("error: the newest percept of lidar is 9.0 s old")


def test_watches_are_added_listed_and_removed(memory: EpisodeMemory) -> None:
    book = WatchBook(memory.store)
    add, show, remove = watch_tools(book, embed, lambda: "m")
    assert call(show)[0] == "nothing is watched for"
    assert call(add, what="a  dog", sense="hearing")[0] == "watching for a dog by hearing"
    call(add, what="a bell")
    assert call(show)[0] == "a dog by hearing; a bell"
    assert [(w.name, w.model, w.modality, w.action) for w in book.watches()] == [
        ("a dog", "m", "audio", ""),
        ("a bell", "m", "", ""),
    ]
    assert call(remove, what="a dog")[0] == "no longer watching for a dog"
    assert str(call(remove, what="a cat")[0]).startswith("error: there is no watch 'a cat'")
    assert str(call(add, what="a unicorn")[0]) == "error: no word for a unicorn"
    assert str(call(add, what="")[0]).startswith("error: say in a few words")


def test_schemas_are_bounded_and_nothing_acts(memory: EpisodeMemory, recall: BaseTool) -> None:
    book = WatchBook(memory.store)
    tools = [recall, *look_tools(Senses(), STREAMS, str), *watch_tools(book, embed)]
    for tool in tools:
        assert risk_of(tool) is Risk.OBSERVE
        parameters = convert_to_openai_tool(tool)["function"]["parameters"]
        for field in bound_schema(parameters)["properties"].values():
            assert "enum" in field or field["maxLength"] <= 100
