"""The mailbox: fresh or an error, never twice, nothing lost uncounted."""

import threading
import time

import numpy as np
import pytest

from sensebind.errors import SourceError, StaleError
from sensebind.perception.percept import Modality, Observation
from sensebind.perception.sources.mailbox import Mailbox


def _observation(sequence: int, age: float = 0.0) -> Observation:
    return Observation(
        data=np.zeros(1, np.float32),
        stream="camera",
        modality=Modality.VISION,
        captured_at=time.time_ns() - round(age * 1e9),
        monotonic=time.monotonic() - age,
        sequence=sequence,
        frame_id="camera_optical",
    )


def test_take_gives_each_once_and_in_order() -> None:
    box = Mailbox("camera", 4)
    for number in range(3):
        box.put(_observation(number))
    assert [box.take(0).sequence for _ in range(3)] == [0, 1, 2]
    with pytest.raises(SourceError, match="no observation of camera within 0 s"):
        box.take(0)


def test_a_full_box_drops_the_oldest_and_counts_it() -> None:
    box = Mailbox("camera", 2)
    for number in range(5):
        box.put(_observation(number))
    assert box.dropped == 3
    assert box.take(0).sequence == 3


def test_latest_skips_and_counts_the_older_ones() -> None:
    box = Mailbox("camera", 4)
    for number in range(3):
        box.put(_observation(number))
    assert box.take_latest(1.0, 0).sequence == 2
    assert box.dropped == 2
    with pytest.raises(SourceError, match="nothing new of camera"):
        box.take_latest(1.0, 0)


def test_an_old_one_is_stale_not_new() -> None:
    box = Mailbox("camera", 4)
    box.put(_observation(0, age=2.0))
    with pytest.raises(StaleError, match=r"2\.0. s old, 0\.5 s are allowed"):
        box.take_latest(0.5, 0)
    assert box.take(0).sequence == 0  # in order, somebody may still want it


def test_latest_waits_for_a_fresh_one() -> None:
    box = Mailbox("camera", 4)
    box.put(_observation(0, age=2.0))
    helper = threading.Timer(0.02, lambda: box.put(_observation(1)))
    helper.start()
    assert box.take_latest(0.5, 5.0).sequence == 1
    helper.join()


def test_clear_drops_and_counts() -> None:
    box = Mailbox("camera", 4)
    box.put(_observation(0))
    box.clear()
    assert box.dropped == 1
    with pytest.raises(SourceError):
        box.take(0)


def test_a_failure_reaches_the_reader_after_what_was_received() -> None:
    box = Mailbox("camera", 4)
    box.put(_observation(0))
    box.fail(OSError("cable pulled"))
    assert box.take(5.0).sequence == 0
    with pytest.raises(SourceError, match="cable pulled"):
        box.take(5.0)
