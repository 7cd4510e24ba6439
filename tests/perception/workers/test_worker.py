"""One sense, in this process: what is encoded, what is nothing, and what is refused."""

import math
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from fixtures.fake_senses import MODULE, STREAMS, WIDTH, sample, save_tiny_imagebind, worker
from fixtures.tiny_encoders import save_tiny_clip
from fixtures.waiting import PATIENCE
from pydantic import ValidationError

from sensebind.errors import (
    BusError,
    CheckpointError,
    ConfigurationError,
    InputError,
    SourceError,
    StorageError,
)
from sensebind.perception.bus.pubsub import Heartbeat, Publisher, Subscriber
from sensebind.perception.encoders.base import Embedding, Nothing, Refused
from sensebind.perception.encoders.clip import ClipEncoder
from sensebind.perception.encoders.imagebind import ImageBindEncoder, SenseEncoder
from sensebind.perception.frames.codecs import from_jpeg
from sensebind.perception.frames.store import FrameStore
from sensebind.perception.geometry.tree import Transform
from sensebind.perception.lidar.range_image import sweep_depth
from sensebind.perception.percept import Modality, Observation, Percept
from sensebind.perception.simhome.home import SimHome
from sensebind.perception.sources.registry import FACTORY
from sensebind.perception.workers.worker import FactorySpec, Worker, WorkerSpec, run_worker


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_imagebind(tmp_path_factory.mktemp("imagebind"))


def observation(modality: Modality, data: np.ndarray, rate: int = 0) -> Observation:
    return Observation(data, "s", modality, time.time_ns(), time.monotonic(), 1, "f", rate)


@contextmanager
def running(*specs: WorkerSpec) -> Iterator[Subscriber]:
    """Run a worker in a thread, and subscribe to it."""
    runner = Worker(*specs)
    failures: list[Exception] = []

    def run() -> None:
        try:
            runner.run()
        except Exception as error:
            failures.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    with Subscriber([spec.endpoint for spec in specs]) as subscriber:
        try:
            yield subscriber
        finally:
            runner.stop()
            thread.join(PATIENCE)
    assert not thread.is_alive() and not failures, failures


def collect(subscriber: Subscriber, count: int, seconds: float = PATIENCE) -> list[Percept]:
    found: list[Percept] = []
    end = time.monotonic() + seconds
    while len(found) < count and time.monotonic() < end:
        found += subscriber.receive(0.1).percepts.values()
    assert len(found) >= count, subscriber.stats()
    return found


def told(
    subscriber: Subscriber,
    state: str,
    word: str = "",
    seconds: float = PATIENCE,
    stream: str = "",
    count: Callable[[Heartbeat], bool] = lambda beat: True,
) -> Heartbeat:
    """Wait until a heartbeat says so."""
    end = time.monotonic() + seconds
    beat = None
    while time.monotonic() < end:
        for beat in subscriber.receive(0.1).heartbeats.values():
            right = beat.state == state and word in beat.detail and stream in ("", beat.stream)
            if right and count(beat):
                return beat
    raise AssertionError(f"last heartbeat {beat}")


# --- the encoder ---


@pytest.mark.parametrize("modality", list(STREAMS.values()))
def test_every_sense_gives_a_unit_vector(checkpoint: Path, modality: Modality) -> None:
    encoder = SenseEncoder.from_pretrained(checkpoint, modality)
    data, rate = sample(modality, seed=1)
    first = encoder.encode(observation(modality, data, rate))
    again = encoder.encode(observation(modality, data, rate))
    assert first is not None and again is not None
    assert first.shape == (encoder.width,) == (WIDTH,) and first.dtype == np.float32
    assert abs(np.linalg.norm(first) - 1) < 1e-5
    np.testing.assert_array_equal(first, again)
    assert encoder.digest == SenseEncoder.from_pretrained(checkpoint, Modality.VISION).digest


