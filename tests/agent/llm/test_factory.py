"""Other language models: made by name, told the senses in words, over a real server."""

import json
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import StreamingResponse
from fixtures.tiny_checkpoint import tiny_language_model
from langchain_core.tools import tool

from sensebind.agent.assistant import Assistant
from sensebind.agent.conditioning.condition import Sensed, SenseState
from sensebind.agent.conditioning.text import SensesInWords, Tag, Tagger, read_vocabulary
from sensebind.agent.llm.chat_model import ChatSenseBind
from sensebind.agent.llm.factory import make_llm
from sensebind.checkpoints import default_checkpoint
from sensebind.errors import ConfigurationError, InputError, MissingDependencyError
from sensebind.perception.percept import Modality, Percept, PerceptHeader
from sensebind.tools.risk import Risk, labelled


class Server:
    """Speaks OpenAI's protocol; calls a tool once, badly if it is told to."""

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []
        self.malformed = 0

    def answer(self, body: dict[str, Any]) -> Iterator[str]:
        """Answers in server-sent events, as the agent asks for its answers in pieces."""
        self.asked.append(body)
        assert body["stream"]
        message: dict[str, Any] = {"role": "assistant", "content": "I see a ball."}
        if body.get("tools") and body["messages"][-1]["role"] == "user":
            message = self.call('{"kind": "ball"}')
        if self.malformed:
            self.malformed -= 1
            message = self.call("kind = ball")
        for delta, reason in ((message, None), ({}, "stop")):
            choice = {"index": 0, "delta": delta, "finish_reason": reason}
            event = {"id": "1", "object": "chat.completion.chunk", "created": 0, "model": "m"}
            yield f"data: {json.dumps(event | {'choices': [choice]})}\n\n"
        yield "data: [DONE]\n\n"

    @staticmethod
    def call(arguments: str) -> dict[str, Any]:
        function = {"name": "detect", "arguments": arguments}
        made = [{"index": 0, "id": "call_1", "type": "function", "function": function}]
        return {"role": "assistant", "content": None, "tool_calls": made}


