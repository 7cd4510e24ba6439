"""What the agent is aware of, over a real bus: ages, stale and missing senses, conditions."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fixtures.waiting import until

from sensebind.agent.conditioning.awareness import Awareness
from sensebind.agent.conditioning.sensed import SenseState
from sensebind.agent.robot.config_file import parse_config
from sensebind.errors import BusError, InputError, SourceError, StaleError
from sensebind.perception.bus.pubsub import Publisher
from sensebind.perception.frames.codecs import jpeg
from sensebind.perception.frames.service import FrameServer
from sensebind.perception.frames.store import FrameStore
from sensebind.perception.percept import Modality, Observation, Percept, PerceptHeader

MODALITIES = {"camera": "vision", "microphone": "audio", "lidar": "point"}
SENSES = ("sight", "hearing", "scan")
DIM = 4


@pytest.fixture
def publishers(tmp_path: Path) -> Iterator[dict[str, Publisher]]:
    opened = {
        name: Publisher(f"ipc://{tmp_path}/{name}", name, heartbeat_seconds=0.05)
        for name in MODALITIES
    }
    yield opened
    for publisher in opened.values():
        publisher.close()


@pytest.fixture
def awareness(publishers: dict[str, Publisher]) -> Iterator[Awareness]:
    endpoints = {name: publisher.endpoint for name, publisher in publishers.items()}
    with Awareness(endpoints, MODALITIES) as awareness:
        until(lambda: all(r.worker == "starting" for r in awareness.report().values()))
        yield awareness


def perceive(
    publisher: Publisher,
    axis: int = 0,
    age: float = 0.0,
    present: bool = True,
    payload: bytes | None = None,
    **fields: Any,
) -> Percept:
    """Publish a unit vector along an axis, captured `age` seconds ago."""
    embedding = np.zeros(DIM, np.float32)
    embedding[axis] = present
    captured = time.time_ns() - int(age * 1e9)
    header = PerceptHeader(
        stream=publisher.stream,
        modality=Modality(MODALITIES[publisher.stream]),
        sequence=0,
        captured_at=captured,
        published_at=0,
        monotonic=time.monotonic() - age,
        shape=(DIM,),
        present=present,
        observation=f"frame:{publisher.stream}@{captured}",
        **fields,
    )
    return publisher.publish(Percept(header, embedding, payload))


def arrived(awareness: Awareness, stream: str, sent: Percept) -> None:
    def newest() -> int:
        try:
            return awareness.newest(stream, 1e9).header.sequence
        except SourceError:  # counted already, but not there yet
            return 0

    until(lambda: newest() == sent.header.sequence)


def test_nothing_yet_is_missing_not_absent(awareness: Awareness) -> None:
    condition = awareness.condition(SENSES, DIM)
    assert not condition.present.any() and not condition.embeddings.any()
    assert [s.state for s in condition.sensed] == [SenseState.MISSING] * 3
    assert [s.sense for s in condition.sensed] == list(SENSES)
    assert not awareness.wait(0.05)
    with pytest.raises(SourceError, match="nothing has come"):
        awareness.newest("camera")


def test_percepts_fill_their_slots_in_the_order_of_the_model(
    awareness: Awareness, publishers: dict[str, Publisher]
) -> None:
    for axis, publisher in enumerate(publishers.values()):
        perceive(publisher, axis)
    assert awareness.wait(10)
    order = ("scan", "sight", "hearing")
    condition = awareness.condition(order, DIM)
    assert condition.embeddings.shape == (3, DIM) and condition.present.all()
    np.testing.assert_array_equal(condition.embeddings.argmax(axis=1), [2, 0, 1])
    assert {s.state for s in condition.sensed} == {SenseState.PRESENT}
    for sensed in condition.sensed:
        assert sensed.reference == f"frame:{sensed.stream}@{sensed.captured_at}"
        assert 0 <= sensed.age_ms < 2000


def test_one_slot_takes_the_weighted_sum(
    awareness: Awareness, publishers: dict[str, Publisher]
) -> None:
    perceive(publishers["camera"], 0)
    perceive(publishers["microphone"], 1)
    assert awareness.wait(10, ["camera", "microphone"])
    condition = awareness.condition(("all",), DIM, weights={"audio": 0.5})
    np.testing.assert_allclose(condition.embeddings[0, :2], [1 / 1.5, 0.5 / 1.5], atol=1e-5)


def test_a_stale_percept_is_left_out_and_named(
    awareness: Awareness, publishers: dict[str, Publisher]
) -> None:
    arrived(awareness, "camera", perceive(publishers["camera"], 0, age=3.0))
    arrived(awareness, "lidar", perceive(publishers["lidar"], 2))
    condition = awareness.condition(SENSES, DIM)
    assert condition.present.tolist() == [False, False, True]
    assert not condition.embeddings[0].any()
    states = {s.stream: s.state for s in condition.sensed}
    assert states == {"camera": "stale", "microphone": "missing", "lidar": "present"}
    sight = condition.sensed[0]
    assert sight.age_ms > 2900 and sight.reference.startswith("frame:camera@")
    with pytest.raises(StaleError, match="camera is 3"):
        awareness.newest("camera")
    with pytest.raises(StaleError):
        awareness.frame("camera")
    assert awareness.condition(SENSES, DIM, max_age=10).present.tolist() == [True, False, True]


def test_a_percept_grows_old_by_itself(
    awareness: Awareness, publishers: dict[str, Publisher]
) -> None:
    arrived(awareness, "camera", perceive(publishers["camera"]))
    until(lambda: not awareness.condition(SENSES, DIM, max_age=0.2).present.any())
    assert awareness.condition(SENSES, DIM, max_age=0.2).sensed[0].state is SenseState.STALE


def test_a_stamp_from_the_future_does_not_stay_young(
    awareness: Awareness, publishers: dict[str, Publisher]
) -> None:
    arrived(awareness, "camera", perceive(publishers["camera"], age=-1000.0))
    until(lambda: not awareness.condition(SENSES, DIM, max_age=0.2).present.any())


def test_a_sense_that_found_nothing_says_nothing(
    awareness: Awareness, publishers: dict[str, Publisher]
) -> None:
    arrived(awareness, "microphone", perceive(publishers["microphone"], 1))
    arrived(awareness, "microphone", perceive(publishers["microphone"], present=False))
    condition = awareness.condition(SENSES, DIM)
    assert not condition.present[1]
    assert condition.sensed[1].state is SenseState.NOTHING


def test_the_frame_of_the_newest_percept(
    awareness: Awareness, publishers: dict[str, Publisher]
) -> None:
    image = np.zeros((24, 32, 3), np.uint8)
    image[..., 0] = 200
    sent = perceive(publishers["camera"], payload=jpeg(image), frame_id="camera_optical")
    arrived(awareness, "camera", sent)
    frame = awareness.frame()
    assert frame.reference == sent.header.observation and frame.frame_id == "camera_optical"
    np.testing.assert_allclose(frame.data.astype(int), image, atol=8)
    arrived(awareness, "camera", perceive(publishers["camera"]))
    with pytest.raises(SourceError, match="no picture"):
        awareness.frame()
    arrived(awareness, "camera", perceive(publishers["camera"], payload=b"no picture"))
    with pytest.raises(InputError):
        awareness.frame()


def test_a_picture_that_did_not_come_along_is_fetched_by_reference(
    publishers: dict[str, Publisher], tmp_path: Path
) -> None:
    endpoints = {name: publisher.endpoint for name, publisher in publishers.items()}
    image = np.full((8, 8, 3), 90, np.uint8)
    with (
        FrameStore(tmp_path / "frames") as store,
        Awareness(endpoints, MODALITIES, frames=store.get) as awareness,
    ):
        sent = perceive(publishers["camera"])
        at = sent.header.captured_at
        store.put(Observation(image, "camera", Modality.VISION, at, 0.0, 1, "optical"))
        arrived(awareness, "camera", sent)
        np.testing.assert_allclose(awareness.frame().data.astype(int), image, atol=4)


def test_senses_are_aligned_in_time(awareness: Awareness, publishers: dict[str, Publisher]) -> None:
    """Each stream gives the percept captured nearest to the moment asked for."""
    camera, microphone = publishers["camera"], publishers["microphone"]
    seen, heard = [], []
    for number, age in enumerate((9, 6, 3)):
        seen.append(perceive(camera, number, age, payload=b"x"))
        arrived(awareness, "camera", seen[-1])
    for number, age in enumerate((7.5, 1)):
        heard.append(perceive(microphone, number, age))
        arrived(awareness, "microphone", heard[-1])
    moment = seen[1].header.monotonic
    past = awareness.at(moment, tolerance=2)
    assert past["camera"].embedding[1] and past["microphone"].embedding[0]
    assert past["camera"].payload is None and "lidar" not in past
    late = awareness.at(heard[1].header.monotonic, tolerance=1e6)
    assert late["microphone"].embedding[1] and late["camera"].embedding[2]
    assert set(awareness.at(moment, tolerance=0.01)) == {"camera"}
    assert awareness.at(moment - 100) == {}


def test_losses_and_restarts_are_reported(
    awareness: Awareness, publishers: dict[str, Publisher]
) -> None:
    camera = publishers["camera"]
    for _ in range(3):
        arrived(awareness, "camera", perceive(camera, encode_ms=12.5))
        time.sleep(0.02)
    report = awareness.report()["camera"]
    assert report.rate > 0 and report.encode_ms == 12.5 and report.age_ms < 2000
    camera.close()
    with Publisher(camera.endpoint, "camera", heartbeat_seconds=0.05) as again:
        again.report("waiting", "no camera")
        until(lambda: awareness.report()["camera"].worker == "waiting")
        assert awareness.report()["camera"].detail == "no camera"
        assert awareness.report()["camera"].counts.restarts == 1
        perceive(again)
        until(lambda: awareness.report()["camera"].counts.received == 4)
    until(lambda: awareness.report()["camera"].worker == "silent")


def test_embeddings_of_another_width_are_refused(
    awareness: Awareness, publishers: dict[str, Publisher]
) -> None:
    arrived(awareness, "camera", perceive(publishers["camera"]))
    with pytest.raises(InputError, match="expects 1024"):
        awareness.condition(SENSES, 1024)


def test_a_listener_that_fails_harms_nobody(publishers: dict[str, Publisher]) -> None:
    heard: list[int] = []

    def broken(percept: Percept) -> None:
        raise ValueError("a bug")

    endpoints = {name: publisher.endpoint for name, publisher in publishers.items()}
    with Awareness(endpoints, MODALITIES, [broken, lambda p: heard.append(p.header.sequence)]) as a:
        until(lambda: a.report()["camera"].counts.beats)
        for _ in range(2):
            arrived(a, "camera", perceive(publishers["camera"]))
        until(lambda: heard == [1, 2])


def test_what_cannot_be_asked_for(awareness: Awareness) -> None:
    with pytest.raises(InputError, match="no stream 'nose'"):
        awareness.newest("nose")
    with pytest.raises(InputError, match="no endpoint for lidar"):
        Awareness({"camera": "ipc:///tmp/x"}, {"camera": "vision", "lidar": "point"})
    with pytest.raises(BusError), Awareness({"camera": "tcp://1.2.3.4:5"}, {"camera": "vision"}):
        pass


def test_stopping_twice_is_fine(publishers: dict[str, Publisher]) -> None:
    awareness = Awareness({"camera": publishers["camera"].endpoint}, {"camera": "vision"})
    awareness.start()
    awareness.stop()
    awareness.stop()


def test_another_process_joins_a_running_robot(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As `RobotConfig` describes it: its bus, and the frames behind percepts without images."""
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    config = parse_config("name: rover\nstreams: {camera: {source: 'camera:0'}}\n")
    config.directory.mkdir(parents=True)
    image = np.full((16, 24, 3), 90, np.uint8)
    now = (time.time_ns(), time.monotonic())
    seen = Observation(image, "rover.camera", Modality.VISION, *now, 1, "")
    heard: list[Percept] = []
    with (
        FrameStore(tmp_path / "frames") as store,
        FrameServer(store, config.frames_endpoint),
        Publisher(config.endpoints["rover.camera"], "rover.camera") as publisher,
        Awareness.connect(config, [heard.append]) as awareness,
    ):
        store.put(seen)
        vector = np.zeros(8, np.float32)
        vector[0] = 1
        header = PerceptHeader(
            stream="rover.camera",
            modality=Modality.VISION,
            sequence=0,
            published_at=0,
            captured_at=seen.captured_at,
            monotonic=seen.monotonic,
            shape=(8,),
            observation=seen.reference,
        )
        publisher.publish(Percept(header, vector, None))
        assert awareness.wait(10)
        assert awareness.newest("rover.camera", 60).embedding.tolist() == vector.tolist()
        frame = awareness.frame("rover.camera", 60)
        assert frame.data.shape == image.shape and abs(frame.data.mean() - 90) < 2
    assert [one.header.stream for one in heard] == ["rover.camera"]