@pytest.mark.parametrize("precision", ["bfloat16", "int8"])
@pytest.mark.parametrize("modality", list(STREAMS.values()))
def test_other_numbers_point_the_same_way(
    checkpoint: Path, modality: Modality, precision: str
) -> None:
    data, rate = sample(modality, seed=1)
    exact, other = (
        SenseEncoder.from_pretrained(checkpoint, modality, precision=one).encode(
            observation(modality, data, rate)
        )
        for one in ("float32", precision)
    )
    assert exact is not None and other is not None
    assert other.dtype == np.float32 and abs(np.linalg.norm(other) - 1) < 1e-5
    assert exact @ other > 0.99 and not np.array_equal(exact, other)


def test_a_short_sound_needs_one_clip_only(checkpoint: Path) -> None:
    encoder = SenseEncoder.from_pretrained(checkpoint, Modality.AUDIO)
    data, rate = sample(Modality.AUDIO, seed=2)
    got = encoder.encode(observation(Modality.AUDIO, data, rate))
    model, processor = encoder._model, encoder._processor
    whole = model.encode("audio", processor.audio(data, rate)[None])[0].detach().numpy()
    assert got is not None
    np.testing.assert_allclose(got, whole / np.linalg.norm(whole), atol=1e-5)


def test_silence_and_an_empty_scan_are_nothing(checkpoint: Path) -> None:
    for modality in (Modality.AUDIO, Modality.POINT):
        encoder = SenseEncoder.from_pretrained(checkpoint, modality)
        data, rate = sample(modality, empty=True)
        assert encoder.encode(observation(modality, data, rate)) is None


def test_a_cloud_of_one_thing_is_not_cut(checkpoint: Path) -> None:
    cloud = np.random.default_rng(0).normal(size=(100, 3)).astype(np.float32)
    whole = SenseEncoder.from_pretrained(checkpoint, Modality.POINT, segment=False)
    assert whole.encode(observation(Modality.POINT, cloud)) is not None


def test_a_sweep_is_encoded_whole_as_a_picture_of_distances(checkpoint: Path) -> None:
    encoder = SenseEncoder.from_pretrained(checkpoint, Modality.DEPTH)
    sweep, _ = sample(Modality.POINT)
    whole = encoder.encode(observation(Modality.POINT, sweep))
    plane = encoder.encode(observation(Modality.DEPTH, sweep_depth(sweep)))
    assert whole is not None and plane is not None
    np.testing.assert_array_equal(whole, plane)
    assert encoder.encode(observation(Modality.POINT, sweep[:0])) is None
    assert encoder.things(observation(Modality.POINT, sweep)) == ()


@pytest.mark.parametrize(
    ("modality", "data"),
    [
        (Modality.VISION, np.zeros((4, 4, 2), np.uint8)),
        (Modality.VISION, np.zeros((0, 4, 3), np.uint8)),
        (Modality.AUDIO, np.full(32000, np.nan, np.float32)),
        (Modality.AUDIO, np.ones(10, np.float32)),
        (Modality.POINT, np.full((50, 3), np.nan, np.float32)),
        (Modality.POINT, np.zeros((50, 2), np.float32)),
    ],
)
def test_malformed_observations_are_refused(
    checkpoint: Path, modality: Modality, data: np.ndarray
) -> None:
    encoder = SenseEncoder.from_pretrained(checkpoint, modality)
    with pytest.raises(InputError):
        encoder.encode(observation(modality, data, 16000))


@pytest.mark.parametrize("tilt", [(math.pi, 0.0), (0.1, -0.3), (math.pi, 0.4)])
def test_a_lidar_that_sits_askew_perceives_the_same(
    checkpoint: Path, tilt: tuple[float, float]
) -> None:
    sweep = SimHome(7180).lidar()
    level = SenseEncoder.from_pretrained(checkpoint, Modality.POINT)
    askew = SenseEncoder.from_pretrained(checkpoint, Modality.POINT, sensor_tilt=tilt)
    seen = Transform.of(rpy=(*tilt, 0.0)).inverse().apply(sweep).astype(np.float32)
    expected = level.things(observation(Modality.POINT, sweep))
    found = askew.things(observation(Modality.POINT, seen))
    assert expected and len(found) == len(expected)
    for one, other in zip(found, expected, strict=True):
        assert one.position == pytest.approx(other.position, abs=1e-3)
    assert askew.encode(observation(Modality.POINT, seen)) is not None


