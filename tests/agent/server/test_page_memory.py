"""What the page shows of the robot's memory: episodes, their frames, watches, and what fired."""

import base64
import io
import json
import time
import wave
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from fixtures import colours
from fixtures.colour_embedder import COLOURS, HIGH, MODEL
from fixtures.colours import HOUR, perceive_colours
from fixtures.page_client import look, message, of, send
from fixtures.percepts import WIDTH, percept
from fixtures.served_robot import REMEMBERING, ServedAgent, served_robot
from fixtures.waiting import until
from msgspec.structs import replace
from websockets.sync.client import ClientConnection

from sensebind.agent.robot.client import AttachedRobot
from sensebind.agent.server.page import MAX_EXAMPLE
from sensebind.memory.watches import Alert, Watch
from sensebind.perception.bus.pubsub import Publisher
from sensebind.perception.percept import Modality, Percept
from sensebind.perception.storage.spans import Span

Served = tuple[ServedAgent, str]


def example(kind: str, data: bytes) -> dict[str, str]:
    mime = {"image": "image/jpeg", "audio": "audio/wav"}[kind]
    return {"kind": kind, "mime": mime, "data": base64.b64encode(data).decode()}


@pytest.fixture
def served(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Served]:
    """A robot that saw and heard other things two hours ago than it does now."""
    folder = tmp_path_factory.mktemp("m")
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(folder))
    monkeypatch.setenv("XDG_STATE_HOME", str(folder / "state"))
    with served_robot(folder, text=REMEMBERING) as (agent, address):
        perceive_colours(agent)
        yield agent, address


def found(viewer: ClientConnection, **wish: Any) -> dict[str, Any]:
    send(viewer, type="remember", number=7, **wish)
    answer = message(viewer, of("found"))
    assert answer["number"] == 7
    return answer


def frame(viewer: ClientConnection, reference: str) -> dict[str, Any]:
    send(viewer, type="frame", reference=reference)
    answer = message(viewer, of("frame"))
    assert answer["reference"] == reference
    return answer


# --- searching ---


def test_memory_is_searched_by_text_with_frames_times_and_streams(served: Served) -> None:
    with look(served[1], "viewer") as viewer:
        hello = message(viewer, of("hello"))
        assert hello["memory"] and hello["senses"] == ["hearing", "scan", "sight"]
        first = found(viewer, text="a red ball")["episodes"][0]
        assert first["stream"] == "rover.camera" and first["similarity"] == pytest.approx(1)
        assert time.time() - first["began"] == pytest.approx(2 * HOUR, abs=120)
        shown = frame(viewer, first["reference"])
        assert shown["modality"] == "vision" and shown["at"] == first["at"]
        assert colours.shown(shown["payload"]) == "red"


def test_memory_is_searched_by_time(served: Served) -> None:
    now = time.time()
    with look(served[1], "viewer") as viewer:
        last_hour = found(viewer, since=now - HOUR)["episodes"]
        assert [one["modality"] for one in last_hour] == ["audio", "vision"]  # newest first
        assert all(one["similarity"] is None for one in last_hour)
        between = found(viewer, since=now - 3 * HOUR, until=now - HOUR, sense="sight")["episodes"]
        assert [one["stream"] for one in between] == ["rover.camera"]
        assert now - between[0]["ended"] == pytest.approx(2 * HOUR, abs=120)
        assert found(viewer, since=now - 20 * HOUR, until=now - 10 * HOUR)["episodes"] == []
        assert "ends before" in found(viewer, since=now, until=now - HOUR)["error"]


def test_memory_is_searched_by_an_image_and_by_a_sound(served: Served) -> None:
    with look(served[1], "viewer") as viewer:
        seen = found(viewer, example=example("image", colours.jpeg("blue")))["episodes"][0]
        assert seen["similarity"] == pytest.approx(1) and time.time() - seen["at"] < HOUR
        heard = found(viewer, example=example("audio", colours.wav(3000)), sense="hearing")[
            "episodes"
        ][0]
        assert heard["stream"] == "rover.microphone" and time.time() - heard["at"] < HOUR
        assert heard["seen_then"] == []
        sound = frame(viewer, heard["reference"])
        with wave.open(io.BytesIO(sound["payload"])) as file:
            assert (file.getframerate(), file.getnframes()) == (16_000, 16_000)


