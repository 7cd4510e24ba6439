"""What a bus may meet: a flood, corrupt messages, a subscriber that has stopped."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Self

import numpy as np
import zmq

from sensebind.perception.percept import Modality, Percept, PerceptHeader, encode_message

FLOOD, CORRUPT = "flood", "corrupt"
ROGUE = "rogue"
"""The stream in whose name they come."""
_FOREIGN = b"\x81\xa7version\x63"  # a header {"version": 99}
_BURST = 64  # messages between two looks whether it is to end
_SLEEPER = """
import sys
from sensebind.perception.bus.pubsub import Subscriber
with Subscriber(sys.argv[1:]) as subscriber:
    print("ready", flush=True)
    while True:
        subscriber.receive(1.0)
"""


class Rogue:
    """A publisher that an agent listens to as well, and that means no good. A context manager.

    Args:
        path: Of its socket.

    Attributes:
        endpoint: Where it publishes, `ipc://` and the path.
    """

    def __init__(self, path: Path) -> None:
        self.endpoint = f"ipc://{path}"
        self._context = zmq.Context()
        self._kind = ""
        self._stop = threading.Event()
        self._sending = threading.Event()
        self._thread = threading.Thread(target=self._run, name="rogue", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._sending.set()
        self._thread.join()
        self._context.destroy(linger=0)

    @contextmanager
    def sending(self, kind: str) -> Iterator[None]:
        """Send as fast as it can: a `FLOOD` of messages of no known version, or `CORRUPT` ones."""
        self._kind = kind
        self._sending.set()
        try:
            yield
        finally:
            self._sending.clear()

    def _run(self) -> None:
        chance = random.Random(0)
        with self._context.socket(zmq.PUB) as socket:
            socket.bind(self.endpoint)
            number = 0
            while True:
                self._sending.wait()
                if self._stop.is_set():
                    return
                for _ in range(_BURST):
                    number += 1
                    frames = encode_message(_percept(number))
                    if self._kind == CORRUPT:
                        frames = _corrupted(frames, chance)
                    else:
                        frames[1] = _FOREIGN
                    socket.send_multipart(frames)
                time.sleep(0.001)  # room for others in this process


def _percept(number: int) -> Percept:
    embedding = np.zeros(1024, np.float32)
    embedding[number % 1024] = 1.0
    header = PerceptHeader(
        stream=ROGUE,
        modality=Modality.VISION,
        sequence=number,
        captured_at=time.time_ns(),
        published_at=time.time_ns(),
        monotonic=time.monotonic(),
        shape=(1024,),
        epoch="rogue",
    )
    return Percept(header, embedding)


def _corrupted(frames: list[bytes], chance: random.Random) -> list[bytes]:
    place = chance.randrange(1, len(frames))
    frame = bytearray(frames[place])
    for _ in range(8):
        frame[chance.randrange(len(frame))] = chance.randrange(256)
    return [*frames[:place], bytes(frame[: chance.randrange(1, len(frame))]), *frames[place + 1 :]]


@contextmanager
def stopped_subscriber(endpoints: Sequence[str]) -> Iterator[None]:
    """Have another process listen, and stop it with SIGSTOP."""
    command = [sys.executable, "-c", _SLEEPER, *endpoints]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            process.stdout.readline()
            os.kill(process.pid, signal.SIGSTOP)
            yield
        finally:
            process.kill()