def test_modalities_without_a_sense_are_refused(checkpoint: Path) -> None:
    with pytest.raises(ConfigurationError, match="text"):
        SenseEncoder.from_pretrained(checkpoint, Modality.TEXT)


# --- the loop ---


@pytest.mark.parametrize("stream", list(STREAMS))
def test_percepts_carry_what_is_known(checkpoint: Path, tmp_path: Path, stream: str) -> None:
    spec = worker(stream, checkpoint, endpoint=f"ipc://{tmp_path}/p")
    with running(spec) as subscriber:
        percepts = collect(subscriber, 3)
        told(subscriber, "running")
    for percept in percepts:
        header = percept.header
        assert (header.stream, header.modality) == (stream, STREAMS[stream])
        assert header.present and header.frame_id == f"{stream}_frame"
        assert header.observation == f"frame:{stream}@{header.captured_at}"
        assert header.captured_at <= header.published_at
        assert 0 < header.encode_ms < 10_000 and header.model and header.cache == ""
        assert (percept.payload is not None) == (stream == "camera")
    if stream == "camera":
        assert from_jpeg(percepts[0].payload or b"").shape == (32, 40, 3)


def test_nothing_perceived_is_said_so_and_not_enhanced(checkpoint: Path, tmp_path: Path) -> None:
    spec = worker(
        "microphone",
        checkpoint,
        empty=True,
        endpoint=f"ipc://{tmp_path}/p",
        enhance=FactorySpec(factory=f"{MODULE}:Turner"),
    )
    with running(spec) as subscriber:
        percept = collect(subscriber, 1)[0]
    assert not percept.header.present and not percept.embedding.any()


def test_the_enhance_callable_is_applied_and_named(checkpoint: Path, tmp_path: Path) -> None:
    bare = worker("camera", checkpoint, endpoint=f"ipc://{tmp_path}/p")
    turned = bare.model_copy(update={"enhance": FactorySpec(factory=f"{MODULE}:Turner")})
    found = []
    for spec in (bare, turned):
        with running(spec) as subscriber:
            found.append(collect(subscriber, 1)[0])
    assert [p.header.cache for p in found] == ["", "turned"]
    if found[0].header.sequence == found[1].header.sequence:
        np.testing.assert_allclose(found[1].embedding, -found[0].embedding, atol=1e-6)


def test_the_rate_is_a_limit(checkpoint: Path, tmp_path: Path) -> None:
    spec = worker("lidar", checkpoint, rate=5.0, endpoint=f"ipc://{tmp_path}/p")
    with running(spec) as subscriber:
        times = [p.header.published_at for p in collect(subscriber, 4)]
    assert (times[-1] - times[0]) / 1e9 >= 0.9 * 2.5 / 5.0  # with half an interval of slack


def test_malformed_observations_are_counted_and_survived(checkpoint: Path, tmp_path: Path) -> None:
    spec = worker("camera", checkpoint, malformed_every=2, endpoint=f"ipc://{tmp_path}/p")
    with running(spec) as subscriber:
        percepts = collect(subscriber, 4)
    assert percepts[-1].header.dropped >= 2
    assert subscriber.stats()["camera"].lost == 0


def test_a_source_that_is_gone_is_opened_again(checkpoint: Path, tmp_path: Path) -> None:
    spec = worker(
        "camera", checkpoint, gone_after=2, endpoint=f"ipc://{tmp_path}/p", reopen=0.3, max_age=0.1
    )
    with running(spec) as subscriber:
        told(subscriber, "waiting", "camera is gone")
        percepts = collect(subscriber, 3)
    epochs = {p.header.epoch for p in percepts}
    assert len(epochs) == 1  # the publisher lives on
    assert subscriber.stats()["camera"].restarts == 0


def test_a_source_that_cannot_be_opened_is_tried_again(checkpoint: Path, tmp_path: Path) -> None:
    source = FactorySpec(factory=f"{MODULE}:Refusing")
    spec = worker("camera", checkpoint, endpoint=f"ipc://{tmp_path}/p")
    with running(spec.model_copy(update={"source": source})) as subscriber:
        told(subscriber, "waiting", "no such device")


