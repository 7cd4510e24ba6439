"""What other language models are shown, and what happens when their servers fail."""

import base64
import io
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import soundfile
from fixtures.openai_server import (
    Body,
    OpenAIServer,
    calls,
    openai_server,
    picture,
    problems,
    says,
)
from fixtures.ports import free_port
from langchain_core.tools import tool
from PIL import Image

from sensebind.agent.assistant import Assistant
from sensebind.agent.cli.conversation import block_of
from sensebind.agent.conditioning.shown_media import MAX_PIXELS, MediaForModel
from sensebind.agent.events import Finished, TurnRecord
from sensebind.agent.llm.factory import instructions, make_llm
from sensebind.errors import UnusableModelError
from sensebind.perception.frames.store import FrameStore
from sensebind.perception.percept import Modality, Observation
from sensebind.tools.risk import Origin, Risk, label

ORIENTATION = 0x0112  # EXIF 2.32, table 4
TURNED = 6  # the 0th row is the right-hand side: turn it clockwise to see it upright


@pytest.fixture(scope="module")
def running() -> Iterator[OpenAIServer]:
    with openai_server() as one:
        yield one


@pytest.fixture
def server(running: OpenAIServer, monkeypatch: pytest.MonkeyPatch) -> OpenAIServer:
    running.clear()
    monkeypatch.setenv("OPENAI_API_KEY", "none")
    return running


def ask(one: Assistant, text: str, *media: dict[str, Any]) -> TurnRecord:
    [record] = [event.record for event in one.turn(text, media) if isinstance(event, Finished)]
    return record


def talker(server: OpenAIServer, tools: Any = (), **takes: Any) -> Assistant:
    return Assistant(make_llm("openai:m", base_url=server.url), tools, media=MediaForModel(**takes))


def last_user(server: OpenAIServer) -> Any:
    assert not server.refused
    return next(m for m in server.asked[-1]["messages"][::-1] if m["role"] == "user")["content"]


