"""The frame store: what is kept comes back, within its limits, whatever happens to processes."""

# pyright: reportArgumentType=false

import multiprocessing
import os
import signal
import sqlite3
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fixtures.waiting import PATIENCE, until

from sensebind.errors import InputError, StorageError
from sensebind.perception.frames.codecs import jpeg
from sensebind.perception.frames.store import FrameStore
from sensebind.perception.percept import Modality, Observation, parse_reference

SECOND = 1_000_000_000


def picture(at: int, stream: str = "camera", value: int = 0, size: int = 24) -> Observation:
    image = np.full((size, size, 3), value % 256, np.uint8)
    return Observation(image, stream, Modality.VISION, at, 0.0, value, "optical")


def noise(at: int, stream: str = "camera") -> Observation:
    image = np.random.default_rng(at).integers(0, 255, (100, 100, 3), dtype=np.uint8)
    return Observation(image, stream, Modality.VISION, at, 0.0, 0, "optical")


def test_what_was_kept_comes_back(tmp_path: Path) -> None:
    sound = np.linspace(-0.5, 0.5, 4000, dtype=np.float32)
    cloud = np.random.default_rng(0).normal(size=(50, 3)).astype(np.float32)
    with FrameStore(tmp_path / "store") as store:
        seen = store.put(picture(5, value=7))
        heard = store.put(Observation(sound, "mic", Modality.AUDIO, 6, 0.0, 2, "m", 16000))
        scanned = store.put(Observation(cloud, "lidar", Modality.POINT, 7, 0.0, 3, "l"))
        assert (seen, heard) == ("frame:camera@5", "frame:mic@6")
    with FrameStore(tmp_path / "store") as store:
        frame = store.get(seen)
        assert (frame.stream, frame.captured_at, frame.sequence) == ("camera", 5, 7)
        assert (frame.modality, frame.frame_id, frame.media) == (
            Modality.VISION,
            "optical",
            "image/jpeg",
        )
        assert frame.reference == seen and frame.decode().shape == (24, 24, 3)
        assert store.get(heard).rate == 16000
        np.testing.assert_allclose(store.get(heard).decode(), sound, atol=2**-15)
        np.testing.assert_array_equal(store.get(scanned).decode(), cloud)


def test_a_payload_that_is_there_is_not_made_again(tmp_path: Path) -> None:
    payload = jpeg(np.zeros((8, 8, 3), np.uint8), 30)
    with FrameStore(tmp_path) as store:
        assert store.get(store.put(picture(1), payload)).payload == payload


@pytest.mark.parametrize(
    "reference",
    [
        "",
        "frame:camera",
        "frame:../x@1",
        "frame:a/b@1",
        "frame:camera@-1",
        "camera@1",
        "frame:camera@99999999999999999999",
        "frame:camera@9999999999999999999",
        "frame:camera@1 ",
    ],
)
def test_what_is_no_reference_is_refused(tmp_path: Path, reference: str) -> None:
    with FrameStore(tmp_path) as store, pytest.raises(InputError, match="not a reference"):
        store.get(reference)


def test_a_stream_cannot_name_a_file_elsewhere(tmp_path: Path) -> None:
    with FrameStore(tmp_path / "s") as store, pytest.raises(InputError):
        store.put(picture(1, stream="../outside"))
    assert parse_reference("frame:a.b-c_d@12") == ("a.b-c_d", 12)


def test_what_is_not_kept_is_named(tmp_path: Path) -> None:
    with FrameStore(tmp_path) as store:
        store.put(picture(1))
        for missing in ("frame:camera@2", "frame:nose@1"):
            with pytest.raises(InputError, match=missing):
                store.get(missing)
        assert not (tmp_path / "nose.frames").exists()


class Clocks:
    """A wall clock and a monotonic one that go on together until somebody sets the first."""

    def __init__(self, at: float = 1000.0) -> None:
        self.monotonic, self.set_by = 0.0, at

    def wall_ns(self) -> int:
        return int((self.monotonic + self.set_by) * SECOND)

    def store(self, directory: Path, **limits: Any) -> FrameStore:
        return FrameStore(directory, wall_ns=self.wall_ns, clock=lambda: self.monotonic, **limits)


