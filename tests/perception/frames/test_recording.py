"""Recordings: everything comes back bit for bit, and up to the cut."""

# pyright: reportOptionalMemberAccess=false, reportReturnType=false

import os
import resource
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mcap.reader import make_reader
from mcap_protobuf.decoder import DecoderFactory

from sensebind.errors import InputError, SourceError, StorageError
from sensebind.perception.frames.recording import Recorder, Recording
from sensebind.perception.percept import Modality, Observation, Percept, PerceptHeader
from sensebind.perception.sources.audio_windows import on_grid
from sensebind.perception.sources.base import Source
from sensebind.perception.sources.conformance import SourceConformance
from sensebind.perception.sources.replay import Replay

RATE, HOP = 16_000, 8_000
START = 1_700_000_000_123_456_789


def observations(count: int = 12, seed: int = 0) -> list[Observation]:
    """A robot's senses, interleaved; the sound is cut in overlapping windows."""
    rng = np.random.default_rng(seed)
    sound = on_grid(rng.uniform(-1, 1, 2 * RATE + count * HOP).astype(np.float32))
    found = []
    for number in range(count):
        samples = {
            "camera": rng.integers(0, 255, (24, 32, 3), dtype=np.uint8),
            "microphone": sound[number * HOP : number * HOP + 2 * RATE],
            "lidar": rng.normal(size=(50 + number, 3)).astype(np.float32),
            "depth": rng.random((6, 8), dtype=np.float32),
        }
        kinds = (Modality.VISION, Modality.AUDIO, Modality.POINT, Modality.DEPTH)
        for (stream, data), modality in zip(samples.items(), kinds, strict=True):
            found.append(
                Observation(
                    data,
                    stream,
                    modality,
                    START + number * 500_000_000,
                    100.0 + number / 2,
                    7 + number,
                    f"{stream}_frame",
                    RATE if modality is Modality.AUDIO else 0,
                )
            )
    return found


def percept(observation: Observation, sequence: int) -> Percept:
    embedding = np.random.default_rng(sequence).normal(size=16).astype(np.float32)
    header = PerceptHeader(
        stream=observation.stream,
        modality=observation.modality,
        sequence=sequence,
        captured_at=observation.captured_at,
        published_at=1,
        monotonic=observation.monotonic,
        shape=(16,),
        model="abc",
        observation=observation.reference,
    )
    return Percept(header, embedding / np.linalg.norm(embedding))


def recorded(path: Path, count: int = 12) -> list[Observation]:
    with Recorder(path) as recorder:
        given = observations(count)
        for number, observation in enumerate(given):
            recorder.observe(observation)
            recorder.perceive(percept(observation, number))
    return given


def same(a: Observation, b: Observation) -> bool:
    fields = ("stream", "modality", "captured_at", "sequence", "frame_id", "rate")
    return (
        all(getattr(a, field) == getattr(b, field) for field in fields)
        and a.data.dtype == b.data.dtype
        and np.array_equal(a.data, b.data)
    )


def read(path: Path) -> tuple[Recording, list[Observation], list[Percept]]:
    recording = Recording(path)
    entries = [one.entry for one in recording]
    return (
        recording,
        [one for one in entries if isinstance(one, Observation)],
        [one for one in entries if isinstance(one, Percept)],
    )


def test_everything_comes_back_bit_for_bit(tmp_path: Path) -> None:
    given = recorded(tmp_path / "r.mcap")
    recording, seen, percepts = read(tmp_path / "r.mcap")
    assert len(seen) == len(given) and all(map(same, seen, given))
    assert recording.streams() == {
        "camera": Modality.VISION,
        "microphone": Modality.AUDIO,
        "lidar": Modality.POINT,
        "depth": Modality.DEPTH,
    }
    assert (recording.cut, recording.damaged, recording.refused) == (False, 0, 0)
    for number, one in enumerate(percepts):
        expected = percept(given[number], number)
        assert one.header == expected.header
        np.testing.assert_array_equal(one.embedding, expected.embedding)