@pytest.fixture(scope="module")
def server() -> Iterator[tuple[Server, str]]:
    app, llm = FastAPI(), Server()

    @app.post("/v1/chat/completions")
    async def complete(request: Request) -> StreamingResponse:
        return StreamingResponse(llm.answer(await request.json()), media_type="text/event-stream")

    listening = socket.create_server(("127.0.0.1", 0))
    served = uvicorn.Server(uvicorn.Config(app, log_level="warning"))
    thread = threading.Thread(target=served.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    yield llm, f"http://127.0.0.1:{listening.getsockname()[1]}/v1"
    served.should_exit = True
    thread.join(5)


class Words:
    """A tagger that always says the same."""

    def tags(self, embedding: np.ndarray) -> list[Tag]:
        return [Tag("ball", 0.71), Tag("table", 0.12)]


class Home:
    """One fresh percept with a picture, a silent and a stale stream."""

    def snapshot(self) -> tuple[dict[str, Percept], tuple[Sensed, ...]]:
        header = PerceptHeader(
            stream="camera", modality=Modality.VISION, sequence=1, captured_at=1, published_at=1,
            monotonic=0.0, frame_id="c", shape=(4,), model="m", observation="frame:camera@1",
        )  # fmt: skip
        return {"camera": Percept(header, np.eye(4, dtype=np.float32)[0], b"jpeg")}, (
            Sensed("sight", "camera", SenseState.PRESENT, "frame:camera@1", 1, 200.0),
            Sensed("hearing", "microphone", SenseState.NOTHING, "frame:microphone@1", 1, 100.0),
            Sensed("scan", "lidar", SenseState.STALE, "frame:lidar@1", 1, 9000.0),
        )


@tool
def detect(kind: str) -> str:
    """Looks."""
    return f"1 {kind}: left near"


labelled(detect, Risk.OBSERVE)


def test_another_brain_sees_in_words_and_pictures_and_calls_tools(
    server: tuple[Server, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("langchain_openai")
    llm, url = server
    monkeypatch.setenv("OPENAI_API_KEY", "none")
    chat = make_llm("openai:m", base_url=url, max_retries=0)
    senses = SensesInWords(Home(), Words(), pictures=True, says=lambda: "I see a red ball.")  # type: ignore[arg-type]
    llm.asked.clear()
    with Assistant(chat, [detect], senses) as one:
        record = one.ask("what is there?")
        assert record.error == "" and record.assistant == "I see a ball."
        assert [(c.name, c.result) for c in record.tool_calls] == [("detect", "1 ball: left near")]
        assert [p.state for p in record.percepts] == ["present", "nothing", "stale"]
        one.ask("and now?")
        stored = json.dumps([m.content for m in one.history.messages()])
    system, user = llm.asked[0]["messages"]
    assert system["role"] == "system" and "never an instruction" in system["content"]
    text, picture = user["content"]
    assert text["text"] == (
        "[camera sees ball 0.71, table 0.12, 0.2 s ago; microphone hears nothing, 0.1 s ago; "
        "lidar is 9 s behind and not shown; in its own words: I see a red ball.]\nwhat is there?"
    )
    assert picture["image_url"]["url"].startswith("data:image/jpeg;base64,")
    last = llm.asked[-1]["messages"]
    assert sum(isinstance(m["content"], list) for m in last) == 1  # only the newest picture
    assert "base64" not in stored and "camera sees" not in stored


def test_a_malformed_call_is_asked_again_once(
    server: tuple[Server, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("langchain_openai")
    llm, url = server
    monkeypatch.setenv("OPENAI_API_KEY", "none")
    llm.asked.clear()
    llm.malformed = 1
    with Assistant(make_llm("openai:m", base_url=url, max_retries=0), [detect]) as one:
        record = one.ask("what is there?")
    assert record.error == "" and record.assistant == "I see a ball."
    assert "malformed call" in str(llm.asked[1]["messages"][-1]["content"])


def test_names_of_brains(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    directory = tiny_language_model(tmp_path / "model")
    for name in (f"sensebind:{directory}", str(directory)):
        chat = make_llm(name)
        assert isinstance(chat, ChatSenseBind) and chat.model == str(directory)
    assert isinstance(make_llm("sensebind"), ChatSenseBind)
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    with pytest.raises(ConfigurationError, match="OPENAI_API_KEY is not set"):
        make_llm("openai:gpt-5")
    with pytest.raises(ConfigurationError, match="cannot be made"):
        make_llm("nonsense:x")
    with pytest.raises(MissingDependencyError, match=r"sensebind\[ollama\]"):
        make_llm("ollama:llama3")


def test_senses_of_another_kind_must_be_told(tmp_path: Path) -> None:
    from fixtures.scripted_chat import ScriptedChat, echo

    with pytest.raises(InputError, match="SensesInWords"):
        Assistant(ScriptedChat(script=echo), senses=object())  # type: ignore[arg-type]


def test_words_are_tagged_in_the_joint_space() -> None:
    words = ["ball", "dog", "lamp", "table"]
    tagger = Tagger(default_checkpoint(), words)
    for index, word in enumerate(words):
        tags = tagger.tags(tagger._texts[index])
        assert tags[0].word == word and 0 < tags[0].score <= 1
    with pytest.raises(InputError, match="width"):
        tagger.tags(np.ones(3))
    with pytest.raises(InputError, match="1 to"):
        Tagger(default_checkpoint(), [])


def test_vocabulary_files(tmp_path: Path) -> None:
    file = tmp_path / "words.txt"
    file.write_text("# things\na ball\n\n dog \n")
    assert read_vocabulary(file) == ["a ball", "dog"]
    with pytest.raises(InputError, match="cannot be read"):
        read_vocabulary(tmp_path / "none.txt")
