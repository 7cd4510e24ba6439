"""The page's files and its live connection: who sees what, who decides, and slow viewers."""

import asyncio
import threading
import time
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

import httpx
import numpy as np
import pytest
from fixtures.page_client import look, message, of, send
from fixtures.percepts import percept
from fixtures.served_robot import OPERATOR, TOKENS, ServedAgent, served_robot
from fixtures.waiting import PATIENCE, until
from msgspec.structs import replace
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from sensebind.agent.approval import Decision, read_audit
from sensebind.agent.robot.client import AttachedRobot
from sensebind.agent.robot.config import RobotConfig
from sensebind.agent.robot.pausing import pauses_of
from sensebind.agent.robot.stores import owner_of
from sensebind.agent.server.page import static_files
from sensebind.agent.server.scene import Scene, from_above, levels
from sensebind.agent.server.tokens import Role, make_tokens
from sensebind.agent.server.viewers import Viewer
from sensebind.errors import ConfigurationError, SenseBindError
from sensebind.perception.bus.pubsub import Publisher
from sensebind.perception.geometry.tree import Transform
from sensebind.perception.percept import Modality, Percept, Thing

Served = tuple[ServedAgent, str]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("page")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_RUNTIME_DIR", str(folder))
        patch.setenv("XDG_STATE_HOME", str(folder / "state"))
        with served_robot(folder) as (agent, address):
            yield agent, address


def waits(viewer: ClientConnection) -> tuple[str, dict[str, Any]]:
    """Receive until a call waits; return its dialog and the call."""
    found = message(viewer, lambda one: one["type"] == "pending" and bool(one["pending"]))
    thread, requests = next(iter(found["pending"].items()))
    return thread, requests[0]


# --- files ---


def test_the_pages_files_are_served_and_hold_nothing(served: Served) -> None:
    for path, (kind, content) in static_files().items():
        answer = httpx.get(served[1] + path)
        assert answer.status_code == 200 and answer.content == content
        assert answer.headers["content-type"].startswith(kind.partition(";")[0])
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        for token in TOKENS.values():
            assert token.encode() not in answer.content
    assert {"/", "/ui/main.js", "/ui/style.css"} <= static_files().keys()


def test_the_pages_files_name_only_each_other() -> None:
    for path, (_, content) in static_files().items():
        text = content.decode().replace("http://www.w3.org/2000/svg", "")
        assert "http://" not in text and "https://" not in text, path


# --- who sees what ---


def test_without_a_token_nothing_is_shown(served: Served) -> None:
    url = served[1].replace("http", "ws") + "/ui/live"
    with pytest.raises(InvalidStatus, match="401"):
        connect(url)
    with look(served[1], "api") as stranger, pytest.raises(ConnectionClosed, match="API"):
        stranger.recv()


def test_a_viewer_is_greeted_with_what_there_is(served: Served) -> None:
    list(AttachedRobot(served[0]._config).turn("hello"))
    with look(served[1], "viewer") as viewer:
        hello = message(viewer, of("hello"))
        assert hello["robot"] == "rover" and hello["role"] == "viewer" and hello["operator"] == ""
        assert [one["stream"] for one in hello["streams"]] == ["rover.camera", "rover.lidar"]
        assert hello["turns"][-1]["assistant"] == "you said: hello"
        assert hello["fence"] == [-2, -2, 2, 2]
        found = message(viewer, of("detections"))
        assert found["found"][0]["label"] == "ball" and found["size"] == [32, 24]
        assert message(viewer, of("pose"))["pose"] == [0.5, 0.25, 0.0]


def test_percepts_are_shown(served: Served) -> None:
    config = served[0]._config
    things = (Thing((1.0, 0.0, 0.2), (0.2, 0.2, 0.4)),)
    with (
        Publisher(config.endpoints["rover.camera"], "rover.camera") as camera,
        Publisher(config.endpoints["rover.lidar"], "rover.lidar") as lidar,
        look(served[1], "viewer") as viewer,
    ):
        message(viewer, of("hello"))
        seen: set[str] = set()
        end = time.monotonic() + PATIENCE
        while not {"camera", "scan", "streams"} <= seen and time.monotonic() < end:
            camera.publish(percept("rover.camera"))
            one = percept("rover.lidar", 1, things=things)
            header = _changed(one.header, modality=Modality.POINT)
            lidar.publish(Percept(header, one.embedding))
            found = message(viewer, lambda _one: True)
            seen.add(found["type"])
            if found["type"] == "camera":
                assert found["payload"] == b"jpeg" and found["tags"][0]["word"] == "ball"
            elif found["type"] == "scan":
                assert found["things"][0]["position"] == [1.0, 0.0, 0.2]
                assert found["tags"][0]["word"] == "cat"
        assert {"camera", "scan", "streams"} <= seen


