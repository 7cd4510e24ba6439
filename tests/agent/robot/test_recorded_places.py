"""Where a robot was is recorded, and what is perceived again of a recording has its places."""

import time
from pathlib import Path

import numpy as np
import pytest
from pydantic import ValidationError

from sensebind.agent.cli.config import check
from sensebind.agent.robot.checks import Verdict
from sensebind.agent.robot.config import RobotConfig
from sensebind.agent.robot.config_file import read_config
from sensebind.agent.robot.control_messages import Poses
from sensebind.agent.robot.doctor_pose import examine_pose
from sensebind.agent.robot.pose_recorder import PoseRecorder
from sensebind.agent.robot.whereabouts import followed, poses_since, stored_poses, track_of
from sensebind.errors import BusError, ConfigurationError, InputError
from sensebind.memory.episodes import Near, Query
from sensebind.memory.recall import EpisodeMemory
from sensebind.memory.recorder import Recorder as Memory
from sensebind.perception.frames.recorded_poses import poses_in
from sensebind.perception.frames.recording import Recorder, Recording
from sensebind.perception.geometry.pose import Pose, PoseTrack
from sensebind.perception.percept import Modality, Observation, Percept, PerceptHeader

BEGIN = 1_700_000_000 * 10**9
SECOND = 10**9
RUN = "odom:5f0c9a1e"
AXES = np.eye(4, dtype=np.float32)


def percept(number: int, axis: int) -> Percept:
    at = BEGIN + number * SECOND
    header = PerceptHeader(
        stream="camera",
        modality=Modality.VISION,
        sequence=number + 1,
        captured_at=at,
        published_at=at,
        monotonic=float(number),
        shape=(4,),
        model="m",
        observation=f"frame:camera@{at}",
    )
    return Percept(header, AXES[axis])


