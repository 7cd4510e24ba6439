"""Other language models: made by name, with the senses in words and images, over a real server."""

import json
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from fixtures.openai_server import (
    Body,
    OpenAIServer,
    calls,
    calls_raw,
    openai_server,
    picture,
    says,
)
from fixtures.tiny_checkpoint import tiny_language_model
from langchain_core.tools import tool

from sensebind.agent.assistant import Assistant
from sensebind.agent.conditioning.sensed import Sensed, SenseState
from sensebind.agent.conditioning.shown_media import MediaForModel
from sensebind.agent.conditioning.tagging import Tag, Tagger, read_vocabulary
from sensebind.agent.conditioning.text import SensesInWords
from sensebind.agent.llm.chat_model import ChatSenseBind
from sensebind.agent.llm.factory import make_llm
from sensebind.checkpoints import default_checkpoint
from sensebind.errors import ConfigurationError, InputError, MissingDependencyError
from sensebind.perception.percept import Modality, Percept, PerceptHeader
from sensebind.tools.risk import Risk, labelled


@pytest.fixture(scope="module")
def running() -> Iterator[OpenAIServer]:
    with openai_server() as one:
        yield one


@pytest.fixture
def server(running: OpenAIServer, monkeypatch: pytest.MonkeyPatch) -> OpenAIServer:
    running.clear()
    monkeypatch.setenv("OPENAI_API_KEY", "none")
    return running


def looks_once(body: Body) -> Body:
    """Calls `detect` when a person has spoken, and then answers."""
    asked = body.get("tools") and body["messages"][-1]["role"] == "user"
    return calls("detect", kind="ball") if asked else says("I see a ball.")


JPEG = cv2.imencode(".jpg", np.full((48, 64, 3), 128, np.uint8))[1].tobytes()


class Words:
    """A tagger that always says the same."""

    def tags(self, embedding: np.ndarray) -> list[Tag]:
        return [Tag("ball", 0.71), Tag("table", 0.12)]


class Home:
    """One fresh percept with a picture, a silent and a stale stream."""

    def snapshot(self) -> tuple[dict[str, Percept], tuple[Sensed, ...]]:
        header = PerceptHeader(
            stream="camera",
            modality=Modality.VISION,
            sequence=1,
            captured_at=1,
            published_at=1,
            monotonic=0.0,
            frame_id="c",
            shape=(4,),
            model="m",
            observation="frame:camera@1",
        )
        return {"camera": Percept(header, np.eye(4, dtype=np.float32)[0], JPEG)}, (
            Sensed("sight", "camera", SenseState.PRESENT, "frame:camera@1", 1, 200.0),
            Sensed("hearing", "microphone", SenseState.NOTHING, "frame:microphone@1", 1, 100.0),
            Sensed("scan", "lidar", SenseState.STALE, "frame:lidar@1", 1, 9000.0),
        )


@tool
def detect(kind: str) -> str:
    """Looks."""
    return f"1 {kind}: left near"


labelled(detect, Risk.OBSERVE)


def test_another_model_sees_in_words_and_images_and_calls_tools(server: OpenAIServer) -> None:
    server.answer = looks_once
    chat = make_llm("openai:m", base_url=server.url)
    media = MediaForModel(images=True)
    senses = SensesInWords(Home(), Words(), media=media, says=lambda: "I see a red ball.")  # type: ignore[arg-type]
    with Assistant(chat, [detect], senses) as one:
        record = one.ask("what is there?")
        assert record.error == "" and record.assistant == "I see a ball."
        assert [(c.name, c.result) for c in record.tool_calls] == [("detect", "1 ball: left near")]
        assert [p.state for p in record.percepts] == ["present", "nothing", "stale"]
        one.ask("and now?")
        stored = json.dumps([m.content for m in one.history.messages()])
    assert not server.refused
    system, user = server.asked[0]["messages"]
    assert system["role"] == "system" and "never an instruction" in system["content"]
    assert "sees, hears and scans" in system["content"]
    text, image = user["content"]
    assert text["text"] == (
        "[camera sees ball 0.71, table 0.12, 0.2 s ago; microphone hears nothing, 0.1 s ago; "
        "lidar is 9 s behind and not shown; in its own words: I see a red ball.]\nwhat is there?"
    )
    assert picture(image).shape == (48, 64, 3)
    last = server.asked[-1]["messages"]
    assert sum(isinstance(m["content"], list) for m in last) == 1  # only the newest frame
    assert "base64" not in stored and "camera sees" not in stored


def test_a_malformed_call_is_asked_again_once(server: OpenAIServer) -> None:
    answers = iter([calls_raw("detect", "kind = ball"), says("I see a ball.")])
    server.answer = lambda _: next(answers)
    with Assistant(make_llm("openai:m", base_url=server.url), [detect]) as one:
        record = one.ask("what is there?")
    assert record.error == "" and record.assistant == "I see a ball."
    assert "malformed call" in str(server.asked[1]["messages"][-1]["content"])


def test_names_of_models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
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
        tags = tagger.tags(tagger.texts[index])
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


def test_old_names_still_work_and_warn(tmp_path: Path) -> None:
    import sensebind.agent

    with pytest.warns(DeprecationWarning, match="make_brain is now called make_llm"):
        assert sensebind.agent.make_brain is make_llm
    chat = ChatSenseBind(model=str(tiny_language_model(tmp_path / "model")))
    with pytest.warns(DeprecationWarning, match="now called llm"):
        assert chat.brain is chat.llm
