"""A running robot in a home of three rooms remembers places, makes a map, and goes back by it."""

from __future__ import annotations

import math
import re
from pathlib import Path

import pytest
from fixtures.waiting import until

from sensebind.agent.robot.config_file import parse_config
from sensebind.agent.robot.robot import Robot
from sensebind.perception.simhome.client import RobotClient
from sensebind.perception.simhome.rooms import sample_home

SEED = 7
FILE = f"""
name: rooms
simhome: {{seed: {SEED}, rooms: 3, port: 0}}
streams:
  camera: {{source: simhome, rate: 4, mount: {{xyz: [0.12, 0, 0.62], rpy: [0, 0.157, 0]}},
            intrinsics: {{fx: 186.4, fy: 186.4, cx: 111.5, cy: 111.5, width: 224, height: 224}}}}
  lidar: {{source: simhome, rate: 2, mount: {{xyz: [0, 0, 0.6]}}}}
llm: {{model: "openai:nobody", options: {{base_url: "http://127.0.0.1:9/v1", api_key: none}}}}
memory: {{}}
frames: {{max_mb: 16}}
tools: [recall]
motion: simhome
"""
FROM = re.compile(r"from \((-?\d+\.\d), (-?\d+\.\d)\)")


@pytest.mark.extended
def test_a_robot_goes_back_to_where_it_saw_something(tmp_path: Path) -> None:
    pytest.importorskip("langchain_openai", reason="pip install 'sensebind[openai]'")
    scene = sample_home(SEED)
    doors = [wall for wall in scene.walls if wall.low > 0]
    config = parse_config(FILE).located(tmp_path / "rooms.yaml")
    with Robot(config, transient=True) as robot:
        agent = robot.agent
        assert agent.await_senses() == []
        assert robot._home is not None
        base = RobotClient(robot._home.server.robot)
        tools = {one.name: one for one in agent.tools}
        assert "go_to" in tools

        def seen() -> list[tuple[float, float]]:
            said = str(tools["recall"].invoke({"sense": "sight", "when": "last"}))
            return [(float(x), float(y)) for x, y in FROM.findall(said)]

        def go(x: float, y: float) -> str:
            # A machine that is busy is slow to renew images and sweeps: then it is tried again.
            said = ""

            def arrived() -> bool:
                nonlocal said
                said = str(tools["go_to"].invoke({"x": round(x, 1), "y": round(y, 1)}))
                return said.startswith("arrived")

            until(arrived, 60.0)
            return said

        begin = scene.robot[:2]
        until(lambda: seen() and math.dist(seen()[0], begin) < 0.2)
        [first] = seen()[:1]
        here = next(room for room in scene.rooms if room.holds(*begin))
        door = min(doors, key=lambda one: math.dist((one.x, one.y), begin))
        go(door.x, door.y)
        other = [one for one in scene.rooms if one is not here]
        room = min(other, key=lambda one: math.dist(one.middle, (door.x, door.y)))
        go(*room.middle)
        assert room.holds(*base.pose()[:2])
        near = f"within 0.5 m of {first[0]}, {first[1]}"
        said = str(tools["recall"].invoke({"sense": "sight", "near": near, "when": "last"}))
        place = FROM.findall(said)[0]
        go(float(place[0]), float(place[1]))
        assert math.dist(base.pose()[:2], begin) < 1.0