def test_other_programs_read_it(tmp_path: Path) -> None:
    given = recorded(tmp_path / "r.mcap", 3)
    with (tmp_path / "r.mcap").open("rb") as file:
        reader = make_reader(file, decoder_factories=[DecoderFactory()])
        messages = {
            (schema.name, channel.topic): message
            for schema, channel, _, message in reader.iter_decoded_messages(
                ["/camera", "/microphone", "/lidar"]
            )
        }
    picture = messages["foxglove.CompressedImage", "/camera"]
    assert picture.format == "png" and picture.frame_id == "camera_frame"
    assert picture.timestamp.ToNanoseconds() == given[-1].captured_at
    sound = messages["foxglove.RawAudio", "/microphone"]
    assert (sound.format, sound.sample_rate, len(sound.data)) == ("pcm-s16", RATE, 2 * HOP)
    cloud = messages["foxglove.PointCloud", "/lidar"]
    assert [field.name for field in cloud.fields] == ["x", "y", "z"] and cloud.point_stride == 12


def test_sound_that_16_bits_cannot_tell_is_kept_as_it_is(tmp_path: Path) -> None:
    fine = np.random.default_rng(0).normal(size=100).astype(np.float32)
    one = Observation(fine, "m", Modality.AUDIO, START, 0.0, 1, "m", 8000)
    with Recorder(tmp_path / "r.mcap") as recorder:
        recorder.observe(one)
    _, [seen], _ = read(tmp_path / "r.mcap")
    assert same(seen, one)


def test_sound_is_not_spliced_where_windows_were_lost(tmp_path: Path) -> None:
    given = [one for one in observations() if one.stream == "microphone"]
    del given[3:9]  # the next window shares nothing with the one before
    with Recorder(tmp_path / "r.mcap") as recorder:
        for one in given:
            recorder.observe(one)
    _, seen, _ = read(tmp_path / "r.mcap")
    assert len(seen) == len(given) and all(map(same, seen, given))


def test_a_recording_that_was_cut_off_is_read_up_to_the_cut(tmp_path: Path) -> None:
    path = tmp_path / "r.mcap"
    recorder = Recorder(path)
    given = observations()
    for number, one in enumerate(given):
        recorder.observe(one)
        if number == 29:
            recorder._flushed = -1e9  # as if a second had passed
    recorder._file.flush()  # killed: no index, no end
    recording, seen, _ = read(path)
    assert recording.cut and 30 <= len(seen) <= len(given)
    assert all(map(same, seen, given))
    assert set(recording.streams()) == {"camera", "microphone", "lidar", "depth"}
    recorder.close()


def test_jpeg_is_smaller_and_close(tmp_path: Path) -> None:
    picture = np.full((48, 64, 3), (10, 120, 240), np.uint8)
    one = Observation(picture, "c", Modality.VISION, START, 0.0, 1, "c")
    with Recorder(tmp_path / "r.mcap", "jpeg") as recorder:
        recorder.observe(one)
    _, [seen], _ = read(tmp_path / "r.mcap")
    assert np.abs(seen.data.astype(int) - picture).max() < 6


def test_what_cannot_be_recorded_or_read_is_named(tmp_path: Path) -> None:
    path = tmp_path / "r.mcap"
    recorded(path, 1)
    with pytest.raises(StorageError, match=r"r\.mcap exists already"):
        Recorder(path)
    with pytest.raises(StorageError, match="cannot be written"):
        Recorder(tmp_path / "no" / "r.mcap")
    imu = Observation(np.zeros((6, 10), np.float32), "imu", Modality.IMU, START, 0.0, 1, "")
    with Recorder(tmp_path / "s.mcap") as recorder, pytest.raises(InputError, match="imu"):
        recorder.observe(imu)
    with pytest.raises(StorageError, match="is closed"):
        recorder.observe(observations(1)[0])
    (tmp_path / "n.mcap").write_bytes(b"nonsense" * 100)
    with pytest.raises(InputError, match=r"n\.mcap is not an MCAP"):
        Recording(tmp_path / "n.mcap").streams()
    with pytest.raises(InputError, match="holds no observations"):
        Recording(tmp_path / "s.mcap").streams()