def _changed(header: Any, **changes: Any) -> Any:
    import msgspec

    return msgspec.structs.replace(header, **changes)


def test_a_viewer_may_look_and_stop_and_no_more(served: Served) -> None:
    agent, address = served
    with look(address, "viewer") as viewer:
        message(viewer, of("hello"))
        for wish in (
            {"type": "say", "text": "go 1 metre"},
            {"type": "decide", "thread": "x", "decisions": [{"request": "x", "kind": "approve"}]},
            {"type": "pause", "stream": "camera", "paused": True},
        ):
            send(viewer, **wish)
            assert "a viewer may look" in message(viewer, of("error"))["text"]
        send(viewer, type="stop")
        stopped = message(viewer, of("event", "stopped"))
        assert stopped["value"]["reason"] == "a viewer (page) said stop"
    assert not agent.waiting() and pauses_of(agent._config).read() == frozenset()


@pytest.mark.parametrize("text", ["{", "[]", '{"type": "fly"}', '{"type": "say", "text": ""}'])
def test_malformed_wishes_are_answered(served: Served, text: str) -> None:
    with look(served[1], "operator") as viewer:
        message(viewer, of("hello"))
        viewer.send(text)
        assert "cannot be read" in message(viewer, of("error"))["text"]


# --- talking and deciding ---


def test_the_conversation_is_seen_by_all(served: Served) -> None:
    with look(served[1], "operator") as operator, look(served[1], "viewer") as viewer:
        assert message(operator, of("hello"))["operator"] == OPERATOR
        message(viewer, of("hello"))
        send(operator, type="say", text="look around")
        for one in (operator, viewer):
            assert message(one, of("event", "asked"))["value"]["text"] == "look around"
            assert message(one, of("event", "call"))["value"]["name"] == "look"
            assert message(one, of("event", "called"))["value"]["result"] == "a red ball"
            record = message(one, of("event", "finished"))["value"]["record"]
            assert record["assistant"] == "done: a red ball"


@pytest.mark.parametrize("kind", ["approve", "reject"])
def test_the_operator_decides(served: Served, kind: str) -> None:
    agent, address = served
    before = len(agent.driven)
    with look(address, "operator") as operator:
        message(operator, of("hello"))
        send(operator, type="say", text="go 2 metres")
        thread, request = waits(operator)
        assert request["tool"] == "drive" and request["arguments"] == {"metres": 2.0}
        assert len(agent.driven) == before
        decisions = [{"request": request["id"], "kind": kind}]
        send(operator, type="decide", thread=thread, decisions=decisions)
        decided = message(operator, of("event", "decided"))
        assert decided["value"][0]["by"] == f"{OPERATOR} (page)"
        message(operator, of("event", "finished"))
        message(operator, lambda one: one["type"] == "pending" and not one["pending"])
    assert agent.driven[before:] == ([2.0] if kind == "approve" else [])
    log = read_audit(agent._config.state_directory / "audit.jsonl")
    event = "approved" if kind == "approve" else "rejected"
    last = next(one for one in reversed(log) if one["event"] == event)
    assert (last["by"], last["request"]) == (f"{OPERATOR} (page)", request["id"])


def test_the_first_decision_counts(served: Served) -> None:
    agent, address = served
    before = len(agent.driven)
    with look(address, "operator") as one, look(address, "operator") as other:
        for each in (one, other):
            message(each, of("hello"))
        send(one, type="say", text="go 3 metres")
        (thread, request), _ = waits(one), waits(other)
        wish = {"type": "decide", "thread": thread}
        send(one, **wish, decisions=[{"request": request["id"], "kind": "reject"}])
        message(other, of("event", "decided"))
        message(one, of("event", "finished"))
        send(other, **wish, decisions=[{"request": request["id"], "kind": "approve"}])
        assert "wait" in message(other, of("error"))["text"]
    with pytest.raises(SenseBindError, match="wait"):
        robot = AttachedRobot(agent._config, thread)
        list(robot.decide([Decision("approve", request=request["id"])]))
    assert len(agent.driven) == before