# --- what has not changed ---


def test_what_has_not_changed_is_not_encoded_again_and_stays_fresh(
    checkpoint: Path, tmp_path: Path
) -> None:
    spec = worker("camera", checkpoint, still=True, endpoint=f"ipc://{tmp_path}/p", refresh=0.05)
    with running(spec) as subscriber:
        percepts = collect(subscriber, 4)
        beat = told(subscriber, "running")
    first, *others = percepts
    encoded = [p for p in percepts if not p.header.unchanged]
    assert len(encoded) <= 1 and all(p.header.encode_ms == 0 for p in others)
    for percept in others:
        np.testing.assert_array_equal(percept.embedding, first.embedding)
        assert percept.header.observation == f"frame:camera@{percept.header.captured_at}"
    times = [p.header.monotonic for p in percepts]
    assert times == sorted(set(times))
    assert beat.unchanged >= 3 and beat.dropped == 0


def test_unchanged_observations_between_refreshes_are_counted(
    checkpoint: Path, tmp_path: Path
) -> None:
    spec = worker("camera", checkpoint, still=True, endpoint=f"ipc://{tmp_path}/p", refresh=0.5)
    with running(spec) as subscriber:
        collect(subscriber, 2)
        beat = told(subscriber, "running", count=lambda beat: beat.unchanged >= 10)
    assert beat.sequence < beat.unchanged


def test_without_a_threshold_everything_is_encoded(checkpoint: Path, tmp_path: Path) -> None:
    spec = worker("camera", checkpoint, still=True, endpoint=f"ipc://{tmp_path}/p", threshold=0.0)
    with running(spec) as subscriber:
        assert not any(p.header.unchanged for p in collect(subscriber, 3))


# --- the clock of a device ---


def test_capture_times_that_cannot_be_true_are_repaired(checkpoint: Path, tmp_path: Path) -> None:
    spec = worker("camera", checkpoint, frozen_clock=True, endpoint=f"ipc://{tmp_path}/p")
    with running(spec) as subscriber:
        times = [p.header.monotonic for p in collect(subscriber, 4)]
        beat = told(subscriber, "running", count=lambda beat: beat.clamped >= 3)
    assert times == sorted(set(times)) and times[-1] <= time.monotonic()
    assert beat.clamped >= 3


# --- several streams in one process ---


def test_streams_may_share_a_process(checkpoint: Path, tmp_path: Path) -> None:
    """Each has its own numbers; the one whose source is bad does not stop the others."""
    specs = [
        worker(stream, checkpoint, process="senses", endpoint=f"ipc://{tmp_path}/{stream}")
        for stream in STREAMS
    ]
    specs.append(
        worker("camera", checkpoint, crash_after=2, endpoint=f"ipc://{tmp_path}/bad").model_copy(
            update={"stream": "bad"}
        )
    )
    nowhere = FactorySpec(factory="no.such.module:f")
    specs.append(
        specs[0].model_copy(
            update={"stream": "lost", "source": nowhere, "endpoint": f"ipc://{tmp_path}/lost"}
        )
    )
    with running(*specs) as subscriber:
        found: dict[str, Percept] = {}
        end = time.monotonic() + PATIENCE
        while len(found) < len(STREAMS) + 1 and time.monotonic() < end:
            found |= subscriber.receive(0.1).percepts
        told(subscriber, "waiting", "a bug in a source", stream="bad")
        told(subscriber, "failed", "cannot find", stream="lost")
        told(subscriber, "running", stream="camera")
    assert set(found) == {*STREAMS, "bad"}
    assert all(stats.lost == 0 for stats in subscriber.stats().values())


