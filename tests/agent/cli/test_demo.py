"""The demo's whole, in this process: workers are killed during a dialog, and it goes on."""

import os
import re
import signal
import time
from collections.abc import Iterator

import pytest
from fixtures.tiny_checkpoint import tiny_checkpoint
from fixtures.waiting import PATIENCE, until

from sensebind.agent.conditioning.awareness import MAX_AGE, SOUND_WINDOW
from sensebind.agent.robot.robot import Robot
from sensebind.agent.robot.simhome import simhome_robot
from sensebind.perception.workers.supervisor import WorkerState

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def robot(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Robot]:
    checkpoint = tiny_checkpoint(tmp_path_factory.mktemp("checkpoint"))
    with Robot(simhome_robot(3, checkpoint=checkpoint), transient=True) as running:
        assert running.agent.await_senses() == []
        yield running


def test_house_detector_memory_and_wheels_are_tools(robot: Robot) -> None:
    names = set(robot.agent.assistant()._agent.nodes["tools"].bound.tools_by_name)
    assert {"detect", "clock", "lamp_on", "radio_off", "door_close", "thermostat_set"} <= names
    assert {"recall", "watch_add", "watch_list", "watch_remove"} <= names
    assert {"approach", "drive", "turn", "stop"} <= names and "go_to" not in names


def test_only_what_moves_the_robot_waits_for_a_person(robot: Robot) -> None:
    policy = robot.agent.assistant()._policy
    assert {t.name for t in robot.agent.tools if policy.asks(t)} == {"approach", "drive", "turn"}


def test_it_moves_remembers_and_watches(robot: Robot) -> None:
    tools = {tool.name: tool for tool in robot.agent.tools}
    turned = re.fullmatch(r"turned (\S+) degrees", tools["turn"].invoke({"degrees": 90}))
    assert turned is not None
    assert float(turned[1]) == pytest.approx(90, abs=4)  # it is driven on a busy machine
    watching = tools["watch_add"].invoke({"what": "a dog", "sense": "hearing"})
    assert watching == "watching for a dog by hearing"
    assert tools["watch_list"].invoke({}) == "a dog by hearing"
    recall = tools["recall"]
    until(lambda: "(seen by camera" in recall.invoke({"sense": "sight", "when": "last"}))


def test_what_a_switch_changed_is_perceived_before_the_next_question(robot: Robot) -> None:
    list(robot.agent.turn("hello"))
    robot.agent._settling._acted = acted = time.monotonic()
    list(robot.agent.turn("what do you hear?"))
    header = robot.agent.awareness.newest("microphone").header
    assert header.monotonic >= acted + SOUND_WINDOW


@pytest.mark.parametrize("stream", ["camera", "microphone", "lidar"])
def test_a_killed_worker_comes_back_and_the_gap_is_reported(robot: Robot, stream: str) -> None:
    assert robot.agent.assistant().ask("hello").error == ""
    before = robot.supervisor.status()[stream]
    epoch = robot.agent.awareness.newest(stream, 60).header.epoch
    os.kill(before.pid, signal.SIGKILL)
    killed = time.monotonic()
    deadline = killed + PATIENCE
    while time.monotonic() < deadline:
        now = robot.supervisor.status()[stream]
        if now.pid not in (0, before.pid) and now.state is WorkerState.RUNNING:
            break
        time.sleep(0.05)
    assert robot.supervisor.status()[stream].restarts == before.restarts + 1
    while robot.agent.awareness.report()[stream].counts.restarts <= before.restarts:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    # A heartbeat tells of the restart. The first percept may come behind it, and on a busy machine
    # be too old for an answer by the time it is there: the stream must flow again.
    while (
        robot.agent.awareness.newest(stream, 60).header.epoch == epoch
        or robot.agent.awareness.report()[stream].age_ms > 500
    ):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    record = robot.agent.assistant().ask("and now?")
    assert record.error == "" and record.assistant
    [gap] = [gap for gap in record.gaps if gap.stream == stream]
    # The next worker may begin with the very window of sound that the last one ended with: 0 s.
    assert gap.restarted and gap.seconds <= time.monotonic() - killed + MAX_AGE
    assert {p.stream for p in record.percepts if p.state in ("present", "nothing")} >= {stream}
    assert not [gap for gap in robot.agent.assistant().ask("again").gaps if gap.stream == stream]
