"""The official `openai` client, and LangChain's, talk with a robot; neither of them decides."""

import base64
import io
import json
import socket
import threading
import time
import wave
from collections.abc import Iterator
from typing import Any

import httpx
import numpy as np
import openai
import pytest
from fixtures.served_robot import TOKENS, ServedAgent, served_robot
from fixtures.waiting import PATIENCE
from fixtures.waiting import until as eventually
from langchain_core.messages import HumanMessage
from langchain_openai import ChatOpenAI
from openai import OpenAI
from PIL import Image
from pydantic import SecretStr

from sensebind.agent.approval import Decision, read_audit
from sensebind.agent.robot.client import AttachedRobot
from sensebind.errors import InputError

Served = tuple[ServedAgent, str, OpenAI]
WEATHER: Any = {
    "type": "function",
    "function": {
        "name": "weather",
        "description": "The weather of a city.",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}},
            "required": ["city"],
        },
    },
}


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("served")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_RUNTIME_DIR", str(folder))
        patch.setenv("XDG_STATE_HOME", str(folder / "state"))
        with served_robot(folder) as (agent, address), client(address) as talking:
            yield agent, address, talking


def client(address: str, token: str = TOKENS["api"]) -> OpenAI:
    return OpenAI(base_url=f"{address}/v1", api_key=token, max_retries=0, timeout=PATIENCE)


def said(client: OpenAI, *texts: str, **more: Any) -> Any:
    """Ask, with what was said before: the user's and the robot's words by turns."""
    roles = ["user", "assistant"] * len(texts)
    messages: Any = [
        {"role": role, "content": text} for role, text in zip(roles, texts, strict=False)
    ]
    return client.chat.completions.create(model="rover", messages=messages, **more)


def png() -> str:
    file = io.BytesIO()
    Image.new("RGB", (32, 32), "red").save(file, "PNG")
    return base64.b64encode(file.getvalue()).decode()


def wav() -> str:
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(16000)
        tone = np.sin(np.arange(32000) * 2 * np.pi * 440 / 16000) * 12000
        out.writeframes(tone.astype("<i2").tobytes())
    return base64.b64encode(file.getvalue()).decode()


def ball() -> list[list[float]]:
    """A ball on the floor, as a lidar 60 cm above the floor sees it."""
    height = np.linspace(-0.15, 0.15, 400)
    around = np.linspace(0, 40 * np.pi, 400)
    wide = np.sqrt(np.maximum(0.15**2 - height**2, 0))
    points = np.stack([1.5 + wide * np.cos(around), wide * np.sin(around), height - 0.4], axis=1)
    return points.tolist()


# --- chat ---


def test_models_are_listed(served: Served) -> None:
    assert [one.id for one in served[2].models.list()] == ["rover", "imagebind"]
    assert served[2].models.retrieve("rover").owned_by == "sensebind"
    with pytest.raises(openai.NotFoundError):
        served[2].models.retrieve("gpt-4")


def test_the_robot_answers(served: Served) -> None:
    answer = said(served[2], "hello")
    assert answer.choices[0].message.content == "you said: hello"
    assert answer.choices[0].finish_reason == "stop" and answer.model == "rover"


def test_the_answer_is_streamed(served: Served) -> None:
    chunks = list(said(served[2], "hello", stream=True))
    text = "".join(one.choices[0].delta.content or "" for one in chunks)
    assert text == "you said: hello" and chunks[-1].choices[0].finish_reason == "stop"


def test_the_robots_own_tools_run_in_its_turn(served: Served) -> None:
    answer = said(served[2], "look around")
    assert answer.choices[0].message.content == "done: a red ball"
    assert answer.choices[0].message.tool_calls is None  # there is nothing for the client to run
    assert [one["name"] for one in answer.sensebind["calls"]] == ["look"]


def test_a_conversation_goes_on_in_its_dialog(served: Served) -> None:
    first = said(served[2], "one")
    heard = first.choices[0].message.content
    second = said(served[2], "one", heard, "two")
    assert second.choices[0].message.content == "you said: one / two"
    assert second.sensebind["thread"] == first.sensebind["thread"]