def walk(folder: Path, *, poses: bool = True) -> Path:
    """A robot that sees one thing while it stands at (0, 0), and another at (4, 0)."""
    with Recorder(folder / "walk.mcap") as recorder:
        for number in range(10):
            at = BEGIN + number * SECOND
            image = np.full((4, 4, 3), number, np.uint8)
            there = Pose(0.0 if number < 5 else 4.0, 0.0, 0.0, RUN)
            if poses:
                recorder.place(there, at - SECOND // 10)
                recorder.place(there, at + SECOND // 10)
            recorder.observe(
                Observation(image, "camera", Modality.VISION, at, float(number), number + 1, "")
            )
            recorder.perceive(percept(number, number // 5))
    return folder / "walk.mcap"


def robot(folder: Path, more: str = "") -> RobotConfig:
    file = folder / "robot.yaml"
    file.write_text(
        "streams:\n  camera: {source: 'replay:walk.mcap', modality: vision}\nmemory: {}\n" + more
    )
    return read_config(file)


@pytest.mark.parametrize("more", ["", "pose: 'replay:walk.mcap'\n"])
def test_what_is_replayed_is_remembered_with_its_place(tmp_path: Path, more: str) -> None:
    path, config = walk(tmp_path), robot(tmp_path, more)
    track = track_of(config)
    assert track is not None
    with followed(config, track, None, None):
        memory = Memory(tmp_path / "memory.db", where=track.of)
        for entry in (one.entry for one in Recording(path)):
            if isinstance(entry, Percept):
                memory.record(entry)
        memory.stop()
        assert track.frame == RUN
        recorded_again = poses_since(track, 0.0).poses
    assert (recorded_again[0].captured_at, recorded_again[0].frame) == (BEGIN - SECOND // 10, RUN)
    with EpisodeMemory(tmp_path / "memory.db") as opened:
        [second] = opened.search(Query(near=Near(4.0, 0.0, 1.0, RUN)))
        assert second.pose == Pose(4.0, 0.0, 0.0, RUN)
        assert second.episode.started_at == BEGIN + 5 * SECOND
        [first] = opened.search(Query(AXES[0], near=Near(0.0, 0.0, 1.0, RUN)))
        assert first.pose == Pose(0.0, 0.0, 0.0, RUN)
        assert opened.search(Query(AXES[1], near=Near(4.0, 0.0, 1.0, "odom:00000000"))) == []


def test_where_poses_of_files_come_from(tmp_path: Path) -> None:
    walk(tmp_path)
    assert stored_poses(robot(tmp_path)) is not None
    assert track_of(robot(tmp_path, "pose: null\n")) is None
    home = robot(tmp_path, "simhome: {seed: 1}\n")
    assert stored_poses(home) is None and track_of(home) is not None
    live = RobotConfig.model_validate({"streams": {"camera": {"source": "camera:0"}}})
    assert track_of(live) is None
    for wrong, why in (
        ({"source": "replay:walk.mcap", "fixed": "map"}, "base: and fixed: are of transforms"),
        ({"source": "replay:walk.mcap", "topic": "/odom"}, "topic: is of a bag"),
        ({"source": "bag:"}, "pattern"),
    ):
        with pytest.raises(ValidationError, match=why):
            RobotConfig.model_validate({"streams": {"c": {"source": "camera:0"}}, "pose": wrong})
    (tmp_path / "robot.yaml").unlink()
    robot(tmp_path, "pose: {source: 'bag:drive', topic: /odom}\n")
    with pytest.raises(ConfigurationError, match=r"pose: .*drive does not exist"):
        check(tmp_path / "robot.yaml")


def test_doctor_reads_the_file(tmp_path: Path) -> None:
    walk(tmp_path)
    [well] = examine_pose(robot(tmp_path, "pose: 'replay:walk.mcap'\n"))
    assert (well.verdict, well.found) == (Verdict.OK, "replay:walk.mcap says 9 s in odom")
    (tmp_path / "walk.mcap").unlink()
    walk(tmp_path, poses=False)
    [none] = examine_pose(robot(tmp_path, "pose: 'replay:walk.mcap'\n"))
    assert none.verdict is Verdict.WARNING and "does not say where" in none.found
    assert list(examine_pose(robot(tmp_path))) == []


def test_where_a_robot_is_goes_into_a_recording(tmp_path: Path) -> None:
    track = PoseTrack()
    asked: list[float | None] = []

    def ask(since: float | None) -> Poses:
        asked.append(since)
        return poses_since(track, since)

    now = time.monotonic()
    track.add(now - 2.0, 9.0, 9.0, 0.0)  # before the recording
    with Recorder(tmp_path / "now.mcap") as recorder:
        places = PoseRecorder(recorder, ask)
        places.write(now=True)
        for number, x in enumerate((1.0, 2.0)):
            track.add(now + number, x, 0.0, 0.5)
        places.write(now=True)
        places.write(now=True)
        places.write()  # a second has not passed
    assert len(asked) == 3 and asked[0] is None
    found = [one for one in poses_in(tmp_path / "now.mcap") if not isinstance(one, InputError)]
    assert [(p.x, p.frame) for _, p in found] == [(1.0, "map"), (2.0, "map")]
    assert abs(found[0][0] - time.time_ns()) < 600 * SECOND and found[1][0] - found[0][0] > 0


def test_the_first_pose_of_all_is_recorded_too(tmp_path: Path) -> None:
    track = PoseTrack()
    with Recorder(tmp_path / "now.mcap") as recorder:
        places = PoseRecorder(recorder, lambda since: poses_since(track, since))
        places.write(now=True)  # nobody knows yet
        track.add(time.monotonic(), 1.0, 0.0, 0.0)
        places.write(now=True)
        assert recorder.counts == {"/robot/pose": 1}


def test_a_robot_that_gives_no_poses_is_recorded_without(tmp_path: Path) -> None:
    def gone(since: float | None) -> Poses:
        raise BusError("the robot went away")

    with Recorder(tmp_path / "now.mcap") as recorder:
        places = PoseRecorder(recorder, gone)
        places.write(now=True)
        assert places.trouble == "the robot went away" and recorder.counts == {}