@pytest.fixture(scope="session")
def whole(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("recording") / "r.mcap"
    recorded(path, 3)
    return path.read_bytes()


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.tuples(st.floats(0, 1), st.integers(0, 255)), max_size=20),
    st.floats(0, 1) | st.just(1.0),
)
def test_mutated_recordings_harm_nothing(
    tmp_path_factory: pytest.TempPathFactory,
    whole: bytes,
    changes: list[tuple[float, int]],
    cut: float,
) -> None:
    data = bytearray(whole)
    for where, value in changes:
        data[min(int(where * len(data)), len(data) - 1)] = value
    path = tmp_path_factory.getbasetemp() / "mutated.mcap"
    path.write_bytes(data[: int(cut * len(data))])
    recording = Recording(path)
    begun = time.monotonic()
    try:
        count = sum(1 for _ in recording)
    except InputError:
        return
    lost = recording.cut or recording.damaged or recording.refused
    assert count == 24 or lost, "entries are missing and nobody says so"
    assert time.monotonic() - begun < 30


class TestReplay(SourceConformance):
    @pytest.fixture(autouse=True)
    def _record(self, tmp_path: Path) -> Iterator[None]:
        self.path = tmp_path / "r.mcap"
        recorder = Recorder(self.path)
        for number, one in enumerate(observations(8)):
            recorder._epoch = START - time.monotonic_ns() + number // 4 * 50_000_000
            recorder.observe(one)
        recorder.close()
        yield

    def make_source(self) -> Source:
        return Replay(str(self.path), "microphone", loop=True)


def test_others_cannot_read_a_recording_from_its_first_byte_on(tmp_path: Path) -> None:
    path, before = tmp_path / "a.mcap", os.umask(0o022)
    try:
        with Recorder(path) as recorder:
            assert path.stat().st_mode & 0o777 == 0o600
            recorder.observe(observations(1)[0])
    finally:
        os.umask(before)
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_stream_is_replayed_under_another_name(tmp_path: Path) -> None:
    given = [one for one in recorded(tmp_path / "r.mcap", 4) if one.stream == "lidar"]
    with Replay(str(tmp_path / "r.mcap"), "front", recorded="lidar", speed=0) as source:
        assert source.modality is Modality.POINT
        for expected in given:
            seen = source.read()
            assert (seen.stream, seen.captured_at) == ("front", expected.captured_at)
            np.testing.assert_array_equal(seen.data, expected.data)
        with pytest.raises(SourceError, match="has ended"):
            source.read()
    with pytest.raises(SourceError, match=r"no stream 'nose'; it has camera, microphone"):
        _ = Replay(str(tmp_path / "r.mcap"), "nose").modality


@pytest.mark.parametrize("room", [150_000, 1_100_000, 2_500_000])
def test_a_full_disk_is_named_and_what_was_written_can_be_read(room: int, tmp_path: Path) -> None:
    """The disk may be full at any write: of a chunk, of the buffer, of the index at the end."""
    path = tmp_path / "full.mcap"
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    noise = np.random.default_rng(0)
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, hard))
    try:
        with pytest.raises(StorageError, match=r"full\.mcap cannot be"), Recorder(path) as recorder:
            for number in range(250):
                data = noise.integers(0, 255, (64, 64, 3), np.uint8)
                recorder.observe(
                    Observation(data, "camera", Modality.VISION, number + 1, 0.0, number, "")
                )
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert path.stat().st_size <= room
    recording = Recording(path)
    count = sum(1 for _ in recording)
    assert recording.cut and not recording.refused
    assert count >= room // 1_100_000 * 60  # in each chunk of 1 MB that was written whole