def test_a_terminals_decision_names_its_user(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    agent, _ = served
    monkeypatch.setattr("getpass.getuser", lambda: "carla")
    robot = AttachedRobot(agent._config, "terminal")
    list(robot.turn("go 1 metre"))
    [request] = robot.pending()
    list(robot.decide([Decision("reject", request=request.id)]))
    log = read_audit(agent._config.state_directory / "audit.jsonl")
    assert next(one for one in reversed(log) if one["event"] == "rejected")["by"] == "carla"


def test_stop_rejects_what_waits(served: Served) -> None:
    agent, address = served
    before = len(agent.driven)
    with look(address, "operator") as operator, look(address, "viewer") as viewer:
        message(operator, of("hello"))
        message(viewer, of("hello"))
        send(operator, type="say", text="go 4 metres")
        waits(operator)
        send(viewer, type="stop")
        message(operator, lambda one: one["type"] == "pending" and not one["pending"])
    assert len(agent.driven) == before and not agent.waiting()


def test_a_turn_goes_on_when_its_viewer_leaves(served: Served) -> None:
    agent, address = served
    agent.lingering.clear()
    with look(address, "operator") as operator:
        message(operator, of("hello"))
        send(operator, type="say", text="linger here")
        assert agent.lingering.wait(PATIENCE)
    count = len(agent.cancelled)
    time.sleep(0.3)
    assert len(agent.cancelled) == count  # it still runs
    agent.stop("end of the test")
    until(lambda: len(agent.cancelled) > count)
    assert agent.cancelled[count:] == [True]


def test_streams_are_paused(served: Served) -> None:
    config = served[0]._config
    with look(served[1], "operator") as operator:
        message(operator, of("hello"))
        for paused, expected in ((True, {"camera"}), (False, set())):
            send(operator, type="pause", stream="camera", paused=paused)
            until(lambda expected=expected: pauses_of(config).read() == expected)
        send(operator, type="pause", stream="nose", paused=True)
        assert "no stream 'nose'" in message(operator, of("error"))["text"]


# --- slow viewers ---


async def test_the_newest_wins_and_drops_are_counted() -> None:
    viewer = Viewer()
    for number in range(10):
        viewer.show("camera", f"picture {number}")
        viewer.show("scan", f"scan {number}")
    viewer.queue("said 1")
    viewer.queue("said 2")
    taken = [await viewer.take() for _ in range(4)]
    assert taken == ["said 1", "said 2", "picture 9", "scan 9"] and viewer.dropped == 18
    waiting = asyncio.create_task(viewer.take())
    await asyncio.sleep(0)
    assert not waiting.done()
    viewer.show("camera", "picture 10")
    assert await waiting == "picture 10"


def test_a_viewer_that_does_not_read_slows_nobody(served: Served) -> None:
    config = served[0]._config
    picture = bytes(500_000)
    with (
        Publisher(config.endpoints["rover.camera"], "rover.camera") as camera,
        look(served[1], "viewer") as slow,
        look(served[1], "viewer") as quick,
    ):
        message(slow, of("hello"))
        message(quick, of("hello"))
        received = 0
        stop = threading.Event()

        def publish() -> None:
            number = 0
            while not stop.wait(0.03):
                one = percept("rover.camera", sequence=(number := number + 1))
                camera.publish(Percept(one.header, one.embedding, picture))

        publishing = threading.Thread(target=publish)
        publishing.start()
        try:
            end = time.monotonic() + 4  # in which `slow` reads nothing
            while received <= 20 or time.monotonic() < end:
                received += message(quick, of("camera"))["type"] == "camera"
        finally:
            stop.set()
            publishing.join()
        dropped = message(slow, of("dropped"))["count"]
        assert dropped > 0


# --- what is drawn ---


def test_levels_are_in_dbfs() -> None:
    time_s = np.arange(16000) / 16000
    tone = np.sin(2 * np.pi * 400 * time_s).astype(np.float32)
    assert levels(tone, 4) == pytest.approx([-3.0] * 4, abs=0.05)  # a full sine: RMS 1/√2
    assert levels(0.1 * tone, 2) == pytest.approx([-23.0] * 2, abs=0.05)
    assert levels(np.zeros(100, np.float32), 2) == [-90.0, -90.0]
    assert levels(np.zeros(0, np.float32)) == [-90.0]


def test_sweeps_are_drawn_in_the_robots_frame() -> None:
    points = np.array([[1, 0, 0], [0, 1, 0], [1, 1, -0.6], [1, 1, 5], [np.nan, 0, 0]], np.float32)
    turned = Transform.of((0.1, 0, 0.6), (0, 0, np.pi / 2))  # to the left, 0.6 m above the floor
    assert from_above(points, turned) == [[0.1, 1.0], [-0.9, 0.0]]  # neither floor nor ceiling
    assert from_above(points[:2], None) == [[1.0, 0.0], [0.0, 1.0]]
    assert len(from_above(np.ones((100_000, 3), np.float32), None)) <= 1500


def test_what_cannot_be_drawn_costs_no_more_than_that(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    shown: dict[str, int] = {}

    def show(topic: str, _message: str | bytes) -> None:
        shown[topic] = shown.get(topic, 0) + 1
        if shown[topic] == 1:
            raise ZeroDivisionError

    config = RobotConfig.model_validate(
        {"streams": {"lidar": {"source": "velodyne:2368"}}, "frames": None}
    )
    heard = percept("lidar")
    heard = Percept(replace(heard.header, modality=Modality.POINT), heard.embedding)

    def again() -> bool:
        scene._take(heard)
        return min(shown.get("scan lidar", 0), shown.get("streams", 0)) > 1

    with Scene(config, show) as scene:
        until(again)


# --- tokens ---


def test_tokens_are_made_at_each_start_and_are_private(tmp_path: Path) -> None:
    first = make_tokens(tmp_path / "state")
    second = make_tokens(tmp_path / "state")
    assert first.viewer != second.viewer and first.operator != second.operator
    assert first.api == second.api  # clients keep it
    assert len({second.viewer, second.operator, second.api}) == 3
    for role in Role:
        file = tmp_path / "state" / f"{role}.token"
        assert owner_of(PurePosixPath("server", file.name))
        assert file.stat().st_mode & 0o777 == 0o600
        assert file.read_text().strip() == second.by_role[role]


def test_the_apis_token_may_be_ones_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MINE", "m" * 20)
    tokens = make_tokens(tmp_path, "env:MINE")
    assert tokens.api == "m" * 20 and Role.API not in tokens.files
    own = tmp_path / "own"
    own.write_text("f" * 20)
    own.chmod(0o644)
    with pytest.raises(ConfigurationError, match="chmod 600"):
        make_tokens(tmp_path, f"file:{own}")
    own.chmod(0o600)
    assert make_tokens(tmp_path, f"file:{own}").api == "f" * 20
    monkeypatch.setenv("MINE", "short")
    with pytest.raises(ConfigurationError, match="16"):
        make_tokens(tmp_path, "env:MINE")


# --- programs that act: MCP ---


def test_a_programs_call_waits_for_a_person(served: Served) -> None:
    agent, address = served
    before, robot = len(agent.driven), AttachedRobot(agent._config)
    assert "waits for a person" in robot.act("drive", {"metres": 5.0}, wait=0.5).text
    assert len(agent.driven) == before
    answers: list[str] = []
    with look(address, "operator") as operator:
        message(operator, of("hello"))
        agent.stop("the first one is not wanted")
        message(operator, of("event", "stopped"))
        calling = threading.Thread(
            target=lambda: answers.append(robot.act("drive", {"metres": 6.0}, wait=PATIENCE).text)
        )
        calling.start()
        thread, request = waits(operator)
        assert request["arguments"] == {"metres": 6.0} and not answers
        decisions = [{"request": request["id"], "kind": "approve"}]
        send(operator, type="decide", thread=thread, decisions=decisions)
        calling.join(PATIENCE)
    assert agent.driven[before:] == [6.0] and answers == ["drove 6.0 m"]


@pytest.mark.parametrize(
    ("tool", "arguments"),
    [("look", {}), ("fly", {}), ("drive", {}), ("drive", {"metres": "far"}), ("stop", {})],
)
def test_only_calls_that_act_and_fit_are_made(
    served: Served, tool: str, arguments: dict[str, Any]
) -> None:
    with pytest.raises(SenseBindError):
        AttachedRobot(served[0]._config).act(tool, arguments, wait=1)
    assert not served[0].waiting()