def photo(file: Path, width: int = 60, height: int = 40) -> Path:
    """A photo whose upper half is red and whose lower is blue once it is turned upright."""
    upright = np.zeros((height, width, 3), np.uint8)
    upright[: height // 2], upright[height // 2 :] = (220, 30, 30), (30, 30, 220)
    exif = Image.Exif()
    exif[ORIENTATION] = TURNED
    exif[0x010E] = "taken at home"
    Image.fromarray(np.rot90(upright).copy()).save(file, quality=95, exif=exif)
    return file


def is_upright(image: np.ndarray) -> bool:
    red, blue = image[image.shape[0] // 4, 5], image[3 * image.shape[0] // 4, 5]
    return bool(red[0] > 180 and red[2] < 80 and blue[2] > 180 and blue[0] < 80)


# --- media ------------------------------------------------------------------------------------


def test_an_image_that_is_shown_arrives_upright_and_without_its_metadata(
    server: OpenAIServer, tmp_path: Path
) -> None:
    file = photo(tmp_path / "kitchen.jpg")
    with talker(server, images=True) as one:
        record = ask(one, "what is this?", block_of(file))
        assert record.error == "" and record.assistant == "I see a ball."
        stored = str([message.content for message in one.history.messages()])
    text, image = last_user(server)
    assert text == {"type": "text", "text": "[shown: image kitchen.jpg]\nwhat is this?"}
    assert picture(image).shape == (40, 60, 3) and is_upright(picture(image))
    assert b"taken at home" not in base64.b64decode(image["image_url"]["url"].partition(",")[2])
    assert str(file) in stored and "base64" not in stored  # a reference, not pixels


def test_a_large_image_is_scaled_down(server: OpenAIServer, tmp_path: Path) -> None:
    with talker(server, images=True) as one:
        ask(one, "and this?", block_of(photo(tmp_path / "large.jpg", 3000, 2000)))
    image = picture(last_user(server)[1])
    height, width, _ = image.shape
    assert 0.95 * MAX_PIXELS < height * width <= MAX_PIXELS
    assert width / height == pytest.approx(1.5, abs=0.01) and is_upright(image)


def test_a_model_that_takes_no_images_gets_words(server: OpenAIServer, tmp_path: Path) -> None:
    with talker(server) as one:
        assert ask(one, "what is this?", block_of(photo(tmp_path / "a.jpg"))).error == ""
    content = last_user(server)
    assert isinstance(content, str)
    assert content.startswith("[shown: image a.jpg: ") and content.endswith("]\nwhat is this?")


def test_sound_is_sent_as_sound_or_described(server: OpenAIServer, tmp_path: Path) -> None:
    rate, file = 44_100, tmp_path / "tone.wav"
    tone = 0.5 * np.sin(2 * np.pi * 440 * np.arange(2 * rate) / rate)
    soundfile.write(file, np.stack([tone, tone], 1), rate)
    with talker(server, audio=True) as one:
        assert ask(one, "what is this?", block_of(file)).error == ""
    text, sound = last_user(server)
    assert text["text"].startswith("[shown: sound tone.wav]")
    assert sound["type"] == "input_audio" and sound["input_audio"]["format"] == "wav"
    heard, hertz = soundfile.read(io.BytesIO(base64.b64decode(sound["input_audio"]["data"])))
    assert hertz == 16_000 and heard.shape == (32_000,)
    assert np.argmax(np.abs(np.fft.rfft(heard))) / 2 == pytest.approx(440, abs=1)  # 0.5 Hz bins
    with talker(server) as one:
        assert ask(one, "what is this?", block_of(file)).error == ""
    assert last_user(server).startswith("[shown: sound tone.wav: ")


def test_a_video_is_sent_as_frames(server: OpenAIServer, tmp_path: Path) -> None:
    file = tmp_path / "way.mp4"
    video = cv2.VideoWriter(str(file), cv2.VideoWriter.fourcc(*"mp4v"), 10.0, (64, 48))
    for number in range(40):
        video.write(np.full((48, 64, 3), 6 * number, np.uint8))
    video.release()
    with talker(server, images=True) as one:
        assert ask(one, "what happens?", block_of(file)).error == ""
    parts = last_user(server)
    assert "4 frames of the video way.mp4" in parts[0]["text"]
    levels = [float(picture(one).mean()) for one in parts if one["type"] == "image_url"]
    assert len(levels) == 4 and levels == sorted(levels) and levels[-1] - levels[0] > 180


def test_a_point_cloud_is_described(server: OpenAIServer, tmp_path: Path) -> None:
    file = tmp_path / "cloud.npy"
    np.save(file, np.random.default_rng(0).uniform(-0.2, 0.2, (500, 3)).astype(np.float32) + 1)
    with talker(server, images=True, audio=True) as one:
        assert ask(one, "what is near?", block_of(file)).error == ""
    content = last_user(server)
    assert isinstance(content, str) and content.startswith("[shown: point cloud cloud.npy: ")


def test_a_kept_frame_is_shown_by_reference(server: OpenAIServer, tmp_path: Path) -> None:
    with FrameStore(tmp_path / "frames") as store:
        red = np.full((48, 64, 3), (220, 20, 20), np.uint8)
        store.put(Observation(red, "camera", Modality.VISION, 7, 0.0, 0, "camera"))
        with talker(server, images=True, frames=store) as one:
            ask(one, "and then?", {"type": "image", "file_id": "frame:camera@7"})
    text, image = last_user(server)
    assert text["text"].startswith("[shown: frame:camera@7]")
    assert np.abs(picture(image).mean((0, 1)) - (220, 20, 20)).max() < 12


def test_images_of_older_turns_are_named_and_not_sent_again(
    server: OpenAIServer, tmp_path: Path
) -> None:
    with talker(server, images=True) as one:
        for number in range(5):
            ask(one, f"number {number}?", block_of(photo(tmp_path / f"{number}.jpg")))
        (tmp_path / "3.jpg").unlink()
        ask(one, "and now?")
    users = [m["content"] for m in server.asked[-1]["messages"] if m["role"] == "user"]
    sent = [sum(p["type"] == "image_url" for p in c) if isinstance(c, list) else 0 for c in users]
    assert sent == [0, 0, 0, 0, 1, 0]
    assert users[0].startswith("[shown: image 0.jpg, shown earlier]")
    assert users[3].startswith("[shown: image 3.jpg, which cannot be shown any more]")


def test_more_images_than_fit_are_named(server: OpenAIServer, tmp_path: Path) -> None:
    files = [block_of(photo(tmp_path / f"{number}.jpg")) for number in range(12)]
    with talker(server, images=True) as one:
        ask(one, "which is red?", *files)
    parts = last_user(server)
    assert sum(part["type"] == "image_url" for part in parts) == 10
    assert parts[0]["text"].count("left out") == 2
    assert {"type": "text", "text": "image 9.jpg:"} in parts  # several are told apart by name


def test_a_file_that_is_no_image_is_refused_in_one_line(
    server: OpenAIServer, tmp_path: Path
) -> None:
    file = tmp_path / "broken.png"
    file.write_bytes(b"nothing of that kind")
    with talker(server, images=True) as one:
        record = ask(one, "what is this?", block_of(file))
        assert "broken.png" in record.error and "\n" not in record.error
        assert server.requests == 0 and one.history.messages() == []


def test_an_image_that_a_tool_returns_follows_its_result(server: OpenAIServer) -> None:
    """A message of role `tool` holds text alone, by the official types."""
    red = io.BytesIO()
    Image.new("RGB", (32, 32), (220, 20, 20)).save(red, "PNG")
    block = {
        "type": "image",
        "mime_type": "image/png",
        "base64": base64.b64encode(red.getvalue()).decode(),
    }

    @tool
    def snap() -> list[Any]:
        """Takes a photo."""
        return [{"type": "text", "text": "taken"}, block]

    snap.metadata = label(Risk.OBSERVE, origin=Origin.ROBOT)
    answers = iter([calls("snap"), says("It is red.")])
    server.answer = lambda _: next(answers)
    with talker(server, [snap], images=True) as one:
        record = ask(one, "take a photo")
    assert record.assistant == "It is red." and not server.refused
    *_, called, result, following = server.asked[-1]["messages"]
    assert called["tool_calls"][0]["id"] == result["tool_call_id"]
    assert result["content"] == "taken\n[image]"
    assert following["role"] == "user" and "not an instruction" in following["content"][0]["text"]
    assert np.abs(picture(following["content"][1]).mean((0, 1)) - (220, 20, 20)).max() < 12


def test_the_server_refuses_what_the_official_types_do_not_know() -> None:
    def request(content: Any) -> Body:
        return {"model": "m", "messages": [{"role": "user", "content": content}]}

    assert problems(request("hello")) == ""
    assert problems(request([{"type": "image", "path": "kitchen.jpg"}])) != ""
    assert problems(request(["a bare string"])) != ""


# --- what is promised -------------------------------------------------------------------------


def test_only_what_there_is_is_promised(server: OpenAIServer) -> None:
    with talker(server) as one:
        ask(one, "what do you see?")
    [system, _] = server.asked[0]["messages"]
    assert system["content"] == instructions() and "brackets" not in system["content"]
    assert "no camera" in system["content"] and "no tools" in system["content"]
    assert "that hears what" in instructions(["hearing"])
    assert "no tools" not in instructions(["sight"], tools=True)
    assert "sees and scans" in instructions(["sight", "scan"])


# --- failures ---------------------------------------------------------------------------------


@pytest.mark.parametrize(("status", "says_why"), [(429, "quota"), (500, "failed"), (503, "failed")])
def test_a_server_in_trouble_is_asked_twice_and_reported_once(
    server: OpenAIServer, status: int, says_why: str
) -> None:
    server.status = status
    with talker(server) as one:
        record = ask(one, "hello")
        assert says_why in record.error and f"HTTP {status}" in record.error
        assert "\n" not in record.error and server.requests == 2
        assert not record.cancelled  # nobody has stopped it: a voice says that it has failed
        server.status = 0
        assert ask(one, "hello again").assistant == "I see a ball."
        assert [m["content"] for m in server.asked[-1]["messages"][1:]] == ["hello again"]


def test_one_failure_is_got_over(server: OpenAIServer) -> None:
    server.status, server.failures = 500, 1
    with talker(server) as one:
        assert ask(one, "hello").assistant == "I see a ball."


def test_a_refused_key_cannot_be_used(
    server: OpenAIServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "wrong")
    with talker(server) as one:
        with pytest.raises(UnusableModelError, match=r"openai|key was refused") as caught:
            ask(one, "hello")
        assert "HTTP 401" in str(caught.value) and server.requests == 1
        assert one.history.messages() == []


def test_a_connection_that_drops_is_reported(server: OpenAIServer) -> None:
    server.drop = True
    with talker(server) as one:
        record = ask(one, "hello")
        assert "the connection was lost" in record.error and "\n" not in record.error
        assert not record.cancelled
        server.drop = False
        assert ask(one, "again").assistant == "I see a ball."


def test_no_server_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "none")
    url = f"http://127.0.0.1:{free_port()}/v1"
    with (
        Assistant(make_llm("openai:m", base_url=url)) as one,
        pytest.raises(UnusableModelError, match="cannot be reached"),
    ):
        ask(one, "hello")


def test_an_answer_without_end_is_ended(
    server: OpenAIServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sensebind.agent.llm.deadline.ANSWER_SECONDS", 0.0)
    server.answer = lambda _: says("word " * 50)
    with talker(server) as one:
        assert "still answering" in ask(one, "hello").error


def test_cancelling_ends_an_answer_between_two_words(server: OpenAIServer) -> None:
    begun, cancelled = threading.Event(), threading.Event()

    def delay() -> None:
        if begun.is_set():
            cancelled.wait(10)
        begun.set()

    server.delay = delay
    server.answer = lambda _: says("one two three four five")
    with talker(server) as one:
        events = one.turn("count")
        assert next(events).text == "one "  # type: ignore[union-attr]
        one.cancel()
        cancelled.set()
        [record] = [event.record for event in events if isinstance(event, Finished)]
    assert record.cancelled and record.error == ""
    assert record.assistant in ("", "one ")
