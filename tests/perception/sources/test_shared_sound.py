"""One microphone for the encoder and the voice: its sound is handed on as it comes."""

import sys
import time
from pathlib import Path

import numpy as np
import pytest

from sensebind.errors import BusError
from sensebind.perception.sources import microphone as module
from sensebind.perception.sources.microphone import Microphone
from sensebind.perception.sources.shared_sound import SharedSound, SoundPublisher

CAPTURE = """
import json, sys, time
import numpy as np
from sensebind.perception.sources.capture import BLOCK, MAGIC
out = sys.stdout.buffer
out.write(json.dumps({"rate": 16000, "name": "fake", "latency": 0}).encode() + b"\\n")
number = 0
while True:
    block = np.full(800, (number % 100) / 128, np.float32)
    out.write(BLOCK.pack(MAGIC, len(block), 0) + block.tobytes())
    out.flush()
    number += 1
    time.sleep(0.01)
"""
"""A device that gives blocks of 50 ms, each of one level, as the capturing process does."""


def heard(sound: SharedSound, samples: int) -> np.ndarray:
    """The next so many samples."""
    found: list[np.ndarray] = []
    deadline = time.monotonic() + 60
    for block, at in sound.blocks():
        assert time.monotonic() < deadline
        assert abs(at - time.monotonic()) < 60
        found.append(block)
        if sum(map(len, found)) >= samples:
            return np.concatenate(found)
    raise AssertionError("it ended")


def test_what_is_published_arrives_whole_and_in_order(tmp_path: Path) -> None:
    endpoint = f"ipc://{tmp_path}/sound"
    publisher = SoundPublisher(endpoint)
    with SharedSound(endpoint) as sound:
        found = np.zeros(0, np.float32)
        for number, (block, _) in enumerate(sound.blocks()):
            found = np.concatenate([found, block])
            if len(found) >= 1000:
                break
            publisher.publish(np.full(100, number, np.float32), time.monotonic())
        assert sound.lost == 0
        assert np.array_equal(found, np.repeat(found[::100], 100))
        assert np.all(np.diff(found[::100]) == 1)
    publisher.close()


def test_what_a_slow_reader_misses_is_counted(tmp_path: Path) -> None:
    endpoint = f"ipc://{tmp_path}/sound"
    publisher = SoundPublisher(endpoint)
    with SharedSound(endpoint) as sound:
        blocks = sound.blocks()
        while not len(next(blocks)[0]):  # until it is connected
            publisher.publish(np.zeros(10, np.float32), 0.0)
        for _ in range(100_000):  # of which nobody takes any
            publisher.publish(np.zeros(10, np.float32), 0.0)
        publisher.publish(np.ones(10, np.float32), 0.0)
        until = time.monotonic() + 60
        while sound.lost == 0 and time.monotonic() < until:
            publisher.publish(np.ones(10, np.float32), 0.0)
            next(blocks)
        assert sound.lost > 0 and sound.lost % 10 == 0
    publisher.close()


def test_an_endpoint_that_cannot_be_bound(tmp_path: Path) -> None:
    with pytest.raises(BusError, match="sound cannot be handed on at ipc:///"):
        SoundPublisher(f"ipc://{tmp_path}/missing/sound")


def test_a_microphone_serves_the_encoder_and_whoever_listens(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_CAPTURE", [sys.executable, "-c", CAPTURE])
    monkeypatch.setattr(module, "_HELLO_SECONDS", 60.0)
    endpoint = f"ipc://{tmp_path}/sound"
    with (
        SharedSound(endpoint) as sound,
        Microphone("fake", "microphone", timeout=60.0, share=endpoint) as source,
    ):
        levels = heard(sound, 8000)
        window = source.read(60.0).data
    assert len(window) == 32_000 and set(np.unique(window)) <= {one / 128 for one in range(100)}
    steps = np.diff(levels[::800]) * 128
    assert np.all((steps == 1) | (steps == -99))
