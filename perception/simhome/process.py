"""What runs inside the SimHome process: a loop that lets time pass and keeps its promises."""

from __future__ import annotations

import json
import math
import os
import signal
import socket as sockets
import sys
import threading
import time
import uuid
from collections import deque
from collections.abc import Callable
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Self

import numpy as np
import zmq

from sensebind.errors import ConfigurationError, SenseBindError, is_passing
from sensebind.perception.simhome.devices import DeviceState
from sensebind.perception.simhome.home import SimHome
from sensebind.perception.simhome.lidar import COLUMNS
from sensebind.perception.simhome.loopback import bind, listen
from sensebind.perception.simhome.options import SimHomeOptions, load_options
from sensebind.perception.simhome.robot import Robot
from sensebind.perception.simhome.synthesis import RATE
from sensebind.perception.simhome.wheels import Wheels
from sensebind.perception.simhome.wire import CHUNK_SECONDS, encode_sample, topic
from sensebind.perception.simhome.world import World

_BACKLOG = 24  # chunks that a new listener gets at once: 2 s that end at any multiple of 0.5 s
_LAG = 0.5  # seconds behind the clock after which time is let go instead of caught up with


def main(arguments: list[str]) -> int:
    """Run `python -m sensebind.perception.simhome.process CONTROL_FD`.

    The options come over the control socket, as one line of JSON; the answer is another, with the
    addresses when all of them serve, or an error. The sensors are the first: they send before that.
    The process ends when the other end of the socket is closed.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, who then stops us
    descriptor = int(arguments[0])
    os.set_inheritable(descriptor, False)
    with sockets.socket(fileno=descriptor) as control:

        def answer(fields: dict[str, str]) -> None:
            with suppress(ConnectionError):  # the parent has gone meanwhile
                control.sendall(json.dumps(fields).encode() + b"\n")

        with control.makefile("rb") as lines:
            line = lines.readline()
        if not line:
            return 0  # likewise
        try:
            _serve(load_options(line), control, answer)
        except SenseBindError as error:
            answer({"error": str(error), "passing": "yes" if is_passing(error) else ""})
            return 1
        return 0


def _serve(
    options: SimHomeOptions, control: sockets.socket, answer: Callable[[dict[str, str]], None]
) -> None:
    columns = options.lidar_columns or COLUMNS
    with ExitStack() as stack:
        home = stack.enter_context(
            SimHome(options.scene, lidar_columns=columns, camera=options.camera)
        )
        # The robot's geometry is its own: it moves in its own thread, while the camera renders.
        home.robot = Robot(World(home.scene))
        wheels = stack.enter_context(Wheels(home.robot, Path(options.robot_path)))
        loop = _Loop(home, options)
        stack.callback(loop.close)
        addresses = {"sensors": loop.sensors, "robot": wheels.address}
        house = _House(home.devices, options.house_port, lambda told: answer(addresses | told))
        stack.enter_context(house)
        signal.signal(signal.SIGTERM, lambda *_: loop.stop())
        loop.run(control.fileno(), began=house.open)


class _House:
    """The house API, whose libraries are imported when the sensors run: until then callers wait.

    Args:
        devices: What it acts on.
        port: Where it listens.
        tell: Called in its thread when it serves, with its address, or with an error.
    """

    def __init__(
        self, devices: DeviceState, port: int, tell: Callable[[dict[str, str]], None]
    ) -> None:
        self._devices = devices
        self._tell = tell
        self._listener = listen(port)
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="house", daemon=True)

    def open(self) -> None:
        """Begin to serve, in a thread."""
        self._thread.start()

    def _run(self) -> None:
        try:
            from sensebind.perception.simhome.house_api import HouseServer

            with HouseServer(self._devices, self._listener) as server:
                self._tell({"house": server.address})
                self._ended.wait()
        except (ImportError, SenseBindError) as error:
            self._tell({"error": str(error)})

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        if self._thread.ident is not None:  # else it was never begun
            self._thread.join()
        self._listener.close()


class _Loop:
    """The sensors, in one thread; wheels and house API have their own."""

    def __init__(self, home: SimHome, options: SimHomeOptions) -> None:
        self._home = home
        self._stopping = False
        self._epoch = uuid.uuid4().hex[:12]
        self._context = zmq.Context()
        self._publisher = self._context.socket(zmq.XPUB)
        self._publisher.setsockopt(zmq.XPUB_VERBOSE, 1)  # every new listener is announced
        self._publisher.setsockopt(zmq.SNDHWM, 20)
        try:
            self.sensors = bind(self._publisher, options.sensor_port)
        except ConfigurationError:
            self.close()
            raise
        self._images = 0
        self._sweeps = 0
        # Sound has no beginning: the first listener gets what was heard before time zero.
        self._chunks = deque(np.split(home.microphone(_BACKLOG * CHUNK_SECONDS), _BACKLOG))
        self._next_chunk = _BACKLOG
        self._heard_at = _now()
        self._promises = [
            _Promise(CHUNK_SECONDS, self._pass_time),
            _Promise(1 / options.camera_rate, self._look),
            _Promise(1 / options.lidar_rate, self._scan),
        ]

    def run(self, control: int, began: Callable[[], None]) -> None:
        """Works until `stop` is called or the other end of `control` is closed.

        Args:
            control: File descriptor of a socket.
            began: Called when every sensor has given its first sample.
        """
        poller = zmq.Poller()
        for readable in (self._publisher, control):
            poller.register(readable, zmq.POLLIN)
        for promise in self._promises:
            promise.keep()
        began()
        while not self._stopping:
            due = min(promise.due for promise in self._promises)
            wait = max(due - time.monotonic(), 0.0)
            ready = dict(poller.poll(math.ceil(wait * 1000)))
            if control in ready:
                return
            if self._publisher in ready:
                self._welcome(self._publisher.recv())
            for promise in self._promises:
                promise.keep()

    def stop(self) -> None:
        """Lets `run` return soon; for signal handlers."""
        self._stopping = True

    def close(self) -> None:
        """Closes the sockets."""
        self._context.destroy(linger=0)

    # --- sensors ---

    def _pass_time(self) -> None:
        self._home.step(CHUNK_SECONDS)
        self._chunks.append(self._home.microphone(CHUNK_SECONDS))
        self._chunks.popleft()
        self._heard_at = _now()
        self._publish_sound(1)

    def _look(self) -> None:
        at = _now()
        self._publish("camera", self._images, at, "camera_optical", self._home.camera())
        self._images += 1

    def _scan(self) -> None:
        at = _now()
        self._publish("lidar", self._sweeps, at, "lidar", self._home.lidar())
        self._sweeps += 1

    def _publish_sound(self, chunks: int) -> None:
        """Publishes the newest `chunks` chunks as one message."""
        if chunks == 1:
            self._next_chunk += 1
        data = np.concatenate(list(self._chunks)[-chunks:])
        self._publish(
            "microphone", self._next_chunk - chunks, self._heard_at, "microphone", data, RATE
        )

    def _publish(
        self,
        stream: str,
        sequence: int,
        at: tuple[int, float],
        frame_id: str,
        data: np.ndarray,
        rate: int = 0,
    ) -> None:
        header = {
            "stream": stream,
            "sequence": sequence,
            "captured_at": at[0],
            "monotonic": at[1],
            "frame_id": frame_id,
            "rate": rate,
            "chunk": round(rate * CHUNK_SECONDS),
            "epoch": self._epoch,
        }
        self._publisher.send_multipart(encode_sample(header, data))

    def _welcome(self, message: bytes) -> None:
        """Gives a new listener to the microphone the last two seconds, not to wait for them."""
        if message == b"\x01" + topic("microphone"):
            self._publish_sound(_BACKLOG)


class _Promise:
    """Something that is done at a fixed rate; after a long stall the missed times are let go."""

    def __init__(self, interval: float, action: Callable[[], None]) -> None:
        self._interval = interval
        self._action = action
        self.due = time.monotonic()

    def keep(self) -> None:
        """Acts if it is due."""
        now = time.monotonic()
        if now < self.due:
            return
        self.due = self.due + self._interval if now - self.due < _LAG else now + self._interval
        self._action()


def _now() -> tuple[int, float]:
    """This moment as wall clock in ns and monotonic clock in s."""
    return time.time_ns(), time.monotonic()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
