"""The memory as a LangChain retriever: LangChain's own suite, and our arguments."""

# pyright: reportCallIssue=false

from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import lru_cache
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import numpy as np
import pytest
from langchain_core.documents import Document
from langchain_core.retrievers import BaseRetriever
from langchain_tests.integration_tests import RetrieversIntegrationTests
from stream_maker import BEGIN, stream_of, thing

from sensebind.errors import InputError
from sensebind.memory.episodes import Recollection
from sensebind.memory.recall import EpisodeMemory
from sensebind.memory.recorder import Recorder
from sensebind.memory.retriever import EpisodeRetriever, ago, ask, sentence

WORDS = {"a red ball": 1, "a dog": 7}


def embed(text: str) -> np.ndarray:
    return thing(WORDS[text])


@lru_cache(maxsize=1)
def memory() -> EpisodeMemory:
    path = Path(mkdtemp(prefix="sensebind-retriever-")) / "memory.db"
    recorder = Recorder(path)
    for one in stream_of([(n, 10) for n in range(1, 7)]):
        recorder.record(one)
    for one in stream_of([(7, 10), (8, 10)], "microphone"):
        recorder.record(one)
    recorder.stop()
    return EpisodeMemory(path, lambda episode: f"{episode.percepts} percepts")


@pytest.fixture(scope="module", autouse=True)
def closed() -> Iterator[None]:
    yield
    memory().close()


class TestEpisodeRetriever(RetrieversIntegrationTests):
    """LangChain's suite for retrievers, complete."""

    @property
    def retriever_constructor(self) -> type[BaseRetriever]:
        return EpisodeRetriever

    @property
    def retriever_constructor_params(self) -> dict[str, Any]:
        return {"memory": memory(), "embed": embed}

    @property
    def retriever_query_example(self) -> str:
        return "a red ball"


def find(query: str, **arguments: Any) -> list[Document]:
    return EpisodeRetriever(memory=memory(), embed=embed).invoke(query, **arguments)


def test_documents_say_everything() -> None:
    [document] = find("a dog", k=1)
    known = document.metadata
    assert known["stream"] == "microphone" and known["modality"] == "audio"
    assert known["similarity"] > 0.9 and known["description"] == "10 percepts"
    assert known["reference"] == f"frame:microphone@{known['at']}"
    assert known["started_at"] <= known["at"] <= known["ended_at"]
    assert ": 10 percepts (heard by microphone, " in document.page_content
    assert document.id == str(known["episode"])


def test_sense_and_time_narrow_the_search() -> None:
    assert {d.metadata["modality"] for d in find("a dog", sense="sight")} == {"vision"}
    begin = datetime.fromtimestamp(BEGIN / 1e9)
    span = f"{begin + timedelta(seconds=3):%Y-%m-%d %H:%M:%S} to {begin:%Y-%m-%d} 23:59:59"
    late = find("a red ball", when=span, sense="sight")
    assert late and all(d.metadata["ended_at"] >= BEGIN + 3 * 10**9 for d in late)
    assert len(find("", k=10)) == 8  # time alone: whatever there is


def test_bad_arguments() -> None:
    with pytest.raises(InputError, match="no sense 'smell'"):
        find("a dog", sense="smell")
    with pytest.raises(InputError, match="no time"):
        find("a dog", when="whenever")
    with pytest.raises(InputError, match="1 to 100"):
        find("a dog", k=1000)
    with pytest.raises(ValueError, match="less than or equal to 100"):
        EpisodeRetriever(memory=memory(), embed=embed, k=1000)


def test_sentences() -> None:
    found: Recollection = memory().search(ask(thing(1), limit=1))[0]
    end = datetime.fromtimestamp(found.episode.ended_at / 1e9)
    said = sentence(found, end + timedelta(minutes=3))
    assert said.startswith("3 minutes ago: ") and "(seen by camera, " in said
    assert " to " in said and "similarity" in said
    assert f"{end:%Y-%m-%d}" in sentence(found, end + timedelta(days=40))


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0, "just now"),
        (-3, "just now"),
        (30, "30 seconds ago"),
        (61, "1 minute ago"),
        (7200, "2 hours ago"),
        (90_000, "1 day ago"),
    ],
)
def test_how_long_ago(seconds: float, said: str) -> None:
    assert ago(seconds) == said