def test_old_frames_are_dropped(tmp_path: Path) -> None:
    clocks = Clocks()
    with clocks.store(tmp_path, max_age=10.0) as store:
        for second in range(30):
            clocks.monotonic = second
            store.put(picture(second * SECOND))
        kept = store.references("camera")
        assert kept[0] == f"frame:camera@{19 * SECOND}" and len(kept) == 11
        assert (store.counts.kept, store.counts.evicted) == (30, 19)
        assert len(store.references("camera", since=25 * SECOND, until=27 * SECOND)) == 3
        assert store.references("nose") == []


def test_no_stamp_and_no_step_of_the_clock_removes_another_frame(tmp_path: Path) -> None:
    clocks = Clocks(at=10**6)
    with clocks.store(tmp_path) as store:
        for _ in range(10):
            clocks.monotonic += 1
            store.put(picture(clocks.wall_ns()))
        day = 24 * 3600 * SECOND
        store.put(picture(clocks.wall_ns() + 400 * day))
        store.put(picture(1))
        clocks.set_by += 400 * day / SECOND
        for _ in range(10):
            clocks.monotonic += 1
            store.put(picture(clocks.wall_ns()))
        assert len(store.references("camera")) == 22 and store.counts.evicted == 0


def test_a_clock_set_back_does_not_cost_the_new_frames(tmp_path: Path) -> None:
    with FrameStore(tmp_path, max_bytes=400_000) as store:
        for at in range(3600, 3660):
            store.put(noise(at))
        kept = len(store.references("camera"))
        for at in range(1, 61):
            store.put(noise(at))
        assert store.references("camera", until=61)[-1] == "frame:camera@60"
        assert len(store.references("camera", until=61)) >= kept - 2


def test_the_time_without_the_program_counts_once_the_clock_is_steady(tmp_path: Path) -> None:
    clocks = Clocks(at=10**6)
    with clocks.store(tmp_path, max_age=3 * 3600.0) as store:
        store.put(picture(1))
    clocks.set_by += 30 * 3600  # switched off over night and more
    clocks.monotonic += 5
    with clocks.store(tmp_path, max_age=3 * 3600.0) as store:
        store.put(picture(2))
        assert len(store.references("camera")) == 2  # the clock may be wrong as yet
        for minute in range(1, 65):
            clocks.monotonic += 60
            store.put(picture(2 + minute))
        # The one of before the night is gone, those of the first hour are not.
        assert store.references("camera")[0] == "frame:camera@2"
        assert len(store.references("camera")) == 65


def test_a_file_without_an_order_of_arrival_is_taken_over(tmp_path: Path) -> None:
    with FrameStore(tmp_path) as store:
        for at in (5, 3, 4):
            store.put(picture(at))
    with sqlite3.connect(tmp_path / "camera.frames") as file:
        file.execute("DROP TABLE arrivals")
    with FrameStore(tmp_path) as store:
        assert store.get("frame:camera@3").captured_at == 3
        store.put(picture(6))
        assert len(store.references("camera")) == 4
    with sqlite3.connect(tmp_path / "camera.frames") as file:
        rows = file.execute("SELECT captured_at FROM arrivals ORDER BY number").fetchall()
    assert [row[0] for row in rows] == [3, 4, 5, 6]


def test_the_oldest_give_way_to_the_limit_in_bytes(tmp_path: Path) -> None:
    with FrameStore(tmp_path, max_bytes=400_000) as store:
        for at in range(1, 120):
            store.put(noise(at))
        kept = store.references("camera")
        assert 5 < len(kept) < 60 and kept[-1] == "frame:camera@119"
        assert store.counts.evicted == 119 - len(kept)
    assert (tmp_path / "camera.frames").stat().st_size < 800_000


def test_limits_that_keep_nothing_are_refused(tmp_path: Path) -> None:
    for limits in ({"max_bytes": 10}, {"max_age": 0.0}):
        with pytest.raises(InputError):
            FrameStore(tmp_path, **limits)


def test_a_directory_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StorageError, match="file"):
        FrameStore(tmp_path / "file" / "store")


def test_a_damaged_file_is_put_aside_and_the_stream_goes_on(tmp_path: Path) -> None:
    (tmp_path / "camera.frames").write_bytes(b"no database at all" * 100)
    with FrameStore(tmp_path) as store:
        assert store.get(store.put(picture(1))).captured_at == 1
        assert store.put(picture(2)) and store.counts.damaged == 1
        assert store.put(picture(1, stream="other"))
    assert (tmp_path / "camera.frames.damaged").exists()