def test_a_conversation_from_elsewhere_begins_with_what_was_said(served: Served) -> None:
    answer = said(served[2], "my name is Ada", "hello Ada", "who am I?")
    assert answer.choices[0].message.content == "you said: my name is Ada / who am I?"
    assert [one.text for one in served[0].shown[-3:]] == [
        "my name is Ada",
        "hello Ada",
        "who am I?",
    ]


def test_images_and_sounds_come_with_the_question(served: Served) -> None:
    content: Any = [
        {"type": "text", "text": "what is this?"},
        {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{png()}"}},
        {"type": "input_audio", "input_audio": {"data": wav(), "format": "wav"}},
    ]
    messages: Any = [{"role": "user", "content": content}]
    answer = served[2].chat.completions.create(model="rover", messages=messages)
    assert "what is this?" in (answer.choices[0].message.content or "")
    asked = [one for one in served[0].shown if isinstance(one, HumanMessage)][-1]
    assert "[shown: image" in asked.text and "sound" in asked.text  # to this model, in words


@pytest.mark.parametrize(
    "part",
    [
        {"type": "image_url", "image_url": {"url": "http://127.0.0.1:1/secret.png"}},
        {"type": "image_url", "image_url": {"url": "file:///etc/passwd"}},
        {"type": "image", "path": "/etc/passwd"},
        {"type": "file", "file": {"file_id": "frame:rover.camera@1"}},
        {"type": "non_standard", "value": {"kind": "image", "path": "/etc/passwd"}},
        {"type": "input_audio", "input_audio": {"data": "???", "format": "wav"}},
        {"type": "points", "points": [["a", 0, 0]]},
    ],
)
def test_what_is_not_in_the_message_is_not_read(served: Served, part: Any) -> None:
    messages: Any = [{"role": "user", "content": [{"type": "text", "text": "see?"}, part]}]
    with pytest.raises(openai.BadRequestError):
        served[2].chat.completions.create(model="rover", messages=messages)


@pytest.mark.parametrize(
    "changes",
    [
        {"messages": []},
        {"messages": [{"role": "assistant", "content": "hello"}]},
        {"messages": [{"role": "user", "content": " "}]},
        {"n": 2},
        {"response_format": {"type": "json_object"}},
        {"tool_choice": "perhaps", "tools": [WEATHER]},
        {"tools": [{"type": "web_search"}]},
    ],
)
def test_what_cannot_be_done_is_refused(served: Served, changes: dict[str, Any]) -> None:
    messages: Any = [{"role": "user", "content": "hello"}]
    with pytest.raises(openai.BadRequestError):
        served[2].chat.completions.create(**({"model": "rover", "messages": messages} | changes))


def test_another_model_is_not_served(served: Served) -> None:
    with pytest.raises(openai.NotFoundError, match="rover"):
        served[2].chat.completions.create(
            model="gpt-4", messages=[{"role": "user", "content": "hello"}]
        )


def test_what_changes_nothing_is_named(served: Served) -> None:
    messages: Any = [
        {"role": "system", "content": "You are a pirate."},
        {"role": "user", "content": "hello"},
    ]
    answer: Any = served[2].chat.completions.create(
        model="rover", messages=messages, temperature=0.5
    )
    assert answer.sensebind["ignored"] == ["messages: system", "temperature"]


# --- tools of the client ---


def test_the_clients_tools_are_called_and_run_by_the_client(served: Served) -> None:
    messages: Any = [{"role": "user", "content": "weather in Paris"}]
    answer = served[2].chat.completions.create(model="rover", messages=messages, tools=[WEATHER])
    message = answer.choices[0].message
    assert answer.choices[0].finish_reason == "tool_calls" and message.tool_calls
    call: Any = message.tool_calls[0]
    assert call.function.name == "weather"
    assert json.loads(call.function.arguments) == {"city": "Paris"}
    messages += [
        message.model_dump(exclude_none=True),
        {"role": "tool", "tool_call_id": call.id, "content": "sunny"},
    ]
    answer = served[2].chat.completions.create(model="rover", messages=messages, tools=[WEATHER])
    assert answer.choices[0].message.content == "done: sunny"


def test_calls_are_streamed(served: Served) -> None:
    chunks = list(said(served[2], "weather in Rome", tools=[WEATHER], stream=True))
    made = [call for one in chunks for call in one.choices[0].delta.tool_calls or ()]
    assert [one.function.name for one in made] == ["weather"]
    assert chunks[-1].choices[0].finish_reason == "tool_calls"


def test_with_tools_of_the_client_none_of_the_robots_runs(served: Served) -> None:
    before = list(served[0].driven)
    answer = said(served[2], "go 1 metre", tools=[WEATHER])
    calls = answer.choices[0].message.tool_calls
    assert [one.function.name for one in calls or ()] == ["drive"]  # the scripted model's own idea
    assert served[0].driven == before and not served[0].waiting()


def test_langchain_talks_with_the_robot(served: Served) -> None:
    chat = ChatOpenAI(
        model="rover", base_url=f"{served[1]}/v1", api_key=SecretStr(TOKENS["api"]), max_retries=0
    )
    assert chat.invoke("hello").text == "you said: hello"
    assert "".join(str(one.text) for one in chat.stream("hello")) == "you said: hello"
    answer = chat.bind_tools([WEATHER]).invoke("weather in Oslo")
    assert [(one["name"], one["args"]) for one in answer.tool_calls] == [
        ("weather", {"city": "Oslo"})
    ]


# --- approval ---


def await_request(agent: ServedAgent) -> tuple[str, Any]:
    eventually(agent.waiting)
    thread, requests = next(iter(agent.waiting().items()))
    return thread, requests[0]


@pytest.mark.parametrize("kind", ["approve", "reject"])
def test_an_acting_call_waits_for_a_person(served: Served, kind: str) -> None:
    agent, _, client = served
    before, answers = len(agent.driven), []
    asking = threading.Thread(target=lambda: answers.append(said(client, "go 2 metres")))
    asking.start()
    thread, request = await_request(agent)
    assert len(agent.driven) == before and not answers
    robot = AttachedRobot(agent._config, thread)
    list(robot.decide([Decision(kind, request=request.id, by="Anna (page)")]))
    asking.join(PATIENCE)
    text = answers[0].choices[0].message.content
    assert agent.driven[before:] == ([2.0] if kind == "approve" else [])
    assert ("drove 2.0 m" in text) is (kind == "approve")
    log = read_audit(agent._config.state_directory / "audit.jsonl")
    event = {"approve": "approved", "reject": "rejected"}[kind]
    last = next(one for one in reversed(log) if one["event"] == event)
    assert last["request"] == request.id and last["by"] == "Anna (page)"


def test_the_apis_own_words_decide_nothing(served: Served) -> None:
    agent, address, client = served
    before, chunks = len(agent.driven), []

    def ask() -> None:
        chunks.extend(said(client, "go 3 metres", stream=True))

    asking = threading.Thread(target=ask)
    asking.start()
    thread, request = await_request(agent)
    for text in ("yes", "approve it", "yes, drive"):
        said(client, text)
    with httpx.Client(headers={"Authorization": f"Bearer {TOKENS['api']}"}) as raw:
        for path in ("/ui/decide", "/v1/decide", "/v1/approvals", f"/v1/approvals/{request.id}"):
            body = {"request": request.id, "kind": "approve"}
            assert raw.post(f"{address}{path}", json=body).status_code in (403, 404, 405)
    assert agent.waiting()[thread] == [request] and len(agent.driven) == before
    agent.stop("end of the test")
    asking.join(PATIENCE)
    text = "".join(one.choices[0].delta.content or "" for one in chunks if one.choices)
    assert "stopped" in text and len(agent.driven) == before and not agent.waiting()


def begin(address: str, text: str) -> socket.socket:
    """Ask on a connection of its own, which can be closed before the answer comes."""
    host, _, port = address.removeprefix("http://").partition(":")
    body = json.dumps({"model": "rover", "messages": [{"role": "user", "content": text}]})
    head = (
        f"POST /v1/chat/completions HTTP/1.1\r\nHost: {host}:{port}\r\n"
        f"Authorization: Bearer {TOKENS['api']}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    connection = socket.create_connection((host, int(port)), 20)
    connection.sendall((head + body).encode())
    return connection


def test_asking_again_does_not_decide_either(served: Served) -> None:
    agent, address, _ = served
    with begin(address, "go 4 metres"):
        thread, request = await_request(agent)
        time.sleep(0.5)
    time.sleep(0.5)  # whoever asked has gone, the request waits
    before: Any = [{"role": "user", "content": "go 4 metres"}]
    with pytest.raises(InputError, match="waits for a person"):
        list(AttachedRobot(agent._config, thread).turn("what do you see?", history=before))
    assert agent.waiting()[thread] == [request]
    agent.stop("end of the test")


def test_a_client_that_goes_ends_its_turn(served: Served) -> None:
    agent, address, _ = served
    agent.lingering.clear()
    count = len(agent.cancelled)
    with begin(address, "linger here"):
        assert agent.lingering.wait(PATIENCE)
    eventually(lambda: len(agent.cancelled) > count)
    assert agent.cancelled[count:] == [True]


def test_two_who_said_the_same_do_not_share_a_dialog(served: Served) -> None:
    client = served[2]
    heard = said(client, "alike").choices[0].message.content
    assert said(client, "alike").choices[0].message.content == heard
    first = said(client, "alike", heard, "I am Ada")
    second = said(client, "alike", heard, "I am Bo")
    assert first.sensebind["thread"] != second.sensebind["thread"]
    assert second.choices[0].message.content == "you said: alike / I am Bo"


def test_stop_stops(served: Served) -> None:
    agent, _, client = served
    agent.lingering.clear()
    waiting = threading.Thread(target=lambda: said(client, "linger here"))
    waiting.start()
    assert agent.lingering.wait(PATIENCE)
    assert said(client, "stop").choices[0].message.content == "Stopped."
    waiting.join(PATIENCE)
    assert not waiting.is_alive() and agent.cancelled[-1]


# --- embeddings ---


def test_texts_images_sounds_and_points_are_in_one_space(served: Served) -> None:
    items: Any = [
        "a ball",
        {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{png()}"}},
        {"type": "input_audio", "input_audio": {"data": wav(), "format": "wav"}},
        {"type": "points", "points": ball()},
    ]
    found = served[2].embeddings.create(
        model="imagebind", input=items
    )  # base64, as its client asks
    widths = {len(one.embedding) for one in found.data}
    assert len(found.data) == 4 and len(widths) == 1
    for one in found.data:
        assert np.linalg.norm(one.embedding) == pytest.approx(1, abs=1e-4)
    plain = served[2].embeddings.create(model="imagebind", input="a ball", encoding_format="float")
    np.testing.assert_allclose(plain.data[0].embedding, found.data[0].embedding, atol=1e-5)


@pytest.mark.parametrize("given", ["", [[1, 2, 3]], [], ["x"] * 65, "word " * 200])
def test_what_cannot_be_embedded_is_refused(served: Served, given: Any) -> None:
    with pytest.raises(openai.BadRequestError):
        served[2].embeddings.create(model="imagebind", input=given)


# --- who may ---


def test_the_tokens_are_for_different_things(served: Served) -> None:
    for token in ("x" * 24, ""):
        with pytest.raises((openai.AuthenticationError, openai.OpenAIError)):
            said(client(served[1], token), "hello")
    with pytest.raises(openai.PermissionDeniedError):
        said(client(served[1], TOKENS["viewer"]), "hello")
    assert httpx.get(f"{served[1]}/healthz").json() == {"status": "ok"}
    assert httpx.get(f"{served[1]}/openapi.json").status_code == 401


def test_errors_are_in_openais_form(served: Served) -> None:
    headers = {"Authorization": f"Bearer {TOKENS['api']}"}
    answer = httpx.post(f"{served[1]}/v1/chat/completions", json={"model": 1}, headers=headers)
    assert answer.status_code == 400
    assert set(answer.json()["error"]) == {"message", "type", "param", "code"}
    assert httpx.get(f"{served[1]}/nothing", headers=headers).json()["error"]["message"]


# --- realtime ---


def realtime(client: OpenAI) -> Any:
    return client.realtime.connect(model="rover")


def until(connection: Any, kind: str) -> list[Any]:
    """Receive events up to one of a kind."""
    seen = []
    while not seen or seen[-1].type != kind:
        seen.append(connection.recv())
        assert len(seen) < 200
    return seen


def say(connection: Any, text: str) -> None:
    part = {"type": "input_text", "text": text}
    item: Any = {"type": "message", "role": "user", "content": [part]}
    connection.conversation.item.create(item=item)
    until(connection, "conversation.item.done")


def test_a_realtime_conversation(served: Served) -> None:
    with realtime(served[2]) as connection:
        created = connection.recv()
        assert created.type == "session.created" and created.session.output_modalities == ["text"]
        say(connection, "hello")
        connection.response.create()
        events = until(connection, "response.done")
        kinds = [one.type for one in events]
        assert kinds[:2] == ["response.created", "response.output_item.added"]
        deltas = [one.delta for one in events if one.type == "response.output_text.delta"]
        assert "".join(deltas) == "you said: hello"
        assert events[-1].response.status == "completed"
        say(connection, "again")
        connection.response.create()
        events = until(connection, "response.done")
        done = next(one for one in events if one.type == "response.output_text.done")
        assert done.text == "you said: hello / again"


def test_a_voice_is_not_pretended(served: Served) -> None:
    with realtime(served[2]) as connection:
        connection.recv()
        connection.session.update(session={"type": "realtime", "output_modalities": ["audio"]})
        error = connection.recv()
        assert error.type == "error" and "no voice is installed" in error.error.message


def test_sound_is_shown_to_the_robot(served: Served) -> None:
    samples = (np.sin(np.arange(24000) * 0.1) * 9000).astype("<i2").tobytes()
    with realtime(served[2]) as connection:
        connection.recv()
        connection.input_audio_buffer.append(audio=base64.b64encode(samples).decode())
        connection.input_audio_buffer.commit()
        until(connection, "conversation.item.done")
        connection.input_audio_buffer.clear()
        assert connection.recv().type == "input_audio_buffer.cleared"
        connection.input_audio_buffer.commit()
        assert connection.recv().type == "error"  # it is empty
        connection.response.create()
        events = until(connection, "response.done")
        assert events[-1].response.status == "completed"
    asked = [one for one in served[0].shown if isinstance(one, HumanMessage)][-1]
    assert asked.text.startswith("[shown: sound") and asked.text.endswith("what do you hear?")


def test_functions_are_called_in_realtime(served: Served) -> None:
    with realtime(served[2]) as connection:
        connection.recv()
        tool = {"type": "function", **WEATHER["function"]}
        connection.session.update(session={"type": "realtime", "tools": [tool]})
        assert connection.recv().session.tools[0].name == "weather"
        say(connection, "weather in Bonn")
        connection.response.create()
        events = until(connection, "response.done")
        done = next(o for o in events if o.type == "response.function_call_arguments.done")
        assert json.loads(done.arguments) == {"city": "Bonn"} and done.name == "weather"
        assert any(one.type == "response.function_call_arguments.delta" for one in events)
        output: Any = {"type": "function_call_output", "call_id": done.call_id, "output": "rain"}
        connection.conversation.item.create(item=output)
        until(connection, "conversation.item.done")
        connection.response.create()
        events = until(connection, "response.done")
        assert next(o for o in events if o.type.endswith("text.done")).text == "done: rain"


def test_a_response_is_cancelled(served: Served) -> None:
    agent = served[0]
    agent.lingering.clear()
    count = len(agent.cancelled)
    with realtime(served[2]) as connection:
        connection.recv()
        connection.response.cancel()
        assert connection.recv().type == "error"  # there is none
        say(connection, "linger here")
        connection.response.create()
        assert agent.lingering.wait(PATIENCE)
        connection.response.create()
        connection.response.cancel()
        events = until(connection, "response.done")
        assert events[-1].response.status == "cancelled"
        assert "error" in [one.type for one in events]  # one response at a time
    eventually(lambda: len(agent.cancelled) > count)
    assert agent.cancelled[count:] == [True]


@pytest.mark.parametrize(
    "message",
    ["{", "[]", '{"type": 1}', '{"type": "fly"}', '{"type": "response.create"}', "[" * 9999],
)
def test_malformed_events_are_answered(served: Served, message: str) -> None:
    with realtime(served[2]) as connection:
        connection.recv()
        connection.send_raw(message)
        assert connection.recv().type == "error"
        say(connection, "still there?")


def test_realtime_wants_a_token(served: Served) -> None:
    wrong = realtime(client(served[1], "x" * 24))
    with pytest.raises(Exception, match="401"):
        wrong.enter()
    viewer = realtime(client(served[1], TOKENS["viewer"]))
    with viewer as connection, pytest.raises(Exception, match="token"):
        connection.recv()