def test_what_was_seen_at_the_time_of_a_sound_comes_with_it(served: Served) -> None:
    agent, address = served
    with look(address, "viewer") as viewer:

        def seen_then() -> list[str]:
            agent.perceive("camera", colours.picture("blue"), COLOURS["blue"])  # it goes on
            return found(viewer, text="high", sense="hearing")["episodes"][0]["seen_then"]

        until(seen_then)
        [then] = seen_then()
        assert colours.shown(frame(viewer, then)["payload"]) == "blue"


def test_what_is_forgotten_is_gone_at_once(served: Served) -> None:
    agent, address = served
    with look(address, "viewer") as viewer:
        message(viewer, of("hello"))
        old = found(viewer, text="red")["episodes"][0]
        assert "payload" in frame(viewer, old["reference"])
        AttachedRobot(agent._config).forget([Span()])
        gone = message(viewer, of("forgotten"))
        assert gone["turns"] == []
        assert found(viewer, text="red")["episodes"] == []
        assert "kept" in frame(viewer, old["reference"])["gone"]


def test_turns_that_are_forgotten_leave_the_page(served: Served) -> None:
    agent, address = served
    list(AttachedRobot(agent._config).turn("hello"))
    with look(address, "viewer") as viewer:
        assert message(viewer, of("hello"))["turns"][-1]["user"] == "hello"
        AttachedRobot(agent._config).forget([Span()])
        assert message(viewer, of("forgotten"))["turns"] == []


@pytest.mark.parametrize(
    ("wish", "why"),
    [
        ({"text": "red", "example": {"kind": "image", "mime": "", "data": "AAAA"}}, "not for both"),
        ({"text": "purple"}, "no word"),
        ({"sense": "taste"}, "no sense"),
        ({"example": {"kind": "image", "mime": "image/png", "data": "?"}}, "base64"),
    ],
)
def test_what_cannot_be_searched_is_answered(served: Served, wish: Any, why: str) -> None:
    with look(served[1], "viewer") as viewer:
        answer = found(viewer, **wish)
        assert why in answer["error"] and answer["episodes"] == []


def test_examples_are_bounded(served: Served) -> None:
    with look(served[1], "viewer") as viewer:
        message(viewer, of("hello"))
        large = {"kind": "image", "mime": "image/png", "data": "A" * (MAX_EXAMPLE + 1)}
        send(viewer, type="remember", example=large)
        assert "cannot be read" in message(viewer, of("error"))["text"]


@pytest.mark.parametrize("reference", ["frame:rover.camera@1", "/etc/passwd", "frame:../x@1"])
def test_frames_that_there_are_not_are_answered(served: Served, reference: str) -> None:
    with look(served[1], "viewer") as viewer:
        answer = frame(viewer, reference)
        assert answer["gone"] and not answer["payload"]


# --- watches ---


def test_the_operator_adds_and_removes_watches(served: Served) -> None:
    agent, address = served
    with look(address, "operator") as operator, look(address, "viewer") as viewer:
        assert message(viewer, of("watching"))["watches"] == []
        send(operator, type="watch", what="a red ball", sense="sight")
        for one in (operator, viewer):
            shown = message(one, lambda m: m["type"] == "watching" and bool(m["watches"]))
            assert shown["watches"] == [{"name": "a red ball", "sense": "sight", "run": ""}]
        [kept] = agent.remembering.keeper.book.watches()
        assert (kept.name, kept.modality, kept.model) == ("a red ball", "vision", MODEL)
        for wish in ({"type": "watch", "what": "blue"}, {"type": "unwatch", "name": kept.name}):
            send(viewer, **wish)
            assert "a viewer may look" in message(viewer, of("error"))["text"]
        assert len(agent.remembering.keeper.book.watches()) == 1
        send(operator, type="unwatch", name="a red ball")
        message(viewer, lambda m: m["type"] == "watching" and not m["watches"])
        send(operator, type="unwatch", name="a red ball")
        assert "no watch" in message(operator, of("error"))["text"]
        send(operator, type="watch", what="purple")
        assert "no word" in message(operator, of("error"))["text"]