def test_a_reader_never_puts_a_file_aside_under_its_writer(tmp_path: Path) -> None:
    with FrameStore(tmp_path) as writer, FrameStore(tmp_path) as reader:
        old = [writer.put(noise(at)) for at in range(1, 60)]
        assert reader.get(old[0]).captured_at == 1
        writer._files["camera"].connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        with (tmp_path / "camera.frames").open("r+b") as file:  # as on a worn SD card
            file.seek(3 * 8192)
            file.write(b"\xff" * 16 * 8192)
        unreadable = 0
        for reference in old:
            try:
                reader.get(reference)
            except StorageError:
                unreadable += 1
        assert unreadable and reader.counts.damaged == 0
        assert not (tmp_path / "camera.frames.damaged").exists()
        for at in range(100, 160):
            assert reader.get(writer.put(noise(at))).captured_at == at


def test_a_reader_follows_a_file_that_the_writer_put_aside(tmp_path: Path) -> None:
    with FrameStore(tmp_path) as writer, FrameStore(tmp_path) as reader:
        reader.get(writer.put(picture(1)))
        writer._put_aside("camera", tmp_path / "camera.frames", OSError("for the test"))
        assert reader.get(writer.put(picture(2))).captured_at == 2


def test_only_their_owner_can_read_frames(tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        with FrameStore(tmp_path / "frames") as store:
            store.put(picture(1))
            modes = {p.name: p.stat().st_mode & 0o777 for p in (tmp_path / "frames").iterdir()}
    finally:
        os.umask(before)
    assert modes == dict.fromkeys(
        ("camera.frames", "camera.frames-wal", "camera.frames-shm"), 0o600
    )
    assert (tmp_path / "frames").stat().st_mode & 0o777 == 0o700


def test_a_full_disk_is_said_and_harms_nothing_kept(tmp_path: Path) -> None:
    with FrameStore(tmp_path) as store:
        kept = store.put(picture(1))
        file = store._files["camera"].connection
        [pages] = file.execute("PRAGMA page_count").fetchone()
        file.execute(f"PRAGMA max_page_count = {pages}")  # what SQLite says when the disk is full
        with pytest.raises(StorageError, match="full"):
            for at in range(2, 100):
                store.put(noise(at))
        file.execute("PRAGMA max_page_count = 1000000")
        assert store.get(kept).captured_at == 1 and store.put(noise(200))


def test_closing_twice_is_fine_and_then_nothing_more(tmp_path: Path) -> None:
    store = FrameStore(tmp_path)
    store.close()
    store.close()
    with pytest.raises(StorageError, match="closed"):
        store.put(picture(1))


def test_threads_may_share_it(tmp_path: Path) -> None:
    failures: list[Exception] = []
    with FrameStore(tmp_path) as store:

        def work(stream: str) -> None:
            try:
                for at in range(1, 40):
                    assert store.get(store.put(picture(at, stream, at))).sequence == at
            except Exception as error:
                failures.append(error)

        threads = [threading.Thread(target=work, args=(f"s{n % 2}",)) for n in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
    assert not failures


def _write_for_ever(directory: Path) -> None:
    store, at = FrameStore(directory), 0
    while True:
        at += 1
        store.put(noise(at))


def test_a_writer_killed_at_any_moment_leaves_whole_frames(tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")
    for _ in range(5):
        process = context.Process(target=_write_for_ever, args=(tmp_path,))
        process.start()
        path = tmp_path / "camera.frames"
        until(path.exists)
        time.sleep(0.1)
        assert process.pid is not None
        os.kill(process.pid, signal.SIGKILL)
        process.join(PATIENCE)
        with FrameStore(tmp_path) as store:
            references = store.references("camera")
            for reference in references:
                assert store.get(reference).decode().shape == (100, 100, 3)
            assert store.put(noise(10**9))
    assert references


def test_a_reader_in_another_process_sees_what_is_written(tmp_path: Path) -> None:
    with FrameStore(tmp_path) as writer, FrameStore(tmp_path) as reader:
        for at in range(1, 20):
            assert reader.get(writer.put(picture(at))).captured_at == at