def test_a_batch_gives_what_single_ones_give(checkpoint: Path) -> None:
    encoder = SenseEncoder.from_pretrained(checkpoint, Modality.AUDIO)
    sounds = [sample(Modality.AUDIO, seed=seed) for seed in range(3)]
    given = [observation(Modality.AUDIO, *sound) for sound in sounds]
    given.insert(1, observation(Modality.AUDIO, np.full(32000, np.nan, np.float32), 16000))
    given.insert(2, observation(Modality.AUDIO, np.zeros(32000, np.float32), 16000))
    got = encoder.encode_batch(given)
    assert isinstance(got[1], Refused) and isinstance(got[2], Nothing)
    with pytest.raises(InputError, match="not finite"):
        encoder.encode(given[1])
    assert encoder.encode(given[2]) is None
    for index in (0, 3, 4):
        single, batched = encoder.encode(given[index]), got[index]
        assert single is not None and isinstance(batched, Embedding)
        np.testing.assert_allclose(batched.vector, single, atol=1e-6)


# --- slow encoders, full disks ---


def test_a_slow_encoder_lowers_the_rate(
    checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = SenseEncoder.encode_batch

    def slow(self: SenseEncoder, observations: list[Observation]) -> list:
        time.sleep(0.2)
        return whole(self, observations)

    monkeypatch.setattr(SenseEncoder, "encode_batch", slow)
    spec = worker("camera", checkpoint, endpoint=f"ipc://{tmp_path}/p", load=0.5)
    with running(spec) as subscriber:
        beat = told(subscriber, "running", count=lambda beat: 0 < beat.rate < 6)
        percepts = collect(subscriber, 3)
    ages = [p.header.published_at - p.header.captured_at for p in percepts]
    assert min(ages) < 1.5e9 and beat.rate < 6


def test_one_slow_encoding_does_not_lower_the_rate_of_what_stays_unchanged(
    checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, calls = SenseEncoder.encode_batch, []

    def slow_at_first(self: SenseEncoder, observations: list[Observation]) -> list:
        calls.append(len(observations))
        if len(calls) == 1:
            time.sleep(1.0)
        return whole(self, observations)

    monkeypatch.setattr(SenseEncoder, "encode_batch", slow_at_first)
    spec = worker(
        "camera", checkpoint, still=True, endpoint=f"ipc://{tmp_path}/p", rate=10.0, refresh=0.05
    )
    with running(spec) as subscriber:
        slowed = told(subscriber, "running", count=lambda beat: 0 < beat.rate < 5)
        told(subscriber, "running", count=lambda beat: beat.rate > 9.5)
    assert len(calls) == 1 and slowed.rate < 5


def test_frames_are_kept_and_found_by_the_percepts_reference(
    checkpoint: Path, tmp_path: Path
) -> None:
    specs = [
        worker(
            stream,
            checkpoint,
            endpoint=f"ipc://{tmp_path}/{stream}",
            process="all",
            frames={"directory": tmp_path / "frames"},
        )
        for stream in STREAMS
    ]
    with running(*specs) as subscriber:
        found: dict[str, Percept] = {}
        while len(found) < len(STREAMS):
            found |= subscriber.receive(0.1).percepts
        for stream in STREAMS:
            told(subscriber, "running", stream=stream)
    with FrameStore(tmp_path / "frames") as store:
        for stream, percept in found.items():
            frame = store.get(percept.header.observation)
            assert (frame.stream, frame.modality) == (stream, STREAMS[stream])
            assert frame.decode().size
        assert store.get(found["camera"].header.observation).payload == found["camera"].payload


def test_a_frame_that_cannot_be_kept_is_counted_and_the_stream_goes_on(
    checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(self: FrameStore, *_: object) -> str:
        raise StorageError("database or disk is full")

    monkeypatch.setattr(FrameStore, "put", full)
    spec = worker(
        "camera", checkpoint, endpoint=f"ipc://{tmp_path}/p", frames={"directory": tmp_path / "f"}
    )
    with running(spec) as subscriber:
        collect(subscriber, 3)
        assert told(subscriber, "running", count=lambda beat: beat.unkept >= 3).unkept >= 3


def test_a_store_that_cannot_be_opened_costs_the_frames_alone(
    checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on a state directory that has become read-only, and can be written again later."""
    monkeypatch.setattr("sensebind.perception.workers.worker._STORE_AGAIN", 0.5)
    in_the_way = tmp_path / "file"
    in_the_way.touch()
    frames = {"directory": in_the_way / "frames"}
    spec = worker("camera", checkpoint, endpoint=f"ipc://{tmp_path}/p", frames=frames)
    with running(spec) as subscriber:
        collect(subscriber, 3)
        beat = told(subscriber, "running", "frames are not kept", count=lambda b: b.unkept >= 3)
        assert str(in_the_way) in beat.detail
        in_the_way.unlink()
        told(subscriber, "running", count=lambda beat: not beat.detail)
        [last] = collect(subscriber, 1)
        told(subscriber, "running")
    with FrameStore(in_the_way / "frames") as store:
        assert store.get(last.header.observation).payload == last.payload


# --- other encoders ---


def test_streams_of_two_spaces_say_which(checkpoint: Path, tmp_path: Path) -> None:
    save_tiny_clip(tmp_path / "clip", "clip")
    own = worker("lidar", checkpoint, endpoint=f"ipc://{tmp_path}/lidar")
    other = worker("camera", checkpoint, endpoint=f"ipc://{tmp_path}/camera")
    other = other.model_copy(update={"encoder": f"clip:{tmp_path / 'clip'}"})
    with running(own, other) as subscriber:
        found: dict[str, Percept] = {}
        end = time.monotonic() + PATIENCE
        while len(found) < 2 and time.monotonic() < end:
            found |= subscriber.receive(0.1).percepts
    spaces = {stream: one.header.model for stream, one in found.items()}
    assert spaces["camera"] == ClipEncoder.identify(str(tmp_path / "clip"))
    assert spaces["lidar"] == ImageBindEncoder.identify(str(checkpoint))
    assert found["camera"].header.shape == (24,) and found["lidar"].header.shape == (WIDTH,)


# --- what cannot run ---


def test_what_cannot_run_is_an_error(checkpoint: Path, tmp_path: Path) -> None:
    spec = worker("camera", checkpoint, endpoint=f"ipc://{tmp_path}/p")

    def changed(**update: object) -> Worker:
        return Worker(spec.model_copy(update=update))

    with pytest.raises(CheckpointError):
        changed(checkpoint=tmp_path / "none").run()
    misfit = FactorySpec(factory=f"{MODULE}:Turner", arguments={"width": 3})
    with pytest.raises(ConfigurationError, match="do not fit"):
        changed(enhance=misfit).run()
    foreign = FactorySpec(factory=f"{MODULE}:Turner", arguments={"space": "clip-0123"})
    with pytest.raises(ConfigurationError, match="is of the space clip-0123, the encoder of"):
        changed(enhance=foreign).run()
    for factory in ("no.such.module:f", f"{MODULE}:nothing"):
        with pytest.raises(ConfigurationError, match="cannot find"):
            changed(source=FactorySpec(factory=factory)).run()
    unknown = FactorySpec(factory=f"{MODULE}:FakeSource", arguments={"colour": 1})
    with pytest.raises(ConfigurationError, match="cannot build"):
        changed(source=unknown).run()
    with pytest.raises(BusError):
        changed(endpoint="tcp://0.0.0.0:1").run()


def test_the_exit_code_says_whether_to_try_again(
    checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("signal.signal", lambda *_: None)  # pytest keeps its own handlers
    spec = worker("camera", checkpoint, crash_after=1, endpoint=f"ipc://{tmp_path}/p")
    words: list[str] = []
    assert run_worker([spec], words.append) == 1
    assert words == ["RuntimeError: a bug in a source"]
    assert run_worker([spec.model_copy(update={"checkpoint": tmp_path})], words.append) == 2
    assert str(tmp_path) in words[1]
    for endpoint in (f"ipc://{tmp_path}/other", "tcp://127.0.0.1:*"):
        with Publisher(endpoint, "other") as other:  # it may end at any moment
            taken = spec.model_copy(update={"endpoint": other.endpoint})
            assert run_worker([taken], words.append) == 75
            assert "in use" in words[-1]


def test_specs_are_checked_and_travel_as_json(checkpoint: Path) -> None:
    spec = worker("camera", checkpoint, enhance=FactorySpec(factory=f"{MODULE}:Turner"))
    assert WorkerSpec.model_validate_json(spec.model_dump_json()) == spec
    assert spec.modules == [MODULE, MODULE, "sensebind.perception.encoders.imagebind"]
    for wrong in (
        {"stream": "a/b"},
        {"stream": ""},
        {"rate": 0},
        {"modality": "smell"},
        {"threads": 0},
        {"colour": 1},
        {"threshold": 2},
        {"load": 0},
        {"max_memory": -1},
        {"source": {"factory": "os.system"}},
    ):
        with pytest.raises(ValidationError):
            WorkerSpec.model_validate(spec.model_dump() | wrong)


def test_a_refusing_source_refuses() -> None:
    from fixtures.fake_senses import Refusing

    with pytest.raises(SourceError), Refusing():
        pass


def test_a_sweep_tells_where_its_things_are(checkpoint: Path, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    near, _ = sample(Modality.POINT)  # floor, and a box around (1.6, 0)
    far = rng.uniform([-0.2, 1.9, -0.55], [0.2, 2.3, 0.2], (300, 3))
    encoder = SenseEncoder.from_pretrained(checkpoint, Modality.POINT)
    seen = observation(Modality.POINT, np.concatenate([near, far]).astype(np.float32))
    first, second = encoder.things(seen)
    assert first.position == pytest.approx((1.6, 0.0, 0.3), abs=0.1)
    assert second.position == pytest.approx((0.0, 2.1, 0.425), abs=0.1)
    assert first.size == pytest.approx((0.4, 0.4, 0.5), abs=0.05)
    alone = encoder.encode(observation(Modality.POINT, near))
    np.testing.assert_array_equal(encoder.encode(seen), alone)  # the first is what is encoded
    assert encoder.things(observation(Modality.POINT, near)) == (first,)
    spec = worker("lidar", checkpoint, endpoint=f"ipc://{tmp_path}/p")
    with running(spec) as subscriber:
        [percept, *_] = collect(subscriber, 1)
    assert percept.header.things[0].position == pytest.approx((1.6, 0.0, 0.3), abs=0.1)
    whole = SenseEncoder.from_pretrained(checkpoint, Modality.POINT, segment=False)
    assert whole.things(seen) == ()


# --- files ---


def cloud_worker(folder: Path, checkpoint: Path, endpoint: str, **options: object) -> WorkerSpec:
    """A worker that plays a folder of clouds."""
    source = {"source": f"cloud:{folder}", "rate": 20.0, **options}
    arguments = {"spec": source, "stream": "lidar"}
    return worker("lidar", checkpoint, endpoint=endpoint).model_copy(
        update={"source": FactorySpec(factory=FACTORY, arguments=arguments)}
    )


def test_the_end_of_a_file_is_an_end_and_no_trouble(
    checkpoint: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    clouds = tmp_path / "clouds"
    clouds.mkdir()
    for number in range(3):
        np.save(clouds / f"{number}.npy", sample(Modality.POINT, seed=number)[0])
    spec = cloud_worker(clouds, checkpoint, f"ipc://{tmp_path}/p", speed=0)
    spec = spec.model_copy(update={"reopen": 0.2})
    with running(spec) as subscriber:
        told(subscriber, "ended", "clouds has ended")
        end = time.monotonic() + 1.5  # longer than opening it again would take
        while time.monotonic() < end:
            for beat in subscriber.receive(0.1).heartbeats.values():
                assert beat.state == "ended", beat
                assert beat.sequence <= 3 and beat.monotonic - beat.progress < 1.0
    assert "trying again" not in caplog.text


def test_a_file_that_is_not_there_ends_the_worker(
    checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("signal.signal", lambda *_: None)  # pytest keeps its own handlers
    said: list[str] = []
    spec = cloud_worker(tmp_path / "none", checkpoint, f"ipc://{tmp_path}/p")
    assert run_worker([spec], said.append) == 2
    assert len(said) == 1 and "none" in said[0] and "\n" not in said[0]