def test_what_fired_is_shown_newest_first(served: Served) -> None:
    agent, address = served
    watch = Watch("blue", np.eye(WIDTH, dtype=np.float32)[2], MODEL)
    with look(address, "viewer") as viewer:
        message(viewer, of("watching"))
        for number in (1, 2):
            at = time.time_ns()
            agent.remembering.keeper.act(
                Alert(watch, "rover.camera", at, f"frame:rover.camera@{at}", 0.9, 0.5)
            )
            shown = message(
                viewer, lambda m, n=number: m["type"] == "watching" and len(m["alerts"]) == n
            )
        newest, older = shown["alerts"]
        assert newest["id"] > older["id"] and newest["at"] >= older["at"]
        assert newest["watch"] == "blue" and newest["outcome"].startswith("said: ")


# --- what is heard, and the devices ---


def test_a_window_of_sound_comes_with_the_columns_that_are_new(served: Served) -> None:
    agent, address = served
    name = "rover.microphone"
    with (
        Publisher(agent._config.endpoints[name], name) as microphone,
        look(address, "viewer") as viewer,
    ):
        heard: dict[str, Any] = {}

        def hear() -> bool:
            at = time.time_ns()
            reference = agent.perceive("microphone", colours.tone(3000), HIGH)
            one = percept(name, HIGH, observation=reference)
            header = replace(one.header, modality=Modality.AUDIO, captured_at=at)
            microphone.publish(Percept(header, one.embedding))
            heard.update(message(viewer, lambda m: m["type"] in ("sound", "streams")))
            return heard["type"] == "sound"

        until(hear)
        assert heard["bands"] == 48 and heard["highest"] == 8000
        assert heard["levels"][-1] == pytest.approx(-9, abs=0.1)  # half of full scale
        columns = np.frombuffer(heard["payload"], np.uint8).reshape(-1, 48)
        assert len(columns) and set(columns.argmax(axis=1)) == {38}  # 2.88 to 3.19 kHz


def test_devices_are_shown_and_again_when_they_change(served: Served) -> None:
    agent, address = served
    with look(address, "viewer") as viewer:
        assert message(viewer, of("devices"))["states"] == {"lamp": "off", "thermostat": "21"}
        agent.devices = {"lamp": "on", "thermostat": "21"}
        assert message(viewer, of("devices"))["states"]["lamp"] == "on"
        with look(address, "viewer") as later:  # while the first still looks: else nothing is kept
            assert message(later, of("hello"))["devices"]["lamp"] == "on"


def test_what_cannot_be_explained_is_answered(served: Served) -> None:
    agent, address = served
    agent._frames = agent.kept
    sweep = agent.perceive("lidar", np.ones((50, 3), np.float32), 5)
    with look(address, "viewer") as viewer:
        for reference, why in ((sweep, "a sweep"), ("frame:rover.camera@1", "kept")):
            send(viewer, type="explain", reference=reference)
            answer = message(viewer, of("explained"))
            assert answer["reference"] == reference and why in answer["gone"]


def test_a_robot_without_a_memory_says_so(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path_factory.mktemp("m")
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(folder))
    monkeypatch.setenv("XDG_STATE_HOME", str(folder / "state"))
    with served_robot(folder) as (_, address), look(address, "operator") as operator:
        assert message(operator, of("hello"))["memory"] is False
        assert "keeps no memory" in found(operator, text="red")["error"]
        operator.send(json.dumps({"type": "watch", "what": "red"}))
        assert "keeps no memory" in message(operator, of("error"))["text"]
        assert "keeps no frames" in frame(operator, "frame:rover.camera@1")["gone"]
